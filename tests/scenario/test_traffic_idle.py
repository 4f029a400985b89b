"""Promise 3 and 18: what is open stays open. Connections on which nobody says a word for longer than any timer of ours, and changes of
the configuration beneath them.

Eighty seconds of silence, once, for all kinds of connections together: longer than the limits on idle connections (75 s), on a first byte
(60 s), on unread answers and stalled writes (30 s).
"""
import threading
import time

import pytest

from harness import Visitor
from visitor_h2 import H2Visitor
from websocket_peer import TEXT, Http1WebSocket, Http2WebSocket, WorkloadSide
from workload_live import LiveWorkload

SILENCE_S = 80


class Quiet:
    """A workload that says a word at once, and the next one when it is told to."""

    def __init__(self):
        self.go_on = threading.Event()

    def __call__(self, peer):
        if peer.request.header("upgrade"):
            frames = WorkloadSide(peer).switch()
            frames.send(TEXT, b"first")
            assert self.go_on.wait(SILENCE_S * 2)
            frames.send(TEXT, b"second")
            assert frames.next() == (TEXT, b"reply")
            return False
        peer.head("200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        peer.chunk(b"first")
        assert self.go_on.wait(SILENCE_S * 2)
        peer.chunk(b"second")
        peer.end()
        return True


class WebSocketTalk:
    def __init__(self, visitor):
        self.visitor = visitor
        visitor.open("/quiet")
        assert visitor.is_switched() and visitor.frames.next() == (TEXT, b"first")

    def finish(self):
        frames = self.visitor.frames
        assert frames.next() == (TEXT, b"second")
        frames.send(TEXT, b"reply")
        assert frames.next() is None


class EventsOverHttp1:
    def __init__(self, visitor):
        self.visitor = visitor
        visitor.send(f"GET /quiet HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
        self.data = b""
        self.read_until(b"first\r\n")

    def read_until(self, end):
        while not self.data.endswith(end):
            part = self.visitor.socket.recv(65536)
            assert part, self.data
            self.data += part

    def finish(self):
        self.read_until(b"second\r\n0\r\n\r\n")


class EventsOverHttp2:
    def __init__(self, visitor):
        self.visitor = visitor
        self.stream = visitor.begin(path="/quiet")
        visitor.wait(self.stream, lambda answer: answer.body == b"first")

    def finish(self):
        answer = self.visitor.wait(self.stream)
        assert (answer.body, answer.reset) == (b"firstsecond", None)


@pytest.fixture
def talks(request, platform, started):
    """(project, what opens one of each kind)"""
    quiet = Quiet()
    with LiveWorkload(quiet) as workload:
        project = platform.project(request.node.name.removeprefix("test_").replace("_", "-"))
        project.route("/")
        started.append(project.start_warpgate(workload.address))
        port, host, ca, timeout = platform.port, project.host, platform.ca, SILENCE_S * 2
        opened = [WebSocketTalk(Http1WebSocket(port, host, ca, timeout=timeout)), WebSocketTalk(Http2WebSocket(platform, host, timeout=timeout)),
                  EventsOverHttp1(Visitor(port, host, ca, timeout=timeout)), EventsOverHttp2(H2Visitor(platform, host, timeout=timeout))]
        yield project, quiet, opened
        for talk in opened:
            talk.visitor.close()


def test_silence(talks):
    """Promise 3: idle for longer than every timer; each connection then goes on where it was."""
    _, quiet, opened = talks
    time.sleep(SILENCE_S)  # the silence is what is tested
    quiet.go_on.set()
    for talk in opened:
        talk.finish()


def test_changes_beneath_open_streams(platform, talks):
    """Promise 18: routes come, change and go, of this environment and of others; nothing that is open notices."""
    project, quiet, opened = talks
    for number in range(5):
        mark = platform.mark()
        route = project.route(f"/other-{number}")
        project.wait_in_force(mark)
        mark = platform.mark()
        project.api.delete(f"/v1/routes/{route['id']}")
        project.wait_in_force(mark)
    platform.project("a-neighbour").route("/")
    quiet.go_on.set()
    for talk in opened:
        talk.finish()
