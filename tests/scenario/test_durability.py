"""What the API has acknowledged is there after kill -9; a full disk costs writes only, for as long as it is full."""
import os
import sqlite3
import subprocess
import threading
import time

import pytest

from harness import PLAIN, Api, Platform, eventually

KILLS = int(os.environ.get("DURABILITY_KILLS", "200"))
SECONDS = float(os.environ.get("DURABILITY_SECONDS", "40"))


def check_integrity(path):
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    database.close()


def test_acknowledged_writes_survive_kill(tmp_path, monkeypatch):
    """KILLS times, or as often as SECONDS allow (DURABILITY_KILLS, DURABILITY_SECONDS); of the plain program, which starts faster."""
    if (PLAIN / "mezusphere").exists():
        monkeypatch.setenv("MEZUSPHERE_BUILD", str(PLAIN))
    acknowledged, kills = {}, 0
    deadline = time.monotonic() + SECONDS
    token = None
    while kills < KILLS and time.monotonic() < deadline:
        platform = Platform(tmp_path, level="info")
        if token is None:
            token = platform.login().token
        api = Api(platform, token)
        organization = api.get("/v1/organizations")["items"][0]["id"]
        lost = [path for path in list(acknowledged)[-30:] if api.call("GET", path).status != 200]
        assert lost == []
        threads = [threading.Thread(target=write, args=(Api(platform, token), organization, f"{kills}-{i}", acknowledged)) for i in range(3)]
        for thread in threads:
            thread.start()
        count = len(acknowledged)
        eventually(lambda: len(acknowledged) >= count + 1 + kills % 7)
        platform.kill()
        platform.wait()
        for thread in threads:
            thread.join()
        kills += 1
    platform = Platform(tmp_path)
    api = Api(platform, token)
    lost = [path for path in acknowledged if api.call("GET", path).status != 200]
    assert lost == [], f"{len(lost)} of {len(acknowledged)} after {kills} kills"
    assert platform.stop() == 0
    check_integrity(tmp_path / "data" / "store.db")
    print(f"{len(acknowledged)} acknowledged writes, {kills} kills")
    assert kills >= min(KILLS, 5)


def write(api, organization, tag, acknowledged):
    number = 0
    while True:
        try:
            answer = api.call("POST", f"/v1/organizations/{organization}/projects", {"name": f"k{tag}-{number}"})
        except (OSError, ValueError):
            return
        except Exception:  # http.client's, of an answer that was cut
            return
        if answer.status == 201:
            acknowledged[f"/v1/projects/{answer.json['id']}"] = True
        number += 1


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    with open(folder / "filler", "ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def test_full_disk(small_disk, workload):
    platform = Platform(small_disk)
    project = platform.project("shop")
    project.route("/")
    warpgate = project.start_warpgate(workload.address)
    eventually(lambda: platform.visit(project.host).status == 200)
    path = f"/v1/organizations/{platform.organization()['id']}/projects"
    made, refused, number = [], [], 0
    try:
        while len(refused) < 20:
            fill(small_disk)
            answer = platform.api.call("POST", path, {"name": f"p{number}"})
            number += 1
            assert answer.status in (201, 507), answer.body
            if answer.status == 201:
                made.append(answer.json["id"])
                continue
            assert answer.json["code"] == "storage_full" and answer.header("retry-after")
            refused.append(answer)
            assert platform.visit(project.host).status == 200
            assert platform.api.call("GET", path).status == 200
        (small_disk / "filler").unlink()
        begun = time.monotonic()
        eventually(lambda: platform.api.call("POST", path, {"name": f"q{time.monotonic_ns()}"}).status == 201, timeout=10)
        assert time.monotonic() - begun < 10
        for project_id in made:
            assert platform.api.call("GET", f"/v1/projects/{project_id}").status == 200
        assert platform.visit(project.host).status == 200
    finally:
        warpgate.stop()
        status = platform.stop()
    assert status == 0, platform.output[-3000:]
    check_integrity(small_disk / "data" / "store.db")
