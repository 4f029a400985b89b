"""Hostile visitors, workloads and API clients, always beside a well-behaved visitor on the same tunnel: nobody else notices.

What must hold after each: the other visitor's requests were all answered, no tunnel was closed, no sanitizer spoke, and both
programs are at rest.
"""
import contextlib
import os
import random
import resource
import socket
import struct
import threading
import time

import pytest

from harness import DOMAIN, Platform, Visitor, Workload, eventually, plain_response
from raw_http2 import (CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, PING, PRIORITY,
                       RST_STREAM, WINDOW_UPDATE, RawHttp2, frame, settings, u32)
from raw_warpgate import RawWarpgate, record
from visitor_h2 import H2Visitor

ENHANCE_YOUR_CALM = 11
SIGNATURE = b"answered by the workload"


class Victim(threading.Thread):
    """Somebody who only wants to use the service."""

    def __init__(self, platform, host):
        super().__init__(daemon=True)
        self.platform, self.host = platform, host
        self.is_running, self.count, self.failures = True, 0, []
        self.start()

    def run(self):
        with Visitor(self.platform.port, self.host, self.platform.ca) as visitor:
            while self.is_running:
                answer = visitor.request(path=f"/victim{self.count}")
                self.count += 1
                if (answer.status, answer.body) != (200, SIGNATURE):
                    self.failures.append((answer.status, answer.body[:200]))
                time.sleep(0.01)

    def wait_more(self):
        before = self.count
        eventually(lambda: self.count > before + 1 or not self.is_alive(), what="the other visitor's turns")

    def check(self):
        self.wait_more()
        assert self.is_alive(), "its connection was cut"
        self.is_running = False
        self.join(20)
        assert not self.failures, self.failures[:3]


def cpu_seconds(program):
    with open(f"/proc/{program.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Scene:
    def __init__(self, platform, workload):
        self.platform, self.workload = platform, workload
        self.project = platform.project("abused")
        self.project.route("/")
        self.host = self.project.host
        self.warpgate = self.project.start_warpgate(workload.address)

    def __enter__(self):
        self.mark = self.platform.mark()
        self.victim = Victim(self.platform, self.host)
        self.victim.wait_more()
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        self.victim.check()
        assert not [line for line in self.platform.lines[self.mark:] if "edge.tunnel_closed" in line]
        for program in (self.platform, self.warpgate):
            eventually(lambda program=program: self.is_at_rest(program), what="rest")

    @staticmethod
    def is_at_rest(program):
        before = cpu_seconds(program)
        time.sleep(0.25)
        return cpu_seconds(program) - before <= 0.05

    def connect(self, *pairs, source=None):
        return RawHttp2(self.platform, self.host, *pairs, source=source)

    def seen(self, prefix):
        return [r for r in self.workload.requests if r.target.startswith(prefix)]


# What the workload answers at some paths; it must never reach a visitor as it is.
HOSTILE_ANSWERS = {
    "two_framings": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "two_lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "no_content_with_length": b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    "bare_lf": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "split": b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n",
    "bad_name": b"HTTP/1.1 200 OK\r\nBad Name\x01: x\r\nContent-Length: 0\r\n\r\n",
    "status_999": b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
    "uninvited_upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nraw",
    "large_head": b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "many_fields": b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(500)) + b"Content-Length: 0\r\n\r\n",
    "hints_17": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 17 + plain_response(b"at last"),
    "hints_1000": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1000 + plain_response(b"at last"),
    "noise": random.Random(1).randbytes(5000),
    "broken_trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-A: 1\r\nContent-Length: 99\r\n\r\n",
}


def answer(request):
    name = request.target.removeprefix("/hostile/")
    if name in HOSTILE_ANSWERS:
        return HOSTILE_ANSWERS[name]
    if request.target.startswith("/large"):
        return plain_response(b"z" * 300_000)
    if request.target.startswith("/slow"):
        time.sleep(0.02)
    return plain_response(SIGNATURE)


@pytest.fixture(scope="module")
def scene(platform):
    with Workload(answer) as workload:
        scene = Scene(platform, workload)
        yield scene
        scene.warpgate.stop()
        assert "Sanitizer" not in scene.warpgate.output, scene.warpgate.output[-8000:]


