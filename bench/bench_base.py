"""What every part of the bench needs: isolation, processes, their CPU clocks and memory, the upstream that counts."""
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOST = "bench.mezusphere.localhost"
UPSTREAM, STATUS, SINK = 18080, 18081, 18082


def isolate():
    """A network namespace of our own: nothing else on its loopback, and a congestion control that does not pace."""
    if os.geteuid() != 0 or os.environ.get("BENCH_ISOLATED"):
        return
    os.environ["BENCH_ISOLATED"] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv])


def prepare_namespace(folder):
    if not os.environ.get("BENCH_ISOLATED"):
        print("not root: without a network namespace of its own (bulk figures depend on the system's congestion control)")
        return
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    try:
        Path("/proc/sys/net/ipv4/tcp_congestion_control").write_text("reno")
    except OSError as error:
        print("congestion control is the system's:", error)
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {HOST} api.mezusphere.localhost edge.mezusphere.localhost\n")
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)


def cpu_ns(pid):
    """The process's CPU clock: user and system, nanoseconds."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def children(pid):
    found = [pid]
    for task in Path("/proc").iterdir():
        if task.name.isdigit():
            try:
                parent = int((task / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if parent == pid:
                found.append(int(task.name))
    return found


def rss_kib(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1])
    return 0


def anonymous_kib(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1])
    return 0


def wait_port(port, deadline=20):
    import socket
    end = time.monotonic() + deadline
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def served():
    """Requests that the upstream has answered, by its own count."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{STATUS}/status", timeout=5).read().decode()
    return int(re.search(r"^ \d+ \d+ (\d+)", text, re.M).group(1))


class Chain:
    """One way from a TLS visitor to the upstream; `hops` names its processes in order."""

    def __init__(self, name, port, hops):
        self.name, self.port, self.hops = name, port, hops

    def cpu(self):
        return {hop: sum(cpu_ns(p) for p in pids) for hop, pids in self.hops.items()}

    def memory(self):
        return {hop: sum(rss_kib(p) for p in pids) for hop, pids in self.hops.items()}
