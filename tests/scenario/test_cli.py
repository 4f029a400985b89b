"""The operator's command line against a running platform: what a person would type, and what a script relies on."""
import json
import os
import subprocess

import pytest

from harness import DOMAIN, programs

DONE, FAILED, USAGE, DENIED, NOT_FOUND, CONFLICT, UNREACHABLE = range(7)


class Person:
    """Somebody at a terminal, with a home folder of their own."""

    def __init__(self, platform, home):
        self.url = f"https://api.{DOMAIN}:{platform.port}"
        self.home, self.platform = home, platform
        self.password_file = home / "password"
        self.password_file.write_text(platform.password)

    def type(self, *words, expect=DONE, text=None, env=None):
        done = subprocess.run([programs() / "mezusphere", *map(str, words)], input=text, capture_output=True, text=True, timeout=60,
                              env={"PATH": os.environ["PATH"], "HOME": str(self.home), **(env or {})}, check=False)
        assert "Sanitizer" not in done.stderr, done.stderr
        assert done.returncode == expect, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout if expect == DONE else done.stderr

    def read(self, *words):
        return json.loads(self.type(*words, "--json"))

    def login(self):
        return self.type("login", "--url", self.url, "--ca-file", self.platform.ca, "--email", f"admin@{DOMAIN}",
                         "--password-file", self.password_file)


@pytest.fixture
def stranger(platform, tmp_path):
    return Person(platform, tmp_path)


@pytest.fixture
def person(stranger):
    stranger.login()
    return stranger


def test_nobody_is_signed_in(stranger):
    assert "--url" in stranger.type("get", "projects", expect=USAGE)
    assert "mezusphere login" in stranger.type("get", "projects", "--url", stranger.url, expect=DENIED)
    said = stranger.type("get", "projects", "--url", stranger.url, "--token", "nothing", "--ca-file", stranger.platform.ca, expect=DENIED)
    assert "nothing" not in said


def test_signing_in_and_out(stranger):
    assert "Signed in" in stranger.login()
    profile = stranger.home / ".config/mezusphere/profile.json"
    assert profile.stat().st_mode & 0o777 == 0o600
    assert profile.parent.stat().st_mode & 0o777 == 0o700
    assert "Default" in stranger.type("get", "organizations")
    assert "Signed out" in stranger.type("logout")
    assert not profile.exists()
    stranger.password_file.write_text("not the password at all")
    said = stranger.type("login", "--url", stranger.url, "--ca-file", stranger.platform.ca, "--email", f"admin@{DOMAIN}",
                         "--password-file", stranger.password_file, expect=DENIED)
    assert "not the password" not in said
    assert not profile.exists()


def test_where_nobody_answers(stranger):
    assert "does not answer" in stranger.type("get", "projects", "--url", "https://127.0.0.1:9", "--token", "x", expect=UNREACHABLE)
    assert "--ca-file" in stranger.type("get", "projects", "--url", stranger.url, "--token", "x", expect=UNREACHABLE)
    assert "https://" in stranger.type("get", "projects", "--url", "http://127.0.0.1", "--token", "x", expect=USAGE)


def test_a_session_is_sent_only_where_it_was_begun(person):
    assert "mezusphere login" in person.type("get", "projects", "--url", "https://elsewhere.example:8443", expect=DENIED)


def test_objects(person):
    person.type("create", "project", "name=shop")
    assert "shop" in person.type("get", "projects")
    project = person.read("get", "project", "shop")
    assert project["name"] == "shop"
    assert person.read("get", "project", project["id"]) == project
    environment = person.read("get", "environment", "shop/production")
    assert person.read("get", "environments", "-p", "shop")["items"][0]["id"] == environment["id"]

    route = person.read("create", "route", "-p", "shop", "path=/", "timeouts.connect_ms:=250")
    assert route["timeouts"]["connect_ms"] == 250
    assert "prefix" in person.type("get", "routes", "-p", "shop", "-e", "production")
    person.type("set", "route", route["id"], "sticky:=true", "timeouts:=null")
    changed = person.read("get", "route", route["id"])
    assert changed["sticky"] and changed["timeouts"]["connect_ms"] == 5000

    person.type("set", "environment", "shop/production", "enabled:=false")
    assert not person.read("get", "environment", environment["id"])["enabled"]

    person.type("create", "service-account", "-p", "shop", "name=agent")
    key = person.read("create", "key", "-p", "shop", "-s", "agent")
    assert len(key["key"]) == 50
    assert len(person.read("get", "keys", "-s", "shop/agent")["items"]) == 1
    assert "Deleted key" in person.type("delete", "key", key["id"], "--yes")

    (person.home / "route.yaml").write_text("path: /docs\nmatch: exact\n")
    assert person.read("create", "route", "-p", "shop", "-f", person.home / "route.yaml", "upstream=docs")["upstream"] == "docs"
    assert person.type("create", "route", "-p", "shop", "-f", "-", text='{"path": "/from-stdin"}')
    assert "--yes" in person.type("delete", "project", "shop", expect=USAGE)
    assert "Deleted" in person.type("delete", "project", "shop", "--yes")
    assert "shop" in person.type("get", "project", "shop", expect=NOT_FOUND)


