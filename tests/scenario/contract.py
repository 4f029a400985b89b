"""contract.py: every answer of the API is held against the document that the API serves about itself.

`check(method, path, answer)` fails with what is wrong: the operation, its status, its media type, the body against its schema, and of a
problem all that is promised of problems. Api.call of harness.py asks it of every answer, so each test of the suite is a test of the contract.
The document is the one that was built into the programs; test_contract.py sees that this is the one that is served.

Schemas: the part of JSON Schema that the document uses; a keyword that is not known here fails, too. Answers are judged more strictly than
clients should: a member that no schema names is one that somebody forgot to describe.
"""
import functools
import json
import math
import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What says something to people only.
ANNOTATIONS = {"description", "default", "examples", "title", "deprecated", "x-members-of", "readOnly"}
FORMATS = {
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "uri": re.compile(r"[a-z][a-z0-9+.-]*:\S+"),
    "uri-reference": re.compile(r"\S+"),
    "email": re.compile(r"[^@\s]+@[^@\s]+"),
}
TYPES = {
    "object": lambda v: isinstance(v, dict), "array": lambda v: isinstance(v, list), "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool), "null": lambda v: v is None,
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v),
}


@functools.cache
def document():
    folder = Path(os.environ.get("MEZUSPHERE_BUILD", ROOT / "build-test"))
    return json.loads((folder / "src" / "control" / "openapi.json").read_text())


def resolve(node):
    while "$ref" in node:
        target = document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


class Operation:
    """One of the document: `names` are the parameters in its path."""

    def __init__(self, method, path, node, shared):
        self.method, self.path, self.node = method.upper(), path, node
        self.id, self.permission = node["operationId"], node["x-permission"]
        self.parameters = [resolve(p) for p in shared + node.get("parameters", [])]
        self.names = re.findall(r"\{(\w+)\}", path)
        self.expression = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
        self.success = next(int(s) for s in node["responses"] if s.startswith("2"))

    def __str__(self):
        return f"{self.method} {self.path}"

    def query(self):
        return [p for p in self.parameters if p["in"] == "query"]

    def body(self):
        """The schema of the request's body; None: there is none."""
        content = self.node.get("requestBody", {}).get("content", {})
        return content["application/json"]["schema"] if content else None

    def is_stream(self):
        return "text/event-stream" in self.node["responses"]["200"].get("content", {}) if "200" in self.node["responses"] else False


@functools.cache
def operations():
    return [Operation(method, path, node, item.get("parameters", []))
            for path, item in document()["paths"].items() for method, node in item.items() if method != "parameters"]


def find(method, path):
    """The operation that the path belongs to (words before ids), and whether the path is known at all."""
    path = path.partition("?")[0]
    fitting = sorted((o for o in operations() if o.expression.fullmatch(path)), key=lambda o: len(o.names))
    wanted = "GET" if method == "HEAD" else method
    return next((o for o in fitting if o.method == wanted), None), bool(fitting)


# Schemas


