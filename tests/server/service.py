"""A service for laws about workers: real processes over a real database, with a pipeline that takes a second."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from roomsplat.server.database import open_database, reading, upgrade
from roomsplat.server.engine import rules_of
from roomsplat.server.jobs import Jobs
from roomsplat.server.models import JobLease
from roomsplat.server.records import JobRecord, JobStatus
from roomsplat.server.settings import ServerSettings
from roomsplat.server.users import Users
from roomsplat.server.workers import Workers

FAKE_PIPELINE = (sys.executable, "-P", str(Path(__file__).with_name("fake_pipeline.py")))
WORKER = (
    "import sys; from roomsplat.server.engine import run_worker;"
    "from roomsplat.server.logging import configure_logging;"
    "from roomsplat.server.settings import ServerSettings; settings = ServerSettings();"
    "configure_logging(settings.storage, process='worker'); device = int(sys.argv[1]) if sys.argv[1] else None;"
    "run_worker(settings, engine='cpu' if device is None else 'auto', device=device)"
)
PATIENCE = 30.0


def until(holds: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait for something to hold."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)


class Service:
    """One storage folder, its jobs and its workers."""

    def __init__(self, storage: Path, url: str, **settings: object) -> None:
        """``settings`` go over those that suit a test."""
        quick: dict[str, object] = {
            "lease_seconds": 30.0,
            "heartbeat_seconds": 0.3,
            "poll_seconds": 0.1,
            "cancel_seconds": 1.0,
            "interrupt_seconds": 3.0,
            "pipeline_command": FAKE_PIPELINE,
        }
        chosen = {**quick, **settings, "storage": storage, "database_url": url}
        self.settings = ServerSettings.model_validate(chosen)
        self._environment = {
            f"ROOMSPLAT_{name.upper()}": json.dumps(value) if isinstance(value, tuple) else str(value)
            for name, value in chosen.items()
        }
        self.storage = storage
        self._database = open_database(url)
        upgrade(self._database)
        self.jobs = Jobs(self._database.sessions, rules=rules_of(self.settings))
        self.owner = self.another("somebody")
        (storage / "uploads").mkdir(parents=True, exist_ok=True)
        (storage / "uploads" / "film.mp4").write_bytes(b"film")
        self.workers: list[subprocess.Popen[bytes]] = []
        self.hosts = {storage}

    def with_settings(self, **settings: object) -> "Service":
        """The same service with other settings."""
        self._database.dispose()
        self.__init__(self.storage, str(self.settings.database_url), **settings)
        return self

    def another(self, name: str) -> str:
        """Another user's id."""
        return Users(self._database.sessions).ensure(name).id

    def log(self) -> str:
        """What the workers logged."""
        return (self.storage / "logs" / "app.log").read_text()

    def submit(self, owner_id: str | None = None, /, **config: object) -> str:
        """A new job; its settings tell the fake pipeline what to do."""
        job = self.jobs.create(
            owner_id or self.owner, source_name="film.mp4", source_path="uploads/film.mp4", config=config
        )
        return job.id

    def work(self, device: int | None = 0, *, storage: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a worker, of a GPU that the fake pipeline does not look for or of the CPU, here or on another host."""
        host = storage or self.storage
        self.hosts.add(host)
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, "" if device is None else str(device)],
            env={**os.environ, **self._environment, "ROOMSPLAT_STORAGE": str(host)},
        )
        self.workers.append(worker)
        return worker

    def living(self) -> int:
        """How many workers live, as /ready counts them."""
        return Workers(self._database.sessions, patience_seconds=self.settings.lease_seconds).living()

    def job(self, job_id: str) -> JobRecord:
        """The job now."""
        return self.jobs.read(job_id)

    def lease_expiry(self, job_id: str) -> float:
        """When the lease on the job ends, in seconds of the epoch."""
        with reading(self._database.sessions) as session:
            lease = session.get(JobLease, job_id)
            assert lease is not None
            return lease.expires_at.timestamp()

    def until_status(self, job_id: str, *wanted: JobStatus, seconds: float = PATIENCE) -> JobRecord:
        """Wait for one of the states."""
        until(lambda: self.job(job_id).status in wanted, f"{wanted}, but {self.job(job_id)}", seconds)
        return self.job(job_id)

    def until_stage(self, job_id: str, stage: str) -> None:
        """Wait until the job is in the middle of a stage."""
        until(lambda: f"{stage} " in self.trace_text(job_id), f"stage {stage} of {self.trace_text(job_id)!r}")

    def trace_text(self, job_id: str) -> str:
        """What the pipelines of this job did."""
        path = self.storage / "models" / job_id / "trace.txt"
        return path.read_text() if path.exists() else ""

    def began(self, job_id: str, stage: str) -> list[int]:
        """The first steps of the stage's runs."""
        lines = [line.split() for line in self.trace_text(job_id).splitlines()]
        return [int(line[2]) for line in lines if line[0] == stage and line[-1] == "begins"]

    def processes(self) -> dict[int, str]:
        """Every process of this service that lives, grandchildren too: by its environment."""
        marks = [f"ROOMSPLAT_STORAGE={host}\0".encode() for host in self.hosts]
        found: dict[int, str] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_bytes()
                if any(mark in environment for mark in marks) and int(folder.name) != os.getpid():
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it ended while we looked
        return found

    def pipelines(self) -> dict[int, str]:
        """Those processes that are no workers."""
        workers = {worker.pid for worker in self.workers}
        return {pid: line for pid, line in self.processes().items() if pid not in workers}

    def end(self) -> None:
        """Stop everything; fails if a process outlives its worker."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.send_signal(signal.SIGKILL)
            worker.wait()
        self._database.dispose()
        try:
            until(lambda: not self.processes(), "no process is left", 5)
        finally:
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
