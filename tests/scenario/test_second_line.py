"""An edge with a genuine certificate that does not keep to policy: the warpgate judges each request and each bundle itself.

After every trick a good request passes on the same tunnel, and what the workload was sent is compared byte for byte: nothing of
the trick may be among it.
"""
import itertools
import json

import pytest

from fake_platform import FakePlatform, Signer, StrictWorkload, base64url, new_id
from harness import plain_response

ROUTES = (("prefix", "/good/", "default"), ("exact", "/exact", "default"), ("regexp", "/r/[0-9]+", "default"),
          ("prefix", "/admin/", "undeclared"))
serial = itertools.count(1)


class Line:
    """One platform, one warpgate, one tunnel, one workload."""

    def __init__(self, folder):
        self.workload = StrictWorkload(lambda request: plain_response(request.target.encode("latin-1")))
        self.platform = FakePlatform(folder, ROUTES)
        self.control, self.edge = self.platform.add_control(), self.platform.add_edge()
        self.warpgate = self.platform.start_warpgate(self.control, f"http://{self.workload.address}")
        self.tunnel = self.edge.wait_tunnel()

    def close(self):
        self.platform.close()
        self.workload.close()

    def request(self, *arguments, **members):
        return self.tunnel.request(*arguments, **members).wait()

    def good(self, **members):
        """A request with a path of its own that must pass, and be the next whole one that the workload sees."""
        path = f"/good/{next(serial)}"
        exchange = self.request(path, **members)
        assert exchange.status == 200 and exchange.error is None, exchange
        assert self.workload.requests[-1].target == path
        assert not self.tunnel.is_closed and len(self.edge.tunnels) == 1, "all on the same tunnel"
        return self.workload.requests[-1]

    def refuses(self, *arguments, error=None, **members):
        """Nothing of this request reaches the workload."""
        count, tapped = len(self.workload.requests), len(self.workload.tapped)
        exchange = self.request(*arguments, **members)
        if error is not None:
            assert (exchange.status, exchange.error) == error, exchange
            assert exchange.body == b""
        else:
            assert exchange.reset is not None or exchange.error is not None or exchange.status in (414, 431), exchange
        last = self.good()
        assert len(self.workload.requests) == count + 1, "only the good one"
        host = self.platform.host
        written = f"x-forwarded-proto: https\r\nx-forwarded-host: {host}\r\nx-forwarded-port: 443\r\n"
        wanted = f"GET {last.target} HTTP/1.1\r\nHost: {host}\r\n{written}\r\n".encode()
        assert self.workload.tapped[tapped:] == wanted
        return exchange

    def cuts(self, *arguments, **members):
        """What the workload saw of this request, which showed its fault only in its body, never became a whole one."""
        count, tapped = len(self.workload.requests), len(self.workload.tapped)
        exchange = self.request(*arguments, **members)
        assert exchange.reset is not None, exchange
        self.good()
        assert len(self.workload.requests) == count + 1
        return self.workload.tapped[tapped:]


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    running = Line(tmp_path_factory.mktemp("line"))
    yield running
    running.close()


# What passes, so that the refusals below mean something

def test_what_policy_allows_passes_byte_for_byte(line):
    for path in ("/good/", "/good/%41%7e/x%20y?q=%2e%2e//;&a=%00", "/good/a.b/..c/...", "/exact", "/exact?/../", "/r/42",
                 "/good/caf%C3%A9", "/good/a,b=c@d:e!$&'()*+~"):
        exchange = line.request(path)
        assert (exchange.status, exchange.body) == (200, path.encode()), (path, exchange)
    for authority in (f"{line.platform.host}:443", line.platform.host.upper(), f"{line.platform.host}.:8443"):
        assert line.good(authority=authority).all("host") == [authority]


def test_bodies_and_trailers_pass(line):
    exchange = line.request("/good/body", method="POST", body=b"x" * 100_000, trailers=[("x-checksum", "7")])
    request = line.workload.requests[-1]
    assert exchange.status == 200 and request.body == b"x" * 100_000 and request.trailers == [("x-checksum", "7")]
    exchange = line.request("/good/sized", method="PUT", fields=[("content-length", "5")], body=b"hello")
    request = line.workload.requests[-1]
    assert exchange.status == 200 and request.body == b"hello" and request.all("content-length") == ["5"]
    assert not request.all("transfer-encoding")


