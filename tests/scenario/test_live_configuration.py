"""Changes take effect while requests run, at the edge and at the warpgate, and the API shows who has applied what."""
import re
import threading
import time

import harness
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


def test_options_are_in_force_within_half_a_second(tmp_path, workload, monkeypatch):
    """At the edge and at the warpgate, from the request to the API on; the programs as they are shipped."""
    monkeypatch.setattr(harness, "programs", lambda: harness.PLAIN)
    platform = harness.Platform(tmp_path)
    project = platform.project("swift")
    route = f"/v1/routes/{project.route('/')['id']}"
    environment = f"/v1/environments/{project.environment['id']}"
    warpgate = project.start_warpgate(workload.address)
    becomes(platform, project.host, "/", 200)
    took = []
    for path, change in ((route, {"timeouts": {"first_byte_ms": 30000}}), (route, {"sticky": True}), (route, {"timeouts": None}),
                         (environment, {"health_checks": [{"path": "/"}]}), (environment, {"health_checks": None})):
        begun = time.monotonic()
        project.api.patch(path, change)
        eventually(lambda: is_everywhere(environment_status(project)), what="in force everywhere")
        took.append(time.monotonic() - begun)
        assert status(platform, project.host, "/") == 200
    assert sorted(took)[len(took) // 2] < 0.5, took
    assert warpgate.stop() == 0
    assert platform.stop() == 0, platform.output[-3000:]


def is_everywhere(seen):
    applied = {edge["applied_revision"] for edge in seen["edges"]}
    return seen["warpgates"]["connected"] == 1 and seen["warpgates"]["behind"] == 0 and applied == {seen["bundle_revision"]}


def environment_status(project):
    return project.api.get(f"/v1/environments/{project.environment['id']}/status")


def test_the_status_follows_the_warpgate(platform, workload, started):
    project = platform.project("doing-well")
    project.route("/")
    assert environment_status(project)["status"] == "disconnected"
    warpgate = project.start_warpgate(workload.address)
    started.append(warpgate)
    becomes(platform, project.host, "/", 200)
    seen = eventually(lambda: next((s for s in [environment_status(project)] if s["status"] == "healthy"), None), what="healthy")
    assert seen["warpgates"]["connected"] == 1 and seen["warpgates"]["tunnels"] >= 1
    gate = eventually(lambda: next((g for g in project.warpgates() if g["tunnels"] >= 1), None), what="tunnels")
    assert gate["status"] == "connected"
    # However many workers of the edge have one, each is counted once.
    eventually(lambda: tunnels_counted(project) == tunnels_standing(platform, gate), what="all tunnels counted")
    project.api.patch(f"/v1/environments/{project.environment['id']}", {"enabled": False})
    assert environment_status(project)["status"] == "disabled"
    project.api.patch(f"/v1/environments/{project.environment['id']}", {"enabled": True})
    assert warpgate.stop() == 0
    eventually(lambda: environment_status(project)["status"] == "disconnected", what="disconnected")
    assert all(g["tunnels"] == 0 and g["upstreams"] == [] for g in project.warpgates())


def tunnels_counted(project):
    return environment_status(project)["warpgates"]["tunnels"], sum(g["tunnels"] for g in project.warpgates())


def tunnels_standing(platform, gate):
    count = len(re.findall(rf"edge\.tunnel_ready .*{gate['id']}", platform.output))
    return count, count


def test_a_checked_upstream_shows_its_state(platform, started):
    """Up, down and up again: the warpgate sees it by its checks, the API shows it."""
    healthy = threading.Event()
    healthy.set()

    def answer(request):
        return plain_response(b"", "200 OK" if healthy.is_set() else "500 Internal Server Error")

    with Workload(answer) as workload:
        project = platform.project("health")
        project.route("/")
        project.api.patch(f"/v1/environments/{project.environment['id']}", {"health_checks": [{"path": "/healthz", "interval_ms": 1000}]})
        started.append(project.start_warpgate(workload.address))
        becomes_state(project, "up", "healthy")
        healthy.clear()
        becomes_state(project, "down", "down")
        healthy.set()
        becomes_state(project, "up", "healthy")


def becomes_state(project, state, environment):
    def is_so():
        gates = [g for g in project.warpgates() if g["status"] == "connected"]
        seen = environment_status(project)
        upstreams = [{"name": "default", "state": state}]
        return [g["upstreams"] for g in gates] == [upstreams] and seen["upstreams"] == upstreams and seen["status"] == environment
    eventually(is_so, what=f"upstream {state}")


def test_a_deleted_project_is_gone(platform, workload, started):
    project = platform.project("gone-project")
    project.route("/")
    warpgate = project.start_warpgate(workload.address)
    started.append(warpgate)
    becomes(platform, project.host, "/", 200)
    project.api.delete(f"/v1/projects/{project.id}")
    becomes(platform, project.host, "/", 421)
    assert warpgate.wait() == 3


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
    eventually(lambda: second.login().get(f"/v1/environments/{project.environment['id']}/status")["status"] == "healthy", what="healthy again")
    assert warpgate.stop() == 0
    assert second.stop() == 0, second.output[-3000:]
    for program in (first, second, warpgate):
        assert "Sanitizer" not in program.output, program.output[-6000:]
