"""Laws of a worker: a job's way to its end, and what its owner is told. Real processes over real databases."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from roomsplat.server.records import JobError, JobStatus
from tests.server.lives import check_lives
from tests.server.service import Service, until


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One kind is enough here: what differs between databases is in ``test_kill.py`` and ``test_jobs.py``."""
    return f"sqlite:///{tmp_path / 'roomsplat.db'}"


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Iterator[Service]:
    """A service without workers; in the end no process is left and every job has ended once."""
    made = Service(tmp_path / "storage", database_url)
    try:
        yield made
    finally:
        made.end()
    check_lives(database_url)


def test_a_job_becomes_a_scene(service: Service) -> None:
    """A waiting job is taken and completed: its words and progress in order, its figures, its files in their places."""
    job_id = service.submit(name="room")
    service.work()
    job = service.until_status(job_id, JobStatus.COMPLETED)
    assert job.progress == 1.0
    assert job.counts == {"frames": 9, "registered": 8, "gaussians": 7, "psnr": 30.5}
    assert job.timings == dict.fromkeys(("capture", "sfm", "train", "export"), 0.1)
    assert (service.storage / "models" / f"{job_id}.ply").read_text() == "ply of room"
    assert (
        service.storage / "frames" / job_id
    ).resolve() == service.storage / "models" / job_id / "work/capture"
    told = service.jobs.events(job_id, service.owner)
    states = [event.payload["status"] for event in told if event.kind == "status"]
    assert [state for state, before in zip(states, [None, *states], strict=False) if state != before] == [
        *("pending", "extracting_frames", "training", "exporting", "completed")
    ]
    kinds = [event.kind for event in told]
    assert kinds.count("stage_started") == kinds.count("stage_finished") == 4
    assert kinds.count("run_finished") == 1
    assert str(service.storage) not in str([told, job])


ENDS: list[tuple[dict[str, object], str, str]] = [
    ({"error": "sfm"}, "registration_failed", "No cameras."),
    ({"die": ["train", "SIGKILL"]}, "out_of_memory", "memory"),
    ({"die": ["train", "SIGSEGV"]}, "pipeline_crashed", "SIGSEGV in stage train"),
    ({"exit": ["capture", 3]}, "pipeline_crashed", "exit code 3 in stage capture"),
    ({"silent": "export"}, "pipeline_crashed", "without a result"),
]


def test_every_end_has_its_error(service: Service) -> None:
    """However pipelines end, each job fails once with the fitting code and a hint, and the next one runs."""
    jobs = [service.submit(**settings) for settings, _, _ in ENDS]
    fine = service.submit()
    service.work()
    service.until_status(fine, JobStatus.COMPLETED)
    for job_id, (_, code, words) in zip(jobs, ENDS, strict=True):
        job = service.job(job_id)
        assert job.status is JobStatus.FAILED
        assert job.error is not None
        assert job.error.code == code
        assert words in job.error.message
        assert job.error.hint


def test_a_deaf_pipeline_is_killed(service: Service) -> None:
    """A pipeline that does not end by itself when it is cancelled is killed."""
    job_id = service.submit(deaf="train")
    service.work()
    service.until_stage(job_id, "train")
    until(lambda: any("fake_pipeline" in line for line in service.pipelines().values()), "it runs")
    service.jobs.request_cancel(job_id, service.owner)
    service.until_status(job_id, JobStatus.CANCELLED, seconds=10)
    assert service.pipelines() == {}


def test_a_job_that_takes_too_long_is_stopped(service: Service) -> None:
    """Past its time a job is interrupted, so that it saves what it has, and fails with a code of its own."""
    service.with_settings(max_job_seconds=4.0)
    job_id = service.submit(seconds={"train": 60.0})
    service.work()
    job = service.until_status(job_id, JobStatus.FAILED)
    assert job.error is not None
    assert job.error.code == "job_too_long"
    assert "4 seconds" in job.error.message
    assert "interrupted" in service.trace_text(job_id)
    assert service.pipelines() == {}


def test_time_spent_on_kept_stages_counts(service: Service) -> None:
    """What finished stages took in earlier runs is part of a job's time: coming back does not begin it anew."""
    service.with_settings(max_job_seconds=20.0)
    job_id = service.submit(took=30.0, error="train")
    service.work()
    assert service.until_status(job_id, JobStatus.FAILED).error == JobError(
        code="registration_failed", message="No cameras.", hint="Move more."
    )
    service.jobs.retry(job_id, service.owner, {"took": 30.0, "seconds": {"train": 60.0}})
    job = service.until_status(job_id, JobStatus.FAILED)
    assert job.error is not None
    assert job.error.code == "job_too_long"


def test_a_worker_asks_for_looks_at_the_scene(service: Service) -> None:
    """The pipeline is told how often to show the scene; a job that says it itself keeps its word."""
    ours, theirs = service.submit(), service.submit(export={"live_seconds": 33, "tour_seconds": 1})
    service.work()
    for job_id, export in ((ours, {"live_seconds": 10.0}), (theirs, {"live_seconds": 33, "tour_seconds": 1})):
        job = service.until_status(job_id, JobStatus.COMPLETED)
        given = json.loads((service.storage / "logs" / "jobs" / f"{job_id}.json").read_text())
        assert given == {**job.config, "export": export}


def test_what_a_pipeline_leaves_behind_is_killed(service: Service) -> None:
    """A process that the pipeline started and forgot does not outlive its job."""
    job_id = service.submit(leave=True)
    service.work()
    service.until_status(job_id, JobStatus.COMPLETED)
    assert service.pipelines() == {}


def test_a_retry_keeps_finished_stages(service: Service) -> None:
    """A failed job that is tried again with other settings begins with the stage that failed."""
    job_id = service.submit(error="train")
    service.work()
    service.until_status(job_id, JobStatus.FAILED)
    service.jobs.retry(job_id, service.owner, {})
    service.until_status(job_id, JobStatus.COMPLETED)
    assert [len(service.began(job_id, stage)) for stage in ("capture", "sfm", "train", "export")] == [
        1,
        1,
        2,
        1,
    ]


def test_users_take_turns(service: Service) -> None:
    """One worker serves two users in turn, each user's jobs in their order, whoever submitted more and first."""
    other = service.another("other")
    first = [service.submit() for _ in range(4)]
    second = [service.submit(other) for _ in range(2)]
    service.work()
    for job_id in (*first, *second):
        service.until_status(job_id, JobStatus.COMPLETED)
    began = sorted((*first, *second), key=lambda job_id: str(service.job(job_id).started_at))
    assert began == [first[0], second[0], first[1], second[1], first[2], first[3]]
