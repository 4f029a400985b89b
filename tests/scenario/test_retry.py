"""What is sent once more, and what never is: warpgates that die, workloads that refuse, and a lone warpgate that is restarted."""
import os
import threading
import time

import pytest

from harness import DEADLINE, Visitor, Workload, eventually, free_port, plain_response

WORKERS = min(os.cpu_count(), 8)


class Scene:
    """A project, warpgates of it, and workloads whose answers to /held wait until they are released."""

    def __init__(self, platform, started, name):
        self.platform, self.started = platform, started
        self.project = platform.project(name)
        self.project.route("/")
        self.host = self.project.host
        self.released = threading.Event()
        self.workload = Workload(self.answer)

    def answer(self, request):
        if request.target == "/held":
            self.released.wait(DEADLINE)
        return plain_response(b"done")

    def warpgate(self, upstream=None):
        mark = self.platform.mark()
        warpgate = self.project.start_warpgate(upstream or self.workload.address)
        self.started.append(warpgate)
        lines = self.platform.lines
        eventually(lambda: sum("edge.tunnel_ready" in line for line in lines[mark:]) >= WORKERS, what="tunnels")
        return warpgate

    def count(self, method, target):
        return sum((r.method, r.target) == (method, target) for r in self.workload.requests)

    def ask(self, results, method="GET", path="/held", body=b""):
        """A visitor of its own; what it got, and when."""
        def run():
            answer = self.platform.visit(self.host, method, path, body=body)
            results.append((method, answer.status, time.monotonic()))
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread


@pytest.fixture
def scene(platform, started, request):
    scene = Scene(platform, started, request.node.name.replace("test_", "").replace("_", "-")[:40].strip("-"))
    yield scene
    scene.released.set()
    scene.workload.close()


def test_a_warpgate_that_is_killed(scene):
    """F06: what is idempotent moves to the other one; a POST is answered at once, and never sent twice."""
    first, results = scene.warpgate(), []
    threads = [scene.ask(results) for _ in range(8)] + [scene.ask(results, "POST", body=b"pay")]
    scene.workload.wait_requests(9)
    scene.warpgate()
    killed_at = time.monotonic()
    first.kill()
    eventually(lambda: [r for r in results if r[0] == "POST"], what="the POST's answer")
    (_, status, at), = [r for r in results if r[0] == "POST"]
    assert status == 502 and at - killed_at < 1
    eventually(lambda: scene.count("GET", "/held") == 16, what="the second tries")
    scene.released.set()
    for thread in threads:
        thread.join(DEADLINE)
    assert [status for method, status, _ in results if method == "GET"] == [200] * 8
    assert (scene.count("GET", "/held"), scene.count("POST", "/held")) == (16, 1)


def test_a_lone_warpgate_is_restarted(scene):
    """Requests that come meanwhile wait for it; also one that it carried when it went."""
    warpgate, results = scene.warpgate(), []
    held = scene.ask(results)
    scene.workload.wait_requests(1)
    mark = scene.platform.mark()
    warpgate.kill()
    scene.platform.wait_line(r"edge\.tunnel_closed", mark)
    threads = [held] + [scene.ask(results, method, "/", body) for method, body in (("GET", b""), ("POST", b"x"), ("PUT", b"y" * 30000))]
    scene.released.set()
    scene.started.append(scene.project.start_warpgate(scene.workload.address))
    for thread in threads:
        thread.join(DEADLINE)
    assert sorted(r[:2] for r in results) == [("GET", 200), ("GET", 200), ("POST", 200), ("PUT", 200)]
    assert (scene.count("POST", "/"), scene.count("PUT", "/")) == (1, 1)


def test_without_one_the_wait_is_short(scene):
    warpgate = scene.warpgate()
    mark = scene.platform.mark()
    warpgate.kill()
    scene.platform.wait_line(r"edge\.tunnel_closed", mark)
    begun = time.monotonic()
    answer = scene.platform.visit(scene.host)
    assert (answer.status, answer.json["code"]) == (503, "no_warpgate")
    assert answer.header("retry-after") and 1.5 < time.monotonic() - begun < 4


def test_no_storm_when_everything_fails(scene):
    """F25: two warpgates, both refused by their workloads: at most a tenth more is asked than was offered, and a few."""
    for _ in range(2):
        scene.warpgate(f"127.0.0.1:{free_port()}")
    mark, offered = scene.platform.mark(), 1000
    with Visitor(scene.platform.port, scene.host, scene.platform.ca) as visitor:
        for _ in range(offered):
            assert visitor.request().status == 502
    lines = scene.platform.lines
    done = eventually(lambda: (seen := [line for line in lines[mark:] if "edge.request " in line]) and len(seen) >= offered and seen,
                      what="records")
    tries = sum(2 if "tries=2" in line else 1 for line in done)
    assert offered < tries <= 1.1 * offered + 20, tries


def test_kills_under_load(scene):
    """F06: two replicas, one killed again and again: no GET fails."""
    steady, failures, counts = scene.warpgate(), [], [0] * 6
    is_running = threading.Event()
    is_running.set()

    def visit(index):
        with Visitor(scene.platform.port, scene.host, scene.platform.ca) as visitor:
            while is_running.is_set():
                answer = visitor.request(path="/load")
                counts[index] += 1
                if answer.status != 200:
                    failures.append(answer.body)

    threads = [threading.Thread(target=visit, args=(index,), daemon=True) for index in range(len(counts))]
    for thread in threads:
        thread.start()
    for _ in range(5):
        victim, before = scene.warpgate(), sum(counts)
        eventually(lambda: sum(counts) > before + 50, what="load")
        mark = scene.platform.mark()
        victim.kill()
        scene.platform.wait_line(r"edge\.tunnel_closed", mark)
    is_running.clear()
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()
    assert not failures, failures[:3]
    assert steady.process.poll() is None
