"""What happens is told as it happens: server-sent events over HTTP/1.1, from the outside."""
import time

from harness import DOMAIN, Api, Platform, Visitor


class Stream(Visitor):
    """A stream of events; `wait` reads on until a text has come."""

    def __init__(self, platform, token, path, last=None):
        super().__init__(platform.port, f"api.{DOMAIN}", platform.ca)
        fields = f"Last-Event-ID: {last}\r\n" if last else ""
        self.send(f"GET {path} HTTP/1.1\r\nHost: {self.authority}\r\nAuthorization: Bearer {token}\r\n{fields}\r\n".encode())
        self.text = ""

    def wait(self, text):
        while text not in self.text:
            data = self.socket.recv(65536)
            assert data, f"no {text!r} in {self.text}"
            self.text += data.decode()
        return self.text

    def last_id(self):
        return [line[4:] for line in self.text.split("\n") if line.startswith("id: ")][-1]


def test_a_change_is_told_and_a_session_that_ends_ends_it(tmp_path, started):
    platform = Platform(tmp_path)
    started.append(platform)
    project = platform.project("told")
    environment = platform.api.get(f"/v1/projects/{project.object['id']}/environments")["items"][0]["id"]
    token = Api(platform).post("/v1/sessions", {"email": f"admin@{DOMAIN}", "password": platform.password})["token"]
    with Stream(platform, token, f"/v1/environments/{environment}/events") as stream:
        head = stream.wait("event: ready\n")
        assert " 200 " in head and "text/event-stream" in head.lower()
        route = platform.api.post(f"/v1/environments/{environment}/routes", {"path": "/told"})
        stream.wait("event: bundle\n")
        stream.wait(route["id"])
        last = stream.last_id()
        before = time.monotonic()
        Api(platform, token).ok("DELETE", "/v1/sessions/current")
        stream.wait('{"code":"session_invalid"}')
        assert time.monotonic() - before < 1.5
    with Stream(platform, platform.api.token, f"/v1/environments/{environment}/events", last) as stream:
        second = platform.api.post(f"/v1/environments/{environment}/routes", {"path": "/again"})
        assert "event: reset" not in stream.wait(second["id"])
        assert platform.stop() == 0
        stream.wait('{"code":"stopping"}')
