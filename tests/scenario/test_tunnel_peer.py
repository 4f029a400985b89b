"""Peers of a warpgate that are not what they should be, are silent, leave, give orders, or answer nonsense; and what it leaves on its machine.

What has to be waited for is started together for the whole module and awaited one by one: see the fixtures.
"""
import json
import os
import re
import signal
import ssl
import struct
import threading
import time
from pathlib import Path

import hyperframe.frame
import pytest

from fake_platform import (CLIENT, SERVER, TRUST_DOMAIN, FakeAuthority, FakePlatform, Listener, StrictWorkload, http_answer, listening_inodes,
                           new_api_key, new_id, open_files, problem, record, server_context, uri_of, warpgate_of)
from harness import DEADLINE, PLAIN, ROOT, plain_response


def new_platform(folder, name):
    (folder / name).mkdir()
    return FakePlatform(folder / name)


def lines_of(program, pattern, address=""):
    return [line for line in program.lines if pattern in line and address in line]


# Edges that are none

def tls12(platform):
    context = platform.edge_context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def role(name, **members):
    def make(platform):
        uri = None if name == "service" else platform.authority.uri(name, platform.environment if name == "warpgate" else None)
        names = [] if name == "warpgate" else [f"edge.{TRUST_DOMAIN}"]
        return platform.edge_context(platform.authority.pair(name, **{"uri": uri, "names": names, **members}))
    return make


def edge_with(**members):
    return lambda platform: platform.edge_context(platform.authority.edge_pair(**members))


def foreign(platform):
    authority = FakeAuthority()
    return server_context(platform.folder, authority.edge_pair(), platform.authority.root_pem, "mezusphere-tunnel/1")


def intermediate_missing(platform):
    chain, key = platform.authority.edge_pair()
    return platform.edge_context((chain[:chain.index("-----END CERTIFICATE-----") + 26], key))


# name: context, reason, what the line says
IMPOSTORS = {
    "TLS 1.2 only": (tls12, "tls_handshake", "TLS version"),
    "asks for no client certificate": (lambda p: p.edge_context(client="none"), "tls_handshake", "did not ask for our certificate"),
    "another protocol": (lambda p: p.edge_context(alpn="h2"), "tls_handshake", "does not speak our protocol"),
    "no protocol": (lambda p: p.edge_context(alpn=None), "tls_handshake", "does not speak our protocol"),
    "a warpgate's certificate": (role("warpgate"), "tls_verify", "extended key usage"),
    "a warpgate's identity with an edge's usages": (role("warpgate", usages=[SERVER, CLIENT]), "tls_verify|role_missing", ""),
    "a control plane's certificate": (role("control"), "role_missing", "no edge of this platform"),
    "a service's certificate": (role("service"), "role_missing", "no edge of this platform"),
    "an edge's identity from the control plane's intermediate":
        (role("control", uri=f"spiffe://{TRUST_DOMAIN}/edge/{new_id('edg')}"), "role_issuer", "no edge of this platform"),
    "an edge without client usage": (edge_with(usages=[SERVER]), "role_eku", "no edge of this platform"),
    "another trust domain": (edge_with(uri=f"spiffe://other.localhost/edge/{new_id('edg')}"), "role_trust_domain", "trust domain"),
    "another root": (foreign, "tls_verify", "not trusted"),
    "an expired certificate": (edge_with(before_s=-7200, life_s=-120), "tls_verify", "has expired"),
    "a certificate of tomorrow": (edge_with(before_s=3600, life_s=7200), "tls_verify", "not valid yet"),
    "no intermediate": (intermediate_missing, "tls_verify", "not trusted"),
}


class Crowd:
    """One warpgate that is told of many impostors and one edge."""

    def __init__(self, folder):
        self.workload = StrictWorkload()
        self.platform = FakePlatform(folder)
        self.edges = {}
        for name, (make, _, _) in IMPOSTORS.items():
            self.edges[name] = self.platform.add_edge(context=make(self.platform), on_tunnel=lambda tunnel: tunnel.request("/stolen"))
        self.edges["good"] = self.platform.add_edge()
        self.warpgate = self.platform.start_warpgate(self.platform.add_control(), self.workload.address)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    running = Crowd(tmp_path_factory.mktemp("crowd"))
    yield running
    running.platform.close()
    running.workload.close()


