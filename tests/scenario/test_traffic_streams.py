"""Streams of every kind: each part is with the other side before the next one is made, whichever way it goes.

Promises 2 (streamed responses buffered or cut) and 10 (large uploads, deadlines). Sender and receiver go in step: a part that were
held back would stop the test, so nothing here depends on a clock but the deadline of the whole.
"""
import queue
import threading
import time

import pytest

from harness import DEADLINE, Visitor
from visitor_h2 import H2Visitor
from workload_live import LiveWorkload

ROUNDS = 12
TYPES = ["text/event-stream", "application/json", "text/html", "application/octet-stream", "text/event-stream; charset=utf-8", None]


@pytest.fixture(scope="module")
def service(platform):
    workload = LiveWorkload()
    project = platform.project("streams")
    project.route("/")
    project.warpgate, project.workload = project.start_warpgate(workload.address), workload
    yield project
    assert project.warpgate.stop() == 0
    assert "Sanitizer" not in project.warpgate.output, project.warpgate.output[-8000:]
    workload.close()


class Steps:
    """The receiver's word to the sender that a part has come."""

    def __init__(self):
        self.queue, self.sent, self.seconds = queue.Queue(), None, []

    def sending(self):
        self.sent = time.monotonic()

    def wait(self):
        self.queue.get(timeout=DEADLINE)

    def arrived(self):
        self.seconds.append(time.monotonic() - self.sent)
        self.queue.put(None)


class Http1:
    """The little of a visitor that these tests need, over HTTP/1.1; parts are what is in between the chunks' sizes."""

    def __init__(self, platform, host):
        self.visitor = Visitor(platform.port, host, platform.ca)
        self.stream = self.visitor.socket.makefile("rb")
        self.is_chunked = False

    def begin(self, method, path, has_body):
        extra = "Transfer-Encoding: chunked\r\n" if has_body else ""
        self.visitor.send(f"{method} {path} HTTP/1.1\r\nHost: {self.visitor.authority}\r\n{extra}\r\n".encode())

    def write(self, data):
        self.visitor.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self):
        self.visitor.send(b"0\r\n\r\n")

    def head(self):
        status = int(self.stream.readline().split()[1])
        fields = []
        while (line := self.stream.readline()) not in (b"\r\n", b""):
            fields.append(line.strip().lower())
        self.is_chunked = b"transfer-encoding: chunked" in fields
        return status

    def read(self, size):
        """Exactly `size` bytes of the body."""
        data = b""
        while len(data) < size:
            if self.is_chunked:
                part = self.stream.read(int(self.stream.readline(), 16))
                self.stream.readline()
            else:
                part = self.stream.read1(size - len(data))
            assert part, data
            data += part
        return data

    def close(self):
        self.stream.close()
        self.visitor.close()


class Http2:
    def __init__(self, platform, host):
        self.visitor, self.taken = H2Visitor(platform, host), 0

    def begin(self, method, path, has_body):
        self.id = self.visitor.begin(method, path, end=not has_body)

    def write(self, data):
        self.visitor.write(self.id, data)

    def end(self):
        self.visitor.write(self.id, end=True)

    def head(self):
        return self.visitor.wait(self.id, lambda answer: answer.status).status

    def read(self, size):
        answer = self.visitor.wait(self.id, lambda answer: len(answer.body) >= self.taken + size)
        data = answer.body[self.taken:self.taken + size]
        self.taken += size
        return data

    def close(self):
        self.visitor.close()


VERSIONS = {"h1": Http1, "h2": Http2}


@pytest.fixture(params=VERSIONS)
def visit(request, platform, service):
    opened = []

    def open_one():
        opened.append(VERSIONS[request.param](platform, service.host))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


# Towards the visitor

def framing(kind, total):
    return {"chunked": ["Transfer-Encoding: chunked"], "sized": [f"Content-Length: {total}"], "until the end": ["Connection: close"]}[kind]


