"""The master key from a file, the environment or a command; what cannot be right is one clear line and status 1."""
import base64
import os
import subprocess

from harness import Platform, programs
from test_bad_days import one_line

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = bytes(range(1, 33)).hex()


def refused(folder, *arguments, env=None):
    result = subprocess.run([programs() / "mezusphere", "up", "--data", folder / "data", "--listen", "127.0.0.1:0", *map(str, arguments)],
                            env={"MEZUSPHERE_ADMIN_PASSWORD": "a long enough password", "PATH": os.environ["PATH"], **(env or {})},
                            capture_output=True, text=True, timeout=60, check=False)
    assert KEY not in result.stderr + result.stdout
    assert OTHER not in result.stderr + result.stdout
    return result


def has_key_file(folder):
    return (folder / "data" / "master.key").exists()


def test_from_the_environment(tmp_path):
    platform = Platform(tmp_path, env={"MEZUSPHERE_MASTER_KEY": KEY})
    platform.project("kept")
    environment = open(f"/proc/{platform.process.pid}/environ", "rb").read()
    assert KEY.encode() not in environment, "whoever may look at the process does not see it"
    assert platform.stop() == 0
    assert not has_key_file(tmp_path)
    one_line(refused(tmp_path), 1, "master_key_missing", "master.key")
    assert not has_key_file(tmp_path), "none is made beside a database that has one"
    one_line(refused(tmp_path, env={"MEZUSPHERE_MASTER_KEY": OTHER}), 1, "master_key_wrong", "--master-key-file")
    one_line(refused(tmp_path, env={"MEZUSPHERE_MASTER_KEY": KEY[:20]}), 1, "master_key_invalid", "MEZUSPHERE_MASTER_KEY")
    again = Platform(tmp_path, env={"MEZUSPHERE_MASTER_KEY": bytes(range(32)).hex()})  # the same one, written otherwise
    assert [p["name"] for p in again.login().get(f"/v1/organizations/{again.organization()['id']}/projects")["items"]] == ["kept"]
    assert again.stop() == 0


def test_a_successor_has_it_too(tmp_path):
    """A reload starts it from a process that has taken the key out of its environment."""
    platform = Platform(tmp_path, env={"MEZUSPHERE_MASTER_KEY": KEY})
    project = platform.project("shop")
    mark = platform.mark()
    platform.kill(1)
    platform.wait_line(r"edge\.synced", mark)
    assert platform.wait() == 0
    successor = int((tmp_path / "data" / "mezusphere.lock").read_text().split("pid=")[1])
    try:
        assert platform.api.get(f"/v1/projects/{project.id}")["name"] == "shop"
        assert KEY.encode() not in open(f"/proc/{successor}/environ", "rb").read()
    finally:
        os.kill(successor, 15)


def test_from_a_file_elsewhere(tmp_path):
    key = tmp_path / "keys" / "mezusphere.key"
    key.parent.mkdir()
    platform = Platform(tmp_path, arguments=("--master-key-file", key))
    assert platform.stop() == 0
    assert key.stat().st_mode & 0o777 == 0o600 and not has_key_file(tmp_path)
    again = Platform(tmp_path, env={"MEZUSPHERE_MASTER_KEY_FILE": str(key)})
    assert again.stop() == 0
    text = key.read_text()
    key.write_text("nothing of the kind\n")
    one_line(refused(tmp_path, "--master-key-file", key), 1, "master_key_invalid", str(key))
    key.unlink()
    one_line(refused(tmp_path, "--master-key-file", key), 1, "master_key_missing", str(key))
    assert not key.exists()
    key.write_text(OTHER + "\n")
    one_line(refused(tmp_path, "--master-key-file", key), 1, "master_key_wrong")
    key.write_text(text)
    assert Platform(tmp_path, arguments=("--master-key-file", key)).stop() == 0


def test_from_a_command(tmp_path):
    key = tmp_path / "key"
    key.write_text(KEY + "\n")
    platform = Platform(tmp_path, arguments=("--master-key-command", f"cat {key}"))
    assert platform.stop() == 0
    assert KEY not in platform.output and not has_key_file(tmp_path)
    one_line(refused(tmp_path, "--master-key-command", f"cat {key}; exit 4"), 1, "master_key_command", "--master-key-command")
    one_line(refused(tmp_path, "--master-key-command", f"rev {key}"), 1, "master_key_")
    one_line(refused(tmp_path, "--master-key-command", f"echo {OTHER}"), 1, "master_key_wrong")
    one_line(refused(tmp_path, "--master-key-command", "true"), 1, "master_key_command")
    one_line(refused(tmp_path, "--master-key-command", f"cat {key}", env={"MEZUSPHERE_MASTER_KEY": KEY}), 1, "master_key_sources")
