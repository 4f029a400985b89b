"""api_world.py: two organizations with one of each kind of object, and everybody who could call the API about them.

BUILDERS has a function for each name that a path of the document may hold. A new kind of object needs one here: test_matrix.py fails until it has.
"""
import itertools
import json

import contract
from harness import DOMAIN, Api, Visitor, Warpgate, eventually

PASSWORD = "as long as one could wish"
ROLES = ("owner", "admin", "developer", "viewer", "billing")
PERMISSIONS = ("audit:read", "config:read", "config:write", "metrics:read", "users:read", "users:write", "warpgate:connect")
PREFIXES = {"org": "org", "prj": "prj", "env": "env", "rt": "rt", "sa": "sa", "key": "key", "mem": "mem", "ses": "ses", "inv": "inv",
            "op": "op", "edg": "edg", "jt": "jt", "evt": "evt", "wg": "wg"}
INSTALLATION = {"edg", "jt"}  # kinds that belong to no organization
counter = itertools.count(1)


def fresh_name(prefix="n"):
    return f"{prefix}-{next(counter)}"


class Caller(Api):
    """Somebody who calls: all calls on one connection, which is opened again when the platform has closed it."""

    def __init__(self, platform, name, token=None, role=None, permissions=(), is_account=False, is_elsewhere=False, is_operator=False):
        super().__init__(platform, token)
        self.name, self.role, self.permissions = name, role, set(permissions)
        self.is_account, self.is_elsewhere, self.is_operator = is_account, is_elsewhere, is_operator
        self.visitor = None
        self.email, self.password = f"{name}@example.net", PASSWORD

    def sign_in(self):
        """Another session of the same person: the answer."""
        return Api(self.platform).post("/v1/sessions", {"email": self.email, "password": self.password})

    def send(self, method, path, fields, data):
        for attempt in (1, 2):
            try:
                if self.visitor is None:
                    self.visitor = Visitor(self.platform.port, f"api.{DOMAIN}", self.platform.ca)
                answer = self.visitor.request(method, path, fields, data)
                if (answer.header("connection") or "").lower() == "close":
                    self.close()
                return answer
            except (OSError, ValueError, ConnectionError) as error:
                self.close()
                if attempt == 2:
                    raise AssertionError(f"{method} {path}: {error!r}") from error
        return None

    def call(self, method, path, body=None, headers=(), raw=None):
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else b"")
        fields = list(headers)
        if data and not any(name.lower() == "content-type" for name, _ in fields):
            fields.append(("Content-Type", "application/json"))
        if self.token:
            fields.append(("Authorization", f"Bearer {self.token}"))
        answer = self.send(method, path, fields, data)
        contract.check(method, path, answer)
        return answer

    def begin_stream(self, path):
        """The status of an answer whose body does not end."""
        with Visitor(self.platform.port, f"api.{DOMAIN}", self.platform.ca) as visitor:
            token = f"Authorization: Bearer {self.token}\r\n" if self.token else ""
            visitor.send(f"GET {path} HTTP/1.1\r\nHost: {visitor.authority}\r\n{token}\r\n".encode())
            head = b""
            while b"\r\n" not in head:
                head += visitor.socket.recv(4096)
            return int(head.split(b" ", 2)[1])

    def close(self):
        if self.visitor is not None:
            self.visitor.close()
        self.visitor = None


class Side:
    """An organization with its maker, who owns it, and one id of each kind."""

    def __init__(self, world, maker, organization=None):
        self.world, self.maker = world, maker
        self.ids = {"org": organization or maker.post("/v1/organizations", {"name": f"of {maker.name}"})["id"]}

    def id(self, kind):
        if kind not in self.ids:
            self.ids[kind] = self.build(kind)
        return self.ids[kind]

    def build(self, kind):
        """Another one, nobody's but the test's."""
        return BUILDERS[kind](self)

    def first_environment(self):
        """The one that the project came with."""
        return self.maker.get(f"/v1/projects/{self.id('prj')}/environments?order=asc")["items"][0]["id"]


def build_invitation(side, role="viewer", email=None):
    return side.maker.post(f"/v1/organizations/{side.id('org')}/invitations",
                           {"email": email or f"{fresh_name('guest')}@example.net", "role": role})


def build_key(side, account=None):
    return side.maker.post(f"/v1/service-accounts/{account or side.build('sa')}/keys", {})


def build_account(side, **members):
    return side.maker.post(f"/v1/projects/{side.id('prj')}/service-accounts", {"name": fresh_name("account"), **members})["id"]


def build_member(side):
    return side.world.enrol(side, fresh_name("member"), "viewer").get("/v1/me")["id"]


def build_session(side):
    return side.maker.sign_in()["id"]


def find_event(side):
    route = side.build("rt")
    path = f"/v1/projects/{side.id('prj')}/audit-events?limit=200"
    events = side.maker.get(path)["items"]
    assert route
    # One that belongs to the project and to none of its environments.
    return next(event["id"] for event in events if event["project"] == side.id("prj") and event["environment"] is None)


def find_edge(side):
    edges = side.world.operator.get("/v1/edges")["items"]
    return edges[0]["id"] if edges else absent("edg")


def build_warpgate(side):
    account = build_account(side, permissions=["warpgate:connect"])
    key = build_key(side, account)["key"]
    platform = side.maker.platform
    mark = platform.mark()
    warpgate = Warpgate(platform, key, "127.0.0.1:1", "--name", fresh_name("gate"), "--environment", "production")
    side.world.programs.append(warpgate)
    platform.wait_line(r"edge\.tunnel_ready", mark)
    path = f"/v1/environments/{side.first_environment()}/warpgates"
    return eventually(lambda: side.maker.get(path)["items"], what="a warpgate")[0]["id"]


