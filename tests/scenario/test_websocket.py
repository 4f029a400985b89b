"""The edge's part in a WebSocket: it may be idle, it moves when its warpgate does not answer, and it ends cleanly when the edge must end."""
import contextlib
import threading

import pytest
from hyperframe.frame import GoAwayFrame

from harness import DEADLINE, Platform
from websocket_peer import CLOSE, TEXT, Http1WebSocket, Http2WebSocket, WorkloadSide, close_payload, frame
from workload_live import LiveWorkload

GOING_AWAY = close_payload(1001)


class Service:
    """A platform of its own, with an end that comes soon, and a workload that notes what it is sent."""

    def __init__(self, folder, grace=1):
        self.platform = Platform(folder, port=0, arguments=["--grace", str(grace)])
        self.got, self.ended = [], threading.Event()
        self.workload = LiveWorkload(self.take)
        self.project = self.platform.project("leaving")
        self.project.route("/")
        self.warpgate = self.project.start_warpgate(self.workload.address)

    def take(self, peer):
        frames = WorkloadSide(peer).switch(with_it=frame(TEXT, b"hello", is_masked=False))
        with contextlib.suppress(OSError, EOFError):
            while (got := frames.next()):
                self.got.append(got)
                if got[0] == CLOSE:
                    frames.send(*got)
                    break
        self.ended.set()

    def connect(self, kind):
        if kind == "h1":
            return Http1WebSocket(self.platform.port, self.project.host, self.platform.ca)
        visitor = Http2WebSocket(self.platform, self.project.host)
        visitor.http._frame_dispatch_table[GoAwayFrame] = lambda _: ([], [])  # the library would take nothing more
        return visitor

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in (self.platform, self.warpgate):
            program.kill(15)
            program.wait()
            assert "Sanitizer" not in program.output, program.output[-8000:]
        self.workload.close()


@pytest.fixture
def service(tmp_path):
    with Service(tmp_path) as running:
        yield running


@pytest.mark.parametrize("kind", ["h1", "h2"])
def test_an_edge_that_ends_says_so(service, kind):
    """When the grace is over: Close 1001 to both ends, after what was under way, and then the end."""
    with service.connect(kind) as visitor:
        visitor.open()
        assert visitor.is_switched() and visitor.frames.next() == (TEXT, b"hello")
        visitor.frames.send(TEXT, b"last words")
        mark = service.platform.mark()
        service.platform.kill(15)
        service.platform.wait_line(r"edge\.websocket_closed", mark)
        assert visitor.frames.next() == (CLOSE, GOING_AWAY)
        assert visitor.frames.next() is None
        assert service.ended.wait(DEADLINE)
        assert service.got == [(TEXT, b"last words"), (CLOSE, GOING_AWAY)]
    assert service.platform.wait() == 0


@pytest.mark.parametrize("kind", ["h1", "h2"])
def test_not_in_the_middle_of_a_frame(service, kind):
    with service.connect(kind) as visitor:
        visitor.open()
        assert visitor.is_switched() and visitor.frames.next() == (TEXT, b"hello")
        whole = frame(TEXT, b"one frame in two parts")
        visitor.send_bytes(whole[:9])
        mark = service.platform.mark()
        service.platform.kill(15)
        service.platform.wait_line(r"edge\.websocket_closed", mark)
        visitor.send_bytes(whole[9:] + frame(TEXT, b"too late"))
        assert visitor.frames.next() == (CLOSE, GOING_AWAY)
        assert service.ended.wait(DEADLINE)
        assert service.got == [(TEXT, b"one frame in two parts"), (CLOSE, GOING_AWAY)]
    assert service.platform.wait() == 0


@pytest.mark.parametrize("kind", ["h1", "h2"])
def test_a_websocket_that_ends_by_itself_in_the_grace(service, kind):
    with service.connect(kind) as visitor:
        visitor.open()
        assert visitor.is_switched() and visitor.frames.next() == (TEXT, b"hello")
        service.platform.kill(15)
        visitor.frames.send(CLOSE, close_payload(1000, "bye"))
        assert visitor.frames.next() == (CLOSE, close_payload(1000, "bye"))
        assert service.ended.wait(DEADLINE)
        assert service.got == [(CLOSE, close_payload(1000, "bye"))]
    assert service.platform.wait() == 0
    assert "edge.websocket_closed" not in service.platform.output
