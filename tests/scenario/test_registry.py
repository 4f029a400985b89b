"""Warpgates as the API shows them: whether they answer, not whether a socket is open; and what deleting one does."""
import signal
import struct
import threading
import time

import pytest
from hpack import Encoder

from harness import Platform, Workload, eventually, plain_response
from load import Http1, Http2, Load
from raw_http2 import DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, frame, settings
from raw_warpgate import CONTROL, MAX_CONCURRENT_STREAMS, RawWarpgate, has_headers, record

NOTICED = 10  # seconds until one that does not answer is disconnected
SLACK = 2
ACK = 1


def start(folder, started, name):
    platform = Platform(folder)
    started.append(platform)
    project = platform.project(name)
    mark = platform.mark()
    project.route("/")
    project.wait_in_force(mark)
    return platform, project


@pytest.fixture
def address():
    """Of a workload that answers with the path."""
    with Workload(lambda request: plain_response(request.target.encode())) as workload:
        yield workload.address


def wait_status(project, wanted, timeout, warpgate=None):
    def look():
        return [item for item in project.warpgates() if item["status"] == wanted and warpgate in (None, item["id"])]
    return eventually(look, timeout, wanted)[0]


class Deaf(RawWarpgate):
    """Answers PINGs, and nothing else until `speaks` is set: its socket is open, its HTTP/2 lives, and no request gets anywhere."""

    def __init__(self, project, folder):
        self.speaks, self.probes, self.ended = threading.Event(), [], False
        super().__init__(project, folder)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def greet(self, tunnel):
        self.heard = b""
        while not has_headers(self.heard):
            chunk = tunnel.recv(65536)
            assert chunk, "the edge closes"
            self.heard += chunk
        self.heard = self.heard[len(PREFACE):]
        tunnel.sendall(settings((MAX_CONCURRENT_STREAMS, 1000)) + frame(HEADERS, END_HEADERS, CONTROL, Encoder().encode([(":status", "200")])) +
                       frame(DATA, 0, CONTROL, record(type="hello", version="1", name="deaf", capabilities=["probe"], upstreams=["default"]) +
                             record(type="applied", revision=1)))

    def run(self):
        try:
            while chunk := self.socket.recv(65536):
                self.heard += chunk
                self.take_frames()
        except (OSError, ValueError):
            pass
        self.ended = True

    def take_frames(self):
        while len(self.heard) >= 9 and len(self.heard) >= 9 + int.from_bytes(self.heard[:3], "big"):
            length, kind, flags = int.from_bytes(self.heard[:3], "big"), self.heard[3], self.heard[4]
            stream, payload = struct.unpack(">I", self.heard[5:9])[0], self.heard[9:9 + length]
            self.heard = self.heard[9 + length:]
            if kind == PING and not flags & ACK:
                self.socket.sendall(frame(PING, ACK, 0, payload))
            if kind == HEADERS and stream != CONTROL:
                self.probes.append(time.monotonic())
                if self.speaks.is_set():
                    self.socket.sendall(frame(HEADERS, END_HEADERS | END_STREAM, stream, Encoder().encode([(":status", "204")])))


def test_an_open_socket_is_not_enough(tmp_path, started):
    platform, project = start(tmp_path, started, "deaf")
    with Deaf(project, tmp_path) as warpgate:
        wait_status(project, "connected", 5, warpgate.id)
        began = time.monotonic()
        wait_status(project, "disconnected", NOTICED + SLACK, warpgate.id)
        assert time.monotonic() - began < NOTICED + SLACK
        assert warpgate.probes and not warpgate.ended
        assert "edge.tunnel_silent" not in platform.output
        warpgate.speaks.set()
        item = wait_status(project, "connected", 5, warpgate.id)
        assert item["tunnels"] == 1 and [edge["tunnels"] for edge in item["edges"]] == [1]
        asked = len(warpgate.probes)
        time.sleep(7)  # that it stays so is the point
        assert wait_status(project, "connected", 1, warpgate.id)
        assert len(warpgate.probes) - asked <= 3, "an idle tunnel is hardly asked"


def test_one_that_is_stopped_is_disconnected_and_comes_back(tmp_path, started, address):
    _, project = start(tmp_path, started, "stopped")
    warpgate = project.start_warpgate(address)
    started.append(warpgate)
    before = wait_status(project, "connected", 5)
    assert before["certificate_expires_at"] and before["key"] == project.key_object["id"] and before["service_account"] == project.account
    warpgate.kill(signal.SIGSTOP)
    began = time.monotonic()
    wait_status(project, "disconnected", NOTICED + SLACK)
    assert time.monotonic() - began < NOTICED + SLACK
    warpgate.kill(signal.SIGCONT)
    assert wait_status(project, "connected", 15)["id"] == before["id"]


def test_a_visitor_cannot_reach_what_answers_the_edge(tmp_path, started, address):
    platform, project = start(tmp_path, started, "probe")
    started.append(project.start_warpgate(address))
    answer = platform.visit(project.host, path="/mezusphere/probe")
    assert (answer.status, answer.body) == (200, b"/mezusphere/probe")
    assert platform.visit(project.host, path="/mezusphere/probe", headers=[("mezusphere-environment", "")]).body == b"/mezusphere/probe"


def test_a_deleted_one_is_gone_within_a_second_and_enrols_anew(tmp_path, started, address):
    platform, project = start(tmp_path, started, "deleted")
    warpgate = project.start_warpgate(address)
    started.append(warpgate)
    first = wait_status(project, "connected", 5)
    seen = platform.api.call("GET", f"/v1/warpgates/{first['id']}")
    assert seen.json["status"] == "connected" and not seen.json["behind"]
    mark = platform.mark()
    began = time.monotonic()
    assert platform.api.call("DELETE", f"/v1/warpgates/{first['id']}", headers=[("If-Match", seen.header("etag"))]).status == 204
    platform.wait_line(rf"edge\.tunnel_closed warpgate={first['id']}", mark)
    assert time.monotonic() - began < 1
    assert warpgate.wait() == 3
    assert "warpgate_deleted" in warpgate.output
    assert platform.api.call("GET", f"/v1/warpgates/{first['id']}").status == 404
    assert project.warpgates() == []
    started.append(project.start_warpgate(address))
    assert wait_status(project, "connected", 5)["id"] != first["id"]
    assert platform.visit(project.host).status == 200
    events = platform.api.get(f"/v1/organizations/{platform.organization()['id']}/audit-events?action=warpgate.deleted")["items"]
    assert [event["target"] for event in events] == [first["id"]]


def test_one_of_two_is_deleted_under_load_and_nothing_fails(tmp_path, started, address):
    platform, project = start(tmp_path, started, "pair")
    for name in ("one", "two"):
        started.append(project.start_warpgate(address, "--name", name))
    eventually(lambda: len([item for item in project.warpgates() if item["status"] == "connected"]) == 2, 10, "both")
    first = next(item for item in project.warpgates() if item["name"] == "one")
    clients = [Http1(platform, project.host), Http1(platform, project.host, True), Http2(platform, project.host)]
    with Load(clients, pause=0.005) as load:
        time.sleep(0.5)  # of load before
        mark = platform.mark()
        platform.api.delete(f"/v1/warpgates/{first['id']}")
        platform.wait_line(rf"edge\.tunnel_closed warpgate={first['id']}", mark)
        time.sleep(1)  # and after
    load.check()
    assert [item["name"] for item in project.warpgates()] == ["two"]