def build_operation(side):
    """An export; there may be one at a time."""
    def begin():
        answer = side.maker.call("POST", f"/v1/organizations/{side.id('org')}/exports")
        return answer if answer.status == 202 else None
    operation = eventually(begin, what="an export begins").json["id"]
    eventually(lambda: side.maker.get(f"/v1/operations/{operation}")["status"] not in ("running", "queued", "pending"), what="an export ends")
    return operation


BUILDERS = {
    "org": lambda side: side.maker.post("/v1/organizations", {"name": fresh_name("organization")})["id"],
    "prj": lambda side: side.maker.post(f"/v1/organizations/{side.id('org')}/projects", {"name": fresh_name("project")})["id"],
    "env": lambda side: side.maker.post(f"/v1/projects/{side.id('prj')}/environments", {"name": fresh_name("env")})["id"],
    "rt": lambda side: side.maker.post(f"/v1/environments/{side.id('env')}/routes", {"path": f"/{fresh_name()}"})["id"],
    "sa": build_account,
    "key": lambda side: build_key(side)["id"],
    "mem": build_member,
    "ses": build_session,
    "inv": lambda side: build_invitation(side)["id"],
    "evt": find_event,
    "edg": find_edge,
    "jt": lambda side: side.world.operator.post("/v1/edges/join-tokens", {"name": fresh_name("edge")})["id"],
    "month": lambda side: "2026-01",
    "wg": build_warpgate,
    "op": build_operation,
}


def absent(kind):
    return "1999-01" if kind == "month" else f"{PREFIXES[kind]}_{0:026d}"


class World:
    def __init__(self, platform, has_callers=True):
        self.platform, self.programs, self.callers = platform, [], {}
        self.operator = Caller(platform, "operator", platform.login().token, is_operator=True)
        self.operator.email, self.operator.password = f"admin@{DOMAIN}", platform.password
        default = self.operator.get("/v1/organizations")["items"][0]
        self.home = Side(self, self.operator, default["id"])
        self.own = Side(self, self.enrol(self.home, "maker", "viewer"))
        stranger = self.enrol(self.home, "stranger", "viewer")
        self.foreign = Side(self, stranger)
        if has_callers:
            self.add_callers(stranger)

    def add_callers(self, stranger):
        self.callers = {role: self.enrol(self.own, f"person-{role}", role) for role in ROLES}
        self.callers.update(operator=self.operator, stranger=stranger, nobody=Caller(self.platform, "nobody"))
        stranger.role, stranger.is_elsewhere = "owner", True
        for permission in PERMISSIONS:
            self.callers[permission] = self.account(permission, [permission])
        elsewhere = self.own.build("env")
        self.callers["other-environment"] = self.account("other-environment", PERMISSIONS, environment=elsewhere)
        self.callers["other-environment"].is_elsewhere = True

    def enrol(self, side, name, role):
        """A person who has accepted an invitation."""
        link = build_invitation(side, role, f"{name}@example.net")["accept_url"]
        made = Api(self.platform).post("/v1/invitations/accept", {"token": link.partition("#")[2], "name": name, "password": PASSWORD})
        return Caller(self.platform, name, made["session"]["token"], role=role)

    def account(self, name, permissions, **members):
        account = build_account(self.own, permissions=list(permissions), **members)
        return Caller(self.platform, name, build_key(self.own, account)["key"], permissions=permissions, is_account=True)

    def close(self):
        for caller in [*self.callers.values(), self.operator, self.own.maker, self.foreign.maker]:
            caller.close()
        for program in self.programs:
            program.stop()


# Requests that would be right


def sample(schema, name="", is_full=False):
    """A value that fits; of objects what is required, or with `is_full` everything."""
    schema = contract.resolve(schema)
    kind = schema.get("type", "object" if "properties" in schema else None)
    kind = kind[0] if isinstance(kind, list) else kind
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema and kind is None:
            return sample(schema[choice][0], name, is_full)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    if kind == "object":
        members = schema.get("properties", {})
        return {n: sample(s, n, is_full) for n, s in members.items() if is_full or n in schema.get("required", [])}
    if kind == "array":
        return [sample(schema["items"], name, is_full)] if is_full and "items" in schema else []
    return sample_plain(kind, schema, name)


def sample_plain(kind, schema, name):
    texts = {"path": f"/{fresh_name()}", "email": f"{fresh_name('guest')}@example.net", "password": PASSWORD, "expires_at": "2099-01-01T00:00:00Z"}
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "string":
        return texts.get(name, "2099-01-01T00:00:00Z" if schema.get("format") == "date-time" else fresh_name())
    return None


def right_body(side, operation, ids):
    """What the owner of the objects would send."""
    special = {
        "orderRoutes": lambda: {"routes": [r["id"] for r in side.maker.get(f"/v1/environments/{ids['env']}/routes?limit=200")["items"]]},
        "applyManifest": lambda: side.maker.get(f"/v1/projects/{ids['prj']}/manifest"),
        "createSession": lambda: {"email": "nobody@example.net", "password": "it is not this one"},
        "acceptInvitation": lambda: {"token": "x" * 43},
        "createInvitation": lambda: {"email": f"{fresh_name('guest')}@example.net", "role": "viewer"},
        "createServiceAccount": lambda: {"name": fresh_name("account"), "permissions": ["config:read"]},
    }
    if operation.body() is None:
        return None
    return special[operation.id]() if operation.id in special else sample(operation.body())


def fill(operation, ids):
    path = operation.path
    for name in operation.names:
        path = path.replace("{" + name + "}", ids[name])
    return path
