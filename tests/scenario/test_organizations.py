"""Organizations apart, and their end: off at once, back as they were, or gone from the disk."""
from urllib.parse import quote

import pytest

from harness import DOMAIN, Api, Platform, Project, Workload, eventually

PASSWORD = "a password for somebody else"


@pytest.fixture
def short_lived(tmp_path):
    platform = Platform(tmp_path, arguments=["--deletion-grace", "2"])
    yield platform
    platform.stop()


def make_organization(platform, name):
    return platform.login().post("/v1/organizations", {"name": name})


def make_project(platform, organization, name, monkeypatch):
    monkeypatch.setattr(platform, "organization", lambda: organization)
    return Project(platform, name)


def delete(api, organization, name=None):
    path = f"/v1/organizations/{organization['id']}"
    tag = api.call("GET", path).header("etag")
    return api.ok("DELETE", f"{path}?name={quote(name or organization['name'])}", headers=[("If-Match", tag)])


def test_off_and_back_with_the_same_warpgate(platform, monkeypatch):
    organization = make_organization(platform, "Sleepy Inc.")
    project = make_project(platform, organization, "sleepy-end", monkeypatch)
    project.route("/")
    workload = Workload()
    warpgate = project.start_warpgate(workload.address)
    assert platform.visit(project.host).status == 200
    (before,) = project.warpgates()
    ended = delete(platform.login(), organization)
    assert ended["status"] == "deleting"
    eventually(lambda: platform.visit(project.host).status == 421)
    refused = Api(platform, project.key).call("GET", f"/v1/projects/{project.id}")
    assert (refused.status, refused.json["code"]) == (409, "organization_deleting")
    mark = platform.mark()
    assert platform.login().post(f"/v1/organizations/{organization['id']}/restore", None)["status"] == "active"
    warpgate.wait_ready(mark)
    eventually(lambda: platform.visit(project.host).status == 200)
    (after,) = project.warpgates()
    assert after["id"] == before["id"] and warpgate.process.poll() is None
    assert Api(platform, project.key).call("GET", f"/v1/projects/{project.id}").status != 409
    warpgate.stop()


def test_what_has_ended_is_not_on_the_disk(short_lived, monkeypatch):
    platform = short_lived
    organization = make_organization(platform, "Ended Inc.")
    project = make_project(platform, organization, "ended", monkeypatch)
    route = project.route("/secret")
    invited = platform.login().post(f"/v1/organizations/{organization['id']}/invitations", {"email": "ada@example.net", "role": "owner"})
    token = invited["accept_url"].partition("#")[2]
    joined = Api(platform).post("/v1/invitations/accept", {"token": token, "name": "Ada", "password": PASSWORD})
    ids = [organization["id"], project.id, project.environment["id"], project.account, project.key_object["id"], route["id"],
           joined["member"], invited["id"]]

    def remains():
        data = b"".join(path.read_bytes() for path in (platform.folder / "data").glob("store.db*") if not path.name.endswith("-shm"))
        return [text for text in ids if text.encode() in data]

    assert remains() == ids
    delete(platform.login(), organization)
    platform.wait_line(rf"control\.organization_erased organization={organization['id']}")
    eventually(lambda: remains() == [])
    assert platform.login().call("GET", f"/v1/organizations/{organization['id']}").status == 404
    assert Api(platform, joined["session"]["token"]).call("GET", "/v1/me").status == 401
    assert Api(platform).call("POST", "/v1/sessions", {"email": "ada@example.net", "password": PASSWORD}).status == 401
    assert platform.login().call("GET", "/v1/me").status == 200


def test_an_export_is_whole(platform, monkeypatch):
    organization = make_organization(platform, "Exported & Söhne")
    project = make_project(platform, organization, "exported", monkeypatch)
    route = project.route("/every/path")
    started = platform.login().post(f"/v1/organizations/{organization['id']}/exports", None)
    assert started["status"] in ("queued", "running") and started["result"] is None
    done = eventually(lambda: next((o for o in [platform.login().get(f"/v1/operations/{started['id']}")] if o["finished_at"]), None))
    assert done["status"] == "succeeded" and done["result"]["parts"] == 1
    document = platform.login().get(done["result"]["url"])
    assert [member["email"] for member in document["members"]] == [f"admin@{DOMAIN}"]
    tables = document["tables"]
    assert tables["organization"][0]["name"] == "Exported & Söhne"
    assert [row["id"] for row in tables["route"]] == [route["id"]] and tables["route"][0]["path"] == "/every/path"
    assert tables["environment"][0]["hostname"] == project.host
    assert {event["action"] for event in tables["audit_event"]} >= {"organization.created", "project.created", "route.created"}
    assert project.key not in str(document) and platform.organization()["id"] == organization["id"]
