"""Networks that break: cuts, black holes, other addresses, half-open sockets. Each in namespaces of its own (network.py); nothing is restarted by hand."""
import signal
import threading
import time

import pytest

import harness
import network
from harness import Platform, Program, Visitor, Workload, eventually, free_port, plain_response, programs

MISSING = network.why_not()
pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")

DOMAIN = "mez.example"
SLACK = 1.2  # of a busy machine, and of a sanitizer
IDLE, WAITING, BACK = 5.0, 2.0, 10.0


class World:
    """A platform in the edge's place, a workload in the warpgate's, and warpgates wherever a test wants them."""

    def __init__(self, folder):
        self.network = network.Network()
        self.folder = folder
        self.programs = []
        self.hold = threading.Event()  # set: GET /hold is answered
        self.port = free_port()
        self.names = [f"{name}.{DOMAIN}" for name in ("api", "edge")]
        self.platform = self.near = self.far = None
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self):
        self.network.set_hosts("warpgate", dict.fromkeys(self.names, network.EDGE))
        self.network.set_hosts("edge", dict.fromkeys(self.names, "127.0.0.1"))
        with self.network.inside("warpgate"):
            self.far = Workload(self.answer)
        with self.network.inside("edge"):
            self.near = Workload(lambda request: plain_response(b"near"))
            self.start_platform()
            self.project = self.platform.project("networks")
            mark = self.platform.mark()
            self.project.route("/")
            self.project.wait_in_force(mark)

    def start_platform(self):
        self.platform = Platform(self.folder, port=self.port, listen=f"0.0.0.0:{self.port}", arguments=["--domain", DOMAIN])

    def answer(self, request):
        if request.target == "/hold":
            self.hold.wait(60)
        if request.target == "/endless":
            request.socket.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
            while True:
                request.socket.sendall(chunk)
        return plain_response(b"far")

    def start(self, place="warpgate", *arguments):
        workload = self.far if place == "warpgate" else self.near
        mark = self.platform.mark()
        program = Program([*self.network.enter(place), programs() / "warpgate", "--upstream", workload.address, "--name", place,
                           "--control", f"https://api.{DOMAIN}:{self.port}", "--ca-file", self.platform.ca, *arguments],
                          env={"WARPGATE_TOKEN": self.project.key})
        self.programs.append(program)
        self.platform.wait_line(r"edge\.tunnel_ready", mark)
        program.wait_line(r"warpgate\.connected")
        return program

    def visitor(self):
        with self.network.inside("edge"):
            return Visitor(self.port, self.project.host, self.platform.ca)

    def visit(self, path="/"):
        with self.visitor() as visitor:
            return visitor.request("GET", path)

    def until_back(self, at_most=BACK):
        """Seconds until a visitor is answered by the workload again."""
        began = time.monotonic()
        while True:
            if self.visit().status == 200:
                return time.monotonic() - began
            assert time.monotonic() - began < at_most + SLACK, "not back:\n" + "\n".join(p.output for p in self.programs)[-3000:]
            time.sleep(0.05)

    def close(self):
        self.hold.set()
        programs_left = [program for program in [*self.programs, self.platform] if program is not None]
        for program in programs_left:
            program.kill(signal.SIGCONT)
            program.kill(signal.SIGTERM)
        outputs = []
        for program in programs_left:
            try:
                program.wait()
            finally:
                program.kill()
                outputs.append(program.output)
        for workload in (self.far, self.near):
            if workload is not None:
                workload.close()
        self.network.close()
        assert not any("Sanitizer" in output for output in outputs), "\n".join(outputs)[-8000:]


@pytest.fixture(scope="module")
def domain():
    before, harness.DOMAIN = harness.DOMAIN, DOMAIN
    yield
    harness.DOMAIN = before


