"""Laws of the owner's side: what a user sees of jobs and can do with them."""

import pytest

from roomsplat.server.database import Database
from roomsplat.server.errors import (
    InvalidCursorError,
    JobActiveError,
    JobFinishedError,
    JobNotFoundError,
    TooManyJobsError,
)
from roomsplat.server.jobs import new_id
from roomsplat.server.records import JobError, JobStatus
from tests.server.job_fixtures import Service

BOOM = JobError(code="too_few_frames", message="Too few frames.", hint="Film longer.")


def test_a_new_job_waits(service: Service) -> None:
    """A job begins as pending, unstarted, with its place in the queue and what it was given."""
    first, second = service.job(), service.job()
    assert first == service.look(first)
    assert (first.status, first.progress, first.stage) == (JobStatus.PENDING, 0.0, "")
    assert (first.queue_position, second.queue_position) == (1, 2)
    assert (first.source_name, first.source_path) == ("room.mp4", "uploads/a.mp4")
    assert first.config == {"quality": "preview"}
    assert (first.attempts, first.cancel_requested, first.error) == (0, False, None)
    assert first.started_at is None
    assert first.finished_at is None
    assert first.id != second.id
    assert service.kinds(first) == ["status"]


def test_a_job_can_be_named_beforehand(service: Service) -> None:
    """The id may come from the caller, who named the uploaded file with it."""
    name = new_id()
    job = service.jobs.create(service.user().id, source_name="a", source_path="b", config={}, job_id=name)
    assert job.id == name


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a\x00b\ud800\x1b[31m", "x" * 100_000, "Küche 🛋.mp4", ""]
)
def test_any_name_of_a_file_can_be_kept(service: Service, name: str) -> None:
    """Names of files come from strangers: whatever they hold is kept or made harmless, and bounded."""
    job = service.jobs.create(service.user().id, source_name=name, source_path="uploads/a.mp4", config={})
    assert len(service.look(job).source_name) <= 2000
    assert not any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in job.source_name)
    if name.isprintable() and len(name) < 100:
        assert job.source_name == name


def test_what_json_cannot_hold_becomes_null(service: Service) -> None:
    """Infinity and NaN, which Postgres refuses in JSON, are kept as null on both databases."""
    job, lease = service.taken()
    figures = {"psnr": float("inf"), "name": "a\x00b", "list": [float("nan"), 1.5, None, True]}
    service.jobs.report(lease, counts=figures, event={"event": "stage_progress", "metrics": figures})
    kept = {"psnr": None, "name": "a\N{REPLACEMENT CHARACTER}b", "list": [None, 1.5, None, True]}
    assert service.look(job).counts == kept
    assert service.jobs.events(job.id, job.owner_id)[-1].payload["metrics"] == kept


def test_another_users_job_does_not_exist(service: Service) -> None:
    """Every call with another user's job ends as if there were none, and changes nothing."""
    job, eve, jobs = service.job("ada"), service.user("eve").id, service.jobs
    before = service.look(job)
    for call in (jobs.get, jobs.request_cancel, jobs.retry, jobs.delete, jobs.events, jobs.logs):
        with pytest.raises(JobNotFoundError) as theirs:
            call(job.id, eve)
        missing = new_id()
        with pytest.raises(JobNotFoundError) as none:
            call(missing, eve)
        assert str(theirs.value).replace(job.id, "") == str(none.value).replace(missing, "")
    assert jobs.list(eve).items == ()
    assert service.look(job) == before


@pytest.mark.parametrize(
    "job_id", ["", "x", "a" * 23, "'; DROP TABLE jobs; --aa", "\x00" * 22, "../" * 7, "\ud800" * 22]
)
def test_what_is_no_id_is_not_found(service: Service, job_id: str) -> None:
    """An id of the wrong form is told like an id of no job, by every call and on both databases."""
    owner, jobs = service.user().id, service.jobs
    for call in (jobs.get, jobs.request_cancel, jobs.retry, jobs.delete, jobs.events, jobs.logs):
        with pytest.raises(JobNotFoundError):
            call(job_id, owner)
    with pytest.raises(JobNotFoundError):
        jobs.read(job_id)
    assert jobs.acquire(job_id, "w1") is None
    assert jobs.take_back(job_id) is None


def test_one_user_has_so_many_waiting_jobs(service: Service) -> None:
    """The sixth waiting job is refused; other users and jobs that run do not count."""
    mine = [service.job() for _ in range(5)]
    with pytest.raises(TooManyJobsError):
        service.job()
    service.job("bob")
    assert service.jobs.acquire(mine[0].id, "w1") is not None
    service.job()
    with pytest.raises(TooManyJobsError):
        service.job()
    service.jobs.request_cancel(mine[1].id, mine[1].owner_id)
    with pytest.raises(TooManyJobsError):
        for _ in range(2):
            service.jobs.retry(mine[1].id, mine[1].owner_id)
            service.job()


