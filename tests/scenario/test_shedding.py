"""Too little of something: what is new gives way, what is idle goes, tunnels stay, and it is over when it is over."""
import resource
import ssl
import time

import pytest

from harness import DEADLINE, PLAIN, Platform, Visitor, Workload, eventually, plain_response


def begin(tmp_path, started, workload, *arguments):
    platform = Platform(tmp_path, arguments=arguments)
    started.append(platform)
    project = platform.project("shed")
    project.route("/")
    started.append(project.start_warpgate(workload.address))
    return platform, project


def open_visitor(platform, host):
    """A connection, or None where it was refused."""
    try:
        return Visitor(platform.port, host, platform.ca)
    except (OSError, ssl.SSLError):
        return None


def test_few_descriptors(tmp_path, started, workload):
    """Visitors who hold connections cannot take the last descriptors: the longest idle go, tunnels and the API stay."""
    platform, project = begin(tmp_path, started, workload, "--workers", "2")
    resource.prlimit(platform.process.pid, resource.RLIMIT_NOFILE, (256, 256))
    mark = platform.mark()
    crowd = []
    for _ in range(400):
        if (visitor := open_visitor(platform, project.host)) is not None:
            crowd.append(visitor)
    platform.wait_line(r"edge\.idle_shed", mark)
    assert platform.login().get("/v1/organizations")["items"], "the API answers"
    assert not any("edge.tunnel_closed" in line for line in platform.lines[mark:]), "tunnels stay"
    assert [g["status"] for g in project.warpgates()] == ["connected"]
    for visitor in crowd:
        visitor.close()
    begun = time.monotonic()
    eventually(lambda: (v := open_visitor(platform, project.host)) is not None and v.request().status == 200, timeout=10, what="recovered")
    assert time.monotonic() - begun < 10


def test_one_visitor_too_many(tmp_path, started, workload):
    platform, project = begin(tmp_path, started, workload, "--max-visitors", "3", "--workers", "2")
    busy = [Visitor(platform.port, project.host, platform.ca) for _ in range(3)]
    for visitor in busy:
        assert visitor.request().status == 200
    with Visitor(platform.port, project.host, platform.ca) as extra:
        answer = extra.request()
        assert (answer.status, answer.json["code"], answer.header("connection")) == (503, "overloaded", "close")
        assert answer.header("retry-after")
        assert extra.read_all() == b""
    for visitor in busy:
        assert visitor.request().status == 200, "who is there is served"
        visitor.close()
    eventually(lambda: platform.visit(project.host).status == 200, what="room again")


def test_an_idle_visitor_makes_room(tmp_path, started, workload):
    platform, project = begin(tmp_path, started, workload, "--max-visitors", "2", "--workers", "1")
    with Visitor(platform.port, project.host, platform.ca) as old, Visitor(platform.port, project.host, platform.ca) as other:
        assert old.request().status == other.request().status == 200
        old.socket.settimeout(0.05)

        def has_made_room():
            assert other.request().status == 200
            return platform.visit(project.host).status == 200

        eventually(has_made_room, what="a place")
        old.socket.settimeout(DEADLINE)
        assert old.read_all() == b"", "the longest idle one was closed"
        assert other.request().status == 200


@pytest.fixture
def plain(monkeypatch):
    """The plain build: a sanitizer needs more memory than all else."""
    if not (PLAIN / "mezusphere").exists():
        pytest.skip("no plain build")
    import harness
    monkeypatch.setattr(harness, "programs", lambda: PLAIN)


def test_little_memory(tmp_path, started, plain):
    """Answers that nobody reads fill the memory: new requests are refused, the answers are cut, tunnels stay, and 10 s later all is well."""
    size = 64 << 20
    body = bytes(1 << 20)

    def handler(request):
        if request.target == "/small":
            return plain_response(b"small")
        request.socket.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size >> 20):
            request.socket.sendall(body)
        return b""

    with Workload(handler) as workload:
        platform, project = begin(tmp_path, started, workload, "--memory-limit", "44", "--workers", "2")
        # the password's hash takes 64 MiB for a moment, and that moment may have been looked at
        eventually(lambda: platform.visit(project.host, path="/small").status == 200, what="room")
        mark = platform.mark()
        deaf = []
        deadline = time.monotonic() + 60
        while not any("edge.memory_scarce" in line for line in platform.lines[mark:]):
            assert time.monotonic() < deadline and len(deaf) < 600, "memory never became scarce"
            visitor = open_visitor(platform, project.host)
            if visitor is None:
                continue
            visitor.send(f"GET /large HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
            deaf.append(visitor)
        answer = platform.visit(project.host, path="/small")
        if answer.status != 200:  # it may have recovered meanwhile
            assert (answer.status, answer.json["code"]) == (503, "overloaded")
        assert not any("edge.tunnel_closed" in line for line in platform.lines[mark:]), "tunnels stay"
        for visitor in deaf:
            visitor.close()
        begun = time.monotonic()
        platform.wait_line(r"edge\.memory_recovered", mark, timeout=10)
        eventually(lambda: platform.visit(project.host, path="/small").status == 200, timeout=10, what="recovered")
        assert time.monotonic() - begun < 10
        assert not any("edge.tunnel_closed" in line for line in platform.lines[mark:]), "tunnels stayed"
