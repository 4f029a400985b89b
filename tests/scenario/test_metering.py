"""What visitors use is counted once, whatever breaks; what they ask for is logged without what nobody should know."""
import json
import signal
import threading

import pytest

from harness import DOMAIN, Api, Platform, Visitor, Workload, eventually, plain_response
from visitor_h2 import H2Visitor
from websocket_peer import CLOSE, TEXT, Http1WebSocket, WorkloadSide, close_payload, frame
from workload_live import LiveWorkload

ANSWER = b"x" * 100
ERROR = b"y" * 10


def handler(request):
    if request.target.startswith("/broken"):
        return plain_response(ERROR, status="500 Internal Server Error")
    return plain_response(ANSWER)


@pytest.fixture
def answering():
    with Workload(handler) as running:
        yield running


def used(project, path="environments", identity=None):
    identity = identity or project.environment["id"]
    return project.api.get(f"/v1/{path}/{identity}/usage")["total"]


def wait_used(project, requests, **others):
    """The whole usage of an environment, when it is this; it must not become more."""
    def check():
        total = used(project)
        assert total["requests"] <= requests, total
        return total["requests"] == requests and all(total[name] == value for name, value in others.items())
    eventually(check, what=f"{requests} requests {others}, not {used(project)}")
    return used(project)


def rows(project, query=""):
    return project.api.get(f"/v1/environments/{project.environment['id']}/requests?limit=200{query}")["items"]


def begin(platform, name, address, *paths):
    project = platform.project(name)
    project.routes = [project.route(path) for path in (paths or ("/",))]
    project.warpgate = project.start_warpgate(address)
    return project


def ask(project, count, path="/", body=b"", method="GET"):
    with Visitor(project.platform.port, project.host, project.platform.ca) as visitor:
        for _ in range(count):
            visitor.request(method, path, (), body)


def ask_h2(project, count, path):
    with H2Visitor(project.platform, project.host) as visitor:
        for _ in range(count):
            visitor.wait(visitor.begin(path=path))


def test_exact_counts(platform, started, answering):
    """1,000 requests over two routes and two environments, HTTP/1.1 and HTTP/2, with bytes."""
    first = begin(platform, "exact", answering.address, "/", "/broken")
    second = begin(platform, "exact-too", answering.address)
    started += [first.warpgate, second.warpgate]
    ask(first, 300, "/a")
    ask(first, 100, "/b", b"z" * 50, "POST")
    ask(first, 50, "/broken")
    ask_h2(first, 250, "/c")
    ask_h2(second, 300, "/d")
    wait_used(first, 700, bytes_in=5000, bytes_out=650 * len(ANSWER) + 50 * len(ERROR))
    wait_used(second, 300, bytes_in=0, bytes_out=300 * len(ANSWER))
    assert used(first, "projects", first.id)["requests"] == 700
    metrics = first.api.get(f"/v1/environments/{first.environment['id']}/metrics?window=1h")
    assert metrics["step_seconds"] == 60 and len(metrics["series"]) == 60
    assert metrics["total"]["requests"] == {"none": 0, "1xx": 0, "2xx": 650, "3xx": 0, "4xx": 0, "5xx": 50}
    assert 0 < metrics["total"]["latency_ms"]["p50"] <= metrics["total"]["latency_ms"]["p99"]
    assert sum(point["requests"]["2xx"] for point in metrics["series"]) == 650
    broken = first.api.get(f"/v1/environments/{first.environment['id']}/metrics?window=7d&route={first.routes[1]['id']}")
    assert broken["total"]["requests"]["5xx"] == 50 and broken["total"]["requests"]["2xx"] == 0
    assert broken["total"]["bytes_out"] == 50 * len(ERROR)
    logged = metrics["total"]["unlogged"] + len(first.api.get(
        f"/v1/environments/{first.environment['id']}/requests?limit=1")["items"])
    assert logged > 0


def test_the_platforms_own_answers(platform, answering):
    project = platform.project("own")
    project.route("/here")
    eventually(lambda: project.platform.visit(project.host, path="/there").status == 404, what="a route")
    count = used(project)["requests"]  # of the waiting above, as far as it has come
    ask(project, 3, "/there")
    eventually(lambda: used(project)["requests"] >= count + 3, what="counted")
    metrics = project.api.get(f"/v1/environments/{project.environment['id']}/metrics")
    assert metrics["total"]["codes"]["no_route"] >= 3
    row = rows(project, "&code=no_route&path=/there")[0]
    assert row["status"] == 404 and row["step"] == "route" and row["route"] == "" and row["warpgate"] == ""


