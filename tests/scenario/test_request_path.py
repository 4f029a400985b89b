"""One visitor request, end to end: what arrives at the workload, and what comes back."""
import re
import socket
import ssl
import subprocess
import threading

import pytest

from harness import DEADLINE, DOMAIN, Visitor, Workload, plain_response

VISITORS = [["--http1.1"], ["--http2"], ["--http1.1", "--tls-max", "1.2"], ["--http2", "--tls-max", "1.2"]]


@pytest.fixture(scope="module")
def service(platform):
    """A project with a route for everything, and a workload whose handler each test sets."""
    workload = Workload()
    project = platform.project("path")
    project.route("/")
    warpgate = project.start_warpgate(workload.address)
    project.workload, project.warpgate = workload, warpgate
    yield project
    assert warpgate.stop() == 0, warpgate.output[-4000:]
    assert "Sanitizer" not in warpgate.output, warpgate.output[-8000:]
    workload.close()


@pytest.fixture
def handler(service):
    """Sets what the workload answers, and forgets what it received before."""
    service.workload.requests.clear()

    def use(function):
        service.workload.handler = function
        return service.workload

    use(lambda request: plain_response(b"hello"))
    return use


def accept_request(listener):
    """The first connection that says something: a warpgate also looks whether the workload accepts any."""
    listener.settimeout(DEADLINE)
    while True:
        connection, _ = listener.accept()
        connection.settimeout(DEADLINE)
        if data := connection.recv(65536):
            return connection, data
        connection.close()


def curl(platform, host, *arguments, path="/"):
    command = ["curl", "-sS", "--cacert", platform.ca, "--max-time", str(int(DEADLINE)), *arguments,
               f"https://{host}:{platform.port}{path}"]
    return subprocess.run([str(c) for c in command], capture_output=True, check=False)


@pytest.mark.parametrize("flags", VISITORS, ids=" ".join)
def test_curl_gets_the_workloads_answer(platform, service, handler, flags):
    handler(lambda request: plain_response(b"from the workload", headers=["X-Mine: yes"]))
    result = curl(platform, service.host, "-D", "-", *flags)
    assert result.returncode == 0, result.stderr
    head, _, body = result.stdout.partition(b"\r\n\r\n")
    assert body == b"from the workload"
    assert b"x-mine: yes" in head.lower()


def test_host_and_target_arrive_byte_for_byte(service, platform, handler):
    workload = handler(lambda request: plain_response())
    targets = ["/", "/a%20b", "/caf%C3%A9", "/a+b(c)!*'", "/x?", "/x?a=%2F..%2F&b=//;c", "/trailing/", "/%41%7E", "/a:b@c"]
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        for target in targets:
            assert visitor.request("GET", target).status == 200, target
    assert [r.target for r in workload.requests] == targets
    assert {r.header("host") for r in workload.requests} == {f"{service.host}:{platform.port}"}
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        odd = service.host.upper() + f".:{platform.port}"
        assert visitor.request("GET", "/", host=odd).status == 200
    assert workload.requests[-1].header("host") == odd


@pytest.mark.parametrize("target", [
    "/a/../b", "/a/./b", "/a//b", "/a/%2e%2e/b", "/a%2fb", "/a%5cb", "/a\\b", "/a;x=1/b", "/a%3Bb", "/%252e%252e/", "/a%00b",
    "/a%0ab", "/%c0%af", "/a/..", "/a/%2E", "/%zz", "/a%", "/a%2", "/..", "//", "/a#b"])
def test_ambiguous_paths_are_refused(service, platform, handler, target):
    workload = handler(lambda request: plain_response())
    answer = platform.visit(service.host, path=target)
    assert answer.status == 400, (target, answer.status)
    assert workload.requests == []


