"""Several warpgates of one environment: who gets a request, who does not, and who gets the next one of the same visitor."""
import os
import re
import threading
import time

import pytest

from harness import DEADLINE, Visitor, Workload, eventually, free_port, plain_response
from visitor_h2 import H2Visitor

WORKERS = min(os.cpu_count(), 8)
COOKIE = "__Host-warpgate-affinity"


class Replica:
    """A workload with a warpgate of its own. `hold` keeps its answers back."""

    def __init__(self, name, project, *arguments, upstream="default"):
        self.name, self.project, self.port = name, project, free_port()
        self.held = threading.Event()
        self.held.set()
        self.workload = None
        self.open()
        self.warpgate = project.start_warpgate(f"{upstream}=127.0.0.1:{self.port}", "--name", name, *arguments)
        self.wait_ready()

    def wait_ready(self):
        """A tunnel to each worker of the edge: each chooses among those that it has."""
        lines, mark = self.project.platform.lines, self.warpgate.edge_mark
        eventually(lambda: sum("edge.tunnel_ready" in line for line in lines[mark:]) == WORKERS, what="tunnels")

    def answer(self, request):
        assert self.held.wait(DEADLINE)
        return plain_response(self.name.encode())

    def open(self):
        self.workload = Workload(self.answer, port=self.port)

    def close(self):
        self.workload.close()

    def hold(self):
        self.held.clear()

    def release(self):
        self.held.set()

    @property
    def count(self):
        return len(self.workload.requests)


class Service:
    def __init__(self, platform, started, name):
        self.platform, self.started = platform, started
        self.project = platform.project(name)
        self.replicas = []

    @property
    def host(self):
        return self.project.host

    def add(self, name, *arguments, **members):
        replica = Replica(name, self.project, *arguments, **members)
        self.started.append(replica.warpgate)
        self.replicas.append(replica)
        return replica

    def get(self, path="/", **members):
        return self.platform.visit(self.host, path=path, **members)

    def answers(self, count, path="/", **members):
        """Who has answered how often."""
        seen = {}
        with Visitor(self.platform.port, self.host, self.platform.ca) as visitor:
            for _ in range(count):
                answer = visitor.request(path=path, **members)
                key = answer.body.decode() if answer.status == 200 else answer.status
                seen[key] = seen.get(key, 0) + 1
        return seen


@pytest.fixture
def service(platform, started, request):
    service = Service(platform, started, re.sub("[^a-z]+", "-", request.node.name.lower())[5:35].strip("-"))
    yield service
    for replica in service.replicas:
        replica.release()
        replica.close()


def test_equals_share(service):
    service.project.route("/")
    for name in "abc":
        service.add(name)
    seen = service.answers(300)
    assert set(seen) == {"a", "b", "c"} and min(seen.values()) > 50, seen


def test_the_busy_one_gets_less(service):
    """What waits at one warpgate keeps the next requests away from it: on one connection, since each worker counts its own."""
    service.project.route("/")
    a, b = service.add("a"), service.add("b")
    a.hold()
    with H2Visitor(service.platform, service.host) as visitor:
        waiting = []
        while a.count == 0:
            before = b.count
            waiting.append(visitor.begin())
            eventually(lambda: a.count + b.count > before, what="a turn")
        for _ in range(100):
            assert visitor.wait(visitor.begin()).body == b"b"
        assert a.count == 1
        a.release()
        assert visitor.wait(waiting[-1]).body == b"a"


def test_only_who_declared_the_upstream(service):
    mark = service.platform.mark()
    service.project.route("/")
    service.project.route("/api", upstream="api")
    service.project.wait_in_force(mark)
    service.add("a")
    service.add("b", upstream="api")
    assert service.answers(30, "/api") == {"b": 30}
    assert service.answers(30, "/other") == {"a": 30}


def test_a_workload_that_is_gone_costs_nobody_an_answer(service):
    """Refused by one, asked of the other: also a POST with a body, which nobody has processed."""
    service.project.route("/")
    a, b = service.add("a"), service.add("b")
    assert set(service.answers(50)) == {"a", "b"}
    a.close()
    with Visitor(service.platform.port, service.host, service.platform.ca) as visitor:
        for turn in range(100):
            method, body = (("POST", b"x" * 100), ("GET", b""))[turn % 2]
            answer = visitor.request(method, body=body)
            assert (answer.status, answer.body) == (200, b"b"), (turn, method, answer.body)
    assert all(r.body == b"x" * 100 for r in b.workload.requests if r.method == "POST")
    a.open()
    eventually(lambda: "a" in service.answers(10), what="the way back")


def test_when_all_look_unhealthy_all_are_tried(service):
    service.project.route("/")
    replicas = [service.add(name) for name in "abc"]
    service.answers(30)
    for replica in replicas:
        replica.close()
    for _ in range(20):
        begun = time.monotonic()
        answer = service.get()
        assert (answer.status, answer.json["code"]) == (502, "upstream_refused")
        assert time.monotonic() - begun < 1
    replicas[1].open()
    eventually(lambda: service.answers(10) == {"b": 10}, what="the one that is back")


