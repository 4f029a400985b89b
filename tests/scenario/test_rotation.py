"""New keys while the platform serves and writes: no call fails, and whatever is killed, the next start opens everything."""
import os
import random
import subprocess
import threading
import time

from harness import Platform, eventually, programs

KEY, OTHER = bytes(range(32)).hex(), bytes(range(1, 33)).hex()


def start_rotation(folder, *arguments, env=None):
    return subprocess.Popen([programs() / "mezusphere", "rotate-key", "--data", folder / "data", *map(str, arguments)],
                            env={"PATH": os.environ["PATH"], **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def rotate(folder, *arguments, env=None, status=0):
    process = start_rotation(folder, *arguments, env=env)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status, err.decode()
    assert KEY.encode() not in out + err and OTHER.encode() not in out + err
    return (out + err).decode()


class Writer:
    """Makes projects, one after the other; keeps what was answered."""

    def __init__(self, platform):
        self.api, self.organization = platform.login(), platform.organization()["id"]
        self.made, self.failed, self.is_on = [], [], True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while self.is_on:
            name = f"p{len(self.made)}-{random.randrange(1 << 30)}"
            try:
                answer = self.api.call("POST", f"/v1/organizations/{self.organization}/projects", {"name": name})
            except OSError as error:
                self.failed.append(repr(error))
                return
            if answer.status == 201:
                self.made.append(answer.json["id"])
            else:
                self.failed.append((answer.status, answer.body))

    def wait(self, more):
        target = len(self.made) + more
        eventually(lambda: len(self.made) >= target or self.failed)

    def stop(self):
        self.is_on = False
        self.thread.join()


def expect_all(platform, made):
    platform.api = None
    api = platform.login()
    for project in made:
        assert api.call("GET", f"/v1/projects/{project}").status == 200


def test_under_load(tmp_path):
    platform = Platform(tmp_path)
    writer = Writer(platform)
    key = tmp_path / "data" / "master.key"
    keys = {key.read_text()}
    for _ in range(3):
        writer.wait(3)
        assert "data keys are under the new master key" in rotate(tmp_path)
        keys.add(key.read_text())
        writer.wait(3)
        assert "sealed again" in rotate(tmp_path, "--data-keys")
    writer.wait(3)
    writer.stop()
    assert len(keys) == 4
    assert writer.failed == []
    organization = platform.api.call("POST", "/v1/organizations", {"name": "Later"})  # has a data key of its own, under the new master key
    assert organization.status == 201, organization.body
    assert platform.stop() == 0
    again = Platform(tmp_path)
    expect_all(again, writer.made)
    assert again.stop() == 0


def test_killed_in_the_middle(tmp_path):
    platform = Platform(tmp_path)
    made = []
    for round_number in range(8):
        writer = Writer(platform)
        process = start_rotation(tmp_path, *(["--data-keys"] if round_number % 2 else []))
        time.sleep(round_number / 8 * 0.5)  # at another point each time: what is being waited for is chance
        process.kill()
        if round_number % 4 == 3:
            platform.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
        if round_number % 4 != 3:
            writer.wait(2)
            writer.stop()
            assert writer.failed == []
            assert platform.stop() == 0
        else:
            platform.wait()
            writer.stop()
        made += writer.made
        platform = Platform(tmp_path)
        expect_all(platform, made)
    rotate(tmp_path)
    rotate(tmp_path, "--data-keys")
    assert not (tmp_path / "data" / "master.key.next").exists()
    expect_all(platform, made)
    assert platform.stop() == 0


def test_between_commit_and_rename(tmp_path):
    """The database is under the second of the two keys in the folder: the start says so, and puts it in its place."""
    platform = Platform(tmp_path)
    project = platform.project("kept")
    assert platform.stop() == 0
    data = tmp_path / "data"
    former = (data / "master.key").read_text()
    rotate(tmp_path)
    (data / "master.key").rename(data / "master.key.next")
    (data / "master.key").write_text(former)
    again = Platform(tmp_path)
    assert "store.master_key_renamed" in again.output
    assert not (data / "master.key.next").exists()
    assert (data / "master.key.previous").read_text() == former
    expect_all(again, [project.id])
    assert again.stop() == 0


def test_from_the_environment(tmp_path):
    platform = Platform(tmp_path, env={"MEZUSPHERE_MASTER_KEY": KEY})
    project = platform.project("kept")
    assert "MEZUSPHERE_NEW_MASTER_KEY" in rotate(tmp_path, env={"MEZUSPHERE_MASTER_KEY": KEY}, status=1)
    assert "master_key_wrong" in rotate(tmp_path, env={"MEZUSPHERE_MASTER_KEY": OTHER, "MEZUSPHERE_NEW_MASTER_KEY": KEY}, status=1)
    rotate(tmp_path, env={"MEZUSPHERE_MASTER_KEY": KEY, "MEZUSPHERE_NEW_MASTER_KEY": OTHER})
    project.route("/still-written")
    expect_all(platform, [project.id])
    assert platform.stop() == 0
    again = Platform(tmp_path, env={"MEZUSPHERE_MASTER_KEY": OTHER})
    expect_all(again, [project.id])
    assert again.stop() == 0
