"""Restarts under load: replicas of a warpgate, and the edge itself replaced in place, with visitors that count what fails."""
import asyncio
import re
import ssl
import subprocess
import time

import h2.config
import h2.connection
import h2.events

from bench_base import HOST, UPSTREAM

RATE_SCRIPT = "function delay() return 32 end\n"  # 64 connections, one request each 32 ms: 2,000 a second
CONNECTIONS = 64


class H2Visitor:
    """A well-behaved HTTP/2 visitor: one request at a time; a new connection after GOAWAY. Counts answers and failures."""

    def __init__(self, port):
        self.port, self.answered, self.failed, self.stopping = port, 0, [], False

    async def run(self):
        while not self.stopping:
            try:
                await self.one_connection()
            except (OSError, ConnectionError, asyncio.IncompleteReadError, h2.exceptions.ProtocolError) as error:
                self.failed.append(f"connection: {error!r}")

    async def one_connection(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=context, server_hostname=HOST)
        http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        http.initiate_connection()
        going_away = False
        while not (self.stopping or going_away):
            stream = http.get_next_available_stream_id()
            http.send_headers(stream, [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/1k")], end_stream=True)
            writer.write(http.data_to_send())
            status = going_away = None
            ended = False
            while not ended:
                data = await reader.read(65536)
                if not data:
                    self.failed.append("closed without an answer")
                    return
                for event in http.receive_data(data):
                    if isinstance(event, h2.events.ResponseReceived):
                        status = dict(event.headers)[":status"]
                    elif isinstance(event, h2.events.DataReceived):
                        http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    elif isinstance(event, h2.events.StreamEnded):
                        ended = True
                    elif isinstance(event, h2.events.StreamReset):
                        status, ended = f"reset {event.error_code}", True
                    elif isinstance(event, h2.events.ConnectionTerminated):
                        going_away = True
                writer.write(http.data_to_send())
            if status == "200":
                self.answered += 1
            else:
                self.failed.append(f"status {status}")
            await asyncio.sleep(0.05)
        writer.close()


def under_load(bench, out, title, act, count):
    """wrk at 2,000 requests a second, and eight HTTP/2 visitors, while `act` happens `count` times."""
    script = bench.folder / "rate.lua"
    script.write_text(RATE_SCRIPT)
    visitors = [H2Visitor(bench.platform.port) for _ in range(8)]

    async def visit_all():
        await asyncio.gather(*(visitor.run() for visitor in visitors))

    from bench_figures import in_background
    visiting = in_background(asyncio.run, visit_all())
    wrk = subprocess.Popen(["wrk", "-t1", f"-c{CONNECTIONS}", "-d3600s", "--timeout", "10s", "-s", str(script),
                            f"https://{HOST}:{bench.platform.port}/1k"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(1)
    begun = time.monotonic()
    for _ in range(count):
        act()
    elapsed = time.monotonic() - begun
    time.sleep(1)
    wrk.send_signal(2)
    output = wrk.communicate(timeout=30)[0]
    for visitor in visitors:
        visitor.stopping = True
    visiting.join(30)
    done = int(re.search(r"(\d+) requests in", output).group(1))
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    failed = sum(map(int, errors.groups())) if errors else 0
    failed += int(refused.group(1)) if refused else 0
    h2_failed = [failure for visitor in visitors for failure in visitor.failed]
    out(f"| {title} under load ({elapsed:.0f} s): requests, of which failed | HTTP/1.1 {done:,} ({done / (elapsed + 2):,.0f}/s), {failed}; "
        f"HTTP/2 {sum(v.answered for v in visitors):,}, {len(h2_failed)}{' (' + h2_failed[0] + ')' if h2_failed else ''} |")


def measure_warpgate_restarts(bench, out, count):
    second = [bench.warpgate, bench.project.start_warpgate(f"127.0.0.1:{UPSTREAM}", level="info")]
    first = 0

    def restart():
        nonlocal first
        second[first].stop()
        second[first] = bench.project.start_warpgate(f"127.0.0.1:{UPSTREAM}", level="info")
        first = 1 - first

    under_load(bench, out, f"{count} restarts of a warpgate, one of two replicas in turn,", restart, count)
    second[0].stop()
    bench.warpgate = second[1]
    bench.chain.hops["agent"] = [second[1].process.pid]


def measure_edge_replacements(bench, out, count):
    def replace():
        bench.platform = bench.platform.replace()
        bench.processes.append(bench.platform.process)

    under_load(bench, out, f"{count} replacements of the edge", replace, count)