def test_a_health_check_decides(service):
    """A workload that answers requests well and its own check badly is not asked."""
    service.project.route("/")
    sick = threading.Event()

    class Sick(Replica):
        def answer(self, request):
            is_check = request.target == "/healthz"
            return plain_response(b"", "503 Service Unavailable") if is_check and sick.is_set() else super().answer(request)

    environment = service.project.environment["id"]
    checks = {"health_checks": [{"upstream": "default", "path": "/healthz", "interval_ms": 1000, "timeout_ms": 500}]}
    service.project.api.patch(f"/v1/environments/{environment}", checks)
    a = Sick("a", service.project)
    service.replicas.append(a)
    service.started.append(a.warpgate)
    service.add("b")
    sick.set()
    eventually(lambda: service.answers(20) == {"b": 20}, what="the healthy one alone")
    sick.clear()
    eventually(lambda: "a" in service.answers(20), what="the way back")


def cookie_of(answer):
    (value,) = [value for name, value in answer.headers if name.lower() == "set-cookie"]
    pair, *attributes = [part.strip() for part in value.split(";")]
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]
    name, value = pair.split("=")
    assert name == COOKIE and len(value) == 16
    return value


def test_sticky_visitors_stay(service):
    service.project.route("/", sticky=True)
    replicas = {name: service.add(name) for name in "abc"}
    homes = set()
    for _ in range(30):
        first = service.get()
        value = cookie_of(first)
        homes.add((first.body, value))
        fields = [("Cookie", f"theme=dark; {COOKIE}={value}; lang=\"de; at\"")]
        for _ in range(5):
            answer = service.get(headers=fields)
            assert answer.body == first.body and answer.header("set-cookie") is None
    assert len(homes) == 3 and len({value for _, value in homes}) == 3
    for replica in replicas.values():
        cookies = {request.header("cookie") for request in replica.workload.requests}
        assert cookies == {None, 'theme=dark; lang="de; at"'}, "the workload sees its own alone"


def test_sticky_over_http2(service):
    """Crumbs of cookies, side by side."""
    service.project.route("/", sticky=True)
    service.add("a")
    service.add("b")
    with H2Visitor(service.platform, service.host) as visitor:
        first = visitor.wait(visitor.begin())
        value = next(value for name, value in first.headers if name == "set-cookie").split("=")[1].split(";")[0]
        crumbs = [("cookie", "x=1"), ("cookie", f"{COOKIE}={value}"), ("cookie", "y=2")]
        streams = [visitor.begin(fields=crumbs) for _ in range(20)]
        for stream in streams:
            answer = visitor.wait(stream)
            assert answer.body == first.body and answer.header("set-cookie") is None
    seen = [r.header("cookie") for replica in service.replicas for r in replica.workload.requests]
    assert sorted(seen, key=str) == [None] + ["x=1; y=2"] * 20 or sorted(set(seen), key=str) == [None, "x=1; y=2"]


def test_a_home_that_is_gone_is_replaced(service):
    service.project.route("/", sticky=True)
    replicas = {name: service.add(name) for name in "ab"}
    first = service.get()
    value, home = cookie_of(first), replicas[first.body.decode()]
    fields = [("Cookie", f"{COOKIE}={value}")]
    home.close()  # the workload first: unhealthy
    answer = service.get(headers=fields)
    assert answer.status == 200 and answer.body != first.body
    assert cookie_of(answer) != value
    home.open()
    eventually(lambda: service.get(headers=fields).body == first.body, what="home again")
    mark = service.platform.mark()
    home.warpgate.kill()
    service.platform.wait_line(r"edge\.tunnel_closed", mark)
    answer = service.get(headers=fields)
    assert answer.status == 200 and cookie_of(answer) != value


@pytest.mark.parametrize("value", ["", "x", "0" * 16, "f" * 5000, "\"quoted\"", "a=b=c", "%00%0d%0a", "=", "\xff\xfe"],
                         ids=["empty", "short", "unknown", "long", "quoted", "pairs", "escaped", "equals", "high"])
def test_invented_cookies(service, value):
    service.project.route("/", sticky=True)
    service.add("a")
    with Visitor(service.platform.port, service.host, service.platform.ca) as visitor:
        for _ in range(3):
            answer = visitor.request(headers=[("Cookie", f"{COOKIE}={value}; {COOKIE}={value}")])
            assert (answer.status, answer.body) == (200, b"a")
            cookie_of(answer)
    assert all(request.header("cookie") is None for request in service.replicas[0].workload.requests)


def test_routes_that_are_not_sticky_say_nothing(service):
    service.project.route("/")
    service.add("a")
    answer = service.get(headers=[("Cookie", f"{COOKIE}=0123456789abcdef")])
    assert answer.header("set-cookie") is None
    assert service.replicas[0].workload.requests[-1].header("cookie") is None
