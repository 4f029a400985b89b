"""T11, T12: a route covers what it says and nothing beside it, whatever the path looks like and whatever the method claims to be.

Behind each of three web servers stand /public/, which a route covers, and /private/, which none does. 20,000 ways of writing a path
from the one into the other are asked for. That many of them would work is shown first, by asking the servers directly.
"""
import itertools
import random
import socket

import pytest
from hpack import Decoder

import origins
from harness import Visitor, Workload, plain_response
from origins import SECRET
from raw_http2 import DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, WINDOW_UPDATE, RawHttp2, frame, u32

STARTS = ["/public", "/public/x", "/public/x/y", "/%70ublic", "/PUBLIC", "/public/%2e", "/public.", "/public%20", "/pub%6cic/", "/public/;v=1", "/./public"]
SLASHES = ["/", "%2f", "%2F", "\\", "%5c", "%5C", "//", "/;/", "/;x/", "/%20/", "%252f", "%255c", "%c0%af", "%e0%80%af", "%ef%bc%8f", "/./", "%09/", "%00/", "/%2e/", "?/", "#/"]
DOTS = ["..", "%2e%2e", "%2E.", ".%2e", "..;", "..;x=1", "..%00", "..%0a", "..%20", "..%09", "%252e%252e", "%25%32%65.", "%c0%ae%c0%ae", "%e0%80%ae.", "%uff0e.", "%ef%bc%8e%ef%bc%8e",
        "..%3b", ".%00.", "...", ". .", "..%5c..", "..\\..", "../..", "%2e%2e%2f..", "..%2f.."]
GOALS = ["private/secret", "%70rivate/secret", "private%2fsecret", "private/./secret", "private//secret", "PRIVATE/secret", "private/x/../secret", "private\\secret", "private/%73ecret",
         "private/", "private;x/secret", "private%00/secret"]
ENDS = ["", "", "", "?", "?x=/public/", "#", "#/public/", ";", ";x", "%00", "%00.html", "%20", ".", "%23", "%3f", "/", "%2f"]
PLAIN = ["/private/secret", "/private/", "//private/secret", "/%70rivate/secret", "/./private/secret", "/private%2fsecret", "\\private\\secret", "/;/private/secret", "/.;/private/secret",
         "///private/secret", "/%2e/private/secret", "/%2f/private/secret", "/private/secret?/public/", "/private/secret;/public/", "/private/secret#/public/", "/PRIVATE/SECRET"]
LEGAL = set(map(chr, range(0x21, 0x7F)))


def paths(count=20_000):
    """`count` different ones (seeded), in targets that may be sent as they are."""
    choose, found = random.Random(11), dict.fromkeys(PLAIN)
    for start, slash, dots, goal in itertools.product(STARTS[:3], SLASHES, DOTS, GOALS[:2]):  # the whole of the nearest ones
        for depth in (1, 2):
            found[start + (slash + dots) * depth + slash + goal] = None
    while len(found) < 1.1 * count:
        steps = "".join(choose.choice(SLASHES) + choose.choice(DOTS) for _ in range(choose.randrange(1, 4)))
        found[choose.choice(STARTS) + steps + choose.choice(SLASHES) + choose.choice(GOALS) + choose.choice(ENDS)] = None
    return [path for path in found if set(path) <= LEGAL][:count]


PATHS = paths()


@pytest.fixture(scope="module", params=["nginx", "python", "node"])
def origin(request, platform, tmp_path_factory):
    server = origins.start(request.param, tmp_path_factory.mktemp(request.param))
    project = platform.project(f"origin-{request.param}")
    project.route("/public/")
    project.warpgate = project.start_warpgate(server.address, level="info")
    project.kind, project.server = request.param, server
    yield project
    assert project.warpgate.stop() == 0
    server.kill()
    server.wait()


