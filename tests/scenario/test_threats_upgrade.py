"""T04: an Upgrade must not become a hole. What a visitor sends before the 101 never reaches the workload, only `websocket` exists, and
a connection that was switched, or nearly, is never used for anybody else. Also what restarts do to open WebSockets (promise 3).
"""
import threading

import pytest

from fake_platform import StrictWorkload
from harness import DEADLINE, Platform, Visitor, eventually, plain_response
from raw_http2 import PREFACE
from websocket_peer import (CLOSE, TEXT, UPGRADE, Http1WebSocket, Http2WebSocket, WorkloadSide, accept_of, close_payload, frame)
from workload_live import LiveWorkload

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: inner\r\n\r\n"


@pytest.fixture(scope="module")
def service(platform):
    """A workload that keeps each byte, and answers only when the test says so."""
    workload = StrictWorkload()
    project = platform.project("upgrade")
    project.route("/")
    project.warpgate, project.workload = project.start_warpgate(workload.address), workload
    yield project
    assert project.warpgate.stop() == 0
    assert "Sanitizer" not in project.warpgate.output, project.warpgate.output[-8000:]
    workload.close()


class Held:
    """An answer that waits for the test."""

    def __init__(self, workload, answer):
        self.asked, self.release = threading.Event(), threading.Event()
        self.answer = answer
        workload.requests.clear()
        workload.tapped = b""
        workload.handler = self

    def __call__(self, request):
        if request.target == "/next":
            return plain_response(b"next")
        self.asked.set()
        assert self.release.wait(DEADLINE)
        return self.answer(request) if callable(self.answer) else self.answer

    def wait_asked(self):
        assert self.asked.wait(DEADLINE)


def switch(request):
    return (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + accept_of(request.all("sec-websocket-key")[0]).encode() + b"\r\n\r\n")


REFUSALS = ["200 OK", "403 Forbidden", "404 Not Found", "426 Upgrade Required"]


def read_all(visitor):
    """Whole responses until the peer closes."""
    return visitor.read_all()


@pytest.mark.parametrize("status", REFUSALS)
def test_pipelined_bytes_behind_a_refused_upgrade(service, platform, status):
    """What was sent in the hope of a 101 is dropped with the connection, not read as a request of anybody."""
    held = Held(service.workload, plain_response(b"refused", status))
    with Http1WebSocket(platform.port, service.host, platform.ca) as visitor:
        visitor.send(("\r\n".join(["GET /chat HTTP/1.1", f"Host: {visitor.authority}", *UPGRADE]) + "\r\n\r\n").encode() + SMUGGLED)
        held.wait_asked()
        visitor.send(SMUGGLED * 3)
        held.release.set()
        data = read_all(visitor)
    assert data.startswith(b"HTTP/1.1 " + status[:3].encode()) and data.endswith(b"refused") and data.count(b"HTTP/1.1 ") == 1
    assert b"smuggled" not in service.workload.tapped
    assert platform.visit(service.host, path="/next").body == b"next"
    assert [request.target for request in service.workload.requests] == ["/chat", "/next"]


@pytest.mark.parametrize("status", REFUSALS)
def test_early_data_behind_a_refused_upgrade_h2(service, platform, status):
    held = Held(service.workload, plain_response(b"refused", status))
    with Http2WebSocket(platform, service.host) as visitor:
        visitor.request(path="/next")
        stream = visitor.begin_websocket("/chat")
        visitor.write(stream, SMUGGLED * 10)
        held.wait_asked()
        held.release.set()
        answer = visitor.wait(stream, lambda seen: seen.status)
        assert answer.status == (502 if status.startswith("200") else int(status[:3]))
        assert visitor.request(path="/next").body == b"next"
    assert b"smuggled" not in service.workload.tapped
    assert [request.target for request in service.workload.requests] == ["/next", "/chat", "/next"]


@pytest.mark.parametrize("kind", [Http1WebSocket, Http2WebSocket], ids=["h1", "h2"])
def test_early_bytes_wait_for_the_101(service, platform, kind):
    """Nothing before the 101; behind it everything, in order, once."""
    held = Held(service.workload, switch)
    early = frame(TEXT, b"sent too early")
    visitor = kind(platform.port, service.host, platform.ca) if kind is Http1WebSocket else kind(platform, service.host)
    with visitor:
        if kind is Http1WebSocket:
            visitor.send(("\r\n".join(["GET /chat HTTP/1.1", f"Host: {visitor.authority}", *UPGRADE]) + "\r\n\r\n").encode() + early)
        else:
            visitor.request(path="/next")
            service.workload.tapped = b""
            visitor.write(visitor.begin_websocket("/chat"), early)
        held.wait_asked()
        platform.visit(service.host, path="/next")  # time for bytes to go astray, in both programs
        heads = service.workload.tapped
        assert early not in heads and heads.endswith(b"\r\n\r\n")
        held.release.set()
        eventually(lambda: service.workload.tapped.endswith(early), what="what was sent early")


