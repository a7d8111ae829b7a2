"""``python -m benchmarks.service [--quick] [--postgres URL]``: the job service under load, as real processes.

Two hundred uploads by twenty users over a minute against two workers whose pipeline takes a quarter of a second: is
any job lost or run twice, do users take turns, how long does ``GET status`` take meanwhile. Then ten uploads of 500 MB
at once: how much memory the API takes for them.
"""

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure, print_figures
from roomsplat.media.video import VideoWriter
from roomsplat.server.database import open_database, upgrade
from roomsplat.server.keys import create_key
from roomsplat.server.settings import ServerSettings

FAKE = Path(__file__).resolve().parents[1] / "tests" / "server" / "fake_pipeline.py"
BOUNDARY = "roomsplat-benchmark"
STAGES = ("capture", "sfm", "train", "export")


@dataclass(slots=True, kw_only=True)
class Load:
    """A running service and what was seen of it."""

    port: int
    storage: Path
    api: int
    """The API's process."""
    keys: list[str]
    film: bytes
    jobs: dict[str, int] = field(default_factory=dict[str, int])
    """Accepted jobs, each with its user's number."""
    status_ms: list[float] = field(default_factory=list[float])
    refused: list[str] = field(default_factory=list[str])

    def ask(self, method: str, path: str, user: int, body: Any = None, kind: str = "") -> tuple[int, Any]:
        """One request; ``body`` may be bytes or an iterator of them with a length announced in ``kind``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        headers = {"Authorization": f"Bearer {self.keys[user]}"}
        if kind:
            headers["Content-Type"], headers["Content-Length"] = kind.split("|")
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def upload(self, user: int, padding: int = 0) -> None:
        """Send the film, made longer by ``padding`` bytes that a player skips."""
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="room.mp4"\r\n'
            "Content-Type: video/mp4\r\n\r\n"
        ).encode()
        tail = f"\r\n--{BOUNDARY}--\r\n".encode()
        extra = (padding + 8).to_bytes(4, "big") + b"free" if padding else b""
        length = len(head) + len(self.film) + len(extra) + padding + len(tail)

        def parts() -> Iterator[bytes]:
            yield head + self.film + extra
            for start in range(0, padding, 1 << 20):
                yield bytes(min(1 << 20, padding - start))
            yield tail

        kind = f"multipart/form-data; boundary={BOUNDARY}|{length}"
        status, answer = self.ask("POST", "/api/jobs/upload", user, parts(), kind)
        if status == 202:
            self.jobs[answer["job_id"]] = user
        else:
            self.refused.append(f"{status} {answer}")

    def status(self, job_id: str) -> dict[str, Any]:
        """The job's state, timed."""
        started = time.perf_counter()
        code, answer = self.ask("GET", f"/api/jobs/{job_id}/status", self.jobs[job_id])
        self.status_ms.append((time.perf_counter() - started) * 1000)
        assert code == 200, answer
        return answer

    def memory(self) -> float:
        """MB that the API's process holds."""
        lines = Path(f"/proc/{self.api}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@contextmanager
def service(folder: Path, *, users: int, database_url: str | None) -> Generator[Load]:
    """The API and two workers over a new storage folder; all of them are gone at the end."""
    storage, port = folder / "storage", free_port()
    storage.mkdir()
    given = {
        "storage": str(storage),
        "requests_per_minute": "0",
        "poll_seconds": "0.1",
        "max_queued_per_user": "1000",
        "pipeline_command": json.dumps([sys.executable, "-P", str(FAKE)]),
        **({"database_url": database_url} if database_url else {}),
    }
    os.environ.update({f"ROOMSPLAT_{name.upper()}": value for name, value in given.items()})
    database = open_database(ServerSettings().resolved_database_url)
    upgrade(database)
    keys = [create_key(database.sessions, f"user {number}")[1] for number in range(users)]
    database.dispose()
    program = [sys.executable, "-P", "-m", "roomsplat"]
    started = [
        subprocess.Popen([*program, "serve", "--port", str(port), "--auth", "keys", "--no-worker"]),
        *(subprocess.Popen([*program, "worker", "--device", str(slot)]) for slot in range(2)),
    ]
    try:
        wait_for(lambda: answers(port), 30)
        yield Load(port=port, storage=storage, api=started[0].pid, keys=keys, film=film(folder))
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(60)


def film(folder: Path) -> bytes:
    """Three seconds of noise, small and valid."""
    dice = np.random.default_rng(0)
    with VideoWriter(folder / "film.mp4", fps=30, crf=40) as writer:
        for _ in range(90):
            writer.write(dice.integers(0, 255, (240, 320, 3), dtype=np.uint8))
    return (folder / "film.mp4").read_bytes()


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


def many_small(load: Load, *, uploads: int, seconds: float) -> list[Figure]:
    """Uploads spread over the time, by all users in turn, while the states of the accepted jobs are asked for."""
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for job_id in list(load.jobs)[-10:]:
                load.status(job_id)
                time.sleep(0.02)
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    sent: list[Future[None]] = []
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        for number in range(uploads):
            time.sleep(max(0.0, began + seconds * number / uploads - time.monotonic()))
            sent.append(pool.submit(load.upload, number % len(load.keys)))
    for upload in sent:
        upload.result()
    wait_for(lambda: len(unfinished(load)) == 0, 600)
    wall = time.monotonic() - began
    done.set()
    watcher.join()
    ends = [load.status(job_id)["status"] for job_id in load.jobs]
    runs = [trace(load, job_id) for job_id in load.jobs]
    once = sum(run == [f"{stage} begins" for stage in STAGES] for run in runs)
    times = sorted(load.status_ms)
    return [
        Figure(key="service.lost", value=uploads - ends.count("completed"), unit="jobs"),
        Figure(key="service.not_once", value=len(runs) - once, unit="jobs"),
        Figure(key="service.refused", value=len(load.refused), unit="requests"),
        Figure(key="service.status.p50", value=times[len(times) // 2], unit="ms"),
        Figure(key="service.status.p99", value=times[int(len(times) * 0.99)], unit="ms"),
        Figure(key="service.status.asked", value=len(times), unit="requests"),
        Figure(key="service.out_of_turn", value=out_of_turn(load), unit="jobs"),
        Figure(key="service.wall", value=wall, unit="s"),
    ]


def unfinished(load: Load) -> list[str]:
    """Jobs without an end."""
    ended = {"completed", "failed", "cancelled"}
    return [job_id for job_id in load.jobs if load.status(job_id)["status"] not in ended]


def trace(load: Load, job_id: str) -> list[str]:
    """Which stages really began, in order."""
    lines = (load.storage / "models" / job_id / "trace.txt").read_text().splitlines()
    return [f"{line.split()[0]} begins" for line in lines if line.endswith("begins")]


def out_of_turn(load: Load) -> int:
    """Jobs of a user that began before one that the same user had submitted earlier."""
    wrong = 0
    for user in range(len(load.keys)):
        mine = [load.ask("GET", f"/api/jobs/{job}", user)[1] for job, who in load.jobs.items() if who == user]
        mine.sort(key=lambda job: job["created_at"])
        begun = [job["started_at"] for job in mine]
        wrong += sum(after < before for before, after in pairwise(begun))
    return wrong


def few_large(load: Load, *, uploads: int, padding: int) -> list[Figure]:
    """Large uploads at once; the API's memory before them and its highest during them."""
    before = load.memory()
    highest, done = [before], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            highest.append(load.memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    accepted, began = len(load.jobs), time.monotonic()
    with ThreadPoolExecutor(uploads) as pool:
        sent = [pool.submit(load.upload, number % len(load.keys), padding) for number in range(uploads)]
    wall = time.monotonic() - began
    done.set()
    watcher.join()
    for upload in sent:
        upload.result()
    return [
        Figure(key="service.large.refused", value=uploads - (len(load.jobs) - accepted), unit="requests"),
        Figure(key="service.large.memory_before", value=before, unit="MB"),
        Figure(key="service.large.memory_growth", value=max(highest) - before, unit="MB"),
        Figure(key="service.large.wall", value=wall, unit="s"),
    ]


def run_service(*, quick: bool, database_url: str | None = None) -> list[Figure]:
    """Both loads."""
    size = (5, 40, 12.0, 3, 50 << 20) if quick else (20, 200, 60.0, 10, 500 << 20)
    users, uploads, seconds, large, padding = size
    with (
        tempfile.TemporaryDirectory(prefix="roomsplat-service-") as folder,
        service(Path(folder), users=users, database_url=database_url) as load,
    ):
        figures = many_small(load, uploads=uploads, seconds=seconds)
        figures += few_large(load, uploads=large, padding=padding)
        for line in load.refused[:5]:
            print(f"refused: {line}", file=sys.stderr)
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of it")
    parser.add_argument("--postgres", metavar="URL", help="this empty database instead of SQLite")
    options = parser.parse_args()
    print_figures(run_service(quick=options.quick, database_url=options.postgres), [])
