"""T08, T09, T10: a connection belongs to the host that its handshake named. Three tenants with a canary each, and every way of saying one
name and meaning another.
"""
import itertools
import socket
import ssl
import struct

import pytest

from harness import DOMAIN, Visitor, Workload, plain_response
from visitor_h2 import H2Visitor

TENANTS = ("tenant-a", "tenant-b", "tenant-c")


@pytest.fixture(scope="module")
def tenants(platform):
    """{name: project}; each workload answers with its tenant's name."""
    projects = {}
    for name in TENANTS:
        project = platform.project(name)
        project.route("/")
        project.workload = Workload(lambda request, name=name: plain_response(name.encode()))
        project.warpgate = project.start_warpgate(project.workload.address)
        projects[name] = project
    yield projects
    for project in projects.values():
        assert project.warpgate.stop() == 0
        project.workload.close()


def spellings(host, port):
    return [host, f"{host}:{port}", host.upper(), f"{host}.", f"{host}.:{port}", f"{host}:443", f"{host}:1"]


def strangers(port):
    return [f"api.{DOMAIN}", f"edge.{DOMAIN}", f"console.{DOMAIN}", DOMAIN, f"unknown.{DOMAIN}", "127.0.0.1", f"127.0.0.1:{port}", "[::1]", "localhost", "evil.example",
            f"tenant-a.{DOMAIN}.evil.example", f"x.tenant-a.{DOMAIN}", f"tenant-a.{DOMAIN}..", f"tenant-a_{DOMAIN}", f"xn--tenant-a-.{DOMAIN}"]


# T08

def expect(tenants, named, answer, host):
    mine = host.lower().split(":")[0].rstrip(".") == tenants[named].host and not host.split(":")[0].endswith("..")
    if mine:
        assert (answer.status, answer.body) == (200, named.encode()), (named, host)
    else:
        assert answer.status in (421, 400), (named, host, answer.status)
        assert not [name for name in TENANTS if answer.body == name.encode()]
    return mine


@pytest.mark.parametrize("kind", ["h1", "h2"])
def test_names_of_the_handshake_and_of_the_request(platform, tenants, kind):
    """T08: every tenant's handshake with every tenant's Host in every spelling, also on one connection after right ones."""
    counts = {True: 0, False: 0}
    hosts = [spelling for name in TENANTS for spelling in spellings(tenants[name].host, platform.port)] + strangers(platform.port)
    for named in TENANTS:
        host = tenants[named].host
        with (Visitor(platform.port, host, platform.ca) if kind == "h1" else H2Visitor(platform, host)) as visitor:
            for asked in hosts:
                answer = visitor.request("GET", "/", host=asked) if kind == "h1" else visitor.request("GET", "/", authority=asked)
                counts[expect(tenants, named, answer, asked)] += 1
                if kind == "h1" and answer.header("connection") == "close":
                    visitor = Visitor(platform.port, host, platform.ca)
    assert counts[True] == 3 * 7 and counts[False] > 80


def test_fields_about_hosts_decide_nothing(platform, tenants):
    """T08: no field but Host is looked at."""
    lies = [("X-Forwarded-Host", tenants["tenant-b"].host), ("X-Host", tenants["tenant-b"].host), ("Forwarded", f"host={tenants['tenant-b'].host}"),
            ("X-Original-Host", tenants["tenant-b"].host), ("X-Forwarded-Server", tenants["tenant-b"].host), ("Origin", f"https://{tenants['tenant-b'].host}")]
    assert platform.visit(tenants["tenant-a"].host, headers=lies).body == b"tenant-a"


def test_absolute_targets_and_hosts_agree(platform, tenants):
    """T08: `GET https://b/ HTTP/1.1` with `Host: a` is neither a nor b."""
    a, b = tenants["tenant-a"].host, tenants["tenant-b"].host
    for target, host in itertools.product((f"https://{a}:{platform.port}/", f"https://{b}:{platform.port}/"), (a, b)):
        with Visitor(platform.port, a, platform.ca) as visitor:
            answer = visitor.request("GET", target, host=f"{host}:{platform.port}")
            assert answer.body == b"tenant-a" if a in target and host == a else answer.status in (400, 421)


