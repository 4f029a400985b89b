"""raw_warpgate.py: a tenant's own program in place of the agent: enrols with a good key, and then says whatever it likes."""
import json
import socket
import ssl
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hpack import Encoder

from harness import DOMAIN, Visitor
from raw_http2 import DATA, END_HEADERS, HEADERS, PREFACE, frame, settings

MAX_CONCURRENT_STREAMS = 3
CONTROL = 1  # the number of the control stream


def record(**members):
    text = json.dumps(members).encode()
    return struct.pack(">I", len(text)) + text


def has_headers(heard):
    """A whole HEADERS frame among the frames behind the preface."""
    at = len(PREFACE)
    while len(heard) >= at + 9:
        end = at + 9 + int.from_bytes(heard[at:at + 3], "big")
        if heard[at + 3] == HEADERS and len(heard) >= end:
            return True
        at = end
    return False


class RawWarpgate:
    """A tunnel that has said hello and that it applied revision 1."""

    def __init__(self, project, folder):
        platform, key = project.platform, ec.generate_private_key(ec.SECP256R1())
        csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
        body = json.dumps({"csr": csr.public_bytes(serialization.Encoding.PEM).decode(), "name": "raw"}).encode()
        with Visitor(platform.port, f"api.{DOMAIN}", platform.ca, alpn=("mezusphere-control/1",)) as visitor:
            answer = visitor.request("POST", "/warpgate/v1/enrolments", [("Authorization", f"Bearer {project.key}"),
                                                                         ("Content-Type", "application/json")], body)
        assert answer.status in (200, 201), answer.body
        pem = folder / "raw-warpgate.pem"
        pem.write_bytes(answer.json["certificate"].encode() + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        self.context = ssl.create_default_context(cafile=str(platform.ca))
        self.context.load_cert_chain(pem)
        self.context.set_alpn_protocols(["mezusphere-tunnel/1"])
        self.id, self.port = answer.json["warpgate"], platform.port
        self.socket = self.connect()
        self.greet(self.socket)

    def connect(self):
        return self.context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 10), server_hostname=f"edge.{DOMAIN}")

    @staticmethod
    def greet(tunnel):
        """Not before the edge has opened the control stream: nobody may answer what was not asked."""
        heard = b""
        while not has_headers(heard):
            chunk = tunnel.recv(65536)
            assert chunk, "the edge closes"
            heard += chunk
        tunnel.sendall(settings((MAX_CONCURRENT_STREAMS, 1000)) + frame(HEADERS, END_HEADERS, CONTROL, Encoder().encode([(":status", "200")])) +
                       frame(DATA, 0, CONTROL, record(type="hello", version="1", name="raw", capabilities=[], upstreams=["default"]) +
                             record(type="applied", revision=1)))

    def send(self, data):
        self.socket.sendall(data)

    def say(self, records):
        self.send(frame(DATA, 0, CONTROL, records))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
