"""fake_platform.py: the platform's side of docs/protocol.md, written from that page and nothing else, and able to break every rule of it.

FakeAuthority   root, one intermediate for each role, leaves that are right or wrong on purpose
FakeControl     the enrolment endpoint: TLS 1.3, HTTP/1.1, answers that a test may replace, every byte it was sent
FakeEdge        accepts tunnels; FakeTunnel is one of them: python's h2 in the client's role, and raw frames beside it
FakePlatform    all of these together, with one environment and its bundles
StrictWorkload  a workload that keeps every byte that reached it and knows which of them were whole requests

Each connection has a thread that reads; TLS is done in memory (MemoryBIO) under a lock, so that any thread may write.
"""
import base64
import datetime
import hashlib
import io
import json
import os
import secrets
import select
import socket
import ssl
import struct
import subprocess
import threading
import time
import zlib

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness import DEADLINE, Program, Workload, programs

TRUST_DOMAIN = "fake.localhost"
CONTROL_ALPN = "mezusphere-control/1"
TUNNEL_ALPN = "mezusphere-tunnel/1"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
RECORD_MAX = 8 << 20

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
ROLES = {"warpgate": [CLIENT], "edge": [SERVER, CLIENT], "control": [SERVER, CLIENT], "service": [SERVER]}


# Small things of the protocol

