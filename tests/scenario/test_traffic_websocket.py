"""WebSocket from visitors of both versions (RFC 6455, RFC 8441): promise 3 (dropped, first message lost, Upgrade lost) and T04.

Written against bytes; test_traffic_websocket_clients.py does the same with a library at both ends.
"""
import socket
import threading

import pytest

from harness import DEADLINE, Visitor
from visitor_h2 import H2Visitor
from websocket_peer import (BINARY, CLOSE, PING, PONG, TEXT, UPGRADE, Http1WebSocket, Http2WebSocket, WorkloadSide, close_payload,
                            frame)
from workload_live import LiveWorkload


@pytest.fixture(scope="module")
def service(platform):
    workload = LiveWorkload()
    project = platform.project("websocket")
    project.route("/")
    project.warpgate, project.workload = project.start_warpgate(workload.address), workload
    yield project
    assert project.warpgate.stop() == 0
    assert "Sanitizer" not in project.warpgate.output, project.warpgate.output[-8000:]
    workload.close()


@pytest.fixture(params=["h1", "h2"])
def visitor(request, platform, service):
    service.workload.requests.clear()
    service.workload.failures.clear()
    if request.param == "h1":
        opened = Http1WebSocket(platform.port, service.host, platform.ca)
    else:
        opened = Http2WebSocket(platform, service.host)
    with opened:
        yield opened


def echo(peer):
    """Sends back what comes, answers pings and close as RFC 6455 asks."""
    frames = WorkloadSide(peer).switch()
    while got := frames.next():
        opcode, payload = got
        frames.send(PONG if opcode == PING else opcode, payload)
        if opcode == CLOSE:
            return


def test_text_binary_and_pings(service, visitor):
    service.workload.handler = echo
    visitor.open("/chat?room=1")
    assert visitor.is_switched()
    (request,) = service.workload.requests
    assert (request.target, request.version) == ("/chat?room=1", "HTTP/1.1")
    frames = visitor.frames
    for opcode, payload in ((TEXT, "grüß".encode()), (BINARY, bytes(range(256))), (TEXT, b""), (BINARY, b"\x00\r\n\r\n" * 9)):
        frames.send(opcode, payload)
        assert frames.next() == (opcode, payload)
    frames.send(PING, b"are you there")
    assert frames.next() == (PONG, b"are you there")
    frames.send(TEXT, b"one ", is_final=False)
    frames.send(0, b"two")
    assert [frames.next(), frames.next()] == [(TEXT, b"one "), (0, b"two")]


def test_the_server_speaks_first(service, visitor):
    """Promise 3: a first message in one packet with the 101 is neither lost nor late."""
    def greet(peer):
        frames = WorkloadSide(peer).switch(with_it=frame(TEXT, b"welcome", is_masked=False) + frame(TEXT, b"second", is_masked=False))
        assert frames.next() == (TEXT, b"thanks")
        frames.send(TEXT, b"bye")
        frames.next()

    service.workload.handler = greet
    visitor.open()
    assert visitor.is_switched()
    assert [visitor.frames.next(), visitor.frames.next()] == [(TEXT, b"welcome"), (TEXT, b"second")]
    visitor.frames.send(TEXT, b"thanks")
    assert visitor.frames.next() == (TEXT, b"bye")


