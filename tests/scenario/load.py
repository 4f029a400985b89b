"""load.py: well-behaved visitors who never stop asking, and what they were told. Each is a thread; whatever goes wrong is a failure."""
import ssl
import threading
import time

import h2.config
import h2.connection
import h2.events

from harness import Visitor


class _Patient(h2.connection.H2Connection):
    """The library takes a GOAWAY for the end; what is open goes on (RFC 9113 section 6.8)."""

    def _receive_goaway_frame(self, frame):
        event = h2.events.ConnectionTerminated()
        event.error_code, event.last_stream_id, event.additional_data = frame.error_code, frame.last_stream_id, None
        return [], [event]


def connect(platform, host, alpn):
    """What ends before the handshake was refused, however the system says it."""
    try:
        return Visitor(platform.port, host, platform.ca, alpn=alpn)
    except (ConnectionError, ssl.SSLError) as error:
        raise ConnectionRefusedError(str(error)) from error


class Http1:
    """Keeps its connection as long as it may; with `is_new_each_time`, never."""

    def __init__(self, platform, host, is_new_each_time=False):
        self.platform, self.host, self.is_new_each_time, self.visitor = platform, host, is_new_each_time, None

    def ask(self, path):
        if self.visitor is None:
            self.visitor = connect(self.platform, self.host, ("http/1.1",))
        answer = self.visitor.request("GET", path)
        if self.is_new_each_time or (answer.header("connection") or "").lower() == "close":
            self.close()
        return answer.status, answer.body

    def close(self):
        if self.visitor is not None:
            self.visitor.close()
            self.visitor = None


class Http2:
    """One stream after the other; after a GOAWAY, a new connection."""

    def __init__(self, platform, host):
        self.platform, self.host, self.visitor = platform, host, None

    def _connect(self):
        self.visitor = connect(self.platform, self.host, ("h2",))
        self.http = _Patient(h2.config.H2Configuration(header_encoding="utf-8"))
        self.http.initiate_connection()
        self.is_going = False

    def ask(self, path):
        if self.visitor is None:
            self._connect()
        stream = self.http.get_next_available_stream_id()
        self.http.send_headers(stream, [(":method", "GET"), (":scheme", "https"), (":authority", self.visitor.authority), (":path", path)],
                               end_stream=True)
        status, body, is_over = 0, b"", False
        while not is_over:
            self.visitor.send(self.http.data_to_send())
            data = self.visitor.socket.recv(65536)
            if not data:
                raise ConnectionError("closed before the answer was complete")
            for event in self.http.receive_data(data):
                if isinstance(event, h2.events.ConnectionTerminated):
                    self.is_going = True
                    if event.last_stream_id < stream:
                        raise ConnectionError(f"GOAWAY below stream {stream}")
                if getattr(event, "stream_id", None) != stream:
                    continue
                if isinstance(event, h2.events.ResponseReceived):
                    status = int(dict(event.headers)[":status"])
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data
                    self.http.acknowledge_received_data(event.flow_controlled_length, stream)
                elif isinstance(event, h2.events.StreamEnded):
                    is_over = True
                elif isinstance(event, h2.events.StreamReset):
                    raise ConnectionError(f"reset {event.error_code}")
        if self.is_going:
            self.close()
        return status, body

    def close(self):
        if self.visitor is not None:
            self.visitor.close()
            self.visitor = None


class Load:
    """with Load(clients) as load: …; load.failures is [] if everything was answered 200 with the path."""

    def __init__(self, clients, pause=0.0):
        self.count, self.failures, self.is_over, self.lock, self.pause = 0, [], False, threading.Lock(), pause
        self.threads = [threading.Thread(target=self._run, args=(client,), daemon=True) for client in clients]

    def _run(self, client):
        number = 0
        while not self.is_over:
            number += 1
            path = f"/{id(client):x}/{number}"
            begun = time.monotonic()
            try:
                status, body = client.ask(path)
                trouble = None if (status, body) == (200, path.encode()) else f"{status} {body[:200]}"
            except Exception as error:  # whatever it is, a visitor did not get an answer
                trouble = f"{type(error).__name__}: {error}"
                client.close()
            with self.lock:
                self.count += 1
                if trouble:
                    self.failures.append(f"{type(client).__name__} {path} after {time.monotonic() - begun:.3f} s: {trouble}")
            time.sleep(self.pause)
        client.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join(20)

    def check(self):
        assert not self.failures, f"{len(self.failures)} of {self.count} failed:\n" + "\n".join(self.failures[:20])
