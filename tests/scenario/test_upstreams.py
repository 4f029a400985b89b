"""What a warpgate does towards its workloads: TLS, HTTP/2, Unix sockets, several of them; time limits, health, hostile answers.

The edge is a fake one, so that what is asked and what comes back is seen as it is on the tunnel.
"""
import datetime
import random
import socket
import ssl
import threading
import time

import h2.errors
import h2.settings
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from fake_platform import FakePlatform, Listener, StrictWorkload, new_key, private_pem
from harness import DEADLINE, Workload, free_port, plain_response, programs
from workload_http2 import Http2Workload

CODES = h2.settings.SettingCodes


class Agent:
    """A warpgate with one tunnel. `routes`: as FakePlatform's, with a fourth member for timeouts."""

    def __init__(self, folder, *upstreams, routes=(("prefix", "/", "default"),), arguments=(), env=None, **bundle):
        self.platform = FakePlatform(folder, [route[:3] for route in routes])
        for made, route in zip(self.platform.routes, routes):
            if len(route) > 3:
                made["timeouts"] = route[3]
        self.bundle = bundle
        self.platform.bundle_jws = self.platform.sign(**bundle)
        self.control, self.edge = self.platform.add_control(), self.platform.add_edge()
        env = {"WARPGATE_TOKEN": self.platform.key, **(env or {})}
        self.program = self.platform.start_warpgate(self.control, *upstreams, arguments=arguments, env=env)
        self.tunnel = self.edge.wait_tunnel()

    def request(self, *arguments, **members):
        return self.tunnel.request(*arguments, **members).wait()

    def change(self, **bundle):
        self.tunnel.send_bundle(self.platform.next_bundle(**bundle))
        self.tunnel.wait_record("applied", revision=self.platform.revision)

    def wait_health(self, state, name="default", after=0):
        def find():
            for record in reversed(self.tunnel.records[after:]):
                if record["type"] == "health":
                    return {"name": name, "state": state} in record["upstreams"]
            return False
        self.tunnel.wait(find, f"{name} {state}")

    def mark(self):
        return self.tunnel.mark()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.platform.close()