# HTTP/2 floods: each yields what one connection sends, for ever.

def times(count, call):
    return b"".join(call() for _ in range(count))


def request_then(make):
    """Requests, each followed by `make(stream)`."""
    def flood(visitor):
        while True:
            yield times(50, lambda: visitor.head(path="/slow") + make(visitor.stream))
    return flood


def upload_then(fields, make):
    def flood(visitor):
        while True:
            yield times(50, lambda: visitor.head("POST", "/slow", fields, END_HEADERS) + make(visitor.stream))
    return flood


def frames_of(make, first=lambda visitor: b""):
    def flood(visitor):
        yield first(visitor)
        while True:
            yield times(500, lambda: make(visitor))
    return flood


def begin_upload(visitor):
    return visitor.head("POST", "/slow", (), END_HEADERS)


def large_heads(visitor):
    while True:
        yield visitor.head(path="/slow", fields=[(f"x-{i}", "a" * 100) for i in range(120)])


def reset_late(visitor):
    while True:
        first = visitor.stream + 2
        yield times(50, lambda: visitor.head(path="/slow"))
        time.sleep(0.01)
        yield b"".join(frame(RST_STREAM, 0, stream, u32(8)) for stream in range(first, visitor.stream + 1, 2))


def cookie_crumbs(visitor):
    """One crumb in the dynamic table, named thousands of times: small to send, large to join."""
    while True:
        visitor.stream += 2
        block = visitor.block("GET", "/slow", [("cookie", "a" * 4000)]) + b"\xbe" * 12_000
        yield frame(HEADERS, END_HEADERS | END_STREAM, visitor.stream, block)


def window_swings(visitor):
    yield times(100, lambda: visitor.head(path="/large"))
    while True:
        yield (settings((INITIAL_WINDOW_SIZE, 0)) + settings((INITIAL_WINDOW_SIZE, 100_000))) * 100


FLOODS = {
    "rapid_reset": request_then(lambda stream: frame(RST_STREAM, 0, stream, u32(8))),
    "rapid_reset_late": reset_late,
    "window_of_nothing": request_then(lambda stream: frame(WINDOW_UPDATE, 0, stream, u32(0))),
    "window_overflow": request_then(lambda stream: frame(WINDOW_UPDATE, 0, stream, u32(0x7FFFFFFF))),
    "data_after_end": request_then(lambda stream: frame(DATA, 0, stream, b"x")),
    "depends_on_itself": request_then(lambda stream: frame(PRIORITY, 0, stream, u32(stream) + b"\1")),
    "data_past_length": upload_then([("content-length", "1")], lambda stream: frame(DATA, END_STREAM, stream, b"long")),
    "malformed_trailers": upload_then([], lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, b"\x04\x01x")),
    "continuation": frames_of(lambda visitor: frame(CONTINUATION, 0, visitor.stream),
                              lambda visitor: visitor.head(path="/slow", flags=END_STREAM)),
    "continuation_full": frames_of(lambda visitor: frame(CONTINUATION, 0, visitor.stream, b"\0\1a\1b" * 300),
                                   lambda visitor: visitor.head(path="/slow", flags=END_STREAM)),
    "ping": frames_of(lambda visitor: frame(PING, 0, 0, b"12345678")),
    "settings": frames_of(lambda visitor: settings((INITIAL_WINDOW_SIZE, 65535))),
    "empty_data": frames_of(lambda visitor: frame(DATA, 0, visitor.stream), begin_upload),
    "padding": frames_of(lambda visitor: frame(DATA, 8, visitor.stream, b"\xff" + bytes(255)), begin_upload),
    "window_update": frames_of(lambda visitor: frame(WINDOW_UPDATE, 0, 0, u32(1))),
    "priority": frames_of(lambda visitor: frame(PRIORITY, 0, 1, u32(0) + b"\1")),
    "unknown": frames_of(lambda visitor: frame(0xBB, 0, 0, b"x")),
    "table_size": frames_of(lambda visitor: visitor.head(path="/slow") and
                            frame(HEADERS, END_HEADERS | END_STREAM, visitor.stream, b"\x20\x3f\xe1\x1f" * 1000)),
    "large_heads": large_heads,
    "cookie_crumbs": cookie_crumbs,
    "window_swings": window_swings,
}


