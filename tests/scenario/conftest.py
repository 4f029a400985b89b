import pytest

from harness import Platform, Workload


def pytest_collection_modifyitems(items):
    """Modules run side by side: those that mostly wait for a clock begin first."""
    waiting = ("test_timeouts.py", "test_slow_visitors.py", "test_networks.py", "test_proxies.py", "test_traffic_idle.py", "test_threats_slow.py")
    items.sort(key=lambda item: item.path.name not in waiting)


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """One running platform for the tests of a module; it must stop cleanly, and without a sanitizer's report."""
    running = Platform(tmp_path_factory.mktemp("platform"), port=0)
    yield running
    status = running.stop()
    assert status == 0, running.output[-4000:]
    assert "Sanitizer" not in running.output, running.output[-8000:]


@pytest.fixture
def workload():
    with Workload() as running:
        yield running


@pytest.fixture
def started():
    """Programs that a test starts: started.append(program). They are ended, and their reports looked at."""
    programs = []
    yield programs
    for program in programs:
        program.kill(15)
    for program in programs:
        program.wait()
        assert "Sanitizer" not in program.output, program.output[-8000:]
