"""Laws of a worker whose disk fills up."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from roomsplat.server.records import JobStatus
from tests.server.lives import check_lives
from tests.server.service import Service


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # noqa: S607 - the system's own


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize("stage", ["capture", "export"])
def test_a_full_disk_ends_one_job(
    small_disk: Path, stage: str, kind: str, request: pytest.FixtureRequest
) -> None:
    """A disk that fills up, SQLite on it, fails the job with a clear code; the next one runs, nothing is lost."""
    url = f"sqlite:///{small_disk / 'storage' / 'roomsplat.db'}"
    if kind == "postgres":
        url = request.getfixturevalue("postgres_cluster").create()
    service = Service(small_disk / "storage", url, lease_seconds=8.0)
    try:
        failing, fine = service.submit(fill=stage), service.submit()
        service.work()
        job = service.until_status(failing, JobStatus.FAILED)
        assert job.error is not None
        assert job.error.code == "output_not_writable"
        service.until_status(fine, JobStatus.COMPLETED)
        assert (service.storage / job.source_path).read_bytes() == b"film"
        service.jobs.retry(failing, service.owner, {})
        service.until_status(failing, JobStatus.COMPLETED)
        assert len(service.began(failing, "capture")) == (2 if stage == "capture" else 1)
    finally:
        service.end()
    check_lives(url)
