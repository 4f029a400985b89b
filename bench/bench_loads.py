"""Loads over all chains in turn, and the tables of what they cost."""
import re
import statistics
import subprocess
import time
from pathlib import Path

from bench_base import HOST, served

HEADERS = [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate, br", "Cookie: session=0123456789abcdef0123456789abcdef0123456789abcdef; theme=dark; consent=yes; ab=17",
    "Cache-Control: no-cache", "Pragma: no-cache", "Referer: https://www.example.org/some/page?with=query", "DNT: 1", "Sec-GPC: 1"]
# wrk's own scripting: how a request with a body is said.
UPLOAD = 'wrk.method = "PUT"\nwrk.body = string.rep("x", 1048576)\n'


def header_options():
    return [word for header in HEADERS for word in ("-H", header)]


class Wrk:
    """HTTP/1.1 visitors over TLS, each with one request at a time."""

    def __init__(self, title, path, connections, script=None):
        self.title, self.path, self.connections, self.script = title, path, connections, script
        self.key = f"{title}@{connections}"

    def name(self):
        return f"{self.title}, {self.connections} connection{'s' if self.connections > 1 else ''}"

    def command(self, chain, seconds, folder):
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{max(1, round(seconds))}s", "--latency", "--timeout", "10s", *header_options()]
        if self.script:
            path = folder / "load.lua"
            path.write_text(self.script)
            command += ["-s", str(path)]
        return [*command, f"https://{HOST}:{chain.port}{self.path}"]

    def read(self, output):
        if "Non-2xx" in output:
            raise SystemExit(f"wrk failed:\n{output}")
        errors = re.search(r"Socket errors: (.*)", output)
        latency = {name: to_ms(re.search(rf"{name}%\s+([\d.]+\w+)", output).group(1)) for name in ("50", "99")}
        return {"p50": latency["50"], "p99": latency["99"], "errors": errors.group(1) if errors else ""}


class H2load:
    """HTTP/2 visitors; p50 and p99 from the times of all requests."""

    def __init__(self, title, path, connections, streams):
        self.title, self.path, self.connections, self.streams = title, path, connections, streams
        self.key = f"{title} h2@{connections}x{streams}"

    def name(self):
        return f"{self.title}, HTTP/2, {self.connections} connections of {self.streams} streams"

    def command(self, chain, seconds, folder):
        self.log = folder / "h2load.log"
        self.log.unlink(missing_ok=True)
        return ["h2load", "-t1", f"-c{self.connections}", f"-m{self.streams}", f"-D{max(1, round(seconds))}", f"--log-file={self.log}",
                f"--connect-to=127.0.0.1:{chain.port}", *header_options(), f"https://{HOST}:{chain.port}{self.path}"]

    def read(self, output):
        failed = re.search(r"(\d+) failed, (\d+) errored, (\d+) timeout", output)
        broken = re.search(r"(\d+) 3xx, (\d+) 4xx, (\d+) 5xx", output)
        if any(int(n) for n in broken.groups()):
            raise SystemExit(f"h2load failed:\n{output}")
        times = sorted(int(line.split("\t")[2]) for line in Path(self.log).read_text().splitlines())
        return {"p50": times[len(times) // 2] / 1000, "p99": times[len(times) * 99 // 100] / 1000,
                "errors": "" if failed.group(1) == "0" else failed.group(0)}


LOADS = [Wrk("1 kB", "/1k", 1), Wrk("1 kB", "/1k", 64), Wrk("1 kB", "/1k", 256), H2load("1 kB", "/1k", 8, 16),
         Wrk("1 MB", "/1m", 8), Wrk("1 MB up", "/upload", 8, UPLOAD), Wrk("100 MB", "/100m", 4)]


def run_load(chain, load, seconds, folder):
    """CPU and requests are taken in a window in the middle, so that handshakes are outside."""
    process = subprocess.Popen(load.command(chain, seconds, folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(seconds * 0.25)
    begun, count, cpu = time.monotonic(), served(), chain.cpu()
    time.sleep(seconds * 0.5)
    requests = served() - count
    spent = {hop: value - cpu[hop] for hop, value in chain.cpu().items()}
    elapsed = time.monotonic() - begun
    memory = chain.memory()
    output = process.communicate()[0]
    if process.returncode != 0 or requests == 0:
        raise SystemExit(f"{chain.name} {load.path}: {process.args[0]} failed:\n{output}")
    return {"rps": requests / elapsed, "memory": memory, "cpu": {hop: ns / 1000 / requests for hop, ns in spent.items()}, **load.read(output)}


def to_ms(text):
    value, unit = re.match(r"([\d.]+)(\w+)", text).groups()
    return float(value) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


def median(results, pick):
    return statistics.median(pick(r) for r in results)


def compare(bench, chains, options, out):
    for load in LOADS:
        if options.only and load.key not in options.only:
            continue
        results = {chain.name: [] for chain in chains}
        seconds = options.seconds * (3 if load.title == "100 MB" else 1)  # enough of them end inside the window
        for _ in range(options.rounds):
            for chain in chains:
                results[chain.name].append(run_load(chain, load, seconds, bench.folder))
        show(out, load.name(), chains, results)


def show(out, title, chains, results):
    base = median(results["nginx→nginx"], lambda r: sum(r["cpu"].values()))
    out(f"\n### {title}\n")
    out("| chain | requests/s | p50 ms | p99 ms | CPU µs edge | CPU µs agent | CPU µs both | × nginx→nginx | RSS MB edge | RSS MB agent |")
    out("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for chain in chains:
        r = results[chain.name]
        hops = {hop: median(r, lambda x, hop=hop: x["cpu"][hop]) for hop in chain.hops}
        memory = {hop: median(r, lambda x, hop=hop: x["memory"][hop]) / 1024 for hop in chain.hops}
        both = median(r, lambda x: sum(x["cpu"].values()))
        agent = [f"{hops['agent']:.1f}", f"{memory['agent']:.1f}"] if "agent" in hops else ["–", "–"]
        out(f"| {chain.name} | {median(r, lambda x: x['rps']):,.0f} | {median(r, lambda x: x['p50']):.2f} | {median(r, lambda x: x['p99']):.2f} "
            f"| {hops['edge']:.1f} | {agent[0]} | **{both:.1f}** | **{both / base:.2f}** | {memory['edge']:.1f} | {agent[1]} |")
        for x in r:
            if x["errors"]:
                out(f"\n{chain.name}: errors: {x['errors']}\n")
