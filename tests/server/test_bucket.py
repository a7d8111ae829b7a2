"""The promise of the service where workers share a database and a bucket, and no disk."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from roomsplat.server.files import FileNotInStoreError
from roomsplat.server.outputs import remove_job_files
from roomsplat.server.records import JobStatus
from roomsplat.server.stores import open_store
from tests.server.bucket import KEYS, Door, Moto, door_to
from tests.server.service import Service, until

SHORT = 5.0
"""Seconds of a lease that shall expire; elsewhere a busy machine must not end one."""

STAGES = ("capture", "sfm", "train", "export")


class Hosts(Service):
    """A service whose files are in a bucket; each worker has a storage folder of its own."""

    def __init__(self, storage: Path, url: str, **settings: object) -> None:
        """``settings`` name the bucket."""
        super().__init__(storage, url, **settings)
        self.store = open_store(self.settings)
        self.store.put("uploads/film.mp4", storage / "uploads" / "film.mp4")

    def host(self, name: str) -> Path:
        """The storage folder of this host."""
        return self.storage.with_name(name)

    def scratch(self, job_id: str) -> list[Path]:
        """Where workers are at work on the job."""
        return list(self.storage.parent.glob(f"*/scratch/*/{job_id}"))

    def trace_text(self, job_id: str) -> str:
        """What the pipelines of this job did, as far as it is still there."""
        text = "".join(
            path.read_text() for path in self.storage.parent.glob(f"*/scratch/*/{job_id}/out/trace.txt")
        )
        return text or self.read(f"models/{job_id}/trace.txt").decode()

    def read(self, name: str) -> bytes:
        """A file in the bucket; nothing if it is not there."""
        try:
            return b"".join(self.store.open_range(name, 0, 1 << 20))
        except FileNotInStoreError:
            return b""

    def names(self, job_id: str) -> set[str]:
        """What the bucket has of the job besides the pictures of its cameras."""
        root = f"models/{job_id}/"
        names = {name.removeprefix(root) for name in self.store.list_files(f"models/{job_id}")}
        return {name for name in names if not name.startswith("cameras/images/")}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Which database does not matter here."""
    return f"sqlite:///{tmp_path / 'roomsplat.db'}"


@pytest.fixture
def door(moto: Moto) -> Iterator[Door]:
    """The way to the bucket."""
    with door_to(moto.port) as door:
        yield door


@pytest.fixture
def hosts(
    tmp_path: Path, database_url: str, moto: Moto, door: Door, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hosts]:
    """A service without workers."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    made = Hosts(
        tmp_path / "api",
        database_url,
        lease_seconds=30.0,
        bucket=moto.bucket(),
        bucket_endpoint=door.endpoint,
        bucket_patience_seconds=60.0,
    )
    try:
        yield made
    finally:
        made.end()


def again(hosts: Hosts, **settings: object) -> Hosts:
    """The same service with other settings."""
    named = {name: getattr(hosts.settings, name) for name in ("bucket", "bucket_endpoint")}
    hosts.with_settings(**named, bucket_patience_seconds=60.0, **settings)
    return hosts


def test_a_job_goes_through_the_bucket(hosts: Hosts) -> None:
    """While it runs its looks are in the bucket as soon as they are told of; then its results; deleted, nothing is."""
    job_id = hosts.submit(name="room", seconds={"train": 2.0})
    hosts.work(0, storage=hosts.host("one"))

    def told() -> list[str]:
        return [event.kind for event in hosts.jobs.events(job_id, hosts.owner)]

    until(lambda: "snapshot_written" in told(), "a look at the scene")
    assert "cameras_found" in told()
    assert {"thumbnail.jpg", "cameras/transforms.json", "live/scene.splat"} <= hosts.names(job_id)
    assert len(hosts.store.list_files(f"models/{job_id}/cameras/images")) == 9
    assert "scene.ply" not in hosts.names(job_id)
    job = hosts.until_status(job_id, JobStatus.COMPLETED)
    assert job.counts == {"frames": 9, "registered": 8, "gaussians": 7, "psnr": 30.5}
    work = {f"work/{stage}{suffix}" for stage in STAGES for suffix in (".tar", ".json")}
    assert hosts.names(job_id) == work | {
        *("scene.ply", "thumbnail.jpg", "trace.txt", "cameras/transforms.json")
    }
    assert hosts.read(f"models/{job_id}.ply") == b"ply of room"
    until(lambda: hosts.scratch(job_id) == [], "the host has forgotten it")
    assert not (hosts.host("one") / "models").exists()
    remove_job_files(hosts.store, hosts.storage, job_id, job.source_path)
    assert hosts.store.list_files("models") == hosts.store.list_files("uploads") == []


def test_another_host_finishes_a_killed_workers_job(hosts: Hosts) -> None:
    """kill -9 after the first stage: a worker on a host that has nothing finishes without running that stage again."""
    hosts = again(hosts, lease_seconds=SHORT)
    job_id = hosts.submit(seconds={"sfm": 4.0})
    victim = hosts.work(0, storage=hosts.host("one"))
    until(lambda: "work/capture.json" in hosts.names(job_id), "the first stage is in the bucket")
    hosts.until_stage(job_id, "sfm")
    victim.kill()
    victim.wait()
    first = hosts.read(f"models/{job_id}/work/capture.json")
    hosts.work(0, storage=hosts.host("two"))
    job = hosts.until_status(job_id, JobStatus.COMPLETED)
    assert job.attempts >= 2
    ran = hosts.read(f"models/{job_id}/trace.txt").decode()
    assert "capture" not in ran
    assert [line.split()[0] for line in ran.splitlines() if line.endswith("begins")] == [
        "sfm",
        "train",
        "export",
    ]
    assert hosts.read(f"models/{job_id}/work/capture.json") == first
    assert hosts.read(f"models/{job_id}.ply") == b"ply of "


def test_a_sleeper_publishes_nothing(hosts: Hosts) -> None:
    """A worker stopped beyond its lease changes nothing in the bucket when it wakes: the job is another host's."""
    hosts = again(hosts, lease_seconds=SHORT)
    job_id = hosts.submit(seconds={"train": 20.0})
    sleeper = hosts.work(0, storage=hosts.host("one"))
    until(lambda: "live/scene.splat" in hosts.names(job_id), "it trains")
    first = set(hosts.pipelines())
    sleeper.send_signal(signal.SIGSTOP)
    until(lambda: not first & set(hosts.pipelines()), "its pipeline ended")
    hosts.work(0, storage=hosts.host("two"))
    until(lambda: hosts.job(job_id).attempts >= 2, "the other worker took it")
    hosts.jobs.request_cancel(job_id, hosts.owner)
    hosts.until_status(job_id, JobStatus.CANCELLED)
    remove_job_files(hosts.store, hosts.storage, job_id, None)
    sleeper.send_signal(signal.SIGCONT)
    until(lambda: "the lease was lost" in (hosts.host("one") / "logs" / "app.log").read_text(), "it noticed")
    until(lambda: hosts.scratch(job_id) == [], "it has cleaned up")
    assert hosts.names(job_id) == set()
    assert hosts.read(f"models/{job_id}.ply") == b""
    assert sleeper.poll() is None


