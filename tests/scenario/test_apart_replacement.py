"""Control planes and edges apart are replaced in place: no connection is refused, no request fails, and one that fails changes nothing."""
import os
import signal
import socket

from apart import Control, Edge, join
from harness import DEADLINE, DOMAIN, Program, Visitor, Warpgate, eventually, free_port, programs
from load import Http1, Http2, Load, connect


class ApiReader:
    """A client of the API, as Load wants it."""

    def __init__(self, control, organization, token, is_new_each_time):
        self.control, self.is_new_each_time, self.visitor = control, is_new_each_time, None
        self.path, self.headers = f"/v1/organizations/{organization}/projects", [("Authorization", f"Bearer {token}")]

    def ask(self, path):
        if self.visitor is None:
            self.visitor = connect(self.control, f"api.{DOMAIN}", ("http/1.1",))
        answer = self.visitor.request("GET", self.path, self.headers)
        if self.is_new_each_time or (answer.header("connection") or "").lower() == "close":
            self.close()
        return answer.status, path.encode() if answer.status == 200 else answer.body

    def close(self):
        if self.visitor is not None:
            self.visitor.close()
            self.visitor = None


def begin(tmp_path, started, workload, *arguments):
    control = Control(tmp_path / "control")
    started.append(control)
    edge = join(control, tmp_path / "edge", arguments=arguments)
    started.append(edge)
    project = control.project("replaced")
    project.route()
    mark = edge.mark()
    started.append(Warpgate(control, project.key, workload.address))
    edge.wait_line(r"edge\.tunnel_ready", mark)
    return control, edge, project


def visitors(edge, host):
    return [Http1(edge, host), Http1(edge, host, is_new_each_time=True), Http2(edge, host)]


def replace_control(control, tmp_path, started):
    successor = Control(tmp_path / "control", ["--replace"], port=control.port)
    started.append(successor)
    assert control.wait() == 0, control.output[-3000:]
    return successor


def replace_edge(edge, control, tmp_path, started, *arguments):
    successor = Edge(tmp_path / "edge", control.ca, port=edge.port, arguments=["--replace", *arguments])
    started.append(successor)
    assert edge.wait() == 0, edge.output[-3000:]
    return successor


def test_an_edge_is_replaced_under_load(tmp_path, started, workload):
    control, edge, project = begin(tmp_path, started, workload, "--workers", "2")
    with Load(visitors(edge, project.host)) as load:
        for _ in range(5):
            before = load.count
            edge = replace_edge(edge, control, tmp_path, started, "--workers", "2")
            eventually(lambda: load.count > before + 20, what="requests since")
    load.check()
    # and it is told what changes
    eventually(lambda: [item["status"] for item in control.edges()] == ["connected"])
    mark = edge.mark()
    project.route("/other")
    edge.wait_line(r"edge\.environment_applied", mark)


def test_a_control_plane_is_replaced_under_load(tmp_path, started, workload):
    control, edge, project = begin(tmp_path, started, workload)
    organization, token = control.organization()["id"], control.login().token
    clients = [ApiReader(control, organization, token, is_new) for is_new in (False, True)]
    with Load(clients + visitors(edge, project.host)) as load:
        for _ in range(5):
            before = load.count
            mark = edge.mark()
            control = replace_control(control, tmp_path, started)
            edge.wait_line(r"edge\.synced", mark)
            eventually(lambda: load.count > before + 20, what="requests since")
    load.check()
    control.api = None
    project.platform, project.api = control, control.login()
    mark = edge.mark()
    project.route("/other")
    edge.wait_line(r"edge\.environment_applied", mark)


def test_a_successor_that_fails_changes_nothing(tmp_path, started, workload):
    control, edge, project = begin(tmp_path, started, workload)
    with Load(visitors(edge, project.host)) as load:
        # of another kind
        mark = control.mark()
        other = Program([programs() / "mezusphere", "up", "--data", control.folder, "--listen", f"127.0.0.1:{free_port()}", "--replace"])
        started.append(other)
        assert other.wait() == 1 and "[replace_refused]" in other.output
        # everything is handed over when it ends
        late = Program([programs() / "mezusphere", "control", "--data", control.folder, "--public-port", "none", "--replace"])
        started.append(late)
        assert late.wait() == 1
        control.wait_line(r"mezusphere\.not_replaced", mark)
        # another seal key: the folder cannot be read
        mark = edge.mark()
        foreign = Program([programs() / "mezusphere", "edge", "--data", edge.folder, "--replace"], env={"MEZUSPHERE_SEAL_KEY": "another key"})
        started.append(foreign)
        assert foreign.wait() == 1, foreign.output
        edge.wait_line(r"mezusphere\.not_replaced", mark)
        before = load.count
        eventually(lambda: load.count > before + 20, what="requests since")
    load.check()
    mark = edge.mark()
    project.route("/other")
    edge.wait_line(r"edge\.environment_applied", mark)
    # and both can still be replaced
    edge = replace_edge(edge, control, tmp_path, started)
    control = replace_control(control, tmp_path, started)
    assert edge.visit(project.host).status == 200


