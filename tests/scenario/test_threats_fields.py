"""T05, T06: only the platform speaks in the platform's name. Whatever a visitor nominates or spells, the workload sees our fields once,
with our values, and nothing else that a server might take for them.
"""
import itertools
import random
import re

import pytest

from fake_platform import StrictWorkload
from harness import Visitor, plain_response
from raw_http2 import END_HEADERS, END_STREAM, HEADERS, RawHttp2, frame
from visitor_h2 import H2Visitor

OURS = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "warpgate-request-id"]
PLATFORM = re.compile(r"warpgate-.*|mezusphere-.*|x-forwarded-.*|forwarded|x-real-ip|x-original-url|x-rewrite-url|x-original-host")
SPOOF = "spoofed"


@pytest.fixture(scope="module")
def service(platform):
    workload = StrictWorkload(lambda request: plain_response(b"seen"))
    project = platform.project("fields")
    project.route("/")
    project.warpgate, project.workload = project.start_warpgate(workload.address), workload
    yield project
    assert project.warpgate.stop() == 0
    assert "Sanitizer" not in project.warpgate.output, project.warpgate.output[-8000:]
    workload.close()


def fold(name):
    return re.sub(r"[^a-z0-9]", "-", name.lower())


def check(service, request):
    """Our fields, each once and true; nothing else that folds to one of ours; none of the lies."""
    port = service.platform.port
    truth = {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https", "x-forwarded-host": f"{service.host}:{port}", "x-forwarded-port": str(port)}
    platform = [(name, value) for name, value in request.headers if PLATFORM.fullmatch(fold(name))]
    assert sorted(name.lower() for name, _ in platform) == sorted(OURS), platform
    for name, value in truth.items():
        assert request.all(name) == [value]
    assert re.fullmatch(r"req_[0-9a-z]{26}", request.all("warpgate-request-id")[0])
    assert SPOOF.encode() not in request.raw_head.lower()
    assert not [trailer for trailer in request.trailers if PLATFORM.fullmatch(fold(trailer[0]))], request.trailers


# T05

def nominations(name):
    swapped = "".join(c.upper() if i % 2 else c for i, c in enumerate(name))
    for spelling in (name, name.upper(), name.title(), swapped):
        yield from ([spelling], [f"close, {spelling}"], [f"{spelling},keep-alive"], [f"\t{spelling} \t,  , x"], ["keep-alive", spelling], [spelling, spelling],
                    [f",{spelling},"], [", ".join([spelling] * 20)])


@pytest.mark.parametrize("name", [*OURS, "host", "mezusphere-environment", "cookie", "authorization", "content-length"])
def test_connection_takes_nothing_of_ours_off(service, platform, name):
    """T05: a field that Connection names is dropped from the visitor's; ours come after that."""
    wanted = [("Cookie", "session=1"), ("Authorization", "Bearer x")]
    for values in nominations(name):
        with Visitor(platform.port, service.host, platform.ca) as visitor:
            answer = visitor.request("POST", "/", [*[("Connection", value) for value in values], *wanted, ("X-Stays", "here")], b"five!")
        request = service.workload.requests[-1]
        assert (answer.status, request.body) == (200, b"five!"), values
        check(service, request)
        assert request.all("host") == [f"{service.host}:{platform.port}"] and request.all("x-stays") == ["here"]
        assert len(request.all("content-length") + request.all("transfer-encoding")) == 1
        for field, value in wanted:  # its own, a visitor may name: then they are gone, or still there, but never half
            assert request.all(field.lower()) in ([value], [])


def test_connection_does_not_exist_in_http2(service, platform):
    """T05: RFC 9113 8.2.2: malformed, whatever it names."""
    for value in ("x-forwarded-for", "keep-alive", "", "close, warpgate-request-id"):
        service.workload.requests.clear()
        with RawHttp2(platform, service.host) as visitor:
            visitor.send(visitor.head(path="/", fields=[("connection", value)]))
            frames = visitor.read_for(2, lambda seen: any(stream == 1 for _, _, stream, _ in seen))
            assert any(stream == 1 for _, _, stream, _ in frames)
        assert not service.workload.requests, value


# T06

BASES = ["warpgate-user-id", "warpgate-user-email", "warpgate-roles", "warpgate-request-id", "mezusphere-environment", "mezusphere-error", "x-forwarded-for",
         "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-forwarded-user", "x-forwarded-client-cert", "forwarded", "x-real-ip", "x-original-url",
         "x-rewrite-url", "x-original-host"]
SEPARATORS = "-_.~!#$%&'*+^`|"


def variants():
    """2,000 spellings that some gateway reads as one of ours (seeded), and all the plain ones."""
    choose, seen = random.Random(6), set()
    for base, separator in itertools.product(BASES, SEPARATORS):
        seen.add(base.replace("-", separator))
    while len(seen) < 2300:
        base = choose.choice(BASES)
        text = "".join(choose.choice(SEPARATORS) if c == "-" else choose.choice([c, c.upper()]) for c in base)
        if choose.randrange(3) == 0 and "-" in base:
            text += choose.choice(SEPARATORS) * choose.randrange(1, 3) + choose.choice(["", "x"])
        seen.add(text)
    return sorted(name for name in seen if PLATFORM.fullmatch(fold(name)))


VARIANTS = variants()
IN_TRAILERS = [name for name in VARIANTS if name.lower() != "forwarded"]  # which makes any trailers malformed


def groups(names, size=40):
    return [names[at:at + size] for at in range(0, len(names), size)]


def test_enough_variants():
    assert len(IN_TRAILERS) > 2000


@pytest.mark.parametrize("kind", ["h1", "h2"])
def test_names_that_fold_to_ours(service, platform, kind):
    """T06: in headers, over both versions."""
    with (Visitor(platform.port, service.host, platform.ca) if kind == "h1" else H2Visitor(platform, service.host)) as visitor:
        for names in groups(VARIANTS):
            assert visitor.request("GET", "/", [(name, SPOOF) for name in names]).status == 200
            check(service, service.workload.requests[-1])


def test_names_that_fold_to_ours_in_trailers_h1(service, platform):
    """T06: in a chunked body's trailers."""
    for names in groups(IN_TRAILERS):
        with Visitor(platform.port, service.host, platform.ca) as visitor:
            trailers = "".join(f"{name}: {SPOOF}\r\n" for name in names)
            visitor.send(f"POST / HTTP/1.1\r\nHost: {visitor.authority}\r\nTransfer-Encoding: chunked\r\n\r\n"
                         f"1\r\nx\r\n0\r\nX-Sum: 1\r\n{trailers}\r\n".encode())
            assert visitor.read_response("POST").status == 200
        check(service, service.workload.requests[-1])
        assert service.workload.requests[-1].trailers == [("x-sum", "1")]
    assert SPOOF.encode() not in service.workload.tapped.lower()


def test_names_that_fold_to_ours_in_trailers_h2(service, platform):
    with H2Visitor(platform, service.host) as visitor:
        for names in groups(IN_TRAILERS):
            stream = visitor.begin("POST", "/", end=False)
            visitor.write(stream, b"x")
            visitor.end(stream, [("x-sum", "1"), *((name.lower(), SPOOF) for name in names)])
            assert visitor.wait(stream).status == 200
            check(service, service.workload.requests[-1])
            assert service.workload.requests[-1].trailers == [("x-sum", "1")]
    assert SPOOF.encode() not in service.workload.tapped.lower()


def test_names_with_line_ends_and_blanks(service, platform):
    """T06: spellings that are no names are no requests either."""
    for name in (b"warpgate-user-id ", b" warpgate-user-id", b"warpgate-user-id\t", b"warpgate user id", b"x\0warpgate-user-id", b"x\nwarpgate-user-id",
                 b"warpgate-user-id\xa0", b"WARPGATE-USER-ID\x0b"):
        service.workload.requests.clear()
        with Visitor(platform.port, service.host, platform.ca) as visitor:
            visitor.send(b"GET / HTTP/1.1\r\nHost: " + visitor.authority.encode() + b"\r\n" + name + b": spoofed\r\n\r\n")
            assert visitor.read_all().startswith(b"HTTP/1.1 400 ")
        with RawHttp2(platform, service.host) as visitor:
            fields = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", visitor.authority.encode()), (b":path", b"/"), (name.lower(), b"spoofed")]
            visitor.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, visitor.encoder.encode(fields)))
            visitor.read_for(2, lambda seen: any(stream == 1 for _, _, stream, _ in seen))
        assert not service.workload.requests, name