# T09

def open_with(platform, context, host, session=None):
    raw = socket.create_connection(("127.0.0.1", platform.port), 10)
    return context.wrap_socket(raw, server_hostname=host, session=session)


def ticket_of(platform, context, host):
    """A session to resume, after a request (a 1.3 ticket comes behind the handshake)."""
    with open_with(platform, context, host) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}:{platform.port}\r\nConnection: close\r\n\r\n".encode())
        while connection.recv(65536):
            pass
        return connection.session


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_ticket_is_good_for_its_host_alone(platform, tenants, version):
    """T09: resumed where it was issued; at another tenant's name, and at the API, there is a full handshake."""
    context = ssl.create_default_context(cafile=str(platform.ca))
    context.maximum_version = version
    host = tenants["tenant-a"].host
    session = ticket_of(platform, context, host)
    with open_with(platform, context, host, session) as connection:
        assert connection.session_reused, "a ticket is good for something"
    for other in (tenants["tenant-b"].host, tenants["tenant-c"].host, f"api.{DOMAIN}"):
        session = ticket_of(platform, context, host)
        with open_with(platform, context, other, session) as connection:
            assert not connection.session_reused
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}:{platform.port}\r\nConnection: close\r\n\r\n".encode())
            data = connection.recv(65536)
            assert b" 421 " in data and b"tenant-a" not in data.split(b"\r\n\r\n", 1)[-1]


def test_a_ticket_is_no_way_into_a_tunnel(platform, tenants):
    """T09: with a visitor's ticket, the tunnel's port still makes a full handshake, and wants a client's certificate."""
    context = ssl.create_default_context(cafile=str(platform.ca))
    context.set_alpn_protocols(["http/1.1"])
    session = ticket_of(platform, context, tenants["tenant-a"].host)
    context.set_alpn_protocols(["mezusphere-tunnel/1"])
    with open_with(platform, context, f"edge.{DOMAIN}", session) as connection:
        assert not connection.session_reused
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
            connection.recv(1)


# T10

class Hello:
    """A TLS client whose first flight a test may cut and change."""

    def __init__(self, platform, host, sni=True):
        self.platform = platform
        self.context = ssl.create_default_context(cafile=str(platform.ca))
        if not sni:
            self.context.check_hostname = False
        self.context.set_alpn_protocols(["http/1.1"])
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = self.context.wrap_bio(self.incoming, self.outgoing, server_hostname=host if sni else None)
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.do_handshake()
        self.message = self.outgoing.read()[5:]  # without the record's head
        self.raw = socket.create_connection(("127.0.0.1", platform.port), 10)

    def send_records(self, sizes):
        at, records = 0, b""
        for size in sizes:
            part = self.message[at:at + size]
            at += size
            records += b"\x16\x03\x01" + struct.pack(">H", len(part)) + part
        assert at >= len(self.message) and part
        self.raw.sendall(records)

    def finish(self, request):
        """The answer to `request`, by a handshake that goes on as it should."""
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._pass_on()
        self.tls.write(request)
        while True:
            try:
                return self.tls.read(65536)
            except ssl.SSLWantReadError:
                self._pass_on()

    def _pass_on(self):
        if data := self.outgoing.read():
            self.raw.sendall(data)
        data = self.raw.recv(65536)
        if not data:
            raise ConnectionError("closed")
        self.incoming.write(data)

    def reply(self):
        """The first record's type: 21 is an alert, 22 a ServerHello; None when closed without a word."""
        try:
            data = self.raw.recv(5)
        except ConnectionError:
            return None
        return data[0] if data else None

    def change_names(self, entries):
        """Puts these (type, name) into the server_name extension."""
        listed = b"".join(bytes([kind]) + struct.pack(">H", len(name)) + name for kind, name in entries)
        content = struct.pack(">H", len(listed)) + listed
        self.replace_extension(0, content)

    def replace_extension(self, kind, content, copies=1):
        hello = self.message[4:]
        at = 34 + 1 + hello[34]
        at += 2 + int.from_bytes(hello[at:at + 2], "big")
        at += 1 + hello[at]
        rest, extensions = hello[at + 2:], b""
        while rest:
            size = int.from_bytes(rest[2:4], "big")
            found, body, rest = int.from_bytes(rest[:2], "big"), rest[4:4 + size], rest[4 + size:]
            body = (content if content is not None else body) if found == kind else body
            extensions += (struct.pack(">HH", found, len(body)) + body) * (copies if found == kind else 1)
        hello = hello[:at] + struct.pack(">H", len(extensions)) + extensions
        self.message = b"\x01" + struct.pack(">I", len(hello))[1:] + hello


