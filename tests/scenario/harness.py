"""harness.py: real programs for black-box tests: the platform, warpgates, workloads, and raw visitors.

Nothing here sleeps to wait: every wait is for a line of a log, a byte on a socket, or an answer of the API, with a deadline.
MEZUSPHERE_BUILD names the build folder whose programs are tested (default: the sanitized one, build-test), MEZUSPHERE_BUILD_PLAIN the
one of the plain programs that tests of memory and speed take (default: build).
"""
import http.client
import json
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import contract

ROOT = Path(__file__).resolve().parents[2]
SANITIZED = ROOT / "build-test"
PLAIN = Path(os.environ.get("MEZUSPHERE_BUILD_PLAIN", ROOT / "build"))
DOMAIN = "mezusphere.localhost"
DEADLINE = float(os.environ.get("SCENARIO_DEADLINE", "20"))


def programs():
    return Path(os.environ.get("MEZUSPHERE_BUILD", SANITIZED))


class Program:
    """A process whose output lines can be awaited."""

    def __init__(self, arguments, env=None, **popen):
        self.arguments = [str(a) for a in arguments]
        self.lines = []
        self.changed = threading.Condition()
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"),
                       "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
        environment.update(env or {})
        self.process = subprocess.Popen(self.arguments, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **popen)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for raw in self.process.stdout:
            with self.changed:
                self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def wait_line(self, pattern, after=0, timeout=DEADLINE):
        """The match of the first line from index `after` on that fits; fails with the whole output at the deadline or end."""
        expression = re.compile(pattern)
        deadline = time.monotonic() + timeout
        index = after
        with self.changed:
            while True:
                while index < len(self.lines):
                    match = expression.search(self.lines[index])
                    index += 1
                    if match:
                        return match
                left = deadline - time.monotonic()
                if left <= 0 or not self.reader.is_alive():
                    raise AssertionError(f"no line like {pattern!r} from {self.arguments[0]}:\n" + "\n".join(self.lines[-60:]))
                self.changed.wait(left)

    def mark(self):
        """Where the log stands now: give it to wait_line as `after`."""
        with self.changed:
            return len(self.lines)

    @property
    def output(self):
        return "\n".join(self.lines)

    def wait(self, timeout=DEADLINE):
        code = self.process.wait(timeout)
        self.reader.join(timeout)
        return code

    def kill(self, number=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self, timeout=DEADLINE):
        """SIGTERM; the exit status."""
        self.kill(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait()
            raise AssertionError(f"{self.arguments[0]} did not stop:\n" + "\n".join(self.lines[-40:])) from None

    def memory_kib(self, field="Rss"):
        """From smaps_rollup: Rss, Pss, Anonymous… in KiB."""
        for line in Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise KeyError(field)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def header(self, name):
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)


