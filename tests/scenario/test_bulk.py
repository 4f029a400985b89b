"""A gibibyte each way with flat memory, and what the agent costs at rest. The plain programs: a sanitizer's memory says nothing."""
import socket
import threading
import time

import pytest

import harness
from harness import DEADLINE, Platform, Visitor, plain_response

GIB = 1 << 30
BLOCK = b"\xa5" * 65536
ALLOWED_GROWTH_KIB = 12 * 1024


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    before = harness.programs
    harness.programs = lambda: harness.PLAIN
    platform = Platform(tmp_path_factory.mktemp("bulk"), level="info")
    yield platform
    assert platform.stop() == 0, platform.output[-3000:]
    harness.programs = before


class Sink:
    """A workload for bulk: counts what it is sent, or sends as much as the path says, without keeping any of it."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self._answer(connection)
        except OSError:
            pass  # the other end has had enough

    def _answer(self, connection):
        with connection, connection.makefile("rb") as stream:
            while request := read_head_only(stream, connection):
                left = int(request.header("content-length") or 0)
                got = 0
                while got < left:
                    part = stream.read1(1 << 20)
                    if not part:
                        return
                    got += len(part)
                size = int(request.target.strip("/"))
                connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nX-Got: {got}\r\n\r\n".encode())
                while size > 0:
                    connection.sendall(BLOCK[:min(size, len(BLOCK))])
                    size -= len(BLOCK)


def read_head_only(stream, connection):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline(65537)
        if not line:
            return None
        head += line
    return harness.Request(head[:-4], b"", connection)


@pytest.fixture(scope="module")
def service(plain):
    sink = Sink()
    project = plain.project("bulk")
    project.route("/")
    warpgate = project.start_warpgate(sink.address, level="info")
    project.warpgate = warpgate
    yield project
    assert warpgate.stop() == 0
    sink.listener.close()


class Peak:
    """Watches the memory of processes while something runs."""

    def __init__(self, *programs):
        self.programs = programs
        self.begun = [p.memory_kib() for p in programs]
        self.peak = list(self.begun)
        self.over = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self):
        while not self.over.wait(0.05):
            self.peak = [max(a, p.memory_kib()) for a, p in zip(self.peak, self.programs)]

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def check(self):
        for program, begun, peak in zip(self.programs, self.begun, self.peak):
            assert peak - begun < ALLOWED_GROWTH_KIB, (program.arguments[0], begun, peak)


def read_head(visitor):
    data = b""
    while b"\r\n\r\n" not in data:
        data += visitor.socket.recv(65536)
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def test_download_of_a_gibibyte(plain, service):
    with Visitor(plain.port, service.host, plain.ca, timeout=120) as visitor, Peak(plain, service.warpgate) as peak:
        visitor.send(f"GET /{GIB} HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
        head, rest = read_head(visitor)
        assert b" 200 " in head
        got = len(rest)
        buffer = bytearray(1 << 18)
        while got < GIB:
            count = visitor.socket.recv_into(buffer)
            assert count > 0, got
            got += count
    assert got == GIB
    peak.check()


def test_upload_of_a_gibibyte(plain, service):
    with Visitor(plain.port, service.host, plain.ca, timeout=120) as visitor, Peak(plain, service.warpgate) as peak:
        visitor.send(f"POST /2 HTTP/1.1\r\nHost: {visitor.authority}\r\nContent-Length: {GIB}\r\n\r\n".encode())
        for _ in range(GIB // len(BLOCK)):
            visitor.send(BLOCK)
        answer = visitor.read_response("POST")
    assert answer.header("x-got") == str(GIB)
    peak.check()


def test_a_reader_who_stops_holds_little_and_stops_nobody(plain, service):
    """Twenty visitors ask for much and read nothing; others are served, and memory stays."""
    idle = []
    with Peak(plain, service.warpgate) as peak:
        for _ in range(20):
            visitor = Visitor(plain.port, service.host, plain.ca, timeout=120)
            visitor.send(f"GET /{GIB} HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
            visitor.socket.recv(1)
            idle.append(visitor)
        for _ in range(50):
            assert plain.visit(service.host, path="/1000").status == 200
    for program, begun, seen in zip(peak.programs, peak.begun, peak.peak):
        assert seen - begun < 20 * 1024 + ALLOWED_GROWTH_KIB, (program.arguments[0], begun, seen)
    for visitor in idle:
        visitor.close()


def test_the_agent_at_rest(plain, service, tmp_path):
    project = plain.project("rest")
    project.route("/")
    with harness.Workload(lambda request: plain_response(b"x" * 1000)) as workload:
        warpgate = project.start_warpgate(workload.address, level="info")
        assert plain.visit(project.host).status == 200
        # At rest: what its start and the request needed has been given back.
        harness.eventually(lambda: warpgate.memory_kib("Rss") <= 6 * 1024, what="6 MB resident")
        harness.eventually(lambda: warpgate.memory_kib("Anonymous") <= 1024, what="1 MB of its own")
        assert warpgate.stop() == 0


def test_from_start_to_the_first_answer(plain):
    """A bound that no loaded machine should miss; the figure itself is the bench's."""
    project = plain.project("first")
    project.route("/")
    with harness.Workload() as workload:
        begun = time.monotonic()
        warpgate = project.start_warpgate(workload.address)
        assert plain.visit(project.host).status == 200
        assert time.monotonic() - begun < DEADLINE / 2
        assert warpgate.stop() == 0
