"""API keys: a typo is told before any network, a void key at once, and a revoked one ends its tunnels."""
import re
import subprocess
import time
from pathlib import Path

import pytest

from harness import DOMAIN, Warpgate, eventually, free_port, programs


def run(*arguments, env=None):
    return subprocess.run([programs() / "warpgate", *map(str, arguments)], env=env or {}, capture_output=True, text=True,
                          timeout=30, check=False)


@pytest.fixture(scope="module")
def project(platform):
    made = platform.project("keys")
    made.route("/")
    return made


def test_key_shape(project):
    key = project.key
    assert len(key) == 50 and key.isalnum() and key.isascii()
    listed = project.api.get(f"/v1/service-accounts/{project.account}/keys")["items"]
    assert all("key" not in item for item in listed), "shown once"
    assert listed[0]["prefix"] == key[:8]


def test_a_mistyped_key_is_told_before_any_network(project):
    key = project.key
    wrong = key[:20] + ("a" if key[20] != "a" else "b") + key[21:]
    for bad, hint in [(wrong, "typing error"), (key[:-1], "50|length|long"), (key[:-1] + "!", "character")]:
        result = run("--token", bad, "--control", f"https://127.0.0.1:{free_port()}")
        assert result.returncode == 3, result.stderr
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr
        assert bad not in result.stderr
        assert re.search(hint, result.stderr), result.stderr


def test_no_key_at_all(project):
    result = run("--upstream", "localhost:1")
    assert result.returncode == 2
    assert "--token" in result.stderr


def test_an_unknown_key(platform, project, started):
    stranger = platform.project("stranger")
    key = stranger.key
    stranger.api.delete(f"/v1/keys/{stranger.key_object['id']}")
    warpgate = Warpgate(platform, key, "127.0.0.1:1")
    started.append(warpgate)
    assert warpgate.wait() == 3, warpgate.output
    assert key not in warpgate.output


def test_revoking_a_key_ends_its_tunnels(platform, project, workload, started):
    second = project.api.post(f"/v1/service-accounts/{project.account}/keys", {})
    kept = project.start_warpgate(workload.address, "--name", "kept")
    doomed = project.start_warpgate(workload.address, "--name", "doomed", key=second["key"])
    started.extend([kept, doomed])
    begun = time.monotonic()
    project.api.delete(f"/v1/keys/{second['id']}")
    assert doomed.wait() == 3, doomed.output
    assert time.monotonic() - begun < 10
    assert "revoked" in doomed.output
    assert platform.visit(project.host).status == 200, "the other key's warpgate goes on"
    eventually(lambda: {g["name"]: g["status"] for g in project.warpgates()}.get("doomed") in (None, "disconnected"),
               what="doomed is disconnected")


@pytest.mark.parametrize("way", ["flag", "flag=", "file", "environment", "environment-file"])
def test_ways_to_give_the_key(platform, project, workload, started, tmp_path, way):
    (tmp_path / "key").write_text(project.key + "\n")
    arguments, env = {
        "flag": (["--token", project.key], {}),
        "flag=": (["--token=" + project.key], {}),
        "file": (["--token-file", tmp_path / "key"], {}),
        "environment": ([], {"WARPGATE_TOKEN": project.key}),
        "environment-file": ([], {"WARPGATE_TOKEN_FILE": str(tmp_path / "key")}),
    }[way]
    warpgate = Warpgate(platform, "", workload.address, *arguments, env={"WARPGATE_TOKEN": "", **env})
    started.append(warpgate)
    warpgate.wait_ready()
    for name in ("cmdline", "environ"):
        assert project.key.encode() not in Path(f"/proc/{warpgate.process.pid}/{name}").read_bytes(), name
    assert project.key not in warpgate.output


def test_the_database_shows_nothing(platform, project):
    kept = b"".join(p.read_bytes() for p in (platform.folder / "data").iterdir() if p.is_file() and p.name != "ca.pem")
    for secret in (project.key, project.key[8:], platform.login().token, f"admin@{DOMAIN}", project.host, "keys"):
        if len(secret) > 5:
            assert secret.encode() not in kept, secret
    assert project.key not in platform.output and platform.login().token not in platform.output