def process_of(command, folder, former):
    """Who runs with these data now."""
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != former:
            try:
                words = open(f"/proc/{name}/cmdline", "rb").read().split(b"\0")
            except OSError:
                continue
            if command in words and os.fsencode(folder) in words:
                return int(name)
    raise AssertionError("nobody runs")


def test_a_hangup_starts_the_successor(tmp_path, started, workload):
    """Secrets that were in the environment are handed on."""
    control = Control(tmp_path / "control")
    started.append(control)
    edge = join(control, tmp_path / "edge", env={"MEZUSPHERE_SEAL_KEY": "from a safe place", "MEZUSPHERE_JOIN": control.join_token()})
    started.append(edge)
    project = control.project("replaced")
    project.route()
    mark = edge.mark()
    started.append(Warpgate(control, project.key, workload.address))
    edge.wait_line(r"edge\.tunnel_ready", mark)
    successors = []
    with Load(visitors(edge, project.host)) as load:
        for running, command in ((edge, b"edge"), (control, b"control")):
            before = load.count
            mark = running.mark()
            running.kill(signal.SIGHUP)
            running.wait_line(r"mezusphere\.replaced", mark)
            assert running.process.wait(DEADLINE) == 0
            successors.append((running, process_of(command, running.folder, running.process.pid)))
            eventually(lambda: load.count > before + 20, what="requests since")
    load.check()
    for running, number in successors:
        os.kill(number, signal.SIGTERM)
        running.reader.join(DEADLINE)
        assert not running.reader.is_alive(), "the successor ends"


class Manager:
    """What systemd does for a service with two sockets: it listens, and is told how the service stands."""

    def __init__(self, folder):
        self.listeners = [socket.create_server(("127.0.0.1", free_port()), backlog=128) for _ in range(2)]
        self.ports = [listener.getsockname()[1] for listener in self.listeners]
        self.path = folder / "notify"
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.told.bind(str(self.path))
        self.told.settimeout(DEADLINE)

    def start(self, *words, env=None):
        numbers = [listener.fileno() for listener in self.listeners]
        script = f'exec 8<&{numbers[0]} 9<&{numbers[1]}; exec 3<&8 4<&9; LISTEN_FDS=2 LISTEN_PID=$$ exec "$@"'
        return Program(["bash", "-c", script, "bash", str(programs() / "mezusphere"), *map(str, words)],
                       env={"NOTIFY_SOCKET": str(self.path), **(env or {})}, pass_fds=numbers)

    def next(self):
        return dict(line.split("=", 1) for line in self.told.recv(4096).decode().split("\n"))


def test_a_service_manager_listens_for_a_control_plane(tmp_path, started):
    manager = Manager(tmp_path)
    words = ["control", "--data", tmp_path / "control"]
    first = manager.start(*words)
    started.append(first)
    assert manager.next() == {"READY": "1", "MAINPID": str(first.process.pid)}
    first.wait_line(r"mezusphere\.activated sockets=2")
    for port in manager.ports:
        with Visitor(port, f"api.{DOMAIN}", tmp_path / "control" / "ca.pem") as visitor:
            assert visitor.request("GET", "/v1/openapi.json").status == 200
    second = manager.start(*words, "--replace")
    started.append(second)
    assert manager.next() == {"READY": "1", "MAINPID": str(second.process.pid)}
    assert first.wait() == 0
    for port in manager.ports:
        with Visitor(port, f"api.{DOMAIN}", tmp_path / "control" / "ca.pem") as visitor:
            assert visitor.request("GET", "/v1/openapi.json").status == 200
    second.kill(signal.SIGTERM)
    assert manager.next() == {"STOPPING": "1"}
    assert second.wait() == 0


def test_a_service_manager_listens_for_an_edge(tmp_path, started):
    control = Control(tmp_path / "control")
    started.append(control)
    project = control.project("replaced")
    project.route()
    manager = Manager(tmp_path)
    edge = manager.start("edge", "--data", tmp_path / "edge", env={"MEZUSPHERE_JOIN": control.join_token()})
    started.append(edge)
    assert manager.next() == {"READY": "1", "MAINPID": str(edge.process.pid)}
    for port in manager.ports:
        eventually(lambda: visit(port, project.host, control.ca) == 503, what="the edge's own answer")
    edge.kill(signal.SIGTERM)
    assert manager.next() == {"STOPPING": "1"}
    assert edge.wait() == 0


def visit(port, host, ca):
    try:
        with Visitor(port, host, ca) as visitor:
            return visitor.request().status
    except OSError:
        return None
