"""Two environments of one project never see each other's traffic."""
import concurrent.futures

from harness import Visitor, Workload, plain_response


def test_environments_never_mix(platform, started):
    project = platform.project("two")
    staging = project.api.post(f"/v1/projects/{project.id}/environments", {"name": "staging"})
    environments = {"production": project.environment, "staging": staging}
    assert environments["production"]["hostname"] != staging["hostname"]
    workloads = {}
    for name, environment in environments.items():
        workloads[name] = Workload(lambda request, name=name: plain_response(f"{name} {request.target}".encode()))
        project.route("/", environment=environment)
        started.append(project.start_warpgate(workloads[name].address, environment=environment))

    def visit(name):
        with Visitor(platform.port, environments[name]["hostname"], platform.ca) as visitor:
            return [visitor.request("GET", f"/{name}/{i}").body.decode() for i in range(100)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        names = ["production", "staging"] * 4
        for name, bodies in zip(names, pool.map(visit, names)):
            assert bodies == [f"{name} /{name}/{i}" for i in range(100)]
    for name, workload in workloads.items():
        assert {r.target.split("/")[1] for r in workload.requests} == {name}
        workload.close()


def test_one_environments_connection_does_not_reach_the_other(platform, workload, started):
    project = platform.project("cross")
    staging = project.api.post(f"/v1/projects/{project.id}/environments", {"name": "staging"})
    project.route("/", environment=staging)
    project.route("/")
    started.append(project.start_warpgate(workload.address, environment=staging))
    assert platform.visit(staging["hostname"]).status == 200
    assert platform.visit(project.host).status == 503, "production has no warpgate of its own"
    with Visitor(platform.port, project.host, platform.ca) as visitor:
        answer = visitor.request("GET", "/", host=f"{staging['hostname']}:{platform.port}")
        assert answer.status == 421
    assert len(workload.requests) == 1


def test_warpgates_are_listed_in_their_own_environment_alone(platform, workload, started):
    project = platform.project("lists")
    staging = project.api.post(f"/v1/projects/{project.id}/environments", {"name": "staging"})
    started.append(project.start_warpgate(workload.address, "--name", "box-1", environment=staging))
    assert project.warpgates() == []
    (gate,) = project.warpgates(staging)
    assert (gate["status"], gate["ip_address"], gate["name"]) == ("connected", "127.0.0.1", "box-1")
    assert gate["version"]