def test_answers_do_not_speak_in_our_name(service, platform):
    """T06, the other way: what a workload says under platform names reaches no visitor, in heads, interim heads or trailers."""
    names = [name for name in VARIANTS if fold(name).startswith(("warpgate-", "mezusphere-"))]

    def respond(request):
        spoofs = "".join(f"{name}: {SPOOF}\r\n" for name in names[respond.at:respond.at + 40])
        return (f"HTTP/1.1 103 Early Hints\r\n{spoofs}\r\nHTTP/1.1 200 OK\r\n{spoofs}Transfer-Encoding: chunked\r\n\r\n"
                f"2\r\nok\r\n0\r\n{spoofs}\r\n").encode()

    service.workload.handler = respond
    try:
        for respond.at in range(0, len(names), 40):
            with H2Visitor(platform, service.host) as visitor:
                answer = visitor.request()
                assert (answer.status, answer.body) == (200, b"ok")
                assert SPOOF not in str(answer.headers) + str(answer.interim) + str(answer.trailers)
            with Visitor(platform.port, service.host, platform.ca) as visitor:
                visitor.send(f"GET / HTTP/1.1\r\nHost: {visitor.authority}\r\nConnection: close\r\n\r\n".encode())
                data = visitor.read_all()
                assert b"\r\nok\r\n" in data and SPOOF.encode() not in data
    finally:
        service.workload.handler = lambda request: plain_response(b"seen")
