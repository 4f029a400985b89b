"""Visitors that take their time: an upload may last as long as it moves; an answer that nobody reads is not kept for ever."""
import threading
import time

from harness import Visitor, Workload, plain_response
from raw_http2 import DATA, INITIAL_WINDOW_SIZE, RST_STREAM, RawHttp2

UPLOAD_SECONDS = 68  # more than any limit on silence
UNREAD = 20


class Task(threading.Thread):
    def __init__(self, call):
        super().__init__(daemon=True)
        self.call, self.result = call, None
        self.start()

    def run(self):
        self.result = self.call()

    def outcome(self, timeout):
        self.join(timeout)
        return self.result


def upload_slowly(platform, host):
    with Visitor(platform.port, host, platform.ca, timeout=90) as visitor:
        visitor.send(f"POST /upload HTTP/1.1\r\nHost: {visitor.authority}\r\nContent-Length: {UPLOAD_SECONDS}\r\n\r\n".encode())
        for _ in range(UPLOAD_SECONDS):
            visitor.send(b"x")
            time.sleep(1)
        return visitor.read_response("POST")


def read_nothing(platform, host, path):
    """Asks for answers and gives them no window at all: when they were reset, and whether anything came before."""
    begun = time.monotonic()
    with RawHttp2(platform, host, (INITIAL_WINDOW_SIZE, 0)) as visitor:
        visitor.send(b"".join(visitor.head(path=path) for _ in range(UNREAD)))
        frames = visitor.read_for(45, lambda seen: sum(kind == RST_STREAM for kind, *_ in seen) == UNREAD)
        resets = sum(kind == RST_STREAM for kind, *_ in frames)
        return resets, any(kind == DATA and payload for kind, _, _, payload in frames), time.monotonic() - begun


def test_slow_visitors(platform, started):
    def answer(request):
        return plain_response(b"z" * 600_000) if request.target == "/large" else plain_response(b"%d" % len(request.body))

    with Workload(answer) as workload:
        project = platform.project("slow")
        project.route("/")
        started.append(project.start_warpgate(workload.address))
        upload = Task(lambda: upload_slowly(platform, project.host))
        large = Task(lambda: read_nothing(platform, project.host, "/large"))
        refused = Task(lambda: read_nothing(platform, project.host, "//ambiguous"))
        for task in (large, refused):
            resets, has_data, seconds = task.outcome(60)
            assert (resets, has_data) == (UNREAD, False)
            assert 29 < seconds < 40
        assert platform.visit(project.host).body == b"0"
        response = upload.outcome(90)
        assert (response.status, response.body) == (200, b"%d" % UPLOAD_SECONDS)
