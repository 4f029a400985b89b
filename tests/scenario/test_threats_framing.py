"""T01, T02, T03: nobody reads a message in two ways. A recording workload keeps every byte; it must see no request that was not one.

T01 smuggling by Content-Length, Transfer-Encoding and line ends; T02 the same through HTTP/2; T03 answers before the body has ended.
Through headers' names see test_threats_fields.py, by Upgrade test_threats_upgrade.py; hostile workloads: test_threats_answers.py.
"""
import random
import re
import threading

import pytest

from fake_platform import StrictWorkload
from harness import DEADLINE, Visitor, plain_response
from raw_http2 import DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, RawHttp2, frame
from workload_live import LiveWorkload

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: inner\r\n\r\n"


@pytest.fixture(scope="module")
def service(platform):
    workload = StrictWorkload(lambda request: plain_response(b"body %d" % len(request.body)))
    project = platform.project("framing")
    project.route("/")
    project.warpgate, project.workload = project.start_warpgate(workload.address), workload
    yield project
    assert project.warpgate.stop() == 0
    assert "Sanitizer" not in project.warpgate.output, project.warpgate.output[-8000:]
    workload.close()


# T01

ENCODINGS = [  # names and values that some server takes for "chunked", or does not
    b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked x", b"Transfer-Encoding: chunked;q=1", b"Transfer-Encoding: \"chunked\"",
    b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding: \x0cchunked", b"Transfer-Encoding:\x00chunked", b"Transfer-Encoding: chunked\x00",
    b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: identity, chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: gzip", b"Transfer-Encoding: ,chunked", b"Transfer-Encoding: chunked,", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x", b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked", b"Transfer-Encoding:",
    b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked", b" Transfer-Encoding: chunked", b"Transfer-Encoding: chunked\r",
    b"Transfer-Encoding: chu\r\n nked", b"Transfer-Encoding:\r\n chunked", b"X: y\r\n Transfer-Encoding: chunked", b"X: y\nTransfer-Encoding: chunked",
    b"X: y\rTransfer-Encoding: chunked", b"Transfer-Encoding\x00: chunked", b"Transfer-\x00Encoding: chunked", b"Transfer-Encoding: cow, chunked",
    b"Transfer-Encoding: Chunked", b"Transfer-Encoding: CHUNKED", b"Transfer-Encoding: chunked\xa0", b"Transfer-Encoding: \xe3chunked", b"Transfer-Encoding\xa0: chunked", b"Transfer Encoding: chunked",
    b"Transfer-Encoding:chunked\r\nContent-Length: 5", b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"content-length:0\r\ntransfer-encoding:chunked",
]
LENGTHS = [b"+5", b"-5", b"0x5", b"5 5", b"5,5", b"5, 6", b"5;", b"5.0", b"5e0", b"1_0", b"", b" ", b"5\x00", b"\x005", b"five", b"\xb2", b"5\x0b",
           b"18446744073709551621", b"99999999999999999999999999999999", b"5\r\nContent-Length: 6", b"5\r\nContent-Length: 5", b"5\r\n\t6",
           b"5\r\nContent-Length : 6"]