@pytest.mark.parametrize("name", IMPOSTORS)
def test_an_impostor_is_never_served(crowd, name):
    edge, (_, reason, text) = crowd.edges[name], IMPOSTORS[name]
    line = crowd.warpgate.wait_line(rf"warpgate\.edge_unreachable edge={edge.address} reason=({reason}) .*").string
    assert text in line, line
    edge.wait(lambda: len(edge.accepted) >= 4, "further tries")
    assert len(lines_of(crowd.warpgate, "warpgate.edge_unreachable", f"edge={edge.address} ")) == 1, "one line, not one for each try"
    assert not lines_of(crowd.warpgate, "warpgate.connected", f"edge={edge.address} ")
    for tunnel in list(edge.tunnels):  # TLS 1.3 servers are done before their client judges them
        tunnel.wait_closed()
        assert not tunnel.records and all(e.status is None for e in tunnel.exchanges.values())


def test_the_good_edge_beside_them_is_served(crowd):
    tunnel = crowd.edges["good"].wait_tunnel()
    assert tunnel.request("/fine").wait().body == b"/fine"
    assert [r.target for r in crowd.workload.requests] == ["/fine"] and b"stolen" not in crowd.workload.tapped
    assert uri_of(tunnel.certificate).startswith(f"spiffe://{TRUST_DOMAIN}/environment/{crowd.platform.environment}/warpgate/wg_")


# Records that are none

def control(data):
    return lambda tunnel: tunnel.send_control(data)


def message(**members):
    return control(record(members))


def end_control(tunnel):
    tunnel.send_data(tunnel.control, b"", is_end=True)


def end_within_a_record(tunnel):
    tunnel.send_control(struct.pack(">I", 100) + b'{"type":')
    end_control(tunnel)


BROKEN = {
    "a length of nought": (control(struct.pack(">I", 0)), "record_length"),
    "a length of one": (control(struct.pack(">I", 1) + b"1"), "record_length"),
    "a length over 8 MiB": (control(struct.pack(">I", (8 << 20) + 1)), "record_length"),
    "all ones": (control(b"\xff" * 64), "record_length"),
    "not JSON": (control(record(b"drain")), "json_invalid"),
    "an array": (control(record(b"[]")), "member_type"),
    "text": (control(record(b'"drain"')), "json_invalid"),
    "no type": (message(count=1), "member_missing"),
    "a type that is a number": (message(type=1), "member_type"),
    "an empty type": (message(type=""), "member_value"),
    "a long type": (message(type="x" * 33), "member_value"),
    "a member twice": (control(record(b'{"type":"tunnels","count":1,"count":2}')), "json_invalid"),
    "something after the object": (control(record(b'{"type":"drain"}{}')), "json_invalid"),
    "invalid UTF-8": (control(record(b'{"type":"revoked","reason":"\xff"}')), "json_invalid"),
    "NUL in text": (control(record(b'{"type":"revoked","reason":"\\u0000"}')), "json_invalid"),
    "nested deeply": (control(record(b'{"type":"party","x":' + b"[" * 40 + b"]" * 40 + b"}")), "json_invalid"),
    "a bundle without text": (message(type="bundle"), "member_missing"),
    "a bundle that is an object": (message(type="bundle", jws={}), "member_type"),
    "a bundle with more": (message(type="bundle", jws="x", extra=1), "unknown_member"),
    "no tunnels": (message(type="tunnels", count=0), "member_value"),
    "nine tunnels": (message(type="tunnels", count=9), "member_type"),
    "tunnels as text": (message(type="tunnels", count="2"), "member_type"),
    "one and a half tunnels": (message(type="tunnels", count=1.5), "member_type"),
    "a drain with more": (message(type="drain", after=5), "unknown_member"),
    "revoked without a reason": (message(type="revoked"), "member_missing"),
    "revoked at length": (message(type="revoked", reason="x" * 300), "member_value"),
    "the control stream ends": (end_control, "channel_ended"),
    "the control stream ends within a record": (end_within_a_record, "channel_ended"),
    "the control stream is reset": (lambda tunnel: tunnel.cancel(tunnel.control), ""),
    "frames that are none": (lambda tunnel: tunnel.send_raw_frames(b"\x00\x00\x05\x00\x00\x00\x00\x00\x00hello"), ""),
}
EACH = 3  # one after the other on the same edge: a tunnel for each, and one for the proof that it came back


