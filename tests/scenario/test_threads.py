"""Where threads meet: a build with the thread sanitizer under a load of everything that crosses them.

MEZUSPHERE_BUILD_THREADS names that build (make tsan makes it, and runs this); without one these tests are skipped.
"""
import os
from pathlib import Path

import pytest

import harness
from harness import ROOT, Platform, Workload, eventually
from load import Http1, Http2, Load

THREADS = Path(os.environ.get("MEZUSPHERE_BUILD_THREADS", ROOT / "build-tsan"))


@pytest.fixture
def watched(monkeypatch):
    if not (THREADS / "mezusphere").exists():
        pytest.skip("there is no build with the thread sanitizer: make tsan")
    monkeypatch.setattr(harness, "programs", lambda: THREADS)


def check(program):
    assert "ThreadSanitizer" not in program.output, program.output[program.output.index("WARNING: ThreadSanitizer"):][:6000]


def test_everything_that_crosses_threads(watched, tmp_path, workload):
    environment = {"TSAN_OPTIONS": "halt_on_error=0:second_deadlock_stack=1"}
    platform = Platform(tmp_path, arguments=("--workers", "4"), env=environment)
    project = platform.project("threads")
    project.route("/")
    other = platform.project("other")
    other.route("/")
    warpgates = [project.start_warpgate(workload.address), project.start_warpgate(workload.address), other.start_warpgate(workload.address)]
    clients = [Http1(platform, project.host) for _ in range(2)] + [Http2(platform, project.host) for _ in range(2)]
    clients += [Http1(platform, project.host, is_new_each_time=True), Http1(platform, other.host, is_new_each_time=True)]
    with Load(clients) as load:
        for number in range(6):
            mark = platform.mark()
            project.route(f"/route-{number}")
            project.wait_in_force(mark)
            mark = platform.mark()
            third = platform.project(f"project-{number}")
            third.route("/")
            third.wait_in_force(mark)
            warpgates[number % 2].stop()
            warpgates[number % 2] = project.start_warpgate(workload.address)
            before = load.count
            eventually(lambda: load.count > before + 50, what="requests since")
        platform.api.delete(f"/v1/keys/{other.key_object['id']}")
        assert warpgates[2].wait() == 3
        load.is_over = True
    refused = [failure for failure in load.failures if "Http1" not in failure or "no_warpgate" not in failure]  # revoked
    assert not refused, "\n".join(refused[:10])
    successor = Platform(tmp_path, port=platform.port, arguments=("--workers", "4", "--replace"), env=environment)
    assert platform.wait(60) == 0, platform.output[-3000:]
    eventually(lambda: successor.visit(project.host).status == 200, what="served by the successor")
    for warpgate in warpgates[:2]:
        warpgate.stop()
        check(warpgate)
    assert successor.stop(60) == 0
    check(platform)
    check(successor)
