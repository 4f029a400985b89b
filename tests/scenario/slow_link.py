"""slow_link.py: a slow line between two programs, where the system has none to offer: a TCP relay with a rate, a delay, and stalls.

Each direction has its own rate and a queue of at most 64 KiB, as a modem has; bytes leave it `delay_s` after they came. `stall` stops both
directions for a while: everything waits, nothing is lost.
"""
import collections
import socket
import threading
import time

QUEUE_MAX = 65536


def small_buffers(end):
    """The system's own buffers are no part of the line; and segments are of a real line's size, for loopback's own do not fit in. Before
    connecting or listening: a window that shrinks loses what was sent into it."""
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)
    return end


def connect_with_small_buffers(target):
    end = small_buffers(socket.socket())
    end.settimeout(10)
    end.connect(target)
    end.settimeout(None)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return end


class SlowLink:
    def __init__(self, target_port, bits_per_second, delay_s, target="127.0.0.1"):
        self.target = (target, target_port)
        self.rate = bits_per_second / 8
        self.delay_s = delay_s
        self.stalled_until = 0.0
        self.connections = 0
        self.listener = small_buffers(socket.socket())
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        self.is_open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self, seconds):
        self.stalled_until = time.monotonic() + seconds

    def _accept(self):
        while self.is_open:
            try:
                near, _ = self.listener.accept()
                far = connect_with_small_buffers(self.target)
            except OSError:
                continue
            self.connections += 1
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                Direction(self, source, sink)

    def close(self):
        self.is_open = False
        for end in [self.listener, *self.sockets]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


class Direction:
    def __init__(self, link, source, sink):
        self.link, self.source, self.sink = link, source, sink
        self.queue, self.size = collections.deque(), 0
        self.changed = threading.Condition()
        for call in (self._read, self._write):
            threading.Thread(target=call, daemon=True).start()

    def _read(self):
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.size < QUEUE_MAX)
            try:
                data = self.source.recv(4096)
            except OSError:
                data = b""
            with self.changed:
                self.queue.append((time.monotonic() + self.link.delay_s, data))
                self.size += len(data)
                self.changed.notify_all()
            if not data:
                return

    def _write(self):
        free_at = 0.0  # when the line has sent what it has
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.queue)
                due, data = self.queue.popleft()
            free_at = max(free_at, due) + len(data) / self.link.rate
            while (now := time.monotonic()) < max(free_at, self.link.stalled_until):
                time.sleep(min(0.02, max(free_at, self.link.stalled_until) - now))
            try:
                if not data:
                    self.sink.shutdown(socket.SHUT_WR)
                    return
                self.sink.sendall(data)
            except OSError:
                self.source.close()
                return
            with self.changed:
                self.size -= len(data)
                self.changed.notify_all()