def test_websocket_bytes(platform, started):
    echoed = threading.Event()

    def take(peer):
        frames = WorkloadSide(peer).switch(with_it=frame(TEXT, b"hello", is_masked=False))
        opcode, payload = frames.next()[:2]
        frames.send(opcode, payload)
        echoed.set()
        while frames.next()[0] != CLOSE:
            pass
        frames.send(CLOSE, close_payload(1000))

    workload = LiveWorkload(take)
    project = begin(platform, "sockets", workload.address)
    started.append(project.warpgate)
    visitor = Http1WebSocket(platform.port, project.host, platform.ca)
    assert visitor.open() == 101
    visitor.frames.next()
    visitor.frames.send(TEXT, b"q" * 1000)
    visitor.frames.next()
    # What has moved is counted while the WebSocket is open; the request when it is over.
    out = len(frame(TEXT, b"hello", is_masked=False)) + len(frame(TEXT, b"q" * 1000, is_masked=False))
    wait_used(project, 0, bytes_in=len(frame(TEXT, b"q" * 1000)), bytes_out=out)
    visitor.frames.send(CLOSE, close_payload(1000))
    visitor.frames.next()
    visitor.close()
    wait_used(project, 1)
    assert rows(project)[0]["protocol"] == "websocket" and rows(project)[0]["status"] == 101


def test_nothing_is_lost_or_doubled_when_the_platform_restarts(tmp_path, started, answering):
    platform = Platform(tmp_path)
    project = begin(platform, "restarted", answering.address)
    started.append(project.warpgate)
    ask(project, 200)
    assert platform.stop() == 0, platform.output[-3000:]
    again = Platform(tmp_path, port=platform.port)
    started.append(again)
    again.password, project.platform, project.api = platform.password, again, again.login()
    assert used(project)["requests"] == 200
    eventually(lambda: again.visit(project.host).status == 200, what="the warpgate is back")
    count = used(project)["requests"]
    ask(project, 100)
    eventually(lambda: used(project)["requests"] > count, what="more")
    mark = again.mark()
    successor = Platform(tmp_path, port=again.port, arguments=("--replace",))
    started.append(successor)
    assert again.wait() == 0, again.output[-3000:]
    assert "usage_lost" not in again.output[mark:]
    successor.password, project.platform, project.api = again.password, successor, successor.login()
    ask(project, 50)
    # Every answer that a visitor of this test was given, once: those of the waiting are in the workload's list alone.
    eventually(lambda: used(project)["requests"] >= len(answering.requests), what="all counted")
    assert used(project)["bytes_out"] >= len(answering.requests) * len(ANSWER)
    own = len(rows(project, "&status=503"))
    assert used(project)["requests"] == len(answering.requests) + own


def test_at_most_seconds_are_lost_when_it_is_killed(tmp_path, started, answering):
    platform = Platform(tmp_path)
    project = begin(platform, "killed", answering.address)
    started.append(project.warpgate)
    ask(project, 20)
    wait_used(project, 20)
    platform.kill(signal.SIGKILL)
    platform.wait()
    again = Platform(tmp_path, port=platform.port)
    started.append(again)
    again.password, project.platform, project.api = platform.password, again, again.login()
    assert used(project)["requests"] == 20


def test_rows_hold_no_secrets(platform, started, answering):
    """Marked secrets in every place that is not to be logged; hostile bytes where something is."""
    mark = "s3cr3t-marker"
    project = begin(platform, "secrets", answering.address)
    started.append(project.warpgate)
    with Visitor(platform.port, project.host, platform.ca) as visitor:
        visitor.request("POST", f"/form?token={mark}", (("Authorization", f"Bearer {mark}"), ("Cookie", f"session={mark}"),
                                                        ("X-Note", mark), ("Referer", f"https://a.example/{mark}"),
                                                        ("User-Agent", mark)), mark.encode())
        visitor.request("GET", "/%0d%0aSet-Cookie:%20a/\"<script>'{}|^`")
    eventually(lambda: len(rows(project)) == 2, what="rows")
    for row in rows(project):
        assert mark not in json.dumps(row)
        assert "query" not in row
        assert all(0x21 <= ord(c) <= 0x7e for c in row["path"] + row["host"])
    row = next(r for r in rows(project) if r["method"] == "POST")
    assert row["path"] == "/form" and row["status"] == 200 and row["bytes_in"] == len(mark)
    assert row["protocol"] == "http/1.1" and row["ip_address"] == "127.0.0.1" and row["edge"].startswith("edg_")
    assert row["warpgate"] == project.warpgates()[0]["id"] and row["route"] == project.routes[0]["id"]
    for name in ("store.db", "store.db-wal"):
        stored = (platform.folder / "data" / name).read_bytes()
        assert mark.encode() not in stored and b"/form" not in stored


