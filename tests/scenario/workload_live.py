"""workload_live.py: a workload that is written as a conversation: it sees each part of a request as it comes, and says when what is answered.

`handler(peer)` runs once for each request, as soon as its head is there. It returns true when the connection may carry another
request; otherwise the connection is closed. Whatever the handler raises is kept in `failures`, for the test to look at.
"""
import socket

from harness import DEADLINE, Request, Workload


class Peer:
    """One request at the workload, its body still to be read."""

    def __init__(self, request, stream, connection):
        self.request, self.stream, self.socket = request, stream, connection
        self.trailers = []
        length = request.header("content-length")
        self.left = int(length) if length is not None else 0
        self.is_chunked = request.header("transfer-encoding") == "chunked"
        self.is_over = not self.is_chunked and self.left == 0

    def read(self):
        """The next part of the body, as soon as there is one; b"" at its end."""
        if self.is_over:
            return b""
        return self._read_chunk() if self.is_chunked else self._read_sized()

    def _read_sized(self):
        data = self.stream.read1(min(self.left, 65536))
        if not data:
            raise EOFError("the body broke off")
        self.left -= len(data)
        self.is_over = self.left == 0
        return data

    def _read_chunk(self):
        size = int(self._line(), 16)
        if size:
            data = self.stream.read(size)
            assert self._line() == b""
            return data
        while line := self._line():
            self.trailers.append(tuple(part.strip() for part in line.decode("latin-1").split(":", 1)))
        self.is_over = True
        return b""

    def _line(self):
        line = self.stream.readline(65536)
        if not line.endswith(b"\r\n"):
            raise EOFError("the body broke off")
        return line[:-2]

    def read_all(self):
        body = b""
        while part := self.read():
            body += part
        return body

    def send(self, data):
        self.socket.sendall(data)

    def head(self, status="200 OK", *fields):
        self.send(("\r\n".join([f"HTTP/1.1 {status}", *fields]) + "\r\n\r\n").encode("latin-1"))

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self, *trailers):
        self.send(("\r\n".join(["0", *trailers]) + "\r\n\r\n").encode("latin-1"))

    def answer(self, body=b"ok", status="200 OK", *fields):
        self.head(status, f"Content-Length: {len(body)}", *fields)
        self.send(body)
        return True


class LiveWorkload(Workload):
    def __init__(self, handler=None):
        self.failures = []
        super().__init__(handler or (lambda peer: peer.answer()))

    def _serve(self, connection):
        stream = connection.makefile("rb")
        connection.settimeout(DEADLINE * 2)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while self.is_open and self._serve_one(stream, connection):
                pass
        except (OSError, EOFError, ValueError) as error:
            if self.is_open:
                self.failures.append(error)
        finally:
            self.sockets.discard(connection)
            stream.close()
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()

    def _serve_one(self, stream, connection):
        request = Request.read(stream, connection, read_body=False)
        if request is None:
            return False
        peer = Peer(request, stream, connection)
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
        return self.handler(peer)
