"""The promise of the service under violence: workers killed, stopped and replaced in the middle of a job."""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from roomsplat.server.errors import StaleLeaseError
from roomsplat.server.records import JobStatus
from tests.server.lives import check_lives
from tests.server.postgres import Cluster
from tests.server.service import Service, until

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For laws about processes; those about who owns a job hold on both databases."""

SHORT = 4.0
"""Seconds of a lease that shall expire; elsewhere a busy machine must not end one."""


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Iterator[Service]:
    """A service without workers; in the end no process is left and every job has ended once."""
    made = Service(tmp_path / "storage", database_url)
    try:
        yield made
    finally:
        made.end()
    check_lives(database_url)


def wait_for_steps(service: Service, job_id: str, steps: int) -> None:
    """Wait until training has done so many steps."""
    path = service.storage / "models" / job_id / "work" / "checkpoint.txt"
    until(lambda: path.exists() and int(path.read_text() or 0) >= steps, f"{steps} steps")


def put_to_sleep(service: Service, worker: subprocess.Popen[bytes]) -> None:
    """Stop it as a paused machine would, but not while it holds SQLite's one lock: then nobody could write."""
    path = str(service.settings.database_url).removeprefix("sqlite:///")
    while True:
        worker.send_signal(signal.SIGSTOP)
        if path.startswith("postgresql"):
            return  # there the server ends the session of one who sleeps in a transaction (test_database.py)
        try:
            with closing(sqlite3.connect(path, timeout=1)) as connection:
                connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            worker.send_signal(signal.SIGCONT)
            time.sleep(0.05)
        else:
            return


def test_another_worker_finishes_a_killed_workers_job(service: Service) -> None:
    """kill -9 in the middle of training: the pipeline dies, another worker goes on from the checkpoint, once."""
    service = service.with_settings(lease_seconds=SHORT)
    job_id = service.submit(seconds={"train": 2.0})
    victim = service.work(0)
    wait_for_steps(service, job_id, 5)
    victim.kill()
    victim.wait()
    until(lambda: service.pipelines() == {}, "the pipeline died with its worker", 1)
    assert service.job(job_id).status is JobStatus.TRAINING
    service.work(1)
    job = service.until_status(job_id, JobStatus.COMPLETED)
    assert job.attempts >= 2
    runs = {stage: service.began(job_id, stage) for stage in ("capture", "sfm", "train", "export")}
    assert runs["capture"] == runs["sfm"] == runs["export"] == [0]
    assert len(runs["train"]) == job.attempts
    assert min(runs["train"][1:]) >= 5


@SQLITE
def test_a_worker_kills_what_its_predecessor_left(service: Service) -> None:
    """A worker that begins in a crashed one's place kills what that left, and takes its job at once, lease or not."""
    job_id = service.submit(seconds={"train": 1.0})
    victim = service.work()
    wait_for_steps(service, job_id, 2)
    for pid in service.pipelines():
        os.kill(pid, signal.SIGSTOP)  # so that they cannot end by themselves
    victim.kill()
    victim.wait()
    left = set(service.pipelines())
    service.work()
    until(lambda: not left & set(service.pipelines()), "the predecessor's processes are gone", 5)
    assert service.until_status(job_id, JobStatus.COMPLETED, seconds=25).attempts == 2  # the lease is 30 s
    assert "COLLISION" not in service.trace_text(job_id)


def test_two_workers_share_a_queue(service: Service) -> None:
    """Two workers and several jobs, one at the end: each job is run by one of them, once, and never by both."""
    others = [service.another(f"user {number}") for number in range(4)]
    jobs = [service.submit(owner) for owner in others for _ in range(2)]
    service.work(0)
    service.work(1)
    for job_id in jobs:
        assert service.until_status(job_id, JobStatus.COMPLETED).attempts == 1
        assert [len(service.began(job_id, stage)) for stage in ("capture", "train", "export")] == [1, 1, 1]
    single = service.submit(seconds={"train": 0.7})
    assert service.until_status(single, JobStatus.COMPLETED).attempts == 1
    assert service.began(single, "train") == [0]
    assert "COLLISION" not in service.trace_text(single)


def test_a_sleeper_writes_nothing(service: Service) -> None:
    """A worker stopped beyond its lease loses its pipeline meanwhile and writes nothing when it wakes."""
    service = service.with_settings(lease_seconds=SHORT)
    job_id = service.submit(seconds={"train": 6.0})
    sleeper = service.work(0)
    wait_for_steps(service, job_id, 2)
    first = set(service.pipelines())
    put_to_sleep(service, sleeper)
    until(lambda: not first & set(service.pipelines()), "its pipeline ended")
    written = service.storage / "models" / job_id / "work" / "checkpoint.txt"
    assert written.stat().st_mtime < service.lease_expiry(job_id), "its pipeline ended before the lease"
    service.work(1)
    until(lambda: service.job(job_id).attempts >= 2, "the other worker took it")
    until(lambda: len(service.began(job_id, "train")) >= 2, "it trains there")
    seen = len(service.jobs.events(job_id, service.owner))
    sleeper.send_signal(signal.SIGCONT)
    job = service.until_status(job_id, JobStatus.COMPLETED)
    assert job.attempts >= 2
    assert "COLLISION" not in service.trace_text(job_id)
    assert len(service.began(job_id, "train")) == job.attempts
    assert len(service.began(job_id, "export")) == 1
    assert len(service.jobs.events(job_id, service.owner)) > seen
    until(lambda: "the lease was lost" in service.log(), "the sleeper noticed")
    assert service.until_status(service.submit(), JobStatus.COMPLETED)
    assert sleeper.poll() is None


