"""What is configured holds at the edges: nobody gets in where that cannot be kept, addresses, host names, whole projects as one document."""
import pytest

from harness import DOMAIN, Visitor, eventually


def code(platform, host, path="/"):
    answer = platform.visit(host, path=path)
    return answer.status, answer.json.get("code") if answer.status >= 400 else None


def becomes(platform, host, wanted, path="/"):
    eventually(lambda: code(platform, host, path) == wanted, what=f"{path} -> {wanted}")


def test_a_protected_route_lets_nobody_in_while_nobody_can_sign_in(platform, workload, started):
    project = platform.project("protected")
    started.append(project.start_warpgate(workload.address))
    project.route("/")
    becomes(platform, project.host, (200, None))
    route = project.route("/admin/")
    project.api.patch(f"/v1/routes/{route['id']}", {"access": {"auth": "required", "require": {"any_role": ["admin"]}}})
    becomes(platform, project.host, (503, "policy_not_enforced"), "/admin/x")
    assert code(platform, project.host) == (200, None)
    before = len(workload.requests)
    assert code(platform, project.host, "/admin/") == (503, "policy_not_enforced")
    assert len(workload.requests) == before
    project.api.patch(f"/v1/routes/{route['id']}", {"access": None})
    becomes(platform, project.host, (200, None), "/admin/x")


def test_address_lists_hold(platform, workload, started):
    project = platform.project("addresses")
    started.append(project.start_warpgate(workload.address))
    route = project.route("/")
    becomes(platform, project.host, (200, None))
    environment = f"/v1/environments/{project.environment['id']}"
    project.api.patch(f"/v1/routes/{route['id']}", {"ip": {"allow": ["192.0.2.0/24"]}})
    becomes(platform, project.host, (403, "address_refused"))
    project.api.patch(f"/v1/routes/{route['id']}", {"ip": {"allow": ["127.0.0.0/8"]}})
    becomes(platform, project.host, (200, None))
    project.api.patch(environment, {"settings": {"ip": {"deny": ["127.0.0.1"]}}})
    becomes(platform, project.host, (403, "address_refused"))
    project.api.patch(environment, {"settings": None})
    becomes(platform, project.host, (200, None))


def test_a_further_host_name_is_served(platform, workload, started):
    project = platform.project("names")
    started.append(project.start_warpgate(workload.address))
    project.route("/")
    becomes(platform, project.host, (200, None))
    environment = f"/v1/environments/{project.environment['id']}"
    seen = project.api.patch(environment, {"hostnames": [f"other-name.{DOMAIN}", "www.shop.example"]})
    assert {state["hostname"]: state["state"] for state in seen["hostname_states"]} == {
        project.host: "served", f"other-name.{DOMAIN}": "served", "www.shop.example": "no_certificate"}

    def visit():
        with Visitor(platform.port, f"other-name.{DOMAIN}", platform.ca) as visitor:
            return visitor.request().status

    eventually(lambda: visit() == 200, what="the other name")
    project.api.patch(environment, {"hostnames": []})
    eventually(lambda: visit() == 421, what="the name is gone")


@pytest.mark.parametrize("name, wanted", [
    ("api." + DOMAIN, "hostname_reserved"), (DOMAIN, "hostname_reserved"), ("localhost", "hostname_unqualified"),
    ("a.b." + DOMAIN, "hostname_reserved"), ("*." + DOMAIN, "hostname_wildcard"), ("xn--a." + DOMAIN, "hostname_reserved"),
    ("Names." + DOMAIN, "host_not_canonical"), ("names." + DOMAIN + ".", "host_not_canonical"), ("192.0.2.1", "hostname_invalid"),
])
def test_names_that_nobody_gets(platform, name, wanted):
    project = platform.project("wishes-" + str(abs(hash(name)) % 100000))
    answer = project.api.call("PATCH", f"/v1/environments/{project.environment['id']}", {"hostnames": [name]})
    assert answer.status == 422, answer.body
    assert [(fault["pointer"], fault["code"]) for fault in answer.json["errors"]] == [("/hostnames/0", wanted)]


def test_a_project_as_one_document(platform, workload, started):
    project = platform.project("document")
    started.append(project.start_warpgate(workload.address))
    path = f"/v1/projects/{project.environment['project']}/manifest"
    document = {"environments": [{"name": project.environment["name"], "routes": [{"path": "/one"}, {"path": "/two", "sticky": True}]}]}
    plan = project.api.ok("PUT", path + "?dry_run=true", document)
    assert plan["summary"]["create"] == 2 and plan["dry_run"]
    assert code(platform, project.host, "/one")[0] == 404
    plan = project.api.ok("PUT", path, document, [("If-Match", "*")])
    assert plan["summary"] == {"create": 2, "update": 1, "delete": 0, "unchanged": 0}
    becomes(platform, project.host, (200, None), "/one")
    becomes(platform, project.host, (200, None), "/two")
    exported = project.api.get(path)
    assert project.api.ok("PUT", path, exported, [("If-Match", "*")])["changes"] == []