def known_members(schema):
    """The names that an object may have by this schema; None: any."""
    schema = resolve(schema)
    if "additionalProperties" in schema and schema["additionalProperties"] is not False:
        return None
    names = set(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        inner = known_members(part)
        if inner is None:
            return None
        names |= inner
    return names if names or schema.get("additionalProperties") is False else None


def faults(value, schema, at="", is_closed=True):
    """Lines of what is wrong with `value`. `is_closed`: unknown members are, even where the schema does not say so."""
    schema = resolve(schema)
    found = []
    for keyword, argument in schema.items():
        if keyword in ANNOTATIONS:
            continue
        if keyword not in KEYWORDS:
            raise AssertionError(f"{at}: contract.py does not know the keyword {keyword}")
        found += KEYWORDS[keyword](value, argument, schema, at, is_closed)
    if is_closed and isinstance(value, dict) and "additionalProperties" not in schema:
        known = known_members(schema)
        if known is not None:
            found += [f"{at}/{name}: no schema names it" for name in value if name not in known]
    return found


def judge(is_right, at, text):
    return [] if is_right else [f"{at or '/'}: {text}"]


def judge_type(value, wanted, _, at, __):
    wanted = [wanted] if isinstance(wanted, str) else wanted
    return judge(any(TYPES[name](value) for name in wanted), at, f"{value!r:.80} is not {' or '.join(wanted)}")


def judge_properties(value, properties, _, at, is_closed):
    if not isinstance(value, dict):
        return []
    return [line for name, inner in properties.items() if name in value
            for line in faults(value[name], inner, f"{at}/{name}", is_closed)]


def judge_additional(value, allowed, schema, at, is_closed):
    if not isinstance(value, dict):
        return []
    others = [name for name in value if name not in schema.get("properties", {})]
    if allowed is False:
        return [f"{at}/{name}: is not allowed" for name in others]
    return [] if allowed is True else [line for n in others for line in faults(value[n], allowed, f"{at}/{n}", is_closed)]


def judge_choice(value, choices, at, is_closed, is_enough):
    found = [faults(value, choice, at, is_closed) for choice in choices]
    fitting = sum(not lines for lines in found)
    return [] if is_enough(fitting) else [f"{at or '/'}: fits {fitting} of {len(choices)}"] + [line for lines in found for line in lines]


def when(kind, test, text):
    return lambda value, argument, _, at, __: judge(not isinstance(value, kind) or isinstance(value, bool) or test(value, argument),
                                                    at, f"{value!r:.80} {text} {argument!r:.80}")


KEYWORDS = {
    "type": judge_type, "properties": judge_properties, "additionalProperties": judge_additional,
    "required": lambda v, names, _, at, __: [f"{at}/{n}: is missing" for n in names if isinstance(v, dict) and n not in v],
    "items": lambda v, inner, _, at, closed: [line for i, item in enumerate(v) for line in faults(item, inner, f"{at}/{i}", closed)]
    if isinstance(v, list) else [],
    "enum": lambda v, words, _, at, __: judge(v in words, at, f"{v!r:.80} is none of {words}"),
    "const": lambda v, word, _, at, __: judge(v == word and isinstance(v, bool) == isinstance(word, bool), at, f"{v!r:.80} is not {word!r}"),
    "minimum": when((int, float), lambda v, a: v >= a, "is less than"), "maximum": when((int, float), lambda v, a: v <= a, "is more than"),
    "minLength": when(str, lambda v, a: len(v) >= a, "is shorter than"), "maxLength": when(str, lambda v, a: len(v) <= a, "is longer than"),
    "minItems": when(list, lambda v, a: len(v) >= a, "has fewer than"), "maxItems": when(list, lambda v, a: len(v) <= a, "has more than"),
    "uniqueItems": when(list, lambda v, a: not a or len({json.dumps(i, sort_keys=True) for i in v}) == len(v), "has equal items"),
    "pattern": when(str, lambda v, a: re.search(a, v), "does not fit"),
    "format": when(str, lambda v, a: a in FORMATS and FORMATS[a].fullmatch(v), "is not"),
    "writeOnly": lambda v, is_so, _, at, closed: judge(not (is_so and closed), at, "is only for requests"),
    "allOf": lambda v, parts, _, at, __: [line for part in parts for line in faults(v, part, at, False)],
    "anyOf": lambda v, choices, _, at, closed: judge_choice(v, choices, at, closed, lambda n: n >= 1),
    "oneOf": lambda v, choices, _, at, closed: judge_choice(v, choices, at, closed, lambda n: n == 1),
}


# Answers


def media_type(answer):
    return (answer.header("content-type") or "").partition(";")[0].strip().lower()


def problem_faults(answer):
    if media_type(answer) != "application/problem+json":
        return [f"a problem is application/problem+json, not {media_type(answer) or 'nothing'}"]
    body = answer.json
    found = faults(body, {"$ref": "#/components/schemas/Problem"})
    listed = document()["x-problems"].get(body.get("code"))
    if listed is None:
        return found + [f"/code: {body.get('code')!r} is not listed under x-problems"]
    found += judge(body.get("status") == answer.status == listed["status"], "/status", f"{body.get('status')}, {answer.status}, {listed['status']}")
    found += judge(body.get("title") == listed["title"], "/title", f"{body.get('title')!r} is not {listed['title']!r}")
    found += judge((body.get("type") or "").endswith("/x-problems/" + body["code"]), "/type", f"{body.get('type')!r}")
    return found


def body_faults(operation, answer, content):
    kind = media_type(answer)
    if not content:
        return judge(not answer.body, "", f"no body is documented, there are {len(answer.body)} bytes")
    if kind not in content:
        return [f"{kind or 'no media type'} is none of {list(content)}"]
    return faults(answer.json, content[kind]["schema"]) if kind == "application/json" and "schema" in content[kind] else []


def answer_faults(method, operation, answer):
    responses = operation.node["responses"]
    described = resolve(responses.get(str(answer.status)) or responses.get("default", {}))
    if str(answer.status) not in responses and answer.status < 400:
        return ["the status is not documented"]
    found = [f"the header {name} is missing" for name in described.get("headers", {}) if answer.header(name) is None]
    if method == "HEAD" or answer.status == 304:
        return found + judge(not answer.body, "", "there is a body")
    if answer.status >= 400:
        return found + problem_faults(answer)
    return found + body_faults(operation, answer, described.get("content", {}))


def check(method, path, answer):
    """AssertionError, if the answer is not what the document promises."""
    operation, is_known = find(method, path)
    if operation is None:
        found = judge(answer.status in (400, 401, 404, 405, 413, 421, 429, 503), "", "of what is not in the document")
        found += [] if method == "HEAD" else problem_faults(answer)
        found += judge(not is_known or answer.status != 405 or answer.header("allow"), "", "405 without Allow")
    else:
        found = answer_faults(method, operation, answer)
    assert not found, f"{method} {path}: {answer.status} breaks the contract:\n  " + "\n  ".join(found) + f"\n{answer.body[:600]!r}"
