"""T20, T21, T22: what an attacker can make us keep. The plain programs: a sanitizer's memory says nothing.

Memory is judged against the bytes that the attack sent, and against connections: at most 2 MiB each, whatever HPACK makes of a few bytes
(T21; without a bound on open heads it was 6 MiB). A flood of frames may not hold more than a mebibyte in all (T22).
"""
import socket
import threading
import time

import pytest
from hpack import Encoder

import harness
from harness import Platform, Workload, eventually, plain_response
from raw_http2 import (CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, PREFACE, WINDOW_UPDATE, RawHttp2, frame,
                       parse, settings, u32)
from raw_warpgate import CONTROL, RawWarpgate
from test_abuse import FLOODS

MIB = 1024  # in KiB
NOISE_KIB = MIB


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    before = harness.programs
    harness.programs = lambda: harness.PLAIN
    platform = Platform(tmp_path_factory.mktemp("memory"), level="info")
    yield platform
    assert platform.stop() == 0, platform.output[-3000:]
    harness.programs = before


class Holding:
    """A workload that keeps requests waiting until it is told otherwise."""

    def __init__(self):
        self.release = threading.Event()

    def __call__(self, request):
        if request.target.startswith("/held"):
            self.release.wait(60)
        return plain_response(b"z" * 300_000 if request.target.startswith("/large") else b"ok")


@pytest.fixture(scope="module")
def service(plain):
    holding = Holding()
    workload = Workload(holding)
    project = plain.project("memory")
    project.route("/")
    project.holding, project.warpgate = holding, project.start_warpgate(workload.address, level="info")
    for _ in range(3):  # what the first requests make, and keep
        with RawHttp2(plain, project.host) as visitor:
            for _ in range(90):
                visitor.send(visitor.head(path="/warm"))
            visitor.read_for(1)
    yield project
    holding.release.set()
    assert project.warpgate.stop() == 0
    workload.close()


class Attacker(RawHttp2):
    """Counts what it sends, as it is on the wire before TLS."""

    def __init__(self, *arguments):
        self.sent = 0
        super().__init__(*arguments)

    def send(self, data):
        self.sent += len(data)
        super().send(data)


def held(service):
    """What the programs hold of their own: pages of their files come and go as the system likes, without any traffic."""
    return service.platform.memory_kib("Anonymous"), service.warpgate.memory_kib("Anonymous")


def settled(service):
    """Once both programs' memory has stopped growing."""
    last = held(service)
    deadline = time.monotonic() + harness.DEADLINE
    while True:
        assert time.monotonic() < deadline, f"memory still grows: {last}"
        time.sleep(0.2)
        now = held(service)
        if all(new - old < 64 for new, old in zip(now, last)):
            return now
        last = now


def judge(service, before, sent_bytes, factor=10):
    after = settled(service)
    for program, old, new in zip(("mezusphere", "warpgate"), before, after):
        assert new - old <= NOISE_KIB + factor * sent_bytes / 1024, (program, old, new, sent_bytes)
    return after


# T21

def first_bomb(visitor):
    """A value of 4,000 bytes, put into the table once."""
    return visitor.encoder.encode([("x-bomb", "b" * 3900)])


def indexed_bomb(visitor, number):
    """The value named again by one byte a time: 31 KiB of fields in a few bytes."""
    visitor.stream += 2
    head = visitor.encoder.encode([(":method", "GET"), (":scheme", "https"), (":authority", visitor.authority), (":path", "/held")])
    bomb = first_bomb(visitor) if number == 0 else b"\xbe"
    return frame(HEADERS, END_HEADERS | END_STREAM, visitor.stream, head + bomb + b"\xbe" * 6)


def crumbs(visitor, number):
    """Cookie crumbs by index: joined they would be 30 KiB."""
    visitor.stream += 2
    head = visitor.encoder.encode([(":method", "GET"), (":scheme", "https"), (":authority", visitor.authority), (":path", "/held")])
    bomb = visitor.encoder.encode([("cookie", "c" * 300)]) if number == 0 else b"\xbe"
    return frame(HEADERS, END_HEADERS | END_STREAM, visitor.stream, head + bomb + b"\xbe" * 80)