def test_large_messages(service, visitor):
    """Larger than every window and buffer on the way."""
    service.workload.handler = echo
    visitor.open()
    for size in (65535, 65536, 5_000_000):
        payload = bytes(i % 251 for i in range(1000)) * (size // 1000) + b"e" * (size % 1000)
        visitor.frames.send(BINARY, payload)  # the workload takes all of it before it answers
        assert visitor.frames.next() == (BINARY, payload)


@pytest.mark.parametrize("code, reason", [(1000, ""), (1001, "going away"), (1008, "policy"), (1011, ""), (4321, "ours – with reason")])
def test_close_codes_of_the_workload(service, visitor, code, reason):
    """Promise 3: close code and reason are the workload's, and after the visitor's reply both connections end."""
    ended = threading.Event()

    def say_goodbye(peer):
        frames = WorkloadSide(peer).switch()
        frames.send(CLOSE, close_payload(code, reason))
        assert frames.next() == (CLOSE, close_payload(code, reason))
        peer.socket.shutdown(socket.SHUT_WR)
        assert frames.next() is None
        ended.set()

    service.workload.handler = say_goodbye
    visitor.open()
    assert visitor.frames.next() == (CLOSE, close_payload(code, reason))
    visitor.frames.send(CLOSE, close_payload(code, reason))
    assert visitor.frames.next() is None
    if isinstance(visitor, Http2WebSocket):
        assert visitor.answers[visitor.id].reset in (None, 0)
        visitor.write(visitor.id, end=True)
    visitor.close() if isinstance(visitor, Http1WebSocket) else None
    assert ended.wait(DEADLINE)


def test_close_codes_of_the_visitor(service, visitor):
    got = []

    def keep(peer):
        frames = WorkloadSide(peer).switch()
        got.append(frames.next())
        frames.send(CLOSE, got[0][1])

    service.workload.handler = keep
    visitor.open()
    visitor.frames.send(CLOSE, close_payload(3999, "enough"))
    assert visitor.frames.next() == (CLOSE, close_payload(3999, "enough"))
    assert visitor.frames.next() is None
    assert got == [(CLOSE, close_payload(3999, "enough"))]


def test_a_visitor_that_vanishes(service, visitor):
    """No close frame, the connection just goes: the workload sees that, and does not wait for ever."""
    gone = threading.Event()

    def wait(peer):
        frames = WorkloadSide(peer).switch(with_it=frame(TEXT, b"hello", is_masked=False))
        try:
            assert frames.next() is None
        except ConnectionError:
            pass
        gone.set()

    service.workload.handler = wait
    visitor.open()
    assert visitor.frames.next() == (TEXT, b"hello")
    visitor.close()
    assert gone.wait(DEADLINE)


def test_a_workload_that_vanishes(service, visitor):
    """A cut, not a hang: what was sent before it still arrives."""
    service.workload.handler = lambda peer: WorkloadSide(peer).switch(with_it=frame(TEXT, b"last words", is_masked=False)) and False
    visitor.open()
    assert visitor.frames.next() == (TEXT, b"last words")
    try:
        assert visitor.frames.next() is None
    except OSError:
        pass


def test_subprotocols_and_extensions_pass(service, visitor):
    service.workload.handler = lambda peer: WorkloadSide(peer).switch("Sec-WebSocket-Protocol: chat.v2",
                                                                      "Sec-WebSocket-Extensions: permessage-deflate",
                                                                      "Set-Cookie: a=b", "Warpgate-User-Id: usr_root") and False
    visitor.open(fields=["Sec-WebSocket-Protocol: chat.v1, chat.v2", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
                         "Origin: https://app.example", "X-Forwarded-For: 6.6.6.6"])
    assert visitor.is_switched()
    assert visitor.fields["sec-websocket-protocol"] == "chat.v2" and visitor.fields["sec-websocket-extensions"] == "permessage-deflate"
    assert visitor.fields["set-cookie"] == "a=b" and "warpgate-user-id" not in visitor.fields
    (request,) = service.workload.requests
    assert request.all("sec-websocket-protocol") == ["chat.v1, chat.v2"] and request.all("origin") == ["https://app.example"]
    assert request.all("x-forwarded-for") == ["127.0.0.1"] and len(request.all("sec-websocket-key")) == 1


def test_many_at_once_on_one_connection(service, platform):
    """RFC 8441: WebSockets and ordinary requests side by side on one HTTP/2 connection."""
    service.workload.handler = lambda peer: echo(peer) if peer.request.header("upgrade") else peer.answer(b"plain")
    with Http2WebSocket(platform, service.host) as visitor:
        visitor.open("/0")
        streams = [visitor.begin_websocket(f"/{i}") for i in range(1, 50)]
        for i, stream in enumerate(streams):
            assert visitor.wait(stream, lambda seen: seen.status).status == 200
            visitor.write(stream, frame(TEXT, b"from %d" % i))
        assert visitor.request(path="/plain").body == b"plain"
        for i, stream in enumerate(streams):
            expected = frame(TEXT, b"from %d" % i, is_masked=False)
            assert visitor.wait(stream, lambda seen: len(seen.body) >= len(expected)).body == expected


# Refusals

@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "426 Upgrade Required", "302 Found", "500 Oops"])
def test_a_refusal_is_an_ordinary_answer(service, visitor, status):
    """Status, fields and body of the workload; and the connection can be used again, as nothing came before the answer."""
    service.workload.handler = lambda peer: peer.answer(b"no websocket here", status, "X-Why: because", "Location: /login")
    assert visitor.open("/chat") == int(status[:3])
    assert visitor.body == b"no websocket here" and visitor.fields["x-why"] == "because"
    service.workload.handler = lambda peer: peer.answer(b"plain")
    assert visitor.request("GET", "/plain").body == b"plain"


