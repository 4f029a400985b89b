"""A running mezusphere is replaced by another process, in place: nobody is refused, nothing fails, and a successor that fails changes nothing."""
import fcntl
import os
import signal
import socket
import threading

import hyperframe.frame
import pytest

from harness import DEADLINE, DOMAIN, Platform, Program, Visitor, Workload, eventually, free_port, plain_response, programs
from load import Http1, Http2, Load
from test_traffic_websocket import echo
from websocket_peer import CLOSE, TEXT, Http1WebSocket, Http2WebSocket
from workload_live import LiveWorkload


def replace(running, *arguments, folder):
    successor = Platform(folder, port=running.port, arguments=("--replace", *arguments))
    successor.password = running.password
    return successor


def begin(tmp_path, started, workload, *arguments):
    platform = Platform(tmp_path, arguments=arguments)
    started.append(platform)
    project = platform.project("replaced")
    project.route("/")
    started.append(project.start_warpgate(workload.address))
    return platform, project


def test_twenty_replacements_under_load(tmp_path, started, workload):
    platform, project = begin(tmp_path, started, workload, "--workers", "2")
    clients = [Http1(platform, project.host) for _ in range(3)]
    clients += [Http1(platform, project.host, is_new_each_time=True) for _ in range(2)]
    clients += [Http2(platform, project.host) for _ in range(2)]
    with Load(clients) as load:
        for _ in range(20):
            before = load.count
            successor = replace(platform, "--workers", "2", folder=tmp_path)
            started.append(successor)
            assert platform.wait() == 0, platform.output[-3000:]
            eventually(lambda: load.count > before + 20, what="requests since")
            platform = successor
    load.check()
    assert load.count > 400


def test_what_runs_is_finished_by_the_old_one(tmp_path, started):
    go_on = threading.Event()

    def handler(request):
        if request.target == "/slow":
            assert go_on.wait(DEADLINE)
        return plain_response(request.target.encode())

    with Workload(handler) as workload:
        platform, project = begin(tmp_path, started, workload)
        with Visitor(platform.port, project.host, platform.ca) as slow, Visitor(platform.port, project.host, platform.ca) as idle:
            assert idle.request("GET", "/first").body == b"/first"
            slow.send(f"GET /slow HTTP/1.1\r\nHost: {slow.authority}\r\n\r\n".encode())
            workload.wait_requests(2)
            successor = replace(platform, folder=tmp_path)
            started.append(successor)
            successor.wait_line(r"edge\.tunnel_ready")
            assert successor.visit(project.host, path="/new").body == b"/new"
            answer = idle.request("GET", "/second")
            assert (answer.status, answer.body, answer.header("connection")) == (200, b"/second", "close"), "an idle one may still ask once"
            assert platform.process.poll() is None
            go_on.set()
            assert slow.read_response().body == b"/slow"
        assert platform.wait() == 0


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_a_websocket_goes_on_until_the_grace_is_over(tmp_path, started, version):
    """It is the old process's, which answers it as before, and at the end closes it with 1001."""
    workload = LiveWorkload(echo)
    platform, project = begin(tmp_path, started, workload, "--grace", "3", "--workers", "2")
    visitor = Http1WebSocket(platform.port, project.host, platform.ca) if version == "h1" else Http2WebSocket(platform, project.host)
    with visitor:
        if version == "h2":  # the library takes a GOAWAY for the end
            visitor.http._frame_dispatch_table[hyperframe.frame.GoAwayFrame] = lambda frame: ([], [])
        visitor.open("/chat")
        assert visitor.is_switched()
        successor = replace(platform, "--grace", "3", "--workers", "2", folder=tmp_path)
        started.append(successor)
        for word in (b"one", b"two"):
            visitor.frames.send(TEXT, word)
            assert visitor.frames.next() == (TEXT, word)
        assert platform.process.poll() is None
        opcode, payload = visitor.frames.next()
        assert (opcode, payload[:2]) == (CLOSE, (1001).to_bytes(2, "big"))
        visitor.frames.send(CLOSE, payload)
        assert visitor.frames.next() is None
    assert platform.wait() == 0
    workload.close()


def test_a_stop_cuts_nobody_who_asks_again_elsewhere(tmp_path, started, workload):
    """SIGTERM under load: every answer that was begun, and every request that had been sent, is complete."""
    platform, project = begin(tmp_path, started, workload, "--workers", "2")
    with Load([Http1(platform, project.host) for _ in range(4)] + [Http2(platform, project.host) for _ in range(4)]) as load:
        eventually(lambda: load.count > 200, what="requests")
        platform.kill(signal.SIGTERM)
        assert platform.wait() == 0
    refused = [failure for failure in load.failures if "ConnectionRefusedError" not in failure]
    assert not refused, "\n".join(refused[:10])