def new_id(prefix):
    """prefix_ and a UUIDv7 as 26 characters of Crockford's base32."""
    number = (int(time.time() * 1000) << 80) | (7 << 76) | (secrets.randbits(12) << 64) | (2 << 62) | secrets.randbits(62)
    return prefix + "_" + "".join(CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def new_api_key():
    text = "".join(secrets.choice(BASE62) for _ in range(44))
    rest, checksum = zlib.crc32(text.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        checksum = BASE62[digit] + checksum
    return text + checksum


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_der(key):
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def private_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def record(message):
    """A message laid into the control stream: four bytes of length, then JSON."""
    payload = message if isinstance(message, bytes) else json.dumps(message).encode()
    return struct.pack(">I", len(payload)) + payload


class Signer:
    """Signs bundles: compact JWS, ES256."""

    def __init__(self):
        self.key = new_key()
        self.kid = base64url(hashlib.sha256(public_der(self.key.public_key())).digest())

    @property
    def jwk(self):
        numbers = self.key.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid,
                "x": base64url(numbers.x.to_bytes(32, "big")), "y": base64url(numbers.y.to_bytes(32, "big"))}

    def sign(self, payload, typ="mezusphere-bundle", header=None):
        header = {"alg": "ES256", "typ": typ, "kid": self.kid, **(header or {})}
        text = base64url(json.dumps(header).encode()) + "." + base64url(payload)
        r, s = decode_dss_signature(self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return text + "." + base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


class FakeAuthority:
    def __init__(self, trust_domain=TRUST_DOMAIN):
        self.trust_domain = trust_domain
        self.root_key, self.root_name = new_key(), self._name("Mezusphere root CA")
        self.root = self._authority(self.root_name, self.root_key.public_key(), 1, None)
        self.keys = {role: new_key() for role in ROLES}
        self.intermediates = {role: self._authority(self._name(f"Mezusphere {role} CA"), self.keys[role].public_key(), 0, usages)
                              for role, usages in ROLES.items()}

    @staticmethod
    def _name(common_name):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])

    @staticmethod
    def _builder(subject, public_key, issuer, before_s, after_s):
        now = datetime.datetime.utcnow().replace(microsecond=0)
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
                .serial_number(x509.random_serial_number()).not_valid_before(now + datetime.timedelta(seconds=before_s))
                .not_valid_after(now + datetime.timedelta(seconds=after_s)))

    @staticmethod
    def _usage(is_ca):
        return x509.KeyUsage(digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, content_commitment=False,
                             key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                             decipher_only=False)

    def _authority(self, name, public_key, path_length, usages):
        builder = self._builder(name, public_key, self.root_name, -300, 86400)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        builder = builder.add_extension(self._usage(True), critical=True)
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        for extension in (x509.SubjectKeyIdentifier.from_public_key(public_key),
                          x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root_key.public_key())):
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.root_key, hashes.SHA256())

    @property
    def root_pem(self):
        return self.root.public_bytes(serialization.Encoding.PEM).decode()

    def uri(self, role, environment=None, subject=None):
        prefix = {"warpgate": "wg", "edge": "edg", "control": "ctl"}[role]
        where = f"environment/{environment}/" if environment else ""
        return f"spiffe://{self.trust_domain}/{where}{role}/{subject or new_id(prefix)}"

    def issue(self, role, public_key, uri=None, names=(), life_s=3600.0, before_s=-300, usages=None):
        """A chain: leaf, intermediate."""
        subject_names = ([x509.UniformResourceIdentifier(uri)] if uri else []) + [x509.DNSName(name) for name in names]
        builder = self._builder(x509.Name([]), public_key, self.intermediates[role].subject, before_s, life_s)
        for extension, is_critical in (
                (x509.BasicConstraints(ca=False, path_length=None), True), (self._usage(False), True),
                (x509.ExtendedKeyUsage(usages or ROLES[role]), False), (x509.SubjectAlternativeName(subject_names), True),
                (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
                (x509.AuthorityKeyIdentifier.from_issuer_public_key(self.keys[role].public_key()), False)):
            builder = builder.add_extension(extension, critical=is_critical)
        leaf = builder.sign(self.keys[role], hashes.SHA256())
        return "".join(c.public_bytes(serialization.Encoding.PEM).decode() for c in (leaf, self.intermediates[role]))

    def pair(self, role, **members):
        """(chain, key) of a fresh key."""
        key = new_key()
        return self.issue(role, key.public_key(), **members), private_pem(key)

    def edge_pair(self, **members):
        return self.pair("edge", **{"uri": self.uri("edge"), "names": [f"edge.{TRUST_DOMAIN}"], **members})


def server_context(folder, pair, root_pem, alpn, client="required"):
    """TLS 1.3 server; `client`: required, asked or none."""
    path = folder / (secrets.token_hex(8) + ".pem")
    path.write_text(pair[1] + pair[0])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(path)
    context.load_verify_locations(cadata=root_pem)
    context.verify_mode = {"required": ssl.CERT_REQUIRED, "asked": ssl.CERT_OPTIONAL, "none": ssl.CERT_NONE}[client]
    context.num_tickets = 0
    if alpn:
        context.set_alpn_protocols([alpn])
    path.unlink()
    return context


# Connections

class TlsConnection:
    """One accepted connection. One thread reads; any thread may write."""

    def __init__(self, raw, context):
        self.raw, self.lock = raw, threading.RLock()
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        raw.settimeout(DEADLINE)
        try:
            self._handshake()
        except (ssl.SSLError, OSError):
            self._flush_quietly()
            self.close()
            raise
        raw.settimeout(None)

    def _handshake(self):
        while True:
            try:
                self.tls.do_handshake()
                self._flush()
                return
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()

    def _fill(self):
        data = self.raw.recv(65536)
        if not data:
            raise ConnectionError("closed during the handshake")
        self.incoming.write(data)

    def _flush(self):
        data = self.outgoing.read()
        if data:
            self.raw.sendall(data)

    def _flush_quietly(self):
        try:
            self._flush()
        except OSError:
            pass

    def read(self):
        """Some bytes; b"" when there are no more, however that came."""
        while True:
            with self.lock:
                try:
                    return self.tls.read(1 << 20)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError:
                    return b""
            try:
                data = self.raw.recv(1 << 16)
            except OSError:
                return b""
            with self.lock:
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()

    def write(self, data):
        with self.lock:
            if data:
                self.tls.write(data)
            self._flush()

    def end(self):
        """close_notify and FIN."""
        with self.lock:
            try:
                self.tls.unwrap()
            except ssl.SSLError:
                pass
            self._flush_quietly()
        self.close()

    def close(self):
        try:
            self.raw.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def is_gone(self, timeout):
        """Waits, without reading a byte, until the peer has let go of the connection."""
        poll = select.poll()
        poll.register(self.raw, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        return bool(poll.poll(timeout * 1000))


class Listener:
    """Accepts connections and gives each a thread."""

    def __init__(self):
        self.changed = threading.Condition()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.is_open = True
        self.accepted = []
        self.raw = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while self.is_open:
            try:
                raw, peer = self.socket.accept()
            except OSError:
                return
            with self.changed:
                self.accepted.append(time.monotonic())
                self.raw.append(raw)
                self.changed.notify_all()
            threading.Thread(target=self.serve, args=(raw,), daemon=True).start()

    def serve(self, raw):
        raise NotImplementedError

    def wait(self, check, what="condition", timeout=DEADLINE):
        """The first true value of check()."""
        with self.changed:
            value = self.changed.wait_for(check, timeout)
        assert value, f"{what}: not within {timeout} s"
        return value

    def note(self, things, thing):
        with self.changed:
            things.append(thing)
            self.changed.notify_all()

    def close(self):
        self.is_open = False
        for one in (self.socket, *self.raw):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.socket.close()


# The control plane's end of enrolment

class ControlRequest:
    def __init__(self, head, body, certificate):
        self.head, self.body = head, body
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, self.version = lines[0].split(" ", 2)
        self.fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        self.certificate = certificate  # DER of the client's, or None

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name]

    @property
    def json(self):
        return json.loads(self.body)


def uri_of(certificate):
    """The identity in a certificate (DER)."""
    names = x509.load_der_x509_certificate(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.UniformResourceIdentifier)[0]


def warpgate_of(certificate):
    return uri_of(certificate).rsplit("/", 1)[1]


def http_answer(status, body=b"", fields=(), content_type="application/json"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(data)}", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + data


def problem(status, code, detail="as the test wants it"):
    return http_answer(status, {"type": "about:blank", "title": code, "status": int(status.split()[0]), "code": code,
                                "detail": detail}, content_type="application/problem+json")


class FakeControl(Listener):
    """`answers`: functions request -> bytes for the next requests, in order; then `answer`."""

    def __init__(self, platform, answers=(), context=None):
        self.platform, self.answers = platform, list(answers)
        self.context = context or platform.control_context()
        self.requests, self.failures = [], []
        super().__init__()

    def serve(self, raw):
        try:
            connection = TlsConnection(raw, self.context)
        except (ssl.SSLError, OSError) as error:
            self.note(self.failures, error)
            return
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.read()
            if not more:
                return connection.close()
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        request = ControlRequest(head, body, connection.tls.getpeercert(True))
        while len(request.body) < int((request.all("content-length") or ["0"])[0]):
            request.body += connection.read()
        with self.changed:
            answer = self.answers.pop(0) if self.answers else self.platform.answer
        data = answer(request)
        self.note(self.requests, request)
        if data:
            connection.write(data)
        connection.end()

    def wait_requests(self, count, timeout=DEADLINE):
        self.wait(lambda: len(self.requests) >= count, f"{count} requests at the control plane", timeout)
        return self.requests[count - 1]


# The edge's end of tunnels

class Exchange:
    """One stream. wait() ends with a status or a reset."""

    def __init__(self, tunnel, stream_id):
        self.tunnel, self.id = tunnel, stream_id
        self.status = self.reset = self.fields = None
        self.body = b""
        self.trailers = []
        self.is_ended = False

    @property
    def is_over(self):
        return self.is_ended or self.reset is not None or self.tunnel.is_closed

    def wait(self, timeout=DEADLINE):
        self.tunnel.wait(lambda: self.is_over, f"the end of stream {self.id}", timeout)
        return self

    def field(self, name):
        return next((value for key, value in self.fields or [] if key == name), None)

    @property
    def error(self):
        return self.field("mezusphere-error")

    def __repr__(self):
        return f"status {self.status} fields {self.fields} reset {self.reset} ended {self.is_ended} closed {self.tunnel.is_closed}"


class _Session(h2.connection.H2Connection):
    """The library takes a GOAWAY for the end; on a tunnel that drains it is the beginning of it (RFC 9113 section 6.8)."""

    def _receive_goaway_frame(self, frame):
        event = h2.events.ConnectionTerminated()
        event.error_code, event.last_stream_id, event.additional_data = frame.error_code, frame.last_stream_id, None
        return [], [event]


class FakeTunnel:
    """A tunnel that was accepted. The reading thread keeps the state; whoever waits is told of each change."""

    def __init__(self, edge, connection):
        self.edge, self.connection, self.changed = edge, connection, threading.Condition(threading.RLock())
        self.certificate = connection.tls.getpeercert(True)
        self.h2 = _Session(h2.config.H2Configuration(
            client_side=True, header_encoding="latin-1", validate_outbound_headers=False, normalize_outbound_headers=False))
        self.exchanges, self.records, self.goaways = {}, [], []
        self.settings = None
        self.is_closed = False
        self.closed_at = None
        self.is_deaf = False
        self.control = None
        self.pending = b""  # of a record
        self.received = b""  # every byte
        with self.changed:
            self.h2.initiate_connection()
            self.flush()

    # Sending

    def flush(self):
        self.connection.write(self.h2.data_to_send())

    def send_raw_frames(self, data):
        self.connection.write(data)

    def open_control(self, headers=None):
        self.control = self.open(headers or [(":method", "POST"), (":scheme", "https"), (":authority", "edge"),
                                             (":path", "/mezusphere/control")], is_end=False)

    def send_control(self, data):
        """Bytes on the control stream, at once or as the window opens."""
        self.send_data(self.control, data, is_end=False)

    def send_record(self, message):
        self.send_control(record(message))

    def send_bundle(self, jws):
        self.send_record({"type": "bundle", "jws": jws})

    def open(self, headers, is_end=True):
        with self.changed:
            stream_id = self.h2.get_next_available_stream_id()
            exchange = self.exchanges[stream_id] = Exchange(self, stream_id)
            self.h2.send_headers(stream_id, headers, end_stream=is_end)
            self.flush()
        return exchange

    def send_data(self, exchange, data, is_end):
        deadline = time.monotonic() + DEADLINE
        with self.changed:
            while data:
                room = min(self.h2.local_flow_control_window(exchange.id), self.h2.max_outbound_frame_size)
                if room <= 0:
                    left = deadline - time.monotonic()
                    assert left > 0 and not self.is_closed, "no window to send in"
                    self.changed.wait(left)
                    continue
                part, data = data[:room], data[room:]
                self.h2.send_data(exchange.id, part, end_stream=is_end and not data)
                self.flush()
                if is_end and not data:
                    return
            if is_end:
                self.h2.end_stream(exchange.id)
                self.flush()

    def headers(self, path="/", authority=None, method="GET", fields=(), environment=None):
        platform = self.edge.platform
        return [(":method", method), (":scheme", "https"), (":authority", authority or platform.host), (":path", path),
                *fields, ("mezusphere-environment", environment or platform.environment)]

    def request(self, path="/", body=None, trailers=None, headers=None, **members):
        """Opens a stream with everything on it; does not wait for the answer. `headers` replaces all of them."""
        all_headers = self.headers(path, **members) if headers is None else headers
        with self.changed:
            exchange = self.open(all_headers, is_end=body is None and trailers is None)
            try:
                if body is not None:
                    self.send_data(exchange, body, is_end=trailers is None)
                if trailers is not None:
                    self.h2.send_headers(exchange.id, trailers, end_stream=True)
                    self.flush()
            except (h2.exceptions.StreamClosedError, h2.exceptions.NoSuchStreamError):
                pass  # it was refused before it was complete
        return exchange

    def cancel(self, exchange):
        with self.changed:
            try:
                self.h2.reset_stream(exchange.id, 8)
                self.flush()
            except (h2.exceptions.StreamClosedError, h2.exceptions.NoSuchStreamError):
                pass

    # Receiving

    def run(self):
        try:
            while not self.is_deaf:
                data = self.connection.read()
                if not data or self.is_deaf:
                    break
                with self.changed:
                    self.received += data
                    for event in self.h2.receive_data(data):
                        self._take(event)
                    self.flush()
                    self.changed.notify_all()
        except (h2.exceptions.ProtocolError, OSError, ssl.SSLError):
            pass
        if not self.is_deaf:
            self._mark_closed()

    def _mark_closed(self):
        with self.changed:
            self.is_closed, self.closed_at = True, time.monotonic()
            self.changed.notify_all()
        with self.edge.changed:
            self.edge.changed.notify_all()
        self.connection.close()

    def _take(self, event):
        exchange = self.exchanges.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.RemoteSettingsChanged) and self.settings is None:
            self.settings = {int(code): change.new_value for code, change in event.changed_settings.items()}
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaways.append((event.last_stream_id, int(event.error_code)))
        elif exchange is None:
            return
        elif isinstance(event, h2.events.ResponseReceived):
            exchange.fields = list(event.headers)
            exchange.status = int(exchange.field(":status"))
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if exchange is self.control:
                self._take_records(event.data)
            else:
                exchange.body += event.data
        elif isinstance(event, h2.events.TrailersReceived):
            exchange.trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            exchange.is_ended = True
        elif isinstance(event, h2.events.StreamReset):
            exchange.reset = int(event.error_code)

    def _take_records(self, data):
        self.pending += data
        while len(self.pending) >= 4:
            length = struct.unpack(">I", self.pending[:4])[0]
            assert 2 <= length <= RECORD_MAX
            if len(self.pending) < 4 + length:
                return
            self.records.append(json.loads(self.pending[4:4 + length]))
            self.pending = self.pending[4 + length:]

    # Waiting

    def wait(self, check, what="condition", timeout=DEADLINE):
        with self.changed:
            value = self.changed.wait_for(check, timeout)
        assert value, f"{what}: not within {timeout} s; records {self.records[-3:]} goaways {self.goaways} closed {self.is_closed}"
        return value

    def wait_record(self, kind, after=0, timeout=DEADLINE, **members):
        wanted = {"type": kind, **members}

        def find():
            return next((r for r in self.records[after:] if wanted.items() <= r.items()), None)

        return self.wait(find, f"record {wanted}", timeout)

    def wait_closed(self, timeout=DEADLINE):
        self.wait(lambda: self.is_closed, "the tunnel's end", timeout)

    def mark(self):
        with self.changed:
            return len(self.records)