def test_an_ignored_upgrade_h1(service, platform):
    """A workload that does not know Upgrade answers 200: an ordinary answer to an HTTP/1 visitor."""
    service.workload.handler = lambda peer: peer.answer(b"a page")
    with Http1WebSocket(platform.port, service.host, platform.ca) as visitor:
        assert visitor.open() == 200
        assert visitor.body == b"a page"
        assert visitor.request("GET", "/").body == b"a page"


def test_an_ignored_upgrade_h2(service, platform):
    """HTTP/2 knows no way to say 200 without switching: the edge says 502 upgrade_declined, and nothing of the page."""
    service.workload.handler = lambda peer: peer.answer(b"a page")
    with Http2WebSocket(platform, service.host) as visitor:
        assert visitor.open() == 502
        assert b"upgrade_declined" in visitor.body and b"a page" not in visitor.body
        assert visitor.request().body == b"a page"


def test_other_protocols_over_http2(service, platform):
    """Only websocket: another :protocol is 501, and a plain CONNECT gets nowhere."""
    service.workload.requests.clear()
    with Http2WebSocket(platform, service.host) as visitor:
        visitor.request()
        stream = visitor.begin_websocket("/", protocol="connect-udp")
        assert visitor.wait(stream, lambda seen: seen.status or seen.is_over).status == 501
    with H2Visitor(platform, service.host) as visitor:
        assert [request.target for request in service.workload.requests] == ["/"]


def test_an_answer_with_the_wrong_key(service, visitor):
    """The workload's proof that it speaks WebSocket is checked: a 101 without it is malformed."""
    def lie(peer):
        peer.head("101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        peer.send(frame(TEXT, b"hello", is_masked=False))

    service.workload.handler = lie
    assert visitor.open() == 502


@pytest.mark.parametrize("handshake", [
    (*UPGRADE[:3],), (*UPGRADE[:2], UPGRADE[3]), (*UPGRADE[:2], "Sec-WebSocket-Version: 8", UPGRADE[3]),
    (*UPGRADE[:3], "Sec-WebSocket-Key: short"), (*UPGRADE, UPGRADE[3]), ("Upgrade: websocket", *UPGRADE[2:]),
], ids=["no key", "no version", "version 8", "short key", "two keys", "not nominated"])
def test_a_handshake_that_is_none(service, platform, handshake):
    """RFC 6455 4.2.1: nobody is switched by it, whatever else it gets as an answer."""
    service.workload.requests.clear()
    service.workload.handler = lambda peer: WorkloadSide(peer).switch() if peer.request.header("upgrade") else peer.answer(b"plain")
    with Http1WebSocket(platform.port, service.host, platform.ca) as visitor:
        assert visitor.open(handshake=handshake) in (200, 400, 426)
        assert all(request.header("upgrade") is None for request in service.workload.requests)


def test_an_ordinary_visitor_gets_no_101(service, platform):
    """A 101 that nobody asked for is a malformed answer."""
    service.workload.handler = lambda peer: peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        assert visitor.request().status == 502