def ask_directly(port, path):
    """What the server answers without anything before it."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        data = b""
        try:
            while part := connection.recv(65536):
                data += part
        except OSError:
            pass  # it did not like the request
    return data


class Asker(RawHttp2):
    """Many requests at once; {path: (status, body)}."""

    def __init__(self, platform, host):
        super().__init__(platform, host)
        self.decoder = Decoder()
        self.send(frame(WINDOW_UPDATE, 0, 0, u32(1 << 30)))

    def ask(self, paths):
        first = self.stream + 2
        self.send(b"".join(frame(HEADERS, END_HEADERS | END_STREAM, first + 2 * i, self.encoder.encode(
            [(":method", "GET"), (":scheme", "https"), (":authority", self.authority), (":path", path)], huffman=False)) for i, path in enumerate(paths)))
        self.stream = first + 2 * (len(paths) - 1)
        frames = self.read_for(10, lambda seen: self.count_ends(seen) >= len(paths))
        answers = {path: [None, b""] for path in paths}
        for kind, _, stream, payload in frames:
            assert kind != GOAWAY
            if stream >= first and kind in (HEADERS, DATA):
                answer = answers[paths[(stream - first) // 2]]
                if kind == HEADERS:
                    answer[0] = int(dict(self.decoder.decode(payload))[":status"])
                else:
                    answer[1] += payload
        return answers

    @staticmethod
    def count_ends(frames):
        return sum(kind == RST_STREAM or (kind in (HEADERS, DATA) and bool(flags & END_STREAM)) for kind, flags, stream, _ in frames if stream)


def batches(paths):
    return [paths[at:at + 90] for at in range(0, len(paths), 90)]


def test_the_servers_would_fall_for_it(origin):
    """What the next test is worth: asked directly, each server hands out the secret for many of these paths."""
    choose = random.Random(1)
    hits = [path for path in choose.sample(PATHS, 1200) + PLAIN if SECRET in ask_directly(origin.server.port, path)]
    assert len(hits) > 15, hits


def test_no_path_leaves_its_route(platform, origin):
    """T11: 20,000 paths; not one is answered from where no route leads. What the platform lets through is public, or nothing."""
    assert len(PATHS) == 20_000
    passed = 0
    whole = [path for path in PATHS if "#" not in path and path[0] == "/"]
    others = [path for path in PATHS if "#" in path or path[0] != "/"]  # malformed: reset, which a connection may not do too often
    for group, are_whole in [*((group, True) for group in batches(whole)), *((group, False) for group in batches(others))]:
        with Asker(platform, origin.host) as asker:
            for path, (status, body) in asker.ask(group).items():
                assert SECRET not in body, (origin.kind, path)
                assert (status is not None) == are_whole, path
                passed += are_whole and b'"code"' not in body
    assert passed > 10, "some are harmless, and pass"
    assert platform.visit(origin.host, path="/public/page").body == b"public"


def test_raw_bytes_that_no_path_may_have(platform, origin):
    """T11: the same with bytes that are no target at all: blanks, controls, 8-bit."""
    for byte in (b" ", b"\t", b"\0", b"\x01", b"\x0b", b"\x7f", b"\x80", b"\xa0", b"\xc0\xae", b"\xe2\x80\xa4", b"\xff"):
        for path in (b"/public/.." + byte + b"/private/secret", b"/public/" + byte + b"../private/secret", b"/public/." + byte + b"./private/secret",
                     b"/private/secret" + byte + b"/public/", byte + b"/private/secret"):
            with Visitor(platform.port, origin.host, platform.ca) as visitor:
                visitor.send(b"GET " + path + b" HTTP/1.1\r\nHost: " + visitor.authority.encode() + b"\r\nConnection: close\r\n\r\n")
                data = visitor.read_all()
            assert SECRET not in data and data[9:12] in (b"400", b"404", b"505"), (path, data[:60])


# T12

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "SEARCH", "REPORT", "MERGE", "PURGE", "LINK",
           "UNLINK", "QUERY", "BREW", "DEBUG", "TRACK", "get", "Get", "GETS", "G", "X-GET", "FOO!", "INDEX"]
OVERRIDES = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method", "X-Original-Method"]
REWRITES = ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Path", "X-Forwarded-Prefix", "X-Original-URI", "X-Override-URL"]
AGENTS = ["", "kube-probe/1.27", "GoogleHC/1.0", "ELB-HealthChecker/2.0", "Amazon-Route53-Health-Check-Service", "Mezusphere", "curl/8", "Mozilla/5.0 Googlebot/2.1", "x" * 4000, "() { :;}; echo"]


@pytest.fixture(scope="module")
def recording(platform):
    workload = Workload(lambda request: plain_response(request.method.encode()))
    project = platform.project("methods")
    project.route("/open/")
    project.warpgate, project.workload = project.start_warpgate(workload.address), workload
    yield project
    assert project.warpgate.stop() == 0
    workload.close()


def test_methods_and_what_overrides_them(platform, recording):
    """T12: each method on a path with a route arrives as it is; on a path without, none does; override fields change neither."""
    requests = recording.workload.requests
    with Visitor(platform.port, recording.host, platform.ca) as visitor:
        for method in METHODS:
            for fields in ([], *[[(name, value)] for name in OVERRIDES for value in ("GET", "DELETE", "OPTIONS")]):
                count = len(requests)
                assert visitor.request(method, "/open/x", fields).status == 200, (method, fields)
                assert [request.method for request in requests[count:]] == [method]
                answer = visitor.request(method, "/closed", fields)
                assert answer.status == 404 and len(requests) == count + 1, (method, fields, answer.status)


def test_methods_that_are_not_served(platform, recording):
    """T12: TRACE and CONNECT are 501 on every path, and reach nobody."""
    count = len(recording.workload.requests)
    for path in ("/open/x", "/closed"):
        assert platform.visit(recording.host, "TRACE", path).status == 501
    for target in ("example.com:443", "/open/x"):
        with Visitor(platform.port, recording.host, platform.ca) as visitor:
            visitor.send(f"CONNECT {target} HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
            assert visitor.read_all()[9:12] in (b"501", b"400")
    assert len(recording.workload.requests) == count


def test_agents_and_rewrites_change_no_decision(platform, recording):
    """T12: no agent is let through, no field moves a request to another path."""
    requests = recording.workload.requests
    with Visitor(platform.port, recording.host, platform.ca) as visitor:
        for agent, name in itertools.product(AGENTS, ["", *REWRITES]):
            fields = [("User-Agent", agent)] + ([(name, "/open/x")] if name else [])
            count = len(requests)
            assert visitor.request("GET", "/closed", fields).status == 404
            assert len(requests) == count
            fields = [("User-Agent", agent)] + ([(name, "/closed")] if name else [])
            assert visitor.request("GET", "/open/y", fields).status == 200
            assert requests[-1].target == "/open/y" and len(requests) == count + 1


def test_preflights_are_requests_like_others(platform, recording):
    """T12: OPTIONS is no way around a route; Access-Control fields decide nothing."""
    fields = [("Origin", "https://evil.example"), ("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "x")]
    assert platform.visit(recording.host, "OPTIONS", "/closed", fields).status == 404
    assert platform.visit(recording.host, "OPTIONS", "/open/x", fields).status == 200
    with Visitor(platform.port, recording.host, platform.ca) as visitor:
        assert visitor.request("OPTIONS", "*").status == 404, "there is no route for the whole server"