class Fumblers:
    """One warpgate; each edge breaks the protocol in three ways, one tunnel after the other."""

    def __init__(self, folder):
        self.platform = FakePlatform(folder)
        names = list(BROKEN)
        self.places = {}
        for start in range(0, len(names), EACH):
            part = names[start:start + EACH]
            edge = self.platform.add_edge(on_tunnel=self.break_next(iter(part)))
            self.places.update({name: (edge, number) for number, name in enumerate(part, 1)})
        self.silent = self.platform.add_edge(greet=False, on_tunnel=self.begin_wrongly)
        self.workload = StrictWorkload()
        self.warpgate = self.platform.start_warpgate(self.platform.add_control(), self.workload.address)

    @staticmethod
    def break_next(names):
        def on_tunnel(tunnel):
            tunnel.wait_record("applied")
            name = next(names, None)
            if name is not None:
                BROKEN[name][0](tunnel)
        return on_tunnel

    @staticmethod
    def begin_wrongly(tunnel):
        tunnel.first = tunnel.request("/stolen")


@pytest.fixture(scope="module")
def fumblers(tmp_path_factory):
    running = Fumblers(tmp_path_factory.mktemp("fumblers"))
    yield running
    running.platform.close()
    running.workload.close()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_record_ends_the_tunnel_and_it_comes_back(fumblers, name):
    edge, number = fumblers.places[name]
    tunnel = edge.wait_tunnel(number)
    tunnel.wait_closed()
    assert not [r for r in tunnel.records if r["type"] == "refused"]
    edge.wait_tunnel(number + 1)
    edge.wait(lambda: len(lines_of(fumblers.warpgate, "warpgate.disconnected", f"edge={edge.address} ")) >= number, "a line about it")
    line = lines_of(fumblers.warpgate, "warpgate.disconnected", f"edge={edge.address} ")[number - 1]
    assert f"reason={BROKEN[name][1]}" in line, line


def test_an_edge_that_begins_with_a_request(fumblers):
    edge = fumblers.silent
    tunnel = edge.wait_tunnel()
    tunnel.wait_closed()
    assert tunnel.first.error in ("control_stream", None) and tunnel.first.status in (400, None)
    edge.wait_tunnel(2)
    fumblers.warpgate.wait_line(rf"warpgate\.edge_unreachable edge={edge.address} reason=control_stream")
    assert not fumblers.workload.requests


# Orders

class Pair:
    """One warpgate and one edge, for one test."""

    def __init__(self, folder, handler=None, **edge):
        self.workload = StrictWorkload(handler)
        self.platform = FakePlatform(folder)
        self.edge = self.platform.add_edge(**edge)
        self.control = self.platform.add_control()
        self.folder = folder

    def start(self, **members):
        self.warpgate = self.platform.start_warpgate(self.control, self.workload.address, **members)
        return self.warpgate

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.platform.close()
        self.workload.close()


@pytest.fixture
def pair(tmp_path):
    with Pair(tmp_path) as running:
        yield running


def greet(tunnel):
    tunnel.open_control()
    tunnel.send_bundle(tunnel.edge.platform.bundle_jws)
    tunnel.wait_record("applied")


def check_replacement(pair, order):
    """Another tunnel stands before the first begins to end, and what runs on the first is finished there."""
    edge = pair.edge
    first = edge.wait_tunnel(1)
    greet(first)
    slow = first.request("/slow")
    pair.workload.wait_requests(1)
    order(first)
    second = edge.wait_tunnel(2)
    assert not first.goaways and not first.is_closed
    if order is send_drain:
        assert first.request("/quick").wait().status == 200, "until the new one carries requests the old one does"
        assert not first.goaways
    greet(second)
    first.wait(lambda: first.goaways, "GOAWAY on the first tunnel")
    assert second.request("/quick").wait().status == 200
    assert not first.is_closed and not slow.is_over
    pair.go_on.set()
    assert slow.wait().status == 200
    first.wait_closed()
    assert first.goaways[-1] == (first.h2.highest_outbound_stream_id, 0)
    if order is send_drain:
        assert len(first.goaways) == 2 and first.goaways[0] == (2**31 - 1, 0), "twice (RFC 9113 section 6.8)"
    assert not second.is_closed and len(edge.tunnels) == 2
    assert not lines_of(pair.warpgate, "warpgate.disconnected")


