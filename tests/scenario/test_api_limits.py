"""How fast callers may call the API: each has a bucket, strangers one an address, and what is left is told."""
import re
import time

import pytest

from harness import DOMAIN, Api, Platform, Visitor


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """Twenty reads and twenty changes at once, one of each a second after that."""
    made = Platform(tmp_path_factory.mktemp("slow"), arguments=["--api-rate", "1"])
    yield made
    made.stop()


def test_one_caller_slows_down_nobody_else(slow):
    api = slow.login()
    first = api.call("GET", "/v1/me")
    assert first.header("ratelimit-policy") == '"read";q=20;w=20'
    assert re.fullmatch(r'"read";r=\d+;t=\d+', first.header("ratelimit"))
    answers = [api.call("GET", "/v1/me") for _ in range(30)]
    refused = [a for a in answers if a.status == 429]
    assert refused and {a.status for a in answers} == {200, 429}
    assert refused[0].json["code"] == "rate_limited" and int(refused[0].header("retry-after")) >= 1
    assert api.call("PATCH", "/v1/me", {"name": "Ada"}).status == 200, "changes have a bucket of their own"
    other = Api(slow, Api(slow).post("/v1/sessions", {"email": f"admin@{DOMAIN}", "password": slow.password})["token"])
    more = [other.call("GET", "/v1/me") for _ in range(8)]
    assert 429 in {answer.status for answer in more}, "it is the member who is counted, not the session"
    refused += [answer for answer in more if answer.status == 429]
    time.sleep(int(refused[-1].header("retry-after")) + 0.1)  # what the answer says is what is tested
    assert api.call("GET", "/v1/me").status == 200


def test_strangers_have_one_an_address(tmp_path):
    platform = Platform(tmp_path)
    try:
        api = platform.login()
        with Visitor(platform.port, f"api.{DOMAIN}", platform.ca) as visitor:
            answer = visitor.request("GET", "/v1/me", [("Authorization", "Bearer " + "x" * 43)])
            assert answer.status == 401 and answer.header("ratelimit-policy") == '"address";q=400;w=20'
            for _ in range(3000):  # faster than the bucket fills, however slow the machine
                if answer.status == 429:
                    break
                answer = visitor.request("GET", "/v1/me", [("Authorization", "Bearer " + "x" * 43)])
            assert answer.status == 429 and answer.json["code"] == "rate_limited" and answer.header("retry-after")
            assert 429 in {visitor.request("HEAD", "/v1/openapi.json").status for _ in range(60)}, "whatever they ask for"
        assert api.call("GET", "/v1/me").status == 200, "whoever is known is not held up by those who are not"
    finally:
        platform.stop()