def empty_fields(visitor, number):
    """Many fields that are next to nothing."""
    return visitor.head(path="/held", fields=[(f"a{i}", "") for i in range(90)])


BOMBS = {"indexed": indexed_bomb, "crumbs": crumbs, "empty fields": empty_fields}


@pytest.mark.parametrize("name", BOMBS)
def test_header_bombs(plain, service, name):
    """T21: 20 connections, as many streams as each may have, all held open by a workload that does not answer."""
    service.holding.release.clear()
    before, attackers = settled(service), []
    for _ in range(20):
        attacker = Attacker(plain, service.host)
        attackers.append(attacker)
        try:
            for number in range(90):
                attacker.send(BOMBS[name](attacker, number))
        except OSError:
            pass
    sent = sum(attacker.sent for attacker in attackers)
    after = settled(service)
    for old, new in zip(before, after):
        assert new - old <= 20 * 2 * MIB + 10 * sent / 1024, (before, after, sent)
    service.holding.release.set()
    for attacker in attackers:
        attacker.close()


def test_answers_without_a_window(plain, service):
    """T21: large answers that are given no window: bounded for each stream, and given up after 30 s (test_slow_visitors.py)."""
    before, attackers = settled(service), []
    for _ in range(10):
        attacker = Attacker(plain, service.host, (INITIAL_WINDOW_SIZE, 0))
        attacker.send(b"".join(attacker.head(path="/large") for _ in range(60)))
        attackers.append(attacker)
    after = settled(service)
    streams = 10 * 60
    for old, new in zip(before, after):
        assert new - old <= 16 * MIB + streams * 128, "a stream that is stalled holds at most 128 KiB"
    assert plain.visit(service.host).status == 200
    for attacker in attackers:
        attacker.close()


def test_windows_opened_by_single_bytes(plain, service):
    """T21: an answer read one byte a time costs frames, not memory; others are served."""
    before = settled(service)
    with Attacker(plain, service.host, (INITIAL_WINDOW_SIZE, 0)) as attacker:
        attacker.send(b"".join(attacker.head(path="/large") for _ in range(50)))
        try:
            for _ in range(200):
                attacker.send(b"".join(frame(WINDOW_UPDATE, 0, stream, u32(1)) for stream in range(1, 100, 2)))
        except OSError:
            pass
        assert plain.visit(service.host).status == 200
        judge(service, before, attacker.sent + 50 * 128 * 1024, factor=2)


class Bomber(RawWarpgate):
    """A tenant's own program: 1xx heads of 31 KiB, each of a few bytes, before an answer that never comes."""

    def __init__(self, project, folder):
        super().__init__(project, folder)
        self.is_primed = False
        threading.Thread(target=self._answer, daemon=True).start()

    def _interim(self):
        if self.is_primed:
            return b"\x08\x03103" + b"\xbe" * 8  # :status 103, then the newest of the table
        self.is_primed = True
        return b"\x08\x03103" + Encoder().encode([("x-bomb", "b" * 3900)], huffman=False)

    def _answer(self):
        data, answered = b"", {CONTROL}
        try:
            while chunk := self.socket.recv(65536):
                data += chunk
                asked = {stream for kind, _, stream, _ in parse(data[len(PREFACE):]) if kind == HEADERS} - answered
                answered |= asked
                for stream in asked:
                    self.send(b"".join(frame(HEADERS, END_HEADERS, stream, self._interim()) for _ in range(16)))
        except OSError:
            pass


def test_interim_answers_of_a_hostile_warpgate(plain, tmp_path):
    """T21: what a warpgate's 1xx hold is bounded for each answer, and for all of a tunnel; without that it was a gibibyte here."""
    project = plain.project("bomber")
    project.route("/")
    mark, before = plain.mark(), plain.memory_kib()
    with Bomber(project, tmp_path):
        plain.wait_line(r"edge\.tunnel_ready", mark)
        visitors = [Attacker(plain, project.host) for _ in range(10)]
        for visitor in visitors:
            visitor.send(b"".join(visitor.head() for _ in range(90)))
        for visitor in visitors:  # one answer each, at least: the bombs have arrived
            assert visitor.read_for(10, lambda seen: any(kind == HEADERS for kind, *_ in seen))
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            assert plain.memory_kib() - before <= 100 * MIB
            time.sleep(0.05)
        for visitor in visitors:
            visitor.close()


