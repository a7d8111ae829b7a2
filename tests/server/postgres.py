"""A Postgres server of the tests' own, in a folder of its own, reached by a socket: no port, no password."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

USER = "nobody"
"""Postgres refuses to run as root; nobody owns nothing but this folder."""

FAST = (
    "fsync=off",
    "full_page_writes=off",
    "listen_addresses=",
    "max_connections=200",
)


def missing() -> str | None:
    """Why there is no Postgres to test against, if so."""
    for program in ("initdb", "postgres"):
        if shutil.which(program) is None:
            return f"no {program} on this machine"
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "Postgres does not run as root and setpriv is not here to leave root"
    return None


class Cluster:
    """One server. It dies with the process that started it, whatever happens to that process."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="roomsplat-pg-", dir="/tmp"))
        self._data = self.folder / "data"
        self._log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._count = 0
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER)
        command = ["initdb", "--auth=trust", "--username=test", "--encoding=UTF8", "--no-locale", "--no-sync"]
        self._run([*command, f"--pgdata={self._data}"])
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = ["postgres", "-D", str(self._data), "-k", str(self.folder)]
        for setting in FAST:
            command += ["-c", setting]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._as_user(command), stdout=log, stderr=subprocess.STDOUT, cwd="/"
            )
        for _ in range(300):
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, self._log.read_text()
                time.sleep(0.05)
            else:
                return
        raise AssertionError(self._log.read_text())

    def stop(self) -> None:
        """Stop it at once, as a crash would: open connections break, what was committed is kept by the log."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)
            self._process = None

    def remove(self) -> None:
        """Stop it and delete its files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """The address of a database."""
        return f"postgresql://test@/{database}?host={self.folder}"

    def create(self) -> str:
        """A new and empty database; its address."""
        self._count += 1
        name = f"d{self._count}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # pyright: ignore[reportArgumentType, reportCallIssue] - our own word
        return self.url(name)

    def _as_user(self, command: list[str]) -> list[str]:
        if os.geteuid() != 0:
            return command
        return [
            "setpriv",
            f"--reuid={USER}",
            "--regid=nogroup",
            "--clear-groups",
            "--pdeathsig=QUIT",
            *command,
        ]

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(self._as_user(command), capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stderr
