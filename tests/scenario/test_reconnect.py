"""Everything that can be killed is killed, and what is left goes on or comes back."""
import signal

from harness import DEADLINE, Platform, Visitor, Workload, eventually, free_port, plain_response


def becomes(platform, host, wanted):
    eventually(lambda: platform.visit(host).status == wanted, what=f"{host} -> {wanted}")


def test_a_killed_warpgate_comes_back(platform, workload, started):
    project = platform.project("killed")
    project.route("/")
    warpgate = project.start_warpgate(workload.address, "--name", "one")
    started.append(warpgate)
    assert platform.visit(project.host).status == 200
    mark = platform.mark()
    warpgate.kill()
    warpgate.wait()
    platform.wait_line(r"edge\.tunnel_closed", mark)
    assert platform.visit(project.host).json["code"] == "no_warpgate"
    eventually(lambda: [g["status"] for g in project.warpgates()] == ["disconnected"], what="disconnected")
    started.append(project.start_warpgate(workload.address, "--name", "one"))
    assert platform.visit(project.host).status == 200
    eventually(lambda: "connected" in [g["status"] for g in project.warpgates()], what="connected")


def test_a_request_under_way_when_the_warpgate_dies(platform, started):
    with Workload(lambda request: b"") as workload:  # takes the request and says nothing
        project = platform.project("midway")
        project.route("/")
        warpgate = project.start_warpgate(workload.address)
        started.append(warpgate)
        with Visitor(platform.port, project.host, platform.ca) as visitor:
            visitor.send(f"POST / HTTP/1.1\r\nHost: {visitor.authority}\r\nContent-Length: 2\r\n\r\nok".encode())
            workload.wait_requests(1)
            warpgate.kill()
            answer = visitor.read_response()
        assert answer.status in (502, 503)
        assert len(workload.requests) == 1, "a POST is never sent twice"


def test_a_second_warpgate_takes_over(platform, workload, started):
    project = platform.project("pair")
    project.route("/")
    first = project.start_warpgate(workload.address, "--name", "a")
    second = project.start_warpgate(workload.address, "--name", "b")
    started.extend([first, second])
    mark = platform.mark()
    first.kill()
    platform.wait_line(r"edge\.tunnel_closed", mark)
    for _ in range(20):
        assert platform.visit(project.host).status == 200


def test_a_killed_edge_comes_back(tmp_path, workload, started):
    first = Platform(tmp_path)
    project = first.project("edge-killed")
    project.route("/")
    warpgate = project.start_warpgate(workload.address)
    started.append(warpgate)
    becomes(first, project.host, 200)
    first.kill(signal.SIGKILL)
    first.wait()
    second = Platform(tmp_path, port=first.port)
    started.append(second)
    second.wait_line(r"edge\.tunnel_ready")
    becomes(second, project.host, 200)
    assert warpgate.process.poll() is None


def test_a_stopped_edge_is_noticed(tmp_path, workload, started):
    """SIGSTOP: the connection stands and nobody is behind it. The warpgate notices by itself."""
    platform = Platform(tmp_path)
    started.append(platform)
    project = platform.project("frozen")
    project.route("/")
    warpgate = project.start_warpgate(workload.address)
    started.append(warpgate)
    mark, edge_mark = warpgate.mark(), platform.mark()
    platform.kill(signal.SIGSTOP)
    try:
        warpgate.wait_line(r"silent|dead", mark, timeout=30)
    finally:
        platform.kill(signal.SIGCONT)
    platform.wait_line(r"edge\.tunnel_ready", edge_mark, timeout=40)
    becomes(platform, project.host, 200)


def test_a_warpgate_starts_before_its_workload_and_survives_its_restarts(platform, started):
    port = free_port()
    project = platform.project("workload")
    project.route("/")
    started.append(project.start_warpgate(f"127.0.0.1:{port}"))
    answer = platform.visit(project.host)
    assert (answer.status, answer.json["code"]) == (502, "upstream_refused")
    for word in (b"one", b"two"):
        with Workload(lambda request, word=word: plain_response(word), port=port) as workload:
            for _ in range(3):
                assert platform.visit(project.host).body == word
            assert len(workload.requests) == 3
        assert platform.visit(project.host).json["code"] in ("upstream_refused", "upstream_closed")


def test_a_workload_that_closes_kept_connections(platform, started):
    """A connection that was kept alive is closed just as it is used again: what may be repeated is, and the visitor sees nothing."""
    with Workload(lambda request: plain_response(b"x")) as workload:
        project = platform.project("stale")
        project.route("/")
        started.append(project.start_warpgate(workload.address))
        for _ in range(20):
            assert platform.visit(project.host).status == 200
            for connection in list(workload.sockets):
                connection.shutdown(2)


def test_warpgate_drains_on_sigterm(platform):
    import threading

    go_on = threading.Event()

    def slow(request):
        assert go_on.wait(DEADLINE)
        return plain_response(b"finished")

    with Workload(slow) as workload:
        project = platform.project("drain")
        project.route("/")
        warpgate = project.start_warpgate(workload.address)
        with Visitor(platform.port, project.host, platform.ca) as visitor:
            visitor.send(f"GET / HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
            workload.wait_requests(1)
            mark = platform.mark()
            warpgate.kill(signal.SIGTERM)
            platform.wait_line(r"edge\.tunnel_draining|goaway", mark)
            assert platform.visit(project.host).json["code"] == "no_warpgate", "nothing new goes there"
            go_on.set()
            assert visitor.read_response().body == b"finished"
        assert warpgate.wait() == 0
        assert "Sanitizer" not in warpgate.output


def test_platform_drains_on_sigterm(tmp_path, started):
    import threading

    go_on = threading.Event()

    def slow(request):
        assert go_on.wait(DEADLINE)
        return plain_response(b"finished")

    with Workload(slow) as workload:
        platform = Platform(tmp_path)
        project = platform.project("drain")
        project.route("/")
        started.append(project.start_warpgate(workload.address))
        with Visitor(platform.port, project.host, platform.ca) as visitor:
            visitor.send(f"GET / HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
            workload.wait_requests(1)
            mark = platform.mark()
            platform.kill(signal.SIGTERM)
            platform.wait_line(r"mezusphere\.stopping", mark)
            go_on.set()
            answer = visitor.read_response()
            assert answer.body == b"finished"
        assert platform.wait() == 0
        assert "Sanitizer" not in platform.output, platform.output[-5000:]
