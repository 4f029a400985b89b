"""T07: a hostile workload. Its answers are read as strictly as requests: what is not exactly one answer becomes a 502, and nothing of a
second one reaches anybody.
"""
import random
import threading

import pytest

from harness import Visitor, Workload, eventually, plain_response
from visitor_h2 import H2Visitor

SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX-Second: yes\r\n\r\nsecond-reply"

START = b"HTTP/1.1 200 OK\r\n"
MALFORMED = [  # each is followed by SECOND
    b"", b"\r\n", b"hello", b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 \r\n\r\n",
    b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 099 Low\r\n\r\n", b"HTTP/1.1 600 High\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 +20 OK\r\n\r\n",
    b"HTTP/1.1 2x0 OK\r\n\r\n", b"HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1\t200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"ICY 200 OK\r\nContent-Length: 0\r\n\r\n", b" HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", b"HTTP/1.1 200 OK\rContent-Length: 0\r\r", START + b"Content-Length: 5\n\r\nhello", START + b"Content-Length: 5\r\n\nhello",
    START + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", START + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", START + b"Content-Length: 5, 5\r\n\r\nhello",
    START + b"Content-Length: +5\r\n\r\nhello", START + b"Content-Length: -5\r\n\r\nhello", START + b"Content-Length: 0x5\r\n\r\nhello", START + b"Content-Length: 5 5\r\n\r\nhello",
    START + b"Content-Length:\r\n\r\nhello", START + b"Content-Length: 99999999999999999999\r\n\r\nhello", START + b"Content-Length: 5\0\r\n\r\nhello",
    START + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", START + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    START + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", START + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", START + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    START + b"Transfer-Encoding: identity\r\n\r\nhello", START + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", START + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    START + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", START + b"Content-Length : 5\r\n\r\nhello", START + b" Content-Length: 5\r\n\r\nhello", START + b"X: y\r\n Content-Length: 5\r\n\r\nhello",
    START + b"X: y\r\n\tz\r\nContent-Length: 5\r\n\r\nhello", START + b"X: a\rb\r\nContent-Length: 5\r\n\r\nhello", START + b"X: a\0b\r\nContent-Length: 5\r\n\r\nhello",
    START + b"X y: z\r\nContent-Length: 5\r\n\r\nhello", START + b": z\r\nContent-Length: 5\r\n\r\nhello", START + b"no colon\r\nContent-Length: 5\r\n\r\nhello", START + b"X\0: y\r\nContent-Length: 5\r\n\r\nhello",
    START + b"X\xff: y\r\nContent-Length: 5\r\n\r\nhello", START + b"X: y\r\n" * 200 + b"Content-Length: 5\r\n\r\nhello", START + b"X: " + b"y" * 70_000 + b"\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhello", b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 40,
    b"HTTP/1.1 103 Early Hints\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", START + b"Content-Length: 5\r\nX: " + bytes([1]) + b"\r\n\r\nhello",
]
BROKEN_BODIES = [  # the head is right: the answer begins, and must break off
    b"zz\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloXX\r\n0\r\n\r\n", b"5\nhello\n0\n\n", b"+5\r\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\nX y: z\r\n\r\n",
    b"ffffffffffffffff1\r\nhello\r\n", b"5\r\nhello\r\n0\r\n X: y\r\n\r\n", b"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n", b"5;\x00\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\nX: a\0\r\n\r\n",
]


@pytest.fixture(scope="module")
def service(platform):
    workload = Workload()
    project = platform.project("answers")
    project.route("/")
    project.warpgate, project.workload = project.start_warpgate(workload.address), workload
    yield project
    assert project.warpgate.stop() == 0
    assert "Sanitizer" not in project.warpgate.output, project.warpgate.output[-8000:]
    workload.close()


class Bystander(threading.Thread):
    """Asks for its own number, again and again, through the same warpgate and its pool."""

    def __init__(self, service):
        super().__init__(daemon=True)
        self.service, self.is_running, self.count, self.failures = service, True, 0, []
        self.start()

    def run(self):
        with H2Visitor(self.service.platform, self.service.host) as visitor:
            while self.is_running:
                answer = visitor.request(path=f"/own/{self.count}")
                if (answer.status, answer.body) != (200, b"/own/%d" % self.count):
                    self.failures.append((answer.status, answer.body))
                self.count += 1

    def stop(self):
        before = self.count
        eventually(lambda: self.count > before + 1 or not self.is_alive(), what="the bystander's turns")
        self.is_running = False
        self.join(20)
        assert not self.failures and self.count > 3, self.failures[:3]


