"""Everything that customers say about themselves is sealed: after a run through the API, nothing of it is found in the database's bytes.

Every string counts that was sent or answered (harness.Api.seen), but for ids, times, numbers and the words of the API's own description.
So a new member of an object comes under this by itself, and a new entity as soon as MADE makes one.
"""
import base64
import email
import email.policy
import json
import re
import sqlite3

import pytest

from harness import DOMAIN, Api, Platform, eventually
from postgres import Postgres

ID = re.compile(r"^[a-z]{2,6}_[0-9a-z]{26}$")
TIME = re.compile(r"^\d{4}-\d\d(-\d\d(T[\d:.]+Z?)?)?$")
LEAST = 5  # shorter ones are found by chance
# What the program itself says, none of it about a customer.
ALLOWED = {"default", "Default", "/v1", "policy_not_enforced"}
FIXED_MEMBERS = {"action"}  # of audit events: words of ours, by which they are looked for
MARKED = "a-marked-word-of-a-customer"

# method, path, body. Where one is answered with an id, later paths may name it by its place: {made[N]}.
MADE = [
    ("PATCH", "/v1/me", {"name": "Sealed Person"}, 200),
    ("POST", "/v1/organizations", {"name": "Sealed Organization Ltd"}, 201),
    ("PATCH", "/v1/organizations/{organization}", {"name": "Sealed Renamed Ltd"}, 200),
    ("POST", "/v1/organizations/{organization}/invitations", {"email": "sealed.invitee@customer.example", "role": "developer"}, 201),
    ("POST", "/v1/edges/join-tokens", {"name": "sealed-join-token"}, 201),
    ("PATCH", "/v1/projects/{project}", {"name": "sealed-renamed"}, 200),
    ("POST", "/v1/projects/{project}/environments", {"name": "sealed-staging"}, 201),
    ("PATCH", "/v1/environments/{environment}", {"hostnames": [f"sealed-name.{DOMAIN}", "www.sealed-shop.example"]}, 200),
    ("PATCH", "/v1/environments/{environment}", {"health_checks": [{"upstream": "default", "path": "/sealed-health-path"}]}, 200),
    ("PATCH", "/v1/environments/{environment}", {"settings": {"ip": {"deny": ["203.0.113.77"]}}}, 200),
    ("POST", "/v1/environments/{environment}/routes", {"path": "/sealed-path/of/a/customer", "ip": {"allow": ["127.0.0.0/8", "2001:db8:5ea1::/48"]},
                                                       "access": {"auth": "required", "require": {"any_role": ["sealed-role"]}}}, 201),
    ("POST", "/v1/environments/{environment}/routes", {"match": "regexp", "path": "/sealed-expression/[0-9]+"}, 201),
    ("POST", "/v1/projects/{project}/service-accounts", {"name": "sealed-account"}, 201),
    ("PATCH", "/v1/service-accounts/{account}", {"name": "sealed-account-renamed"}, 200),
]


def strings(node):
    if isinstance(node, dict):
        for name, value in node.items():
            yield name
            if name not in FIXED_MEMBERS:
                yield from strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from strings(value)
    elif isinstance(node, str):
        yield node


def fixed_words(document):
    """Names of members, enumerations, codes, permissions, examples: what the description says itself."""
    words = set()
    for text in strings(document):
        words.update(re.findall(r"[\w.:/@-]+", text))
        words.update(re.findall(r"\w+", text))
        words.add(text)
    return words


def is_word(value):
    return len(value) >= LEAST and not ID.match(value) and not TIME.match(value) and not re.match(r"^[\d.]+$", value)


def collect(seen):
    found = set()
    for path, *bodies in seen:
        for body in bodies:
            try:
                node = json.loads(body)
            except ValueError:
                continue
            found.update(value for value in strings(node) if is_word(value))
    return found


def make_all(platform, workload, started):
    api = platform.login()
    project = platform.project("sealed-project")
    project.route("/")
    names = {"organization": platform.organization()["id"], "project": project.id, "environment": project.environment["id"],
             "account": project.account, "key": project.key_object["id"]}
    for method, path, body, wanted in MADE:
        answer = api.call(method, path.format(**names), body)
        assert answer.status == wanted, (method, path, answer.status, answer.body)
    answer = api.call("POST", f"/v1/projects/{project.id}/service-accounts", {"name": "sealed-repeated"}, [("Idempotency-Key", f"{MARKED}-key")])
    assert answer.status == 201, answer.body
    manifest = f"/v1/projects/{project.id}/manifest"
    document = api.get(manifest)
    document["environments"][0]["routes"].append({"path": "/sealed-by-manifest"})
    api.ok("PUT", manifest, document, [("If-Match", "*")])
    accept_invitation(platform)
    started.append(project.start_warpgate(workload.address, "--name", "sealed-warpgate"))
    eventually(project.warpgates)
    visit(platform, project, api, names)
    document = api.get("/v1/openapi.json")
    read_everything(api, document, names)
    return document, project


