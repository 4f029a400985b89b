#!/usr/bin/python3
"""How many API calls one core serves, with SQLite on this machine's disk: reads, and durable writes, over kept-alive connections.

    bench/bench_api.py [--seconds S] [--connections N] [--only TEXT] [--markdown FILE]

What it measures, and how, is told in bench/README.md. Needs wrk (make setup-bench).
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "scenario"))
os.environ.setdefault("MEZUSPHERE_BUILD", str(ROOT / "build"))

from bench_base import cpu_ns, isolate, prepare_namespace  # noqa: E402
from harness import DOMAIN, Platform  # noqa: E402

# Bodies hold NAME, which is another one in each call. Warm: what is not counted.
SCRIPT = """
local count = 0
local tag = "%(tag)s"
local body = '%(body)s'
wrk.headers["Authorization"] = "Bearer %(token)s"
if body ~= "" then wrk.headers["Content-Type"] = "application/json" end
request = function()
  count = count + 1
  local made = nil
  if body ~= "" then made = body:gsub("NAME", tag .. "-" .. count) end
  return wrk.format("%(method)s", nil, nil, made)
end
response = function(status, headers, text)
  if status >= 300 and not told then told = true; print("answer " .. status .. " " .. text) end
end
"""


def run(platform, folder, method, path, body, options):
    """Calls a second, their times, the CPU that the server took per call, and how much of a CPU it had."""
    script = folder / "load.lua"
    script.write_text(SCRIPT % {"tag": f"b{time.monotonic_ns():x}"[-9:], "body": body, "token": platform.api.token, "method": method})
    before, begun = cpu_ns(platform.process.pid), time.monotonic()
    done = subprocess.run(["wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}s", "--latency", "--timeout", "10s",
                           "-s", str(script), f"https://api.{DOMAIN}:{platform.port}{path}"], capture_output=True, text=True, check=False)
    used, took = cpu_ns(platform.process.pid) - before, time.monotonic() - begun
    text = done.stdout + done.stderr
    if "Requests/sec" not in text or "Non-2xx" in text or "answer " in text:
        raise SystemExit(text)
    count = int(re.search(r"(\d+) requests in", text).group(1))
    times = [re.search(rf"{name}%\s+([\d.]+\w+)", text).group(1) for name in ("50", "99")]
    return count / took, used / count / 1000, used / 1e9 / took, times


def fill(api, environment, count):
    """Routes in one go, as a manifest brings them."""
    project = api.get(f"/v1/environments/{environment}")["project"]
    path = f"/v1/projects/{project}/manifest"
    document = api.get(path)
    document["environments"][0]["routes"] = [{"path": f"/part-{number}/"} for number in range(count)]
    api.ok("PUT", path, document, [("If-Match", "*")])


def loads_of(platform):
    api = platform.login()
    project, large = platform.project("bench"), platform.project("large")
    organization = platform.organization()["id"]
    route = project.route("/")
    fill(api, large.environment["id"], 1000)
    of_large = api.get(f"/v1/environments/{large.environment['id']}/routes?limit=1")["items"][0]
    return [
        ("GET a project", "GET", f"/v1/projects/{project.id}", ""),
        ("GET a list of one environment", "GET", f"/v1/projects/{project.id}/environments", ""),
        ("GET 100 routes", "GET", f"/v1/environments/{large.environment['id']}/routes?limit=100", ""),
        ("POST a service account", "POST", f"/v1/projects/{project.id}/service-accounts", '{"name":"NAME"}'),
        ("PATCH the only route", "PATCH", f"/v1/routes/{route['id']}", '{"path":"/NAME"}'),
        ("PATCH one of 1,000 routes", "PATCH", f"/v1/routes/{of_large['id']}?force=true", '{"path":"/NAME"}'),
        ("POST a project (with environment and bundle)", "POST", f"/v1/organizations/{organization}/projects", '{"name":"NAME"}'),
    ]


def sync_ms(folder, count=100):
    """How long this disk takes to make 4 KiB lasting: what a write alone has to wait for."""
    begun = time.monotonic()
    with (folder / "sync").open("wb") as file:
        for _ in range(count):
            file.write(bytes(4096))
            file.flush()
            os.fdatasync(file.fileno())
    return (time.monotonic() - begun) / count * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--only", default="", help="loads with this in their name")
    parser.add_argument("--folder", help="where the database lies for the time (default: the system's folder for such)")
    options = parser.parse_args()
    isolate()
    folder = Path(tempfile.mkdtemp(prefix="mezusphere-bench-", dir=options.folder))
    prepare_namespace(folder)
    platform = Platform(folder, arguments=("--workers", "1", "--api-rate", "1000000"), level="info")
    try:
        print(f"{options.connections} connections; fdatasync {sync_ms(folder):.1f} ms; load {os.getloadavg()[0]:.1f}\n")
        print("| call | calls/s | CPU µs a call | calls/s of one CPU | CPUs used | p50 | p99 |\n|---|---|---|---|---|---|---|")
        for name, *load in loads_of(platform):
            if options.only in name:
                rate, cost, used, (p50, p99) = run(platform, folder, *load, options)
                print(f"| {name} | {rate:.0f} | {cost:.0f} | {1e6 / cost:.0f} | {used:.2f} | {p50} | {p99} |", flush=True)
    finally:
        platform.stop()
        shutil.rmtree(folder, ignore_errors=True)


main()
