"""Single figures of our own chain, beside nginx where it has the same: start, change, memory, handshakes, route match."""
import socket
import ssl
import statistics
import subprocess
import time

from bench_base import HOST, ROOT, UPSTREAM, anonymous_kib, cpu_ns, rss_kib

VISITORS, TUNNELS, STREAMS, HANDSHAKES = 2000, 40, 1000, 1000


def measure_start(bench, out):
    """From the start of a warpgate to the first answered request."""
    times = []
    for i in range(7):
        project = bench.platform.project(f"start-{i}")
        project.route("/")
        begun = time.monotonic()
        warpgate = project.start_warpgate(f"127.0.0.1:{UPSTREAM}", level="info", wait=False)
        while bench.platform.visit(project.host, path="/1k").status != 200:
            time.sleep(0.002)
        times.append((time.monotonic() - begun) * 1000)
        idle = (warpgate.memory_kib("Rss"), warpgate.memory_kib("Anonymous"))
        warpgate.stop()
    out(f"| from `warpgate` start to the first answered request | {statistics.median(times):.0f} ms (worst of {len(times)}: {max(times):.0f}) |")
    out(f"| warpgate idle: resident, of which its own | {idle[0] / 1024:.2f} MB, {idle[1] / 1024:.2f} MB |")


def measure_change(bench, out):
    """From the API's answer to a changed route until a request is decided by it."""
    times = []
    for i in range(20):
        route = bench.project.route(f"/change-{i}", "exact", upstream="default")
        bench.project.api.patch(f"/v1/routes/{route['id']}", {"upstream": f"nowhere-{i}"})
        begun = time.monotonic()
        while bench.platform.visit(bench.project.host, path=f"/change-{i}").status != 502:
            pass
        times.append((time.monotonic() - begun) * 1000)
    times.sort()
    out(f"| a changed route is in force after the API's answer | {statistics.median(times):.0f} ms (worst of {len(times)}: {times[-1]:.0f}) |")


# Visitors that a script makes: it is slow, and only what the server spends is counted.

def client_context():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def visit(context, port, session=None):
    """A connection that has had one answer."""
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname=HOST, session=session)
    connection.sendall(f"GET /1k HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    received = b""
    while not received.endswith(b"x" * 1024):
        received += connection.recv(65536)
    return connection


def settled(pid, seconds=10):
    """Anonymous memory once it has stopped to change."""
    before = anonymous_kib(pid)
    for _ in range(seconds):
        time.sleep(1)
        now = anonymous_kib(pid)
        if abs(now - before) < 64:
            return now
        before = now
    return before


def measure_idle_visitors(out, chains):
    context = client_context()
    found = []
    for chain in chains:
        pid = chain.hops["edge"][-1]
        warm = [visit(context, chain.port) for _ in range(50)]
        before = settled(pid)
        connections = [visit(context, chain.port) for _ in range(VISITORS)]
        found.append(f"{chain.name} {(settled(pid) - before) / VISITORS:.1f} KiB")
        for connection in warm + connections:
            connection.close()
    out(f"| memory of an idle visitor's connection ({VISITORS} of them, HTTP/1.1 over TLS 1.3, after one request each) | {', '.join(found)} |")


def measure_idle_tunnels(bench, out):
    pid = bench.platform.process.pid
    before = settled(pid)
    warpgates = [bench.project.start_warpgate(f"127.0.0.1:{UPSTREAM}", level="warn") for _ in range(TUNNELS)]
    grown = (settled(pid) - before) / TUNNELS
    for warpgate in warpgates:
        warpgate.stop()
    out(f"| memory of an idle tunnel at the edge ({TUNNELS} of them) | {grown:.1f} KiB |")


def handshakes(context, chain, pid, session):
    """The server's CPU, in microseconds, for each of many connections with one request."""
    begun = cpu_ns(pid)
    for _ in range(HANDSHAKES):
        connection = visit(context, chain.port, session)
        if session is not None:
            if not connection.session_reused:
                raise SystemExit(f"{chain.name} does not resume")
            session = connection.session
        connection.close()
    return (cpu_ns(pid) - begun) / HANDSHAKES / 1000


def measure_handshakes(out, chains):
    context = client_context()
    kept = {chain.name: visit(context, chain.port) for chain in chains}
    for name in ("full", "resumed"):
        found = {chain.name: [] for chain in chains}
        for _ in range(3):
            for chain in chains:
                session = kept[chain.name].session if name == "resumed" else None
                found[chain.name].append(handshakes(context, chain, chain.hops["edge"][-1], session))
        text = ", ".join(f"{chain} {min(spent):.0f} µs ({1e6 / min(spent):,.0f}/s per core)" for chain, spent in found.items())
        out(f"| the edge's CPU for a connection with a {name} TLS 1.3 handshake and one request | {text} |")
    for connection in kept.values():
        connection.close()


def measure_streams(bench, out):
    """The warpgate's memory during many slow answers, after them, and after ten gibibytes."""
    agent = bench.warpgate.process.pid
    idle = rss_kib(agent)
    url = f"https://{HOST}:{bench.platform.port}"
    connect = f"--connect-to=127.0.0.1:{bench.platform.port}"
    load = subprocess.Popen(["h2load", "-t1", f"-c{STREAMS // 20}", "-m20", f"-n{STREAMS}", connect, f"{url}/slow"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = idle
    while load.poll() is None:
        peak = max(peak, rss_kib(agent))
        time.sleep(0.1)
    after = calm(agent, idle)
    subprocess.run(["h2load", "-t1", "-c4", "-m2", "-n103", connect, f"{url}/100m"], check=True, stdout=subprocess.DEVNULL)
    moved = calm(agent, idle)
    out(f"| warpgate's resident memory: idle; during {STREAMS:,} slow answers at once; after them; after 10 GiB moved "
        f"| {idle / 1024:.2f} MB; {peak / 1024:.2f}; {after / 1024:.2f}; {moved / 1024:.2f} MB |")


def calm(pid, idle, seconds=90):
    """Resident memory once it is back near what it was, or after so long."""
    end = time.monotonic() + seconds
    while rss_kib(pid) > idle * 1.05 and time.monotonic() < end:
        time.sleep(0.25)
    return rss_kib(pid)


def measure_matches(out):
    subprocess.run(["ninja", "-C", ROOT / "build", "bench/route_match"], check=True, stdout=subprocess.DEVNULL)
    lines = subprocess.run([ROOT / "build" / "bench" / "route_match"], check=True, capture_output=True, text=True).stdout.splitlines()
    out("| a route match, by number of routes, of all three kinds | " + ", ".join(
        f"{int(count):,}: {ns} ns" for count, ns in (line.split() for line in lines)) + " |")

