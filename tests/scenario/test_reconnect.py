"""Everything that can be killed is killed, and what is left goes on or comes back."""
import base64
import contextlib
import hashlib
import signal
import threading
import time

from harness import DEADLINE, Platform, Visitor, Workload, eventually, free_port, plain_response
from load import Http1, Http2, Load


def becomes(platform, host, wanted):
    eventually(lambda: platform.visit(host).status == wanted, what=f"{host} -> {wanted}")


def test_a_killed_warpgate_comes_back(platform, workload, started):
    project = platform.project("killed")
    project.route("/")
    warpgate = project.start_warpgate(workload.address, "--name", "one")
    started.append(warpgate)
    assert platform.visit(project.host).status == 200
    mark = platform.mark()
    warpgate.kill()
    warpgate.wait()
    platform.wait_line(r"edge\.tunnel_closed", mark)
    assert platform.visit(project.host).json["code"] == "no_warpgate"
    eventually(lambda: [g["status"] for g in project.warpgates()] == ["disconnected"], what="disconnected")
    started.append(project.start_warpgate(workload.address, "--name", "one"))
    assert platform.visit(project.host).status == 200
    eventually(lambda: "connected" in [g["status"] for g in project.warpgates()], what="connected")


def test_a_request_under_way_when_the_warpgate_dies(platform, started):
    with Workload(lambda request: b"") as workload:  # takes the request and says nothing
        project = platform.project("midway")
        project.route("/")
        warpgate = project.start_warpgate(workload.address)
        started.append(warpgate)
        with Visitor(platform.port, project.host, platform.ca) as visitor:
            visitor.send(f"POST / HTTP/1.1\r\nHost: {visitor.authority}\r\nContent-Length: 2\r\n\r\nok".encode())
            workload.wait_requests(1)
            warpgate.kill()
            answer = visitor.read_response()
        assert answer.status in (502, 503)
        assert len(workload.requests) == 1, "a POST is never sent twice"


def test_a_second_warpgate_takes_over(platform, workload, started):
    project = platform.project("pair")
    project.route("/")
    first = project.start_warpgate(workload.address, "--name", "a")
    second = project.start_warpgate(workload.address, "--name", "b")
    started.extend([first, second])
    mark = platform.mark()
    first.kill()
    platform.wait_line(r"edge\.tunnel_closed", mark)
    for _ in range(20):
        assert platform.visit(project.host).status == 200


def test_a_killed_edge_comes_back(tmp_path, workload, started):
    first = Platform(tmp_path)
    project = first.project("edge-killed")
    project.route("/")
    warpgate = project.start_warpgate(workload.address)
    started.append(warpgate)
    becomes(first, project.host, 200)
    first.kill(signal.SIGKILL)
    first.wait()
    second = Platform(tmp_path, port=first.port)
    started.append(second)
    second.wait_line(r"edge\.tunnel_ready")
    becomes(second, project.host, 200)
    assert warpgate.process.poll() is None


def test_a_stopped_edge_is_noticed(tmp_path, workload, started):
    """SIGSTOP: the connection stands and nobody is behind it. The warpgate notices by itself."""
    platform = Platform(tmp_path)
    started.append(platform)
    project = platform.project("frozen")
    project.route("/")
    warpgate = project.start_warpgate(workload.address)
    started.append(warpgate)
    mark, edge_mark = warpgate.mark(), platform.mark()
    platform.kill(signal.SIGSTOP)
    try:
        warpgate.wait_line(r"silent|dead", mark, timeout=30)
    finally:
        platform.kill(signal.SIGCONT)
    platform.wait_line(r"edge\.tunnel_ready", edge_mark, timeout=40)
    becomes(platform, project.host, 200)


def test_a_warpgate_starts_before_its_workload_and_survives_its_restarts(platform, started):
    port = free_port()
    project = platform.project("workload")
    project.route("/")
    started.append(project.start_warpgate(f"127.0.0.1:{port}"))
    answer = platform.visit(project.host)
    assert (answer.status, answer.json["code"]) == (502, "upstream_refused")
    for word in (b"one", b"two"):
        with Workload(lambda request, word=word: plain_response(word), port=port) as workload:
            for _ in range(3):
                assert platform.visit(project.host).body == word
            assert len(workload.requests) == 3
        assert platform.visit(project.host).json["code"] in ("upstream_refused", "upstream_closed")


def test_a_workload_that_closes_kept_connections(platform, started):
    """A connection that was kept alive is closed just as it is used again: what may be repeated is, and the visitor sees nothing."""
    with Workload(lambda request: plain_response(b"x")) as workload:
        project = platform.project("stale")
        project.route("/")
        started.append(project.start_warpgate(workload.address))
        for _ in range(20):
            assert platform.visit(project.host).status == 200
            for connection in list(workload.sockets):
                with contextlib.suppress(OSError):  # the warpgate may have been first
                    connection.shutdown(2)


