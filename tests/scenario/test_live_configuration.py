"""Changes take effect while requests run, at the edge and at the warpgate, and the API shows who has applied what."""
import threading

from harness import DEADLINE, Visitor, Workload, eventually, plain_response


def status(platform, host, path):
    return platform.visit(host, path=path).status


def becomes(platform, host, path, wanted):
    eventually(lambda: status(platform, host, path) == wanted, what=f"{path} -> {wanted}")


def test_routes_come_change_and_go(platform, workload, started):
    project = platform.project("live")
    started.append(project.start_warpgate(workload.address))
    assert status(platform, project.host, "/one") == 404
    route = project.route("/one", "exact")
    becomes(platform, project.host, "/one", 200)
    project.api.patch(f"/v1/routes/{route['id']}", {"path": "/two"})
    becomes(platform, project.host, "/two", 200)
    assert status(platform, project.host, "/one") == 404
    project.api.patch(f"/v1/routes/{route['id']}", {"match": "prefix"})
    becomes(platform, project.host, "/two/three", 200)
    project.api.delete(f"/v1/routes/{route['id']}")
    becomes(platform, project.host, "/two", 404)


def test_the_api_shows_the_applied_revision(platform, workload, started):
    project = platform.project("revision")
    started.append(project.start_warpgate(workload.address))
    seen = []
    for path in ("/a", "/b", "/c"):
        project.route(path)
        becomes(platform, project.host, path, 200)
        environment = project.api.get(f"/v1/environments/{project.environment['id']}")
        gate = eventually(lambda: next((g for g in project.warpgates() if g["applied_revision"] == environment["bundle_revision"]), None),
                          what="applied revision")
        assert gate["status"] == "connected"
        seen.append(gate["applied_revision"])
    assert seen == sorted(set(seen)), "revisions only grow"


def test_an_environment_switched_off_and_on(platform, workload, started):
    project = platform.project("switch")
    project.route("/")
    started.append(project.start_warpgate(workload.address))
    becomes(platform, project.host, "/", 200)
    project.api.patch(f"/v1/environments/{project.environment['id']}", {"enabled": False})
    becomes(platform, project.host, "/", 503)
    answer = platform.visit(project.host)
    assert answer.json["code"] == "environment_disabled"
    received = len(workload.requests)
    assert status(platform, project.host, "/again") == 503
    assert len(workload.requests) == received
    project.api.patch(f"/v1/environments/{project.environment['id']}", {"enabled": True})
    becomes(platform, project.host, "/", 200)


def test_changes_drop_no_unrelated_request(platform, started):
    """A download runs while routes of its environment and of another one come and go."""
    go_on = threading.Event()

    def slow(request):
        if request.target != "/slow":
            return plain_response(b"quick")
        request.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"a" * 100000)
        assert go_on.wait(DEADLINE)
        return b"b" * 100000

    with Workload(slow) as workload:
        project, other = platform.project("steady"), platform.project("changing")
        project.route("/")
        started.append(project.start_warpgate(workload.address))
        becomes(platform, project.host, "/", 200)
        with Visitor(platform.port, project.host, platform.ca) as visitor:
            visitor.send(f"GET /slow HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
            workload.wait_requests(2)
            for i in range(10):
                made = project.route(f"/extra{i}", "exact")
                other.route(f"/x{i}")
                becomes(platform, project.host, f"/extra{i}", 200)
                project.api.delete(f"/v1/routes/{made['id']}")
            go_on.set()
            answer = visitor.read_response()
        assert answer.body == b"a" * 100000 + b"b" * 100000


def test_a_deleted_environment_is_gone(platform, workload, started):
    project = platform.project("gone")
    staging = project.api.post(f"/v1/projects/{project.id}/environments", {"name": "staging"})
    project.route("/", environment=staging)
    started.append(project.start_warpgate(workload.address, environment=staging))
    becomes(platform, staging["hostname"], "/", 200)
    project.api.delete(f"/v1/environments/{staging['id']}")
    becomes(platform, staging["hostname"], "/", 421)


def test_a_restart_finds_everything_as_it_was(tmp_path, workload):
    from harness import Platform

    first = Platform(tmp_path)
    project = first.project("kept")
    project.route("/")
    warpgate = project.start_warpgate(workload.address)
    becomes(first, project.host, "/", 200)
    ca = first.ca.read_bytes()
    environment = project.api.get(f"/v1/environments/{project.environment['id']}")
    assert first.stop() == 0, first.output[-3000:]
    second = Platform(tmp_path, port=first.port)
    warpgate.wait_line("connect", after=0)
    second.wait_line(r"edge\.tunnel_ready")
    becomes(second, project.host, "/", 200)
    assert second.ca.read_bytes() == ca
    assert second.login().get(f"/v1/environments/{project.environment['id']}") == environment
    assert warpgate.stop() == 0
    assert second.stop() == 0, second.output[-3000:]
    for program in (first, second, warpgate):
        assert "Sanitizer" not in program.output, program.output[-6000:]