def test_forwarding_fields_are_ours_alone(service, platform, handler):
    workload = handler(lambda request: plain_response())
    lies = [("X-Forwarded-For", "6.6.6.6"), ("x-forwarded-for", "7.7.7.7"), ("X-Forwarded-Proto", "gopher"), ("X-Forwarded-Host", "evil.example"),
            ("X-Forwarded-Port", "1"), ("Warpgate-Request-Id", "mine"), ("Warpgate-User-Id", "usr_root"), ("WARPGATE_USER_ID", "usr_root"),
            ("warpgate.user.id", "usr_root"), ("Warpgate-User_Id", "usr_root"), ("Mezusphere-Environment", "env_other"),
            ("X-Real-IP", "6.6.6.6"), ("Forwarded", "for=6.6.6.6"), ("X-Original-URL", "/admin"), ("X_Forwarded_For", "6.6.6.6")]
    assert platform.visit(service.host, headers=lies).status == 200
    request = workload.requests[-1]
    assert request.all("x-forwarded-for") == ["127.0.0.1"]
    assert request.all("x-forwarded-proto") == ["https"]
    assert request.all("x-forwarded-host") == [f"{service.host}:{platform.port}"]
    assert request.all("x-forwarded-port") == [str(platform.port)]
    assert re.fullmatch(r"req_[0-9a-hjkmnp-tv-z]{26}", request.header("warpgate-request-id"))
    raw = request.raw_head.lower()
    for lie in (b"6.6.6.6", b"7.7.7.7", b"gopher", b"evil", b"usr_root", b"mine", b"env_other", b"/admin", b"mezusphere-environment"):
        assert lie not in raw, lie


@pytest.mark.parametrize("nominated", ["X-Forwarded-For", "x-forwarded-for", "Warpgate-Request-Id", "close, X-Forwarded-Proto"])
def test_connection_cannot_nominate_platform_fields(service, platform, handler, nominated):
    workload = handler(lambda request: plain_response())
    assert platform.visit(service.host, headers=[("Connection", nominated)]).status == 200
    request = workload.requests[-1]
    assert request.all("x-forwarded-for") == ["127.0.0.1"]
    assert request.all("x-forwarded-proto") == ["https"]
    assert len(request.all("warpgate-request-id")) == 1


def test_hop_by_hop_fields_stop_at_each_hop(service, platform, handler):
    workload = handler(lambda request: plain_response(headers=[
        "Connection: keep-alive, X-Hop", "X-Hop: 1", "Keep-Alive: timeout=5", "Proxy-Connection: x", "X-End: 2",
        "Warpgate-Forged: 1", "Mezusphere-Error: upstream_refused"]))
    answer = platform.visit(service.host, headers=[("Connection", "keep-alive, X-Mine"), ("X-Mine", "1"), ("Keep-Alive", "1"),
                                                   ("Proxy-Connection", "keep-alive"), ("TE", "trailers"), ("X-Stays", "2")])
    assert answer.status == 200
    request = workload.requests[-1]
    for name in ("x-mine", "keep-alive", "proxy-connection"):
        assert request.all(name) == [], name
    assert request.all("x-stays") == ["2"]
    names = [name.lower() for name, _ in answer.headers]
    for name in ("x-hop", "keep-alive", "proxy-connection", "warpgate-forged", "mezusphere-error"):
        assert name not in names, name
    assert answer.header("x-end") == "2"