def test_a_cancelled_job_keeps_its_stages(hosts: Hosts) -> None:
    """Cancelled in training, it has no result but its finished stages; tried again on another host it goes on there."""
    job_id = hosts.submit(seconds={"train": 30.0})
    worker = hosts.work(0, storage=hosts.host("one"))
    until(lambda: "work/sfm.json" in hosts.names(job_id), "two stages are in the bucket")
    hosts.until_stage(job_id, "train")
    hosts.jobs.request_cancel(job_id, hosts.owner)
    until(lambda: hosts.pipelines() == {}, "the device is free", 10)
    hosts.until_status(job_id, JobStatus.CANCELLED, seconds=10)
    assert "scene.ply" not in hosts.names(job_id)
    until(lambda: hosts.scratch(job_id) == [], "the host has forgotten it")
    worker.terminate()
    assert worker.wait(20) == 0
    hosts.jobs.retry(job_id, hosts.owner, {"name": "again"})
    hosts.work(0, storage=hosts.host("two"))
    hosts.until_status(job_id, JobStatus.COMPLETED)
    began = [line.split()[0] for line in hosts.trace_text(job_id).splitlines() if line.endswith("begins")]
    assert began == ["train", "export"]
    assert hosts.read(f"models/{job_id}.ply") == b"ply of again"


def test_a_restart_of_the_bucket_is_survived(hosts: Hosts, door: Door) -> None:
    """A bucket that goes away in the middle of a job: the worker holds its lease, waits for it, and completes."""
    hosts = again(hosts)
    job_id = hosts.submit(name="room", seconds={"train": 1.0})
    hosts.work(0, storage=hosts.host("one"))
    until(
        lambda: hosts.scratch(job_id) and hosts.scratch(job_id)[0].joinpath("out/live").exists(), "it trains"
    )
    door.close()
    log = hosts.host("one") / "logs" / "app.log"
    until(lambda: "Trying again" in log.read_text(), "it misses the bucket")
    until(lambda: "the pipeline ended with code 0" in log.read_text(), "the pipeline has ended")
    assert not hosts.job(job_id).status.ended
    door.open()
    assert hosts.until_status(job_id, JobStatus.COMPLETED).attempts == 1
    assert hosts.read(f"models/{job_id}.ply") == b"ply of room"
    assert "work/train.tar" in hosts.names(job_id)


def test_patience_has_an_end(hosts: Hosts, door: Door) -> None:
    """A bucket that stays away fails the job with a code that says so; the worker lives and the next job runs."""
    hosts.with_settings(
        bucket=hosts.settings.bucket, bucket_endpoint=door.endpoint, bucket_patience_seconds=1.0
    )
    job_id = hosts.submit(seconds={"train": 1.0})
    worker = hosts.work(0, storage=hosts.host("one"))
    until(lambda: "cameras/transforms.json" in hosts.names(job_id), "it trains")
    door.close()
    job = hosts.until_status(job_id, JobStatus.FAILED)
    assert job.error is not None
    assert job.error.code == "storage_unavailable"
    assert "bucket" in job.error.message
    door.open()
    hosts.until_status(hosts.submit(), JobStatus.COMPLETED)
    assert worker.poll() is None


def test_what_a_killed_worker_left_is_cleared_by_its_successor(hosts: Hosts) -> None:
    """A host keeps what it has of the job at hand, and nothing of jobs that others have finished meanwhile."""
    job_id = hosts.submit(seconds={"train": 20.0})
    victim = hosts.work(0, storage=hosts.host("one"))
    until(lambda: "live/scene.splat" in hosts.names(job_id), "it trains")
    victim.kill()
    victim.wait()
    assert hosts.scratch(job_id) != []
    until(lambda: hosts.pipelines() == {}, "the pipeline died with it")
    hosts.jobs.end_leases_of(hosts.scratch(job_id)[0].parent.name)
    hosts.jobs.request_cancel(job_id, hosts.owner)
    hosts.until_status(job_id, JobStatus.CANCELLED)
    hosts.work(0, storage=hosts.host("one"))
    hosts.until_status(hosts.submit(), JobStatus.COMPLETED)
    until(lambda: hosts.scratch("*") == [], "nothing is left on the host")