class Visitor:
    """One TLS connection to the platform's port, by server name; HTTP/1.1 unless `alpn` says otherwise."""

    def __init__(self, port, host, ca, alpn=("http/1.1",), timeout=DEADLINE, maximum=None, certificate=None, address="127.0.0.1",
                 source=None):
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
        if ca is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if maximum:
            context.maximum_version = maximum
        if certificate:
            context.load_cert_chain(*certificate)
        self.host, self.port = host, port
        raw = socket.create_connection((address, port), timeout, source_address=(source, 0) if source else None)
        try:
            self.socket = context.wrap_socket(raw, server_hostname=host)
        except BaseException:
            raw.close()
            raise

    @property
    def authority(self):
        return f"{self.host}:{self.port}"

    def send(self, data):
        self.socket.sendall(data)

    def read_response(self, method="GET"):
        response = http.client.HTTPResponse(self.socket, method=method)
        response.begin()
        body = response.read()
        return Answer(response.status, response.getheaders(), body)

    def request(self, method="GET", path="/", headers=(), body=b"", host=None):
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host or self.authority}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)
        return self.read_response(method)

    def read_all(self):
        """Everything until the peer closes."""
        data = b""
        try:
            while chunk := self.socket.recv(65536):
                data += chunk
        except (ConnectionError, ssl.SSLError):
            pass
        return data

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Api:
    """The REST API as a client sees it; one connection a call. Each answer is held against the API's own document (contract.py).
    `seen` (a list) collects what is sent and answered."""
    seen = None

    def __init__(self, platform, token=None):
        self.platform, self.token = platform, token

    def call(self, method, path, body=None, headers=(), raw=None):
        with Visitor(self.platform.port, f"api.{DOMAIN}", self.platform.ca) as visitor:
            fields = list(headers)
            if self.token:
                fields.append(("Authorization", f"Bearer {self.token}"))
            data = raw if raw is not None else (json.dumps(body).encode() if body is not None else b"")
            if data and not any(name.lower() == "content-type" for name, _ in fields):
                fields.append(("Content-Type", "application/json"))
            answer = visitor.request(method, path, fields, data)
        contract.check(method, path, answer)
        if Api.seen is not None:
            Api.seen.append((path.encode(), data, answer.body))
        return answer

    def ok(self, method, path, body=None, headers=()):
        answer = self.call(method, path, body, headers)
        assert 200 <= answer.status < 300, (method, path, answer.status, answer.body)
        return answer.json if answer.body else None

    def get(self, path):
        return self.ok("GET", path)

    def post(self, path, body):
        return self.ok("POST", path, body)

    def patch(self, path, body):
        return self.ok("PATCH", path, body)

    def delete(self, path):
        """Deletes with the present ETag, as a careful client does."""
        headers = []
        seen = self.call("GET", path)
        if seen.status == 200 and seen.header("etag"):
            headers.append(("If-Match", seen.header("etag")))
        return self.ok("DELETE", path, headers=headers)


class Platform(Program):
    """mezusphere up in a folder of its own, on a port of its own: with `port`, on that one; 0 lets the system choose."""

    def __init__(self, folder, port=None, arguments=(), env=None, level="debug", listen=None):
        self.folder = Path(folder)
        self.ca = self.folder / "data" / "ca.pem"
        self.password = "a long enough password"
        port = free_port() if port is None else port
        super().__init__([programs() / "mezusphere", "up", "--data", self.folder / "data", "--listen", listen or f"127.0.0.1:{port}",
                          "--log-level", level, *arguments],
                         env={"MEZUSPHERE_ADMIN_PASSWORD": self.password, **(env or {})})
        self.port = int(self.wait_line(r"API\s+https://api\.[\w.]+:(\d+)/v1").group(1))
        self.wait_line(r"edge\.synced")
        self.api = None

    def login(self):
        if self.api is None:
            token = Api(self).post("/v1/sessions", {"email": f"admin@{DOMAIN}", "password": self.password})["token"]
            self.api = Api(self, token)
        return self.api

    def organization(self):
        return self.login().get("/v1/organizations")["items"][0]

    def project(self, name):
        return Project(self, name)

    def visit(self, host, method="GET", path="/", headers=(), body=b""):
        with Visitor(self.port, host, self.ca) as visitor:
            return visitor.request(method, path, headers, body)


class Project:
    """A project with its environment production and a service-account key."""

    def __init__(self, platform, name):
        self.platform, self.api = platform, platform.login()
        organization = platform.organization()
        self.object = self.api.post(f"/v1/organizations/{organization['id']}/projects", {"name": name})
        self.id = self.object["id"]
        self.environment = self.api.get(f"/v1/projects/{self.id}/environments")["items"][0]
        self.host = self.environment["hostname"]
        account = self.api.post(f"/v1/projects/{self.id}/service-accounts", {"name": "warpgate"})
        self.account = account["id"]
        self.key_object = self.api.post(f"/v1/service-accounts/{self.account}/keys", {})
        self.key = self.key_object["key"]

    def route(self, path="/", match="prefix", environment=None, **members):
        target = (environment or self.environment)["id"]
        return self.api.post(f"/v1/environments/{target}/routes", {"match": match, "path": path, **members})

    def wait_in_force(self, after, environment=None):
        """Until the edge decides by the newest configuration; `after` is a mark of the platform's log, set before the change."""
        now = self.api.get(f"/v1/environments/{(environment or self.environment)['id']}")
        self.platform.wait_line(rf"control\.bundle_applied .*environment={now['id']} revision={now['bundle_revision']}$", after)

    def warpgates(self, environment=None):
        return self.api.get(f"/v1/environments/{(environment or self.environment)['id']}/warpgates")["items"]

    def start_warpgate(self, upstream, *arguments, environment=None, key=None, env=None, level="debug", wait=True):
        names = [] if environment is None else ["--environment", environment["name"]]
        warpgate = Warpgate(self.platform, key or self.key, upstream, *names, *arguments, env=env, level=level)
        if wait:
            warpgate.wait_ready()
        return warpgate


