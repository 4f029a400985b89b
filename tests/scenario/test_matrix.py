"""Every operation of the document × everybody × own, foreign and absent objects: what docs/api.md says, and nothing else (T48)."""
import re
from pathlib import Path

import pytest

import contract
from api_world import BUILDERS, INSTALLATION, PERMISSIONS, ROLES, World, absent, fill, fresh_name, right_body
from harness import Platform

DOCS = Path(__file__).resolve().parents[2] / "docs" / "api.md"
CALLERS = [*ROLES, "operator", "stranger", *PERMISSIONS, "other-environment", "nobody"]
EVERYWHERE = ("open", "known", "signed_in", "operator")
# They end the session that asks.
LAST = ("endMyOtherSessions", "deleteCurrentSession")
# What the one who may gets, where it is not the success that the document names: there is a reason that is not about permission.
OTHERWISE = {
    "createSession": (401, 429),  # with a password that is wrong, again and again
    "acceptInvitation": (404, 429),  # with a token that is none
    "leaveOrganization": 409,  # the only owner
    "createCaStep": (200, 409),  # the first one announces a root, which does not follow again
    "getStatement": (200, 404),  # there may be none of that month
    "resendInvitation": 429,  # it has just been sent
    "deleteEdge": 404,  # the only edge there is stays
}
# Objects that a change may spoil for the next caller are made anew; these are what is changed or counted.
KEPT = {"org", "edg", "month", "evt"}


def rows(heading):
    text = DOCS.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    table = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [dict(zip(table[0], row)) for row in table[2:]]


def granted():
    """{permission: the roles that have it}, as the documentation says."""
    return {row["permission"]: {role for role in ROLES if row[role] == "yes"} for row in rows("Roles and permissions")}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    platform = Platform(tmp_path_factory.mktemp("matrix"), port=0, arguments=["--api-rate", "10000"])
    made = World(platform)
    yield made
    made.close()
    assert platform.stop() == 0, platform.output[-4000:]
    assert "Sanitizer" not in platform.output, platform.output[-8000:]


def test_every_kind_of_object_has_a_builder():
    kinds = {name for operation in contract.operations() for name in operation.names}
    assert kinds <= set(BUILDERS), f"api_world.py cannot make {kinds - set(BUILDERS)}: add a builder"


def test_the_tables_of_the_documentation_are_whole():
    listed = {(row["operation"]): row["permission"] for row in rows("Operations")}
    assert listed == {str(operation): operation.permission for operation in contract.operations()}
    used = {operation.permission for operation in contract.operations()} - set(EVERYWHERE)
    assert used <= set(granted()) and set(PERMISSIONS) <= set(granted())


def is_in_scope(operation, caller):
    """Whether a service account's project and environment hold what the path names."""
    return not caller.is_elsewhere and operation.names[0] in ("prj", "env", "rt", "sa", "key", "evt", "wg")


def expected(operation, caller, which):
    """The status that refuses; None: it is not refused for who asks."""
    permission = operation.permission
    if permission == "open":
        return None
    if caller.token is None:
        return 401
    if permission in EVERYWHERE:
        may = permission == "known" or (permission == "signed_in" and not caller.is_account) or caller.is_operator
        return 403 if not may else 404 if which != "own" and operation.names else None
    if which != "own" or (caller.is_account and not is_in_scope(operation, caller)) or caller.role is None and not caller.is_account:
        return 404
    if not caller.is_account and caller.is_elsewhere:
        return 404
    may = permission in caller.permissions if caller.is_account else caller.role in granted()[permission]
    return None if may else 403


def object_ids(world, operation, caller, which, is_fresh):
    side = world.foreign if which == "foreign" else world.own
    ids = {}
    for name in operation.names:
        if which == "absent" or (which == "foreign" and name in INSTALLATION):
            ids[name] = absent(name)
        elif name == "ses" and which == "own":
            ids[name] = own_session(caller)
        elif is_fresh and name not in KEPT:
            ids[name] = side.build(name)
        else:
            ids[name] = side.id(name)
    return ids


def own_session(caller):
    return caller.sign_in()["id"] if caller.token and not caller.is_account else absent("ses")


