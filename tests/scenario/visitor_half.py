"""visitor_half.py: an HTTP/1.1 visitor that can close its sending side (close_notify and FIN) and go on reading.

Python's sockets cannot (unwrap waits for the peer), so TLS is done in memory here.
"""
import socket
import ssl

from harness import DEADLINE


class HalfVisitor:
    def __init__(self, platform, host):
        context = ssl.create_default_context(cafile=str(platform.ca))
        context.set_alpn_protocols(["http/1.1"])
        self.authority = f"{host}:{platform.port}"
        self.raw = socket.create_connection(("127.0.0.1", platform.port), DEADLINE)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)
        self._until_done(self.tls.do_handshake)

    def _flush(self):
        if data := self.outgoing.read():
            self.raw.sendall(data)

    def _until_done(self, call):
        """call() as often as it takes; what it gives, or b"" at the peer's end."""
        while True:
            try:
                result = call()
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
                data = self.raw.recv(65536)
                self.incoming.write(data) if data else self.incoming.write_eof()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def send(self, data):
        self.tls.write(data)
        self._flush()

    def close_half(self):
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass  # the peer has not said so itself, and need not yet
        self._flush()
        self.raw.shutdown(socket.SHUT_WR)

    def read_all(self):
        data = b""
        while part := self._until_done(lambda: self.tls.read(65536)):
            data += part
        return data

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()