HEADS = [  # without a body; %h is the right host
    b"GET /smuggled HTTP/1.1\nHost: %h\n\n", b"GET /smuggled HTTP/1.1\r\nHost: %h\n\r\n", b"GET /smuggled HTTP/1.1\rHost: %h\r\r",
    b"GET /smuggled HTTP/1.1\r\nHost: %h\r\nX: a\rb\r\n\r\n", b"GET /smuggled HTTP/1.1\r\nHost: %h\r\nX: a\0b\r\n\r\n", b"GET /smuggled\r\n\r\n",
    b"GET /smuggled HTTP/1.1\r\nHost: %h\r\nX\r\n\r\n", b"GET /smuggled HTTP/1.1\r\nHost: %h\r\n: x\r\n\r\n", b"GET /smuggled HTTP/1.1\r\nHost: %h\r\nX y: z\r\n\r\n",
    b"GET /smuggled HTTP/1.1\r\nHost: %h\r\nX: y\r\n z\r\n\r\n", b"GET /smuggled HTTP/1.1\r\n Host: %h\r\n\r\n", b"GET /smuggled HTTP/1.1\r\nHost: %h\r\nHost: %h\r\n\r\n",
    b"GET /smuggled HTTP/1.1\r\n\r\n", b"GET /smuggled HTTP/1.1\r\nHost: %h, evil\r\n\r\n", b"GET /smuggled HTTP/1.1\r\nHost: evil@%h\r\n\r\n",
    b"GET /smuggled HTTP/1.1 x\r\nHost: %h\r\n\r\n", b"GET  /smuggled HTTP/1.1\r\nHost: %h\r\n\r\n", b"GET /smuggled  HTTP/1.1\r\nHost: %h\r\n\r\n",
    b"GET\t/smuggled HTTP/1.1\r\nHost: %h\r\n\r\n", b"GET /smuggled HTTP/1.1\t\r\nHost: %h\r\n\r\n", b" GET /smuggled HTTP/1.1\r\nHost: %h\r\n\r\n",
    b"GET /smug gled HTTP/1.1\r\nHost: %h\r\n\r\n", b"GET /smuggled\x00 HTTP/1.1\r\nHost: %h\r\n\r\n", b"GET /smuggled\xff HTTP/1.1\r\nHost: %h\r\n\r\n",
    b"G\x00T /smuggled HTTP/1.1\r\nHost: %h\r\n\r\n", b"GE(T /smuggled HTTP/1.1\r\nHost: %h\r\n\r\n", b"GET smuggled HTTP/1.1\r\nHost: %h\r\n\r\n",
    b"GET http://evil/smuggled HTTP/1.1\r\nHost: %h\r\n\r\n", b"GET https://evil@%h/smuggled HTTP/1.1\r\nHost: %h\r\n\r\n", b"GET * HTTP/1.1\r\nHost: %h\r\n\r\n",
    b"GET /smuggled HTTP/1.2\r\nHost: %h\r\n\r\n", b"GET /smuggled HTTP/2.0\r\nHost: %h\r\n\r\n", b"GET /smuggled HTTP/0.9\r\nHost: %h\r\n\r\n",
    b"GET /smuggled http/1.1\r\nHost: %h\r\n\r\n", b"GET /smuggled HTTP/1.1.1\r\nHost: %h\r\n\r\n", b"GET /smuggled HTTP/01.1\r\nHost: %h\r\n\r\n",
    b"GET /smuggled ICE/1.1\r\nHost: %h\r\n\r\n", b"CONNECT evil:443 HTTP/1.1\r\nHost: %h\r\n\r\n", b"\r\n\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: %h\r\n\r\n",
    b"POST /smuggled HTTP/1.0\r\nHost: %h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
]
CHUNKS = [  # bodies of a request that is chunked
    b"5 \r\nhello\r\n0\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"+5\r\nhello\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n", b"5\nhello\n0\n\n",
    b"5\r\nhello\r\n0\r\n\n", b"5\r\nhello\n0\r\n\r\n", b"5\rhello\r\n0\r\n\r\n", b"5\r\nhelloX\r\n0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n", b"\r\nhello\r\n0\r\n\r\n",
    b"5;\n=x\r\nhello\r\n0\r\n\r\n", b"5;a=\x00\r\nhello\r\n0\r\n\r\n", b"5;" + b"a" * 5000 + b"\r\nhello\r\n0\r\n\r\n", b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    b"00000000000000000000005\r\nhello\r\n0\r\n\r\nX", b"5\r\nhello\r\n0\r\nX: a\rb\r\n\r\n", b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n",
    b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n0\r\nHost: evil\r\n\r\n", b"5\r\nhello\r\n0\r\n X: y\r\n\r\n", b"5\r\nhello\r\n0\r\nX : y\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX\r\n\r\n", b"5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n", b"5_\r\nhello\r\n0\r\n\r\n", b"\xb5\r\nhello\r\n0\r\n\r\n", b"5\x00\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0;\n\r\n\r\n", b"5\r\n\r\nhello\r\n0\r\n\r\n", b"G\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\nX: \x00\r\n\r\n",
]


