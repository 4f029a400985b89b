"""Every form a message may have (RFC 9110, 9112, 9113): trailers, interim answers, HEAD, Expect, ranges, HTTP/1.0, limits.

What the workload is sent and what the visitor gets are compared with what a direct connection would have carried.
"""
import http.client

import pytest

from harness import Visitor
from visitor_half import HalfVisitor
from visitor_h2 import H2Visitor
from workload_live import LiveWorkload


@pytest.fixture(scope="module")
def service(platform):
    workload = LiveWorkload()
    project = platform.project("messages")
    project.route("/")
    project.warpgate, project.workload = project.start_warpgate(workload.address), workload
    yield project
    assert project.warpgate.stop() == 0
    assert "Sanitizer" not in project.warpgate.output, project.warpgate.output[-8000:]
    workload.close()


@pytest.fixture
def use(service):
    """Sets what the workload does; forgets what it has received."""
    service.workload.requests.clear()

    def set_handler(handler):
        service.workload.handler = handler
        return service.workload

    return set_handler


@pytest.fixture
def h1(platform, service):
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        yield visitor


@pytest.fixture
def h2(platform, service):
    with H2Visitor(platform, service.host) as visitor:
        yield visitor


@pytest.fixture(params=["h1", "h2"])
def either(request):
    return request.getfixturevalue(request.param)


def raw_exchange(visitor, request, until):
    visitor.send(request.replace(b"{h}", visitor.authority.encode()))
    data = b""
    while not data.endswith(until):
        part = visitor.socket.recv(65536)
        assert part, data
        data += part
    return data


# Trailers

def answer_with_trailers(peer):
    peer.read_all()
    peer.head("200 OK", "Transfer-Encoding: chunked", "Trailer: X-Sum")
    peer.chunk(b"body")
    peer.end("X-Sum: 42", "X-Note: two words", "Warpgate-User-Id: usr_root")
    return True


def test_trailers_of_answers_h1(use, h1):
    """RFC 9112 7.1.2: a chunked answer's trailers pass, but never the platform's names."""
    use(answer_with_trailers)
    data = raw_exchange(h1, b"GET / HTTP/1.1\r\nHost: {h}\r\nTE: trailers\r\nConnection: TE\r\n\r\n", b"\r\n\r\n")
    while b"\r\n0\r\n" not in data or not data.endswith(b"\r\n\r\n"):
        data += h1.socket.recv(65536)
    assert data.lower().endswith(b"\r\n0\r\nx-sum: 42\r\nx-note: two words\r\n\r\n")
    use(lambda peer: peer.answer(b"next"))
    assert h1.request().body == b"next"


def test_trailers_of_answers_h2(use, h2):
    use(answer_with_trailers)
    answer = h2.request()
    assert (answer.status, answer.body) == (200, b"body")
    assert answer.trailers == [("x-sum", "42"), ("x-note", "two words")]


def keep_trailers(kept):
    def handler(peer):
        kept.append((peer.read_all(), peer.trailers))
        return peer.answer(b"ok")
    return handler


def test_trailers_of_requests_h1(use, h1):
    kept = []
    use(keep_trailers(kept))
    h1.send(f"POST / HTTP/1.1\r\nHost: {h1.authority}\r\nTransfer-Encoding: chunked\r\n\r\n"
            "4\r\nbody\r\n0\r\nX-Sum: 7\r\nX-Forwarded-For: 6.6.6.6\r\nwarpgate_user_id: usr_root\r\n\r\n".encode())
    assert h1.read_response("POST").status == 200
    assert kept == [(b"body", [("x-sum", "7")])]


def test_trailers_of_requests_h2(use, h2):
    kept = []
    use(keep_trailers(kept))
    stream = h2.begin("POST", "/", end=False)
    h2.write(stream, b"body")
    h2.end(stream, [("x-sum", "7"), ("x-forwarded-for", "6.6.6.6"), ("warpgate-user-id", "usr_root")])
    assert h2.wait(stream).status == 200
    assert kept == [(b"body", [("x-sum", "7")])]


# Interim answers and Expect

