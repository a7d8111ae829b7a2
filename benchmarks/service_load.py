"""The job service and its clients as real processes: ``roomsplat serve``, two workers, and curl for every upload."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from roomsplat.media.video import VideoWriter
from roomsplat.server.database import open_database, upgrade
from roomsplat.server.keys import create_key
from roomsplat.server.settings import ServerSettings

FAKE = Path(__file__).resolve().parents[1] / "tests" / "server" / "fake_pipeline.py"
STAGE_SECONDS = 0.15
"""Four stages of this and the start of two interpreters: two workers do less than arrives, so there is a queue."""

WORKERS = 2
TUS = ("-H", "Tus-Resumable: 1.0.0")


@dataclass(slots=True, kw_only=True)
class Load:
    """A running service and what was seen of it."""

    port: int
    storage: Path
    api: int
    """The API's process."""
    keys: list[str]
    jobs: dict[str, int] = field(default_factory=dict[str, int])
    """Accepted jobs, each with its user's number."""
    refused: list[str] = field(default_factory=list[str])

    def ask(self, connection: http.client.HTTPConnection, path: str, user: int) -> Any:
        """One GET over a connection that stays open, as a page's does."""
        connection.request("GET", path, headers={"Authorization": f"Bearer {self.keys[user]}"})
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        return json.loads(content)

    def connect(self) -> http.client.HTTPConnection:
        """A connection for ``ask``."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)

    def post(self, user: int, film: Path) -> None:
        """Upload in one form."""
        self._took(user, self._curl(user, "/api/jobs/upload", "-F", f"file=@{film}"))

    def resume(self, user: int, film: Path) -> None:
        """Upload by tus, in one piece."""
        length = f"Upload-Length: {film.stat().st_size}"
        begun = self._curl(user, "/api/uploads", "-i", *TUS, "-X", "POST", "-H", length)
        place = header(begun, "location")
        kind = ("-H", "Content-Type: application/offset+octet-stream", "-H", "Upload-Offset: 0")
        ended = self._curl(user, place, "-i", *TUS, *kind, "-H", "Expect:", "-X", "PATCH", "-T", str(film))
        self._took(user, json.dumps({"job_id": header(ended, "roomsplat-job-id")}))

    def _curl(self, user: int, path: str, *options: str) -> str:
        # nice: in the world uploads come from other machines and take nothing from this one's processors
        command = [
            "nice",
            "-n",
            "10",
            "curl",
            "-sS",
            "-H",
            f"Authorization: Bearer {self.keys[user]}",
            *options,
        ]
        place = f"http://127.0.0.1:{self.port}{path}"
        return subprocess.run(
            [*command, place], capture_output=True, text=True, check=False, timeout=600
        ).stdout

    def _took(self, user: int, said: str) -> None:
        job_id = json.loads(said or "{}").get("job_id")
        if job_id:
            self.jobs[job_id] = user
        else:
            self.refused.append(said or "no answer")

    def memory(self) -> float:
        """MB that the API's process holds."""
        lines = Path(f"/proc/{self.api}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def header(answer: str, name: str) -> str:
    """A header of an answer that curl printed; empty where it is not there."""
    lines = (line.partition(":") for line in answer.splitlines())
    return next((value.strip() for key, _, value in lines if key.strip().lower() == name), "")


class Asker(threading.Thread):
    """Asks for the states of the newest jobs, fifty times a second at most, and keeps the time of each answer."""

    def __init__(self, load: Load) -> None:
        super().__init__()
        self._load, self._done = load, threading.Event()
        self.milliseconds: list[float] = []

    def run(self) -> None:
        """Until ``stop``."""
        connection = self._load.connect()
        while not self._done.wait(0.02):
            for job_id in list(self._load.jobs)[-10:]:
                started = time.perf_counter()
                self._load.ask(connection, f"/api/jobs/{job_id}/status", self._load.jobs[job_id])
                self.milliseconds.append((time.perf_counter() - started) * 1000)
                if self._done.wait(0.02):
                    break
        connection.close()

    def stop(self) -> list[float]:
        """The times, the shortest first."""
        self._done.set()
        self.join()
        return sorted(self.milliseconds)


@contextmanager
def service(folder: Path, *, users: int, database_url: str | None) -> Generator[Load]:
    """The API and its workers over a new storage folder; all of them are gone at the end."""
    storage, port = folder / "storage", free_port()
    storage.mkdir()
    settings = ServerSettings(storage=storage, database_url=database_url)
    database = open_database(settings.resolved_database_url)
    upgrade(database)
    keys = [create_key(database.sessions, f"user {number}")[1] for number in range(users)]
    database.dispose()
    given = {
        "STORAGE": str(storage),
        "REQUESTS_PER_MINUTE": "0",
        "POLL_SECONDS": "0.1",
        "MAX_QUEUED_PER_USER": "1000",
        "PIPELINE_COMMAND": json.dumps([sys.executable, "-P", str(FAKE)]),
        **({"DATABASE_URL": database_url} if database_url else {}),
    }
    environment = {**os.environ, **{f"ROOMSPLAT_{name}": value for name, value in given.items()}}
    environment["FAKE_STAGE_SECONDS"] = str(STAGE_SECONDS)
    program = [sys.executable, "-P", "-m", "roomsplat"]
    commands = [
        [*program, "serve", "--port", str(port), "--auth", "keys", "--no-worker"],
        *([*program, "worker", "--device", str(slot)] for slot in range(WORKERS)),
    ]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) for command in commands]
    try:
        wait_for(lambda: answers(port), 60)
        yield Load(port=port, storage=storage, api=started[0].pid, keys=keys)
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(60)


def write_film(path: Path, padding: int = 0) -> Path:
    """Three seconds of noise, small and valid; made longer by an atom of zeros that players skip."""
    dice = np.random.default_rng(0)
    with VideoWriter(path, fps=30, crf=40) as writer:
        for _ in range(90):
            writer.write(dice.integers(0, 255, (240, 320, 3), dtype=np.uint8))
    if padding:
        with path.open("ab") as file:
            file.write((padding + 8).to_bytes(4, "big") + b"free")
            file.truncate(file.tell() + padding)
    return path


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int) -> bool:
    """Whether the API answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def wait_for(holds: Callable[[], bool], seconds: float) -> None:
    """Wait; fails when it takes longer."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s"
        time.sleep(0.1)
