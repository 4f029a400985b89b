"""The API's manners: shapes, errors, tenants, concurrency. Every operation also has its own tests elsewhere."""
import pytest

from harness import DOMAIN, Api, Visitor


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


def test_route_options(platform):
    project = platform.project("options")
    plain = project.route("/plain")
    assert plain["timeouts"] == {"connect_ms": 5000, "first_byte_ms": 60000, "idle_ms": 0} and plain["sticky"] is False
    route = project.route("/set", timeouts={"connect_ms": 250}, sticky=True, upstream="billing")
    path = f"/v1/routes/{route['id']}"
    assert project.api.get(path)["timeouts"] == {"connect_ms": 250, "first_byte_ms": 60000, "idle_ms": 0}
    changed = project.api.patch(path, {"timeouts": {"idle_ms": 1000}})
    assert changed["timeouts"] == {"connect_ms": 250, "first_byte_ms": 60000, "idle_ms": 1000} and changed["sticky"] is True
    changed = project.api.patch(path, {"timeouts": {"connect_ms": None}, "sticky": None})
    assert changed["timeouts"] == {"connect_ms": 5000, "first_byte_ms": 60000, "idle_ms": 1000} and changed["sticky"] is False
    assert changed["upstream"] == "billing"


@pytest.mark.parametrize("members, pointer", [
    ({"timeouts": {"connect_ms": 99}}, "/timeouts/connect_ms"),
    ({"timeouts": {"first_byte_ms": 3600001}}, "/timeouts/first_byte_ms"),
    ({"timeouts": {"idle_ms": 999}}, "/timeouts/idle_ms"),
    ({"timeouts": {"total_ms": 1}}, "/timeouts/total_ms"),
    ({"timeouts": []}, "/timeouts"),
    ({"sticky": "yes"}, "/sticky"),
])
def test_route_options_that_are_refused(platform, members, pointer):
    api = platform.login()
    path = f"/v1/organizations/{platform.organization()['id']}/projects"
    project = api.post(path, {"name": f"refused-{abs(hash(str(members)))}"})
    environment = api.get(f"/v1/projects/{project['id']}/environments")["items"][0]
    answer = api.call("POST", f"/v1/environments/{environment['id']}/routes", {"path": "/", **members})
    assert problem(answer, 422, "validation_failed")["errors"][0]["pointer"] == pointer


def test_health_checks(platform):
    project = platform.project("checked")
    path = f"/v1/environments/{project.environment['id']}"
    assert project.environment["health_checks"] == []
    changed = project.api.patch(path, {"health_checks": [{"path": "/up"}, {"upstream": "api", "path": "/", "interval_ms": 1000}]})
    wanted = [{"upstream": "default", "path": "/up", "interval_ms": 10000, "timeout_ms": 3000},
              {"upstream": "api", "path": "/", "interval_ms": 1000, "timeout_ms": 1000}]
    assert changed["health_checks"] == wanted and project.api.get(path)["health_checks"] == wanted
    for checks, pointer in (([{"path": "up"}], "/health_checks/0/path"),
                            ([{"path": "/"}, {"path": "/"}], "/health_checks/1/upstream"),
                            ([{"path": "/", "timeout_ms": 20000}], "/health_checks/0/timeout_ms"),
                            ([{"path": "/"}] * 33, "/health_checks")):
        answer = project.api.call("PATCH", path, {"health_checks": checks})
        assert problem(answer, 422)["errors"][0]["pointer"] == pointer
    assert project.api.get(path)["health_checks"] == wanted
    assert project.api.patch(path, {"health_checks": None})["health_checks"] == []


def test_deleting_a_project(platform):
    project = platform.project("short-lived")
    project.route("/")
    path = f"/v1/projects/{project.id}"
    problem(project.api.call("DELETE", path), 428)
    problem(project.api.call("DELETE", path, headers=[("If-Match", '"7"')]), 412)
    project.api.delete(path)
    for gone in (path, f"{path}/environments", f"/v1/environments/{project.environment['id']}", f"/v1/service-accounts/{project.account}/keys"):
        problem(project.api.call("GET", gone), 404)
    again = platform.project("short-lived")
    assert again.id != project.id and again.host == project.host


def test_requests_for_another_host_are_misdirected(platform):
    with Visitor(platform.port, f"api.{DOMAIN}", platform.ca) as visitor:
        answer = visitor.request("GET", "/v1/openapi.json", host="shop.example.org")
    problem(answer, 421, "wrong_host")


def test_a_large_body_needs_a_session_first(platform):
    """A body whose sender is not known is refused after a little of it; one that needs no session is small."""
    path = f"/v1/organizations/{platform.organization()['id']}/projects"
    large = b'{"name":"' + b" " * 500_000 + b'"}'
    for token in (None, "not-a-token"):
        with Visitor(platform.port, f"api.{DOMAIN}", platform.ca) as visitor:
            fields = [("Authorization", f"Bearer {token}")] if token else []
            head = [f"POST {path} HTTP/1.1", f"Host: {visitor.authority}", "Expect: 100-continue", f"Content-Length: {len(large)}",
                    "Content-Type: application/json", *(f"{name}: {value}" for name, value in fields)]
            visitor.send(("\r\n".join(head) + "\r\n\r\n").encode())
            if token:
                visitor.send(large[:20_000])
            problem(visitor.read_response(), 401)
    problem(platform.login().call("POST", path, raw=large), 422)
    problem(Api(platform).call("POST", "/v1/sessions", raw=large), 413)
