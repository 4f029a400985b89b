"""Restricted networks: an HTTP proxy is the only way out; and lines that are slow, but not dead (slow_link.py)."""
import socket
import threading
import time

import pytest

from connect_proxy import ConnectProxy
from harness import DOMAIN, Program, Visitor, Workload, eventually, free_port, plain_response, programs
from slow_link import SlowLink

PASSWORD = "pa55-word"


@pytest.fixture
def opened():
    """What a test opens: closed after it."""
    things = []
    yield things
    for thing in things:
        thing.close()


def test_enrolment_and_tunnels_go_through_the_proxy(platform, workload, started, opened):
    proxy = ConnectProxy(user=f"me:{PASSWORD}")
    opened.append(proxy)
    project = platform.project("proxied")
    project.route("/")
    warpgate = project.start_warpgate(workload.address, "--proxy", f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}")
    started.append(warpgate)
    assert platform.visit(project.host).status == 200
    assert {host for host, _ in proxy.targets} == {f"api.{DOMAIN}", f"edge.{DOMAIN}"}
    assert PASSWORD not in warpgate.output
    with open(f"/proc/{warpgate.process.pid}/cmdline", "rb") as file:
        assert PASSWORD.encode() not in file.read()


def test_the_proxy_of_the_environment(platform, workload, started, opened):
    """HTTPS_PROXY is for what is far away: a platform on this very machine is reached without it."""
    proxy = ConnectProxy()
    opened.append(proxy)
    project = platform.project("ambient")
    project.route("/")
    env = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
    started.append(project.start_warpgate(workload.address, env=env))
    assert proxy.targets == []
    far = Program([programs() / "warpgate", "--control", "https://api.far.example"], env={"WARPGATE_TOKEN": project.key, **env})
    started.append(far)
    far.wait_line(r"enrolment_failed .*control=api\.far\.example:443")
    assert proxy.targets[0] == ("api.far.example", 443)


class Greeter:
    """Speaks first, and no TLS."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def _serve(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                connection.sendall(b"220 mail.example ESMTP\r\n")
        except OSError:
            pass

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def test_each_step_that_fails_is_named(platform, workload, started, opened):
    project = platform.project("steps")
    wants_user, refuses = ConnectProxy(user="me:x"), ConnectProxy(refuse="403 Forbidden")
    opened.extend([wants_user, refuses])
    with Greeter() as no_tls:
        cases = [
            ("resolve", "name_unresolved", ["--control", "https://nowhere.invalid"]),
            ("tcp", "tcp_connect", ["--control", f"https://127.0.0.1:{free_port()}"]),
            ("tls", "tls_handshake", ["--control", f"https://127.0.0.1:{no_tls.port}"]),
            ("tls", "tls_verify", ["--control", f"https://api.{DOMAIN}:{platform.port}"]),
            ("proxy", "proxy_auth", ["--proxy", f"http://me:{PASSWORD}@127.0.0.1:{wants_user.port}"]),
            ("proxy", "proxy_refused", ["--proxy", f"http://127.0.0.1:{refuses.port}"]),
            ("proxy", "proxy_malformed", ["--proxy", f"http://127.0.0.1:{no_tls.port}"]),
            ("proxy", "proxy_closed", ["--proxy", f"http://127.0.0.1:{platform.port}"]),
            ("tcp", "tcp_connect", ["--proxy", f"http://127.0.0.1:{free_port()}"]),
        ]
        for step, reason, arguments in cases:
            warpgate = Program([programs() / "warpgate", *arguments], env={"WARPGATE_TOKEN": project.key})
            started.append(warpgate)
            line = warpgate.wait_line(rf"warpgate\.enrolment_failed .*reason={reason} step={step} detail=.*").group(0)
            assert PASSWORD not in line


def test_trouble_that_lasts_is_said_once(platform, started, opened):
    refuses = ConnectProxy(refuse="403 Forbidden")
    opened.append(refuses)
    warpgate = Program([programs() / "warpgate", "--proxy", f"http://127.0.0.1:{refuses.port}"],
                       env={"WARPGATE_TOKEN": platform.project("lasting").key})
    started.append(warpgate)
    eventually(lambda: refuses.attempt_count >= 4, what="a fourth try, for which three have failed")
    assert sum("enrolment_failed" in line for line in warpgate.lines) == 1, warpgate.output


def test_a_wrong_proxy_is_a_usage_error(platform):
    warpgate = Program([programs() / "warpgate", "--proxy", f"socks5://me:{PASSWORD}@proxy"], env={"WARPGATE_TOKEN": "x"})
    assert warpgate.wait() == 2
    assert "--proxy" in warpgate.output and PASSWORD not in warpgate.output


# Slow, not dead

SECONDS = 20


class Slow:
    """A warpgate whose only way to the platform is 1 Mbit/s with 200 ms there and back."""

    def __init__(self, name, platform, opened, started, handler):
        self.platform = platform
        self.proxy = ConnectProxy()
        self.link = SlowLink(self.proxy.port, 1_000_000, 0.1)
        self.workload = Workload(handler)
        opened.extend([self.link, self.proxy, self.workload])
        self.project = platform.project(name)
        self.project.route("/")
        self.mark = platform.mark()
        self.warpgate = self.project.start_warpgate(self.workload.address, "--proxy", f"http://127.0.0.1:{self.link.port}")
        started.append(self.warpgate)

    def small_requests(self, seconds):
        """How long each took."""
        ends, took = time.monotonic() + seconds, []
        with Visitor(self.platform.port, self.project.host, self.platform.ca) as visitor:
            while time.monotonic() < ends:
                began = time.monotonic()
                assert visitor.request("GET", "/small").body == b"small"
                took.append(time.monotonic() - began)
        return took

    def flaps(self):
        return [line for line in self.platform.lines[self.mark:] if "tunnel_closed" in line or "tunnel_silent" in line]


def answer(request):
    if request.target == "/big":
        request.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            request.socket.sendall(b"x" * 65536)
    return plain_response(b"small")


def transfer(slow, upload):
    """A big body one way, without end."""
    visitor = Visitor(slow.platform.port, slow.project.host, slow.platform.ca)
    if upload:
        visitor.send(f"POST /up HTTP/1.1\r\nHost: {visitor.authority}\r\nContent-Length: 1000000000\r\n\r\n".encode())

    def go_on():
        try:
            while upload:
                visitor.send(b"x" * 65536)
            while visitor.socket.recv(65536):
                pass
        except OSError:
            pass

    if not upload:
        visitor.send(f"GET /big HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
    threading.Thread(target=go_on, daemon=True).start()
    return visitor


@pytest.mark.parametrize("upload", [False, True], ids=["download", "upload"])
def test_a_slow_line_is_not_dead_and_small_requests_go_on(platform, started, opened, upload):
    slow = Slow("slow-up" if upload else "slow-down", platform, opened, started, answer)
    visitor = transfer(slow, upload)
    try:
        took = slow.small_requests(SECONDS)
    finally:
        print("\n".join(slow.platform.lines[slow.mark:] + slow.warpgate.lines), slow.link.connections)
    visitor.socket.close()
    assert slow.flaps() == []
    took.sort()
    print(f"small requests beside a {'upload' if upload else 'download'}: {len(took)}, median {took[len(took) // 2]:.2f} s, worst {took[-1]:.2f} s")
    assert len(took) >= 5 and took[-1] < 5


def test_a_line_that_stalls_for_a_second_is_not_dead(platform, started, opened):
    slow = Slow("stalls", platform, opened, started, answer)
    for _ in range(3):
        slow.link.stall(1.0)
        slow.small_requests(1.5)
    assert slow.flaps() == []
