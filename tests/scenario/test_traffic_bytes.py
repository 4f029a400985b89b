"""What must arrive byte for byte, and what the platform writes itself: paths, queries, the visitor's address; and patience.

Promises 10 (no deadline once bytes flow), 11 (paths rewritten by the proxy), 12 (the visitor's address wrong or missing).
"""
import itertools
import threading
import time

import pytest

from harness import Platform, Visitor, Workload
from visitor_h2 import H2Visitor
from workload_live import LiveWorkload

UNRESERVED = "abcXYZ019-._~"
SUB_DELIMITERS = "!$&'()*+,="  # without ";", which is refused
QUERY_ALSO = "/?:@;\"<>[]^`{|}\\"


def escapes():
    """Every byte that may be written as an escape, in both cases of its digits where there are two."""
    for byte in (*range(0x20, 0x2F), *range(0x30, 0x3B), 0x3C, 0x3D, 0x3E, 0x3F, 0x40, 0x41, 0x5A, 0x5B, 0x5D, 0x5E, 0x60, 0x7A, 0x7B, 0x7C, 0x7D, 0x7E):
        if byte in b"%.":
            continue  # could become a double escape or a dot segment; tested where they are refused
        yield from {f"%{byte:02x}", f"%{byte:02X}"}


TARGETS = [
    "/", "/a", "/a/", "/a/b/", "/a/b.c/", "/trailing.", "/trailing./x", "/...", "/a...b/..c/c..", "/.well-known/x", "/~user", "/*", "/a:b@c",
    "/(a)", "/a(b)c/(d)", "/%28a%29", "/%28a)", "/A/a/%41/%61", "/caf%C3%A9", "/caf%c3%a9", "/%E2%82%AC", "/%F0%9F%98%80", "/%fe%ff",
    "/a?", "/a?&", "/a?=", "/a?a", "/a?a=&b", "/a??", "/a?b?c=/../d", "/a?//", "/a/?b/", "/a?%2e%2e%2f", "/a?%00", "/a?%", "/a?%zz", "/a?%25%32%66",
    "/a?q=a+b&q=c%20d", "/a?a[]=1&a[]=2", "/a?{\"json\":\"yes\"}", "/a?;x=1;y", "/a?back\\slash", "/a?http://other.example/path?q",
    *(f"/x{c}y" for c in UNRESERVED + SUB_DELIMITERS + ":@"),
    *(f"/x?{c}" for c in UNRESERVED + SUB_DELIMITERS + QUERY_ALSO),
    *(f"/x{escape}y" for escape in escapes()),
    *(f"/x?{escape}" for escape in escapes()),
]


@pytest.fixture(scope="module")
def service(platform):
    workload = LiveWorkload()
    project = platform.project("bytes")
    project.route("/")
    project.warpgate, project.workload = project.start_warpgate(workload.address), workload
    yield project
    assert project.warpgate.stop() == 0
    workload.close()


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_targets_arrive_byte_for_byte(service, platform, version):
    """Promise 11: trailing slashes, parentheses, escapes in either case and odd queries are the workload's to read."""
    service.workload.handler = lambda peer: peer.answer()
    service.workload.requests.clear()
    kind = Visitor(platform.port, service.host, platform.ca) if version == "h1" else H2Visitor(platform, service.host)
    with kind as visitor:
        for target in TARGETS:
            assert visitor.request("GET", target).status == 200, target
    assert [request.target for request in service.workload.requests] == TARGETS


def test_prefixes_do_not_change_what_is_forwarded(platform, started):
    """A route decides; it does not rewrite: no prefix is stripped, no slash added."""
    with Workload() as workload:
        project = platform.project("prefixes")
        for path in ("/api/", "/docs", "/files/(1)"):
            project.route(path)
        started.append(project.start_warpgate(workload.address))
        for target in ("/api/", "/api/x/", "/docs", "/docs/", "/docs?", "/files/(1)", "/files/(1)/", "/files/%281%29", "/%61pi/"):
            answer = platform.visit(project.host, path=target)
            assert (answer.status, answer.body.decode()) == (200, target)
        assert platform.visit(project.host, path="/api").status == 404


# The visitor's address

