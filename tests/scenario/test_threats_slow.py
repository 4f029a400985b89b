"""T23: a thousand visitors who take their time, all at once: half a handshake, a head that never ends, a body by the byte, an answer that
nobody reads. The service answers all the while, and those who never say what they want are gone within 15 seconds.

An upload may be as slow as it likes while it moves (test_slow_visitors.py); an answer that nobody reads is cut after 30 seconds.
Limits by address are not made yet.
"""
import asyncio
import socket
import ssl
import time

from harness import Workload, plain_response
from test_abuse import SIGNATURE, Victim

HEADS, SILENT, HALF_HELLOS, BODIES, READERS = 600, 150, 150, 100, 20
ARRIVE_IN_S = 6
CLOSED_IN_S = 15
READ_IN_S = 45  # 30 s without progress, and what buffers hold


class Crowd:
    """Outcomes by kind: seconds until the platform closed, or None when it had not by then."""

    def __init__(self, platform, host):
        self.platform, self.host, self.outcomes, self.errors = platform, host, {}, []
        self.context = ssl.create_default_context(cafile=str(platform.ca))

    def note(self, kind, seconds):
        self.outcomes.setdefault(kind, []).append(seconds)

    async def open(self, tls=True, **options):
        members = {"ssl": self.context, "server_hostname": self.host} if tls else {}
        return await asyncio.open_connection("127.0.0.1", self.platform.port, **members, **options)

    async def until_closed(self, kind, reader, writer, limit, drip=None):
        """Sends a piece of `drip` each second; reads until the end."""
        begun, end = time.monotonic(), asyncio.ensure_future(reader.read())
        try:
            while not end.done() and time.monotonic() - begun < limit:
                if drip:
                    writer.write(drip)
                await asyncio.wait([end], timeout=1)
            self.note(kind, time.monotonic() - begun if end.done() else None)
            if end.done():
                end.exception()
        except OSError:
            self.note(kind, time.monotonic() - begun)
        finally:
            end.cancel()
            writer.transport.abort()

    async def head(self, number):
        reader, writer = await self.open()
        writer.write(f"GET /{number} HTTP/1.1\r\nHost: {self.host}\r\n".encode())
        await self.until_closed("head", reader, writer, CLOSED_IN_S, b"X-Slow: yes\r\n")

    async def silent(self, _):
        reader, writer = await self.open(tls=False)
        await self.until_closed("silent", reader, writer, CLOSED_IN_S)

    async def half_hello(self, _):
        reader, writer = await self.open(tls=False)
        writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        await self.until_closed("half hello", reader, writer, CLOSED_IN_S, b"\0")

    async def body(self, _):
        reader, writer = await self.open()
        writer.write(f"POST /upload HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: 100000\r\n\r\n".encode())
        await self.until_closed("body", reader, writer, CLOSED_IN_S, b"x")

    async def reader(self, _):
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", self.platform.port))
        _, writer = await asyncio.open_connection(sock=raw, ssl=self.context, server_hostname=self.host, limit=1024)
        writer.transport.pause_reading()
        writer.write(f"GET /large HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode())
        begun = time.monotonic()
        while time.monotonic() - begun < READ_IN_S and self.is_established(raw):
            await asyncio.sleep(1)
        self.note("reader", None if self.is_established(raw) else time.monotonic() - begun)
        writer.transport.abort()

    @staticmethod
    def is_established(raw):
        """Looked at without reading a byte: the first of TCP_INFO is the state. Cut means reset, or the system would keep what was sent."""
        return raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 1

    async def guarded(self, call, number):
        try:
            await asyncio.sleep(number % 100 / 100 * ARRIVE_IN_S)
            await call(number)
        except (OSError, ssl.SSLError) as error:
            self.errors.append(error)

    async def run(self):
        await asyncio.gather(*(self.guarded(call, number) for call, count in (
            (self.head, HEADS), (self.silent, SILENT), (self.half_hello, HALF_HELLOS), (self.body, BODIES),
            (self.reader, READERS))
            for number in range(count)))


def test_a_crowd_that_takes_its_time(platform, started):
    large = plain_response(bytes(64 << 20))  # more than the system takes off our hands
    with Workload(lambda request: large if request.target == "/large" else plain_response(SIGNATURE)) as workload:
        project = platform.project("crowd")
        project.route("/")
        started.append(project.start_warpgate(workload.address))
        mark = platform.mark()
        victim = Victim(platform, project.host)
        victim.wait_more()
        crowd = Crowd(platform, project.host)
        asyncio.run(crowd.run())
        victim.check()  # no answer was wrong, the connection was never cut
        assert victim.count > 100
        assert not crowd.errors, crowd.errors[:3]
        for kind, count in (("head", HEADS), ("silent", SILENT), ("half hello", HALF_HELLOS), ("reader", READERS)):
            closed = [seconds for seconds in crowd.outcomes[kind] if seconds is not None]
            assert len(closed) >= 0.95 * count, (kind, len(closed), count)
        assert len(crowd.outcomes["body"]) == BODIES
        assert not [line for line in platform.lines[mark:] if "edge.tunnel_closed" in line]