def accept_invitation(platform):
    files = eventually(lambda: list((platform.folder / "mails").glob("*.eml")))
    mail = email.message_from_bytes(files[0].read_bytes(), policy=email.policy.default)
    token = re.search(r"#(\S+)", mail.get_body(("plain",)).get_content()).group(1)
    made = Api(platform).call("POST", "/v1/invitations/accept", {"token": token, "name": "Sealed Invitee", "password": "sealed password of invitee"})
    assert made.status == 201, made.body


def visit(platform, project, api, names):
    """What visitors ask for is a customer's, too: until usage and requests are in the store."""
    def ask():
        answer = platform.visit(project.host, path=f"/sealed-path/of/a/customer/{MARKED}?{MARKED}",
                                headers=[("User-Agent", f"{MARKED}/1.0"), ("Referer", f"https://{MARKED}.example/")])
        return api.get(f"/v1/environments/{names['environment']}/requests")["items"] and answer

    eventually(ask, timeout=60)


def read_everything(api, document, names):
    """Every list and every object that can be reached from what was made."""
    roots = {f"/v1/{entity}/": names[name] for entity, name in (("organizations", "organization"), ("projects", "project"),
             ("environments", "environment"), ("service-accounts", "account"), ("keys", "key"))}
    for path, operations in document["paths"].items():
        if "get" not in operations or "text/event-stream" in json.dumps(operations["get"]) or path.endswith("openapi.json"):
            continue
        for root, identity in roots.items():
            path = re.sub(r"^" + root + r"\{\w+\}", root + identity, path)
        if "{" not in path:
            api.call("GET", path)


def forms(secret):
    raw = secret.encode()
    yield from {raw, raw.lower(), json.dumps(secret)[1:-1].encode()}
    yield raw.hex().encode()
    # Whatever it stands beside in base64: the part that does not depend on it.
    if len(raw) >= 9:
        yield base64.b64encode(raw[:len(raw) // 3 * 3])


def expect_none(secrets, files):
    found = [(secret, name) for secret in sorted(secrets) for name, data in files.items() for form in forms(secret) if form in data]
    assert found == [], "in clear: " + ", ".join(f"{secret!r} in {name}" for secret, name in found)


def run_through(tmp_path, workload, started, **options):
    """All that is not to be found. The platform is still running, so that nothing was tidied up."""
    Api.seen = seen = []
    (tmp_path / "mails").mkdir()
    try:
        platform = Platform(tmp_path, arguments=("--mail", f"file:{tmp_path}/mails"), **options)
        started.append(platform)
        document, project = make_all(platform, workload, started)
    finally:
        Api.seen = None
    secrets = collect(seen) - fixed_words(document) - ALLOWED
    for word in ("sealed-project", "sealed-renamed", "/sealed-path/of/a/customer", "sealed-warpgate", "sealed-staging", f"admin@{DOMAIN}",
                 platform.password, platform.api.token, project.host, project.key, "/sealed-health-path", "sealed-account-renamed",
                 "sealed.invitee@customer.example", "www.sealed-shop.example", "sealed-role", "/sealed-by-manifest", "Sealed Renamed Ltd"):
        assert word in secrets, f"{word} was not collected"
    return platform, secrets | {MARKED}


def test_sqlite(tmp_path, workload, started):
    platform, secrets = run_through(tmp_path, workload, started)
    platform.kill()
    platform.wait()
    files = {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir() if path.name.startswith("store.db")}
    assert len(files["store.db"]) + len(files["store.db-wal"]) > 50000
    expect_none(secrets, files)
    # The same look finds what does stand in clear, so it would find the others.
    database = sqlite3.connect(tmp_path / "data" / "store.db")
    identity = database.execute("SELECT id FROM project").fetchone()[0]
    database.close()
    with pytest.raises(AssertionError, match=identity):
        expect_none({identity}, files)


def test_postgres(tmp_path, workload, started):
    with Postgres(fsync=False) as server:
        platform, secrets = run_through(tmp_path, workload, started, port=0, env={"MEZUSPHERE_DATABASE": server.create("sealed")})
        dump = {"dump": server.dump("sealed").encode()}
        assert platform.stop() == 0
        assert len(dump["dump"]) > 50000
        expect_none(secrets, dump)
        identity = server.sql("SELECT id FROM project", "sealed").strip()
        with pytest.raises(AssertionError, match=identity):
            expect_none({identity}, dump)