@pytest.mark.parametrize("name", FLOODS)
def test_http2_flood(scene, name):
    with scene, scene.connect() as attacker:
        deadline = time.monotonic() + 10
        attacker.socket.settimeout(5)
        try:
            for chunk in FLOODS[name](attacker):
                attacker.send(chunk)
                assert time.monotonic() < deadline, "the connection is still open"
        except OSError:
            pass  # cut: what it was told is in what can still be read
        frames = attacker.read_for(1)
        errors = [int.from_bytes(payload[4:8], "big") for kind, _, _, payload in frames if kind == GOAWAY]
        assert not errors or 0 not in errors


class BusyVictim(threading.Thread):
    """Twenty requests at a time on one HTTP/2 connection, all the time, through the tunnel that the attackers use."""

    def __init__(self, platform, host):
        super().__init__(daemon=True)
        self.platform, self.host = platform, host
        self.is_running, self.count, self.failures = True, 0, []
        self.start()

    def run(self):
        with H2Visitor(self.platform, self.host) as visitor:
            open_streams = [visitor.begin(path="/slow") for _ in range(20)]
            while open_streams:
                answer = visitor.wait(open_streams.pop(0))
                self.count += 1
                if (answer.status, answer.body) != (200, SIGNATURE):
                    self.failures.append((answer.status, answer.reset, answer.body[:200]))
                if self.is_running:
                    open_streams.append(visitor.begin(path="/slow"))

    def check(self):
        self.is_running = False
        self.join(20)
        assert not self.is_alive() and not self.failures, self.failures[:3]