def test_the_list_is_complete_and_newest_first(service: Service) -> None:
    """Pages of two, followed by their cursors, give every job of the user once, the newest first."""
    made = [service.job().id for _ in range(5)]
    service.job("bob")
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = service.jobs.list(service.user().id, limit=2, cursor=cursor)
        seen += [job.id for job in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert seen == made[::-1]
    everything = service.jobs.list(service.user().id, limit=100).items
    assert [job.queue_position for job in everything] == [6, 5, 4, 3, 1]  # bob has the second turn


def test_the_list_can_be_filtered(service: Service) -> None:
    """With a status only the jobs of that status are listed, and the cursor keeps to them."""
    jobs = [service.job() for _ in range(4)]
    for job in jobs[::2]:
        service.jobs.request_cancel(job.id, job.owner_id)
    page = service.jobs.list(service.user().id, status=JobStatus.CANCELLED, limit=1)
    assert [job.id for job in page.items] == [jobs[2].id]
    rest = service.jobs.list(service.user().id, status=JobStatus.CANCELLED, cursor=page.next_cursor)
    assert [job.id for job in rest.items] == [jobs[0].id]
    assert rest.next_cursor is None


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "9" * 30, "²", "٣", " 1", "\x00"])
def test_other_cursors_are_refused(service: Service, cursor: str) -> None:
    """A cursor that no page gave out is an error with a sentence, on both databases."""
    with pytest.raises(InvalidCursorError):
        service.jobs.list(service.user().id, cursor=cursor)


def test_events_are_read_in_stretches(service: Service) -> None:
    """Reading after the last id seen gives each event once, in order; numbers beyond all ids give nothing."""
    job, lease = service.taken()
    for step in range(5):
        service.jobs.report(lease, event={"event": "stage_progress", "message": f"step {step}"})
    whole = service.jobs.events(job.id, job.owner_id)
    pieces, after = [], 0
    while found := service.jobs.events(job.id, job.owner_id, after, limit=2):
        pieces += found
        after = found[-1].id
    assert pieces == whole
    assert [event.id for event in whole] == sorted({event.id for event in whole})
    assert service.jobs.events(job.id, job.owner_id, 2**80) == []
    assert service.jobs.events(job.id, job.owner_id, -(2**80)) == whole


def test_the_log_leaves_the_bar_out(service: Service) -> None:
    """The log has every line, change of state and event with words, without those that only move the bar."""
    job, lease = service.taken()
    service.jobs.report(lease, event={"event": "stage_progress", "message": "12 %"})
    service.jobs.report(lease, event={"event": "warning", "message": "dark"})
    service.jobs.log(lease, ["one", "two\x1b[31m"])
    lines = service.jobs.logs(job.id, job.owner_id)
    assert [line.kind for line in lines] == ["status", "status", "warning", "log", "log"]
    assert [line.payload["message"] for line in lines][2:] == [
        "dark",
        "one",
        "two\N{REPLACEMENT CHARACTER}[31m",
    ]
    assert service.jobs.logs(job.id, job.owner_id, lines[3].id) == lines[4:]


def test_cancel_a_waiting_job(service: Service) -> None:
    """A job that waits is cancelled at once and never taken; cancelling again changes nothing."""
    job = service.job()
    done = service.jobs.request_cancel(job.id, job.owner_id)
    assert done.status is JobStatus.CANCELLED
    assert done.finished_at is not None
    assert service.jobs.next_job() is None
    assert service.jobs.acquire(job.id, "w1") is None
    assert service.jobs.request_cancel(job.id, job.owner_id) == done == service.look(job)


@pytest.mark.parametrize(
    "status", [None, *(s for s in JobStatus if not s.ended and s is not JobStatus.PENDING)]
)
def test_cancel_a_running_job(service: Service, status: JobStatus | None) -> None:
    """A job that a worker holds is asked to stop, in whatever stage, and is cancelled when the worker says so."""
    job, lease = service.taken()
    service.jobs.report(lease, status=status)
    assert not service.jobs.cancel_requested(lease)
    asked = service.jobs.request_cancel(job.id, job.owner_id)
    assert asked.cancel_requested
    assert asked.status is (status or JobStatus.PENDING)
    assert service.jobs.cancel_requested(lease)
    told = len(service.kinds(job))
    service.jobs.request_cancel(job.id, job.owner_id)
    assert len(service.kinds(job)) == told
    service.jobs.report(lease, progress=0.5, message="still at it")
    assert service.look(job).message == "Cancelling."
    service.jobs.cancelled(lease)
    assert service.look(job).status is JobStatus.CANCELLED