class OwnAuthority:
    """An operator's own CA, as a file, and server contexts by it."""

    def __init__(self, folder, name="own"):
        self.folder, self.key = folder, new_key()
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} CA")])
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._sign(self.subject, self.key, x509.BasicConstraints(True, 0)).public_bytes(
            Encoding.PEM))

    def _sign(self, subject, key, constraints, names=()):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                   .not_valid_after(now + datetime.timedelta(days=1)).add_extension(constraints, critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def context(self, *names, alpn=("h2", "http/1.1")):
        key = new_key()
        certificate = self._sign(x509.Name([]), key, x509.BasicConstraints(False, None), names)
        path = self.folder / f"server-{random.randrange(1 << 32):x}.pem"
        path.write_bytes(private_pem(key).encode() + certificate.public_bytes(
            Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        self.names_seen = []
        context.sni_callback = lambda connection, name, ctx: self.names_seen.append(name)
        path.unlink()
        return context


class PlainSpeaker(Listener):
    """Knows no TLS, and says so in the way of web servers."""

    def serve(self, raw):
        raw.recv(65536)
        raw.sendall(plain_response(b"", "400 Bad Request"))
        raw.close()


class Http1OverTls(Http2Workload):
    """Speaks HTTP/1.1 to whoever did not choose HTTP/2; `heads` are what it was sent."""

    def __init__(self, *arguments, answer1=None, **members):
        self.heads = []
        self.answer1 = answer1 or (lambda head: plain_response(b"one"))
        super().__init__(*arguments, **members)

    def speak_http1(self, connection):
        data = b""
        while more := connection.recv(65536):
            data += more
            while b"\r\n\r\n" in data:
                head, data = data.split(b"\r\n\r\n", 1)
                self.heads.append(head.decode("latin-1"))
                connection.sendall(self.answer1(self.heads[-1]))


# TLS

def test_https_speaks_what_the_workload_chooses(tmp_path):
    own = OwnAuthority(tmp_path)
    for alpn, expected in ((("h2", "http/1.1"), b"/x"), (("http/1.1",), b"one"), (("h2",), b"/x"), ((), b"one")):
        with Http1OverTls(context=own.context("localhost", alpn=alpn)) as workload, \
                Agent(tmp_path, f"https://localhost:{workload.port}", arguments=("--upstream-ca", own.file)) as agent:
            agent.wait_health("up")
            exchange = agent.request("/x")
            assert (exchange.status, exchange.body) == (200, expected), (alpn, exchange)
            assert set(own.names_seen) == {"localhost"}, "SNI"
            if expected == b"/x":
                stream = workload.requests[-1]
                assert stream.field(":authority") == agent.platform.host and stream.field(":scheme") == "https"
            else:
                assert f"Host: {agent.platform.host}\r\n" in workload.heads[-1]


def test_https_that_cannot_be_verified(tmp_path):
    own, other = OwnAuthority(tmp_path), OwnAuthority(tmp_path, "other")
    with Http2Workload(context=own.context("localhost")) as good, Http2Workload(context=own.context("elsewhere.test")) as misnamed, \
            Http2Workload(context=other.context("localhost")) as foreign:
        plain = PlainSpeaker()
        upstreams = [f"good=https://localhost:{good.port}", f"misnamed=https://localhost:{misnamed.port}",
                     f"foreign=https://localhost:{foreign.port}", f"plain=https://localhost:{plain.port}",
                     f"apart=https://localhost:{foreign.port}"]
        names = [text.split("=")[0] for text in upstreams]
        with Agent(tmp_path, *upstreams, routes=[("prefix", f"/{name}", name) for name in names],
                   arguments=("--upstream-ca", own.file, "--upstream-ca", f"apart={other.file}")) as agent:
            assert agent.request("/good").status == 200
            assert agent.request("/apart").status == 200
            for name in ("misnamed", "foreign", "plain"):
                exchange = agent.request(f"/{name}")
                assert (exchange.status, exchange.error) == (502, "upstream_tls"), name
            agent.program.wait_line(r"warpgate\.upstream_down upstream=misnamed .*reason=tls_verify detail=.*(name|host)")
            agent.program.wait_line(r"warpgate\.upstream_down upstream=foreign .*reason=tls_verify")
            agent.program.wait_line(r"warpgate\.upstream_down upstream=plain .*reason=tls_handshake")
            for name in ("misnamed", "foreign", "plain"):
                agent.wait_health("down", name)
            agent.wait_health("up", "good")
        assert not misnamed.requests, "nothing was asked of who was not verified"
        plain.close()


def test_the_systems_authorities_count_without_others(tmp_path):
    own, other = OwnAuthority(tmp_path), OwnAuthority(tmp_path, "other")
    with Http2Workload(context=own.context("localhost")) as workload:
        target = f"https://localhost:{workload.port}"
        with Agent(tmp_path, target, env={"SSL_CERT_FILE": str(own.file), "SSL_CERT_DIR": "/nonexistent"}) as agent:
            assert agent.request("/x").body == b"/x"
        with Agent(tmp_path, target, env={"SSL_CERT_FILE": str(other.file), "SSL_CERT_DIR": "/nonexistent"}) as agent:
            assert agent.request("/x").error == "upstream_tls"
        with Agent(tmp_path, target, env={"SSL_CERT_FILE": str(own.file), "WARPGATE_UPSTREAM_CA": str(other.file)}) as agent:
            assert agent.request("/x").error == "upstream_tls", "what is given replaces the system's"


def test_wrong_authorities_are_told_at_start(tmp_path):
    from harness import Program
    for arguments, part in ((("--upstream-ca", "/nonexistent.pem"), "cannot be read"),
                            (("--upstream-ca", "nobody=/nonexistent.pem"), "no https:// upstream named")):
        program = Program([programs() / "warpgate", "--upstream", "https://localhost:1", *arguments], env={"WARPGATE_TOKEN": "x"})
        assert program.wait() == 2
        assert "--upstream-ca" in program.output and part in program.output


# HTTP/2

def test_h2c_carries_many_on_one_connection(tmp_path):
    held = []
    arrived = threading.Semaphore(0)

    def hold(connection, stream):
        if stream.path == "/hold":
            held.append((connection, stream))
            arrived.release()
        else:
            connection.respond(stream, stream.path.encode())

    with Http2Workload(hold, settings={CODES.MAX_CONCURRENT_STREAMS: 10}) as workload, \
            Agent(tmp_path, f"h2c://{workload.address}") as agent:
        assert agent.request("/first").body == b"/first"
        before = len(workload.connections)
        waiting = [agent.tunnel.request("/hold") for _ in range(25)]
        for _ in waiting:
            assert arrived.acquire(timeout=DEADLINE)
        assert len(workload.connections) - before == 2, "10 on each of three"
        most = max(sum(1 for c, _ in held if c is connection) for connection in workload.connections)
        assert most <= 10
        for connection, stream in held:
            connection.respond(stream, b"late")
        for exchange in waiting:
            assert exchange.wait().body == b"late"
        stream = workload.requests[-1]
        assert stream.field(":scheme") == "http" and stream.field(":authority") == agent.platform.host


def test_h2c_refused_streams_were_not_processed(tmp_path):
    def refuse(connection, stream):
        connection.reset(stream, h2.errors.ErrorCodes.REFUSED_STREAM)

    def cancel(connection, stream):
        connection.reset(stream, h2.errors.ErrorCodes.CANCEL)

    def answer(connection, stream):
        {"/refused": refuse, "/cancelled": cancel}.get(stream.path, lambda c, s: c.respond(s, b"ok"))(connection, stream)

    with Http2Workload(answer) as workload, Agent(tmp_path, f"h2c://{workload.address}") as agent:
        exchange = agent.request("/refused", method="POST", body=b"")
        assert (exchange.status, exchange.error) == (502, "upstream_unprocessed")
        exchange = agent.request("/cancelled")
        assert (exchange.status, exchange.error) == (502, "upstream_closed")
        assert agent.request("/fine").body == b"ok"


def test_h2c_goaway(tmp_path):
    """What it took is finished; what came too late is told as not processed; what comes next finds a new connection."""
    held = []

    def answer(connection, stream):
        if stream.path == "/long":
            held.append((connection, stream))
        elif stream.path == "/late":
            connection.goaway(held[0][1].number)
        else:
            connection.respond(stream, b"ok")

    with Http2Workload(answer) as workload, Agent(tmp_path, f"h2c://{workload.address}") as agent:
        long = agent.tunnel.request("/long")
        workload.wait(lambda: held, "the long one")
        late = agent.request("/late")
        assert (late.status, late.error) == (502, "upstream_unprocessed")
        count = len(workload.connections)
        assert agent.request("/next").body == b"ok"
        assert len(workload.connections) == count + 1
        held[0][0].respond(held[0][1], b"done")
        assert long.wait().body == b"done"


def test_h2c_at_a_workload_that_speaks_http1(tmp_path):
    with Workload() as workload, Agent(tmp_path, f"h2c://{workload.address}") as agent:
        exchange = agent.request("/")
        assert (exchange.status, exchange.error) == (502, "upstream_malformed")
        agent.program.wait_line(r"upstream_down .*reason=not_http2 .*h2c://")


def test_trailers_and_what_grpc_needs(tmp_path):
    def opened(connection, stream):
        if stream.path == "/bidi":
            connection.respond(stream, fields=[("content-type", "application/grpc")], is_end=False)

    def received(connection, stream, data):
        if stream.path == "/bidi":
            connection.send(stream, data.upper())

    def answer(connection, stream):
        if stream.path == "/bidi":
            connection.end(stream, [("grpc-status", "0")])
        elif stream.path == "/only":
            connection.respond(stream, fields=[("content-type", "application/grpc"), ("grpc-status", "5")])

    with Http2Workload(answer, opened, received) as workload, Agent(tmp_path, f"h2c://{workload.address}") as agent:
        fields = [("te", "trailers"), ("content-type", "application/grpc"), ("grpc-timeout", "1S")]
        tunnel = agent.tunnel
        exchange = tunnel.open(tunnel.headers("/bidi", method="POST", fields=fields), is_end=False)
        tunnel.wait(lambda: exchange.status == 200, "the head before any message")
        for part in (b"one", b"two", b"three"):
            length = len(exchange.body)
            tunnel.send_data(exchange, part, is_end=False)
            tunnel.wait(lambda: len(exchange.body) == length + len(part), "the answer to each message")
        tunnel.send_data(exchange, b"", is_end=True)
        exchange.wait()
        assert exchange.body == b"ONETWOTHREE" and exchange.trailers == [("grpc-status", "0")]
        stream = workload.requests[-1]
        assert stream.field("te") == "trailers" and stream.field("grpc-timeout") == "1S"
        exchange = agent.request("/only", method="POST", fields=fields, body=b"x")
        assert (exchange.status, exchange.field("grpc-status"), exchange.trailers) == (200, "5", [])
        assert not workload.failures


def test_a_cancel_reaches_the_workload_at_once(tmp_path):
    with Http2Workload(lambda connection, stream: None) as workload, Agent(tmp_path, f"h2c://{workload.address}") as agent:
        exchange = agent.tunnel.request("/hang")
        workload.wait(lambda: workload.requests, "the request")
        begun = time.monotonic()
        agent.tunnel.cancel(exchange)
        workload.wait(lambda: workload.requests[0].reset is not None, "the reset")
        assert workload.requests[0].reset == h2.errors.ErrorCodes.CANCEL
        assert time.monotonic() - begun < 0.5


def test_an_answer_before_the_request_is_over(tmp_path):
    """The workload answers in full and asks for no more: NO_ERROR. The answer stands, the connection too."""
    def opened(connection, stream):
        if stream.path == "/early":
            connection.respond(stream, b"enough", trailers=[("grpc-status", "3")])
            connection.reset(stream, h2.errors.ErrorCodes.NO_ERROR)

    def answer(connection, stream):
        connection.respond(stream, b"ok")

    with Http2Workload(answer, opened) as workload, Agent(tmp_path, f"h2c://{workload.address}") as agent:
        tunnel = agent.tunnel
        assert agent.request("/warm").body == b"ok"
        exchange = tunnel.open(tunnel.headers("/early", method="POST"), is_end=False)
        tunnel.wait(lambda: exchange.is_ended, "the whole answer")
        assert (exchange.body, exchange.trailers) == (b"enough", [("grpc-status", "3")])
        count = len(workload.connections)
        assert agent.request("/after").body == b"ok"
        assert len(workload.connections) == count


# Unix sockets, several upstreams, names

class UnixWorkload(StrictWorkload):
    def __init__(self, path):
        super().__init__(lambda request: plain_response(request.target.encode()))
        self.close()
        self.is_open = True
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()


def test_a_unix_socket(tmp_path):
    path = tmp_path / "app.sock"
    workload = UnixWorkload(path)
    try:
        with Agent(tmp_path, f"unix:{path}") as agent:
            agent.wait_health("up")
            assert agent.request("/a").body == b"/a"
            assert workload.requests[-1].all("host") == [agent.platform.host]
            workload.close()
            path.unlink()
            exchange = agent.request("/b", fields=[("x", "y")])
            assert exchange.error in ("upstream_refused", "upstream_stale", "upstream_closed")
            assert agent.request("/b").error == "upstream_refused"
    finally:
        workload.close()


def test_routes_choose_among_the_declared(tmp_path):
    with Workload(lambda r: plain_response(b"first")) as first, Workload(lambda r: plain_response(b"second")) as second, \
            Http2Workload(lambda c, s: c.respond(s, b"third")) as third:
        with Agent(tmp_path, first.address, f"api=http://{second.address}", f"rpc=h2c://{third.address}",
                   routes=(("prefix", "/", "default"), ("prefix", "/api/", "api"), ("exact", "/rpc", "rpc"),
                           ("prefix", "/none/", "nowhere"))) as agent:
            hello = agent.tunnel.wait_record("hello")
            assert hello["upstreams"] == ["default", "api", "rpc"]
            for path, body in (("/", b"first"), ("/api/x", b"second"), ("/rpc", b"third"), ("/apix", b"first")):
                assert agent.request(path).body == body, path
            assert agent.request("/none/").error == "upstream_undeclared"


def test_names_are_resolved_again_and_every_address_is_tried(tmp_path):
    """app.localhost is ::1 and 127.0.0.1; the workload moves from one to the other."""
    def serve(family, host, port):
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        workload = Workload(lambda r: plain_response(host.encode(), headers=("Connection: close",)))
        workload.listener.close()
        listener.listen(16)
        workload.listener = listener
        threading.Thread(target=workload._accept, daemon=True).start()
        return workload

    port = free_port()
    workload = serve(socket.AF_INET, "127.0.0.1", port)
    with Agent(tmp_path, f"app.localhost:{port}") as agent:
        assert agent.request("/").body == b"127.0.0.1"
        workload.close()
        assert agent.request("/").error == "upstream_refused"
        workload = serve(socket.AF_INET6, "::1", port)
        assert agent.request("/").body == b"::1"
        workload.close()


# Time limits

def expect_within(begun, limit_s):
    took = time.monotonic() - begun
    assert limit_s <= took <= limit_s + 0.25, took


def test_first_byte(tmp_path):
    """504 at the deadline, from the end of the request; another route of the same workload is not concerned."""
    def answer(connection, stream):
        if stream.path == "/other":
            connection.respond(stream, b"ok")

    routes = (("prefix", "/", "default"), ("prefix", "/fast/", "default", {"first_byte_ms": 700}))
    with Http2Workload(answer) as workload, Agent(tmp_path, f"h2c://{workload.address}", routes=routes) as agent:
        tunnel = agent.tunnel
        begun = time.monotonic()
        exchange = agent.request("/fast/hang")
        assert (exchange.status, exchange.error) == (504, "upstream_timeout")
        expect_within(begun, 0.7)
        workload.wait(lambda: workload.requests[-1].reset is not None, "the reset")
        assert agent.request("/other").body == b"ok"
        # the visitor's own time does not count
        slow = tunnel.open(tunnel.headers("/fast/slow", method="POST"), is_end=False)
        with pytest.raises(AssertionError):
            tunnel.wait(lambda: slow.is_over, timeout=1.5)
        begun = time.monotonic()
        tunnel.send_data(slow, b"late", is_end=True)
        assert slow.wait().error == "upstream_timeout"
        expect_within(begun, 0.7)


def test_a_workload_that_does_not_read_on(tmp_path):
    is_over = threading.Event()

    def stall(connection, stream):
        is_over.wait(DEADLINE)

    with Http2Workload(opened=stall) as workload, \
            Agent(tmp_path, f"h2c://{workload.address}",
                  routes=(("prefix", "/", "default", {"first_byte_ms": 600}),)) as agent:
        begun = time.monotonic()
        tunnel = agent.tunnel
        exchange = tunnel.open(tunnel.headers("/", method="POST"), is_end=False)
        with tunnel.changed:
            while room := min(tunnel.h2.local_flow_control_window(exchange.id), 16000):
                tunnel.h2.send_data(exchange.id, b"x" * room)
            tunnel.flush()
        exchange.wait()
        assert exchange.error == "upstream_timeout"
        assert 0.6 <= time.monotonic() - begun < 1.5
    is_over.set()


def test_connecting(tmp_path):
    """A workload whose queue of connections is full: nothing answers the SYN."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    with Agent(tmp_path, f"127.0.0.1:{listener.getsockname()[1]}",
               routes=(("prefix", "/", "default", {"connect_ms": 800}),)) as agent:
        begun = time.monotonic()
        exchange = agent.request("/")
        assert (exchange.status, exchange.error) == (504, "upstream_timeout")
        expect_within(begun, 0.8)
        agent.wait_health("down")
    for one in (*fillers, listener):
        one.close()


def test_refused_is_told_at_once(tmp_path):
    with Agent(tmp_path, f"127.0.0.1:{free_port()}") as agent:
        agent.wait_health("down")
        begun = time.monotonic()
        assert agent.request("/").error == "upstream_refused"
        assert time.monotonic() - begun < 0.5


def test_idle_once_the_answer_runs(tmp_path):
    def opened(connection, stream):
        connection.respond(stream, b"begun", is_end=False)

    routes = (("prefix", "/", "default"), ("prefix", "/idle/", "default", {"idle_ms": 1000, "first_byte_ms": 300}))
    with Http2Workload(lambda c, s: None, opened) as workload, \
            Agent(tmp_path, f"h2c://{workload.address}", routes=routes) as agent:
        tunnel = agent.tunnel
        for_ever = tunnel.request("/")
        exchange = tunnel.request("/idle/")
        tunnel.wait(lambda: exchange.body == b"begun", "the beginning")
        stream = next(s for s in workload.requests if s.path == "/idle/")
        for _ in range(3):  # each byte counts
            threading.Event().wait(0.6)
            workload.connections[-1].send(stream, b".")
        begun = time.monotonic()
        exchange.wait()
        assert exchange.reset is not None and exchange.body == b"begun..."
        assert 0.95 <= time.monotonic() - begun < 1.5
        workload.wait(lambda: stream.reset is not None, "the reset")
        assert not for_ever.is_over


# Health

def checks(path="/healthz", interval_ms=1000, timeout_ms=1000, upstream="default"):
    return [{"upstream": upstream, "path": path, "interval_ms": interval_ms, "timeout_ms": timeout_ms}]


def test_an_active_check(tmp_path):
    status = ["200 OK"]
    with StrictWorkload(lambda r: plain_response(b"", status[0] if r.target == "/healthz" else "200 OK")) as workload, \
            Agent(tmp_path, workload.address, health_checks=checks()) as agent:
        agent.wait_health("up")
        request = workload.wait_requests(1)
        assert (request.method, request.target, request.version) == ("GET", "/healthz", "HTTP/1.1")
        assert request.all("host") == [workload.address] and request.all("user-agent") == ["warpgate-health"]
        for bad in ("503 Service Unavailable", "404 Not Found"):
            mark, count = agent.mark(), len(workload.requests)
            status[0] = bad
            agent.wait_health("down", after=mark)
            assert len(workload.requests) >= count + 2, "two failures"
            assert agent.request("/x").status == 200, "it answers all the same, and that does not make it well"
            mark = agent.mark()
            status[0] = "302 Found"
            agent.wait_health("up", after=mark)
        # no check any more: no request any more
        agent.change()
        threading.Event().wait(0.2)  # for one that was on its way
        count = len(workload.requests)
        threading.Event().wait(2.5)
        assert len(workload.requests) == count


def test_a_check_that_hangs(tmp_path):
    with Workload(lambda request: b"") as workload, Agent(tmp_path, workload.address, health_checks=checks(timeout_ms=300)) as agent:
        agent.wait_health("down")
        agent.program.wait_line(r"reason=check_timeout")


def test_checks_over_tls_http2_and_unix(tmp_path):
    own = OwnAuthority(tmp_path)
    unix = UnixWorkload(tmp_path / "app.sock")
    with Http2Workload(context=own.context("localhost")) as tls, Http2Workload() as h2c:
        names = {"default": f"https://localhost:{tls.port}", "rpc": f"h2c://{h2c.address}", "file": f"unix:{tmp_path}/app.sock"}
        upstreams = [names["default"]] + [f"{name}={text}" for name, text in names.items() if name != "default"]
        with Agent(tmp_path, *upstreams, arguments=("--upstream-ca", own.file),
                   health_checks=[checks(upstream=name)[0] for name in names]) as agent:
            for name in names:
                agent.wait_health("up", name)
            tls.wait(lambda: tls.requests, "a check over TLS")
            h2c.wait(lambda: h2c.requests, "a check over HTTP/2")
            assert unix.wait_requests(1).all("host") == ["localhost"]
            for workload, host in ((tls, f"localhost:{tls.port}"), (h2c, h2c.address)):
                stream = workload.requests[0]
                assert stream.field(":authority") == host and stream.field("user-agent") == "warpgate-health"
    unix.close()


# WebSocket

WEBSOCKET = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https")]


def open_websocket(agent, path="/ws"):
    tunnel = agent.tunnel
    tunnel.wait(lambda: (tunnel.settings or {}).get(8) == 1, "RFC 8441 on the tunnel")
    return tunnel.open([*WEBSOCKET, (":authority", agent.platform.host), (":path", path), ("sec-websocket-version", "13"),
                        ("mezusphere-environment", agent.platform.environment)], is_end=False)


def accept_websocket(head):
    import base64
    import hashlib
    key = next(line.split(": ")[1] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    return f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode()


class SocketOverTls(Http1OverTls):
    """Answers an upgrade after it was told to, then echoes."""

    def __init__(self, **members):
        self.may_answer, self.early = threading.Event(), None
        super().__init__(**members)

    def speak_http1(self, connection):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        self.heads.append(head.decode("latin-1"))
        connection.settimeout(0.3)
        try:
            self.early = connection.recv(65536)
        except TimeoutError:
            pass
        connection.settimeout(None)
        connection.sendall(accept_websocket(self.heads[-1][:-4]) + b"first")
        while data := connection.recv(65536):
            connection.sendall(data)


def test_a_websocket_at_an_https_workload_goes_over_http1(tmp_path):
    own = OwnAuthority(tmp_path)
    with SocketOverTls(context=own.context("localhost")) as workload, \
            Agent(tmp_path, f"https://localhost:{workload.port}", arguments=("--upstream-ca", own.file)) as agent:
        assert agent.request("/ordinary").body == b"/ordinary"
        exchange = open_websocket(agent)
        agent.tunnel.send_data(exchange, b"too early", is_end=False)
        agent.tunnel.wait(lambda: exchange.body == b"firsttoo early", "the echo")
        assert workload.early is None, "nothing before the 101"
        assert exchange.status == 200 and workload.alpns[-1] == "http/1.1" and "h2" in workload.alpns
        agent.tunnel.send_data(exchange, b"", is_end=True)
        exchange.wait()
        assert exchange.is_ended
        assert agent.request("/after").body == b"/after"


def test_a_declined_websocket_is_an_ordinary_answer(tmp_path):
    with StrictWorkload(lambda request: plain_response(b"no", "426 Upgrade Required")) as workload, \
            Agent(tmp_path, workload.address) as agent:
        exchange = open_websocket(agent)
        agent.tunnel.send_data(exchange, b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n", is_end=False)
        exchange.wait()
        assert (exchange.status, exchange.body) == (426, b"no")
        assert agent.request("/next").status == 426
        assert b"smuggled" not in workload.tapped
        assert [r.target for r in workload.requests] == ["/ws", "/next"]


def test_websockets_over_h2c(tmp_path):
    def opened(connection, stream):
        if stream.field(":protocol"):
            connection.respond(stream, is_end=False)

    def received(connection, stream, data):
        connection.send(stream, data)

    with Http2Workload(lambda c, s: c.end(s), opened, received, settings={CODES.ENABLE_CONNECT_PROTOCOL: 1}) as workload, \
            Agent(tmp_path, f"h2c://{workload.address}") as agent:
        exchange = open_websocket(agent)
        agent.tunnel.send_data(exchange, b"hello", is_end=False)
        agent.tunnel.wait(lambda: exchange.body == b"hello", "the echo")
        agent.tunnel.send_data(exchange, b"", is_end=True)
        assert exchange.wait().is_ended
        assert workload.requests[-1].field(":method") == "CONNECT" and not workload.failures
    with Http2Workload() as workload, Agent(tmp_path, f"h2c://{workload.address}") as agent:
        exchange = open_websocket(agent).wait()
        assert (exchange.status, exchange.error) == (502, "upstream_no_websocket")
        assert not workload.requests


# Hostile workloads

HEAD = b"HTTP/1.1 200 OK\r\n"
SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"
HOSTILE = [
    HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    HEAD + b"Content-Length: +1\r\n\r\n", HEAD + b"Content-Length: 0x1\r\n\r\n", HEAD + b"Content-Length:\r\n\r\n",
    HEAD + b"Content-Length: 1, 2\r\n\r\n", HEAD + b"Content-Length: 99999999999999999999\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n", HEAD + b"Transfer-Encoding: xchunked\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", HEAD + b"X: a\nY: b\r\n\r\n",
    HEAD + b"X: a\r\n folded\r\n\r\n", HEAD + b"X : a\r\n\r\n", HEAD + b"X\r\n\r\n", HEAD + b": a\r\n\r\n", HEAD + b"X: a\0b\r\n\r\n",
    HEAD + b"X: a\rb\r\n\r\n", HEAD + b"X(y): a\r\n\r\n", b"HTTP/1.1 200 OK\n\n", b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n",
    b"HTTP/1.1 099 X\r\n\r\n", b"HTTP/1.1 600 X\r\n\r\n", b"HTTP/2 200 OK\r\n\r\n", b"HTTP/1.1200 OK\r\n\r\n", b"http/1.1 200 OK\r\n\r\n",
    b" HTTP/1.1 200 OK\r\n\r\n", b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", b"garbage\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00" * 9 + b"\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 40,
    b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 40, HEAD + b"X: " + b"a" * 100_000 + b"\r\n\r\n", HEAD + b"X: a\r\n" * 500 + b"\r\n",
]


def mutations(count):
    """Responses with one byte changed, taken out or put in, each with a second response behind it; the same each time."""
    chance = random.Random(7)
    bases = [HEAD + b"Content-Length: 2\r\nX-A: b\r\n\r\nok", HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
             b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nok"]
    odd = b"\0\r\n\t :;,0123456789abcfxX\x7f\x80\xff-+"
    for number in range(count):
        base = bytearray(bases[number % len(bases)])
        for _ in range(chance.randrange(1, 3)):
            at = chance.randrange(len(base))
            kind = chance.randrange(3)
            if kind == 0:
                base[at] = chance.choice(odd)
            elif kind == 1:
                del base[at]
            else:
                base.insert(at, chance.choice(odd))
        yield bytes(base)


class RawWorkload(Listener):
    """Answers the n-th request with the n-th text, whatever it is, and then closes or not."""

    def __init__(self, closes=True):
        self.texts, self.closes = {}, closes
        super().__init__()

    def serve(self, raw):
        data = b""
        try:
            while more := raw.recv(65536):
                data += more
                while b"\r\n\r\n" in data:
                    head, data = data.split(b"\r\n\r\n", 1)
                    text = self.texts[head.split(b" ")[1]]
                    raw.sendall(text)
                    if self.closes:
                        raw.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_hostile_answers(tmp_path):
    workload = RawWorkload(closes=False)
    with Agent(tmp_path, workload.address) as agent:
        for number, text in enumerate(HOSTILE):
            path = f"/{number}"
            workload.texts[path.encode()] = text
            exchange = agent.request(path)
            assert (exchange.status, exchange.error) == (502, "upstream_malformed"), (text[:80], exchange)
    workload.close()


def test_no_byte_of_a_second_response(tmp_path):
    """1,000 answers that are not quite right, each with another response behind it: none of that reaches anybody, then or later."""
    workload = RawWorkload()
    with Agent(tmp_path, workload.address) as agent:
        for number, text in enumerate(mutations(1000)):
            path = f"/{number}"
            workload.texts[path.encode()] = text + SECOND
            exchange = agent.request(path)
            assert exchange.status is not None or exchange.reset is not None, (text, exchange)
            if b"EVIL" in exchange.body and exchange.reset is None:
                # its own by what was changed in it: a longer length, or a body that ends by closing
                length, head = exchange.field("content-length"), text.split(b"\r\n\r\n")[-2].lower()
                is_by_closing = length is None and b"\ntransfer-encoding:" not in head
                assert is_by_closing or length == str(len(exchange.body)), (text, exchange, exchange.body)
    workload.close()


def test_an_early_answer_costs_the_connection(tmp_path):
    """0.CL: who answers before it has read may take the rest of the body for a request. It gets no other on that connection."""
    class Early(Listener):
        def serve(self, raw):
            self.note(connections, raw)
            while raw.recv(65536):
                raw.sendall(plain_response(b"early", "401 Unauthorized"))

    connections, workload = [], Early()
    with Agent(tmp_path, workload.address) as agent:
        tunnel = agent.tunnel
        for _ in range(20):
            exchange = tunnel.open(tunnel.headers("/", method="POST", fields=[("content-length", "100")]), is_end=False)
            tunnel.wait(lambda: exchange.is_over, "the early answer")
            assert exchange.status == 401
            count = len(connections)
            assert agent.request("/next").status == 401
            assert len(connections) == count + 1, "a connection of its own for the next"
            tunnel.cancel(exchange)
    workload.close()


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


OK_HEAD = b"\x88"  # :status 200, by the static table
ODD_FRAMES = {
    "no head": [frame(0, 1, 1, b"x")], "a head without a status": [frame(1, 5, 1, b"\x00\x01a\x01b")],
    "a status twice": [frame(1, 5, 1, OK_HEAD + OK_HEAD)], "a field in capitals": [frame(1, 5, 1, OK_HEAD + b"\x00\x01A\x01b")],
    "connection": [frame(1, 5, 1, OK_HEAD + b"\x00\x0aconnection\x05close")],
    "a line break": [frame(1, 5, 1, OK_HEAD + b"\x00\x01a\x03b\r\n")],
    "more than declared": [frame(1, 4, 1, OK_HEAD + b"\x00\x0econtent-length\x011"), frame(0, 1, 1, b"xx")],
    "less than declared": [frame(1, 4, 1, OK_HEAD + b"\x00\x0econtent-length\x012"), frame(0, 1, 1, b"x")],
    "a push": [frame(5, 4, 1, b"\x00\x00\x00\x02" + OK_HEAD)], "a stream of its own": [frame(1, 5, 2, OK_HEAD)],
    "101": [frame(1, 5, 1, b"\x08\x03101")], "a frame too large": [b"\x00\xff\xff" + bytes([0, 0]) + b"\0\0\0\x01"],
    "1xx without end": [frame(1, 4, 1, b"\x08\x03103") for _ in range(100)],
    "trailers with a status": [frame(1, 4, 1, OK_HEAD), frame(1, 5, 1, OK_HEAD)],
}


class OddHttp2(Listener):
    """Greets as it should, and answers the first stream with frames of the test's choice."""

    def __init__(self):
        self.frames = []
        super().__init__()

    def serve(self, raw):
        try:
            data = raw.recv(65536)
            raw.sendall(frame(4, 0, 0) + frame(4, 1, 0))
            while b"\x01" not in [data[i + 3:i + 4] for i in self.starts(data)]:
                data += raw.recv(65536)
            for one in self.frames:
                raw.sendall(one)
            while raw.recv(65536):
                pass
        except OSError:
            pass

    @staticmethod
    def starts(data):
        at = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        while at + 9 <= len(data):
            yield at
            at += 9 + int.from_bytes(data[at:at + 3], "big")


@pytest.mark.parametrize("name", ODD_FRAMES)
def test_odd_http2(tmp_path, name):
    workload = OddHttp2()
    workload.frames = ODD_FRAMES[name]
    with Agent(tmp_path, f"h2c://{workload.address}") as agent:
        exchange = agent.request("/")
        if exchange.status == 200:  # what shows only after the head
            assert exchange.reset is not None, exchange
        else:
            assert (exchange.status, exchange.error) in ((502, "upstream_malformed"), (502, "upstream_closed")), exchange
    workload.close()
