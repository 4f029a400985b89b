"""The API's manners: shapes, errors, tenants, concurrency. Every operation also has its own tests elsewhere."""
import pytest

from harness import DOMAIN, Api


def problem(answer, status, code=None):
    assert answer.status == status, (answer.status, answer.body)
    assert answer.header("content-type").startswith("application/problem+json")
    body = answer.json
    assert body["status"] == status and body["title"] and body["request_id"] and body["code"]
    if code:
        assert body["code"] == code, body
    return body


def test_sign_in(platform):
    anonymous = Api(platform)
    problem(anonymous.call("GET", "/v1/me"), 401)
    problem(anonymous.call("POST", "/v1/sessions", {"email": f"admin@{DOMAIN}", "password": "wrong wrong wrong"}), 401)
    problem(anonymous.call("POST", "/v1/sessions", {"email": "nobody@example.org", "password": "wrong wrong wrong"}), 401)
    problem(anonymous.call("POST", "/v1/sessions", {"email": f"admin@{DOMAIN}"}), 422)
    problem(Api(platform, "not-a-token").call("GET", "/v1/me"), 401)
    made = anonymous.call("POST", "/v1/sessions", {"email": f"ADMIN@{DOMAIN.upper()}", "password": platform.password})
    assert made.status == 201
    me = Api(platform, made.json["token"]).get("/v1/me")
    assert me["email"] == f"admin@{DOMAIN}"


def test_lists_and_pages(platform):
    api = platform.login()
    organization = platform.organization()
    path = f"/v1/organizations/{organization['id']}/projects"
    for i in range(5):
        api.post(path, {"name": f"page-{i}"})
    names, cursor = [], None
    while True:
        page = api.get(f"{path}?limit=2" + (f"&cursor={cursor}" if cursor else ""))
        assert set(page) == {"items", "next_cursor"} and len(page["items"]) <= 2
        names += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(names) == len(set(names)) and {f"page-{i}" for i in range(5)} <= set(names)
    for query in ("limit=0", "limit=x", "limit=201", "cursor=forged", "bogus=1"):
        problem(api.call("GET", f"{path}?{query}"), 400)


@pytest.mark.parametrize("body, status, pointer", [
    ({}, 422, "/name"), ({"name": 7}, 422, "/name"), ({"name": ""}, 422, "/name"), ({"name": "UPPER"}, 422, "/name"),
    ({"name": "x" * 60}, 422, "/name"), ({"name": "fine-name", "colour": "red"}, 422, "/colour"), ({"name": "api"}, 422, "/name"),
    ({"name": "-x"}, 422, "/name")])
def test_bad_members_are_named(platform, body, status, pointer):
    path = f"/v1/organizations/{platform.organization()['id']}/projects"
    answer = problem(platform.login().call("POST", path, body), status)
    assert [e["pointer"] for e in answer["errors"]] == [pointer]


def test_bad_bodies(platform):
    api = platform.login()
    path = f"/v1/organizations/{platform.organization()['id']}/projects"
    problem(api.call("POST", path, raw=b"{"), 400)
    problem(api.call("POST", path, raw=b'{"name":"a","name":"b"}'), 400)
    problem(api.call("POST", path, raw=b"[1]"), 422)
    problem(api.call("POST", path, raw=b"name=x", headers=[("Content-Type", "text/plain")]), 415)
    problem(api.call("POST", path, raw=b'{"name":"' + b"x" * 2_000_000 + b'"}'), 413)
    problem(api.call("POST", path), 400)


def test_paths_and_methods(platform):
    api = platform.login()
    problem(api.call("GET", "/v1/nothing"), 404)
    problem(api.call("GET", "/v1/environments/env_nonsense"), 404)
    problem(api.call("GET", "/v1/environments/env_00000000000000000000000000"), 404)
    answer = api.call("DELETE", "/v1/me")
    problem(answer, 405)
    assert "GET" in answer.header("allow")


def test_duplicates_conflict(platform):
    api = platform.login()
    path = f"/v1/organizations/{platform.organization()['id']}/projects"
    made = api.post(path, {"name": "twice"})
    problem(api.call("POST", path, {"name": "twice"}), 409)
    problem(api.call("POST", f"/v1/projects/{made['id']}/environments", {"name": "production"}), 409)


def test_etags(platform):
    project = platform.project("etags")
    path = f"/v1/environments/{project.environment['id']}"
    first = project.api.call("GET", path)
    tag = first.header("etag")
    assert tag.startswith('"')
    assert project.api.call("GET", path, headers=[("If-None-Match", tag)]).status == 304
    assert project.api.call("PATCH", path, {"enabled": False}, headers=[("If-Match", tag)]).status == 200
    problem(project.api.call("PATCH", path, {"enabled": True}, headers=[("If-Match", tag)]), 412)
    assert project.api.patch(path, {"enabled": True})["enabled"] is True
    problem(project.api.call("DELETE", path), 428)


def test_an_environment_tells_its_address(platform):
    project = platform.project("address")
    assert project.host == f"address.{DOMAIN}"
    assert project.environment["url"] == f"https://address.{DOMAIN}:{platform.port}"
    staging = project.api.post(f"/v1/projects/{project.id}/environments", {"name": "staging"})
    assert staging["hostname"] == f"address-staging.{DOMAIN}"


def test_openapi_is_served(platform):
    answer = Api(platform).call("GET", "/v1/openapi.json")
    document = answer.json if answer.status == 200 else platform.login().get("/v1/openapi.json")
    assert document["openapi"].startswith("3.1")
    for path in ("/v1/me", "/v1/sessions", "/v1/routes/{rt}", "/v1/environments/{env}/warpgates", "/v1/keys/{key}"):
        assert path in document["paths"], path


def test_signing_out(platform):
    token = Api(platform).post("/v1/sessions", {"email": f"admin@{DOMAIN}", "password": platform.password})["token"]
    api = Api(platform, token)
    api.get("/v1/me")
    assert api.call("DELETE", "/v1/sessions/current").status == 204
    problem(api.call("GET", "/v1/me"), 401)