class FakeEdge(Listener):
    """Accepts tunnels and greets them: control stream, bundle, count of tunnels. `greet` False: says nothing at all."""

    def __init__(self, platform, context=None, greet=True, on_tunnel=None):
        self.platform, self.greet, self.on_tunnel = platform, greet, on_tunnel
        self.context = context or platform.edge_context()
        self.tunnels, self.failures = [], []
        super().__init__()

    def serve(self, raw):
        try:
            connection = TlsConnection(raw, self.context)
        except (ssl.SSLError, OSError) as error:
            self.note(self.failures, error)
            return
        try:
            tunnel = FakeTunnel(self, connection)
            threading.Thread(target=tunnel.run, daemon=True).start()
            if self.greet:
                tunnel.open_control()
                tunnel.send_bundle(self.platform.bundle_jws)
            self.note(self.tunnels, tunnel)
            if self.on_tunnel:
                self.on_tunnel(tunnel)
        except (OSError, ssl.SSLError, h2.exceptions.ProtocolError) as error:
            self.note(self.failures, error)

    def wait_tunnel(self, number=1, timeout=DEADLINE):
        """The tunnel of this number (from 1) once it carries requests."""
        tunnel = self.wait(lambda: self.tunnels[number - 1] if len(self.tunnels) >= number else None,
                           f"tunnel {number} of {self.address} (failures {self.failures})", timeout)
        if self.greet:
            tunnel.wait_record("applied", timeout=timeout)
        return tunnel

    def open_tunnels(self):
        return [tunnel for tunnel in self.tunnels if not tunnel.is_closed]


