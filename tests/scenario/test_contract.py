"""Requests that nobody should send, made from the document: all are answered as it says, none by a 5xx, and what is refused changes nothing (T49)."""
import json
import os
import random
import time
import urllib.parse

import pytest

import contract
from api_world import World, absent, fill, fresh_name, right_body
from harness import Api, Platform

SEED = os.environ.get("CONTRACT_SEED", "1")
SECONDS = float(os.environ.get("CONTRACT_SECONDS", "0.5"))  # for one operation
TEXTS = ["' OR '1'='1", "'; DROP TABLE member; --", "\" OR \"\"=\"", "1) UNION SELECT password_hash FROM member--", "x' AND sleep(9)--", "%' ESCAPE '%",
         "$(id)", "../../etc/passwd", "{{7*7}}", "<script>alert(1)</script>", "\r\nSet-Cookie: a=b", "\u202ename", "\U0001f600", "x" * 5000, "\x00", ""]
VALUES = [None, True, 7, -1, 0, 1.5, 10 ** 30, -(2 ** 63) - 1, [], {}, [None], {"": {}}, [[[[]]]]]
EXTRA = {"id": "prj_00000000000000000000000000", "organization": "org_00000000000000000000000000", "revision": 99, "is_operator": True, "operator": True,
         "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z", "password_hash": "x", "__proto__": {"operator": True},
         "constructor": 1, "Name": "x", "name ": "x", "": 1, "delete_at": None, "bundle_revision": 1, "last_used_at": None, "created_by": "x"}
RAW = [b"", b"{", b"null", b"[]", b'"x"', b"7", b'{"name":"a","name":"b"}', b'{"name":"\xff\xfe"}', b"\xef\xbb\xbf{}", b"[" * 20000, b'{"a":' * 3000,
       b'{"name":"\\u0000"}', b'{"name":"\\ud800"}', b"{}{}", b'{"name":1e999}', b"\x00"]
