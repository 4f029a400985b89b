"""T17, T18, T19: cancelled requests. Many connections of attackers at once, all on one tunnel with a victim who keeps 20 streams open: the
attackers lose their connections, the victim loses nothing, no tunnel is closed.

test_abuse.py has the floods themselves, one connection each; test_threats_memory.py what they cost in memory.
"""
import statistics
import threading
import time

import pytest

from harness import Workload, eventually
from raw_http2 import END_HEADERS, HEADERS, RST_STREAM, RawHttp2, frame, u32
from test_abuse import FLOODS, SIGNATURE, Scene, answer, cpu_seconds
from visitor_h2 import H2Visitor

ATTACKERS = 10
STREAMS = 20


class CrowdedVictim(threading.Thread):
    """Keeps 20 requests open on one connection, replaces each that is answered; every answer must be whole and right."""

    def __init__(self, scene):
        super().__init__(daemon=True)
        self.scene, self.is_running, self.count, self.failures, self.seconds = scene, True, 0, [], []
        self.start()

    def run(self):
        with H2Visitor(self.scene.platform, self.scene.host) as visitor:
            begun = {}
            while self.is_running or begun:
                while self.is_running and len(begun) < STREAMS:
                    begun[visitor.begin(path="/slow")] = time.monotonic()
                if not visitor.receive():
                    self.failures.append(("closed", visitor.goaway))
                    return
                for stream in [stream for stream in begun if visitor.answers[stream].is_over]:
                    seen = visitor.answers.pop(stream)
                    self.seconds.append(time.monotonic() - begun.pop(stream))
                    self.count += 1
                    if (seen.status, seen.body, seen.reset) != (200, SIGNATURE, None):
                        self.failures.append((seen.status, seen.body[:100], seen.reset))

    def wait_more(self, turns=STREAMS):
        before = self.count
        eventually(lambda: self.count > before + turns or not self.is_alive(), what="the victim's turns")

    def stop(self):
        self.wait_more()
        assert self.is_alive(), self.failures
        self.is_running = False
        self.join(20)
        assert not self.failures, self.failures[:3]


@pytest.fixture(scope="module")
def scene(platform):
    with Workload(answer) as workload:
        scene = Scene(platform, workload)
        yield scene
        scene.warpgate.stop()
        assert "Sanitizer" not in scene.warpgate.output, scene.warpgate.output[-8000:]


@pytest.fixture
def victim(scene):
    """Beside the attack; afterwards: nothing failed, no tunnel was closed, and the programs come to rest."""
    mark = scene.platform.mark()
    running = CrowdedVictim(scene)
    running.wait_more()
    yield running
    running.stop()
    assert not [line for line in scene.platform.lines[mark:] if "edge.tunnel_closed" in line]
    assert not [line for line in scene.warpgate.lines if "reason=protocol" in line]
    for program in (scene.platform, scene.warpgate):
        eventually(lambda program=program: scene.is_at_rest(program), what="rest")


def attack(scene, flood, cut):
    """One connection, until it is closed; then another one, three times in all."""
    for _ in range(3):
        try:
            with RawHttp2(scene.platform, scene.host) as attacker:
                attacker.socket.settimeout(10)
                deadline = time.monotonic() + 10
                for chunk in flood(attacker):
                    attacker.send(chunk)
                    if time.monotonic() > deadline:
                        return
        except OSError:
            cut.append(1)


RESETS = ["rapid_reset", "rapid_reset_late", "window_of_nothing", "window_overflow", "data_after_end", "depends_on_itself", "data_past_length", "malformed_trailers"]


@pytest.mark.parametrize("name", RESETS)
def test_resets_from_many_connections(scene, victim, name):
    """T17 (rapid reset), T18 (MadeYouReset, six triggers), T19 (their victim on the same tunnel)."""
    cut = []
    threads = [threading.Thread(target=attack, args=(scene, FLOODS[name], cut), daemon=True) for _ in range(ATTACKERS)]
    quiet = len(victim.seconds)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(cut) == 3 * ATTACKERS, "each connection of each attacker was closed"
    victim.wait_more(3 * STREAMS)
    during = victim.seconds[quiet:]
    assert statistics.median(during) < 2, "the victim was served all the while"


def test_cancels_below_every_limit(scene, victim):
    """T19: a visitor that cancels as browsers do, for long: it is cut by nobody, and the tunnel carries its cancels without end."""
    cancelled, deadline = 0, time.monotonic() + 6
    with RawHttp2(scene.platform, scene.host) as visitor:
        while time.monotonic() < deadline:
            burst = b"".join(visitor.head(path="/slow") + frame(RST_STREAM, 0, visitor.stream, u32(8)) for _ in range(8))
            visitor.send(burst)
            cancelled += 8
            time.sleep(0.1)  # its pace
        visitor.send(visitor.head(path="/after"))
        last = visitor.stream
        frames = visitor.read_for(5, lambda seen: any(stream == last and kind == HEADERS and flags & END_HEADERS for kind, flags, stream, _ in seen))
        assert any(stream == last and kind == HEADERS for kind, _, stream, _ in frames)
    assert cancelled > 300


def test_more_cancels_in_all_than_a_tunnels_library_takes(scene, victim):
    """T19: over 1,034 cancelled requests on one tunnel (what nghttp2's server side takes by default), from many well-behaved visitors."""
    total = 0
    for _ in range(12):
        with H2Visitor(scene.platform, scene.host) as visitor:
            streams = [visitor.begin(path="/slow") for _ in range(90)]
            for stream in streams:
                visitor.cancel(stream)
            total += len(streams)
            assert visitor.request(path="/after").status == 200
    assert total > 1034


def test_attackers_cost_less_than_they_spend(scene):
    """T17: a cut connection stays cut: what an attacker sends after that costs nothing."""
    with RawHttp2(scene.platform, scene.host) as attacker:
        try:
            for chunk in FLOODS["rapid_reset"](attacker):
                attacker.send(chunk)
        except OSError:
            pass
        before = cpu_seconds(scene.platform)
        for _ in range(100):
            try:
                attacker.send(b"x" * 16384)
            except OSError:
                break
        eventually(lambda: scene.is_at_rest(scene.platform), what="rest")
        assert cpu_seconds(scene.platform) - before < 1