def test_what_is_wrong_is_said(person):
    assert "/name" in person.type("create", "project", "name=Not a slug", expect=FAILED)
    assert "/colour" in person.type("create", "project", "name=x", "colour=red", expect=FAILED)
    person.type("create", "project", "name=twice")
    assert "already" in person.type("create", "project", "name=twice", expect=CONFLICT)
    assert "kind" in person.type("get", "bananas", expect=USAGE)
    assert "NAME=TEXT" in person.type("create", "project", "nothing", expect=USAGE)
    assert "mezusphere get --help" in person.type("get", "--bananas", expect=USAGE)
    person.type("create", "project", "name=thrice")
    assert "--project" in person.type("get", "environments", expect=USAGE)
    for name in ("twice", "thrice"):
        person.type("delete", "project", name, "--yes")


def test_an_api_key_is_enough(person, stranger):
    person.type("create", "project", "name=keyed")
    person.type("create", "service-account", "-p", "keyed", "name=reader", 'permissions:=["config:read"]')
    secret = person.read("create", "key", "-s", "keyed/reader")["key"]
    project = person.read("get", "project", "keyed")["id"]
    (person.home / "key").write_text(secret)
    lone = {"MEZUSPHERE_URL": person.url, "MEZUSPHERE_CA_FILE": str(person.platform.ca), "MEZUSPHERE_TOKEN_FILE": str(person.home / "key"),
            "HOME": str(person.home / "empty")}
    assert "production" in person.type("get", "environments", "-p", project, env=lone)
    assert secret not in person.type("create", "project", "name=more", "-o", "org_00000000000000000000000000", env=lone, expect=NOT_FOUND)
    person.type("delete", "project", "keyed", "--yes")


MANIFEST = """
environments:
  - name: production
    routes:
      - path: /
        timeouts: {connect_ms: 250}
      - path: /docs
        match: exact
"""


def test_a_project_as_one_document(person):
    file = person.home / "paper.yaml"
    file.write_text(MANIFEST)
    person.type("create", "project", "name=paper")
    plan = person.type("diff", "-p", "paper", "-f", file)
    assert "+ route exact /docs" in plan
    person.type("diff", "-p", "paper", "-f", file, "--exit-code", expect=FAILED)
    assert person.read("get", "routes", "-p", "paper")["items"] == []
    person.type("apply", "-p", "paper", "-f", file)
    assert "Nothing to change" in person.type("apply", "-p", "paper", "-f", file)
    assert {route["path"] for route in person.read("get", "routes", "-p", "paper")["items"]} == {"/", "/docs"}

    file.write_text(MANIFEST.replace("250", "300").replace("/docs", "/help"))
    plan = person.type("diff", "-p", "paper", "-f", file)
    assert "- route exact /docs" in plan and "+ route exact /help" in plan
    assert 'timeouts: {"connect_ms":250} -> {"connect_ms":300}' in plan
    person.type("apply", "-p", "paper", "-f", "-", text=file.read_text())

    route = next(route for route in person.read("get", "routes", "-p", "paper")["items"] if route["path"] == "/")
    assert "manages" in person.type("set", "route", route["id"], "sticky:=true", expect=CONFLICT)
    person.type("set", "route", route["id"], "sticky:=true", "--force")

    exported = person.type("export", "-p", "paper")
    (person.home / "exported.json").write_text(exported)
    plan = person.type("apply", "-p", "paper", "-f", person.home / "exported.json", "--force")
    assert plan.splitlines() == ["~ route prefix /  /environments/0/routes/0"]  # the document manages it again
    assert "Nothing to change" in person.type("diff", "-p", "paper", "-f", person.home / "exported.json")
    (person.home / "wrong.yaml").write_text("environments:\n  - name: production\n    routes: [{path: /, colour: red}]\n")
    assert "/environments/0/routes/0/colour" in person.type("apply", "-p", "paper", "-f", person.home / "wrong.yaml", expect=FAILED)
    (person.home / "torn.yaml").write_text("environments: [\n")
    assert "line 2" in person.type("apply", "-p", "paper", "-f", person.home / "torn.yaml", expect=USAGE)
    person.type("delete", "project", "paper", "--yes")


def test_a_new_root(person, workload, started):
    project = person.platform.project("rooted")
    project.route("/")
    started.append(project.start_warpgate(workload.address))
    before = person.read("ca", "status")
    assert before["phase"] == "stable" and "issues" in person.type("ca", "status")
    person.type("ca", "rotate")
    after = person.read("ca", "status")
    assert after["phase"] == "stable" and after["roots"][0]["sha256"] != before["roots"][0]["sha256"]
    person.type("ca", "rotate", "--no-wait")
    person.type("ca", "back")
    person.type("ca", "renew-intermediates")
    assert person.read("ca", "status")["roots"][0]["sha256"] == after["roots"][0]["sha256"]
    assert person.platform.visit(project.host).status == 200
    assert "renew-intermediates" in person.type("ca", expect=USAGE)


def test_completions_and_manual(stranger):
    for shell in ("bash", "zsh", "fish"):
        assert "rotate-key" in stranger.type("completion", shell)
    assert "bash, zsh and fish" in stranger.type("completion", "tcsh", expect=USAGE)
    completed = subprocess.run(["bash", "-c", f"source <({programs() / 'mezusphere'} completion bash); COMP_WORDS=(mezusphere ap); "
                                "COMP_CWORD=1; _mezusphere; echo ${COMPREPLY[@]}"], capture_output=True, text=True, check=True)
    assert completed.stdout.strip() == "apply"
    manual = stranger.type("man")
    assert manual.startswith(".TH MEZUSPHERE 1") and r"\-\-ca\-file" in manual
    listed = stranger.type("help")
    for line in listed.splitlines():
        if line.startswith("  "):
            command = line.split()[0].replace("-", r"\-")
            assert f".SS mezusphere {command}" in manual
