"""What a warpgate holds while it carries a thousand exchanges, and afterwards: the plain program, since a sanitizer's heap says nothing.

The figures are those of docs/decisions/0003-small-idle-agent.md, with room for another machine's pages.
"""
import asyncio
import threading

import h2.settings
import pytest

import harness
from fake_platform import FakePlatform
from harness import eventually
from workload_http2 import Http2Workload

EXCHANGES = 1000


class Crowd:
    """HTTP/1.1 for a thousand at once: /open is answered and never ends, /flood sends as long as it is taken."""

    def __init__(self):
        self.loop, self.is_ready = asyncio.new_event_loop(), threading.Event()
        threading.Thread(target=self._run, daemon=True).start()
        assert self.is_ready.wait(harness.DEADLINE)

    def _run(self):
        async def serve():
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=2 * EXCHANGES)
            self.address = "127.0.0.1:%d" % server.sockets[0].getsockname()[1]
            self.is_ready.set()
            await server.serve_forever()
        self.loop.run_until_complete(serve())

    async def _serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
                while head.startswith(b"GET /flood"):
                    writer.write(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
                    await writer.drain()
                await reader.read(1)
        except (OSError, EOFError):
            pass
        writer.close()


def flood(connection, stream):
    connection.respond(stream, is_end=False)
    while stream.path == "/flood" and (room := connection.h2.local_flow_control_window(stream.number)) > 0:
        connection.send(stream, b"x" * min(16000, room))


@pytest.fixture
def upstream(request):
    if request.param == "http":
        yield Crowd().address
        return
    with Http2Workload(flood, settings={h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 200}) as workload:
        yield f"h2c://{workload.address}"


def at_rest(program):
    """Its own memory in KiB once it stays what it is."""
    seen = []

    def is_same():
        seen.append(program.memory_kib("Anonymous"))
        threading.Event().wait(1)
        return len(seen) > 12 and len(set(seen[-6:])) == 1
    eventually(is_same, 60, "the same for six seconds")
    return seen[-1]


@pytest.mark.parametrize("upstream, path, limit_kib", [("http", "/flood", 128), ("h2c", "/open", 24)], indirect=["upstream"])
def test_a_thousand_exchanges(tmp_path, monkeypatch, upstream, path, limit_kib):
    monkeypatch.setattr("fake_platform.programs", lambda: harness.PLAIN)
    with FakePlatform(tmp_path) as platform:
        control, edge = platform.add_control(), platform.add_edge()
        program = platform.start_warpgate(control, upstream)
        tunnel = edge.wait_tunnel()
        idle_kib = at_rest(program)
        acknowledge = tunnel.h2.acknowledge_received_data
        if path == "/flood":
            tunnel.h2.acknowledge_received_data = lambda *_: None  # an edge that takes nothing
        exchanges = [tunnel.request(path) for _ in range(EXCHANGES)]
        tunnel.wait(lambda: sum(e.status == 200 for e in exchanges) == EXCHANGES, "all heads", 60)
        most_kib = max(program.memory_kib("Anonymous") for _ in range(20) if not threading.Event().wait(0.2))
        tunnel.h2.acknowledge_received_data = acknowledge
        for exchange in exchanges:
            tunnel.cancel(exchange)
        assert most_kib - idle_kib < EXCHANGES * limit_kib
        # 5 % of what a resting agent holds with its program, once the links have had their minute
        eventually(lambda: program.memory_kib("Anonymous") < idle_kib + 175, 90, "back at rest")