@pytest.mark.parametrize("cut", ["one byte each", "over 16 records", "inside the name"])
def test_a_hello_in_pieces(platform, tenants, cut):
    """T10: however it is cut, the same name is read from it; there is no fallback to another tenant's certificate."""
    for name in TENANTS:
        hello = Hello(platform, tenants[name].host)
        size = len(hello.message)
        inside = hello.message.index(tenants[name].host.encode()) + 3
        hello.send_records({"one byte each": [1] * size, "over 16 records": [size // 17 + 1] * 17, "inside the name": [inside, size - inside]}[cut])
        answer = hello.finish(f"GET / HTTP/1.1\r\nHost: {tenants[name].host}:{platform.port}\r\n\r\n".encode())
        assert b" 200 " in answer and answer.endswith(name.encode())


def test_a_hello_without_a_name(platform, tenants):
    """T10: there is no default tenant."""
    hello = Hello(platform, None, sni=False)
    hello.send_records([len(hello.message)])
    assert hello.reply() in (21, None)


@pytest.mark.parametrize("entries", [
    lambda a, b: [(0, a), (0, b)], lambda a, b: [(0, a), (0, a)], lambda a, b: [(1, a), (0, b)], lambda a, b: [], lambda a, b: [(0, b"")], lambda a, b: [(0, a + b"\0" + b)],
    lambda a, b: [(0, a + b"\0")], lambda a, b: [(0, b"x" * 300)], lambda a, b: [(0, b"127.0.0.1")], lambda a, b: [(0, a + b"/")], lambda a, b: [(0, a + b" ")],
    lambda a, b: [(0, b"*." + DOMAIN.encode())], lambda a, b: [(0, b"nobody." + DOMAIN.encode())], lambda a, b: [(0, a.replace(b".", b"\xe3\x80\x82"))],
])
def test_a_hello_with_odd_names(platform, tenants, entries):
    """T10: two names, none, another kind of name, a NUL in it …: refused in the handshake, or nobody's certificate."""
    hello = Hello(platform, tenants["tenant-a"].host)
    hello.change_names(entries(tenants["tenant-a"].host.encode(), tenants["tenant-b"].host.encode()))
    hello.send_records([len(hello.message)])
    reply = hello.reply()
    if reply == 22:  # a stranger's name may get a certificate that fits nobody, and then 421; never a tenant's
        with pytest.raises((ssl.SSLError, ConnectionError)):
            hello.finish(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    else:
        assert reply in (21, None)


def test_a_hello_with_the_extension_twice(platform, tenants):
    hello = Hello(platform, tenants["tenant-a"].host)
    hello.replace_extension(0, None, copies=2)
    hello.send_records([len(hello.message)])
    assert hello.reply() in (21, None)


def test_a_name_in_capitals_or_with_a_dot(platform, tenants):
    """T10: SNI is compared as names are; a final dot is no part of one (RFC 6066 3), and gets no other tenant."""
    host = tenants["tenant-a"].host
    for name in (host.upper(), host + "."):
        hello = Hello(platform, host)
        hello.change_names([(0, name.encode())])
        hello.send_records([len(hello.message)])
        assert hello.reply() in (21, 22, None)
    with Visitor(platform.port, host, platform.ca) as visitor:
        assert visitor.request().body == b"tenant-a"
