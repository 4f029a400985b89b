"""visitor_h2.py: a well-behaved HTTP/2 visitor (python's h2): streams side by side, interim answers, trailers, parts as they come."""
import h2.config
import h2.connection
import h2.events
import h2.settings

from harness import Visitor


class H2Answer:
    """What has come on one stream. `parts`: the body as it was cut into DATA frames. `reset`: an error code, or None."""

    def __init__(self):
        self.status, self.headers, self.interim, self.parts, self.trailers = None, [], [], [], []
        self.reset, self.is_over = None, False

    @property
    def body(self):
        return b"".join(self.parts)

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def header(self, name):
        return next(iter(self.all(name)), None)


class H2Visitor(Visitor):
    def __init__(self, platform, host, settings=None, **members):
        super().__init__(platform.port, host, platform.ca, alpn=("h2",), **members)
        assert self.socket.selected_alpn_protocol() == "h2"
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="latin-1"))
        self.answers, self.goaway, self.acknowledges = {}, None, True
        if settings:
            self.http.local_settings.update(settings)
        self.http.initiate_connection()
        self.http.increment_flow_control_window(1 << 24)
        self.flush()

    def flush(self):
        self.send(self.http.data_to_send())

    @staticmethod
    def new_answer():
        return H2Answer()

    def begin(self, method="GET", path="/", fields=(), end=True, authority=None):
        """The number of a new stream."""
        stream = self.http.get_next_available_stream_id()
        self.answers[stream] = H2Answer()
        self.http.send_headers(stream, [(":method", method), (":scheme", "https"), (":authority", authority or self.authority),
                                        (":path", path), *fields], end_stream=end)
        self.flush()
        return stream

    def write(self, stream, data=b"", end=False):
        """All of `data`, waiting for the peer's window where it must."""
        while True:
            room = min(self.http.local_flow_control_window(stream), self.http.max_outbound_frame_size)
            part, data = data[:room], data[room:]
            if part or not data:
                self.http.send_data(stream, part, end_stream=end and not data)
                self.flush()
            if not data:
                return
            if not self.http.local_flow_control_window(stream):
                self.receive()

    def end(self, stream, trailers):
        self.http.send_headers(stream, trailers, end_stream=True)
        self.flush()

    def cancel(self, stream, error=8):
        self.http.reset_stream(stream, error)
        self.flush()

    def receive(self):
        """Takes what the peer sends next; false when it has closed."""
        data = self.socket.recv(65536)
        if not data:
            return False
        for event in self.http.receive_data(data):
            self._take(event)
        self.flush()
        return True

    def _take(self, event):
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.error_code
        answer = self.answers.get(getattr(event, "stream_id", None))
        if answer is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            answer.headers = [(name, value) for name, value in event.headers if not name.startswith(":")]
            answer.status = int(dict(event.headers)[":status"])
        elif isinstance(event, h2.events.InformationalResponseReceived):
            answer.interim.append((int(dict(event.headers)[":status"]), [f for f in event.headers if f[0] != ":status"]))
        elif isinstance(event, h2.events.DataReceived):
            answer.parts.append(event.data)
            if self.acknowledges and event.flow_controlled_length:
                self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            answer.trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamReset):
            answer.reset, answer.is_over = event.error_code, True
        elif isinstance(event, h2.events.StreamEnded):
            answer.is_over = True

    def wait(self, stream, until=lambda answer: answer.is_over):
        answer = self.answers[stream]
        while not until(answer):
            assert self.receive(), f"closed before that (GOAWAY {self.goaway})"
        return answer

    def request(self, method="GET", path="/", headers=(), body=None, authority=None):
        stream = self.begin(method, path, [(name.lower(), value) for name, value in headers], body is None, authority)
        if body is not None:
            self.write(stream, body, end=True)
        return self.wait(stream)
