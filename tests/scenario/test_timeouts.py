"""A workload that takes a request and says nothing: the visitor is told so after a minute, and nobody else waits."""
import time

from harness import Visitor, Workload, plain_response


def test_a_workload_that_hangs(platform, started):
    def hang(request):
        return b"" if request.target == "/hang" else plain_response(b"alive")

    with Workload(hang) as workload:
        project = platform.project("hangs")
        project.route("/")
        started.append(project.start_warpgate(workload.address))
        with Visitor(platform.port, project.host, platform.ca, timeout=90) as visitor:
            begun = time.monotonic()
            visitor.send(f"GET /hang HTTP/1.1\r\nHost: {visitor.authority}\r\n\r\n".encode())
            workload.wait_requests(1)
            assert platform.visit(project.host, path="/other").body == b"alive"
            answer = visitor.read_response()
        assert (answer.status, answer.json["code"]) == (504, "upstream_timeout")
        assert 59 < time.monotonic() - begun < 75
        assert [r.target for r in workload.requests].count("/hang") == 1, "what has timed out is not tried again"
        assert platform.visit(project.host, path="/after").body == b"alive"
