"""Promises 7 and 10: an upload of two gibibytes whose length nobody said, over both versions, with memory that does not know its size.

The plain programs, as in test_bulk.py, which has the sized ones.
"""
import subprocess

import pytest

from test_bulk import Peak, plain  # noqa: F401  (a fixture)
from workload_live import LiveWorkload

SIZES = (128 << 20, 2 << 30)
DIFFERENCE_KIB = 8 * 1024


def swallow(peer):
    got = 0
    while part := peer.read():
        got += len(part)
    return peer.answer(b"%d" % got)


@pytest.fixture(scope="module")
def service(plain):  # noqa: F811
    workload = LiveWorkload(swallow)
    project = plain.project("uploads")
    project.route("/")
    project.warpgate = project.start_warpgate(workload.address, level="info")
    yield project
    assert project.warpgate.stop() == 0
    workload.close()


@pytest.mark.parametrize("flag", ["--http1.1", "--http2"])
def test_uploads_of_unknown_length(plain, service, flag):  # noqa: F811
    """Sixteen times the bytes, the same memory, in edge and warpgate."""
    peaks = []
    for size in SIZES:
        with Peak(plain, service.warpgate) as peak:
            zeros = subprocess.Popen(["head", "-c", str(size), "/dev/zero"], stdout=subprocess.PIPE)
            sent = subprocess.run(["curl", "-sS", "--cacert", plain.ca, "--max-time", "120", flag, "-X", "POST", "-T", "-", "--resolve",
                                   f"{service.host}:{plain.port}:127.0.0.1", f"https://{service.host}:{plain.port}/"],
                                  stdin=zeros.stdout, capture_output=True, check=False)
            zeros.stdout.close()
            zeros.wait()
        assert sent.stdout == b"%d" % size, (sent.stdout, sent.stderr)
        peak.check()
        peaks.append(peak.peak)
    for small, large in zip(*peaks):
        assert large - small < DIFFERENCE_KIB, peaks
