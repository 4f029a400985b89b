"""Several workers: every one has a tunnel, visitors find one wherever they arrive, and none has much more to do than another."""
import re
import time

import pytest

from harness import DEADLINE, Platform, Program, Visitor, eventually, programs
from raw_http2 import PING, frame
from raw_warpgate import RawWarpgate

WORKERS = 4


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    running = Platform(tmp_path_factory.mktemp("workers"), port=0, arguments=("--workers", str(WORKERS)))
    yield running
    assert running.stop() == 0, running.output[-4000:]
    assert "Sanitizer" not in running.output, running.output[-8000:]


def wait_tunnels(platform, mark, count):
    for _ in range(count):
        platform.wait_line(r"edge\.tunnel_ready", mark)
        mark = next(i for i in range(mark, platform.mark()) if "edge.tunnel_ready" in platform.lines[i]) + 1


def workers_of_visitors(platform, mark):
    return [int(m.group(1)) for line in platform.lines[mark:] if (m := re.search(r"edge\.visitor address=\S+ worker=(\d+)", line))]


def test_a_warpgate_has_a_tunnel_for_each_worker(wide, workload, started):
    project = wide.project("each")
    project.route("/")
    mark = wide.mark()
    warpgate = project.start_warpgate(workload.address)
    started.append(warpgate)
    wait_tunnels(wide, mark, WORKERS)
    warpgate.wait_line(rf"warpgate\.connected .*tunnels={WORKERS}")
    eventually(lambda: [g["status"] for g in project.warpgates()] == ["connected"], what="one warpgate")
    mark = wide.mark()
    visitors = [Visitor(wide.port, project.host, wide.ca) for _ in range(8)]
    assert all(visitor.request().status == 200 for visitor in visitors)
    workers = workers_of_visitors(wide, mark)
    assert len(workers) == 8 and set(workers) == set(range(WORKERS)), "all have something to do"
    assert max(workers.count(w) for w in range(WORKERS)) <= 4, workers
    for visitor in visitors:
        visitor.close()
    mark = wide.mark()
    warpgate.stop()
    wide.wait_line(r"edge\.tunnel_closed", mark)
    eventually(lambda: [g["status"] for g in project.warpgates()] == ["disconnected"], what="gone")


def test_a_change_is_in_force_on_all_of_them(wide, workload, started):
    project = wide.project("change")
    project.route("/a")
    mark = wide.mark()
    started.append(project.start_warpgate(workload.address))
    wait_tunnels(wide, mark, WORKERS)
    for path in ("/b", "/c"):
        mark = wide.mark()
        project.route(path)
        project.wait_in_force(mark)
        assert [wide.visit(project.host, path=path).status for _ in range(3 * WORKERS)] == [200] * (3 * WORKERS)


def test_visitors_find_the_only_tunnel(wide, tmp_path):
    """A warpgate that makes one tunnel, whatever it is asked for."""
    project = wide.project("single")
    project.route("/")
    mark = wide.mark()
    with RawWarpgate(project, tmp_path) as warpgate:
        warpgate.socket.settimeout(10)
        wide.wait_line(r"edge\.tunnel_ready", mark)
        mark = wide.mark()
        for _ in range(3 * WORKERS):
            with Visitor(wide.port, project.host, wide.ca) as visitor:
                visitor.send(f"GET / HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
        eventually(lambda: len(workers_of_visitors(wide, mark)) == 3 * WORKERS, what="visitors")
        assert len(set(workers_of_visitors(wide, mark))) == 1, "all on the worker that has it"


def test_too_many_tunnels_of_one_warpgate_are_refused(wide, tmp_path):
    project = wide.project("greedy")
    project.route("/")
    mark = wide.mark()
    with RawWarpgate(project, tmp_path) as warpgate:
        wide.wait_line(r"edge\.tunnel_ready", mark)
        more = []
        for _ in range(64):
            more.append(warpgate.connect())
        wide.wait_line(r"edge\.tunnel_refused .*code=tunnels_too_many", mark)
        for extra in more:
            extra.close()


def test_what_losses_left_on_one_worker_is_spread_again(wide, tmp_path):
    """Two tunnels on one worker, none on the others: as many as before, but visitors of the others find none."""
    project = wide.project("uneven")
    project.route("/")
    mark = wide.mark()
    with RawWarpgate(project, tmp_path) as warpgate:
        place = lambda since: int(wide.wait_line(rf"edge\.tunnel_ready warpgate={warpgate.id} .*worker=(\d+)", since).group(1))
        tunnels = [(place(mark), warpgate.socket)]
        for _ in range(WORKERS):
            mark = wide.mark()
            tunnel = warpgate.connect()
            warpgate.greet(tunnel)
            tunnels.append((place(mark), tunnel))
        crowded = tunnels[-1][0]
        assert sorted(worker for worker, _ in tunnels[:WORKERS]) == list(range(WORKERS))
        left = [tunnel for worker, tunnel in tunnels if worker == crowded]
        mark = wide.mark()
        for worker, tunnel in tunnels:
            if worker != crowded:
                tunnel.close()
        asked = wait_asked(left)
        wide.wait_line(rf"edge\.tunnel_misplaced warpgate={warpgate.id} worker={crowded}", mark)
        mark = wide.mark()
        after = warpgate.connect()
        warpgate.greet(after)
        assert place(mark) != crowded
        for tunnel in (asked, after, *left):
            tunnel.close()


def wait_asked(tunnels):
    """The first of them on which the edge says `drain`; all are kept alive meanwhile."""
    heard = {tunnel: b"" for tunnel in tunnels}
    until = time.monotonic() + DEADLINE
    for tunnel in tunnels:
        tunnel.settimeout(0.1)
    while time.monotonic() < until:
        for tunnel in tunnels:
            try:
                heard[tunnel] += tunnel.recv(65536)
            except TimeoutError:
                tunnel.sendall(frame(PING, 0, 0, b"stillup?"))
            if b'"drain"' in heard[tunnel]:
                return tunnel
    raise AssertionError("no tunnel was asked to go")


def test_revoked_everywhere(wide, workload, started):
    project = wide.project("revoked")
    project.route("/")
    mark = wide.mark()
    warpgate = project.start_warpgate(workload.address)
    wait_tunnels(wide, mark, WORKERS)
    mark = wide.mark()
    project.api.delete(f"/v1/keys/{project.key_object['id']}")
    assert warpgate.wait() == 3
    assert wide.visit(project.host).status == 503


@pytest.mark.parametrize("flag, value", [("--workers", "0"), ("--workers", "9"), ("--workers", "two"), ("--grace", "601"), ("--memory-limit", "1"),
                                         ("--max-visitors", "0")])
def test_numbers_out_of_range_are_refused(tmp_path, flag, value):
    program = Program([programs() / "mezusphere", "up", "--data", tmp_path / "data", flag, value])
    assert program.wait() == 2
    assert f"{flag}: \"{value}\" is not a number from" in program.output
