"""Two control planes on one database, two edges apart, two warpgates: either control plane may die or hang, and nobody notices."""
import shutil
import signal
import time

import pytest

from apart import Control, join
from harness import DOMAIN, Api, Warpgate, eventually, free_port
from load import Http1, Load
from postgres import Postgres

PUSH_SECONDS = 0.5


@pytest.fixture(scope="module")
def postgres():
    with Postgres(fsync=False) as server:
        yield server


@pytest.fixture
def two(request, postgres, tmp_path, workload, started):
    """(control planes, edges, project): each edge has heard both."""
    env = {"MEZUSPHERE_DATABASE": postgres.create(request.node.name)}
    ports = [free_port(), free_port()]
    options = [word for port in ports for word in ("--control-address", f"api.{DOMAIN}:{port}")]
    first = Control(tmp_path / "first", options, env=env, port=ports[0])
    started.append(first)
    (tmp_path / "second").mkdir()
    shutil.copy(tmp_path / "first" / "master.key", tmp_path / "second" / "master.key")
    second = Control(tmp_path / "second", options, env=env, port=ports[1])
    started.append(second)
    second.api = Api(second, first.login().token)
    edges = [join(first, tmp_path / f"edge-{number}") for number in range(2)]
    started.extend(edges)
    project = first.project("shop")
    project.route()
    for control in (first, second):
        marks = [edge.mark() for edge in edges]
        started.append(Warpgate(control, project.key, workload.address))
        for edge, mark in zip(edges, marks):
            edge.wait_line(r"edge\.tunnel_ready", mark)
    for edge in edges:
        for port in ports:
            edge.wait_line(rf"edge\.synced .*control=\S+:{port}")
    return (first, second), edges, project


def change(control, project, path, edges):
    """A change through this control plane; seconds from the API's answer until every edge has it."""
    marks = [edge.mark() for edge in edges]
    environment = project.environment["id"]
    control.api.post(f"/v1/environments/{environment}/routes", {"match": "prefix", "path": path})
    answered = time.monotonic()
    revision = control.api.get(f"/v1/environments/{environment}")["bundle_revision"]
    for edge, mark in zip(edges, marks):
        edge.wait_line(rf"edge\.environment_applied .*environment={environment} revision={revision}\b", mark)
    return time.monotonic() - answered


def test_a_change_through_either_reaches_every_edge(two):
    controls, edges, project = two
    for number in range(6):
        assert change(controls[number % 2], project, f"/either-{number}", edges) < PUSH_SECONDS


@pytest.mark.parametrize("dying", [0, 1])
def test_either_is_killed(two, tmp_path, dying, started):
    controls, edges, project = two
    dead, alive = controls[dying], controls[1 - dying]
    clients = [Http1(edge, project.host, is_new_each_time=is_new) for edge in edges for is_new in (False, True)]
    with Load(clients, pause=0.01) as load:
        dead.kill()
        dead.wait()
        assert change(alive, project, "/one-is-dead", edges) < PUSH_SECONDS
        before = load.count
        eventually(lambda: load.count > before + 50, what="requests since")
        marks = [edge.mark() for edge in edges]
        again = Control(dead.folder, dead.arguments[dead.arguments.index("--control-address"):], env=dead.env, port=dead.port)
        started.append(again)
        again.api = Api(again, alive.api.token)
        for edge, mark in zip(edges, marks):
            edge.wait_line(rf"edge\.synced .*control=\S+:{dead.port}", mark)
        assert change(again, project, "/back-again", edges) < PUSH_SECONDS
    load.check()


def test_one_that_was_cut_off_takes_no_edge_back(two):
    controls, edges, project = two
    frozen, alive = controls
    routes = f"/v1/environments/{project.environment['id']}/routes"
    marks = [edge.mark() for edge in edges]
    frozen.kill(signal.SIGSTOP)
    try:
        # caught in the middle of a write, it holds the others' up until the database ends its transaction
        eventually(lambda: alive.api.call("POST", routes, {"match": "prefix", "path": "/meanwhile"}).status == 201, timeout=60)
        for edge, mark in zip(edges, marks):
            edge.wait_line(rf"edge\.environment_applied .*environment={project.environment['id']} ", mark)
        revision = alive.api.get(f"/v1/environments/{project.environment['id']}")["bundle_revision"]
        marks = [edge.mark() for edge in edges]
    finally:
        frozen.kill(signal.SIGCONT)
    eventually(lambda: frozen.api.get(f"/v1/environments/{project.environment['id']}")["bundle_revision"] == revision)
    assert change(frozen, project, "/afterwards", edges) < 5
    for edge, mark in zip(edges, marks):
        assert edge.visit(project.host, path="/meanwhile/x").status == 200
        applied = [int(line.rsplit("revision=", 1)[1].split()[0]) for line in edge.lines[mark:] if "edge.environment_applied" in line]
        assert applied and min(applied) >= revision and applied == sorted(applied)