def attacks():
    post = b"POST /smuggled HTTP/1.1\r\nHost: %h\r\n"
    yield from HEADS
    for field in ENCODINGS:
        yield post + field + b"\r\n\r\n0\r\n\r\n"
        yield b"POST /smuggled HTTP/1.1\r\n" + field + b"\r\nHost: %h\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"
    for length in LENGTHS:
        yield post + b"Content-Length: " + length + b"\r\n\r\nhello"
        yield b"GET /smuggled HTTP/1.1\r\nContent-Length: " + length + b"\r\nHost: %h\r\n\r\nhello"
    for body in CHUNKS:
        yield post + b"Transfer-Encoding: chunked\r\n\r\n" + body


def test_smuggling_over_http1(service, platform):
    """T01: refused, the connection closed behind one answer; of the second request, not a byte reaches the workload."""
    count = 0
    for attack in attacks():
        for split in (False, True):  # in one packet, and with the second request in another one
            service.workload.requests.clear()
            service.workload.tapped = b""
            with Visitor(platform.port, service.host, platform.ca, timeout=5) as visitor:
                visitor.send(attack.replace(b"%h", visitor.authority.encode()) + (b"" if split else SMUGGLED))
                try:
                    visitor.send(SMUGGLED) if split else None
                except OSError:
                    pass  # closed already
                data = visitor.read_all()
            status = re.match(rb"HTTP/1\.1 (\d+) ", data)
            assert status and status[1] in (b"400", b"417", b"421", b"431", b"501", b"505", b"502"), (attack, data[:80])
            assert len(re.findall(rb"HTTP/1\.[01] \d", data)) == 1, (attack, data)
            assert not service.workload.requests, attack
            assert b"inner" not in service.workload.tapped, attack
            count += 1
    assert count > 300


def test_what_is_odd_but_right_is_written_anew(service, platform):
    """T01: forms that RFC 9112 allows pass, in our own words: the workload never sees the visitor's framing."""
    odd = [(b"Transfer-Encoding:chunked\r\n\r\n5;ext=\"v\"\r\nhello\r\n0;last\r\n\r\n", b"hello"), (b"tRANSFER-eNCODING: \t chunked \t\r\n\r\n0\r\n\r\n", b""),
           (b"Content-Length:  5  \r\n\r\nhello", b"hello"), (b"Transfer-Encoding: chunked\r\n\r\n005\r\nhello\r\n000\r\n\r\n", b"hello"),
           (b"Transfer-Encoding: chunked\r\n\r\nA\r\nhellohello\r\n0\r\n\r\n", b"hellohello"), (b"Content-Length: 005\r\n\r\nhello", b"hello")]
    for fields, body in odd:
        service.workload.requests.clear()
        service.workload.tapped = b""
        with Visitor(platform.port, service.host, platform.ca) as visitor:
            visitor.send(b"\r\nPOST /odd HTTP/1.1\r\nHost: " + visitor.authority.encode() + b"\r\n" + fields)
            assert visitor.read_response("POST").body == b"body %d" % len(body), fields
            assert visitor.request("GET", "/then").body == b"body 0"
        first, then = service.workload.requests
        assert (first.target, first.body, then.target) == ("/odd", body, "/then")
        assert (first.all("transfer-encoding") or [""])[0] in ("", "chunked") and b"ext" not in service.workload.tapped
        assert not (first.all("transfer-encoding") and first.all("content-length"))


# T02

CRLF = b"\r\nX-Injected: 1\r\n\r\n" + SMUGGLED
INJECTIONS = [
    [(b"x", b"a" + CRLF)], [(b"x", b"a\nb")], [(b"x", b"a\rb")], [(b"x", b"a\0b")], [(b"x", b" a")], [(b"x", b"a ")], [(b"x" + CRLF, b"a")], [(b"x: y", b"a")],
    [(b"x y", b"a")], [(b"X", b"a")], [(b"", b"a")], [(b":x", b"a")], [(b"x\0", b"a")], [(b"x\xff", b"a")], [(b"transfer-encoding", b"chunked")],
    [(b"connection", b"close")], [(b"keep-alive", b"1")], [(b"proxy-connection", b"x")], [(b"upgrade", b"h2c")], [(b"te", b"gzip")], [(b"te", b"trailers, gzip")],
    [(b"content-length", b"5")], [(b"content-length", b"0"), (b"content-length", b"5")], [(b"content-length", b"+0")], [(b"content-length", b"0, 0")],
    [(b"host", b"evil")], [(b"host", b"a"), (b"host", b"b")], [(b"http2-settings", b"x")], [(b"cookie", b"a\r\nb: c")],
]
PSEUDO = {
    b":method": [b"", b"GET /smuggled HTTP/1.1\r\nHost: inner\r\n\r\nGET", b"GE T", b"G\0T", b"\xff", b"CONNECT"],
    b":path": [b"", b"smuggled", b"/ HTTP/1.1\r\nHost: inner\r\n\r\nGET /smuggled", b"/smug gled", b"/smuggled\t", b"/\0", b"/smuggled#x", b"*", b"https://inner/smuggled",
               b"/\xc3\xa9", b"/\x7f"],
    b":scheme": [b"", b"http://inner/?", b"ht tp", b"https\r\nx: y"],
    b":authority": [b"", b"inner", b"%h\r\nx: y", b"%h, inner", b"u@%h", b"%h%h", b"%h/smuggled", b"%h#", b"%h\0"],
}