@pytest.mark.parametrize("flags", VISITORS[:2], ids=" ".join)
@pytest.mark.parametrize("size", [0, 1, 65535, 3_000_000])
def test_bodies_arrive_whole_in_both_directions(service, platform, handler, flags, size, tmp_path):
    data = bytes(i * 7 % 251 for i in range(1000)) * (size // 1000) + b"z" * (size % 1000)
    (tmp_path / "body").write_bytes(data)
    workload = handler(lambda request: plain_response(request.body[::-1]))
    result = curl(platform, service.host, *flags, "--data-binary", f"@{tmp_path / 'body'}")
    assert result.returncode == 0, result.stderr
    assert workload.requests[-1].body == data
    assert result.stdout == data[::-1]


@pytest.mark.parametrize("flags", VISITORS[:2], ids=" ".join)
def test_bodies_of_unknown_length(service, platform, handler, flags, tmp_path):
    (tmp_path / "body").write_bytes(b"abc" * 50000)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nX-Sum: 42\r\n\r\n"
    workload = handler(lambda request: chunked)
    result = curl(platform, service.host, *flags, "-T", tmp_path / "body", "-H", "Transfer-Encoding: chunked", "-X", "POST")
    assert result.stdout == b"hello!", result.stderr
    assert workload.requests[-1].body == b"abc" * 50000


def test_body_that_ends_by_closing(service, platform, handler):
    def close_delimited(request):
        request.socket.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end")
        return None

    handler(close_delimited)
    assert platform.visit(service.host).body == b"until the end"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_without_a_body(service, platform, handler, status):
    handler(lambda request: f"HTTP/1.1 {status}\r\nETag: \"x\"\r\n\r\n".encode())
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        for _ in range(3):  # and the connection stays usable
            answer = visitor.request()
            assert (answer.status, answer.body) == (int(status[:3]), b"")
            assert answer.header("etag") == '"x"'


def test_head(service, platform, handler):
    handler(lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        for _ in range(3):
            answer = visitor.request("HEAD")
            assert (answer.status, answer.body, answer.header("content-length")) == (200, b"", "1234")


def test_response_streams_as_it_is_made(service, platform, handler):
    """Server-sent events: each is with the visitor before the next one is written."""
    release = {}

    def stream(request):
        request.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(3):
            event = b"data: %d\n\n" % i
            request.socket.sendall(b"%x\r\n%s\r\n" % (len(event), event))
            assert release[i].recv(1) == b"."
        return b"0\r\n\r\n"

    pairs = [socket.socketpair() for _ in range(3)]
    for i, (theirs, _) in enumerate(pairs):
        theirs.settimeout(DEADLINE)
        release[i] = theirs
    handler(stream)
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        visitor.send(f"GET /events HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
        received = b""
        for i, (_, ours) in enumerate(pairs):
            while b"data: %d\n\n" % i not in received:
                part = visitor.socket.recv(4096)
                assert part, received
                received += part
            ours.send(b".")
    for pair in pairs:
        for end in pair:
            end.close()


def test_request_streams_as_it_is_sent(platform):
    """The workload sees the first part of an upload before the second has been sent."""
    # The recording workload would wait for the whole body, so this one reads by hand.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        project = platform.project("slow-upload")
        project.route("/")
        warpgate = project.start_warpgate(f"127.0.0.1:{listener.getsockname()[1]}")
        with Visitor(platform.port, project.host, platform.ca) as visitor:
            visitor.send(f"POST /up HTTP/1.1\r\nHost: {visitor.authority}\r\nContent-Length: 10\r\n\r\nfirst".encode())
            connection, data = accept_request(listener)
            while not data.endswith(b"\r\n\r\nfirst"):
                data += connection.recv(4096)
            visitor.send(b"secon")
            while not data.endswith(b"firstsecon"):
                data += connection.recv(4096)
            connection.sendall(plain_response(b"done"))
            assert visitor.read_response().body == b"done"
            connection.close()
        assert warpgate.stop() == 0


def test_expect_100_continue(service, platform, handler):
    workload = handler(lambda request: plain_response(request.body))
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        visitor.send(f"POST / HTTP/1.1\r\nHost: {visitor.authority}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n".encode())
        interim = b""
        while not interim.endswith(b"\r\n\r\n"):
            interim += visitor.socket.recv(1)
        assert interim.startswith(b"HTTP/1.1 100 ")
        visitor.send(b"body")
        assert visitor.read_response().body == b"body"
    assert workload.requests[-1].all("expect") == []


def test_keep_alive_and_pipelining(service, platform, handler):
    workload = handler(lambda request: plain_response(request.target.encode()))
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        requests = "".join(f"GET /{i} HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n" for i in range(20))
        visitor.send(requests.encode())
        assert [visitor.read_response().body for _ in range(20)] == [f"/{i}".encode() for i in range(20)]
    assert workload.connections < 20, "connections to the workload are kept alive"


def test_early_answer_to_an_unfinished_upload(platform):
    """The workload answers without reading the body: the visitor gets the answer, and nobody else is confused by the rest."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        project = platform.project("early")
        project.route("/")
        warpgate = project.start_warpgate(f"127.0.0.1:{listener.getsockname()[1]}")
        with Visitor(platform.port, project.host, platform.ca) as visitor:
            visitor.send(f"POST / HTTP/1.1\r\nHost: {visitor.authority}\r\nContent-Length: 1000000\r\n\r\npart".encode())
            connection, _ = accept_request(listener)
            connection.sendall(plain_response(b"too much", "413 Content Too Large"))
            answer = visitor.read_response()
            assert (answer.status, answer.body) == (413, b"too much")
            while connection.recv(65536):
                pass  # the warpgate closes: that connection is never used again
            connection.close()
        assert warpgate.stop() == 0


@pytest.mark.parametrize("raw, status", [
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: {h}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: {h}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
    (b"GET / HTTP/1.1\r\nHost: {h}\r\nContent-Length: +1\r\n\r\nx", 400),
    (b"GET / HTTP/1.1\r\nHost : {h}\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: {h}\r\nX: a\r\n b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\nHost: {h}\n\n", 400),
    (b"GET / HTTP/1.1\r\nHost: {h}\r\nX: a\x00b\r\n\r\n", 400),
    (b"GET / HTTP/9.9\r\nHost: {h}\r\n\r\n", None),
    (b"GET  / HTTP/1.1\r\nHost: {h}\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", None),
    (b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", None),
    (b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: {h}\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
    (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: {h}\r\n\r\n", None),
    (b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", None),
    (b"GET http://other.example/ HTTP/1.1\r\nHost: {h}\r\n\r\n", 400),
    (b"\x16\x03\x01garbage\r\n\r\n", 400),
], ids=lambda v: v[:44].decode("latin-1").replace("\r\n", "|") if isinstance(v, bytes) else str(v))
def test_malformed_requests_are_refused_and_the_connection_closed(service, platform, handler, raw, status):
    workload = handler(lambda request: plain_response())
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        visitor.send(raw.replace(b"{h}", visitor.authority.encode()))
        data = visitor.read_all()
    first = int(data.split(b" ", 2)[1])
    assert first == status if status else 400 <= first < 600, data[:200]
    assert data.count(b"HTTP/1.1 ") == 1, data
    assert workload.requests == []


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX: y\r\n z\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    b"HTTP/1.1 99 No\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    b"nonsense\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
], ids=lambda v: v[:60].decode("latin-1").replace("\r\n", "|"))
def test_malformed_answers_become_502(service, platform, handler, answer):
    handler(lambda request: answer)
    result = platform.visit(service.host, headers=[("Accept", "application/json")])
    assert result.status == 502, result.body
    assert result.json["code"] == "upstream_malformed"
    assert result.json["request_id"].startswith("req_")
    handler(lambda request: plain_response(b"fine"))
    assert platform.visit(service.host).body == b"fine"


def test_a_response_cut_short_is_not_a_shorter_response(service, platform, handler):
    def cut(request):
        request.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        return None

    handler(cut)
    result = curl(platform, service.host, "--http1.1")
    assert result.returncode in (18, 56), (result.returncode, result.stderr)
    result = curl(platform, service.host, "--http2")
    assert result.returncode in (18, 56, 92), (result.returncode, result.stderr)


def test_a_visitor_that_left_during_silence_is_given_up(service, platform, handler):
    """It has closed its side properly, as those do that only wait for their answer: 30 s, at most twice, then the workload is told."""
    asked, left = threading.Event(), threading.Event()

    def hold(request):
        asked.set()
        request.socket.settimeout(60 + DEADLINE)
        try:
            request.socket.recv(1)
        except ConnectionError:
            pass
        left.set()

    handler(hold)
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        visitor.send(f"GET / HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
        assert asked.wait(DEADLINE)
        visitor.socket.settimeout(0.1)
        with pytest.raises((TimeoutError, ssl.SSLError)):
            visitor.socket.unwrap()  # close_notify; the edge says nothing yet
    assert left.wait(60 + DEADLINE)


def test_hosts_that_are_not_served(service, platform):
    answer = platform.visit(f"nobody.{DOMAIN}", headers=[("Accept", "text/html")])
    assert answer.status == 421
    assert b"Host not served here" in answer.body
    with Visitor(platform.port, service.host, platform.ca) as visitor:
        assert visitor.request("GET", "/", host=f"api.{DOMAIN}").status == 421
        assert visitor.request("GET", "/", host="elsewhere.example").status == 421


def test_error_pages_are_html_for_browsers_and_json_for_tools(platform):
    project = platform.project("nobody-home")
    mark = platform.mark()
    project.route("/here")
    project.wait_in_force(mark)
    browser = platform.visit(project.host, path="/missing", headers=[("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")])
    assert (browser.status, browser.header("content-type")) == (404, "text/html; charset=utf-8")
    assert b"no_route" in browser.body and b"{{" not in browser.body
    tool = platform.visit(project.host, path="/here")
    assert (tool.status, tool.header("content-type")) == (503, "application/problem+json")
    assert tool.json["code"] == "no_warpgate" and tool.json["status"] == 503
    assert int(tool.header("retry-after")) > 0
    assert tool.header("warpgate-request-id") == tool.json["request_id"]
