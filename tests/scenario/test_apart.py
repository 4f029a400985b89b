"""Control plane and edges as programs apart: joining, serving from disk, outages, revocation."""
import signal
import time
from pathlib import Path

import pytest

from apart import Control, Edge, join
from harness import DOMAIN, Warpgate, eventually
from test_durability import fill, small_disk  # noqa: F401: a fixture


@pytest.fixture
def control(tmp_path, started):
    running = Control(tmp_path / "control")
    started.append(running)
    return running


def serve(control, edges, workload, started, name="shop"):
    """A project with a route, and a warpgate with tunnels to every edge."""
    project = control.project(name)
    project.route()
    marks = [edge.mark() for edge in edges]
    started.append(Warpgate(control, project.key, workload.address))
    for edge, mark in zip(edges, marks):
        edge.wait_line(r"edge\.tunnel_ready", mark)
    return project


def test_a_request_through_two_edges(control, tmp_path, workload, started):
    edges = [join(control, tmp_path / f"edge-{i}") for i in range(2)]
    started.extend(edges)
    project = serve(control, edges, workload, started)
    for edge in edges:
        assert edge.visit(project.host).status == 200
    listed = {item["id"]: item for item in control.edges()}
    assert set(listed) == {edge.id for edge in edges}
    for edge in edges:
        assert listed[edge.id]["status"] == "connected"
        assert listed[edge.id]["address"] == f"edge.{DOMAIN}:{edge.port}"
        assert listed[edge.id]["environments_behind"] == 0
    eventually(lambda: all(item["load"] and item["load"]["tunnels"] > 0 for item in control.edges()))


def test_a_token_is_good_for_one_edge_and_leaves_no_trace(control, tmp_path, started):
    token = control.join_token(name="frankfurt")
    edge = Edge(tmp_path / "one", control.ca, token)
    started.append(edge)
    assert token not in edge.output
    assert token.encode() not in open(f"/proc/{edge.process.pid}/environ", "rb").read()
    assert control.edges()[0]["name"] == "frankfurt"
    second = Edge(tmp_path / "two", control.ca, token, wait=False)
    started.append(second)
    assert second.wait() == 3
    second.wait_line(r"edge\.join_refused code=join_token_used")
    third = Edge(tmp_path / "three", control.ca, token[:-3], wait=False)
    started.append(third)
    assert third.wait() == 1
    third.wait_line(r"copy it again")
    fourth = Edge(tmp_path / "four", control.ca, wait=False)
    started.append(fourth)
    assert fourth.wait() == 1
    fourth.wait_line(r"--join")


def test_another_control_plane_gets_nothing(control, tmp_path, started):
    """A token names the root that it is for: a stranger at the same address is told nothing."""
    stranger = Control(tmp_path / "stranger")
    started.append(stranger)
    edge = Edge(tmp_path / "edge", control.ca, control.join_token(), arguments=["--control", f"127.0.0.1:{stranger.port}"], wait=False)
    started.append(edge)
    edge.wait_line(r"edge\.join_failed .*code=tls_verify")
    assert "edge_enrolment" not in stranger.output and stranger.edges() == []


def first_good(edge, host, since):
    """Seconds until it answers well."""
    while True:
        try:
            if edge.visit(host).status == 200:
                return time.monotonic() - since
        except OSError:
            pass
        assert time.monotonic() - since < 20, edge.output[-4000:]


def test_a_cold_start_without_the_control_plane(control, tmp_path, workload, started):
    edge = join(control, tmp_path / "edge")
    started.append(edge)
    project = serve(control, [edge], workload, started)
    revision = control.api.get(f"/v1/environments/{project.environment['id']}")["bundle_revision"]
    edge.wait_line(rf"edge\.environment_applied .*revision={revision}")
    eventually(lambda: (tmp_path / "edge" / f"{project.environment['id']}.sealed").exists())
    control.kill()
    control.wait()
    assert edge.visit(project.host).status == 200
    edge.kill()
    edge.wait()
    since = time.monotonic()
    again = Edge(tmp_path / "edge", control.ca, port=edge.port, wait=False)
    started.append(again)
    assert first_good(again, project.host, since) < 2
    again.wait_line(rf"edge\.environment_applied .*revision={revision}")
    again.wait_line(r"edge\.state_loaded files=\d+ refused=0")
    for path in filter(Path.is_file, (tmp_path / "edge").iterdir()):
        assert project.host.encode() not in path.read_bytes(), path
        assert path.stat().st_mode & 0o077 == 0, path


def test_files_that_do_not_open_are_left_out(control, tmp_path, workload, started):
    edge = join(control, tmp_path / "edge")
    started.append(edge)
    shop = serve(control, [edge], workload, started)
    other = serve(control, [edge], workload, started, "other")
    names = [tmp_path / "edge" / f"{project.environment['id']}.sealed" for project in (shop, other)]
    eventually(lambda: all(name.exists() for name in names))
    control.kill()
    edge.kill()
    control.wait()
    edge.wait()
    data = bytearray(names[1].read_bytes())
    data[-1] ^= 1
    names[1].write_bytes(data)
    (tmp_path / "edge" / "keys.sealed.new").write_bytes(b"left over")
    again = Edge(tmp_path / "edge", control.ca, port=edge.port)
    started.append(again)
    again.wait_line(rf"edge\.state_refused file={other.environment['id']}\.sealed code=state_foreign")
    first_good(again, shop.host, time.monotonic())