def send_drain(tunnel):
    tunnel.send_record({"type": "drain"})


def send_goaway(tunnel):
    tunnel.send_raw_frames(hyperframe.frame.GoAwayFrame(0, last_stream_id=0, error_code=0).serialize())


@pytest.mark.parametrize("order", [send_drain, send_goaway])
def test_another_tunnel_is_made_before_the_old_one_ends(tmp_path, order):
    go_on = threading.Event()

    def handler(request):
        if request.target == "/slow":
            assert go_on.wait(DEADLINE)
        return plain_response(b"done")

    with Pair(tmp_path, handler, greet=False) as pair:
        pair.go_on = go_on
        pair.start()
        check_replacement(pair, order)


def test_as_many_tunnels_as_the_edge_wants(pair):
    pair.start()
    edge = pair.edge
    first = edge.wait_tunnel()
    first.send_record({"type": "tunnels", "count": 3})
    tunnels = [edge.wait_tunnel(number) for number in (1, 2, 3)]
    for number, tunnel in enumerate(tunnels):
        assert tunnel.request(f"/{number}").wait().body == f"/{number}".encode()
    assert len({uri_of(tunnel.certificate) for tunnel in tunnels}) == 1
    first.send_record({"type": "tunnels", "count": 1})
    edge.wait(lambda: len(edge.open_tunnels()) == 1, "the surplus has gone")
    assert edge.open_tunnels() == [first] and all(t.goaways for t in tunnels[1:]), "drained, the youngest first"
    assert first.request("/still").wait().status == 200
    assert len(edge.accepted) == 3


def test_unknown_records_and_those_of_the_other_side_are_ignored(pair):
    pair.start()
    tunnel = pair.edge.wait_tunnel()
    for extra in ({"type": "party", "at": [1, {"x": None}]}, {"type": "hello", "version": "1", "name": "x", "capabilities": ["y"], "upstreams": ["z"]},
                  {"type": "applied", "revision": 99}, {"type": "health", "upstreams": []}, {"type": "refused", "revision": 1, "code": "x", "detail": ""}):
        tunnel.send_record(extra)
    after = tunnel.mark()
    tunnel.send_bundle(pair.platform.next_bundle())
    tunnel.wait_record("applied", after=after, revision=2)
    assert tunnel.request("/x").wait().status == 200 and len(pair.edge.tunnels) == 1


def test_records_however_they_are_cut(pair):
    pair.start()
    tunnel = pair.edge.wait_tunnel()
    data = b"".join(record({"type": "bundle", "jws": pair.platform.next_bundle()}) for _ in range(3))
    for byte in data[:200]:
        tunnel.send_control(bytes([byte]))
    tunnel.send_control(data[200:])
    tunnel.wait_record("applied", revision=4)


def test_what_a_warpgate_says_first(pair):
    pair.start(arguments=["--upstream", "two=localhost:1", "--name", "Ada.1-x_y"])
    tunnel = pair.edge.wait_tunnel()
    assert tunnel.records[0] == {"type": "hello", "version": tunnel.records[0]["version"], "name": "Ada.1-x_y", "capabilities": ["probe"],
                                 "upstreams": ["default", "two"]}
    tunnel.wait(lambda: any(r["type"] == "health" and {"name": "two", "state": "down"} in r["upstreams"] for r in tunnel.records), "health")
    assert tunnel.settings[3] >= 1000 and tunnel.settings[6] == 32768


def test_revoked_credentials_end_the_program(pair):
    pair.start()
    tunnel = pair.edge.wait_tunnel()
    tunnel.send_record({"type": "revoked", "reason": "key_revoked"})
    assert pair.warpgate.wait() == 3
    assert lines_of(pair.warpgate, "warpgate.revoked", "reason=key_revoked")
    tunnel.wait_closed()
    assert len(pair.edge.accepted) == 1 and len(pair.control.requests) == 1, "it does not come back"


# Time: a silent edge, certificates that live seconds. All of them at once.