@pytest.mark.parametrize("kind", ["chunked", "sized", "until the end"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_each_part_of_an_answer_leaves_at_once(service, visit, method, kind):
    """Promise 2: GET and POST, whatever the content type and the framing."""
    for content_type in TYPES:
        steps = Steps()
        events = [b"data: %d %s\n\n" % (i, b"x" * (i * 37)) for i in range(ROUNDS)]

        def stream(peer, steps=steps, content_type=content_type):
            peer.read_all()
            peer.head("200 OK", *framing(kind, sum(map(len, events))), *([f"Content-Type: {content_type}"] if content_type else []))
            for event in events:
                steps.sending()
                peer.chunk(event) if kind == "chunked" else peer.send(event)
                steps.wait()
            if kind == "chunked":
                peer.end()
            return kind != "until the end"

        service.workload.handler = stream
        visitor = visit()
        visitor.begin(method, "/events", False)
        assert visitor.head() == 200
        for event in events:
            assert visitor.read(len(event)) == event
            steps.arrived()
        assert sorted(steps.seconds)[ROUNDS // 2] < 0.25, steps.seconds


def test_a_head_leaves_before_its_body(service, visit):
    """Promise 2: the answer's head is with the visitor while the workload still thinks about the first byte."""
    release = threading.Event()

    def stream(peer):
        peer.head("200 OK", "Transfer-Encoding: chunked", "Content-Type: text/plain")
        assert release.wait(DEADLINE)
        peer.chunk(b"late")
        peer.end()
        return True

    service.workload.handler = stream
    visitor = visit()
    visitor.begin("GET", "/", False)
    assert visitor.head() == 200
    release.set()
    assert visitor.read(4) == b"late"


# Towards the workload, and both ways

def test_each_part_of_an_upload_leaves_at_once(service, visit):
    """Promise 10: a request of unknown length is with the workload part by part."""
    parts = queue.Queue()

    def take(peer):
        got = 0
        while part := peer.read():
            got += len(part)
            parts.put(part)
        return peer.answer(b"%d" % got)

    service.workload.handler = take
    visitor = visit()
    visitor.begin("POST", "/upload", True)
    for i in range(ROUNDS):
        part, got = b"part %d " % i + b"y" * (i * 91), b""
        visitor.write(part)
        while len(got) < len(part):
            got += parts.get(timeout=DEADLINE)
        assert got == part
    visitor.end()
    assert visitor.head() == 200


def test_both_ways_at_once(service, visit):
    """Promise 4: question and answer in turns within one exchange, as bidirectional calls do."""
    def echo(peer):
        peer.head("200 OK", "Transfer-Encoding: chunked")
        while part := peer.read():
            peer.chunk(part.upper())
        peer.end()
        return True

    service.workload.handler = echo
    visitor = visit()
    visitor.begin("POST", "/echo", True)
    assert visitor.head() == 200
    for i in range(ROUNDS):
        word = b"turn %d " % i
        visitor.write(word)
        assert visitor.read(len(word)) == word.upper()
    visitor.end()


def test_an_answer_may_begin_before_the_request_has_ended(service, visit):
    """RFC 9113 8.1: the answer may begin, and go on, while the request is still being sent."""
    def answer_first(peer):
        peer.head("200 OK", "Transfer-Encoding: chunked")
        peer.chunk(b"before")
        got = len(peer.read_all())
        peer.chunk(b"after%d" % got)
        peer.end()
        return True

    service.workload.handler = answer_first
    visitor = visit()
    visitor.begin("POST", "/", True)
    assert visitor.head() == 200
    assert visitor.read(6) == b"before"
    for _ in range(20):
        visitor.write(b"z" * 10_000)
    visitor.end()
    assert visitor.read(11) == b"after200000"


# What ends, and what must not

def test_a_visitor_that_goes_ends_the_stream_at_the_workload(service, visit):
    """A closed browser tab: the workload's connection is closed, not left to stream into nothing."""
    gone = threading.Event()

    def stream(peer):
        peer.head("200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        peer.chunk(b"hello")
        if peer.socket.recv(1) == b"":
            gone.set()

    service.workload.handler = stream
    visitor = visit()
    visitor.begin("GET", "/", False)
    assert visitor.head() == 200 and visitor.read(5) == b"hello"
    visitor.close()
    assert gone.wait(DEADLINE)


def test_a_stream_that_breaks_is_not_a_stream_that_ended(platform, service):
    """A chunked answer cut in the middle reaches visitors of both versions as cut."""
    def cut(peer):
        peer.head("200 OK", "Transfer-Encoding: chunked")
        peer.chunk(b"half")

    service.workload.handler = cut
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        visitor.send(f"GET / HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
        data = visitor.read_all()
        assert data.startswith(b"HTTP/1.1 502 ") or not data.endswith(b"0\r\n\r\n")
    with H2Visitor(platform, service.host) as visitor:
        answer = visitor.request()
        assert answer.status == 502 or (b"half".startswith(answer.body) and answer.reset is not None)
