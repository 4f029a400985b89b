"""What an operator meets on a bad day: each is one clear line and a proper exit status, and nothing is lost."""
import os
import socket
import sqlite3
import ssl
import subprocess

import pytest

from harness import DOMAIN, Platform, Visitor, Warpgate, free_port, programs


def up(*arguments, timeout=30):
    return subprocess.run([programs() / "mezusphere", "up", *map(str, arguments)], env={"MEZUSPHERE_ADMIN_PASSWORD": "a long enough password"},
                          capture_output=True, text=True, timeout=timeout, check=False)


def one_line(result, status, *words):
    assert result.returncode == status, (result.returncode, result.stderr)
    lines = [line for line in result.stderr.strip().splitlines() if line.startswith("mezusphere:")]
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0], lines[0]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The data folder of a platform that ran and stopped."""
    folder = tmp_path_factory.mktemp("stopped")
    platform = Platform(folder)
    platform.project("kept")
    assert platform.stop() == 0
    return folder / "data"


@pytest.fixture
def data(stopped, tmp_path):
    """A copy of it, to be spoiled."""
    copy = tmp_path / "data"
    subprocess.run(["cp", "-a", stopped, copy], check=True)
    return copy


def test_port_in_use(platform, tmp_path):
    one_line(up("--data", tmp_path / "data", "--listen", f"127.0.0.1:{platform.port}"), 1, "address_in_use", str(platform.port))
    assert not (tmp_path / "data").exists(), "nothing is made for a start that fails"


def test_folder_in_use(platform):
    one_line(up("--data", platform.folder / "data", "--listen", "127.0.0.1:0"), 1, "data_in_use")


def test_folder_that_is_not_ours(tmp_path):
    (tmp_path / "thesis.txt").write_text("important")
    one_line(up("--data", tmp_path, "--listen", "127.0.0.1:0"), 1, "data_not_ours", str(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_folder_that_is_not_writable(tmp_path):
    if os.geteuid() == 0:
        target = "/sys/mezusphere"  # nobody can write there
    else:
        tmp_path.chmod(0o500)
        target = tmp_path / "data"
    one_line(up("--data", target, "--listen", "127.0.0.1:0"), 1, "data_not_writable")


def test_corrupt_database(data):
    database = data / "store.db"
    content = bytearray(database.read_bytes())
    for i in range(100, len(content), 97):
        content[i] ^= 0xFF
    database.write_bytes(content)
    one_line(up("--data", data, "--listen", "127.0.0.1:0"), 1, "data_corrupt")
    assert database.read_bytes() == bytes(content), "evidence is left alone"


def test_database_cut_short(data):
    database = data / "store.db"
    database.write_bytes(database.read_bytes()[:5000])
    one_line(up("--data", data, "--listen", "127.0.0.1:0"), 1, "data_corrupt")


def test_newer_database(data):
    with sqlite3.connect(data / "store.db") as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(migration)")]
        last = connection.execute("SELECT * FROM migration ORDER BY 1 DESC LIMIT 1").fetchone()
        connection.execute(f"INSERT INTO migration VALUES ({','.join('?' * len(columns))})", [last[0] + 1000, *last[1:]])
    one_line(up("--data", data, "--listen", "127.0.0.1:0"), 1, "data_newer")


@pytest.mark.parametrize("spoil", ["missing", "other"])
def test_master_key(data, spoil):
    key = data / "master.key"
    if spoil == "missing":
        key.unlink()
    else:
        content = bytearray(key.read_bytes())
        content[3] = ord("0") if content[3] != ord("0") else ord("1")
        key.write_bytes(content)
    one_line(up("--data", data, "--listen", "127.0.0.1:0"), 1, "master_key")


@pytest.mark.parametrize("arguments, word", [
    (["--listen", "nonsense"], "listen"), (["--listen", "127.0.0.1:99999"], "listen"), (["--unknown"], "--unknown"),
    (["--log-level", "loud"], "--log-level"), (["--data"], "--data"), (["--public-port", "0"], "--public-port")])
def test_usage(tmp_path, arguments, word):
    result = up("--data", tmp_path / "data", *arguments) if "--data" not in arguments else up(*arguments)
    assert result.returncode in (1, 2), result.stderr
    assert word in result.stderr, result.stderr
    assert len(result.stderr.strip().splitlines()) <= 2, result.stderr


def test_files_are_private(platform):
    for path in (platform.folder / "data").rglob("*"):
        mode = path.stat().st_mode & 0o777
        assert mode & 0o077 == 0 or path.name == "ca.pem", (path, oct(mode))
    assert (platform.folder / "data").stat().st_mode & 0o077 == 0


def test_unreachable_control_plane(platform, started, tmp_path):
    project = platform.project("unreachable")
    nobody = free_port()
    warpgate = Warpgate(platform, project.key, "127.0.0.1:1", control=f"https://api.{DOMAIN}:{nobody}")
    started.append(warpgate)
    line = warpgate.wait_line(r"enrolment_failed").string
    assert str(nobody) in line, line
    assert warpgate.process.poll() is None, "it tries for ever"


def test_wrong_ca(platform, started, tmp_path):
    project = platform.project("wrong-ca")
    other = Platform(tmp_path)
    warpgate = Warpgate(platform, project.key, "127.0.0.1:1", ca=other.ca)
    started.extend([warpgate, other])
    warpgate.wait_line(r"(?i)ca-file|not trusted|verif")
    assert warpgate.process.poll() is None


@pytest.mark.parametrize("arguments, status, word", [
    (["--ca-file", "/nonexistent.pem"], 2, "ca-file"), (["--upstream", "ftp://x"], 2, "upstream"), (["--upstream", "localhost:99999"], 2, "upstream"),
    (["--control", "http://api.example"], 2, "control"), (["--log-level", "loud"], 2, "log-level"), (["--bogus"], 2, "--bogus"),
    (["--upstream", "a=localhost:1", "--upstream", "a=localhost:2"], 2, "upstream"), (["install"], 2, "install")])
def test_warpgate_usage(platform, arguments, status, word):
    project = platform.project("usage-" + str(abs(hash(str(arguments))) % 10**9))
    result = subprocess.run([programs() / "warpgate", *arguments], env={"WARPGATE_TOKEN": project.key}, capture_output=True, text=True,
                            timeout=20, check=False)
    assert result.returncode == status, (result.returncode, result.stderr)
    assert word in result.stderr and project.key not in result.stderr


def tls(port, name, alpn, certificate=None, maximum=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([alpn])
    if maximum:
        context.maximum_version = maximum
    if certificate:
        context.load_cert_chain(*certificate)
    raw = socket.create_connection(("127.0.0.1", port), 10)
    return context.wrap_socket(raw, server_hostname=name)


def test_a_tunnel_below_tls_13_is_refused(platform):
    with pytest.raises(ssl.SSLError):
        tls(platform.port, f"edge.{DOMAIN}", "mezusphere-tunnel/1", maximum=ssl.TLSVersion.TLSv1_2)


def test_a_tunnel_without_a_certificate_is_refused(platform):
    connection = tls(platform.port, f"edge.{DOMAIN}", "mezusphere-tunnel/1")
    with pytest.raises((ssl.SSLError, ConnectionError)):  # TLS 1.3 tells after the client has finished
        if connection.recv(1) == b"":
            raise ConnectionError("closed")


def test_no_server_name_and_unknown_names(platform):
    with pytest.raises(ssl.SSLError):
        Visitor(platform.port, "elsewhere.example", None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with pytest.raises(ssl.SSLError):
        context.wrap_socket(socket.create_connection(("127.0.0.1", platform.port), 10))


def test_plain_text_on_the_port(platform):
    with socket.create_connection(("127.0.0.1", platform.port), 10) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        raw.settimeout(10)
        try:
            while raw.recv(4096):
                pass
        except ConnectionError:
            pass


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "[::1]:0"])
def test_other_addresses_to_listen_on(tmp_path, listen):
    platform = Platform(tmp_path, listen=listen)
    assert platform.stop() == 0, platform.output[-3000:]