class Clocks:
    def __init__(self, folder):
        self.folder = folder
        self.workload = StrictWorkload()
        self.silence = self.start("silence")
        tunnel = self.silence.edges[0].wait_tunnel()
        tunnel.is_deaf, self.deaf_at, self.deaf = True, time.monotonic(), tunnel
        self.renewal = self.start("renewal", life_s=8)
        self.stubborn = self.start("stubborn", life_s=8, renewal=problem("503 Service Unavailable", "maintenance"))
        self.revoked = self.start("revoked", life_s=8, renewal=problem("401 Unauthorized", "key_revoked"))

    def start(self, name, life_s=3600, renewal=None):
        platform = new_platform(self.folder, name)
        platform.life_s = life_s
        platform.add_edge()

        def answer(request):
            if request.path == "/warpgate/v1/renewals" and renewal:
                return renewal
            data = platform.answer(request)
            if request.path == "/warpgate/v1/renewals":
                platform.life_s = 3600
            return data

        platform.control = platform.add_control()
        platform.control.answers = [answer] * 9
        platform.warpgate = platform.start_warpgate(platform.control, self.workload.address)
        return platform


@pytest.fixture(scope="module")
def clocks(tmp_path_factory):
    running = Clocks(tmp_path_factory.mktemp("clocks"))
    yield running
    for platform in (running.silence, running.renewal, running.stubborn, running.revoked):
        platform.close()
    running.workload.close()


def test_a_certificate_is_renewed_at_half_its_life(clocks):
    platform = clocks.renewal
    first = platform.edges[0].wait_tunnel()
    enrolment = platform.control.wait_requests(1)
    renewal = platform.control.wait_requests(2)
    assert (renewal.method, renewal.path) == ("POST", "/warpgate/v1/renewals") and enrolment.certificate is None
    assert renewal.certificate == first.certificate, "over mTLS, with the certificate that is renewed"
    assert not renewal.all("authorization") and list(renewal.json) == ["csr"]
    assert renewal.json["csr"] != enrolment.json["csr"]
    second = platform.edges[0].wait_tunnel(2)
    assert second.certificate != first.certificate and warpgate_of(second.certificate) == warpgate_of(first.certificate)
    first.wait_closed()
    assert first.goaways and second.request("/new").wait().status == 200
    platform.warpgate.wait_line(r"warpgate\.renewed")


def test_a_renewal_that_is_refused_for_good_ends_the_program(clocks):
    assert clocks.revoked.warpgate.wait() == 3
    line = lines_of(clocks.revoked.warpgate, "warpgate.renewal_failed", "reason=key_revoked")
    assert len(line) == 1 and "make a new one" in line[0]
    clocks.revoked.edges[0].tunnels[0].wait_closed()


def test_renewals_that_fail_are_retried_and_then_the_key_is_used(clocks):
    platform = clocks.stubborn
    again = platform.control.wait_requests(5)
    paths = [request.path.rsplit("/", 1)[1] for request in platform.control.requests]
    assert paths[:5] == ["enrolments", "renewals", "renewals", "renewals", "enrolments"]
    assert again.all("authorization") == [f"Bearer {platform.key}"] and again.certificate is None
    assert lines_of(platform.warpgate, "warpgate.renewal_failed", "reason=maintenance")
    platform.edges[0].wait_tunnel(2)


def test_a_silent_edge_is_noticed(clocks):
    """It holds the connection, reads nothing and answers no PING: 2.4 s of quiet, 2.4 s for the answer."""
    edge = clocks.silence.edges[0]
    clocks.silence.warpgate.wait_line(rf"warpgate\.disconnected edge={edge.address} reason=edge_silent")
    assert clocks.deaf.connection.is_gone(5)
    assert edge.wait_tunnel(2).request("/back").wait().status == 200
    assert 4 < edge.accepted[1] - clocks.deaf_at < 9


# Enrolment

def with_members(**members):
    return lambda platform: lambda request: http_answer("201 Created", platform.enrolment(request, **members))


def without_member(name):
    def make(platform):
        def answer(request):
            object = platform.enrolment(request)
            del object[name]
            return http_answer("201 Created", object)
        return answer
    return make


def bytes_of(data):
    return lambda platform: lambda request: data


