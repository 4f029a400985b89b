"""postgres.py: PostgreSQL servers for tests: Debian's program, a folder and a port of their own, gone at the end in any case.

Runs as another user when the tests run as root, since the server refuses root. Nothing of the machine's own clusters is touched.
"""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

USER = "mezusphere"
PASSWORD = "marked-db-password"


def folder_of_programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    assert found, "there is no PostgreSQL: tools/setup test installs it"
    return found[0].parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postgres:
    """One server. `fsync` as in earnest; without it, as fast as can be."""

    def __init__(self, fsync=True, settings=()):
        self.programs = folder_of_programs()
        self.folder = Path(tempfile.mkdtemp(prefix="mezusphere-postgres-", dir="/tmp"))
        self.port = free_port()
        self.process = None
        self.run_as = []
        if os.geteuid() == 0:
            owner = self._unprivileged()
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self.run_as = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._run("initdb", "--pgdata", self.folder / "data", "--username", USER, "--pwfile", password, "--auth", "scram-sha-256",
                  "--encoding", "UTF8", "--locale", "C.UTF-8", *([] if fsync else ["--no-sync"]))
        lines = ["listen_addresses = '127.0.0.1'", f"port = {self.port}", f"unix_socket_directories = '{self.folder}'",
                 "max_connections = 200", "shared_buffers = 32MB", "logging_collector = off", *settings]
        if not fsync:
            lines += ["fsync = off", "synchronous_commit = on", "full_page_writes = off", "autovacuum = off"]
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.write("\n" + "\n".join(lines) + "\n")
        self.start()

    @staticmethod
    def _unprivileged():
        for name in ("postgres", "nobody"):
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise AssertionError("there is no user to run PostgreSQL as")

    def _environment(self):
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGPASSWORD": PASSWORD}

    def _run(self, program, *arguments):
        done = subprocess.run([*self.run_as, str(self.programs / program), *map(str, arguments)], cwd="/", env=self._environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, f"{program}: {done.stdout}"
        return done.stdout

    def url(self, database="postgres", **parameters):
        tail = "&".join(f"{key}={value}" for key, value in parameters.items())
        return f"postgres://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}" + (f"?{tail}" if tail else "")

    def sql(self, text, database="postgres"):
        return self._run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", self.port, "-U", USER, "-d", database, "-c", text)

    def create(self, database):
        self.sql(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def start(self):
        """Returns when it takes connections."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*self.run_as, str(self.programs / "postgres"), "-D", str(self.folder / "data")], cwd="/",
                                            env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        deadline = time.monotonic() + 60
        while not self.is_ready():
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.02)

    def is_ready(self):
        pid_file = self.folder / "data" / "postmaster.pid"
        try:
            lines = pid_file.read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and int(lines[0]) == self.process.pid and lines[7].strip() == "ready"

    def kill(self):
        """kill -9 of the postmaster. Its children notice and go; the next one may start when they have."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restart(self):
        """After kill: as soon as the shared memory of the former one is free."""
        deadline = time.monotonic() + 30
        while True:
            try:
                return self.start()
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def freeze(self):
        """Everything of it hangs, and nothing is closed."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.killpg(self.process.pid, signal.SIGCONT)

    def dump(self, database):
        return self._run("pg_dump", "-h", "127.0.0.1", "-p", self.port, "-U", USER, "--inserts", "-d", database)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.thaw()
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
