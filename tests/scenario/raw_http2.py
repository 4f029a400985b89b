"""raw_http2.py: a visitor that writes HTTP/2 frames by hand, so that it can also write those that no library would."""
import struct

from hpack import Encoder

from harness import Visitor

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4
INITIAL_WINDOW_SIZE = 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def u32(number):
    return struct.pack(">I", number)


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", key, value) for key, value in pairs))


def parse(data):
    """(kind, flags, stream, payload) of every whole frame."""
    frames, at = [], 0
    while at + 9 <= len(data):
        length = int.from_bytes(data[at:at + 3], "big")
        stream = int.from_bytes(data[at + 5:at + 9], "big") & 0x7FFFFFFF
        frames.append((data[at + 3], data[at + 4], stream, data[at + 9:at + 9 + length]))
        at += 9 + length
    return frames


class RawHttp2(Visitor):
    def __init__(self, platform, host, *pairs, timeout=10, source=None):
        super().__init__(platform.port, host, platform.ca, alpn=("h2",), timeout=timeout, source=source)
        self.encoder = Encoder()
        self.stream = -1
        self.send(PREFACE + settings(*pairs))

    def block(self, method, path, fields=()):
        return self.encoder.encode([(":method", method), (":scheme", "https"), (":authority", self.authority),
                                    (":path", path), *fields])

    def head(self, method="GET", path="/", fields=(), flags=END_STREAM | END_HEADERS):
        """HEADERS of the next stream, whose number is then in self.stream."""
        self.stream += 2
        return frame(HEADERS, flags, self.stream, self.block(method, path, fields))

    def read_for(self, seconds, until=lambda frames: False):
        """Frames until the peer is silent for `seconds`, closes, or `until` is satisfied."""
        self.socket.settimeout(seconds)
        data = b""
        try:
            while not until(parse(data)) and (chunk := self.socket.recv(65536)):
                data += chunk
        except OSError:
            pass
        return parse(data)