def other_key(platform):
    def answer(request):
        chain, _ = platform.authority.pair("warpgate", uri=platform.authority.uri("warpgate", platform.environment))
        return http_answer("201 Created", platform.enrolment(request, certificate=chain))
    return answer


def certificate(**members):
    """A certificate for the right key and with something else wrong."""
    def make(platform):
        def answer(request):
            from cryptography import x509
            key = x509.load_pem_x509_csr(request.json["csr"].encode()).public_key()
            known = {"role": "warpgate", "uri": platform.authority.uri("warpgate", platform.environment), **members}
            return http_answer("201 Created", platform.enrolment(request, certificate=platform.authority.issue(known.pop("role"), key, **known)))
        return answer
    return make


def truncated(platform):
    return lambda request: platform.answer(request)[:-100]


def redirect(status):
    return lambda platform: lambda request: http_answer(status, b"", [f"Location: https://{platform.trap.address}/warpgate/v1/enrolments"])


def oversized(platform):
    return lambda request: http_answer("201 Created", b'{"x":"' + b"y" * (9 << 20) + b'"}')


def spoilt_bundle(platform):
    return lambda request: http_answer("201 Created", platform.enrolment(request, bundle=platform.bundle_jws[:-6] + "AAAAAA"))


def bundle_for_another(platform):
    return lambda request: http_answer("201 Created", platform.enrolment(request, bundle=platform.sign(environment=new_id("env"))))


EDGE = {"address": "127.0.0.1:1", "server_name": "edge.fake.localhost"}
# name: the first answer, the reason that the one line about it gives. The second answer is a good one.
NONSENSE = {
    "503": (bytes_of(problem("503 Service Unavailable", "maintenance")), "maintenance"),
    "503 of something else": (bytes_of(http_answer("503 Service Unavailable", b"<h1>no</h1>", content_type="text/html")), "http_503"),
    "500": (bytes_of(problem("500 Internal Server Error", "internal")), "internal"),
    "429": (bytes_of(problem("429 Too Many Requests", "rate_limited")), "rate_limited"),
    "401 of something else": (bytes_of(http_answer("401 Unauthorized", b"")), "http_401"),
    "403": (bytes_of(problem("403 Forbidden", "key_revoked")), "key_revoked"),
    "422": (bytes_of(problem("422 Unprocessable Entity", "environment_ambiguous")), "environment_ambiguous"),
    "204": (bytes_of(b"HTTP/1.1 204 No Content\r\n\r\n"), "http_204"),
    "301": (redirect("301 Moved Permanently"), "http_301"),
    "302": (redirect("302 Found"), "http_302"),
    "307": (redirect("307 Temporary Redirect"), "http_307"),
    "308": (redirect("308 Permanent Redirect"), "http_308"),
    "not HTTP": (bytes_of(b"220 mail.example.net ESMTP\r\n"), "closed"),
    "two lengths": (bytes_of(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), "answer_malformed"),
    "nothing": (bytes_of(b""), "closed"),
    "not JSON": (bytes_of(http_answer("201 Created", b"<html>")), "json_invalid"),
    "half a head": (bytes_of(b"HTTP/1.1 201 Cre"), "closed"),
    "an array": (bytes_of(http_answer("201 Created", b"[]")), "unknown_member"),
    "no body": (bytes_of(http_answer("201 Created", b"")), "json_invalid"),
    "truncated": (truncated, "closed"),
    "over 8 MiB": (oversized, "answer_too_large"),
    "an unknown member": (with_members(extra=1), "unknown_member"),
    "no certificate": (without_member("certificate"), "member_missing"),
    "no edges": (with_members(edges=[]), "member_value"),
    "an edge with more": (with_members(edges=[{**EDGE, "x": 1}]), "unknown_member"),
    "seventeen edges": (with_members(edges=[EDGE] * 17), "member_value"),
    "a certificate that is none": (with_members(certificate="x"), "chain_malformed"),
    "an id of another kind": (with_members(warpgate=new_id("env")), "member_value"),
    "a certificate for another key": (other_key, "key_mismatch"),
    "a certificate for another environment": (certificate(uri=f"spiffe://{TRUST_DOMAIN}/environment/{new_id('env')}/warpgate/{new_id('wg')}"),
                                              "certificate_foreign"),
    "an edge's certificate": (certificate(role="edge", uri=f"spiffe://{TRUST_DOMAIN}/edge/{new_id('edg')}"), "role_missing"),
    "a certificate of another trust domain": (with_members(trust_domain="other.localhost"), "role_trust_domain"),
    "no trust anchors": (with_members(trust_anchors=""), "anchors_invalid"),
    "no keys": (with_members(bundle_keys={"keys": []}), "jws_unknown_key"),
    "keys that are none": (with_members(bundle_keys={"keys": [{"kty": "oct", "k": "AA"}]}), "unknown_member|member_missing"),
    "a bundle that is not signed by them": (spoilt_bundle, "jws_signature"),
    "a bundle for another": (bundle_for_another, "bundle_foreign"),
}


