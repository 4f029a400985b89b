"""Restarts under load: replicas of a warpgate, and the edge itself replaced in place, with visitors that count what fails."""
import re
import subprocess
import threading
import time

import bench_chains  # noqa: F401 (makes the tests' helpers known)
import harness
from bench_base import HOST, UPSTREAM
from load import Http2

RATE_SCRIPT = "function delay() return 32 end\n"  # 64 connections, one request each 32 ms: 2,000 a second
CONNECTIONS = 64


class Visitors:
    """HTTP/2 visitors, each with one request at a time, all of whose answers are counted."""

    def __init__(self, platform, count):
        self.answered, self.failures, self.is_over = 0, [], False
        self.threads = [threading.Thread(target=self.visit, args=(Http2(platform, HOST),), daemon=True) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def visit(self, client):
        while not self.is_over:
            try:
                status = client.ask("/1k")[0]
            except Exception as error:  # whatever it is, a visitor did not get an answer
                status = repr(error)
                client.close()
            if status == 200:
                self.answered += 1
            else:
                self.failures.append(str(status))
            time.sleep(0.02)
        client.close()

    def stop(self):
        self.is_over = True
        for thread in self.threads:
            thread.join(30)


def under_load(bench, out, title, act, count):
    """wrk at 2,000 requests a second, and eight HTTP/2 visitors, while `act` happens `count` times."""
    script = bench.folder / "rate.lua"
    script.write_text(RATE_SCRIPT)
    visitors = Visitors(bench.platform, 8)
    wrk = subprocess.Popen(["wrk", "-t1", f"-c{CONNECTIONS}", "-d3600s", "--timeout", "10s", "-s", str(script),
                            f"https://{HOST}:{bench.platform.port}/1k"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(1)
    begun = time.monotonic()
    for _ in range(count):
        act()
    elapsed = time.monotonic() - begun
    time.sleep(1)
    wrk.send_signal(2)
    output = wrk.communicate(timeout=30)[0]
    visitors.stop()
    done = int(re.search(r"(\d+) requests in", output).group(1))
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    failed = sum(map(int, errors.groups())) if errors else 0
    failed += int(refused.group(1)) if refused else 0
    out(f"| {title} under load ({elapsed:.0f} s): requests, of which failed | HTTP/1.1 {done:,} ({done / (elapsed + 2):,.0f}/s), {failed}; "
        f"HTTP/2 {visitors.answered:,}, {len(visitors.failures)}{' (' + visitors.failures[0] + ')' if visitors.failures else ''} |")


def measure_warpgate_restarts(bench, out, count):
    second = [bench.warpgate, bench.project.start_warpgate(f"127.0.0.1:{UPSTREAM}", level="info")]
    first = 0

    def restart():
        nonlocal first
        second[first].stop()
        second[first] = bench.project.start_warpgate(f"127.0.0.1:{UPSTREAM}", level="info")
        first = 1 - first

    under_load(bench, out, f"{count} restarts of a warpgate, one of two replicas in turn,", restart, count)
    second[0].stop()
    bench.warpgate = second[1]
    bench.chain.hops["agent"] = [second[1].process.pid]


def measure_edge_replacements(bench, out, count):
    def replace():
        running = bench.platform
        successor = harness.Platform(bench.folder / "ours", port=running.port, level="info", arguments=("--workers", "1", "--replace"))
        successor.password, successor.api = running.password, running.api
        bench.platform = successor
        bench.processes.append(successor.process)
        running.wait(60)

    under_load(bench, out, f"{count} replacements of the edge", replace, count)