class Downgrade(RawHttp2):
    """An HTTP/2 visitor without scruples. outcome() is a status, or None for a stream that was reset."""

    def pseudo(self, **members):
        host = self.authority.encode()
        fields = {b":method": b"GET", b":scheme": b"https", b":authority": host, b":path": b"/smuggled"}
        fields.update({b":" + name.encode(): value.replace(b"%h", host) for name, value in members.items()})
        return list(fields.items())

    def raw(self, fields, flags=END_HEADERS | END_STREAM):
        self.stream += 2
        self.send(frame(HEADERS, flags, self.stream, self.encoder.encode(fields)))
        return self.stream

    def outcomes(self, streams):
        """{stream: status or None}, when each has one or the connection has ended; and whether it has."""
        def ended(frames):
            done = {s for kind, flags, s, _ in frames if kind == RST_STREAM or (kind in (DATA, HEADERS) and flags & END_STREAM)}
            return set(streams) <= done or any(kind == GOAWAY for kind, *_ in frames)

        frames = self.read_for(5, ended)
        found = {s: None for kind, _, s, _ in frames if kind == RST_STREAM}
        for kind, _, stream, payload in frames:
            if kind == HEADERS and stream not in found:
                found[stream] = int(dict(self.decoder.decode(payload, raw=True))[b":status"])
        return found, any(kind == GOAWAY for kind, *_ in frames)


@pytest.fixture
def connect(platform, service):
    from hpack import Decoder
    opened = []

    def open_one():
        opened.append(Downgrade(platform, service.host))
        opened[-1].decoder = Decoder()
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def test_smuggling_over_http2(service, connect):
    """T02: what would be two requests in HTTP/1.1, or none, is refused in HTTP/2 (RFC 9113 8.1, 8.2, 8.3)."""
    heads = [lambda v, f=fields: v.pseudo() + f for fields in INJECTIONS]
    heads += [lambda v, n=name, x=value: v.pseudo(**{n.decode()[1:]: x}) for name, values in PSEUDO.items() for value in values]
    heads += [lambda v, n=name: [f for f in v.pseudo() if f[0] != n] for name in PSEUDO]
    heads += [lambda v, i=i: v.pseudo() + [v.pseudo()[i]] for i in range(4)] + [lambda v: [(b"x", b"y"), *v.pseudo()],
                                                                                lambda v: v.pseudo() + [(b":status", b"200")],
                                                                                lambda v: v.pseudo() + [(b":protocol", b"websocket")]]
    for make in heads:
        service.workload.requests.clear()
        visitor = connect()
        fields = make(visitor)
        found, _ = visitor.outcomes([visitor.raw(fields)])
        assert found.get(1) is None or 400 <= found[1] < 600, (fields, found)
        assert not service.workload.requests, fields
        visitor.close()
    assert b"inner" not in service.workload.tapped.split(b"/odd")[-1]