# All together

class FakePlatform:
    """One organization, project and environment. `folder` is for what Python's ssl wants as files."""

    def __init__(self, folder, routes=(("prefix", "/", "default"),)):
        self.folder = folder
        self.authority, self.signer, self.key = FakeAuthority(), Signer(), new_api_key()
        self.organization, self.project, self.environment = new_id("org"), new_id("prj"), new_id("env")
        self.host = f"shop.{TRUST_DOMAIN}"
        self.routes = [{"id": new_id("rt"), "match": match, "path": path, "upstream": upstream} for match, path, upstream in routes]
        self.revision = 1
        self.life_s = 3600
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_text(self.authority.root_pem)
        self.bundle_jws = self.sign()
        self.listeners = []
        self.edges = []
        self.programs = []

    def control_context(self, pair=None, client="asked", alpn=CONTROL_ALPN):
        pair = pair or self.authority.pair("control", uri=self.authority.uri("control"), names=[f"api.{TRUST_DOMAIN}"])
        return server_context(self.folder, pair, self.authority.root_pem, alpn, client)

    def edge_context(self, pair=None, client="required", alpn=TUNNEL_ALPN):
        return server_context(self.folder, pair or self.authority.edge_pair(), self.authority.root_pem, alpn, client)

    def payload(self, **members):
        return {"format": 1, "environment": self.environment, "project": self.project, "organization": self.organization,
                "revision": self.revision, "issued_at": "2026-11-20T12:00:00.000Z", "enabled": True, "hostnames": [self.host],
                "routes": self.routes, **members}

    def sign(self, **members):
        return self.signer.sign(json.dumps(self.payload(**members)).encode())

    def next_bundle(self, **members):
        """The next revision, which is then what everybody is given."""
        self.revision += 1
        self.bundle_jws = self.sign(**members)
        return self.bundle_jws

    def add_edge(self, **members):
        edge = FakeEdge(self, **members)
        self.edges.append(edge)
        self.listeners.append(edge)
        return edge

    def add_control(self, *answers, **members):
        control = FakeControl(self, answers, **members)
        self.listeners.append(control)
        return control

    def enrolment(self, request, **members):
        """The answer's object."""
        csr = x509.load_pem_x509_csr(request.json["csr"].encode())
        assert csr.is_signature_valid
        warpgate = warpgate_of(request.certificate) if request.certificate else new_id("wg")
        chain = self.authority.issue("warpgate", csr.public_key(), life_s=self.life_s,
                                     uri=self.authority.uri("warpgate", self.environment, warpgate))
        return {"warpgate": warpgate, "environment": self.environment, "trust_domain": TRUST_DOMAIN, "certificate": chain,
                "trust_anchors": self.authority.root_pem, "bundle_keys": {"keys": [self.signer.jwk]}, "bundle": self.bundle_jws,
                "edges": [{"address": edge.address, "server_name": f"edge.{TRUST_DOMAIN}"} for edge in self.edges] or
                         [{"address": "127.0.0.1:1", "server_name": f"edge.{TRUST_DOMAIN}"}], **members}

    def answer(self, request):
        """What a control plane answers."""
        if request.path == "/warpgate/v1/renewals":
            return http_answer("200 OK", self.enrolment(request)) if request.certificate else problem("401 Unauthorized", "certificate_required")
        if request.path != "/warpgate/v1/enrolments" or request.method != "POST":
            return problem("404 Not Found", "not_found")
        if request.all("authorization") != [f"Bearer {self.key}"]:
            return problem("401 Unauthorized", "key_unknown")
        return http_answer("201 Created", self.enrolment(request))

    def start_warpgate(self, control, *upstreams, arguments=(), env=None, **popen):
        flags = [flag for target in upstreams for flag in ("--upstream", target)]
        program = Program([programs() / "warpgate", *flags, "--control", f"https://api.{TRUST_DOMAIN}:{control.port}",
                           "--ca-file", self.ca_file, "--log-level", "debug", *arguments],
                          env={"WARPGATE_TOKEN": self.key} if env is None else env, **popen)
        self.programs.append(program)
        return program

    def close(self):
        """Ends everything; no program may have left a sanitizer's report."""
        for program in self.programs:
            program.kill(15)
        try:
            for program in self.programs:
                try:
                    program.wait(3)
                except subprocess.TimeoutExpired:
                    break  # it drains: its edges go now
            for listener in self.listeners:
                listener.close()
            for program in self.programs:
                program.wait()
        finally:
            for program in self.programs:
                program.kill()
        for program in self.programs:
            assert "Sanitizer" not in program.output and "runtime error" not in program.output, program.output[-8000:]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# A workload that misses nothing