# T20

CONTINUATIONS = {
    "endless": lambda v: (v.head(path="/held", flags=END_STREAM), lambda: frame(CONTINUATION, 0, v.stream, b"\0\1a\1b" * 100)),
    "empty": lambda v: (v.head(path="/held", flags=END_STREAM), lambda: frame(CONTINUATION, 0, v.stream)),
    "huffman": lambda v: (v.head(path="/held", flags=END_STREAM), lambda: frame(CONTINUATION, 0, v.stream, b"\0\1a\x7f\xe1\x7d" + b"\xff" * 16000)),
    "unfinished field": lambda v: (v.head(path="/held", flags=END_STREAM), lambda: frame(CONTINUATION, 0, v.stream, b"\0\1a\x7f\xff\xff\xff\x7f"[:2] + b"x" * 8000)),
    "in trailers": lambda v: (v.head("POST", "/held", (), END_HEADERS) + frame(HEADERS, END_STREAM, v.stream, b"\0\1a\1b"),
                              lambda: frame(CONTINUATION, 0, v.stream, b"\0\1a\1b" * 100)),
}


@pytest.mark.parametrize("name", CONTINUATIONS)
def test_continuation_floods(plain, service, name):
    """T20: a head in more than 9 frames, or of more than 64 KiB, ends the connection."""
    before = settled(service)
    with Attacker(plain, service.host) as attacker:
        first, make = CONTINUATIONS[name](attacker)
        with pytest.raises(OSError):
            attacker.send(first)
            for _ in range(2000):
                attacker.send(make() * 10)
    judge(service, before, 0)


def test_a_head_in_nine_frames_is_one(plain, service):
    """T20: the limit does not cut what is merely cut."""
    with Attacker(plain, service.host) as visitor:
        visitor.stream += 2
        block = visitor.block("GET", "/whole", [("x-long", "y" * 9000)])
        size = len(block) // 9 + 1
        parts = [block[at:at + size] for at in range(0, len(block), size)]
        visitor.send(frame(HEADERS, END_STREAM, 1, parts[0]) + b"".join(
            frame(CONTINUATION, END_HEADERS if part is parts[-1] else 0, 1, part) for part in parts[1:]))
        frames = visitor.read_for(5, lambda seen: any(kind == DATA and flags & END_STREAM for kind, flags, _, _ in seen))
        assert any(kind == DATA for kind, *_ in frames) and not any(kind == GOAWAY for kind, *_ in frames)


# T22

FRAME_FLOODS = ["ping", "settings", "empty_data", "padding", "window_update", "priority", "unknown", "continuation", "table_size"]


@pytest.mark.parametrize("name", FRAME_FLOODS)
def test_frame_floods(plain, service, name):
    """T22: up to a million frames of a kind that asks for nothing: the connection is closed within a second, and nothing is kept."""
    before = settled(service)
    with Attacker(plain, service.host) as attacker:
        begun = time.monotonic()
        attacker.socket.settimeout(5)
        with pytest.raises(OSError):
            for chunk in FLOODS[name](attacker):
                attacker.send(chunk)
                assert time.monotonic() - begun < 10
        seconds = time.monotonic() - begun
    assert seconds < 1 * harness.DEADLINE / 20 + 1, seconds
    judge(service, before, 0)


def test_replies_that_nobody_reads(plain, service):
    """T22: PING and SETTINGS from somebody who reads nothing: what waits to be sent is bounded."""
    before = settled(service)
    attackers = []
    for _ in range(5):
        attacker = Attacker(plain, service.host)
        attacker.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        attacker.socket.settimeout(2)
        attackers.append(attacker)
        try:
            for _ in range(1000):
                attacker.send(frame(6, 0, 0, b"12345678") * 100 + settings((INITIAL_WINDOW_SIZE, 1000)) * 10)
        except OSError:
            pass
    judge(service, before, 5 * 64 * 1024)
    for attacker in attackers:
        attacker.close()
    eventually(lambda: plain.visit(service.host).status == 200)
