#!/usr/bin/env python3
"""The tool as a shell sees it: fixed forms, exit codes, what a wrong word is answered with.

Usage: command_line_test.py RAFTMQ [unittest arguments]
Starts its own broker on free loopback ports, in a temporary directory.
"""
import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

RAFTMQ = os.path.abspath(sys.argv.pop(1))
DEADLINE_SECONDS = 60
MEMORY_BYTES = 64 << 20  # What a producer holds of unacked messages.


def run(*arguments, stdin=b"", env=None, cwd=None):
    """Runs the tool; answers (exit code, stdout, stderr), the last two as text."""
    done = subprocess.run([RAFTMQ, *arguments], input=stdin, capture_output=True, timeout=DEADLINE_SECONDS,
                          env={**os.environ, **(env or {})}, cwd=cwd, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class WithBroker(unittest.TestCase):
    """One broker for the class; each test has topics of its own."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.dir = os.path.join(cls.scratch.name, "cluster")
        code, out, err = run("local", "up", "-n", "1", "--dir", cls.dir)
        assert code == 0, err
        assert out.startswith("brokers="), out
        cls.brokers = out.strip().removeprefix("brokers=")

    @classmethod
    def tearDownClass(cls):
        run("local", "down", "--dir", cls.dir)
        cls.scratch.cleanup()

    def topic(self, *arguments):
        name = self.id().rsplit(".", 1)[-1].replace("_", "-")
        self.ok("topic", "create", name, *arguments)
        return name

    def tool(self, *arguments, stdin=b""):
        return run("--brokers", self.brokers, *arguments, stdin=stdin)

    def ok(self, *arguments, stdin=b""):
        code, out, err = self.tool(*arguments, stdin=stdin)
        self.assertEqual(code, 0, err)
        return out

    def fails(self, expected_code, *arguments, stdin=b"", saying=()):
        code, out, err = self.tool(*arguments, stdin=stdin)
        self.assertEqual(code, expected_code, out + err)
        for words in saying:
            self.assertIn(words, err)
        return err

    def status(self):
        return json.loads(self.ok("local", "status", "--dir", self.dir, "--format", "json"))


class Produce(WithBroker):
    def test_a_line_is_a_record_an_empty_one_too_and_the_last_without_newline(self):
        topic = self.topic()
        self.assertEqual(self.ok("produce", topic, "-v", stdin=b"a\n\nlast"), "0@0\n0@1\n0@2\n")
        self.assertEqual(self.ok("consume", topic, "-e"), "a\n\nlast\n")

    def test_the_key_ends_at_the_first_separator_and_may_be_absent(self):
        topic = self.topic()
        self.ok("produce", topic, "-K", ":", stdin=b"k:v:w\nno separator\n:empty key\n")
        lines = [json.loads(line) for line in self.ok("consume", topic, "-e", "--json").splitlines()]
        self.assertEqual([(line["key"], line["value"]) for line in lines],
                         [("k", "v:w"), (None, "no separator"), ("", "empty key")])

    def test_a_pipe_that_stays_open_is_served_at_once(self):
        topic = self.topic()
        with subprocess.Popen([RAFTMQ, "--brokers", self.brokers, "produce", topic, "-v"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as producer:
            for number in range(3):
                producer.stdin.write(b"line\n")
                producer.stdin.flush()
                self.assertEqual(producer.stdout.readline(), f"0@{number}\n".encode())
            producer.stdin.close()
            self.assertEqual(producer.wait(DEADLINE_SECONDS), 0)

    def test_receipts_come_in_input_order_over_all_partitions(self):
        topic = self.topic("-p", "5")
        keys = [f"key{number % 17}" for number in range(5000)]
        receipts = self.ok("produce", topic, "-K", ":", "-v",
                           stdin="".join(f"{key}:{n}\n" for n, key in enumerate(keys)).encode()).splitlines()
        self.assertEqual(len(receipts), len(keys))
        where = {}
        for line in self.ok("consume", topic, "-e", "-f", r"%p@%o %v\n").splitlines():
            receipt, value = line.split(" ")
            where[int(value)] = receipt
        self.assertEqual([where[n] for n in range(len(keys))], receipts)

    def test_headers_codecs_and_a_whole_file(self):
        topic = self.topic()
        blob = bytes(range(256)) * 40
        path = os.path.join(self.scratch.name, "blob")
        with open(path, "wb") as file:
            file.write(blob)
        self.ok("produce", topic, "-H", "trace=7", "-z", "zstd", "--file", path)
        self.ok("produce", topic, "-z", "lz4", stdin=b"x" * 10000)
        first, second = [json.loads(line) for line in self.ok("consume", topic, "-e", "--json").splitlines()]
        self.assertEqual(base64.b64decode(first["value_base64"]), blob)
        self.assertEqual(first["headers"], [{"name": "trace", "value": "7"}])
        self.assertEqual(second["value"], "x" * 10000)

    def test_a_file_that_cannot_be_read_whole_is_not_sent(self):
        topic = self.topic()
        self.fails(1, "produce", topic, "--file", self.scratch.name, saying=[self.scratch.name, "directory"])
        self.fails(1, "produce", topic, "--file", "/dev/zero", saying=["/dev/zero", "at most"])
        self.fails(4, "produce", topic, "--file", self.scratch.name + "-absent", saying=["-absent"])
        self.assertEqual(self.ok("consume", topic, "-e"), "")

    def pause(self):
        self.ok("local", "pause", "1", "--dir", self.dir)
        self.addCleanup(self.ok, "local", "start", "1", "--dir", self.dir)

    def producing(self, topic):
        """A producer that has sent one record already."""
        producer = subprocess.Popen([RAFTMQ, "--brokers", self.brokers, "produce", topic, "-v"], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(producer.kill)
        producer.stdin.write(b"first\n")
        producer.stdin.flush()
        self.assertEqual(producer.stdout.readline(), b"0@0\n")
        return producer

    def assert_it_ends_interrupted(self, producer):
        """Well before the delivery timeout of two minutes, and it says how much was not acked."""
        out, err = producer.communicate(timeout=DEADLINE_SECONDS)
        self.assertEqual(producer.returncode, 130, err)
        self.assertRegex(err.decode(), r"^raftmq: interrupted: [1-9]\d* of \d+ records were not acknowledged\n$")
        self.assertEqual(set(out.splitlines()), {b"-"})

    def is_ended_while_frozen_by(self, signal_number, ends_input):
        with self.producing(self.topic()) as producer:
            self.pause()
            # More than a pipe and a read hold: some of it is sent when this returns.
            producer.stdin.write(b"some words\n" * 100_000)
            producer.stdin.flush()
            if ends_input:
                producer.stdin.close()
                producer.stdin = None
            producer.send_signal(signal_number)
            self.assert_it_ends_interrupted(producer)

    def test_ctrl_c_ends_it_while_the_broker_is_frozen(self):
        self.is_ended_while_frozen_by(signal.SIGINT, ends_input=False)

    def test_term_ends_its_wait_for_a_frozen_broker(self):
        self.is_ended_while_frozen_by(signal.SIGTERM, ends_input=True)

    def test_an_interrupt_wakes_a_send_that_waits_for_memory(self):
        with self.producing(self.topic()) as producer:
            self.pause()
            memory_is_full = threading.Event()
            line = b"x" * 99_999 + b"\n"

            def flood():
                for number in range(2 * MEMORY_BYTES // len(line)):
                    if number == MEMORY_BYTES // len(line):
                        memory_is_full.set()
                    try:
                        os.write(pipe, line)
                    except BrokenPipeError:
                        return

            pipe = os.dup(producer.stdin.fileno())
            writer = threading.Thread(target=flood)
            writer.start()
            self.assertTrue(memory_is_full.wait(DEADLINE_SECONDS))
            producer.send_signal(signal.SIGINT)
            self.assert_it_ends_interrupted(producer)
            writer.join()
            os.close(pipe)

    def test_an_interrupt_ends_it_while_it_is_still_connecting(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = "{}:{}".format(*silent.getsockname())
            for verb in (["produce", "t"], ["consume", "t"], ["topic", "list"], ["cluster", "health", "--wait"]):
                with self.subTest(verb=verb), subprocess.Popen(
                        [RAFTMQ, "--brokers", address, "--timeout", "600s", *verb], stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tool:
                    connection, _ = silent.accept()
                    with connection:  # Closed, it would end the tool before the signal does.
                        connection.recv(1)  # It waits for an answer now.
                        tool.send_signal(signal.SIGINT)
                        self.assertEqual(tool.wait(DEADLINE_SECONDS), 130)

    def test_wrong_words_are_answered_with_the_right_ones(self):
        topic = self.topic()
        self.fails(4, "produce", topic[:-1] + "z", stdin=b"x\n", saying=["not found", "did you mean"])
        self.fails(4, "produce", topic, "-p", "9", stdin=b"x\n", saying=["9"])
        self.fails(2, "produce", topic, "-z", "gzip", stdin=b"x\n", saying=["gzip", "zstd"])
        self.fails(2, "produce", topic, "--acks", "all", stdin=b"x\n", saying=["all", "quorum"])
        self.fails(2, "produce", topic, "--linger", "soon", stdin=b"x\n", saying=["soon"])
        self.fails(2, "produce", topic, "-H", "nothing", stdin=b"x\n", saying=["nothing"])

    def test_unacked_records_make_it_exit_1(self):
        topic = self.topic("-c", "max.message.bytes=100000")
        self.fails(1, "produce", topic, stdin=b"x" * 2_000_000 + b"\n", saying=["1 of 1 records were not acknowledged", "limit"])


class Consume(WithBroker):
    def test_offsets_count_from_the_start_the_end_and_by_time(self):
        topic = self.topic("-p", "2")
        for partition in "01":
            self.ok("produce", topic, "-p", partition, stdin="".join(f"{n}\n" for n in range(10)).encode())
        for start, expected in {"start": 20, "7": 6, "-4": 8, "end": 0, "-1h": 20, "@2020-01-01T00:00:00Z": 20,
                                "@2200-01-01T00:00:00Z": 0}.items():
            with self.subTest(start=start):
                self.assertEqual(len(self.ok("consume", topic, "-e", "-o", start).splitlines()), expected)
        self.assertEqual(len(self.ok("consume", topic, "-n", "3").splitlines()), 3)
        self.assertEqual(self.ok("consume", topic, "-p", "1", "-o", "8", "-e", "-f", r"%t/%p@%o %k %v\n"),
                         f"{topic}/1@8  8\n{topic}/1@9  9\n")
        self.fails(2, "consume", topic, "-o", "yesterday", saying=["yesterday", "start"])
        self.fails(2, "consume", topic, "-f", "%y", saying=["%y"])
        self.fails(4, "consume", topic, "-p", "5", saying=["5"])

    def test_a_start_beyond_the_end_fails_with_and_without_an_end(self):
        topic = self.topic("-p", "2")
        self.ok("produce", topic, "-p", "0", stdin=b"a\nb\n")
        for end in ([], ["-e"]):
            with self.subTest(end=end):
                self.fails(1, "consume", topic, "-o", "1000", *end, saying=["OFFSET_BEYOND_END", "1000", "cannot consume"])
                self.fails(1, "consume", topic, "-p", "0", "-o", "3", *end, saying=["OFFSET_BEYOND_END", "the end 2"])
        self.assertEqual(self.ok("consume", topic, "-p", "0", "-o", "2", "-e"), "")
        self.fails(1, "consume", topic, "-o", "2", "-e", saying=["the end 0 of partition 1"])

    def test_json_names_what_is_null_and_what_is_not_text(self):
        topic = self.topic()
        self.ok("produce", topic, stdin=b"\xff\xfe\n\"quoted\"\n")
        first, second = [json.loads(line) for line in self.ok("consume", topic, "-e", "--json").splitlines()]
        self.assertEqual((first["topic"], first["partition"], first["offset"], first["key"]), (topic, 0, 0, None))
        self.assertEqual(base64.b64decode(first["value_base64"]), b"\xff\xfe")
        self.assertEqual(second["value"], '"quoted"')
        self.assertGreater(second["timestamp_ms"], 1_600_000_000_000)

    def test_a_reader_that_leaves_ends_it_quietly(self):
        topic = self.topic()
        self.ok("produce", topic, stdin=b"some text that fills a pipe\n" * 50_000)
        with subprocess.Popen([RAFTMQ, "--brokers", self.brokers, "consume", topic], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as consumer:
            consumer.stdout.readline()
            consumer.stdout.close()
            self.assertEqual(consumer.wait(DEADLINE_SECONDS), 0)
            self.assertEqual(consumer.stderr.read(), b"")

    def test_it_waits_for_new_messages_until_its_timeout_or_ctrl_c(self):
        topic = self.topic()
        with subprocess.Popen([RAFTMQ, "--brokers", self.brokers, "consume", topic], stdout=subprocess.PIPE) as consumer:
            for word in (b"one\n", b"two\n"):
                self.ok("produce", topic, stdin=word)
                self.assertEqual(consumer.stdout.readline(), word)
            consumer.send_signal(signal.SIGINT)
            self.assertEqual(consumer.wait(DEADLINE_SECONDS), 130)
        self.assertEqual(self.ok("consume", topic, "--timeout", "1s"), "one\ntwo\n")
        self.fails(3, "consume", topic, "-n", "3", "--timeout", "1s", saying=["no message came"])


class Topics(WithBroker):
    def test_create_list_describe_delete(self):
        topic = self.topic("-p", "3", "-c", "retention.ms=60000")
        self.assertIn(topic, [entry["name"] for entry in json.loads(self.ok("topic", "list", "--format", "json"))])
        described = json.loads(self.ok("--format", "json", "topic", "describe", topic))
        self.assertEqual(len(described["partitions"]), 3)
        self.fails(1, "topic", "create", topic, saying=["already"])
        self.fails(2, "topic", "delete", topic, saying=["--yes"])
        self.ok("topic", "delete", topic, "--yes")
        self.fails(4, "topic", "describe", topic, saying=["not found"])

    def test_bad_names_settings_and_numbers_are_refused_by_name(self):
        self.fails(2, "topic", "create", "a/b", saying=["a/b"])
        self.fails(2, "topic", "create", "t", "-p", "0", saying=["0"])
        self.fails(2, "topic", "create", "t", "-p", "many", saying=["many"])
        self.fails(2, "topic", "create", "t", "-c", "retention.m=1", saying=["retention.m", "retention.ms"])
        self.fails(2, "topic", "create", "t", "-c", "retention.ms", saying=["KEY=VALUE"])
        self.fails(2, "topic", "create", "t", "-c", "retention.ms=soon", saying=["soon"])

    def test_trim_removes_what_is_below(self):
        topic = self.topic()
        self.ok("produce", topic, stdin=b"a\nb\nc\n")
        self.fails(2, "topic", "trim", f"{topic}/0", "--to", "2", saying=["--yes"])
        self.ok("topic", "trim", f"{topic}/0", "--to", "2", "--yes")
        self.assertEqual(self.ok("consume", topic, "-e"), "c\n")
        self.fails(2, "topic", "trim", topic, "--to", "2", "--yes", saying=["TOPIC/PARTITION"])
        self.fails(1, "topic", "trim", f"{topic}/0", "--to", "4", "--yes", saying=["4"])

    def test_accept_loss_is_no_trim(self):
        topic = self.topic()
        self.ok("produce", topic, stdin=b"a\nb\nc\n")
        verb = ("partition", "accept-loss")
        self.fails(2, *verb, f"{topic}/0", "--to", "2", saying=["--yes"])
        self.fails(2, *verb, f"{topic}/0", "--to", "2", "--yes", saying=["INVALID_ARGUMENT", "topic trim"])
        self.fails(2, *verb, topic, "--to", "2", "--yes", saying=["TOPIC/PARTITION"])
        self.fails(4, *verb, f"{topic}/1", "--to", "2", "--yes", saying=["partition"])
        self.fails(1, *verb, f"{topic}/0", "--to", "4", "--yes", saying=["4"])
        self.assertEqual(self.ok("consume", topic, "-e"), "a\nb\nc\n")

    def test_partition_list_has_the_fixed_shape(self):
        topic = self.topic("-p", "2")
        self.ok("produce", topic, "-p", "1", stdin=b"a\nb\n")
        rows = json.loads(self.ok("partition", "list", topic, "--format", "json"))
        self.assertEqual([row["partition"] for row in rows], [0, 1])
        self.assertEqual(set(rows[1]), {"topic", "partition", "leader", "term", "log_start", "end", "replicas"})
        self.assertEqual((rows[1]["leader"], rows[1]["log_start"], rows[1]["end"]), (1, 0, 2))
        replica = rows[1]["replicas"][0]
        self.assertEqual(set(replica), {"node", "role", "end", "commit", "durable"})
        self.assertEqual((replica["node"], replica["role"], replica["end"]), (1, "leader", 2))


class Bench(WithBroker):
    def test_json_has_the_fixed_keys(self):
        topic = self.topic()
        as_produce = ["--size", "100", "--rate", "500", "--batch", "64KiB", "--clients", "1", "--acks", "quorum", "-z", "lz4"]
        for verb, options in {"produce": as_produce, "latency": [], "consume": as_produce}.items():
            with self.subTest(verb=verb):
                result = json.loads(self.ok("bench", verb, topic, "--duration", "1s", "--no-progress", "--format", "json",
                                            *options))
                self.assertGreater(result["records"], 0)
                self.assertEqual(result["errors"], 0)
                self.assertLessEqual({"seconds", "bytes_per_second", "records_per_second", "latency_us"}, set(result))
                latency = result["latency_us"]
                self.assertEqual(set(latency), {"p50", "p99", "p999", "max"})
                is_measured = {value is not None for value in latency.values()}
                self.assertEqual(is_measured, {verb != "consume"}, latency)

    def test_consume_says_what_it_ignores(self):
        before, _, ignored = self.ok("bench", "consume", "--help").partition("and ignored")
        for option in ("--size", "--rate", "--batch"):
            self.assertNotIn(option, before)
            self.assertIn(option, ignored)
        for option in ("--duration", "--clients"):
            self.assertIn(option, before)

    def test_sizes_that_no_message_can_have_are_refused_with_the_range(self):
        for option in ("--size", "--batch"):
            for found in ("99999999999", "67108865", "-1", "much"):
                with self.subTest(option=option, found=found):
                    self.fails(2, "bench", "produce", "any", option, found, saying=[option, found, "expected a size"])
        self.fails(2, "bench", "latency", "any", "--size", "65MiB", saying=["--size", "0B to 64MiB"])
        self.fails(2, "bench", "produce", "any", "--batch", "120", saying=["--batch", "121B to 64MiB"])


class Local(WithBroker):
    def test_a_killed_broker_continues_with_its_data(self):
        topic = self.topic()
        self.ok("produce", topic, stdin=b"kept\n")
        self.ok("local", "kill", "1", "--dir", self.dir)
        self.assertEqual(self.status()[0]["state"], "stopped")
        self.fails(3, "topic", "list", "--timeout", "1s", saying=[self.brokers])
        self.ok("local", "start", "1", "--dir", self.dir)
        self.assertEqual(self.ok("consume", topic, "-e"), "kept\n")
        self.ok("local", "stop", "1", "--dir", self.dir)
        self.assertEqual(self.ok("local", "up", "-n", "1", "--dir", self.dir).strip(), f"brokers={self.brokers}")
        self.assertEqual(self.ok("consume", topic, "-e"), "kept\n")

    def test_a_paused_broker_is_seen_and_continued(self):
        self.ok("local", "pause", "1", "--dir", self.dir)
        self.assertEqual(self.status()[0]["state"], "paused")
        self.fails(3, "cluster", "info", "--timeout", "1s", saying=[self.brokers])
        self.ok("local", "start", "1", "--dir", self.dir)
        row = self.status()[0]
        self.assertEqual(row["state"], "running")
        self.assertEqual(set(row), {"node", "pid", "state", "client", "peer", "http", "data"})
        self.ok("cluster", "health", "--wait")

    def test_unknown_nodes_and_directories_are_named(self):
        self.fails(4, "local", "kill", "7", "--dir", self.dir, saying=["7"])
        self.fails(4, "local", "status", "--dir", self.dir + "-absent", saying=["-absent", "raftmq local up"])

    def test_the_cluster_of_this_directory_is_found_without_being_named(self):
        os.symlink(self.dir, os.path.join(self.scratch.name, "raftmq-local"))
        code, out, err = run("cluster", "info", "--format", "json", cwd=self.scratch.name)
        self.assertEqual(code, 0, err)
        self.assertEqual(len(json.loads(out)["nodes"]), 1)


class Log(WithBroker):
    def setUp(self):
        if self.status()[0]["state"] != "running":
            self.ok("local", "start", "1", "--dir", self.dir)

    def partition(self, topic):
        """The directory of the topic's partition 0, and its segment file."""
        topic_id = json.loads(self.ok("topic", "describe", topic, "--format", "json"))["id"]
        directory = os.path.join(self.status()[0]["data"], "partitions", topic_id + "-0")
        segment = next(name for name in sorted(os.listdir(directory)) if name.endswith(".log"))
        return directory, os.path.join(directory, segment)

    def test_a_running_broker_s_directory_is_refused(self):
        err = self.fails(1, "log", "verify", self.status()[0]["data"], saying=["locked", "stop the broker"])
        self.assertNotIn("damaged", err)

    def test_dump_has_one_object_per_entry_and_verify_finds_it_whole(self):
        topic = self.topic()
        self.ok("produce", topic, stdin=b"one\n")
        self.ok("produce", topic, "-z", "zstd", stdin=b"two\nthree\n")
        directory, segment = self.partition(topic)
        data = self.status()[0]["data"]
        self.ok("local", "kill", "1", "--dir", self.dir)
        self.assertIn("whole", self.ok("log", "verify", data))
        for path in (directory, segment):
            entries = [json.loads(line) for line in self.ok("log", "dump", path).splitlines()]
            self.assertEqual([entry["index"] for entry in entries], list(range(1, len(entries) + 1)))
            self.assertEqual(entries[0]["kind"], "checkpoint")
            batches = [(entry["base_offset"], entry["records"]) for entry in entries if entry["kind"] == "data"]
            self.assertEqual(batches, [(0, 1), (1, 2)])
        check = json.loads(self.ok("log", "verify", directory, "--format", "json"))
        self.assertEqual((check["next_offset"], check["damage"]), (3, []))

    def test_verify_leaves_out_what_is_left_of_a_lost_replica(self):
        topic = self.topic()
        self.ok("produce", topic, stdin=b"one\n")
        directory, _ = self.partition(topic)
        data = self.status()[0]["data"]
        self.ok("local", "kill", "1", "--dir", self.dir)
        shutil.copytree(directory, directory + ".lost")
        with open(directory + ".lost/meta", "r+b") as file:
            file.write(bytes(8192))  # Both copies of the first page.
        try:
            out = self.ok("log", "verify", data)
            self.assertIn(f"{directory}.lost: left out: what is left of a replica that was lost", out)
            lines = [json.loads(line) for line in self.ok("log", "verify", data, "--format", "json").splitlines()]
            self.assertIn(directory + ".lost", [line["path"] for line in lines if "left_out" in line])
            code, out, _ = self.tool("log", "verify", directory + ".lost")  # Named, it is looked at.
            self.assertEqual(code, 1)
            self.assertIn("both copies of the identity", out)
        finally:
            shutil.rmtree(directory + ".lost")

    def test_verify_names_a_partition_of_another_node_or_under_another_name(self):
        topic = self.topic()
        self.ok("produce", topic, stdin=b"one\n")
        directory, _ = self.partition(topic)
        data = self.status()[0]["data"]
        self.ok("local", "kill", "1", "--dir", self.dir)
        renamed = directory[:-1] + "9"
        shutil.copytree(directory, renamed)
        try:
            code, out, _ = self.tool("log", "verify", data)
            self.assertEqual(code, 1)
            self.assertIn(f"{renamed}: DAMAGED", out)
            self.assertIn(f"this is the log of partition {os.path.basename(directory)}", out)
        finally:
            shutil.rmtree(renamed)
        with tempfile.TemporaryDirectory() as scratch:
            cluster = ("--dir", os.path.join(scratch, "other"))
            self.ok("local", "up", "-n", "2", *cluster)
            other = json.loads(self.ok("local", "status", *cluster, "--format", "json"))[1]["data"]
            self.ok("local", "down", *cluster)
            shutil.copytree(directory, os.path.join(other, "partitions", os.path.basename(directory)))
            code, out, _ = self.tool("log", "verify", other)
            self.assertEqual(code, 1)
            self.assertIn("this is node 1's replica in a directory of node 2", out)

    def damage(self, segment):
        """Of a message that says so."""
        with open(segment, "r+b") as file:
            at = file.read().index(b"whose bytes")
            file.seek(at)
            file.write(b"Whose")

    def test_verify_names_the_damage_and_exits_1(self):
        topic = self.topic()
        self.ok("produce", topic, stdin=b"a message whose bytes we flip\n")
        self.ok("produce", topic, stdin=b"another one behind it\n")
        directory, segment = self.partition(topic)
        self.ok("local", "stop", "1", "--dir", self.dir)
        self.damage(segment)
        code, out, err = self.tool("log", "verify", directory)
        self.assertEqual(code, 1, out + err)
        for words in ("DAMAGED", segment, "offsets 0 to 1"):
            self.assertIn(words, out)
        code, out, err = self.tool("log", "dump", directory)
        self.assertEqual(code, 1)
        self.assertIn("damaged", err)
        self.ok("local", "start", "1", "--dir", self.dir)
        self.assertEqual(self.ok("consume", topic, "-o", "1", "-e"), "another one behind it\n")
        self.fails(1, "consume", topic, "-e", saying=["DATA_CORRUPT"])

    def test_accept_loss_goes_on_behind_damage_and_records_it(self):
        topic = self.topic()
        for line in (b"before\n", b"a message whose bytes we flip\n", b"another one behind it\n"):
            self.ok("produce", topic, stdin=line)
        directory, segment = self.partition(topic)
        self.ok("local", "stop", "1", "--dir", self.dir)
        self.damage(segment)
        self.ok("local", "start", "1", "--dir", self.dir)
        self.fails(1, "consume", topic, "-e", saying=["DATA_CORRUPT", "offsets 1 to 2"])
        verb = ("partition", "accept-loss", f"{topic}/0", "--to")
        self.fails(2, *verb, "2", saying=["from offset 0 up to offset 2", "--yes"])
        self.fails(2, *verb, "1", "--yes", saying=["nothing is known to be damaged", "topic trim"])
        self.assertEqual(json.loads(self.ok(*verb, "2", "--yes", "--format", "json")),
                         {"topic": topic, "partition": 0, "log_start": 2, "files_end": 3})
        self.assertEqual(self.ok("consume", topic, "-e"), "another one behind it\n")
        self.ok("produce", topic, stdin=b"and more\n")
        self.ok("local", "kill", "1", "--dir", self.dir)
        _, out, _ = self.tool("log", "dump", directory)
        moves = [entry for entry in map(json.loads, out.splitlines()) if "lost_from" in entry]
        self.assertEqual([(move["kind"], move["log_start"], move["lost_from"]) for move in moves], [("log-start", 2, 1)])
        self.ok("local", "start", "1", "--dir", self.dir)
        self.assertEqual(self.ok("consume", topic, "-e"), "another one behind it\nand more\n")
        self.ok("topic", "delete", topic, "--yes")  # The others verify this directory.

    def test_what_is_absent_exits_4(self):
        self.fails(4, "log", "verify", self.dir + "-absent", saying=["-absent"])
        self.fails(4, "log", "dump", self.scratch.name, saying=["expected a data directory"])


class Words(unittest.TestCase):
    def test_unknown_commands_and_options_exit_2_with_the_nearest(self):
        for arguments, words in ((["consme"], ["consume"]), (["topic", "lst"], ["list"]), ([], ["raftmq"]),
                                 (["produce"], ["topic"]), (["topic", "list", "--formt", "json"], ["--formt"]),
                                 (["topic", "list", "--format", "xml"], ["xml", "json"])):
            with self.subTest(arguments=arguments):
                code, out, err = run(*arguments)
                self.assertEqual((code, out), (2, ""))
                for word in words:
                    self.assertIn(word, err)

    def test_numbers_that_do_not_fit_exit_2_instead_of_wrapping(self):
        numbers = {"-n": ["consume", "t"], "-p": ["consume", "t"], "--partition": ["produce", "t"],
                   "--partitions": ["topic", "create", "t"], "-r": ["topic", "create", "t"],
                   "--to": ["topic", "trim", "t/0", "--yes"], "--clients": ["bench", "produce", "t"],
                   "--rate": ["bench", "produce", "t"], "--nodes": ["local", "up"], "kill": ["local"]}
        for option, verb in numbers.items():
            for found in ("-1", "99999999999999999999", "1.5", "many"):
                with self.subTest(option=option, found=found):
                    code, out, err = run(*verb, option, *(["--"] if option == "kill" else []), found)
                    self.assertEqual((code, out), (2, ""), err)
                    self.assertIn("expected a whole number from ", err)
                    self.assertIn(f"found '{found}'", err)
        self.assertEqual(run("produce", "t", "-p", "4294967296")[0], 2)
        self.assertIn("from 1 to 1000", run("bench", "consume", "t", "--clients", "0")[2])

    def test_durations_that_do_not_fit_exit_2(self):
        for option, verb in {"--duration": ["bench", "produce", "t"], "--linger": ["produce", "t"],
                             "--timeout": ["topic", "list"]}.items():
            for found in ("-1s", "9999999d", "100000d", "soon"):
                with self.subTest(option=option, found=found):
                    code, out, err = run(*verb, option, found)
                    self.assertEqual((code, out), (2, ""), err)
                    for words in (option, found):
                        self.assertIn(words, err)
        self.assertIn("from 1ms to 365d", run("bench", "produce", "t", "--duration", "0")[2])

    def test_nobody_there_is_exit_3_and_a_bad_address_exit_2(self):
        code, _, err = run("topic", "list", "--brokers", "127.0.0.1:1", "--timeout", "1s")
        self.assertEqual(code, 3, err)
        self.assertIn("127.0.0.1:1", err)
        code, _, err = run("topic", "list", "--brokers", "nowhere")
        self.assertEqual(code, 2, err)
        self.assertIn("nowhere", err)
        code, _, err = run("topic", "list", env={"RAFTMQ_BROKERS": "127.0.0.1:1"})
        self.assertEqual(code, 3, err)

    def test_help_version_and_completion(self):
        self.assertIn("Examples", run("--help")[1])
        self.assertRegex(run("--version")[1], r"^raftmq \d+\.\d+\.\d+\n$")
        code, script, _ = run("completion", "bash")
        self.assertEqual(code, 0)
        subprocess.run(["bash", "-n"], input=script.encode(), check=True)
        self.assertEqual(run("completion", "tcsh")[0], 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