@pytest.fixture
def world(domain, tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


def since(moment):
    return time.monotonic() - moment


@pytest.mark.parametrize("seconds", [1, 5, 20])
def test_the_tunnel_is_back_after_a_cut(world, seconds):
    warpgate = world.start()
    assert world.visit().body == b"far"
    world.network.cut()
    time.sleep(seconds)  # the cut itself
    world.network.heal()
    world.until_back()
    assert warpgate.process.poll() is None


def test_an_idle_black_hole_is_noticed_on_both_ends(world):
    warpgate = world.start()
    assert world.visit().status == 200
    edge_mark, warpgate_mark = world.platform.mark(), warpgate.mark()
    began = time.monotonic()
    world.network.cut()
    world.platform.wait_line(r"edge\.tunnel_silent", edge_mark)
    assert since(began) < IDLE + SLACK
    warpgate.wait_line(r"warpgate\.disconnected .*reason=edge_silent", warpgate_mark, IDLE + SLACK)
    assert since(began) < IDLE + SLACK


def test_a_black_hole_is_noticed_in_two_seconds_and_the_request_moves(world):
    world.start()
    with world.visitor() as visitor:
        visitor.send(f"GET /hold HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
        world.far.wait_requests(1)
        world.start("edge")
        mark = world.platform.mark()
        began = time.monotonic()
        world.network.cut()
        answer = visitor.read_response()
        took = since(began)
        world.platform.wait_line(r"edge\.tunnel_silent", mark)
    assert (answer.status, answer.body) == (200, b"near")
    assert took < WAITING + SLACK


def test_answers_that_do_not_leave_are_noticed_by_the_warpgate(world):
    warpgate = world.start()
    with world.visitor() as visitor:
        visitor.send(f"GET /endless HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
        total = 0
        while total < 1 << 20:
            total += len(visitor.socket.recv(65536))
        threading.Thread(target=visitor.read_all, daemon=True).start()
        mark = warpgate.mark()
        began = time.monotonic()
        world.network.cut()
        warpgate.wait_line(r"warpgate\.disconnected .*reason=edge_silent", mark)
        assert since(began) < WAITING + SLACK


def test_another_address_of_ones_own(world):
    world.start()
    assert world.visit().status == 200
    world.network.set_address("warpgate", "10.77.2.77")
    world.platform.wait_line(r"edge\.tunnel_silent", 0)
    world.until_back()


def test_the_cable_is_out_and_in_again(world):
    world.start()
    world.network.unplug()
    world.platform.wait_line(r"edge\.tunnel_silent", 0)
    world.network.plug_in()
    world.until_back()


def test_a_half_open_tunnel(world):
    """The edge dies while nobody can hear it; to its successor, the tunnel's packets belong to nothing."""
    warpgate = world.start()
    world.network.cut()
    world.platform.kill(signal.SIGKILL)
    world.platform.wait()
    mark = warpgate.mark()
    with world.network.inside("edge"):
        world.start_platform()
        world.network.heal()
        began = time.monotonic()
        world.platform.wait_line(r"edge\.tunnel_ready", 0)
    assert since(began) < BACK + SLACK
    warpgate.wait_line(r"warpgate\.disconnected", mark)
    assert world.visit().body == b"far"


def test_a_black_hole_shows_in_the_registry(world):
    world.start()

    def status():
        with world.network.inside("edge"):
            return [item["status"] for item in world.project.warpgates()]
    eventually(lambda: status() == ["connected"], 5, "connected")
    world.network.cut()
    eventually(lambda: status() == ["disconnected"], 10 + SLACK, "disconnected")
    world.network.heal()
    eventually(lambda: status() == ["connected"], BACK + SLACK, "connected again")


def test_a_stopped_warpgate_is_noticed_and_comes_back(world):
    warpgate = world.start()
    mark = world.platform.mark()
    began = time.monotonic()
    warpgate.kill(signal.SIGSTOP)
    world.platform.wait_line(r"edge\.tunnel_silent", mark)
    assert since(began) < IDLE + SLACK
    warpgate.kill(signal.SIGCONT)
    world.until_back()


def test_a_stopped_edge_is_noticed_and_its_requests_come_back(world):
    warpgate = world.start()
    mark = warpgate.mark()
    began = time.monotonic()
    world.platform.kill(signal.SIGSTOP)
    warpgate.wait_line(r"reason=edge_silent", mark)
    assert since(began) < IDLE + SLACK
    warpgate.wait_line(r"warpgate\.edge_unreachable .*reason=timeout_handshake", mark)  # a dial that nobody answered
    world.platform.kill(signal.SIGCONT)
    world.until_back()


def test_a_short_stop_costs_nothing(world):
    warpgate = world.start()
    mark = world.platform.mark()
    for _ in range(3):
        warpgate.kill(signal.SIGSTOP)
        time.sleep(2)
        warpgate.kill(signal.SIGCONT)
        time.sleep(1)
    assert world.visit().status == 200
    assert "tunnel_closed" not in "\n".join(world.platform.lines[mark:])


def test_the_edge_moves_to_another_address(world):
    warpgate = world.start()
    world.network.set_address("edge", "10.77.1.9")
    world.network.set_hosts("warpgate", dict.fromkeys(world.names, "10.77.1.9"))
    warpgate.wait_line(r"warpgate\.disconnected")
    world.until_back()


def test_a_dead_resolver_does_not_stand_in_the_way(world):
    """What the name was last time is tried when the resolver has no answer."""
    world.start()
    world.network.set_hosts("warpgate", {})
    world.network.set_resolver("warpgate", "10.77.2.200")
    world.network.cut()
    world.platform.wait_line(r"edge\.tunnel_silent", 0)
    world.network.heal()
    world.until_back()
