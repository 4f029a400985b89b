"""The platform on PostgreSQL: the request path and the API as on SQLite, two control planes on one database, and a database that dies.

Each module has a server of its own (postgres.py), with fsync as in earnest, since it is killed.
"""
import itertools
import shutil
import threading
import time

import pytest

from harness import DOMAIN, Api, Platform, Visitor, Workload, free_port
from postgres import PASSWORD, Postgres

BACK_SECONDS = 5.0
PUSH_SECONDS = 0.5
names = (f"db{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as server:
        yield server


def start(folder, url, **options):
    return Platform(folder, port=0, env={"MEZUSPHERE_DATABASE": url}, **options)


def finish(*platforms):
    for platform in platforms:
        assert platform.stop() == 0, platform.output[-4000:]
        assert "Sanitizer" not in platform.output, platform.output[-8000:]
        assert PASSWORD not in platform.output


@pytest.fixture
def pair(postgres, tmp_path):
    """Two whole platforms on one database, each with its own folder, port and edge."""
    url = postgres.create(next(names))
    first = start(tmp_path / "first", url)
    (tmp_path / "second" / "data").mkdir(parents=True)
    shutil.copy(tmp_path / "first" / "data" / "master.key", tmp_path / "second" / "data" / "master.key")
    second = start(tmp_path / "second", url)
    yield first, second
    for platform in (first, second):
        platform.kill(15)
    for platform in (first, second):
        platform.wait()
        assert "Sanitizer" not in platform.output, platform.output[-8000:]


def eventually(is_so, seconds):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_request_path_and_what_the_database_shows(postgres, tmp_path, workload):
    name = next(names)
    platform = start(tmp_path, postgres.create(name))
    project = platform.project("shop-of-horrors")
    project.route("/secret/path")
    warpgate = project.start_warpgate(workload.address)
    assert platform.visit(project.host, path="/secret/path/x").body == b"/secret/path/x"
    assert platform.visit(project.host, path="/elsewhere").status == 404
    assert len(project.warpgates()) == 1
    dump = postgres.dump(name)
    assert len(dump) > 10000
    for secret in ("shop-of-horrors", "secret/path", "production", project.key, platform.api.token, f"admin@{DOMAIN}"):
        assert secret not in dump
        assert secret.encode().hex() not in dump
    warpgate.stop()
    finish(platform)
    # A second start finds everything.
    again = start(tmp_path, postgres.url(name))
    assert again.login().get(f"/v1/projects/{project.id}")["name"] == "shop-of-horrors"
    finish(again)


def test_refusals_say_what_to_do_and_never_the_password(tmp_path):
    for url, reason in ((f"postgres://u:{PASSWORD}@127.0.0.1:{free_port()}/d", "storage_unavailable"),
                        (f"postgres://u:{PASSWORD}@[::1/d", "database_url"), (f"mysql://u:{PASSWORD}@h/d", "database_url")):
        with pytest.raises(AssertionError) as refusal:
            start(tmp_path, url)
        assert f"[{reason}]" in str(refusal.value)
        assert PASSWORD not in str(refusal.value)


def test_two_start_at_once_on_an_empty_database(postgres, tmp_path):
    name = next(names)
    url = postgres.create(name)
    key = tmp_path / "master.key"
    key.write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n")
    key.chmod(0o600)
    platforms = []

    def run(folder):
        platforms.append(start(tmp_path / folder, url, arguments=["--master-key-file", str(key)]))

    threads = [threading.Thread(target=run, args=(folder,)) for folder in ("one", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(platforms) == 2
    steps = postgres.sql("SELECT COUNT(*), COUNT(DISTINCT number), MAX(number) FROM migration", name).strip().split("|")
    assert steps[0] == steps[1] == steps[2]
    assert postgres.sql("SELECT COUNT(*) FROM organization", name).strip() == "1"
    roots = {(platform.folder / "data" / "ca.pem").read_text() for platform in platforms}
    assert len(roots) == 1
    assert sum("store.leading" in platform.output for platform in platforms) == 1
    finish(*platforms)


def test_a_change_through_either_reaches_the_edges_of_both(pair):
    first, second = pair
    project = first.project("shop")
    for at, (author, other) in enumerate(((first, second), (second, first), (first, second))):
        mark = other.mark()
        began = time.monotonic()
        Api(author, first.login().token).post(f"/v1/environments/{project.environment['id']}/routes",
                                              {"match": "prefix", "path": f"/r{at}"})
        revision = first.login().get(f"/v1/environments/{project.environment['id']}")["bundle_revision"]
        other.wait_line(rf"control\.bundle_applied .*environment={project.environment['id']} revision={revision}$", mark)
        assert time.monotonic() - began < PUSH_SECONDS


def start_warpgate(pair, project, workload):
    """The edges of one machine are one to the platform, at the address of the process that started last: that one has the tunnels."""
    warpgate = project.start_warpgate(workload.address, wait=False)
    pair[1].wait_line(r"edge\.tunnel_ready")
    return warpgate


def test_a_revocation_through_one_ends_tunnels_at_the_other(pair, workload):
    first, second = pair
    project = first.project("shop")
    project.route("/")
    warpgate = start_warpgate(pair, project, workload)
    identity = project.warpgates()[0]["id"]
    mark = second.mark()
    first.login().ok("DELETE", f"/v1/keys/{project.key_object['id']}")
    second.wait_line(rf"control\.warpgate_revoked warpgate={identity} .*reason=key_revoked", mark, timeout=5)
    assert warpgate.wait() != 0


def test_one_dies_and_the_other_goes_on(pair, workload):
    first, second = pair
    project = first.project("shop")
    project.route("/before")
    token = first.login().token
    warpgate = start_warpgate(pair, project, workload)
    first.kill()
    first.wait()
    api = Api(second, token)
    mark = second.mark()
    api.post(f"/v1/environments/{project.environment['id']}/routes", {"match": "prefix", "path": "/after"})
    revision = api.get(f"/v1/environments/{project.environment['id']}")["bundle_revision"]
    second.wait_line(rf"control\.bundle_applied .*environment={project.environment['id']} revision={revision}$", mark)
    for path in ("/before", "/after"):
        eventually(lambda path=path: second.visit(project.host, path=path).status == 200, 5)
    warpgate.stop()


class Writer(threading.Thread):
    """Writes without a pause and keeps what was acknowledged, what was refused, and how."""

    def __init__(self, platform, path):
        super().__init__(daemon=True)
        self.api, self.path = platform.login(), path
        self.acknowledged, self.refused, self.others = [], [], []
        self.is_over = threading.Event()

    def run(self):
        for number in itertools.count():
            if self.is_over.is_set():
                return
            answer = self.api.call("POST", self.path, {"match": "exact", "path": f"/w{number}"})
            read = self.api.call("GET", self.path)
            if answer.status == 201:
                self.acknowledged.append((time.monotonic(), answer.json["id"]))
            for one in (answer, read):
                if one.status == 503:
                    self.refused.append(one)
                elif one.status not in (200, 201):
                    self.others.append((one.status, one.body))


class Visits(threading.Thread):
    def __init__(self, platform, host):
        super().__init__(daemon=True)
        self.platform, self.host = platform, host
        self.statuses = {}
        self.is_over = threading.Event()

    def run(self):
        with Visitor(self.platform.port, self.host, self.platform.ca) as visitor:
            while not self.is_over.is_set():
                status = visitor.request().status
                self.statuses[status] = self.statuses.get(status, 0) + 1
                time.sleep(0.005)


def test_the_database_is_killed_during_writes(postgres, tmp_path, workload):
    platform = start(tmp_path, postgres.create(next(names)))
    project = platform.project("shop")
    project.route("/")
    warpgate = project.start_warpgate(workload.address)
    path = f"/v1/environments/{project.environment['id']}/routes"
    writer, visits = Writer(platform, path), Visits(platform, project.host)
    writer.start()
    visits.start()
    for _ in range(3):
        before = len(writer.acknowledged)
        eventually(lambda: len(writer.acknowledged) > before + 5, 20)
        postgres.kill()
        refused = len(writer.refused)
        eventually(lambda: len(writer.refused) > refused + 3, 20)
        postgres.restart()
        back = time.monotonic()
        eventually(lambda: writer.acknowledged[-1][0] > back, BACK_SECONDS)
    writer.is_over.set()
    visits.is_over.set()
    writer.join()
    visits.join()
    assert writer.others == []
    assert all(answer.header("retry-after") and answer.json["code"] in ("storage_unavailable", "storage_busy")
               for answer in writer.refused)
    assert list(visits.statuses) == [200] and visits.statuses[200] > 50
    kept = set()
    cursor = ""
    while True:
        page = platform.login().get(f"{path}?limit=100{cursor}")
        kept |= {route["id"] for route in page["items"]}
        if not page.get("next_cursor"):
            break
        cursor = "&cursor=" + page["next_cursor"]
    assert {identity for _, identity in writer.acknowledged} <= kept
    platform.wait_line(r"store\.watching_again")
    warpgate.stop()
    finish(platform)


def test_a_database_that_hangs_costs_calls_and_nothing_else(postgres, tmp_path, workload):
    platform = start(tmp_path, postgres.create(next(names)))
    project = platform.project("shop")
    project.route("/")
    warpgate = project.start_warpgate(workload.address)
    api = platform.login()
    postgres.sql("CHECKPOINT")
    postgres.freeze()
    answers = []
    call = threading.Thread(target=lambda: answers.append(api.call("GET", "/v1/organizations")))
    call.start()
    with Visitor(platform.port, project.host, platform.ca) as visitor:
        for _ in range(100):
            assert visitor.request().status == 200
    postgres.thaw()
    call.join()
    assert answers[0].status in (200, 503)
    eventually(lambda: api.call("GET", "/v1/organizations").status == 200, BACK_SECONDS)
    warpgate.stop()
    finish(platform)
