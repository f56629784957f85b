#!/usr/bin/env python3
"""The verbs of a cluster as a shell sees them, against three brokers.

Usage: cluster_command_line_test.py RAFTMQ [unittest arguments]
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

RAFTMQ = os.path.abspath(sys.argv.pop(1))
DEADLINE_SECONDS = 60
NODES = (1, 2, 3)


def run(*arguments, stdin=b""):
    """Runs the tool; answers (exit code, stdout, stderr), the last two as text."""
    done = subprocess.run([RAFTMQ, *arguments], input=stdin, capture_output=True, timeout=DEADLINE_SECONDS,
                          check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Cluster(unittest.TestCase):
    """Three brokers for the class; a test leaves all of them running."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.dir = os.path.join(cls.scratch.name, "cluster")
        code, out, err = run("local", "up", "-n", "3", "--dir", cls.dir)
        assert code == 0, err
        cls.brokers = out.strip().removeprefix("brokers=")
        code, out, err = run("--brokers", cls.brokers, "cluster", "health", "--wait", "--timeout", "30s")
        assert code == 0, out + err

    @classmethod
    def tearDownClass(cls):
        run("local", "down", "--dir", cls.dir)
        cls.scratch.cleanup()

    def setUp(self):
        self.addCleanup(self.ok, "cluster", "health", "--wait", "--timeout", "30s")  # The last one.

    def tool(self, *arguments, stdin=b""):
        return run("--brokers", self.brokers, *arguments, stdin=stdin)

    def ok(self, *arguments, stdin=b""):
        code, out, err = self.tool(*arguments, stdin=stdin)
        self.assertEqual(code, 0, out + err)
        return out

    def fails(self, expected_code, *arguments, saying=()):
        code, out, err = self.tool(*arguments)
        self.assertEqual(code, expected_code, out + err)
        for words in saying:
            self.assertIn(words, err)

    def read(self, *arguments):
        return json.loads(self.ok(*arguments, "--format", "json"))

    def local(self, verb, node):
        self.ok("local", verb, str(node), "--dir", self.dir)

    def away(self, verb, node):
        """Takes a node away until the end of the test."""
        self.local(verb, node)
        self.addCleanup(self.local, "start", node)

    def status(self):
        return json.loads(self.ok("local", "status", "--dir", self.dir, "--format", "json"))

    def topic(self, *arguments):
        name = self.id().rsplit(".", 1)[-1].replace("_", "-")
        self.ok("topic", "create", name, *arguments)
        self.ok("cluster", "health", "--wait", "--timeout", "30s")
        return name

    def leader(self, topic):
        return self.read("partition", "list", topic)[0]["leader"]

    def test_leadership_goes_where_it_is_sent(self):
        topic = self.topic()
        for node in NODES:
            self.assertEqual(self.ok("partition", "transfer-leader", f"{topic}/0:{node}"),
                             f"{topic}/0 is led by node {node}\n")
            self.assertEqual(self.leader(topic), node)
        self.assertEqual(self.read("partition", "transfer-leader", f"{topic}/0:3"),
                         {"topic": topic, "partition": 0, "leader": 3})

    def test_a_wrong_target_is_answered_with_the_right_ones(self):
        topic = self.topic("-r", "1")
        holder = self.leader(topic)
        other = holder % 3 + 1
        verb = ("partition", "transfer-leader")
        code, _, err = run("partition", "move")
        self.assertEqual(code, 2)
        self.assertIn("expected list, transfer-leader, accept-loss, found 'move'", err)
        self.fails(2, *verb, topic, saying=["TOPIC/PARTITION:NODE"])
        self.fails(2, *verb, f"{topic}/0:two", saying=["TOPIC/PARTITION:NODE", "two"])
        self.fails(4, *verb, f"{topic[:-1]}x/0:1", saying=["not found", "did you mean"])
        self.fails(4, *verb, f"{topic}/7:1", saying=["7"])
        self.fails(2, *verb, f"{topic}/0:9", saying=["there is no node 9", "1, 2, 3"])
        self.fails(2, *verb, f"{topic}/0:{other}", saying=[f"node {other} holds no replica", str(holder)])

    def test_a_scrub_reads_all_nodes_or_one(self):
        topic = self.topic()
        self.ok("produce", topic, stdin=b"one\n")
        out = self.ok("scrub", "start", "--wait", "--timeout", "60s")
        self.assertIn("LAST FULL PASS", out)
        nodes = {node["node"]: node for node in self.read("scrub", "status")}
        self.assertEqual(set(nodes), set(NODES))
        for node in nodes.values():
            self.assertEqual(node["state"], "idle")
            self.assertEqual(node["progress_percent"], 100)
            self.assertGreaterEqual(node["passes"], 1)
            self.assertIsNotNone(node["last_full_pass_ended_ms"])
            self.assertEqual((node["damage_open"], node["damage"]), (0, []))
        self.ok("scrub", "start", "--node", "2", "--wait", "--timeout", "60s")
        again = {node["node"]: node for node in self.read("scrub", "status")}
        self.assertGreater(again[2]["passes"], nodes[2]["passes"])
        self.assertEqual(again[1]["passes"], nodes[1]["passes"])
        self.assertEqual([node["node"] for node in self.read("scrub", "status", "--node", "3")], [3])
        self.fails(2, "scrub", "status", "--node", "9", saying=["there is no node 9", "1, 2, 3"])

    def test_a_node_that_does_not_answer_is_no_healthy_one(self):
        self.away("pause", 3)
        code, out, err = self.tool("scrub", "status")
        self.assertEqual(code, 5, out + err)
        self.assertIn("node 3 does not answer", err)
        self.fails(3, "scrub", "start", saying=["node 3"])

    def test_a_frozen_replica_does_not_take_over(self):
        topic = self.topic()
        self.ok("partition", "transfer-leader", f"{topic}/0:1")
        self.away("pause", 2)
        self.fails(3, "partition", "transfer-leader", f"{topic}/0:2", saying=["node 2 did not take", "leads on"])
        self.assertEqual(self.leader(topic), 1)

    def test_every_replica_reads_what_was_acked_before(self):
        topic = self.topic()
        for number in range(5):
            self.ok("produce", topic, stdin=f"{number}\n".encode())
            for node in NODES:
                read = self.ok("consume", topic, "-e", "--linearizable", "--replica", str(node))
                self.assertEqual(read.split(), [str(n) for n in range(number + 1)])

    def test_a_linearizable_read_fails_without_a_majority(self):
        topic = self.topic()
        self.ok("produce", topic, stdin=b"word\n")
        self.away("kill", 2)
        self.away("kill", 3)
        began = time.monotonic()
        self.fails(3, "consume", topic, "-e", "--linearizable", "--replica", "1", "--timeout", "3s",
                   saying=["cannot consume", "majority"])
        self.assertLess(time.monotonic() - began, 10)

    def test_replicas_are_listed_as_each_of_them_sees_itself(self):
        topic = self.topic("-p", "3")
        self.ok("produce", topic, "-p", "0", stdin=b"a\nb\n")
        self.ok("consume", topic, "-e", "--linearizable", "--replica", "1")
        self.ok("consume", topic, "-e", "--linearizable", "--replica", "2")
        self.ok("consume", topic, "-e", "--linearizable", "--replica", "3")
        for partition in self.read("partition", "list", topic):
            expected = 2 if partition["partition"] == 0 else 0
            self.assertEqual([replica["node"] for replica in partition["replicas"]].count(partition["leader"]), 1)
            for replica in partition["replicas"]:
                self.assertEqual((replica["end"], replica["commit"]), (expected, expected), partition)
                self.assertIsNotNone(replica["durable"])

    def test_a_frozen_broker_is_marked_and_holds_up_nobody(self):
        topic = self.topic()
        self.ok("partition", "transfer-leader", f"{topic}/0:1")
        self.away("pause", 3)
        began = time.monotonic()
        code, out, err = self.tool("partition", "list", topic)
        self.assertLess(time.monotonic() - began, 8)
        self.assertEqual(code, 0, err)
        self.assertIn("3?", out)
        self.assertRegex(err, r"node 3 \(127\.0\.0\.1:\d+\) does not answer")
        rows = {replica["node"]: replica for replica in self.read("partition", "list", topic)[0]["replicas"]}
        self.assertEqual([rows[3][name] for name in ("end", "commit", "durable")], [None] * 3)
        self.assertIsNotNone(rows[1]["durable"])
        self.assertIn("3?", self.ok("topic", "describe", topic))

    def test_health_needs_every_node_and_waits_for_it(self):
        self.assertEqual(self.read("cluster", "health")["nodes"], 3)
        self.local("kill", 2)
        self.addCleanup(self.local, "start", 2)
        code, out, _ = self.tool("cluster", "health", "--wait", "--timeout", "3s")
        self.assertEqual(code, 5)
        self.assertIn("2 of 3 nodes answer", out)
        self.assertRegex(out, r"node 2 \(127\.0\.0\.1:\d+\) does not answer")
        with subprocess.Popen([RAFTMQ, "--brokers", self.brokers, "cluster", "health", "--wait", "--timeout", "50s",
                               "--format", "json"], stdout=subprocess.PIPE) as waiting:
            self.local("start", 2)
            health = json.loads(waiting.stdout.read())
            self.assertEqual(waiting.wait(DEADLINE_SECONDS), 0)
        self.assertEqual((health["healthy"], health["nodes"], health["nodes_expected"]), (True, 3, 3))
        self.assertIn(health["metadata_leader"], NODES)

    def test_a_node_that_lost_its_directory_is_replaced(self):
        topic = self.topic("-p", "3")
        self.ok("produce", topic, stdin=b"".join(b"message %d\n" % i for i in range(1000)))
        code, _, err = self.tool("node", "replace", "3", "--yes")
        self.assertNotEqual(code, 0)
        self.assertIn("stop it first", err)
        code, _, err = self.tool("node", "replace", "3")
        self.assertEqual(code, 2)
        self.assertIn("--yes", err)
        self.local("kill", 3)
        shutil.rmtree(next(broker["data"] for broker in self.status() if broker["node"] == 3))
        self.local("start", 3)
        code, _, _ = self.tool("cluster", "health")
        self.assertEqual(code, 5)
        replaced = self.read("node", "replace", "3", "--yes", "--wait", "--timeout", "50s")
        self.assertEqual((replaced["node"], replaced["lost_replicas"], replaced["joining_replicas"]), (3, 0, 0))
        self.assertEqual(self.read("cluster", "health")["lost_replicas"], 0)
        self.assertEqual(self.ok("consume", topic, "-e", "--replica", "3", "--linearizable").count("\n"), 1000)

    def test_verify_compares_the_replicas_of_stopped_brokers(self):
        topic = self.topic("-p", "2")
        self.ok("produce", topic, stdin=b"".join(b"message %d\n" % i for i in range(1000)))
        data = [broker["data"] for broker in self.status()]
        topic_id = self.read("topic", "describe", topic)["id"]
        for node in NODES:
            self.away("stop", node)
        out = self.ok("log", "verify", *data)
        for directory in data:
            self.assertIn(f"{directory}: whole: node ", out)
        for partition in (0, 1):
            self.assertRegex(out, rf"{topic_id}-{partition}: 3 replicas hold the same in [1-9]\d* entries")
        lines = [json.loads(line) for line in self.ok("log", "verify", *data, "--format", "json").splitlines()]
        compared = [line for line in lines if "compared_entries" in line and line["group"].startswith(topic_id)]
        self.assertEqual([(line["replicas"], line["difference"]) for line in compared], [(3, None)] * 2)
        self.assertEqual([line["damage"] for line in lines if line.get("damage")], [])

    def test_verify_names_a_lost_replica_and_a_damaged_manifest(self):
        topic = self.topic()
        data = self.status()[0]["data"]
        self.away("stop", 1)
        copy = os.path.join(self.scratch.name, "copy")
        shutil.copytree(data, copy)
        self.addCleanup(shutil.rmtree, copy)
        topic_id = self.read("topic", "describe", topic)["id"]
        shutil.rmtree(os.path.join(copy, "partitions", topic_id + "-0"))
        with open(os.path.join(copy, "manifest.copy"), "r+b") as file:
            file.seek(30)
            file.write(b"x")
        code, out, err = self.tool("log", "verify", copy)
        self.assertEqual(code, 1, out + err)
        self.assertIn(f"{topic_id}-0 is lost: replica", out)
        self.assertIn("manifest.copy is damaged", out)


if __name__ == "__main__":
    unittest.main(verbosity=2)
