"""WebSocket with a library at both ends (python's websockets), as browsers and servers use it: compression, keep-alive, fragments.

Promise 3. The library's own checks are the test: a frame that were changed, lost or late would end the connection with an error.
"""
import asyncio
import ssl
import threading

import pytest
import websockets
import websockets.exceptions


class LibraryWorkload:
    """`handler(socket, path)` in an event loop of its own thread."""

    def __init__(self, handler, **options):
        self.loop, started = asyncio.new_event_loop(), threading.Event()

        async def serve():
            self.server = await websockets.serve(handler, "127.0.0.1", 0, max_size=None, **options)
            self.port = self.server.sockets[0].getsockname()[1]
            started.set()

        def run():
            asyncio.set_event_loop(self.loop)
            self.loop.run_until_complete(serve())
            self.loop.run_forever()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        assert started.wait(10)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


async def handler(socket, path):
    if path == "/close":
        await socket.close(4001, "as agreed")
        return
    if path == "/first":
        await socket.send("you are welcome")
    async for message in socket:
        await socket.send(message)


@pytest.fixture(scope="module")
def service(platform):
    workload = LibraryWorkload(handler, subprotocols=["chat.v2"], ping_interval=0.2, ping_timeout=15)
    project = platform.project("websocket-library")
    project.route("/")
    project.warpgate = project.start_warpgate(workload.address)
    yield project
    assert project.warpgate.stop() == 0
    assert "Sanitizer" not in project.warpgate.output, project.warpgate.output[-8000:]
    workload.close()


def connect(service, path="/", **options):
    context = ssl.create_default_context(cafile=str(service.platform.ca))
    return websockets.connect(f"wss://{service.host}:{service.platform.port}{path}", ssl=context, host="127.0.0.1",
                              server_hostname=service.host, max_size=None, **options)


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 30))


def test_messages_of_all_sizes(service):
    async def talk():
        async with connect(service) as socket:
            for size in (0, 1, 125, 126, 65535, 65536, 1_000_000):
                for message in ("ä" * size, bytes(size)):
                    await socket.send(message)
                    assert await socket.recv() == message
    run(talk())


def test_compression_and_subprotocols_are_agreed_on_end_to_end(service):
    async def talk():
        async with connect(service, subprotocols=["chat.v1", "chat.v2"], compression="deflate") as socket:
            assert socket.subprotocol == "chat.v2"
            assert [extension.name for extension in socket.extensions] == ["permessage-deflate"]
            for _ in range(50):
                await socket.send("the same words again " * 50)
                assert await socket.recv() == "the same words again " * 50
    run(talk())


def test_the_server_speaks_first(service):
    async def listen():
        for _ in range(50):
            async with connect(service, "/first") as socket:
                assert await socket.recv() == "you are welcome"
    run(listen())


def test_close_codes(service):
    async def be_closed():
        async with connect(service, "/close") as socket:
            with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
                await socket.recv()
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as agreed")
    run(be_closed())


def test_pings_of_both_sides(service):
    """The workload pings every 200 ms, and would cut a connection that did not answer; the visitor pings as well."""
    async def stay():
        async with connect(service, ping_interval=0.1, ping_timeout=15) as socket:
            for _ in range(10):
                await (await socket.ping())
            await asyncio.sleep(1)  # several of their pings
            await socket.send("still here")
            assert await socket.recv() == "still here"
    run(stay())


def test_a_crowd(service):
    """100 at once, each with its own conversation."""
    async def converse(number):
        async with connect(service) as socket:
            for turn in range(10):
                await socket.send(f"{number}: {turn}")
                assert await socket.recv() == f"{number}: {turn}"

    async def crowd():
        await asyncio.gather(*(converse(number) for number in range(100)))
    run(crowd())


def test_messages_both_ways_without_turns(service):
    """Sending does not wait for receiving: 20 MB each way at once, under back-pressure."""
    async def pour():
        async with connect(service, compression=None) as socket:
            async def send():
                for number in range(200):
                    await socket.send(number.to_bytes(4, "big") * 25_000)

            sending = asyncio.ensure_future(send())
            for number in range(200):
                assert await socket.recv() == number.to_bytes(4, "big") * 25_000
            await sending
    run(pour())
