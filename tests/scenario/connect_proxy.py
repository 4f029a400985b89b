"""connect_proxy.py: an HTTP proxy that knows CONNECT and nothing else, as restricted networks have it."""
import base64
import socket
import threading

from slow_link import connect_with_small_buffers, small_buffers


class ConnectProxy:
    """`user`: "name:password" that is asked for. `refuse`: a status line for everybody. `resolve`: host to (address, port), else as asked."""

    def __init__(self, user=None, refuse=None, resolve=None, address="127.0.0.1"):
        self.wanted = "Basic " + base64.b64encode(user.encode()).decode() if user else None
        self.refuse, self.resolve = refuse, resolve or (lambda host, port: ("127.0.0.1", port))
        self.targets, self.sockets, self.is_open = [], [], True
        self.attempt_count = 0  # of connections that came, whatever they asked for
        self.listener = small_buffers(socket.socket())
        self.listener.bind((address, 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while self.is_open:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            self.sockets.append(near)
            self.attempt_count += 1
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            try:
                byte = near.recv(1)
            except OSError:  # closed with the proxy
                return
            if not byte:
                return
            head += byte
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        host, port = target.rsplit(":", 1)
        if self.refuse or method != "CONNECT" or fields.get("host") != target.lower():
            near.sendall(f"HTTP/1.1 {self.refuse or '400 Bad Request'}\r\n\r\n".encode())
            near.close()
            return
        if self.wanted and fields.get("proxy-authorization") != self.wanted.lower():
            near.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n\r\n")
            near.close()
            return
        self.targets.append((host, int(port)))
        try:
            far = connect_with_small_buffers(self.resolve(host, int(port)))
        except OSError:
            near.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            near.close()
            return
        self.sockets.append(far)
        near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(16384):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()

    def close(self):
        self.is_open = False
        for each in [self.listener, *self.sockets]:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()
