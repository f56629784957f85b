#!/usr/bin/env python3
"""Scrapes a program with the real Prometheus server and reads a value back through its API.

Usage: prometheus_test.py --series NAME=VALUE [--feed COMMAND --lines N] -- PROGRAM [ARG...]
The program prints one JSON line with its "http" (and "client") address and runs until it is
terminated. COMMAND, if any, is then given N lines on its stdin. Passes when promtool accepts the
page of /metrics and Prometheus answers NAME with VALUE. In ARG and COMMAND {folder} stands for an
empty directory, {client} for the address.
The binaries come from scripts/install_dependencies.sh test; without them the test fails.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

DEADLINE = time.monotonic() + 90
POLL_SECONDS = 0.1
CONFIGURATION = """\
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs: [{{job_name: raftmq, static_configs: [{{targets: ["{target}"]}}]}}]
"""


def binary(name):
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    path = cache / "raftmq-prometheus" / "usr" / "bin" / name
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} is missing; run: scripts/install_dependencies.sh test")
    return str(path)


def wait_for(what, probe):
    """The first true answer of `probe`, which may raise OSError while the other side starts."""
    while time.monotonic() < DEADLINE:
        with contextlib.suppress(OSError):
            answer = probe()
            if answer:
                return answer
        time.sleep(POLL_SECONDS)
    sys.exit(f"gave up waiting for {what}")


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


@contextlib.contextmanager
def running(command, **options):
    process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, **options)
    try:
        yield process
    finally:
        process.stdin.close()
        process.terminate()
        process.wait(timeout=20)


def check_with_promtool(page):
    result = subprocess.run([binary("promtool"), "check", "metrics"], input=page, text=True,
                            capture_output=True, timeout=60)
    if result.returncode != 0 or result.stderr or result.stdout:
        sys.exit(f"promtool check metrics: exit {result.returncode}\n{result.stdout}{result.stderr}")


def start_prometheus(stack, folder, target):
    """Runs the server on a free loopback port, which it writes to its log; returns its address."""
    (folder / "prometheus.yml").write_text(CONFIGURATION.format(target=target))
    server = stack.enter_context(running(
        [binary("prometheus"), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
         "--web.listen-address=127.0.0.1:0"], stderr=subprocess.PIPE))
    log, address = [], []

    def read_log():  # To its end, or the server would block on a full pipe.
        for line in server.stderr:
            log.append(line)
            found = re.search(r'msg="Listening on" address=(\S+)', line)
            if found:
                address.append(found.group(1))

    threading.Thread(target=read_log, daemon=True).start()

    def listening():
        if server.poll() is not None:
            sys.exit("prometheus ended:\n" + "".join(log[-20:]))
        return address

    return wait_for("prometheus to listen", listening)[0]


def query(server, name):
    url = f"http://{server}/api/v1/query?" + urllib.parse.urlencode({"query": f"sum({name})"})
    result = json.loads(get(url))["data"]["result"]
    return result[0]["value"][1] if result else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", required=True)
    parser.add_argument("--feed")
    parser.add_argument("--lines", type=int, default=0)
    parser.add_argument("program", nargs="+")
    arguments = parser.parse_args()
    name, expected = arguments.series.rsplit("=", 1)
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="raftmq-prometheus-")))
        command = [part.format(folder=folder) for part in arguments.program]
        program = stack.enter_context(running(command, stdout=subprocess.PIPE))
        addresses = json.loads(program.stdout.readline())
        target = addresses["http"]
        if arguments.feed:
            feed = arguments.feed.format(folder=folder, client=addresses.get("client")).split()
            subprocess.run(feed, input="".join(f"{i}\n" for i in range(arguments.lines)), text=True, check=True,
                           timeout=60)
        check_with_promtool(get(f"http://{target}/metrics"))
        server = start_prometheus(stack, folder, target)
        value = wait_for(f"a scrape of {name}", lambda: query(server, name))
        if value != expected:
            sys.exit(f"prometheus says {name} is {value}, expected {expected}")
        print(f"prometheus scraped {target}: {name} = {value}")


if __name__ == "__main__":
    main()
