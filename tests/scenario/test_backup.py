"""Backup and restore while running, into an empty place and over what is there; migrate."""
import os
import shutil
import sqlite3
import subprocess

from harness import Platform, eventually, programs


def run(*arguments, env=None):
    return subprocess.run([programs() / "mezusphere", *map(str, arguments)], env={"PATH": os.environ["PATH"], **(env or {})},
                          capture_output=True, timeout=120, check=False)


def refused(done, status, *words):
    text = done.stderr.decode()
    assert done.returncode == status, text
    assert len(text.strip().splitlines()) == 1, text
    for word in words:
        assert word in text, text


def names(platform):
    platform.api = None  # a restore ends sessions
    projects = platform.login().get(f"/v1/organizations/{platform.organization()['id']}/projects")["items"]
    return sorted(project["name"] for project in projects)


def test_back_to_what_it_was(tmp_path, started, workload):
    """Replaced under a running platform: visitors, warpgates and the API go on, with what the backup says."""
    platform = Platform(tmp_path)
    started.append(platform)
    project = platform.project("kept")
    project.route("/")
    warpgate = project.start_warpgate(workload.address)
    started.append(warpgate)
    eventually(lambda: platform.visit(project.host).status == 200)
    file = tmp_path / "backup"
    done = run("backup", "--data", tmp_path / "data", "--output", file)
    assert done.returncode == 0, done.stderr
    assert b"rows of" in done.stdout and file.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "backup.partial").exists()
    for text in (b"kept", project.host.encode(), b"admin@", project.key.encode()):
        assert text not in file.read_bytes()

    before = platform.api.get(f"/v1/environments/{project.environment['id']}")["bundle_revision"]
    project.route("/later")
    later = platform.project("later")
    eventually(lambda: platform.visit(later.host).status == 404)
    old = platform.api
    mark = platform.mark()
    refused(run("restore", "--data", tmp_path / "data", "--input", file), 1, "data_exists", "--force")
    assert names(platform) == ["kept", "later"]
    done = run("restore", "--data", tmp_path / "data", "--input", file, "--force")
    assert done.returncode == 0, done.stderr
    assert b"running process" in done.stdout
    platform.wait_line(r"control\.restored", mark)
    assert old.call("GET", "/v1/organizations").status == 401, "sessions have ended"
    assert names(platform) == ["kept"]
    after = platform.api.get(f"/v1/environments/{project.environment['id']}")["bundle_revision"]
    assert after > before + 1
    platform.wait_line(rf"control\.bundle_applied .*environment={project.environment['id']} revision={after}$", mark)
    assert platform.visit(project.host).status == 200
    assert len(platform.api.get(f"/v1/environments/{project.environment['id']}/routes")["items"]) == 1
    eventually(lambda: platform.visit(later.host).status == 421, what="the other environment is gone")
    project.api = platform.api
    project.route("/again")
    platform.project("again")
    assert "bundle_refused" not in platform.output
    assert platform.stop() == 0


def test_into_another_place(tmp_path, started):
    """Moves an installation; without its master key it does not open."""
    platform = Platform(tmp_path / "one")
    started.append(platform)
    platform.project("moved")
    done = run("backup", "--data", tmp_path / "one" / "data", "--output", "-")
    assert done.returncode == 0
    file = tmp_path / "backup"
    file.write_bytes(done.stdout)
    two = tmp_path / "two" / "data"
    refused(run("restore", "--data", two, "--input", file), 1, "master_key_missing")
    shutil.copy(tmp_path / "one" / "data" / "master.key", two / "master.key")
    for cut in (20, 300, len(done.stdout) - 1):
        file.write_bytes(done.stdout[:cut])
        refused(run("restore", "--data", two, "--input", file), 1, "backup_damaged")
    changed = bytearray(done.stdout)
    changed[len(changed) // 2] ^= 1
    file.write_bytes(changed)
    refused(run("restore", "--data", two, "--input", file), 1, "backup_damaged")
    file.write_bytes(b"PK\3\4 something else")
    refused(run("restore", "--data", two, "--input", file), 1, "backup_not_ours")
    file.write_bytes(done.stdout)
    assert run("restore", "--data", two, "--input", file).returncode == 0
    moved = Platform(tmp_path / "two")
    started.append(moved)
    assert names(moved) == ["moved"]


def test_over_another_installation(tmp_path, started):
    """Its CA and its keys are others: a successor takes over with them."""
    one = Platform(tmp_path / "one")
    one.project("first")
    file = tmp_path / "backup"
    assert run("backup", "--data", tmp_path / "one" / "data", "--output", file).returncode == 0
    assert one.stop() == 0
    other = Platform(tmp_path / "two")
    started.append(other)
    other.project("second")
    refused(run("restore", "--data", tmp_path / "two" / "data", "--input", file, "--force"), 1, "master_key_wrong", "--master-key-file")
    assert names(other) == ["second"]
    key = (tmp_path / "one" / "data" / "master.key").read_text()
    (tmp_path / "two" / "data" / "master.key").write_text(key)
    mark = other.mark()
    assert run("restore", "--data", tmp_path / "two" / "data", "--input", file, "--force").returncode == 0
    other.wait_line(r"edge\.synced", mark)
    assert other.wait() == 0
    successor = int((tmp_path / "two" / "data" / "mezusphere.lock").read_text().split("pid=")[1])
    try:
        assert names(other) == ["first"]
        assert other.ca.read_text() == one.ca.read_text()
    finally:
        os.kill(successor, 15)


def test_usage(tmp_path):
    refused(run("backup", "--data", tmp_path / "none", "--output", "-"), 1, "data_missing")
    assert not (tmp_path / "none").exists()
    refused(run("backup", "--data", tmp_path), 2, "--output")
    refused(run("restore", "--data", tmp_path), 2, "--input")
    refused(run("restore", "--data", tmp_path / "new", "--input", tmp_path / "none"), 1, "backup_unreadable")
    for command in ("backup", "restore", "migrate"):
        assert b"--data DIR" in run(command, "--help").stdout


def test_migrate(tmp_path):
    platform = Platform(tmp_path)
    data = tmp_path / "data"
    assert run("migrate", "--data", data, "--check").returncode == 0
    refused(run("migrate", "--data", data), 1, "data_in_use")
    assert platform.stop() == 0
    database = sqlite3.connect(data / "store.db")
    last = database.execute("SELECT MAX(number) FROM migration").fetchone()[0]
    database.execute("UPDATE migration SET checksum = 'x' WHERE number = ?", (last,))
    database.commit()
    refused(run("migrate", "--data", data, "--check"), 1, "data_corrupt")
    database.execute("DELETE FROM migration")
    for table in [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'migration' ORDER BY rowid DESC")]:
        database.execute(f"DROP TABLE {table}")
    database.commit()
    database.close()
    check = run("migrate", "--data", data, "--check")
    assert check.returncode == 4 and check.stdout.count(b"missing step") == last, check
    # An empty database in a folder that was in use is not taken for a new one.
    refused(run("migrate", "--data", data), 1, "data_corrupt")
