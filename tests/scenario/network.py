"""network.py: networks of a test's own, in network namespaces: an edge's, a warpgate's, and a router between them that can lose everything.

    edge 10.77.1.2 ── 10.77.1.1 router 10.77.2.1 ── 10.77.2.2 warpgate

Needs root (in a container: CAP_NET_ADMIN and CAP_SYS_ADMIN); `unshare -Urnm` before pytest is enough, too. What is made is removed, and named
after the test's process, so that runs side by side do not meet. Nothing of the host's own network is touched.

    with network.inside("warpgate"):   # what is started or connected in here, is there
        Warpgate(...)
"""
import contextlib
import ctypes
import itertools
import os
import shutil
import subprocess
from pathlib import Path

CLONE_NEWNET = 0x40000000
EDGE, WARPGATE = "10.77.1.2", "10.77.2.2"
numbers = itertools.count(1)
libc = ctypes.CDLL(None, use_errno=True)


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=20)
    if done.returncode != 0:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")


def why_not():
    """Why there can be no namespaces here, or None."""
    name = f"mezprobe{os.getpid()}"
    try:
        run("ip", "netns", "add", name)
        run("ip", "netns", "del", name)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"network namespaces cannot be made here ({error}); run as root, or under unshare -Urnm"
    return None


class Network:
    def __init__(self):
        tag = f"m{os.getpid()}n{next(numbers)}"
        self.names = {place: f"{tag}{place}" for place in ("edge", "router", "warpgate")}
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def ip(self, place, *words):
        run("ip", "-n", self.names[place], *words)

    def _make(self):
        for name in self.names.values():
            run("ip", "netns", "add", name)
        for place in self.names:
            self.ip(place, "link", "set", "lo", "up")
        self._link("edge", "10.77.1")
        self.plug_in()
        self.heal()

    def _link(self, place, net):
        run("ip", "link", "add", "up0", "netns", self.names[place], "type", "veth", "peer", "name", f"to{place}", "netns", self.names["router"])
        self.ip("router", "addr", "add", f"{net}.1/24", "dev", f"to{place}")
        self.ip("router", "link", "set", f"to{place}", "up")
        self.ip(place, "link", "set", "up0", "up")
        self.set_address(place, f"{net}.2")

    def set_address(self, place, address):
        """This one alone, and the way out by it: what was bound to another loses it."""
        self.ip(place, "addr", "flush", "dev", "up0")
        self.ip(place, "addr", "add", f"{address}/24", "dev", "up0")
        self.ip(place, "route", "replace", "default", "via", address.rsplit(".", 1)[0] + ".1")

    def _set_forwarding(self, value):
        with self.inside("router"):
            Path("/proc/sys/net/ipv4/ip_forward").write_text(value)

    def cut(self):
        """A black hole: both ends keep their links and hear nothing, not even a refusal."""
        self.ip("router", "route", "add", "blackhole", "10.77.1.0/25")
        self.ip("router", "route", "add", "blackhole", "10.77.2.0/25")

    def heal(self):
        with contextlib.suppress(OSError):
            self.ip("router", "route", "del", "blackhole", "10.77.1.0/25")
            self.ip("router", "route", "del", "blackhole", "10.77.2.0/25")
        self._set_forwarding("1")

    def unplug(self):
        """The warpgate's cable is out: its own system knows."""
        self.ip("warpgate", "link", "del", "up0")

    def plug_in(self):
        self._link("warpgate", "10.77.2")

    def set_hosts(self, place, names):
        """/etc/hosts of what `enter` starts there: name to address. It may be changed while programs run."""
        folder = Path("/etc/netns") / self.names[place]
        folder.mkdir(parents=True, exist_ok=True)
        text = "127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in names.items())
        with open(folder / "hosts", "r+" if (folder / "hosts").exists() else "w") as file:
            file.write(text)
            file.truncate()

    def set_resolver(self, place, address):
        folder = Path("/etc/netns") / self.names[place]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolv.conf").write_text(f"nameserver {address}\n")

    def enter(self, place):
        """In front of a command line: runs it there, with that place's /etc/hosts."""
        return ["ip", "netns", "exec", self.names[place]]

    @contextlib.contextmanager
    def inside(self, place):
        """This thread is there, and with it the programs that it starts and the sockets that it makes."""
        with open("/proc/thread-self/ns/net") as here, open(f"/run/netns/{self.names[place]}") as there:
            self._set(there)
            try:
                yield
            finally:
                self._set(here)

    @staticmethod
    def _set(file):
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def close(self):
        for name in self.names.values():
            with contextlib.suppress(OSError):
                run("ip", "netns", "del", name)
            shutil.rmtree(Path("/etc/netns") / name, ignore_errors=True)