# Routes and paths

@pytest.mark.parametrize("path", ["/", "/secret", "/good", "/exact/", "/exac", "/EXACT", "/r/", "/r/4a", "/r/42/", "/x/good/", "/r/4\u002f2"])
def test_a_path_without_a_route(line, path):
    line.refuses(path, error=(404, "no_route"))


AMBIGUOUS = [
    "/good/../secret", "/good/..", "/good/.", "/good/./x", "/./good/", "/good/%2e%2e/secret", "/good/.%2e/secret", "/good/%2E./x",
    "/good/%2e", "//good/", "/good//x", "/good/%2fx", "/good/%2Fx", "/good/..%2fsecret", "/good/a%5cb", "/good/..%5csecret",
    "/good/\\..\\secret", "/good/a\\b", "/good/;x=1", "/good;/x", "/good/..;/secret", "/good/%3bx", "/good/%252e%252e/x",
    "/good/%252f", "/good/%25%32%65", "/good/%2525", "/good/%00", "/good/x%00.html", "/good/%0d%0aX:y", "/good/%7f", "/good/%1f",
    "/good/%c0%ae%c0%ae/", "/good/%c1%9c", "/good/%e0%80%af", "/good/%f0%80%80%af", "/good/%", "/good/%2", "/good/%zz", "/good/%u002e",
    "/good/..?x", "/good/%2e%2e?x", "/%67ood/../x",
]


@pytest.mark.parametrize("path", AMBIGUOUS)
def test_a_path_that_could_be_two(line, path):
    line.refuses(path, error=(400, "bad_path"))


@pytest.mark.parametrize("path", ["", "*", "good/x", "http://shop.fake.localhost/good/x", "https://other/good/x", "/good/x#y", "/good/a b",
                                  "/good/x HTTP/1.1\r\nX: y", "/good/x\r\n\r\nGET /secret HTTP/1.1", "/good/\x00", "/good/\xc3\xa9", "/good/\t",
                                  "?x", "/good/\x7f"])
def test_a_path_that_is_none(line, path):
    exchange = line.refuses(path)
    assert exchange.reset == 1, "PROTOCOL_ERROR"


def test_options_of_everything(line):
    line.refuses("*", method="OPTIONS", error=(404, "no_route"))  # as "/" has none


def test_a_path_that_is_too_long(line):
    assert line.refuses("/good/" + "x" * 17_000).status == 414


def test_a_route_to_an_upstream_that_was_not_declared(line):
    line.refuses("/admin/x", error=(502, "upstream_undeclared"))


# Hosts and environments

@pytest.mark.parametrize("host", ["other.fake.localhost", "fake.localhost", "sub.shop.fake.localhost", "shop.fake.localhost.evil.net", "edge",
                                  "127.0.0.1", "[::1]", "localhost", "0x7f.1", "shop.fake.localhost:", "shop..fake.localhost"])
def test_another_host(line, host):
    exchange = line.refuses("/good/x", authority=host)
    assert exchange.error == "wrong_host" and exchange.status == 421 or exchange.reset == 1 or host.endswith(":"), exchange


@pytest.mark.parametrize("host", ["user@shop.fake.localhost", "shop.fake.localhost/x", "shop.fake.localhost:99999", "shop.fake.localhost:x",
                                  "shop.fake.localhost ", "shop.fake.localhost\r\nX: y", "shop.fake.localhost,other", "", "shop.fake.localhost#"])
def test_an_authority_that_is_none(line, host):
    headers = [(name, host if name == ":authority" else value) for name, value in line.tunnel.headers("/good/x")]
    line.refuses(headers=headers)


@pytest.mark.parametrize("host", ["other.fake.localhost", "shop.fake.localhost:1", ""])
def test_a_host_field_that_disagrees(line, host):
    line.refuses("/good/x", fields=[("host", host)])


