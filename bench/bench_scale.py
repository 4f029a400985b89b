#!/usr/bin/python3
"""An installation with many environments and routes, on SQLite: how long it takes to start, how fast a change gets to the edge, memory.

    bench/bench_scale.py [--environments N] [--routes N] [--folder DIR]

What it measures, and how, is told in bench/README.md. A folder that is named is kept, and what it holds is used again.
"""
import argparse
import http.client
import json
import os
import shutil
import socket
import ssl
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "scenario"))
os.environ.setdefault("MEZUSPHERE_BUILD", str(ROOT / "build"))

from bench_base import anonymous_kib, cpu_ns, rss_kib  # noqa: E402
from harness import DOMAIN, Platform  # noqa: E402

THREADS = 8


class Client:
    """One kept-alive connection."""

    def __init__(self, platform, token):
        context = ssl.create_default_context(cafile=str(platform.ca))
        host = f"api.{DOMAIN}"
        self.connection = http.client.HTTPSConnection(host, platform.port, context=context)
        self.connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", platform.port)), server_hostname=host)
        self.fields = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Host": f"api.{DOMAIN}"}

    def call(self, method, path, body=None, **fields):
        self.connection.request(method, path, json.dumps(body) if body is not None else None,
                                self.fields | {name.replace("_", "-"): value for name, value in fields.items()})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text) if text else None


def seed(platform, environments, routes):
    """Each environment is a project's: POST, then its routes by one manifest. Seconds."""
    token, organization = platform.login().token, platform.organization()["id"]
    numbers, begun = iter(range(environments)), time.monotonic()
    lock = threading.Lock()

    def work():
        client = Client(platform, token)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            project = client.call("POST", f"/v1/organizations/{organization}/projects", {"name": f"scale-{number}"})["id"]
            document = {"environments": [{"name": "production", "routes": [{"path": f"/part-{at}/"} for at in range(routes)]}]}
            client.call("PUT", f"/v1/projects/{project}/manifest", document, If_Match="*")

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - begun


def start(folder):
    begun = time.monotonic()
    platform = Platform(folder, arguments=("--workers", "1", "--api-rate", "1000000"), level="info")
    return platform, time.monotonic() - begun


def measure_changes(platform, count=20):
    """From the call until the edge decides by it, in milliseconds: the worst of some."""
    api = platform.login()
    project = api.get(f"/v1/organizations/{platform.organization()['id']}/projects?limit=1")["items"][0]
    environment = api.get(f"/v1/projects/{project['id']}/environments")["items"][0]
    client, times = Client(platform, api.token), []
    route = client.call("GET", f"/v1/environments/{environment['id']}/routes?limit=1")["items"][0]
    for number in range(count):
        mark, begun = platform.mark(), time.monotonic()
        client.call("PATCH", f"/v1/routes/{route['id']}?force=true", {"path": f"/changed-{number}"})
        platform.wait_line(rf"control\.bundle_applied .*environment={environment['id']}", mark)
        times.append((time.monotonic() - begun) * 1000)
    return sorted(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environments", type=int, default=10000)
    parser.add_argument("--routes", type=int, default=10, help="of each environment")
    parser.add_argument("--folder", help="where the database is, or is made")
    options = parser.parse_args()
    folder = Path(options.folder or tempfile.mkdtemp(prefix="mezusphere-bench-"))
    try:
        if not (folder / "data" / "store.db").exists():
            platform, _ = start(folder)
            took = seed(platform, options.environments, options.routes)
            print(f"{options.environments} environments of {options.routes} routes made over the API in {took:.0f} s", flush=True)
            platform.stop()
        platform, took = start(folder)
        used = cpu_ns(platform.process.pid) / 1e9
        print("| figure | |\n|---|---|")
        print(f"| start, until the edge has every bundle | {took:.1f} s, {used:.1f} s of CPU |")
        print(f"| memory then | {rss_kib(platform.process.pid) / 1024:.0f} MiB, of it anonymous {anonymous_kib(platform.process.pid) / 1024:.0f} MiB |", flush=True)
        size = sum(path.stat().st_size for path in (folder / "data").glob("store.db*"))
        print(f"| the database | {size / 1048576:.0f} MiB |")
        platform.stop()
        platform = Platform(folder, arguments=("--workers", "1", "--api-rate", "1000000"), level="debug")
        times = measure_changes(platform)
        print(f"| a change, until the edge decides by it | median {times[len(times) // 2]:.0f} ms, at most {times[-1]:.0f} ms |")
        platform.stop()
    finally:
        if not options.folder:
            shutil.rmtree(folder, ignore_errors=True)


main()