@pytest.mark.parametrize("body", [
    b"Content-Length: %d\r\n\r\n%s" % (len(SMUGGLED), SMUGGLED),
    b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED),
    b"Content-Length: 0\r\n\r\n" + SMUGGLED,
], ids=["sized", "chunked", "empty"])
@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_an_upgrade_with_a_body(service, platform, method, body):
    """A request with a body cannot become a WebSocket: the workload is not asked to switch, and nothing is read twice."""
    held = Held(service.workload, plain_response(b"ordinary"))
    held.release.set()
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        visitor.send(method + b" /chat HTTP/1.1\r\nHost: " + visitor.authority.encode() + b"\r\n" +
                     "\r\n".join(UPGRADE).encode() + b"\r\n" + body + b"GET /last HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" %
                     visitor.authority.encode())
        read_all(visitor)
    for request in service.workload.requests:
        assert request.target in ("/chat", "/last", "/smuggled")
        if request.all("upgrade"):
            assert not request.all("content-length") or request.all("content-length") == ["0"]
            assert not request.all("transfer-encoding") and not request.body
    if not body.startswith(b"Content-Length: 0"):
        assert "/smuggled" not in [request.target for request in service.workload.requests]


@pytest.mark.parametrize("fields", [
    ["Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"],
    ["Upgrade: h2c", "Connection: Upgrade"],
    ["Upgrade: h2c", "Connection: HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"],
    ["Upgrade: H2C, websocket", "Connection: upgrade"],
    ["Upgrade: TLS/1.0, HTTP/1.1", "Connection: Upgrade"],
    ["Upgrade: IRC/6.9", "Connection: keep-alive, upgrade"],
    ["Upgrade: websocket", "Upgrade: h2c", "Connection: Upgrade"],
    ["Upgrade: websocket", "Connection: close"],
], ids=lambda fields: " ".join(fields)[:44])
def test_other_upgrades_are_dropped(service, platform, fields):
    """h2csmuggler: Upgrade and HTTP2-Settings stop at the edge, and the request goes on as an ordinary one."""
    held = Held(service.workload, plain_response(b"ordinary"))
    held.release.set()
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        visitor.send(("\r\n".join(["GET /plain HTTP/1.1", f"Host: {visitor.authority}", *fields]) + "\r\n\r\n").encode())
        answer = visitor.read_response()
    assert (answer.status, answer.body) in ((200, b"ordinary"), (400, answer.body))
    for request in service.workload.requests:
        assert not request.all("upgrade") and not request.all("http2-settings") and not request.all("connection")


def test_an_http2_preface_inside_http_1(service, platform):
    """Prior knowledge on an http/1.1 connection: refused and closed."""
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        visitor.send(PREFACE + bytes(9))
        data = read_all(visitor)
    assert data.split(b" ", 2)[1] in (b"400", b"501", b"505") and data.count(b"HTTP/1.1 ") == 1


def test_a_workload_that_switches_unasked_is_not_used_again(service, platform):
    """101 to an ordinary request: 502, and its connection carries no other request."""
    held = Held(service.workload, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")
    held.release.set()
    assert platform.visit(service.host, path="/chat").status == 502
    before = service.workload.connections
    assert platform.visit(service.host, path="/next").body == b"next"
    assert service.workload.connections > before


# Restarts

@pytest.mark.parametrize("kind", [Http1WebSocket, Http2WebSocket], ids=["h1", "h2"])
@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_warpgate_that_goes_ends_its_websockets(platform, kind, end):
    """A close, not a hang: the visitor learns at once that it should connect again, and then can."""
    def greet(peer):
        frames = WorkloadSide(peer).switch(with_it=frame(TEXT, b"hello", is_masked=False))
        frames.next()

    with LiveWorkload(greet) as workload:
        project = platform.project(f"ends-{end}-{kind.__name__.lower()}")
        project.route("/")
        warpgate = project.start_warpgate(workload.address, "--grace", "1")
        visitor = kind(platform.port, project.host, platform.ca, timeout=60) if kind is Http1WebSocket else kind(
            platform, project.host, timeout=60)
        with visitor:
            visitor.open()
            assert visitor.frames.next() == (TEXT, b"hello")
            warpgate.kill(9 if end == "kill" else 15)
            try:
                assert visitor.frames.next() in (None, (CLOSE, close_payload(1001)))
            except OSError:
                pass
        warpgate.wait(60)
        again = project.start_warpgate(workload.address)
        with kind(platform.port, project.host, platform.ca) if kind is Http1WebSocket else kind(platform, project.host) as visitor:
            visitor.open()
            assert visitor.frames.next() == (TEXT, b"hello")
        assert again.stop() == 0


def test_an_edge_that_goes_ends_its_websockets(tmp_path):
    platform = Platform(tmp_path)
    with LiveWorkload(lambda peer: WorkloadSide(peer).switch(with_it=frame(TEXT, b"hello", is_masked=False)).next()) as workload:
        project = platform.project("edge-goes")
        project.route("/")
        warpgate = project.start_warpgate(workload.address)
        with Http1WebSocket(platform.port, project.host, platform.ca) as visitor:
            visitor.open()
            assert visitor.frames.next() == (TEXT, b"hello")
            platform.kill(9)
            try:
                assert visitor.frames.next() is None
            except OSError:
                pass
        assert warpgate.stop() == 0
        platform.wait()