TYPES = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "application/jsonx", "", "application"]
IDS = ["x", "'", "1 OR 1=1", "..", "%00", "{prj}", "org_", "x" * 3000, "prj_" + "u" * 26, "PRJ_" + "0" * 26, "prj_" + "0" * 27, "\u00e9", "a/b", "*"]
CONDITIONS = ['"', 'W/"1"', "1", '"' + "x" * 4000 + '"', '"998", "999"', "'; --"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    platform = Platform(tmp_path_factory.mktemp("contract"), port=0, arguments=["--api-rate", "10000"])
    made = World(platform, has_callers=False)
    yield made
    made.close()
    assert platform.stop() == 0, platform.output[-4000:]
    assert "Sanitizer" not in platform.output, platform.output[-8000:]


def test_the_document_is_the_one_that_is_served(platform):
    assert Api(platform).get("/v1/openapi.json") == contract.document()


def wrong_members(rng, schema, right):
    """Bodies in which one member is not as it was."""
    properties = contract.resolve(schema).get("properties", {})
    for name in right:
        yield {k: v for k, v in right.items() if k != name}
    for name, inner in properties.items():
        inner = contract.resolve(inner)
        for value in rng.sample(VALUES, 5) + rng.sample(TEXTS, 4):
            yield {**right, name: value}
        for bound, step in (("maximum", 1), ("minimum", -1)):
            if bound in inner:
                yield {**right, name: inner[bound] + step}
        if "maxLength" in inner:
            yield {**right, name: "x" * (inner["maxLength"] + 1)}
        if "properties" in inner or "anyOf" in inner:
            yield {**right, name: {fresh_name("unknown"): 1}}


def query_mutants(rng, operation, cursors):
    names = [p["name"] for p in operation.query()]
    yield from ("bogus=1", "%", "%zz=1", "%00=1", "&&=", "limit", "x" * 5000, "a=%ff", "limit=1;order=asc")
    for name in names:
        yield f"{name}="
        for text in rng.sample([t for t in TEXTS if t], 5):
            yield f"{name}={urllib.parse.quote(text)}"
        yield f"{name}=1&{name}=1"
    if "limit" in names:
        yield from (f"limit={n}" for n in ("0", "-1", "201", "1.5", "99999999999999999999", "0x10", "%31%30%30%30"))
        yield from (f"cursor={urllib.parse.quote(cursor)}" for path, cursor in cursors.items() if path != operation.path)


class Attack:
    """All that is sent about one operation, until its time is up."""

    def __init__(self, world, operation):
        self.world, self.operation = world, operation
        self.rng = random.Random(f"{SEED} {operation}")
        self.caller = world.operator if operation.permission == "operator" else world.own.maker
        self.ids = {name: absent(name) if name == "edg" else world.own.id(name) for name in operation.names}
        self.path = fill(operation, self.ids)
        self.accepted, self.sent = 0, 0

    def send(self, path, body=None, raw=None, headers=(), wanted=None):
        """`wanted`: statuses that it has to have."""
        if self.operation.is_stream():
            status, shown = self.caller.begin_stream(path), b""
        else:
            answer = self.caller.call(self.operation.method, path, body, headers, raw)
            status, shown = answer.status, answer.body
        self.sent += 1
        self.accepted += status < 300
        what = (str(self.operation), path[:300], body, (raw or b"")[:60], headers)
        assert status < 500 and (wanted is None or status in wanted or status == 429), (status, wanted, shown[:400], what)
        return status

    def all(self, calls):
        calls = list(calls)
        self.rng.shuffle(calls)
        deadline = time.monotonic() + SECONDS / 2
        for call in calls:
            if time.monotonic() > deadline:
                return
            self.send(**call)

    def ids_and_queries(self, cursors):
        for name in self.operation.names:
            for text in IDS:
                path = fill(self.operation, {**self.ids, name: urllib.parse.quote(text, safe="%")})
                yield {"path": path, "wanted": (400, 404, 405), "body": self.body()}
        if self.operation.method == "GET":
            for query in query_mutants(self.rng, self.operation, cursors):
                yield {"path": f"{self.path}?{query}"}
        yield {"path": f"{self.path}?bogus=1", "body": self.body(), "wanted": (400,), "headers": [("If-Match", "*")]}

    def body(self):
        return right_body(self.world.own, self.operation, self.ids)

    def bodies(self):
        schema, right = self.operation.body(), self.body()
        for body in wrong_members(self.rng, schema, right):
            # What the document forbids is refused; what it allows may be refused for other reasons.
            is_wrong = bool(contract.faults(body, schema, is_closed=False))
            yield {"path": self.path, "body": body, "headers": [("If-Match", "*")], "wanted": range(400, 500) if is_wrong else None}
        known = contract.resolve(schema).get("properties", {})
        for name, value in EXTRA.items():
            if name not in known:
                yield {"path": self.path, "body": {**right, name: value}, "headers": [("If-Match", "*")], "wanted": (422,)}
        may_be_absent = not self.operation.node["requestBody"].get("required")
        for raw in RAW:
            yield {"path": self.path, "raw": raw, "headers": [("If-Match", "*")], "wanted": None if raw == b"" and may_be_absent else (400, 413, 422)}
        for kind in TYPES:
            yield {"path": self.path, "body": right or {"x": 1}, "wanted": (415,), "headers": [("Content-Type", kind), ("If-Match", "*")]}

    def conditions(self):
        if any(p["name"] == "If-Match" for p in self.operation.parameters):
            yield from ({"path": self.path, "body": self.body(), "headers": [("If-Match", tag)], "wanted": (400, 412, 404)} for tag in CONDITIONS)
        if any(p["name"] == "Idempotency-Key" for p in self.operation.parameters):
            yield from ({"path": self.path, "body": self.body(), "headers": [("Idempotency-Key", key)], "wanted": (400,)} for key in ("x" * 256, "a b", "\u00e9"))


@pytest.fixture(scope="module")
def cursors(world):
    """A cursor of each list that has more than one item."""
    side, found = world.own, {}
    for kind in ("prj", "env", "rt", "sa", "inv"):
        side.build(kind)
        side.build(kind)
    for operation in contract.operations():
        if any(p["name"] == "cursor" for p in operation.query()) and operation.permission != "operator":
            page = side.maker.get(fill(operation, {name: side.id(name) for name in operation.names}) + "?limit=1")
            if page["next_cursor"]:
                found[operation.path] = page["next_cursor"]
    assert len(found) >= 5, found
    return found


def changes(world):
    """How many there have been that anybody could tell of."""
    organization = world.own.maker.get(f"/v1/organizations/{world.own.id('org')}/audit-events?limit=1&include=total")["total"]
    return organization, world.operator.get("/v1/installation/audit-events?limit=1&include=total")["total"]


@pytest.mark.parametrize("operation", contract.operations(), ids=lambda o: o.id)
def test_whatever_is_sent(world, cursors, operation):
    attack = Attack(world, operation)
    for name in operation.names:
        world.foreign.id(name)
    before = changes(world)
    attack.all(attack.ids_and_queries(cursors))
    if operation.method != "GET":
        attack.all(attack.conditions())
    if operation.body() is not None:
        attack.all(attack.bodies())
    assert attack.sent >= 1
    if attack.accepted == 0 and operation.permission != "open":
        assert changes(world) == before, "what was refused has changed something"


def test_a_cursor_opens_its_own_list_alone(world, cursors):
    """Not that of another organization either."""
    for path, cursor in cursors.items():
        operation, _ = contract.find("GET", path)
        other = fill(operation, {name: world.foreign.id(name) for name in operation.names})
        answer = world.foreign.maker.call("GET", f"{other}?cursor={urllib.parse.quote(cursor)}")
        if operation.names:
            assert answer.status == 400 and answer.json["code"] == "cursor_invalid", (path, answer.body)


def test_nobody_can_become_an_operator(world):
    me = world.own.maker.get("/v1/me")
    for body in ({"operator": True}, {"is_operator": True}, {"role": "owner"}, {"memberships": []}, {"id": world.operator.get("/v1/me")["id"]}):
        assert world.own.maker.call("PATCH", "/v1/me", body).status == 422, body
    assert json.dumps(world.own.maker.get("/v1/me"), sort_keys=True) == json.dumps(me, sort_keys=True)