def test_warpgate_drains_on_sigterm(platform):
    go_on = threading.Event()

    def slow(request):
        assert go_on.wait(DEADLINE)
        return plain_response(b"finished")

    with Workload(slow) as workload:
        project = platform.project("drain")
        project.route("/")
        warpgate = project.start_warpgate(workload.address)
        with Visitor(platform.port, project.host, platform.ca) as visitor:
            visitor.send(f"GET / HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
            workload.wait_requests(1)
            mark = platform.mark()
            warpgate.kill(signal.SIGTERM)
            platform.wait_line(r"edge\.tunnel_draining|goaway", mark)
            assert platform.visit(project.host).json["code"] == "no_warpgate", "nothing new goes there"
            go_on.set()
            assert visitor.read_response().body == b"finished"
        assert warpgate.wait() == 0
        assert "Sanitizer" not in warpgate.output


def test_platform_drains_on_sigterm(tmp_path, started):
    go_on = threading.Event()

    def slow(request):
        assert go_on.wait(DEADLINE)
        return plain_response(b"finished")

    with Workload(slow) as workload:
        platform = Platform(tmp_path)
        project = platform.project("drain")
        project.route("/")
        started.append(project.start_warpgate(workload.address))
        with Visitor(platform.port, project.host, platform.ca) as visitor:
            visitor.send(f"GET / HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
            workload.wait_requests(1)
            mark = platform.mark()
            platform.kill(signal.SIGTERM)
            platform.wait_line(r"mezusphere\.stopping", mark)
            go_on.set()
            answer = visitor.read_response()
            assert answer.body == b"finished"
        assert platform.wait() == 0
        assert "Sanitizer" not in platform.output, platform.output[-5000:]


class Poster(Http1):
    """What must not be done twice, and not be lost."""

    def ask(self, path):
        if self.visitor is None:
            self.visitor = Visitor(self.platform.port, self.host, self.platform.ca)
        answer = self.visitor.request("POST", path, body=b"once")
        if (answer.header("connection") or "").lower() == "close":
            self.close()
        return answer.status, answer.body


RESTARTS = 20


def test_twenty_restarts_of_warpgates_under_load(tmp_path, started, workload):
    """Two replicas, one after the other stopped and started again: nobody notices, and each POST arrives once."""
    platform = Platform(tmp_path, level="info")
    started.append(platform)
    project = platform.project("rolling")
    project.route("/")
    replicas = [project.start_warpgate(workload.address, "--name", name, level="info") for name in "ab"]
    eventually(lambda: sum(g["status"] == "connected" for g in project.warpgates()) == 2, what="both connected")
    posters = [Poster(platform, project.host) for _ in range(2)]
    clients = [Http1(platform, project.host), Http1(platform, project.host), Http2(platform, project.host), *posters]
    with Load(clients) as load:
        for number in range(RESTARTS):
            before = load.count
            assert replicas[0].stop() == 0
            assert "Sanitizer" not in replicas[0].output
            mark = platform.mark()
            replicas.append(project.start_warpgate(workload.address, "--name", "ab"[number % 2], level="info", wait=False))
            replicas.pop(0).wait()
            replicas[-1].wait_line(r"warpgate\.connected")
            platform.wait_line(r"edge\.tunnel_ready", mark)
            eventually(lambda: load.count > before, what="visitors go on")
    started.extend(replicas)
    load.check()
    seen = [request.target for request in workload.requests if request.method == "POST"]
    assert len(seen) > 100 and len(seen) == len(set(seen)), "a POST came twice"
    print(f"{load.count} requests, {len(seen)} of them POST, {RESTARTS} restarts")


def open_websocket(platform, host):
    visitor = Visitor(platform.port, host, platform.ca)
    visitor.send((f"GET /socket HTTP/1.1\r\nHost: {visitor.authority}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += visitor.socket.recv(1)
    assert head.startswith(b"HTTP/1.1 101 "), head
    return visitor


def serve_websocket(request):
    if request.target == "/socket":
        key = request.header("sec-websocket-key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        request.socket.sendall("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                               f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        while request.socket.recv(4096):
            pass
        return None
    return plain_response(b"")


def test_what_outlasts_the_grace_ends_in_good_order(platform, started):
    with Workload(serve_websocket) as workload:
        project = platform.project("grace")
        project.route("/")
        warpgate = project.start_warpgate(workload.address, "--grace", "2")
        with open_websocket(platform, project.host) as visitor:
            began = time.monotonic()
            warpgate.kill(signal.SIGTERM)
            rest = visitor.read_all()
            took = time.monotonic() - began
        assert warpgate.wait() == 0
        assert 1.5 < took < 6
        assert rest == b"\x88\x02\x03\xe9", "Close, 1001"
        assert "drain_cut" in warpgate.output


def test_a_second_signal_ends_at_once(platform):
    with Workload(serve_websocket) as workload:
        project = platform.project("twice")
        project.route("/")
        warpgate = project.start_warpgate(workload.address)
        with open_websocket(platform, project.host):
            mark = warpgate.mark()
            warpgate.kill(signal.SIGTERM)
            warpgate.wait_line(r"warpgate\.stopping", mark)
            began = time.monotonic()
            warpgate.kill(signal.SIGTERM)
            assert warpgate.wait() == 0
            assert time.monotonic() - began < 3