def test_two_host_fields(line):
    line.refuses("/good/x", fields=[("host", line.platform.host), ("host", line.platform.host)])


def test_a_host_field_that_agrees_is_not_doubled(line):
    assert line.good(fields=[("host", line.platform.host)]).all("host") == [line.platform.host]


def test_another_environment(line):
    mine = line.platform.environment
    for other in (new_id("env"), mine.upper(), mine + "x", mine[:-1], "production", mine + ",", "env_"):
        line.refuses("/good/x", environment=other, error=(421, "environment_mismatch"))


def test_no_environment(line):
    bare = [field for field in line.tunnel.headers("/good/x") if field[0] != "mezusphere-environment"]
    line.refuses(headers=bare, error=(421, "environment_mismatch"))
    for name in ("mezusphere_environment", "mezusphere.environment", "x-mezusphere-environment"):
        line.refuses(headers=[*bare, (name, line.platform.environment)], error=(421, "environment_mismatch"))
    line.refuses(headers=[*bare, ("mezusphere-environment", "")], error=(421, "environment_mismatch"))


def test_two_environments(line):
    line.refuses("/good/x", fields=[("mezusphere-environment", new_id("env"))], error=(421, "environment_mismatch"))


# Identity

SPELLINGS = ["warpgate-user", "warpgate_user", "warpgate.user", "warpgate~user", "warpgate!user", "warpgate'user", "warpgate-user-email",
             "warpgate--user", "warpgate-", "warpgate_request_id", "mezusphere-user", "mezusphere_error", "mezusphere-error",
             "x-forwarded-user", "x_forwarded_for", "x-forwarded_for", "x.forwarded.for", "x-forwarded-for-real", "x-forwarded-prefix", "forwarded",
             "x-real-ip", "x_real_ip", "x-original-url", "x-rewrite-url", "x-original-host", "a_b", "a.b", "remote_user", "content_length",
             "transfer_encoding", "host_"]


# What the warpgate writes itself stands last (test_what_follows_from_the_request_is_the_warpgates_to_say).
WRITTEN = ["x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"]


def names_of(request):
    """Without what the warpgate wrote."""
    names = [name.lower() for name, _ in request.headers]
    assert names[-3:] == WRITTEN and not set(WRITTEN) & set(names[:-3])
    return names[:-3]


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_spoofed_field_is_taken_off(line, name):
    request = line.good(fields=[(name, "spoofed"), ("x-kept", "1")])
    assert names_of(request) == ["host", "x-kept"]
    assert "spoofed" not in request.raw_head.decode("latin-1")


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_spoofed_trailer_is_taken_off(line, name):
    exchange = line.request("/good/trailers", method="POST", body=b"x", trailers=[("x-kept", "1"), (name, "spoofed")])
    request = line.workload.requests[-1]
    if exchange.reset is not None:  # "forwarded" may not be a trailer at all
        assert name == "forwarded" and request.target != "/good/trailers"
    else:
        assert exchange.status == 200 and request.trailers == [("x-kept", "1")]
    line.good()


@pytest.mark.parametrize("name", ["Warpgate-User", "WARPGATE-USER", "Mezusphere-Environment", "X-Forwarded-For", "warpgate-User"])
def test_upper_case_names_are_malformed(line, name):
    assert line.refuses("/good/x", fields=[(name, "spoofed")]).reset == 1


def test_what_the_edge_itself_writes_stays_once(line):
    own = [("x-forwarded-for", "192.0.2.7"), ("warpgate-request-id", "req_1")]
    request = line.good(fields=[*own, *[(name, "second") for name, _ in own]])
    assert [(n.lower(), v) for n, v in request.headers if n.lower() != "host"][:2] == own


def test_what_follows_from_the_request_is_the_warpgates_to_say(line):
    lies = [("x-forwarded-proto", "gopher"), ("x-forwarded-host", "elsewhere.example"), ("x-forwarded-port", "1")]
    request = line.good(fields=lies)
    forwarded = [(n.lower(), v) for n, v in request.headers if n.lower().startswith("x-forwarded-")]
    authority = next(v for n, v in request.headers if n.lower() == "host")
    port = authority.rpartition(":")[2] if ":" in authority else "443"
    assert forwarded == [("x-forwarded-proto", "https"), ("x-forwarded-host", authority), ("x-forwarded-port", port)]