def test_cancel_a_lost_job(service: Service) -> None:
    """A job whose worker is lost is cancelled at once: nobody is there to be asked."""
    job, lease = service.taken()
    service.clock.pass_(61)
    assert service.jobs.request_cancel(job.id, job.owner_id).status is JobStatus.CANCELLED
    assert service.jobs.expired() == []
    assert service.jobs.cancel_requested(lease)


def test_cancel_when_lost_afterwards(service: Service) -> None:
    """A worker that is lost while it should cancel leaves a job that the next look cancels, not a job to run."""
    for finish in (service.jobs.take_back, lambda job_id: service.jobs.acquire(job_id, "w2")):
        job, _ = service.taken()
        service.jobs.request_cancel(job.id, job.owner_id)
        service.clock.pass_(61)
        finish(job.id)
        assert service.look(job).status is JobStatus.CANCELLED


def test_what_has_ended_is_not_cancelled(service: Service) -> None:
    """Completed and failed jobs refuse to be cancelled, and stay as they are."""
    for end in (service.jobs.finish, lambda lease: service.jobs.fail(lease, BOOM)):
        job, lease = service.taken()
        end(lease)
        before = service.look(job)
        with pytest.raises(JobFinishedError):
            service.jobs.request_cancel(job.id, job.owner_id)
        assert service.look(job) == before


def test_try_again(service: Service) -> None:
    """A job that has ended begins anew at the end of the queue, with new settings if given, and keeps its events."""
    job, lease = service.taken()
    with pytest.raises(JobActiveError):
        service.jobs.retry(job.id, job.owner_id)
    service.jobs.report(lease, status=JobStatus.TRAINING, progress=0.7, stage="train", counts={"frames": 9})
    service.jobs.fail(lease, BOOM)
    assert service.look(job).error == BOOM
    other, told = service.job(), len(service.kinds(job))
    again = service.jobs.retry(job.id, job.owner_id, {"quality": "high"})
    assert again == service.look(job)
    assert (again.status, again.progress, again.stage, again.error) == (JobStatus.PENDING, 0.0, "", None)
    assert (again.attempts, again.counts, again.queue_position) == (0, {}, 2)
    assert again.config == {"quality": "high"}
    assert again.created_at == job.created_at
    assert service.jobs.next_job() == other.id
    assert len(service.kinds(job)) == told + 1
    with pytest.raises(JobActiveError):
        service.jobs.retry(job.id, job.owner_id)
    service.jobs.request_cancel(job.id, job.owner_id)
    assert service.jobs.retry(job.id, job.owner_id).config == {"quality": "high"}


def test_delete(service: Service, database: Database) -> None:
    """Deleting forgets the job with its events and lease; a job under a living lease refuses."""
    waiting = service.job()
    assert service.jobs.delete(waiting.id, waiting.owner_id).id == waiting.id
    job, lease = service.taken()
    with pytest.raises(JobActiveError):
        service.jobs.delete(job.id, job.owner_id)
    service.clock.pass_(61)
    service.jobs.delete(job.id, job.owner_id)
    for gone in (waiting, job):
        with pytest.raises(JobNotFoundError):
            service.look(gone)
    assert service.jobs.cancel_requested(lease)
    with database.engine.connect() as connection:
        for table in ("jobs", "events", "leases"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0  # noqa: S608 - our own words


def test_the_figures_count(service: Service) -> None:
    """Depth, age, running jobs, outcomes by code, lost leases and seconds per stage are what happened."""
    job, lease = service.taken()
    service.jobs.finish(lease, timings={"train": 2.5, "capture": 1.0})
    _, lease = service.taken()
    service.jobs.fail(lease, BOOM)
    lost, _ = service.taken()
    service.clock.pass_(61)
    service.jobs.take_back(lost.id)
    service.jobs.request_cancel(lost.id, lost.owner_id)
    service.taken()
    service.job()
    service.clock.pass_(7)
    figures = service.jobs.figures()
    assert (figures.depth, figures.running, figures.lease_expiries) == (1, 1, 1)
    assert figures.depth == service.jobs.queue_depth()
    assert 7 <= figures.oldest_seconds < 7.1
    assert figures.outcomes == {"completed": 1, "too_few_frames": 1, "cancelled": 1}
    assert figures.stage_seconds == {"train": 2.5, "capture": 1.0}
    assert figures.stage_runs == {"train": 1, "capture": 1}
    service.jobs.delete(job.id, job.owner_id)
    assert service.jobs.figures().outcomes["completed"] == 1