def test_logs_as_the_environment_wants_them(platform, started, answering):
    project = begin(platform, "switched", answering.address)
    started.append(project.warpgate)
    path = f"/v1/environments/{project.environment['id']}"

    def want(**logs):
        mark = platform.mark()
        project.api.patch(path, {"settings": {"logs": logs}})
        project.wait_in_force(mark)

    want(include_query=True)
    ask(project, 1, "/with?a=b")
    eventually(lambda: len(rows(project)) == 1, what="a row")
    assert rows(project)[0]["query"] == "a=b"
    want(enabled=False)
    ask(project, 3, "/unseen")
    wait_used(project, 4)  # counted all the same
    assert rows(project) == []
    want(enabled=True, include_query=False)
    ask(project, 1, "/without?a=b")
    wait_used(project, 5)
    eventually(lambda: len(rows(project)) == 2, what="the first and the last")
    assert "query" not in rows(project)[0] and rows(project, "&path=/unseen") == []


def test_rows_are_filtered_and_paged(platform, started, answering):
    project = begin(platform, "filtered", answering.address)
    started.append(project.warpgate)
    for index in range(8):
        ask(project, 1, f"/page/{index}")
    ask(project, 2, "/broken")
    eventually(lambda: len(rows(project)) == 10, what="rows")
    assert len(rows(project, "&status=5xx")) == 2 and len(rows(project, "&status=200")) == 8
    assert len(rows(project, "&path=%2Fpage%2F")) == 8 and rows(project, "&method=POST") == []
    found, cursor = [], ""
    for _ in range(20):
        page = project.api.get(f"/v1/environments/{project.environment['id']}/requests?limit=3&path=/page{cursor}")
        found += [row["path"] for row in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == [f"/page/{index}" for index in range(7, -1, -1)]
    for query in ("status=6xx", "status=abc", "colour=red"):
        assert project.api.call("GET", f"/v1/environments/{project.environment['id']}/requests?{query}").status == 400


def test_statements(platform, started, answering):
    project = begin(platform, "billed", answering.address)
    started.append(project.warpgate)
    ask(project, 7)
    wait_used(project, 7)
    organization = platform.organization()["id"]
    months = project.api.get(f"/v1/organizations/{organization}/statements")["items"]
    assert len(months) == 1 and not months[0]["is_final"]
    path = f"/v1/organizations/{organization}/statements/{months[0]['month']}"
    line = next(item for item in project.api.get(path)["items"] if item["project"] == project.id)
    assert line["project_name"] == "billed" and line["environment_name"] == "production" and line["requests"] == 7
    answer = project.api.call("GET", path + "?format=csv")
    assert answer.header("content-type").startswith("text/csv")
    lines = answer.body.decode().split("\r\n")
    assert lines[0].startswith("month,project,") and any(f",{project.id},billed," in text and ",7,0,700" in text for text in lines)
    # What is deleted stays in the statement.
    project.api.delete(f"/v1/projects/{project.id}")
    line = next(item for item in project.api.get(path)["items"] if item["project"] == project.id)
    assert line["project_name"] is None and line["requests"] == 7
    assert project.api.call("GET", f"/v1/organizations/{organization}/statements/2001-13").status == 404
    assert project.api.call("GET", f"/v1/organizations/{organization}/statements/november").status == 404


def test_traffic_as_it_comes(platform, started, answering):
    project = begin(platform, "watched", answering.address)
    started.append(project.warpgate)
    with Visitor(platform.port, f"api.{DOMAIN}", platform.ca) as watcher:
        watcher.send(f"GET /v1/environments/{project.environment['id']}/traffic HTTP/1.1\r\nHost: api.{DOMAIN}:{platform.port}\r\n"
                     f"Authorization: Bearer {project.api.token}\r\n\r\n".encode())
        seen = b""
        while b"event: ready" not in seen:
            seen += watcher.socket.recv(65536)
        ask(project, 3, "/seen")
        while seen.count(b'"/seen"') < 3:
            seen += watcher.socket.recv(65536)
        assert b"event: requests" in seen


def test_nobody_else_sees_it(platform, started, answering):
    project = begin(platform, "private", answering.address)
    started.append(project.warpgate)
    ask(project, 1)
    stranger = Api(platform)
    for path in ("usage", "metrics", "requests", "traffic"):
        assert stranger.call("GET", f"/v1/environments/{project.environment['id']}/{path}").status == 401
    other = platform.login().post("/v1/organizations", {"name": "Other"})
    assert project.api.get(f"/v1/organizations/{other['id']}/usage")["total"]["requests"] == 0
    for path in ("usage", "metrics", "requests", "traffic"):
        missing = project.environment["id"][:-1] + ("0" if project.environment["id"][-1] != "0" else "1")
        assert project.api.call("GET", f"/v1/environments/{missing}/{path}").status == 404