def test_sigterm_hands_the_job_back(service: Service) -> None:
    """SIGTERM: the pipeline saves and ends, the job waits again with its stages and attempts, the worker ends well."""
    job_id = service.submit(seconds={"train": 1.5})
    worker = service.work()
    wait_for_steps(service, job_id, 5)
    worker.terminate()
    assert worker.wait(10) == 0
    job = service.job(job_id)
    assert (job.status, job.attempts) == (JobStatus.PENDING, 0)
    assert service.jobs.next_job() == job_id
    assert "interrupted" in service.trace_text(job_id)
    assert service.pipelines() == {}
    service.work()
    assert service.until_status(job_id, JobStatus.COMPLETED).attempts == 1
    assert len(service.began(job_id, "capture")) == 1


def test_cancelling_frees_the_device(service: Service) -> None:
    """Cancelled in any stage, the pipeline and what it started are gone within seconds and the next job runs."""
    service.work()
    for stage in ("capture", "sfm", "train", "export"):
        job_id = service.submit(seconds={stage: 30.0}, leave=True)
        service.until_stage(job_id, stage)
        service.jobs.request_cancel(job_id, service.owner)
        service.until_status(job_id, JobStatus.CANCELLED, seconds=10)
        assert service.pipelines() == {}
    service.until_status(service.submit(), JobStatus.COMPLETED)


def test_three_lost_workers_are_enough(service: Service) -> None:
    """A job over which three workers were lost fails as ``worker_lost`` and is not taken a fourth time."""
    service = service.with_settings(lease_seconds=2.0)
    job_id = service.submit(seconds={"train": 60.0})
    for attempt in range(1, 4):
        victim = service.work(attempt)
        until(lambda number=attempt: len(service.began(job_id, "train")) >= number, f"attempt {attempt}")
        victim.kill()
        victim.wait()
    service.work(9)
    job = service.until_status(job_id, JobStatus.FAILED)
    assert job.error is not None
    assert job.error.code == "worker_lost"
    assert job.attempts == 3


def test_a_cancelled_job_of_a_lost_worker_is_cancelled(service: Service) -> None:
    """Cancelling a job whose worker has just died ends it as cancelled; nobody takes it up again."""
    service = service.with_settings(lease_seconds=SHORT)
    job_id = service.submit(seconds={"train": 30.0})
    victim = service.work()
    wait_for_steps(service, job_id, 1)
    victim.kill()
    service.jobs.request_cancel(job_id, service.owner)
    service.work(1)
    service.until_status(job_id, JobStatus.CANCELLED)
    assert len(service.began(job_id, "train")) == 1


@SQLITE
def test_a_place_has_one_worker(service: Service) -> None:
    """A second worker for the same device is refused; workers are counted while they live, also while they work."""
    worker = service.work(0)
    until(lambda: service.living() == 1, "the worker lives")
    second = service.work(0)
    assert second.wait(20) != 0
    assert service.living() == 1
    worker.terminate()
    assert worker.wait(10) == 0
    assert service.living() == 0


def test_a_dead_owner_cannot_write(service: Service) -> None:
    """Whatever a worker still writes after its job was taken from it is refused."""
    service = service.with_settings(lease_seconds=SHORT)
    job_id = service.submit()
    lease = service.jobs.acquire(job_id, "gone")
    assert lease is not None
    time.sleep(service.settings.lease_seconds + 0.1)
    service.work()
    service.until_status(job_id, JobStatus.COMPLETED)
    with pytest.raises(StaleLeaseError):
        service.jobs.report(lease, message="I am still here")
    with pytest.raises(StaleLeaseError):
        service.jobs.finish(lease)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_database_restart_is_survived(service: Service, postgres_cluster: Cluster) -> None:
    """A database that goes away for a while in the middle of a job: the same attempt goes on and completes."""
    job_id = service.submit(seconds={"train": 1.5})
    service.work()
    wait_for_steps(service, job_id, 3)
    postgres_cluster.stop()
    wait_for_steps(service, job_id, 12)
    postgres_cluster.start()
    assert service.until_status(job_id, JobStatus.COMPLETED).attempts == 1
    assert service.began(job_id, "train") == [0]
    kinds = [event.kind for event in service.jobs.events(job_id, service.owner)]
    assert kinds.count("stage_finished") == 4