def mutated(choose, number, host):
    """A head that was right until two accidents befell it; its path names it."""
    fields = [[b":method", choose.choice([b"GET", b"POST", b"PUT", b"HEAD"])], [b":scheme", b"https"], [b":authority", host],
              [b":path", b"/mutant/%d" % number], [b"accept", b"*/*"], [b"cookie", b"a=b"], [b"x-note", b"some text"]]
    for _ in range(choose.randrange(3)):
        at = choose.randrange(len(fields))
        what = choose.randrange(7)
        if what == 0:
            fields.insert(choose.randrange(len(fields)), list(fields[at]))
        elif what == 1:
            del fields[at]
        elif what == 2:
            fields.append(fields.pop(at))
        else:
            part = choose.randrange(2)
            text = bytearray(fields[at][part])
            junk = choose.choice([b"\r\n", b"\n", b"\r", b"\0", b":", b" ", b"\t", b"\xff", b"\x7f", b"_", b",", b";", b"\r\nx: y", b"/", b"A", b"%0d%0a"])
            place = choose.randrange(len(text) + 1)
            text[place:place + (what == 3)] = junk
            fields[at][part] = bytes(text)
    if choose.randrange(4) == 0:
        fields.append(choose.choice([[b"content-length", b"7"], [b"transfer-encoding", b"chunked"], [b"connection", b"x-note"], [b"te", b"trailers"],
                                     [b"expect", b"100-continue"], [b"x_y", b"z"], [b"warpgate-user-id", b"root"], [b"host", b"other"]]))
    return [tuple(field) for field in fields]


def test_mutated_heads_over_http2(service, connect):
    """T02: 4,000 heads with accidents (seeded). The workload sees exactly one whole, clean request for each that was answered 200."""
    choose = random.Random(20)
    service.workload.requests.clear()
    service.workload.tapped = b""
    total, accepted, number = 4000, 0, 0
    while number < total:
        visitor = connect()
        streams = [visitor.raw(mutated(choose, number + i, visitor.authority.encode())) for i in range(40)]
        number += len(streams)
        found, _ = visitor.outcomes(streams)
        accepted += sum(status == 200 for status in found.values())
        assert not [status for status in found.values() if status and status != 200 and not 400 <= status < 500 and status not in (501,)]
        visitor.close()
    requests = service.workload.requests
    assert total / 10 < accepted <= len(requests) <= total
    assert len(requests) - accepted <= total / 50, "those whose answer was lost with a connection"
    targets = [request.target for request in requests]
    assert len(service.workload.tapped.split(b" HTTP/1.1\r\n")) == len(requests) + 1
    for request in requests:
        assert re.fullmatch(r"[!-~]+", request.target) and request.target.startswith("/")
        assert [name for name, _ in request.headers].count("Host") == 1
        assert not re.search(rb"[\0\r]|\n ", request.raw_head.replace(b"\r\n", b"\n"))
        assert all(re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^`|~-]+", name) for name, _ in request.headers), request.raw_head
    assert len(set(targets)) > total / 10


# T03

def test_early_answers_do_not_cross(platform, started):
    """T03: a workload that answers before it has read, and takes the body for the next request. What it then says is nobody's answer, and
    nobody else's request is sent behind such a body."""
    lock, served = threading.Lock(), []

    def answer_unread(peer):
        with lock:
            served.append((peer.socket.getpeername()[1], peer.request.target))
        if peer.request.method == "POST":
            return peer.answer(peer.request.target.encode(), "403 Forbidden")  # and reads on, as a careless server would
        return peer.answer(peer.request.target.encode())

    with LiveWorkload(answer_unread) as workload:
        project = platform.project("early-answers")
        project.route("/")
        started.append(project.start_warpgate(workload.address))
        failures = []

        def victim(name):
            with Visitor(platform.port, project.host, platform.ca) as visitor:
                for number in range(150):
                    answer = visitor.request("GET", f"/victim-{name}/{number}")
                    if (answer.status, answer.body) != (200, b"/victim-%d/%d" % (name, number)):
                        failures.append((answer.status, answer.body))

        threads = [threading.Thread(target=victim, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for number in range(100):
            with Visitor(platform.port, project.host, platform.ca, timeout=DEADLINE) as visitor:
                framing = (b"Content-Length: 4000", b"Transfer-Encoding: chunked", b"Content-Length: 4000\r\nExpect: 100-continue")[number % 3]
                visitor.send(b"POST /attack HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n" % (visitor.authority.encode(), framing))
                visitor.send(b"fa0\r\n" * (number % 3 == 1) + SMUGGLED * 5)
                visitor.read_all()
        for thread in threads:
            thread.join()
        assert not failures
        attacked = {port for port, target in served if not target.startswith("/victim")}
        assert len(attacked) > 90 and not [target for port, target in served if port in attacked and target.startswith("/victim")
                                             and (port, "/attack") in served[:served.index((port, target))]]