def hint_then_answer(peer):
    peer.head("103 Early Hints", "Link: </style.css>; rel=preload; as=style", "Warpgate-User-Id: usr_root")
    peer.head("103 Early Hints", "Link: </script.js>; rel=preload; as=script")
    return peer.answer(b"page")


def test_early_hints_h1(use, h1):
    """RFC 8297: interim answers pass as they come, before the final one."""
    use(hint_then_answer)
    data = raw_exchange(h1, b"GET / HTTP/1.1\r\nHost: {h}\r\n\r\n", b"page")
    heads = data.lower().split(b"\r\n\r\n")
    assert [head.split(b" ")[1] for head in heads[:3]] == [b"103", b"103", b"200"]
    assert b"link: </style.css>; rel=preload; as=style" in heads[0] and b"script.js" in heads[1]
    assert b"usr_root" not in data


def test_early_hints_h2(use, h2):
    use(hint_then_answer)
    answer = h2.request()
    assert [(status, dict(fields).get("link")) for status, fields in answer.interim] == [
        (103, "</style.css>; rel=preload; as=style"), (103, "</script.js>; rel=preload; as=script")]
    assert (answer.status, answer.body) == (200, b"page")


def test_a_workloads_own_100_is_not_doubled(use, h1):
    """The edge has answered Expect itself: a second 100, from the workload, would be one too many."""
    def handler(peer):
        peer.head("100 Continue")
        return peer.answer(peer.read_all())

    use(handler)
    interim = raw_exchange(h1, b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n", b"\r\n\r\n")
    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    h1.send(b"body")
    data = raw_exchange(h1, b"", b"body")
    assert data.startswith(b"HTTP/1.1 200 ")


def test_no_interim_answer_to_http_1_0(use, h1):
    """RFC 9110 15.2: a 1.0 client gets no 1xx."""
    use(hint_then_answer)
    h1.send(f"GET / HTTP/1.0\r\nHost: {h1.authority}\r\n\r\n".encode())
    data = h1.read_all()
    assert data.split(b" ", 2)[1] == b"200" and data.endswith(b"page")


@pytest.mark.parametrize("status", ["417 Expectation Failed", "413 Content Too Large", "401 Unauthorized"])
def test_a_refusal_without_the_body(use, h1, h2, status):
    """T03: the workload refuses an upload that it has not read. The answer arrives, and nothing is left over for anybody else."""
    use(lambda peer: peer.answer(b"no", status) and False)
    stream = h2.begin("POST", "/", [("content-length", "1000000")], end=False)
    h2.write(stream, b"x" * 1000)
    answer = h2.wait(stream, lambda seen: seen.is_over or len(seen.body) == 2)
    assert (answer.status, answer.body) == (int(status[:3]), b"no")
    h1.send(f"POST / HTTP/1.1\r\nHost: {h1.authority}\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n".encode())
    response = http.client.HTTPResponse(h1.socket, method="POST")  # which itself skips a 100
    response.begin()
    assert (response.status, response.read()) == (int(status[:3]), b"no")
    workload = use(lambda peer: peer.answer(peer.request.target.encode()))
    assert h2.request(path="/next").body == b"/next"
    assert [request.target for request in workload.requests] == ["/", "/", "/next"]


# Answers without a body, and answers about a part of one

def test_head_keeps_what_get_would_say(use, either):
    def handler(peer):
        peer.head("200 OK", "Content-Length: 123456", "ETag: \"v1\"", "Accept-Ranges: bytes")
        return True

    use(handler)
    for _ in range(3):
        answer = either.request("HEAD", "/file")
        assert (answer.status, answer.body) == (200, b"")
        assert (answer.header("content-length"), answer.header("etag")) == ("123456", '"v1"')


def test_head_of_what_has_no_length(use, either):
    def handler(peer):
        peer.head("200 OK", "Transfer-Encoding: chunked")
        return True

    use(handler)
    for _ in range(3):
        answer = either.request("HEAD", "/stream")
        assert (answer.status, answer.body, answer.header("content-length")) == (200, b"", None)


@pytest.mark.parametrize("status, fields", [
    ("204 No Content", []),
    ("204 No Content", ["ETag: \"x\""]),
    ("304 Not Modified", ["ETag: \"x\"", "Content-Length: 1234"]),
    ("304 Not Modified", ["Transfer-Encoding: chunked"]),
], ids=str)
def test_answers_that_never_have_a_body(use, either, status, fields):
    """204 and 304, also with a length of what is not there: the connection goes on, nothing is waited for."""
    def handler(peer):
        peer.head(status, *fields)
        return True

    use(handler)
    for _ in range(3):
        answer = either.request("GET", "/")
        assert (answer.status, answer.body) == (int(status[:3]), b"")
        assert answer.header("etag") == ('"x"' if "ETag: \"x\"" in fields else None)


def test_ranges_pass(use, either):
    """206 and 416 are the workload's business: fields and bodies pass as they are."""
    seen = []

    def handler(peer):
        seen.append((peer.request.header("range"), peer.request.header("if-range")))
        if peer.request.target == "/far":
            return peer.answer(b"", "416 Range Not Satisfiable", "Content-Range: bytes */10")
        return peer.answer(b"234", "206 Partial Content", "Content-Range: bytes 2-4/10", "Accept-Ranges: bytes")

    use(handler)
    answer = either.request("GET", "/near", [("Range", "bytes=2-4"), ("If-Range", '"v1"')])
    assert (answer.status, answer.body, answer.header("content-range")) == (206, b"234", "bytes 2-4/10")
    answer = either.request("GET", "/far", [("Range", "bytes=90-")])
    assert (answer.status, answer.body, answer.header("content-range")) == (416, b"", "bytes */10")
    assert seen == [("bytes=2-4", '"v1"'), ("bytes=90-", None)]


def test_methods_pass_as_they_are(use, either):
    """Known, unknown and lower-case methods are not ours to judge."""
    workload = use(lambda peer: peer.answer(peer.request.method.encode()))
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT", "QUERY", "PURGE", "get", "M-SEARCH", "X!#$%&'*+-.^_`|~"]
    for method in methods:
        answer = either.request(method, "/")
        assert (answer.status, answer.body) == (200, method.encode()), method
    assert [request.method for request in workload.requests] == methods


def test_options_of_the_whole_server(use, either):
    """RFC 9110 9.3.7: `OPTIONS *` reaches the workload as `OPTIONS *`."""
    workload = use(lambda peer: peer.answer(b"", "200 OK", "Allow: GET, OPTIONS"))
    answer = either.request("OPTIONS", "*")
    assert (answer.status, answer.header("allow")) == (200, "GET, OPTIONS")
    assert [(request.method, request.target) for request in workload.requests] == [("OPTIONS", "*")]
    refused = either.request("GET", "*")
    assert refused.status == 400 or refused.reset == 1, "PROTOCOL_ERROR"
    assert len(workload.requests) == 1


def test_repeated_fields_keep_their_order(use, either):
    """Fields that may repeat (Set-Cookie above all) are not joined, dropped or put in another order."""
    fields = [f"Set-Cookie: c{i}={i}; Path=/" for i in range(20)] + ["Vary: a", "X-Odd: ", "Vary: b", "X-Odd: \xe9t\xe9"]
    workload = use(lambda peer: peer.answer(b"", "200 OK", *fields))
    answer = either.request("GET", "/", [("X-Many", "1"), ("Accept", "a"), ("X-Many", "2"), ("X-Many", "")])
    got = [(name.lower(), value) for name, value in answer.headers]
    assert [value for name, value in got if name == "set-cookie"] == [f"c{i}={i}; Path=/" for i in range(20)]
    assert [value for name, value in got if name == "vary"] == ["a", "b"]
    assert [value for name, value in got if name == "x-odd"] == ["", "\xe9t\xe9"]
    assert workload.requests[0].all("x-many") == ["1", "2", ""]


def test_cookie_crumbs_become_one_field(use, h2):
    """RFC 9113 8.2.3: HTTP/2 may split Cookie; a workload that speaks HTTP/1 gets one field."""
    workload = use(lambda peer: peer.answer())
    assert h2.request(headers=[("cookie", "a=1"), ("cookie", "b=2"), ("x-y", "z"), ("cookie", "c=3")]).status == 200
    assert workload.requests[0].all("cookie") == ["a=1; b=2; c=3"]


# HTTP/1.0

def test_http_1_0_ends_with_the_connection(use, h1):
    """Unknown length towards 1.0: not chunked, ended by closing."""
    def handler(peer):
        peer.head("200 OK", "Transfer-Encoding: chunked")
        for _ in range(3):
            peer.chunk(b"part")
        peer.end()
        return True

    workload = use(handler)
    h1.send(f"GET /old HTTP/1.0\r\nHost: {h1.authority}\r\n\r\n".encode())
    head, _, body = h1.read_all().partition(b"\r\n\r\n")
    assert b" 200 " in head and body == b"partpartpart"
    assert b"transfer-encoding" not in head.lower()
    assert workload.requests[0].version == "HTTP/1.1"


def test_http_1_0_with_keep_alive(use, h1):
    use(lambda peer: peer.answer(peer.request.target.encode()))
    for path in ("/one", "/two", "/three"):
        h1.send(f"GET {path} HTTP/1.0\r\nHost: {h1.authority}\r\nConnection: keep-alive\r\n\r\n".encode())
        answer = h1.read_response()
        assert (answer.body, (answer.header("connection") or "").lower()) == (path.encode(), "keep-alive")
    h1.send(f"GET /last HTTP/1.0\r\nHost: {h1.authority}\r\n\r\n".encode())
    assert h1.read_all().endswith(b"/last")


def test_connection_close_is_kept_to(use, h1):
    use(lambda peer: peer.answer(b"bye"))
    h1.send(f"GET / HTTP/1.1\r\nHost: {h1.authority}\r\nConnection: close\r\n\r\n".encode())
    data = h1.read_all()
    assert data.endswith(b"bye") and b"connection: close" in data.lower()


# Limits (docs/protocol.md, section 9)

def test_the_largest_head_passes(use, either):
    """The limit as documented: 32,768 bytes of names, values and 32 for each field, at most 100 fields."""
    workload = use(lambda peer: peer.answer(b"large"))
    fields = [(f"x-{i:02}", "v" * 700) for i in range(40)]
    answer = either.request("GET", "/", fields)
    assert (answer.status, answer.body) == (200, b"large")
    assert [value for name, value in workload.requests[0].headers if name.startswith("x-") and name[2:].isdigit()] == ["v" * 700] * 40
    assert either.request("GET", "/" + "a" * 16_000).status == 200


def test_a_larger_head_is_refused(use, platform, service):
    workload = use(lambda peer: peer.answer())
    for fields in ([("x-large", "v" * 33_000)], [(f"x-{i}", "v") for i in range(101)]):
        with Visitor(platform.port, service.host, platform.ca) as visitor:
            assert visitor.request("GET", "/", fields).status == 431
        with H2Visitor(platform, service.host) as visitor:
            answer = visitor.request("GET", "/", fields)
            assert answer.status == 431 or answer.reset is not None
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        assert visitor.request("GET", "/" + "a" * 17_000).status in (414, 431)
    assert workload.requests == []


def test_a_large_answer_head_passes(use, either):
    use(lambda peer: peer.answer(b"", "200 OK", *[f"X-{i:02}: {'w' * 700}" for i in range(40)]))
    answer = either.request()
    assert answer.status == 200
    assert sum(value == "w" * 700 for _, value in answer.headers) == 40


def test_a_visitor_that_has_said_all_and_closes_its_half(use, platform, service):
    """RFC 9112 9.6: who closes its sending side still waits for the answer."""
    def handler(peer):
        peer.read_all()
        peer.head("200 OK", "Transfer-Encoding: chunked")
        for _ in range(5):
            peer.chunk(b"z" * 30_000)
        peer.end()
        return True

    use(handler)
    with HalfVisitor(platform, service.host) as visitor:
        visitor.send(f"POST /half HTTP/1.1\r\nHost: {visitor.authority}\r\nContent-Length: 5\r\n\r\nhello".encode())
        visitor.close_half()
        data = visitor.read_all()
    assert data.startswith(b"HTTP/1.1 200 ") and data.count(b"z") == 150_000