def test_the_api_goes_on(tmp_path, started, workload):
    platform, project = begin(tmp_path, started, workload)
    successor = replace(platform, folder=tmp_path)
    started.append(successor)
    assert platform.wait() == 0
    names = [p["name"] for p in successor.login().get(f"/v1/organizations/{successor.organization()['id']}/projects")["items"]]
    assert names == ["replaced"]
    project.api = successor.login()
    mark = successor.mark()
    project.platform = successor
    project.route("/other")
    project.wait_in_force(mark)
    eventually(lambda: [g["status"] for g in project.warpgates()] == ["connected"], what="the warpgate at the successor")


def fails_late(platform):
    """Everything is handed over when it ends."""
    return Program([programs() / "mezusphere", "up", "--data", platform.folder / "data", "--listen", f"127.0.0.1:{platform.port}",
                    "--public-port", "none", "--replace"])


def fails_at_once(platform):
    return Program([programs() / "mezusphere", "up", "--data", platform.folder / "data", "--workers", "9", "--replace"])


def is_killed(platform):
    mark = platform.mark()
    program = Program([programs() / "mezusphere", "up", "--data", platform.folder / "data", "--listen", f"127.0.0.1:{platform.port}",
                       "--replace"])
    platform.wait_line(r"mezusphere\.replacing", mark)
    program.kill(signal.SIGKILL)
    return program


@pytest.mark.parametrize("fail", [fails_late, fails_at_once, is_killed])
def test_a_successor_that_fails_changes_nothing(tmp_path, started, workload, fail):
    platform, project = begin(tmp_path, started, workload)
    with Load([Http1(platform, project.host), Http1(platform, project.host, is_new_each_time=True), Http2(platform, project.host)]) as load:
        mark = platform.mark()
        assert fail(platform).wait() != 0
        if fail is not fails_at_once:
            platform.wait_line(r"mezusphere\.not_replaced", mark)
        before = load.count
        eventually(lambda: load.count > before + 20, what="requests since")
    load.check()
    assert platform.process.poll() is None
    mark = platform.mark()
    project.route("/after")
    project.wait_in_force(mark)
    successor = replace(platform, folder=tmp_path)
    started.append(successor)
    assert platform.wait() == 0


class Stranger:
    """A successor that gets as far as it is told to (the records of src/net/fd_channel.h), and has the store's lock as its own."""

    TAKE, SOCKETS, RELEASE, RELEASED = 1, 2, 3, 4

    def __init__(self, platform):
        self.platform = platform
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(str(platform.folder / "data" / "mezusphere.sock"))

    def send(self, kind, payload=b""):
        self.socket.sendall(bytes([kind, 0]) + len(payload).to_bytes(2, "big") + payload)

    def receive(self):
        data, ancillary, _, _ = self.socket.recvmsg(4, socket.CMSG_SPACE(16 * 4))
        for _, _, numbers in ancillary:
            for number in memoryview(numbers).cast("i"):
                os.close(number)
        length = int.from_bytes(data[2:], "big")
        while length:
            length -= len(self.socket.recv(length))
        return data[0]

    def get_released(self):
        self.send(self.TAKE, b"1")
        assert self.receive() == self.SOCKETS
        self.send(self.RELEASE)
        assert self.receive() == self.RELEASED
        self.lock = open(self.platform.folder / "data" / "mezusphere.lock", "r+b")
        fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_another_successor_while_the_store_is_not_back(tmp_path, started, workload):
    """The first has gone, but the store is still locked: the second is refused, and that is no reason to give up the store."""
    platform, project = begin(tmp_path, started, workload)
    with Load([Http1(platform, project.host), Http1(platform, project.host, is_new_each_time=True), Http2(platform, project.host)]) as load:
        stranger = Stranger(platform)
        mark = platform.mark()
        stranger.get_released()
        stranger.socket.close()
        platform.wait_line(r"mezusphere\.data_not_back", mark)
        second = Program([programs() / "mezusphere", "up", "--data", platform.folder / "data", "--listen", f"127.0.0.1:{platform.port}",
                          "--replace"])
        assert second.wait() == 1 and "replace_refused" in second.output, second.output
        mark = platform.mark()
        platform.wait_line(r"mezusphere\.data_not_back", mark)
        stranger.lock.close()
        platform.wait_line(r"mezusphere\.not_replaced", mark)
        before = load.count
        eventually(lambda: load.count > before + 20, what="requests since")
    load.check()
    assert platform.login()
    started.append(replace(platform, folder=tmp_path))
    assert platform.wait() == 0


