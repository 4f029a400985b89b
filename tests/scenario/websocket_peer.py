"""websocket_peer.py: WebSocket by hand (RFC 6455, RFC 8441), so that a test decides about each byte: frames, both versions' visitors,
and a workload's side.

A connection here is anything with send_bytes(data) and recv_bytes() (some bytes; b"" at the end).
"""
import base64
import hashlib
import os
import struct

from harness import Visitor
from visitor_h2 import H2Visitor

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}")


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def frame(opcode, payload=b"", is_masked=True, is_final=True):
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size) if size < 65536 else b"\x7f" + struct.pack(">Q", size)
    first = bytes([(0x80 if is_final else 0) | opcode])
    if not is_masked:
        return first + length + payload
    mask = os.urandom(4)
    stream = (mask * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")
    return first + bytes([length[0] | 0x80]) + length[1:] + mask + masked


def close_payload(code, reason=""):
    return struct.pack(">H", code) + reason.encode()


class Frames:
    """One end of a WebSocket: what comes is taken apart, what goes is put together."""

    def __init__(self, connection, is_client=True, rest=b""):
        self.connection, self.is_client, self.buffer = connection, is_client, rest

    def send(self, opcode, payload=b"", **members):
        self.connection.send_bytes(frame(opcode, payload, is_masked=self.is_client, **members))

    def _take(self, size):
        while len(self.buffer) < size:
            part = self.connection.recv_bytes()
            if not part:
                raise EOFError(f"the end, with {len(self.buffer)} bytes of a frame")
            self.buffer += part
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def next(self):
        """(opcode, payload) of the next frame; None at the end."""
        try:
            first, second = self._take(2)
        except EOFError:
            assert not self.buffer
            return None
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(self._take(2 if size == 126 else 8), "big")
        mask = self._take(4) if second & 0x80 else None
        assert (mask is None) == self.is_client, "clients mask, servers do not"
        payload = self._take(size)
        if mask:
            payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if size < 4096 else _unmask(payload, mask)
        return first & 0x0F, payload


def _unmask(payload, mask):
    stream = (mask * (len(payload) // 4 + 1))[:len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(payload), "big")


class Http1WebSocket(Visitor):
    """`status`, `fields` and, where it is no 101, `body` of the answer; with 101, `frames`."""

    def open(self, path="/", fields=(), handshake=UPGRADE, with_it=b""):
        lines = [f"GET {path} HTTP/1.1", f"Host: {self.authority}", *handshake, *fields]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode() + with_it)
        return self.read_answer()

    def read_answer(self):
        data = b""
        while b"\r\n\r\n" not in data:
            part = self.socket.recv(65536)
            assert part, data
            data += part
        head, rest = data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.fields = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        self.first = rest
        self.frames = Frames(self, rest=rest)
        return self.status

    @property
    def body(self):
        while len(self.first) < int(self.fields["content-length"]):
            self.first += self.socket.recv(65536)
        return self.first

    def send_bytes(self, data):
        self.send(data)

    def recv_bytes(self):
        return self.socket.recv(65536)

    def is_switched(self):
        return self.status == 101 and self.fields.get("sec-websocket-accept") == accept_of(KEY)


class Http2WebSocket(H2Visitor):
    """The same on one stream of HTTP/2."""

    def open(self, path="/", fields=(), handshake=(), with_it=b""):
        assert not handshake
        while self.http.remote_settings.enable_connect_protocol != 1:  # said in the edge's SETTINGS
            assert self.receive()
        self.id = self.begin_websocket(path, [tuple(part.strip() for part in field.lower().split(":", 1)) for field in fields])
        if with_it:
            self.write(self.id, with_it)
        self.taken = 0
        answer = self.wait(self.id, lambda seen: seen.status or seen.is_over)
        self.status, self.fields = answer.status, dict(answer.headers)
        self.frames = Frames(self)
        return self.status

    def begin_websocket(self, path, fields=(), protocol="websocket"):
        stream = self.http.get_next_available_stream_id()
        self.answers[stream] = self.new_answer()
        self.http.send_headers(stream, [(":method", "CONNECT"), (":protocol", protocol), (":scheme", "https"), (":authority", self.authority),
                                        (":path", path), ("sec-websocket-version", "13"), *fields])
        self.flush()
        return stream

    @property
    def body(self):
        return self.wait(self.id).body

    def send_bytes(self, data):
        self.write(self.id, data)

    def recv_bytes(self):
        answer = self.wait(self.id, lambda seen: len(seen.body) > self.taken or seen.is_over)
        data = answer.body[self.taken:]
        self.taken += len(data)
        return data

    def is_switched(self):
        return self.status == 200


class WorkloadSide:
    """The workload's end, behind a LiveWorkload's peer."""

    def __init__(self, peer):
        self.peer, self.frames = peer, Frames(self, is_client=False)

    def switch(self, *fields, with_it=b""):
        """101, and `with_it` in the same packet."""
        request = self.peer.request
        assert request.method == "GET" and request.header("upgrade").lower() == "websocket"
        assert request.header("connection").lower() == "upgrade" and request.header("sec-websocket-version") == "13"
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Accept: {accept_of(request.header('sec-websocket-key'))}", *fields]
        self.send_bytes(("\r\n".join(lines) + "\r\n\r\n").encode() + with_it)
        return self.frames

    def send_bytes(self, data):
        self.peer.send(data)

    def recv_bytes(self):
        return self.peer.stream.read1(65536)