class Enrolments:
    """A warpgate for every few cases, one after the other: one answer for each, then a good one. They share a platform and its one trap."""

    def __init__(self, folder):
        self.platform = FakePlatform(folder)
        self.platform.trap = Trap()
        self.platform.listeners.append(self.platform.trap)
        self.places = {}
        context = self.platform.control_context()
        for start in range(0, len(NONSENSE), EACH):
            names = list(NONSENSE)[start:start + EACH]
            control_plane = self.platform.add_control(*[NONSENSE[name][0](self.platform) for name in names], context=context)
            warpgate = self.platform.start_warpgate(control_plane, "127.0.0.1:1")
            self.places.update({name: (control_plane, warpgate, number) for number, name in enumerate(names)})


class Trap(Listener):
    """Nobody may come here."""

    def serve(self, raw):
        raw.close()


@pytest.fixture(scope="module")
def enrolments(tmp_path_factory):
    running = Enrolments(tmp_path_factory.mktemp("enrolments"))
    yield running
    running.platform.close()


@pytest.mark.parametrize("name", NONSENSE)
def test_an_answer_that_is_no_good_is_told_and_asked_for_again(enrolments, name):
    (control_plane, warpgate, number), (_, reason) = enrolments.places[name], NONSENSE[name]
    warpgate.wait_line(r"warpgate\.enrolled ")
    lines = lines_of(warpgate, "warn warpgate.enrolment_failed")
    assert len(lines) == sum(place[1] is warpgate for place in enrolments.places.values()), lines
    text = rf"control=api\.{TRUST_DOMAIN}:{control_plane.port} reason=({reason}) step=[a-z]+ detail=\".{{10,300}}\": .+"
    assert re.search(text, lines[number]), lines[number]
    assert control_plane.requests[number].path == control_plane.requests[number + 1].path == "/warpgate/v1/enrolments"


def test_a_redirect_is_not_followed(enrolments):
    for name in ("301", "302", "307", "308"):
        enrolments.places[name][1].wait_line(r"warpgate\.enrolled ")
    assert not enrolments.platform.trap.accepted


def test_the_key_goes_nowhere_but_into_the_authorization_field(enrolments):
    key = enrolments.platform.key.encode()
    for control_plane, warpgate, _ in enrolments.places.values():
        warpgate.wait_line(r"warpgate\.enrolled ")
        for request in control_plane.requests:
            is_enrolment = request.path == "/warpgate/v1/enrolments"
            assert request.all("authorization") == ([f"Bearer {key.decode()}"] if is_enrolment else [])
            assert (request.head + request.body).count(key) == is_enrolment
            assert request.method == "POST" and b"?" not in request.head.split(b"\r\n")[0]
        assert key.decode() not in warpgate.output


@pytest.mark.parametrize("code", ["key_revoked", "key_unknown", "key_malformed"])
def test_a_key_that_is_refused_ends_the_program(pair, code):
    pair.control.answers = [lambda request: problem("401 Unauthorized", code)]
    pair.start()
    assert pair.warpgate.wait() == 3
    assert len(lines_of(pair.warpgate, "error warpgate.enrolment_failed", f"reason={code}")) == 1
    assert len(pair.control.requests) == 1 and not pair.edge.accepted


# Control planes that are none: the key is not even shown to them

