"""workload_http2.py: a workload that speaks HTTP/2, without TLS (h2c, prior knowledge) or with it, and may break its rules.

`answer(connection, stream)` runs when a request is complete, `opened(connection, stream)` as soon as its head is there; each may answer
with connection.respond, reset, or do nothing. Each connection has a thread.
"""
import socket
import ssl
import threading

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

from harness import DEADLINE


class Stream:
    def __init__(self, number, headers):
        self.number, self.headers = number, headers
        self.body, self.trailers = b"", []
        self.is_ended = False
        self.reset = None

    def field(self, name):
        return next((value for key, value in self.headers if key == name), None)

    @property
    def path(self):
        return self.field(":path")


class Http2Connection:
    def __init__(self, workload, connection):
        self.workload, self.socket, self.lock = workload, connection, threading.RLock()
        self.streams = {}
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1",
                                                                       validate_outbound_headers=False))
        self.h2.local_settings.update(workload.settings)
        self.h2.local_settings.acknowledge()
        with self.lock:
            self.h2.initiate_connection()
            self.flush()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def respond(self, stream, body=b"", fields=(), status="200", trailers=None, is_end=True):
        with self.lock:
            self.h2.send_headers(stream.number, [(":status", status), *fields], end_stream=is_end and not body and trailers is None)
            if body:
                self.h2.send_data(stream.number, body, end_stream=is_end and trailers is None)
            if trailers is not None:
                self.h2.send_headers(stream.number, trailers, end_stream=True)
            self.flush()

    def send(self, stream, data, is_end=False):
        with self.lock:
            self.h2.send_data(stream.number, data, end_stream=is_end)
            self.flush()

    def end(self, stream, trailers=None):
        with self.lock:
            if trailers:
                self.h2.send_headers(stream.number, trailers, end_stream=True)
            else:
                self.h2.end_stream(stream.number)
            self.flush()

    def reset(self, stream, error):
        with self.lock:
            self.h2.reset_stream(stream.number, error)
            self.flush()

    def goaway(self, last):
        """The frame alone: the library would take it for the end."""
        with self.lock:
            self.socket.sendall(b"\0\0\x08\x07\0\0\0\0\0" + last.to_bytes(4, "big") + b"\0\0\0\0")

    def run(self):
        while data := self.socket.recv(65536):
            with self.lock:
                for event in self.h2.receive_data(data):
                    self._take(event)
                self.flush()

    def _take(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        workload = self.workload
        if isinstance(event, h2.events.RequestReceived):
            stream = self.streams[event.stream_id] = Stream(event.stream_id, list(event.headers))
            with workload.changed:
                workload.requests.append(stream)
                workload.changed.notify_all()
            workload.opened(self, stream)
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            workload.received(self, stream, event.data)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            stream.is_ended = True
            workload.answer(self, stream)
        elif isinstance(event, h2.events.StreamReset) and stream is not None:
            stream.reset = int(event.error_code)
        with workload.changed:
            workload.changed.notify_all()


class Http2Workload:
    """`context`: a server's SSLContext, or None for h2c. `settings`: of the library's SettingCodes."""

    def __init__(self, answer=None, opened=None, received=None, context=None, settings=None):
        self.answer = answer or (lambda connection, stream: connection.respond(stream, stream.path.encode()))
        self.opened = opened or (lambda connection, stream: None)
        self.received = received or (lambda connection, stream, data: None)
        self.context, self.settings = context, settings or {}
        self.requests, self.connections, self.alpns, self.failures = [], [], [], []
        self.changed = threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw):
        try:
            if self.context:
                raw = self.context.wrap_socket(raw, server_side=True)
                with self.changed:
                    self.alpns.append(raw.selected_alpn_protocol())
                    self.changed.notify_all()
            if self.context and self.alpns[-1] != "h2":
                self.speak_http1(raw)
                return
            connection = Http2Connection(self, raw)
            with self.changed:
                self.connections.append(connection)
                self.changed.notify_all()
            connection.run()
        except (OSError, ssl.SSLError, h2.exceptions.ProtocolError) as error:
            self.failures.append(error)
        finally:
            raw.close()

    def speak_http1(self, connection):
        """For a peer that did not choose HTTP/2."""

    def wait(self, check, what="condition", timeout=DEADLINE):
        with self.changed:
            value = self.changed.wait_for(check, timeout)
        assert value, f"{what}: not within {timeout} s; failures {self.failures}"
        return value

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in self.connections:
            try:
                connection.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