@pytest.fixture
def answering(service):
    """Sets what is answered to /hostile; everything else is answered with its own target."""
    def use(data, closes=True):
        def handler(request):
            if not request.target.startswith("/hostile"):
                return plain_response(request.target.encode())
            request.socket.sendall(data)
            return None if closes else b""
        service.workload.handler = handler

    use(b"")
    bystander = Bystander(service)
    yield use
    bystander.stop()


def test_answers_that_are_none(service, platform, answering):
    """T07: 502 to visitors of both versions, whose connections go on; asked once; nothing of what came behind it."""
    for malformed in MALFORMED:
        answering(malformed + (SECOND if malformed else b""))
        if malformed in (b"", b"\r\n"):
            answering(malformed)
        with Visitor(platform.port, service.host, platform.ca) as h1, H2Visitor(platform, service.host) as h2:
            for visitor in (h1, h2):
                answer = visitor.request("POST", "/hostile")
                assert answer.status == 502, (malformed[:100], answer.status)
                assert b"second" not in answer.body and b"hello" not in answer.body
                after = visitor.request("GET", "/after")
                assert (after.status, after.body) == (200, b"/after"), malformed[:100]


def test_bodies_that_break(service, platform, answering):
    """T07: cut, not ended: no visitor takes the half for the whole, or the rest for another answer."""
    for body in BROKEN_BODIES:
        answering(START + b"Transfer-Encoding: chunked\r\n\r\n" + body + SECOND)
        with H2Visitor(platform, service.host) as visitor:
            answer = visitor.request(path="/hostile")
            assert answer.reset is not None or answer.status == 502, body
            assert b"second" not in answer.body
            assert visitor.request(path="/after").body == b"/after"
        with Visitor(platform.port, service.host, platform.ca) as visitor:
            visitor.send(f"GET /hostile HTTP/1.1\r\nHost: {visitor.authority}\r\nConnection: close\r\n\r\n".encode())
            data = visitor.read_all()
            assert data.startswith(b"HTTP/1.1 502") or not data.endswith(b"0\r\n\r\n"), body
            assert b"second" not in data and data.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("head", [
    START + b"Content-Length: 5\r\n\r\nhello", b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 12\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", START + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
], ids=lambda head: head[9:28].decode())
def test_a_second_answer_is_nobodys(service, platform, answering, head):
    """T07: bytes behind a whole answer, with it or later: dropped with the connection, before anybody else uses it."""
    answering(head + SECOND * 3, closes=False)
    for _ in range(5):
        with H2Visitor(platform, service.host) as visitor:
            answer = visitor.request(path="/hostile")
            assert answer.body in (b"hello", b"") or answer.status == 502
            assert [visitor.request(path=f"/after/{i}").body for i in range(3)] == [b"/after/0", b"/after/1", b"/after/2"]
    answer = platform.visit(service.host, "HEAD", "/hostile")
    assert b"second" not in answer.body
    assert platform.visit(service.host, path="/after").body == b"/after"


def mutated(choose):
    """An answer with one to three accidents in its head that no strict reader forgives, or that change no framing."""
    text = bytearray(b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\nX-Note: some text\r\n\r\n")
    for _ in range(choose.randrange(1, 4)):
        at = choose.randrange(len(text) - 4)
        junk = choose.choice([b"\r", b"\n", b"\0", b" ", b"\t", b"\x7f", b"\x01", b"\xff", b"\x80"])
        text[at:at + choose.randrange(2) * (text[at] not in b"Content-Length: 5\r\n")] = junk
    return bytes(text)


def test_mutated_answers(service, platform, answering):
    """T07: 600 heads with accidents (seeded): one answer or a 502, never a byte of the second one."""
    choose, refused = random.Random(7), 0
    with H2Visitor(platform, service.host) as visitor:
        for number in range(600):
            head = mutated(choose)
            answering(head + b"hello" + SECOND)
            answer = visitor.request("POST", "/hostile")
            assert answer.reset is not None or answer.status == 502 or answer.body == b"hello", (head, answer.status, answer.body)
            assert b"second" not in answer.body and not answer.header("x-second"), head
            refused += answer.status == 502
            if number % 20 == 0:
                assert visitor.request(path=f"/after/{number}").body == b"/after/%d" % number
    assert 300 < refused < 600