def test_what_the_workload_says_in_the_platforms_name_is_taken_off(line):
    handler = line.workload.handler
    line.workload.handler = lambda request: plain_response(b"", headers=["Mezusphere-Error: no_route", "Warpgate_User: x", "Warpgate-User: x", "X-A: 1"])
    try:
        exchange = line.request("/good/x")
    finally:
        line.workload.handler = handler
    assert exchange.status == 200 and exchange.error is None
    assert [name for name, _ in exchange.fields] == [":status", "content-length", "x-a"]


# Framing

GOOD = {"path": "/good/x"}
FIELDS = {
    "cr in a value": [("x-a", "1\rX: y")], "lf in a value": [("x-a", "1\nX: y")], "crlf in a value": [("x-a", "1\r\n\r\nGET /secret HTTP/1.1")],
    "nul in a value": [("x-a", "1\x002")], "control in a value": [("x-a", "1\x012")], "del in a value": [("x-a", "1\x7f")],
    "leading space": [("x-a", " 1")], "trailing tab": [("x-a", "1\t")], "space in a name": [("x a", "1")], "colon in a name": [("x:a", "1")],
    "crlf in a name": [("x\r\ny", "1")], "nul in a name": [("x\x00", "1")], "non-ascii in a name": [("x-\xe9", "1")], "empty name": [("", "1")],
    "connection": [("connection", "close")], "connection nominates": [("connection", "host"), ("x-a", "1")], "keep-alive": [("keep-alive", "timeout=5")],
    "proxy-connection": [("proxy-connection", "close")], "upgrade": [("upgrade", "websocket")], "transfer-encoding": [("transfer-encoding", "chunked")],
    "transfer-encoding identity": [("transfer-encoding", "identity")], "te gzip": [("te", "gzip")], "te trailers, gzip": [("te", "trailers, gzip")],
    "http2-settings": [("http2-settings", "AAMAAABk")],
    "content-length twice": [("content-length", "0"), ("content-length", "0")], "content-length list": [("content-length", "0, 0")],
    "content-length signed": [("content-length", "+0")], "content-length hex": [("content-length", "0x0")],
    "content-length negative": [("content-length", "-1")], "content-length huge": [("content-length", "99999999999999999999")],
    "content-length empty": [("content-length", "")], "content-length without a body": [("content-length", "5")],
    "pseudo-field after fields": [("x-a", "1"), (":path", "/secret")], "pseudo-field twice": [(":path", "/secret")],
    "method twice": [(":method", "GET")], "authority twice": [(":authority", "other")], "scheme twice": [(":scheme", "https")],
    "unknown pseudo-field": [(":protocol", "websocket")], "status in a request": [(":status", "200")], "bare colon": [(":", "x")],
    "too many fields": [(f"x-{i}", "1") for i in range(120)], "too many bytes": [("x-a", "y" * 8000)] * 5,
}


@pytest.mark.parametrize("name", FIELDS)
def test_fields_that_would_break_the_framing(line, name):
    line.refuses("/good/x", fields=FIELDS[name])


@pytest.mark.parametrize("method", ["CONNECT", "GET /secret HTTP/1.1\r\nX:", "G T", "", "GET\r\n", "G\x00T", "(GET)", "X" * 40])
def test_methods_that_are_none(line, method):
    line.refuses("/good/x", method=method)