def attack(scene, flood, seconds, seen):
    """One attacker, who comes again with a new connection whenever the old one is cut."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), scene.connect() as attacker:
            attacker.socket.settimeout(5)
            seen["connections"] += 1
            for chunk in flood(attacker):
                attacker.send(chunk)
                seen["requests"] += 50
                if time.monotonic() > deadline:
                    return


@pytest.mark.parametrize("name", ["rapid_reset", "rapid_reset_late", "window_of_nothing", "data_past_length", "malformed_trailers"])
def test_resets_beside_a_busy_visitor(scene, name):
    """T17 to T19: ten attackers for three seconds, who come again when they are cut; the tunnel stands, and nobody else notices."""
    with scene:
        victim, seen = BusyVictim(scene.platform, scene.host), {"connections": 0, "requests": 0}
        attackers = [threading.Thread(target=attack, args=(scene, FLOODS[name], 3, seen)) for _ in range(10)]
        for attacker in attackers:
            attacker.start()
        for attacker in attackers:
            attacker.join(20)
        victim.check()
        assert victim.count >= 20 and seen["requests"] > 1000, (victim.count, seen)
        assert seen["connections"] > 10, "nobody was cut"


def test_an_address_that_cancels_too_much(scene):
    """A new connection does not bring a new account: beyond the burst each one is cut, by what its own budget would let pass.

    The address is one that no other test has charged anything to."""
    with scene:
        cut_after = []
        for _ in range(120):  # of 90 streams: so many may be open at once, and none is refused at the connection's own cost
            with contextlib.suppress(OSError), scene.connect(source="127.0.0.90") as attacker:
                attacker.send(times(90, lambda: attacker.head(path="/slow")))
                first = attacker.stream - 178
                attacker.send(b"".join(frame(RST_STREAM, 0, stream, u32(8)) for stream in range(first, attacker.stream + 1, 2)))
                frames = attacker.read_for(0.05, lambda seen: any(kind == GOAWAY for kind, *_ in seen))
                cut_after.append(any(kind == GOAWAY for kind, *_ in frames))
        assert sum(cut_after[-20:]) >= 10 and not any(cut_after[:10]), cut_after
        scene.platform.wait_line("edge.too_many_cancels", scene.mark)


def test_unread_answers_are_bounded(scene):
    """16 MiB of windows on one connection, then nothing is read: memory follows the windows, and comes back."""
    with scene, scene.connect((INITIAL_WINDOW_SIZE, 0)) as attacker:
        attacker.send(times(64, lambda: attacker.head(path="/large")))
        eventually(lambda: len(scene.seen("/large")) >= 64, what="requests")
        assert not [payload for kind, _, _, payload in attacker.read_for(0.5) if kind == DATA and payload]


# HTTP/1.1 that could be read in two ways: refused, the connection closed, and nothing of it reaches the workload.

BODY = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /smuggled HTTP/1.1\r\nHost: %s\r\n"
SMUGGLED = [
    POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
    POST + b"Transfer-Encoding: xchunked\r\n\r\n",
    POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n",
    POST + b"Transfer-Encoding : chunked\r\n\r\n",
    POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n",
    POST + b"X: y\r\n Transfer-Encoding: chunked\r\n\r\n",
    POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    POST + b"Content-Length: 1, 1\r\n\r\n",
    POST + b"Content-Length: +1\r\n\r\n",
    POST + b"Content-Length: 0x1\r\n\r\n",
    POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    POST + b"Content-Length: \r\n\r\n",
    b"POST /smuggled HTTP/1.0\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET /smuggled HTTP/1.1\nHost: %s\n\n",
    b"GET /smuggled HTTP/1.1\r\nHost: %s\r\nX: a\rb\r\n\r\n",
    b"GET /smuggled HTTP/1.1\r\nHost: %s\r\nX: a\0b\r\n\r\n",
    b"GET /smuggled HTTP/1.1\r\nHost: %s\r\nHost: evil\r\n\r\n",
    b"GET http://evil/smuggled HTTP/1.1\r\nHost: %s\r\n\r\n",
    b"GET /smuggled HTTP/1.1 \r\nHost: %s\r\n\r\n",
    b"GET  /smuggled HTTP/1.1\r\nHost: %s\r\n\r\n",
    b"GET /smuggled HTTP/0.9\r\nHost: %s\r\n\r\n",
    b"\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: %s\r\n\r\n",
    b"CONNECT evil:443 HTTP/1.1\r\nHost: %s\r\n\r\n",
]


def test_smuggling(scene):
    with scene:
        for head in SMUGGLED:
            with Visitor(scene.platform.port, scene.host, scene.platform.ca, timeout=5) as attacker:
                attacker.send(head.replace(b"%s", attacker.authority.encode()) + BODY)
                data = attacker.read_all()
            assert data.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 ", b"HTTP/1.1 505 ")), (head, data[:60])
            assert data.count(b"HTTP/1.1 ") == 1, (head, data)
        assert not scene.seen("/smuggled")


def test_bytes_after_an_early_answer_are_no_request(scene):
    with scene:
        for fields in (b"Upgrade: websocket\r\nConnection: upgrade\r\n", b"Expect: 100-continue\r\n", b""):
            with Visitor(scene.platform.port, scene.host, scene.platform.ca, timeout=5) as attacker:
                attacker.send(b"POST /early HTTP/1.1\r\nHost: %s\r\n%sContent-Length: 1000\r\n\r\n" %
                              (attacker.authority.encode(), fields) + BODY[5:])
                time.sleep(0.05)
        assert not scene.seen("/smuggled")


def read_away(visitor):
    with contextlib.suppress(OSError):
        visitor.read_all()


def test_pipelined_requests_do_not_stop_others(scene):
    with scene, Visitor(scene.platform.port, scene.host, scene.platform.ca) as attacker:
        request = f"GET //ambiguous HTTP/1.1\r\nHost: {attacker.authority}\r\n\r\n".encode()
        threading.Thread(target=read_away, args=(attacker,), daemon=True).start()
        for _ in range(20):
            attacker.send(request * 200)
        scene.victim.wait_more()


def test_visitors_that_go_in_the_middle(scene):
    choose = random.Random(7)
    with scene:
        for number in range(120):
            with Visitor(scene.platform.port, scene.host, scene.platform.ca, timeout=5) as attacker:
                host = attacker.authority.encode()
                attacker.send([
                    b"POST /slow HTTP/1.1\r\nHost: %s\r\nContent-Length: 1000000\r\n\r\n" % host + b"x" * choose.randrange(200_000),
                    b"GET /large HTTP/1.1\r\nHost: %s\r\n\r\n" % host,
                    b"POST /slow HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n" % host + b"2\r\nab\r\n" * 500,
                    b"GET /slow HTTP/1.1\r\nHost: %s\r\n\r\n" % host * 40,
                ][number % 4])
                if number % 4 == 1:
                    attacker.socket.recv(1000)
                if number % 2 == 0:
                    attacker.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("name", HOSTILE_ANSWERS)
def test_hostile_answer(scene, name):
    """A 502 that says so; the visitor's connection goes on with nothing left in it; the workload is asked once."""
    with scene:
        before = len(scene.seen(f"/hostile/{name}"))
        with scene.connect() as visitor:
            visitor.send(visitor.head(path=f"/hostile/{name}"))
            frames = visitor.read_for(5, lambda seen: any(f & END_STREAM for k, f, s, _ in seen if s == 1 and k in (DATA, HEADERS)))
            body = b"".join(payload for kind, _, stream, payload in frames if (kind, stream) == (DATA, 1))
            assert b'"status":502' in body and b'"code":"upstream_' in body, body
            visitor.send(visitor.head(path="/after"))
            frames = visitor.read_for(5, lambda seen: any(k == DATA and f & END_STREAM and s == 3 for k, f, s, _ in seen))
            assert (DATA, SIGNATURE) in [(kind, payload) for kind, _, stream, payload in frames if stream == 3]
        assert len(scene.seen(f"/hostile/{name}")) == before + 1