LIES = [("X-Forwarded-For", "6.6.6.6"), ("x-forwarded-for", "6.6.6.6, 7.7.7.7"), ("X-Forwarded-For", "::1"), ("X-Real-IP", "6.6.6.6"),
        ("Forwarded", "for=6.6.6.6;proto=http"), ("X_Forwarded_For", "6.6.6.6"), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Port", "80"),
        ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Client-Cert", "By=6.6.6.6"), ("X-Forwarded.For", "6.6.6.6")]


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_the_visitors_address_is_the_connections(service, platform, version):
    """Promise 12: one X-Forwarded-For, from the socket; what a visitor claims is nowhere."""
    service.workload.handler = lambda peer: peer.answer()
    service.workload.requests.clear()
    kind = Visitor(platform.port, service.host, platform.ca) if version == "h1" else H2Visitor(platform, service.host)
    with kind as visitor:
        for count in range(len(LIES) + 1):
            for lies in itertools.islice(itertools.combinations(LIES, count), 12):
                assert visitor.request("GET", "/", list(lies)).status == 200
    assert len(service.workload.requests) > 100
    for request in service.workload.requests:
        assert request.all("x-forwarded-for") == ["127.0.0.1"]
        assert request.all("x-forwarded-proto") == ["https"]
        assert request.all("x-forwarded-host") == [f"{service.host}:{platform.port}"]
        assert request.all("x-forwarded-port") == [str(platform.port)]
        for lie in (b"6.6.6.6", b"7.7.7.7", b"evil", b"for="):
            assert lie not in request.raw_head.lower()


def test_addresses_of_both_families(tmp_path):
    """Promise 12: IPv6 as it is written (RFC 5952), and an IPv4 visitor of a listener for both is an IPv4 visitor."""
    platform = Platform(tmp_path, listen="[::]:0")
    with Workload() as workload:
        project = platform.project("families")
        project.route("/")
        warpgate = project.start_warpgate(workload.address)
        for address in ("127.0.0.1", "::1"):
            with Visitor(platform.port, project.host, platform.ca, address=address) as visitor:
                assert visitor.request().status == 200
            assert workload.requests[-1].all("x-forwarded-for") == [address]
        assert warpgate.stop() == 0
    assert platform.stop() == 0


# Patience

def test_no_deadline_once_bytes_flow(platform, started):
    """Promise 10: the route's first-byte timeout ends with the first byte; a drip may last as long as it likes."""
    def drip(peer):
        peer.read_all()
        if peer.request.target == "/silent":
            return peer.socket.recv(1) and False
        peer.head("200 OK", "Transfer-Encoding: chunked")
        for _ in range(8):
            time.sleep(0.25)  # this is the drip: four times the timeout in all
            peer.chunk(b".")
        peer.end()
        return True

    with LiveWorkload(drip) as workload:
        project = platform.project("patience")
        project.route("/", timeouts={"first_byte_ms": 500})
        started.append(project.start_warpgate(workload.address))
        with Visitor(platform.port, project.host, platform.ca) as visitor:
            assert visitor.request("GET", "/drip").body == b"........"
        begun = time.monotonic()
        answer = platform.visit(project.host, path="/silent")
        assert (answer.status, answer.json["code"]) == (504, "upstream_timeout")
        assert 0.4 < time.monotonic() - begun < 5


def test_no_deadline_while_an_upload_moves(platform, started):
    """The first-byte timeout counts from the request's last byte, not from its first."""
    with LiveWorkload(lambda peer: peer.answer(b"%d" % len(peer.read_all()))) as workload:
        project = platform.project("uploads")
        project.route("/", timeouts={"first_byte_ms": 500})
        started.append(project.start_warpgate(workload.address))
        with Visitor(platform.port, project.host, platform.ca) as visitor:
            visitor.send(f"POST /up HTTP/1.1\r\nHost: {visitor.authority}\r\nContent-Length: 8\r\n\r\n".encode())
            for _ in range(8):
                time.sleep(0.25)  # the visitor's pace
                visitor.send(b"x")
            assert visitor.read_response("POST").body == b"8"


def test_an_idle_timeout_that_was_asked_for(platform, started):
    """Once the answer has begun, only a route's idle timeout ends a silent exchange; without one, nothing does."""
    release = threading.Event()

    def pause(peer):
        peer.head("200 OK", "Transfer-Encoding: chunked")
        peer.chunk(b"first")
        release.wait(20)
        peer.chunk(b"second")
        peer.end()
        return True

    with LiveWorkload(pause) as workload:
        project = platform.project("idle")
        project.route("/bounded", timeouts={"idle_ms": 1000})
        project.route("/patient")
        started.append(project.start_warpgate(workload.address))
        with Visitor(platform.port, project.host, platform.ca) as patient, Visitor(platform.port, project.host, platform.ca) as bounded:
            for visitor, path in ((patient, "/patient"), (bounded, "/bounded")):
                visitor.send(f"GET {path} HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
            data = bounded.read_all()
            assert b"first" in data and not data.endswith(b"0\r\n\r\n")
            release.set()
            assert patient.read_response().body == b"firstsecond"