class Warpgate(Program):
    def __init__(self, platform, key, upstream, *arguments, env=None, control=None, ca=None, level="debug"):
        upstreams = [upstream] if isinstance(upstream, str) else list(upstream)
        flags = [flag for target in upstreams for flag in ("--upstream", target)]
        self.platform = platform
        self.edge_mark = platform.mark()
        super().__init__([programs() / "warpgate", *flags, "--control", control or f"https://api.{DOMAIN}:{platform.port}",
                          "--ca-file", ca or platform.ca, "--log-level", level, *arguments],
                         env={"WARPGATE_TOKEN": key, **(env or {})})

    def wait_ready(self, after=None, timeout=DEADLINE):
        """Until the edge says that a tunnel carries requests."""
        self.platform.wait_line(r"edge\.tunnel_ready", self.edge_mark if after is None else after, timeout)


class Workload:
    """A workload that records what reaches it, byte for byte, and answers as `handler(request)` says.

    `handler` gets a Request and returns bytes (a whole response) or None (close without an answer); it may also use
    request.socket itself and return b"". Each connection has a thread.
    """

    def __init__(self, handler=None, port=0):
        self.handler = handler or (lambda request: plain_response(request.target.encode()))
        self.requests = []
        self.connections = 0
        self.changed = threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.is_open = True
        self.sockets = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def _accept(self):
        while self.is_open:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.sockets.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        stream = connection.makefile("rb")
        try:
            while self.is_open:
                request = Request.read(stream, connection)
                if request is None:
                    return
                with self.changed:
                    self.requests.append(request)
                    self.changed.notify_all()
                answer = self.handler(request)
                if answer is None:
                    return
                if answer:
                    connection.sendall(answer)
        except (OSError, ValueError):
            pass  # cut, perhaps in the middle of a chunk's size
        finally:
            self.sockets.discard(connection)
            stream.close()
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()

    def wait_requests(self, count, timeout=DEADLINE):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= count, timeout), len(self.requests)
        return self.requests[count - 1]

    def close(self):
        self.is_open = False
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in list(self.sockets):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Request:
    """As it arrived: `raw_head` is every byte up to the empty line."""

    def __init__(self, raw_head, body, connection):
        self.raw_head, self.body, self.socket = raw_head, body, connection
        lines = raw_head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ", 2)
        self.headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line]

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        return values[0] if values else None

    @staticmethod
    def read(stream, connection, read_body=True):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline(65537)
            if not line:
                return None
            head += line
        request = Request(head[:-4], b"", connection)
        if not read_body:
            return request
        if request.header("content-length"):
            request.body = stream.read(int(request.header("content-length")))
        elif (request.header("transfer-encoding") or "") == "chunked":
            request.body = read_chunks(stream)
        return request


def read_chunks(stream):
    body = b""
    while size := int(stream.readline().split(b";")[0], 16):
        body += stream.read(size)
        stream.readline()
    while stream.readline() not in (b"\r\n", b""):
        pass
    return body


def plain_response(body=b"ok", status="200 OK", headers=()):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def free_port():
    """A port that nobody uses now, and that the system gives to nobody by itself: tests run side by side."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.randrange(10000, 32768)))
                return probe.getsockname()[1]
            except OSError:
                continue


def eventually(check, timeout=DEADLINE, what="condition"):
    """Polls what cannot be awaited (the API's view of the world)."""
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: still {value!r}"
        time.sleep(0.02)