# A tenant's own program in place of a warpgate

RECORDS = {
    "applied": {"type": "applied", "revision": 1},
    "refused": {"type": "refused", "revision": 1, "code": "x", "detail": "y" * 200},
    "health": {"type": "health", "upstreams": []},
    "unknown": {"type": "from-the-future"},
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_warpgate_that_never_stops_talking(scene, tmp_path, name):
    """It is cut; the feed to the control plane, on which all tenants depend, and the log do not suffer from it."""
    project = scene.platform.project(f"talks-{name}")
    mark = scene.platform.mark()
    with RawWarpgate(project, tmp_path) as warpgate:
        scene.platform.wait_line(f"edge.tunnel_ready warpgate={warpgate.id}", mark)
        with pytest.raises(OSError):
            for _ in range(2000):
                warpgate.say(record(**RECORDS[name]) * 50)
        scene.platform.wait_line(f"edge.tunnel_closed warpgate={warpgate.id}", mark)
    lines = scene.platform.lines[mark:]
    assert not [line for line in lines if "edge.feed_down" in line]
    assert sum("edge.tunnel_talkative" in line for line in lines) == 1
    assert sum("control.warpgate_reported" in line for line in lines) < 100
    with scene:
        route = project.route("/still-heard")
        eventually(lambda: scene.platform.visit(project.host, path="/still-heard").json["code"] == "no_warpgate", what=route["id"])


def test_a_warpgate_that_says_too_much_at_once(scene, tmp_path):
    """8 MiB of JSON are 80 MiB in memory and two seconds of everybody's time: four bytes say that they are coming, and end the tunnel."""
    project = scene.platform.project("long-winded")
    mark = scene.platform.mark()
    with RawWarpgate(project, tmp_path) as warpgate:
        scene.platform.wait_line(f"edge.tunnel_ready warpgate={warpgate.id}", mark)
        warpgate.say(record(type="from-the-future", text="x" * 16_000))
        warpgate.say((16_385).to_bytes(4, "big"))
        scene.platform.wait_line(f"edge.control_stream_closed warpgate={warpgate.id} code=record_length", mark)
        scene.platform.wait_line(f"edge.tunnel_closed warpgate={warpgate.id}", mark)


def test_a_warpgate_that_takes_no_bundle(scene, tmp_path):
    """It gives the control stream no window, while its tenant changes the configuration again and again: 16 MiB a tunnel is too much."""
    project = scene.platform.project("unread")
    mark = scene.platform.mark()
    with RawWarpgate(project, tmp_path) as warpgate:
        scene.platform.wait_line(f"edge.tunnel_ready warpgate={warpgate.id}", mark)
        warpgate.send(settings((INITIAL_WINDOW_SIZE, 0)))
        with pytest.raises(OSError):
            for number in range(400):
                project.route(f"/{number}/" + "x" * 1000)
                warpgate.send(frame(PING, 0, 0, b"still on"))
        scene.platform.wait_line(f"edge.tunnel_unread warpgate={warpgate.id}", mark)
        scene.platform.wait_line(f"edge.tunnel_closed warpgate={warpgate.id}", mark)


# The API

def test_api_answers_nonsense(scene):
    api, organization = scene.project.api, scene.platform.organization()["id"]
    projects = f"/v1/organizations/{organization}/projects"
    bodies = [b"[" * 100_000, b'{"a":' * 50_000, b'{"name":' + b"[" * 100 + b"]" * 100 + b"}", b'{"name":"a","name":"b"}',
              b'{"name":"\\u0000"}', b'{"name":"\xff"}', b'{"name":1e999}', b'{"name":' + b"9" * 100_000 + b"}",
              b'{"name":"' + b"a" * 900_000 + b'"}', b"[" + b"1," * 400_000 + b"1]", b"null", b"", b"{}{}", b"x" * 1_048_577,
              b'{"name":"x","id":"prj_1","organization":"org_2","revision":9}']
    ids = ["env_" + "0" * 26, organization, scene.project.id, "..", "%2e%2e", "env_%00", "env_'or'1'='1", "x" * 7000,
           scene.project.environment["id"].upper(), scene.project.environment["id"] + "%20"]
    with scene:
        for body in bodies:
            assert api.call("POST", projects, raw=body).status in (400, 413, 422), body[:60]
        for name in ids:
            for method in ("GET", "PATCH", "DELETE"):
                status = api.call(method, f"/v1/environments/{name}", {} if method == "PATCH" else None).status
                assert status in (400, 404), (method, name, status)
        for query in ("limit=0", "limit=99999999999999999999", "limit=2&limit=3", "cursor=" + "A" * 5000, "x=1", "&&"):
            assert api.call("GET", f"{projects}?{query}").status == 400, query
        taken = api.call("PATCH", f"/v1/environments/{scene.project.environment['id']}", {"hostname": "evil", "project": "prj_1"})
        assert taken.status == 422


# The operator's bad days

def test_out_of_descriptors(tmp_path):
    """As many connections as there are descriptors, and more: the tunnel lives, nothing spins, and it passes."""
    limit = 96
    platform = Platform(tmp_path)
    with Workload(answer) as workload:
        project = platform.project("short")
        project.route("/")
        warpgate = project.start_warpgate(workload.address)
        assert platform.visit(project.host).status == 200
        resource.prlimit(platform.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        mark = platform.mark()
        crowd = [socket.create_connection(("127.0.0.1", platform.port)) for _ in range(2 * limit)]
        platform.wait_line("front.paused", mark)
        before = cpu_seconds(platform)
        time.sleep(1)
        assert cpu_seconds(platform) - before < 0.3
        for connection in crowd:
            connection.close()
        assert platform.visit(project.host).status == 200
        assert "edge.tunnel_closed" not in "\n".join(platform.lines[mark:])
        assert warpgate.stop() == 0
        assert platform.stop() == 0


def test_starts_without_room_for_another_file(tmp_path):
    """A disk that is full lets a platform start that has nothing new to write."""
    platform = Platform(tmp_path)
    assert platform.stop() == 0
    (tmp_path / "data" / "ca.pem.new").mkdir()  # no file of this name can be written
    again = Platform(tmp_path, port=platform.port)
    with Visitor(again.port, f"api.{DOMAIN}", again.ca) as visitor:
        assert visitor.request(path="/v1/openapi.json").status == 200
    assert again.stop() == 0