class _Tap(io.RawIOBase):
    def __init__(self, connection, note):
        super().__init__()
        self.connection, self.note = connection, note

    def readable(self):
        return True

    def readinto(self, room):
        size = self.connection.recv_into(room)
        self.note(bytes(room[:size]))
        return size


class WholeRequest:
    def __init__(self, head, body, trailers):
        lines = head.decode("latin-1").split("\r\n")
        self.raw_head, self.body, self.trailers = head, body, trailers
        self.method, self.target, self.version = lines[0].split(" ")
        self.headers = [tuple(line.split(": ", 1)) for line in lines[1:]]

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name]


class StrictWorkload(Workload):
    """`tapped`: every byte, over all connections. `requests`: those that were complete, in order. Answers with the target."""

    def __init__(self, *arguments, **members):
        self.tapped = b""
        super().__init__(*arguments, **members)

    def _note(self, data):
        with self.changed:
            self.tapped += data
            self.changed.notify_all()

    def _serve(self, connection):
        stream = io.BufferedReader(_Tap(connection, self._note))
        try:
            while request := self._read(stream):
                with self.changed:
                    self.requests.append(request)
                    self.changed.notify_all()
                answer = self.handler(request)
                if answer is None:
                    break
                connection.sendall(answer)
        except (OSError, EOFError):
            pass
        finally:
            self.sockets.discard(connection)
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()

    @staticmethod
    def _line(stream):
        line = stream.readline(1 << 17)
        if not line.endswith(b"\r\n"):
            raise EOFError
        return line[:-2]

    def _block(self, stream):
        lines = []
        while line := self._line(stream):
            lines.append(line)
        return lines

    @staticmethod
    def _exactly(stream, size):
        data = stream.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def _read(self, stream):
        head = b"\r\n".join(self._block(stream))
        request = WholeRequest(head, b"", [])
        if request.all("content-length"):
            request.body = self._exactly(stream, int(request.all("content-length")[0]))
        elif request.all("transfer-encoding"):
            while size := int(self._line(stream), 16):
                request.body += self._exactly(stream, size)
                assert self._line(stream) == b""
            request.trailers = [tuple(line.decode("latin-1").split(": ", 1)) for line in self._block(stream)]
        return request


def listening_inodes():
    """Inodes of all listening TCP sockets of this network namespace."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table, encoding="ascii") as file:
            for line in file.read().splitlines()[1:]:
                columns = line.split()
                if columns[3] == "0A":
                    inodes.add(columns[9])
    return inodes


def open_files(pid):
    """What the descriptors of a process point at."""
    folder = f"/proc/{pid}/fd"
    targets = []
    for descriptor in os.listdir(folder):
        try:
            targets.append(os.readlink(f"{folder}/{descriptor}"))
        except FileNotFoundError:
            pass
    return targets
