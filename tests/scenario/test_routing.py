"""Routes: three ways to match, one order among them, and patterns that are refused."""
import pytest

from harness import Workload


@pytest.fixture(scope="module")
def service(platform):
    workload = Workload()
    project = platform.project("routing")
    warpgate = project.start_warpgate([workload.address])
    project.workload = workload
    yield project
    assert warpgate.stop() == 0
    workload.close()


def answers(platform, project, path):
    return platform.visit(project.host, path=path).status


@pytest.fixture
def routes(platform, service):
    """Makes routes, and takes them away after the test."""
    made = []

    def make(*patterns):
        mark = platform.mark()
        for match, path, upstream in patterns:
            made.append(service.route(path, match, upstream=upstream)["id"])
        service.wait_in_force(mark)
        return made

    yield make
    for route in made:
        service.api.delete(f"/v1/routes/{route}")


# Which route took a request shows in the upstream that it asks for: only "default" is declared, the rest is 502.
TAKEN, OTHER, NONE = 200, 502, 404


def test_prefix(platform, service, routes):
    routes(("prefix", "/api/", "default"))
    for path, status in [("/api/", TAKEN), ("/api/users", TAKEN), ("/api/a/b?c", TAKEN), ("/api", NONE), ("/apix", NONE),
                         ("/API/x", NONE), ("/", NONE), ("/%61pi/x", TAKEN)]:
        assert answers(platform, service, path) == status, path


def test_exact(platform, service, routes):
    routes(("exact", "/health", "default"))
    for path, status in [("/health", TAKEN), ("/health?x=1", TAKEN), ("/health/", NONE), ("/healthy", NONE), ("/h", NONE),
                         ("/%68ealth", TAKEN)]:
        assert answers(platform, service, path) == status, path


def test_regexp_covers_the_whole_path(platform, service, routes):
    routes(("regexp", "/users/[0-9]+", "default"))
    for path, status in [("/users/123", TAKEN), ("/users/123?q", TAKEN), ("/users/", NONE), ("/users/12a", NONE),
                         ("/x/users/1", NONE), ("/users/1/x", NONE)]:
        assert answers(platform, service, path) == status, path


def test_exact_before_longest_prefix_before_regexp(platform, service, routes):
    routes(("regexp", "/a/.*", "other"), ("prefix", "/a/", "other"), ("prefix", "/a/b/", "default"), ("exact", "/a/b/c", "other"),
           ("exact", "/only", "default"), ("regexp", "/z/[a-z]+", "default"), ("regexp", "/z/.*", "other"))
    for path, status in [("/a/b/c", OTHER), ("/a/b/d", TAKEN), ("/a/x", OTHER), ("/only", TAKEN), ("/z/abc", TAKEN), ("/z/1", OTHER)]:
        assert answers(platform, service, path) == status, path


@pytest.mark.parametrize("pattern, position", [
    ("/a(b", 2), ("/a)b", 2), ("/[z-a]", 2), (r"/(a)\1", 4), ("/(?=a)", 1), ("/a**", 3), ("/a{300}", 2), (r"/\bx", 1), ("/(?P<n>a)", 1)])
def test_patterns_that_the_engine_does_not_have(service, pattern, position):
    answer = service.api.call("POST", f"/v1/environments/{service.environment['id']}/routes", {"match": "regexp", "path": pattern})
    assert answer.status == 422, answer.body
    assert answer.header("content-type").startswith("application/problem+json")
    fault = answer.json["errors"][0]
    assert fault["pointer"] == "/path"
    assert abs(fault["position"] - position) <= 3, fault


@pytest.mark.parametrize("match, path", [
    ("prefix", "api"), ("prefix", ""), ("exact", "/a/../b"), ("prefix", "/a//b"), ("exact", "/a%2fb"), ("prefix", "/a;b"),
    ("regexp", "/(" + "a{255}" * 30 + ")"), ("regexp", "/" + "a" * 2000), ("glob", "/*")])
def test_routes_that_make_no_sense(service, match, path):
    answer = service.api.call("POST", f"/v1/environments/{service.environment['id']}/routes", {"match": match, "path": path})
    assert answer.status == 422, answer.body
    assert answer.json["errors"][0]["pointer"] in ("/path", "/match")
