"""The internal CA is changed under load, phase by phase: nobody is cut off, and in the end the old root is of no use to anybody."""
import ssl
import subprocess
import threading
import time

import pytest

from harness import Platform, Visitor, Workload, eventually


def fingerprints(pem):
    """Of each certificate in a PEM text."""
    parts = pem.split("-----END CERTIFICATE-----")[:-1]
    return {ssl.PEM_cert_to_DER_cert(part[part.index("-----BEGIN"):] + "-----END CERTIFICATE-----") for part in parts}


class Ca:
    def __init__(self, platform):
        self.platform = platform
        self.api = platform.login()

    def get(self):
        return self.api.get("/v1/ca")

    def call(self, step, force=False):
        return self.api.call("POST", "/v1/ca/steps", {"step": step, "force": force})

    def step(self, step):
        """As soon as nobody lags behind."""
        def tried():
            answer = self.call(step)
            assert answer.status == 200 or answer.json["code"] == "ca_laggards", answer.body
            return answer.status == 200
        eventually(tried, timeout=60)

    def lagging(self):
        return sum(self.get()["progress"][kind]["lagging"] for kind in ("edges", "warpgates"))

    def trusted(self):
        return fingerprints(self.platform.ca.read_text())


class Load:
    """Requests over a kept connection, and over new ones, until it is ended. Visitors trust what ca.pem holds at the time."""

    def __init__(self, ports, host, ca):
        self.ports, self.host, self.ca = ports, host, ca
        self.count, self.failed = 0, []
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(port, kept)) for port in ports for kept in (True, False)]
        for thread in self.threads:
            thread.start()

    def run(self, port, kept):
        visitor = None
        while not self.is_over.is_set():
            try:
                if visitor is None:
                    visitor = Visitor(port, self.host, self.ca)
                answer = visitor.request()
                if answer.status != 200:
                    self.failed.append(answer.status)
                self.count += 1
                if answer.header("connection") == "close":
                    visitor.close()
                    visitor = None
            except Exception as error:  # whatever it is, a visitor has seen it
                self.failed.append((self.count, kept, repr(error)))
                kept = False
            if not kept and visitor is not None:
                visitor.close()
                visitor = None
            self.is_over.wait(0.02)
        if visitor is not None:
            visitor.close()

    def end(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()
        return self.failed


def served_chain(port, name, ca, tmp_path):
    """What is shown there, as fingerprints of its certificates; verified by `ca`."""
    text = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-showcerts", "-CAfile", str(ca),
                           "-verify_return_error"], input="", capture_output=True, text=True, timeout=20)
    assert text.returncode == 0, text.stderr
    return fingerprints(text.stdout)


def rotate_and_check(platform, ports, project, start_warpgate, tmp_path):
    ca = Ca(platform)
    host = project.host
    first = ca.trusted()
    eventually(lambda: ca.lagging() == 0)
    load = Load(ports, host, platform.ca)
    old_ca = tmp_path / "old.pem"
    old_ca.write_text(platform.ca.read_text())
    try:
        # back from each phase
        ca.step("announce")
        assert len(ca.trusted()) == 2
        eventually(lambda: ca.lagging() == 0, timeout=60)
        ca.step("back")
        assert ca.trusted() == first
        eventually(lambda: ca.lagging() == 0, timeout=60)
        ca.step("announce")
        ca.step("issue")
        eventually(lambda: ca.lagging() == 0, timeout=60)
        ca.step("back")
        ca.step("back")
        assert ca.trusted() == first
        # and all the way
        ca.step("announce")
        start_warpgate()
        ca.step("issue")
        start_warpgate()
        ca.step("finish")
        start_warpgate()
    finally:
        failed = load.end()
    assert failed == []
    assert load.count > 100
    last = ca.trusted()
    assert len(last) == 1 and last != first
    assert ca.get()["phase"] == "stable"
    eventually(lambda: ca.lagging() == 0)
    for port in ports:
        assert not served_chain(port, host, platform.ca, tmp_path) & first
        with pytest.raises(ssl.SSLError):
            Visitor(port, host, old_ca)


def test_a_rotation_under_load(tmp_path):
    platform = Platform(tmp_path / "up", port=0)
    with Workload() as workload:
        project = platform.project("shop")
        project.route("/")
        gates = [project.start_warpgate(workload.address)]
        rotate_and_check(platform, [platform.port], project, lambda: gates.append(project.start_warpgate(workload.address)), tmp_path)
        for gate in gates:
            gate.stop()
            assert "Sanitizer" not in gate.output, gate.output[-8000:]
    assert platform.stop() == 0
    assert "Sanitizer" not in platform.output, platform.output[-8000:]