CONTROL_IMPOSTORS = {
    "TLS 1.2 only": (None, "tls_handshake", "TLS version"),
    "another name": (lambda p: p.control_context(p.authority.pair("control", uri=p.authority.uri("control"), names=["api.other.localhost"])),
                     "tls_verify", "another name"),
    "another root": (lambda p: server_context(p.folder, FakeAuthority().pair("control", uri=p.authority.uri("control"), names=[f"api.{TRUST_DOMAIN}"]),
                                              p.authority.root_pem, "mezusphere-control/1", "asked"), "tls_verify", "--ca-file"),
    "another protocol": (lambda p: p.control_context(alpn="http/1.1"), "tls_handshake", "does not speak our protocol"),
    "expired": (lambda p: p.control_context(p.authority.pair("control", uri=p.authority.uri("control"), names=[f"api.{TRUST_DOMAIN}"],
                                                             before_s=-7200, life_s=-120)), "tls_verify", "has expired"),
}


def test_a_control_plane_that_is_none_never_sees_the_key(tmp_path):
    with FakePlatform(tmp_path) as platform:
        started = {}
        for name, (make, _, _) in CONTROL_IMPOSTORS.items():
            context = make(platform) if make else platform.control_context()
            if make is None:
                context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
            control_plane = platform.add_control(context=context)
            started[name] = control_plane, platform.start_warpgate(control_plane, "127.0.0.1:1")
        for name, (control_plane, warpgate) in started.items():
            _, reason, text = CONTROL_IMPOSTORS[name]
            line = warpgate.wait_line(rf"warn warpgate\.enrolment_failed control=\S+ reason={reason} .*").string
            assert text in line, (name, line)
            control_plane.wait(lambda: len(control_plane.accepted) >= 3, "further tries")
            assert len(lines_of(warpgate, "warpgate.enrolment_failed")) == 1 and not control_plane.requests


# What it leaves on its machine

def test_nothing_listens_and_nothing_is_written(pair):
    home = pair.folder / "home"
    home.mkdir()
    pair.start(cwd=home, env={"WARPGATE_TOKEN": pair.platform.key, "HOME": str(home), "TMPDIR": str(home)})
    tunnel = pair.edge.wait_tunnel()
    body = os.urandom(1 << 20)
    assert tunnel.request("/upload", method="PUT", body=body).wait().status == 200
    assert pair.workload.requests[-1].body == body
    pid = pair.warpgate.process.pid
    targets = open_files(pid)
    sockets = {target[8:-1] for target in targets if target.startswith("socket:[")}
    assert len(sockets) >= 2, "the tunnel and the workload"
    assert not sockets & listening_inodes()
    files = [target for target in targets if target.startswith("/") and target != "/dev/null"]
    assert not files, "no file is open"
    written = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    assert written["write_bytes"] == "0"
    pair.warpgate.kill(signal.SIGTERM)
    assert pair.warpgate.wait() == 0
    assert not list(home.iterdir())


def test_the_key_is_wiped_from_the_command_line(pair):
    pair.start(env={}, arguments=["--token", pair.platform.key])
    tunnel = pair.edge.wait_tunnel()
    seen = Path(f"/proc/{pair.warpgate.process.pid}/cmdline").read_bytes()
    assert pair.platform.key.encode() not in seen and b"--upstream" in seen
    assert tunnel.request("/x").wait().status == 200
    assert pair.platform.key.encode() not in tunnel.received and pair.platform.key not in json.dumps(tunnel.records)
    assert pair.platform.key.encode() not in pair.workload.tapped and pair.platform.key not in pair.warpgate.output


def test_a_mistyped_key_is_told_without_any_network(pair):
    key = new_api_key()
    wrong = key[:10] + ("x" if key[10] != "x" else "y") + key[11:]
    pair.start(env={"WARPGATE_TOKEN": wrong})
    assert pair.warpgate.wait() == 3
    assert "copy it again" in pair.warpgate.output and wrong not in pair.warpgate.output
    assert not pair.control.accepted


def test_the_agent_is_one_static_file():
    """The plain build's: an analyser's runtime cannot be linked statically."""
    program = PLAIN / "warpgate"
    if not program.exists():
        pytest.skip(f"{program.relative_to(ROOT)} was not built")
    data = program.read_bytes()
    assert data[:6] == b"\x7fELF\x02\x01"
    offset, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    kinds = [struct.unpack_from("<I", data, offset + i * size)[0] for i in range(count)]
    assert 1 in kinds and 3 not in kinds, "PT_LOAD and no PT_INTERP"