def test_connect_in_all_its_forms(line):
    environment = ("mezusphere-environment", line.platform.environment)
    line.refuses(headers=[(":method", "CONNECT"), (":authority", line.platform.host), environment])
    line.refuses(headers=[(":method", "CONNECT"), (":authority", "localhost:22"), environment])
    line.refuses(headers=[(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", line.platform.host),
                          (":path", "/good/x"), environment])


@pytest.mark.parametrize("missing", [":method", ":scheme", ":authority", ":path"])
def test_a_pseudo_field_is_missing(line, missing):
    line.refuses(headers=[field for field in line.tunnel.headers("/good/x") if field[0] != missing])


@pytest.mark.parametrize("scheme", ["ftp", "https\r\nX: y", "", "http/1.1"])
def test_a_scheme_that_is_none(line, scheme):
    line.refuses(headers=[(name, scheme if name == ":scheme" else value) for name, value in line.tunnel.headers("/good/x")])


def test_te_trailers_is_said_to_the_workload_as_http_1_says_it(line):
    """gRPC and others need it; RFC 9110 §10.1.4: it goes with `Connection: TE`, whatever the spelling was."""
    for value in ("trailers", "Trailers"):
        request = line.good(fields=[("te", value)])
        assert [name.lower() for name, _ in request.headers] == ["host", *WRITTEN, "connection", "te"]
        assert (request.all("connection"), request.all("te")) == (["TE"], ["trailers"])


def test_cookies_become_one_field(line):
    assert line.good(fields=[("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2")]).all("cookie") == ["a=1; b=2"]
    line.refuses("/good/x", fields=[("cookie", "a=1 "), ("cookie", "b=2")])


@pytest.mark.parametrize("length, body", [("3", b"hello"), ("5", b"hel"), ("100000", b"x" * 70_000)])
def test_a_body_of_another_length(line, length, body):
    seen = line.cuts("/good/mismatch", method="POST", fields=[("content-length", length)], body=body)
    assert b"hello" not in seen, "a body that is longer than declared is not passed on in part"


def test_a_body_where_none_was_declared(line):
    """The request is whole after its head: it may have been answered before the body comes. The body goes nowhere."""
    tapped = len(line.workload.tapped)
    exchange = line.request("/good/empty", method="POST", fields=[("content-length", "0")], body=b"GET /secret HTTP/1.1\r\n\r\n")
    assert exchange.reset is not None or exchange.status == 200
    line.good()
    assert b"secret" not in line.workload.tapped[tapped:]


TRAILERS = {
    "pseudo-field": [(":path", "/secret")], "content-length": [("content-length", "5")], "transfer-encoding": [("transfer-encoding", "chunked")],
    "host": [("host", "other")], "connection": [("connection", "close")], "upper case": [("X-A", "1")], "crlf": [("x-a", "1\r\n\r\nGET / HTTP/1.1")],
    "authorization": [("authorization", "Bearer x")], "cookie": [("cookie", "a=1")], "empty name": [("", "x")],
}


@pytest.mark.parametrize("name", TRAILERS)
def test_trailers_that_would_break_the_framing(line, name):
    seen = line.cuts("/good/trailers", method="POST", body=b"x", trailers=TRAILERS[name])
    assert b"secret" not in seen and b"\r\n0\r\n" not in seen, "no last chunk: the workload can tell that it is incomplete"


def test_the_control_stream_cannot_be_opened_twice(line):
    line.refuses(headers=[(":method", "POST"), (":scheme", "https"), (":authority", "edge"), (":path", "/mezusphere/control")],
                 error=(421, "environment_mismatch"))


# Bundles

def wait_applied(line, after):
    line.tunnel.wait_record("applied", after=after, revision=line.platform.revision)


def apply(line, **members):
    after = line.tunnel.mark()
    line.tunnel.send_bundle(line.platform.next_bundle(**members))
    wait_applied(line, after)


def test_a_route_that_a_newer_bundle_deleted(line):
    assert line.request("/exact").status == 200
    apply(line, routes=[route for route in line.platform.routes if route["path"] != "/exact"])
    line.refuses("/exact", error=(404, "no_route"))
    apply(line)
    assert line.request("/exact").status == 200


def test_an_environment_that_is_switched_off(line):
    apply(line, enabled=False)
    count = len(line.workload.requests)
    for path in ("/good/x", "/secret", "/good/../x"):
        exchange = line.request(path)
        assert (exchange.status, exchange.error) == (503, "environment_disabled")
    apply(line, enabled=True)
    line.good()
    assert len(line.workload.requests) == count + 1


def test_a_host_name_that_a_newer_bundle_took_away(line):
    apply(line, hostnames=["other.fake.localhost"])
    assert line.request("/good/x").error == "wrong_host"
    apply(line)
    line.good()


def test_a_request_keeps_the_bundle_it_began_with(line):
    """The route goes while the body is still on its way: what was let in ends well."""
    with line.tunnel.changed:
        exchange = line.tunnel.open(line.tunnel.headers("/good/slow", method="POST"), is_end=False)
    apply(line, routes=[])
    line.tunnel.send_data(exchange, b"late", is_end=True)
    assert exchange.wait().status == 200
    assert line.workload.requests[-1].body == b"late"
    apply(line)


def bundle_cases():
    def payload(line, **members):
        return {**line.platform.payload(), "revision": line.platform.revision + 1, **members}

    def sign(line, **members):
        return line.platform.signer.sign(json.dumps(payload(line, **members)).encode())

    def without(name):
        def make(line):
            object = payload(line)
            del object[name]
            return line.platform.signer.sign(json.dumps(object).encode())
        return make

    def with_route(**members):
        return lambda line: sign(line, routes=[{"id": new_id("rt"), "match": "prefix", "path": "/", "upstream": "default", **members}])

    def spoil(part):
        def make(line):
            parts = sign(line).split(".")
            text = parts[part]
            parts[part] = text[:20] + ("A" if text[20] != "A" else "B") + text[21:]
            return ".".join(parts)
        return make

    def with_header(**members):
        return lambda line: line.platform.signer.sign(json.dumps(payload(line)).encode(), header=members)

    def unsigned(line):
        return base64url(b'{"alg":"none","typ":"mezusphere-bundle","kid":""}') + "." + base64url(json.dumps(payload(line)).encode()) + "." + "A" * 86

    return {
        "a spoilt signature": (spoil(2), "jws_signature"),
        "a spoilt payload": (spoil(1), "jws_signature"),
        "no signature": (lambda line: sign(line).rsplit(".", 1)[0] + ".", "jws_malformed"),
        "algorithm none": (unsigned, "jws_header"),
        "algorithm of the header's choice": (with_header(alg="HS256"), "jws_header"),
        "a key in the header": (with_header(jwk={"kty": "EC"}), "jws_header"),
        "an unknown key": (lambda line: Signer().sign(json.dumps(payload(line)).encode()), "jws_unknown_key"),
        "an unknown key under a known name": (lambda line: Signer().sign(json.dumps(payload(line)).encode(), header={"kid": line.platform.signer.kid}),
                                              "jws_signature"),
        "signed as something else": (lambda line: line.platform.signer.sign(json.dumps(payload(line)).encode(), typ="mezusphere-assertion"), "jws_type"),
        "four parts": (lambda line: sign(line) + ".AAAA", "jws_malformed"),
        "base64 with padding": (lambda line: sign(line)[:-1] + "=", "jws_malformed"),
        "another environment": (lambda line: sign(line, environment=new_id("env")), "bundle_foreign"),
        "an older revision": (lambda line: sign(line, revision=1), "bundle_rollback"),
        "revision nought": (lambda line: sign(line, revision=0), "bundle_revision"),
        "a revision that nobody could confirm": (lambda line: sign(line, revision=2**53 + 1), "member_type"),
        "a revision that is text": (lambda line: sign(line, revision="9"), "member_type"),
        "an unknown member": (lambda line: sign(line, extra=True), "unknown_member"),
        "an unknown member of a route": (with_route(extra=1), "unknown_member"),
        "another format": (lambda line: sign(line, format=2), "bundle_format"),
        "another format with other members": (lambda line: sign(line, format=2, extra={}), "bundle_format"),
        "no format": (without("format"), "member_missing"),
        "no routes": (without("routes"), "member_missing"),
        "no host names": (without("hostnames"), "member_missing"),
        "enabled is text": (lambda line: sign(line, enabled="true"), "member_type"),
        "not JSON": (lambda line: line.platform.signer.sign(b"routes: all"), "json_invalid"),
        "a member twice": (lambda line: line.platform.signer.sign(json.dumps(payload(line)).encode().replace(b'"format": 1', b'"format": 1, "format": 1')),
                           "json_invalid"),
        "nothing": (lambda line: line.platform.signer.sign(b""), "json_invalid"),
        "an array": (lambda line: line.platform.signer.sign(b"[]"), None),
        "nested deeply": (lambda line: line.platform.signer.sign(b"[" * 5000 + b"]" * 5000), "json_invalid"),
        "over 4 MiB": (lambda line: line.platform.signer.sign(b" " * (4 << 20) + json.dumps(payload(line)).encode()), "jws_too_large"),
        "an invalid regexp": (with_route(match="regexp", path="/("), "regexp_group"),
        "a regexp with a back-reference": (with_route(match="regexp", path=r"/(a)\1"), "regexp_back_reference"),
        "a regexp that explodes": (with_route(match="regexp", path="/((a{200}){200}){200}"), "regexp_states"),
        "a path that is ambiguous": (with_route(path="/a/../b"), "path_dot_segment"),
        "a path that is none": (with_route(path="a"), "path_malformed"),
        "an unknown match": (with_route(match="glob"), "bundle_match"),
        "an upstream that cannot be": (with_route(upstream="http://10.0.0.1"), "bundle_upstream"),
        "a route's id of another kind": (with_route(id=new_id("env")), "bundle_route_id"),
        "a route twice": (lambda line: sign(line, routes=[line.platform.routes[0]] * 2), "bundle_route_id"),
        "a host name that is not canonical": (lambda line: sign(line, hostnames=["Shop.fake.localhost"]), "host_not_canonical"),
        "an address as a host name": (lambda line: sign(line, hostnames=["127.0.0.1"]), "host_is_address"),
        "too many host names": (lambda line: sign(line, hostnames=[f"h{i}.fake.localhost" for i in range(65)]), "bundle_hostnames"),
        "an issue date that is none": (lambda line: sign(line, issued_at="yesterday"), "bundle_issued_at"),
    }


BUNDLES = bundle_cases()


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_that_is_refused(line, name):
    make, code = BUNDLES[name]
    if line.platform.revision == 1:
        apply(line)
    after, log = line.tunnel.mark(), line.warpgate.mark()
    line.tunnel.send_bundle(make(line))
    refused = line.tunnel.wait_record("refused", after=after)
    assert refused["detail"], "says why"
    assert refused["code"] == code or code is None, refused
    line.warpgate.wait_line(rf"warpgate\.bundle_refused .*code={refused['code']} .*revision {line.platform.revision} stays in force", log)
    line.good()
    line.refuses("/secret", error=(404, "no_route"))
    apply(line)


def test_the_same_revision_again_changes_nothing(line):
    """It comes on each tunnel: it is confirmed, and whatever else it says is not looked at."""
    after = line.tunnel.mark()
    line.tunnel.send_bundle(line.platform.sign(routes=[]))
    line.tunnel.wait_record("applied", after=after, revision=line.platform.revision)
    line.good()
    assert not [record for record in line.tunnel.records[after:] if record["type"] == "refused"]


# Resets

def test_an_edge_that_cancels_five_thousand_requests(line):
    """One visitor's cancels must not cut the tunnel that others share."""
    for i in range(50):
        exchanges = [line.tunnel.request("/good/cancelled" if i % 10 == 0 else "/secret", method="POST", headers=None) for _ in range(100)]
        for exchange in exchanges:
            line.tunnel.cancel(exchange)
    # Not good(): what was cancelled late may reach the workload after this one.
    exchange = line.request("/good/after")
    assert (exchange.status, exchange.body) == (200, b"/good/after")
    assert not line.tunnel.goaways and not line.tunnel.is_closed and len(line.edge.tunnels) == 1


def test_nothing_was_logged_of_what_was_sent(line):
    """The requests of this page had secrets, too: a log is read by others than the edge."""
    assert "spoofed" not in line.warpgate.output and "/secret" not in line.warpgate.output
    assert line.platform.key not in line.warpgate.output