def special_ids(world, operation, caller, ids):
    """Where what is done would be done to the whole organization, or to the caller."""
    if operation.id in ("leaveOrganization", "deleteOrganization") and caller.role == "owner":
        return {**ids, "org": caller.post("/v1/organizations", {"name": fresh_name("left")})["id"]}
    if operation.id == "restoreOrganization" and caller.role == "owner":
        made = caller.call("POST", "/v1/organizations", {"name": fresh_name("back")})
        caller.call("DELETE", f"/v1/organizations/{made.json['id']}", headers=[("If-Match", "*")])
        return {**ids, "org": made.json["id"]}
    return {**ids, "edg": absent("edg")} if operation.id == "deleteEdge" and "edg" in ids else ids


def leaves_for_good(operation, caller):
    return operation.id == "leaveOrganization" and caller.role != "owner"


def ask(world, operation, caller, which):
    refusal = expected(operation, caller, which)
    ids = object_ids(world, operation, caller, which, refusal is None and operation.method != "GET" and which == "own")
    ids = special_ids(world, operation, caller, ids) if refusal is None else ids
    path = fill(operation, ids)
    if operation.id == "deleteOrganization" and refusal is None:
        path += f"?name={caller.get('/v1/organizations/' + ids['org'])['name']}"  # so that nobody deletes the wrong one
    if operation.is_stream() and refusal is None:
        return caller.begin_stream(path), refusal, None
    body = right_body(world.own, operation, ids) if which == "own" else right_body_elsewhere(operation, world)
    answer = caller.call(operation.method, path, body, [("If-Match", "*")] if operation.method in ("DELETE", "PUT", "PATCH") else [])
    return answer.status, refusal, answer.body


def right_body_elsewhere(operation, world):
    if operation.body() is None:
        return None
    return right_body(world.own, operation, {name: world.own.id(name) for name in operation.names if name != "ses"})


def is_as_expected(operation, status, refusal):
    if refusal is not None:
        return status == refusal
    success = OTHERWISE.get(operation.id, operation.success)
    return status in (success if isinstance(success, tuple) else (success,))


def whose(operation, caller):
    """To a stranger the own organization of the others is the foreign one."""
    if not operation.names:
        return ("own",)
    return ("own", "absent") if caller.role and caller.is_elsewhere else ("own", "foreign", "absent")


def run(world, name, operations):
    caller = world.callers[name]
    wrong = []
    for operation in operations:
        for which in whose(operation, caller):
            if which == "own" and leaves_for_good(operation, caller):
                continue
            status, refusal, body = ask(world, operation, caller, which)
            if not is_as_expected(operation, status, refusal):
                wrong.append(f"{operation} {which}: {status}, not {refusal or operation.success}: {(body or b'')[:200]!r}")
        if operation.id in LAST and caller.token and not caller.is_account:
            caller.token = caller.sign_in()["token"]
    assert not wrong, f"{name}:\n" + "\n".join(wrong)


@pytest.mark.parametrize("name", CALLERS)
def test_everybody_gets_what_is_theirs(world, name):
    run(world, name, contract.operations())


def test_the_second_id_is_looked_up_within_the_first(world):
    """An own organization does not open the objects of another one."""
    maker = world.own.maker
    asked = [o for o in contract.operations() if len(o.names) == 2 and o.names[1] != "month"]
    assert asked
    for operation in asked:
        ids = {operation.names[0]: world.own.id(operation.names[0]), operation.names[1]: world.foreign.id(operation.names[1])}
        answer = maker.call(operation.method, fill(operation, ids), right_body_elsewhere(operation, world), [("If-Match", "*")])
        assert answer.status == 404, (str(operation), answer.status, answer.body)


def test_what_was_refused_changed_nothing(world):
    """After all of that: what a foreign organization has is what its maker made."""
    side = world.foreign
    listed = side.maker.get(f"/v1/organizations/{side.id('org')}/members?limit=200")["items"]
    assert {m["role"] for m in listed} <= {"owner", "viewer"}
    actors = {event["actor"]["id"] if isinstance(event["actor"], dict) else event["actor"]
              for event in side.maker.get(f"/v1/organizations/{side.id('org')}/audit-events?limit=200")["items"]}
    accounts = side.maker.get(f"/v1/projects/{side.id('prj')}/service-accounts?limit=200")["items"]
    theirs = {owned["id"] for owned in listed + accounts}
    assert actors <= theirs | {None}, "nobody else has changed anything there"
    assert re.match(r"org_", side.id("org"))