def test_a_stop_while_it_is_being_replaced(tmp_path, started, workload):
    """It ends in an orderly way whether the successor serves or not."""
    platform, project = begin(tmp_path, started, workload)
    stranger = Stranger(platform)
    mark = platform.mark()
    stranger.get_released()
    platform.kill(signal.SIGTERM)
    platform.wait_line(r"mezusphere\.stopping signal=15", mark)
    assert platform.process.poll() is None
    stranger.socket.close()
    assert platform.wait() == 0, platform.output[-3000:]
    assert "not_replaced" not in platform.output
    stranger.lock.close()


def test_a_successor_that_hangs_makes_room(tmp_path, started, workload):
    """It has the sockets and asks for no more (a stopped process, a disk that does not answer): the next takes its place."""
    platform, project = begin(tmp_path, started, workload)
    with socket.socket(socket.AF_UNIX) as hung:
        hung.settimeout(DEADLINE)
        hung.connect(str(tmp_path / "data" / "mezusphere.sock"))
        hung.sendall(b"\1\0\0\1" b"1")  # TAKE, version 1
        head, descriptors, _, _ = socket.recv_fds(hung, 4, 16)
        assert head[0] == 2 and len(descriptors) == 1  # SOCKETS
        os.close(descriptors[0])
        successor = replace(platform, folder=tmp_path)
        started.append(successor)
        assert platform.wait() == 0
    assert successor.visit(project.host).status == 200


def test_where_nobody_runs_it_simply_starts(tmp_path, started):
    platform = Platform(tmp_path, arguments=("--replace",))
    started.append(platform)
    platform.wait_line(r"mezusphere\.nobody_to_replace")
    assert platform.login()


def test_a_hangup_starts_the_successor(tmp_path, started, workload):
    platform, project = begin(tmp_path, started, workload)
    with Load([Http1(platform, project.host), Http1(platform, project.host, is_new_each_time=True)]) as load:
        mark = platform.mark()
        platform.kill(signal.SIGHUP)
        platform.wait_line(r"mezusphere\.replaced", mark)
        assert platform.process.wait(DEADLINE) == 0  # the pipe of its output is the successor's, too
        before = load.count
        eventually(lambda: load.count > before + 20, what="requests since")
        successor = int((tmp_path / "pid").read_text()) if (tmp_path / "pid").exists() else process_of(platform)
    load.check()
    os.kill(successor, signal.SIGTERM)
    platform.reader.join(DEADLINE)
    assert not platform.reader.is_alive(), "the successor ends"


def process_of(platform):
    """Who runs with these data now."""
    for folder in os.listdir("/proc"):
        if folder.isdigit() and int(folder) != platform.process.pid:
            try:
                words = open(f"/proc/{folder}/cmdline", "rb").read().split(b"\0")
            except OSError:
                continue
            if b"up" in words and os.fsencode(platform.folder / "data") in words:
                return int(folder)
    raise AssertionError("nobody runs")


class Manager:
    """What systemd does for a service with a socket: it listens, and is told how the service stands."""

    def __init__(self, folder):
        self.listener = socket.create_server(("127.0.0.1", free_port()), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.path = folder / "notify"
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.told.bind(str(self.path))
        self.told.settimeout(DEADLINE)

    def start(self, folder, *arguments):
        number = self.listener.fileno()
        words = [str(programs() / "mezusphere"), "up", "--data", str(folder / "data"), "--log-level", "debug", *arguments]
        return Program(["bash", "-c", f'exec 3<&{number}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "bash", *words],
                       env={"NOTIFY_SOCKET": str(self.path), "MEZUSPHERE_ADMIN_PASSWORD": "a long enough password"}, pass_fds=(number,))

    def next(self):
        return dict(line.split("=", 1) for line in self.told.recv(4096).decode().split("\n"))


def test_a_service_manager_listens_and_is_told(tmp_path, started):
    manager = Manager(tmp_path)
    early = socket.create_connection(("127.0.0.1", manager.port))  # before anybody runs
    first = manager.start(tmp_path)
    started.append(first)
    assert manager.next() == {"READY": "1", "MAINPID": str(first.process.pid)}
    first.wait_line(r"mezusphere\.activated sockets=1")
    early.close()
    with Visitor(manager.port, f"api.{DOMAIN}", tmp_path / "data" / "ca.pem") as visitor:
        assert visitor.request("GET", "/v1/openapi.json").status == 200
    second = manager.start(tmp_path, "--replace")
    started.append(second)
    assert manager.next() == {"READY": "1", "MAINPID": str(second.process.pid)}
    assert first.wait() == 0
    second.kill(signal.SIGTERM)
    assert manager.next() == {"STOPPING": "1"}
    assert second.wait() == 0