def test_an_outage_of_the_control_plane_is_not_felt(control, tmp_path, workload, started):
    edge = join(control, tmp_path / "edge")
    started.append(edge)
    project = serve(control, [edge], workload, started)
    control.kill(signal.SIGSTOP)
    late = Warpgate(edge, project.key, workload.address, control=f"https://api.{DOMAIN}:{control.port}", ca=control.ca)
    started.append(late)
    until = time.monotonic() + 3
    while time.monotonic() < until:
        assert edge.visit(project.host).status == 200
    mark = edge.mark()
    control.kill(signal.SIGCONT)
    edge.wait_line(r"edge\.tunnel_ready", mark)  # who came meanwhile is served within moments
    assert edge.visit(project.host).status == 200
    # and gone altogether
    control.kill()
    control.wait()
    edge.wait_line(r"edge\.feed_down")
    assert edge.visit(project.host).status == 200


def test_revoking_a_key_ends_tunnels_at_every_edge(control, tmp_path, workload, started):
    edges = [join(control, tmp_path / f"edge-{i}") for i in range(2)]
    started.extend(edges)
    project = serve(control, edges, workload, started)
    marks = [edge.mark() for edge in edges]
    tag = control.api.call("GET", f"/v1/keys/{project.key_object['id']}").header("etag")
    answered = revoke(control, f"/v1/keys/{project.key_object['id']}", tag)
    expect_ended(edges, marks, answered)


def revoke(control, path, tag, method="DELETE", body=None):
    """When the API had answered."""
    control.api.ok(method, path, body, headers=[("If-Match", tag)] if tag else [])
    return time.monotonic()


def expect_ended(edges, marks, answered):
    for edge, mark in zip(edges, marks):
        edge.wait_line(r"edge\.tunnel_closed", mark)
    assert time.monotonic() - answered < 1


def test_disabling_a_service_account_ends_tunnels_at_every_edge(control, tmp_path, workload, started):
    edges = [join(control, tmp_path / f"edge-{i}") for i in range(2)]
    started.extend(edges)
    project = serve(control, edges, workload, started)
    marks = [edge.mark() for edge in edges]
    path = f"/v1/service-accounts/{project.account}"
    answered = revoke(control, path, control.api.call("GET", path).header("etag"), "PATCH", {"enabled": False})
    expect_ended(edges, marks, answered)


def test_a_full_disk_at_an_edge_costs_nobody_anything(control, small_disk, workload, started):
    edge = join(control, small_disk / "edge")
    started.append(edge)
    project = serve(control, [edge], workload, started)
    eventually(lambda: (small_disk / "edge" / f"{project.environment['id']}.sealed").exists())
    mark = edge.mark()
    fill(small_disk)
    for number in range(3):
        applied = edge.mark()
        project.route(f"/full-{number}")
        edge.wait_line(r"edge\.environment_applied", applied)
        fill(small_disk)
        assert edge.visit(project.host).status == 200
    edge.wait_line(r"edge\.state_not_kept .*code=storage_full", mark)
    until = time.monotonic() + 5  # two more tries
    while time.monotonic() < until:
        assert edge.visit(project.host).status == 200
    assert sum("edge.state_not_kept" in line for line in edge.lines[mark:]) == 1
    kept = small_disk / "edge" / f"{project.environment['id']}.sealed"
    before = kept.stat().st_mtime_ns
    (small_disk / "filler").unlink()
    revision = control.api.get(f"/v1/environments/{project.environment['id']}")["bundle_revision"]
    eventually(lambda: kept.stat().st_mtime_ns != before, what="the file, written anew")
    control.kill()
    edge.kill()
    control.wait()
    edge.wait()
    again = Edge(small_disk / "edge", control.ca, port=edge.port)
    started.append(again)
    again.wait_line(rf"edge\.environment_applied .*revision={revision}")
    first_good(again, project.host, time.monotonic())


def test_a_deleted_edge_is_left(control, tmp_path, workload, started):
    edges = [join(control, tmp_path / f"edge-{i}") for i in range(2)]
    started.extend(edges)
    project = serve(control, edges, workload, started)
    gone, stays = edges
    warpgate = next(p for p in started if isinstance(p, Warpgate))
    mark = control.mark()
    since = time.monotonic()
    control.api.delete(f"/v1/edges/{gone.id}")
    gone.wait_line(r"edge\.feed_down")
    control.wait_line(r"control\.edge_left .*reason=revoked", mark)
    assert time.monotonic() - since < 1.5
    gone.wait_line(r"edge\.tunnel_closed")
    assert [item["id"] for item in control.edges()] == [stays.id]
    control.wait_line(r"control\.feed_refused .*code=edge_revoked", mark)
    assert stays.visit(project.host).status == 200
    # one that joins now is found without another enrolment
    third = join(control, tmp_path / "edge-3")
    started.append(third)
    third.wait_line(r"edge\.tunnel_ready")
    assert third.visit(project.host).status == 200
    assert warpgate.output.count("warpgate.enrolled") == 1


def test_a_copied_data_folder_does_not_flap(control, tmp_path, started):
    import shutil
    edge = join(control, tmp_path / "edge")
    started.append(edge)
    eventually(lambda: (tmp_path / "edge" / "keys.sealed").exists())
    shutil.copytree(tmp_path / "edge", tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
    mark = control.mark()
    copy = Edge(tmp_path / "copy", control.ca)
    started.append(copy)
    copy.wait_line(r"edge\.synced")
    edge.wait_line(r"edge\.feed_down .*code=edge_doubled")
    control.wait_line(r"code=edge_doubled", mark)
    assert sum("control.edge_joined" in line for line in control.lines[mark:]) == 1
