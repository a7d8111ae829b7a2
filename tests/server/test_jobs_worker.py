"""Laws of the worker's side: leases, what may be written under them, and how a job ends."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from roomsplat.server.database import Database, reading, writing
from roomsplat.server.errors import StaleLeaseError
from roomsplat.server.jobs import WORKER_LOST, Jobs, new_id
from roomsplat.server.models import Delivery, User, Webhook
from roomsplat.server.records import JobError, JobStatus, Lease
from tests.server.job_fixtures import Service

BOOM = JobError(code="too_few_frames", message="Too few frames.", hint="Film longer.")

LATER = datetime(2027, 1, 1, tzinfo=UTC)

Write = Callable[[Jobs, Lease], object]
WRITES: dict[str, Write] = {
    "heartbeat": lambda jobs, lease: jobs.heartbeat(lease),
    "report": lambda jobs, lease: jobs.report(
        lease, status=JobStatus.TRAINING, progress=0.9, stage="train", message="x", event={"event": "warning"}
    ),
    "log": lambda jobs, lease: jobs.log(lease, ["x"]),
    "finish": lambda jobs, lease: jobs.finish(lease, timings={"train": 1.0}, counts={"frames": 1}),
    "fail": lambda jobs, lease: jobs.fail(lease, BOOM),
    "cancelled": lambda jobs, lease: jobs.cancelled(lease),
    "release": lambda jobs, lease: jobs.release(lease),
}
ENDS: dict[str, tuple[Write, JobStatus]] = {
    "finish": (WRITES["finish"], JobStatus.COMPLETED),
    "fail": (WRITES["fail"], JobStatus.FAILED),
    "cancelled": (WRITES["cancelled"], JobStatus.CANCELLED),
}


def state(service: Service, job_id: str) -> tuple[object, ...]:
    """Everything that a write could change."""
    job = service.jobs.read(job_id)
    return (job, tuple(service.jobs.events(job_id, job.owner_id)), service.jobs.figures(LATER))


def test_one_worker_takes_a_job(service: Service) -> None:
    """A job is taken once; while the lease lives nobody else gets it, and it is in the queue no more."""
    job, lease = service.taken()
    assert (lease.job_id, lease.owner, lease.attempt) == (job.id, "w1", 1)
    assert service.jobs.acquire(job.id, "w1") is None
    service.clock.pass_(59)
    assert service.jobs.acquire(job.id, "w2") is None
    assert service.jobs.next_job() is None
    assert service.jobs.expired() == []
    seen = service.look(job)
    assert (seen.status, seen.queue_position, seen.attempts) == (JobStatus.PENDING, None, 1)
    assert seen.started_at is not None


def test_a_heartbeat_holds_the_lease(service: Service) -> None:
    """With a heartbeat in time a lease lives on; the lease from before the heartbeat is the same lease."""
    job, lease = service.taken()
    for _ in range(5):
        service.clock.pass_(50)
        longer = service.jobs.heartbeat(lease)
        assert longer.token == lease.token
        assert longer.expires_at > lease.expires_at
    service.jobs.finish(lease)
    assert service.look(job).status is JobStatus.COMPLETED


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_after_the_lease_nothing_is_written(service: Service, write: Write) -> None:
    """A worker that wakes after its lease expired writes nothing, even when nobody took the job yet."""
    job, lease = service.taken()
    service.clock.pass_(61)
    before = state(service, job.id)
    with pytest.raises(StaleLeaseError):
        write(service.jobs, lease)
    assert state(service, job.id) == before
    assert service.jobs.expired() == [job.id]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("change", ["token", "job", "taken over", "taken back", "deleted", "ended"])
def test_a_stale_owner_writes_nothing(service: Service, write: Write, change: str) -> None:
    """With a wrong token, or after the job went to another worker, to its end or away, nothing is written."""
    job, lease = service.taken()
    other, _ = service.taken("bob")
    stale = lease
    match change:
        case "token":
            stale = replace(lease, token=new_id())
        case "job":
            stale = replace(lease, job_id=other.id)
        case "ended":
            service.jobs.finish(lease)
        case _:
            service.clock.pass_(61)
            if change == "taken over":
                assert service.jobs.acquire(job.id, "w2") is not None
            elif change == "taken back":
                assert service.jobs.take_back(job.id) is not None
            else:
                service.jobs.delete(job.id, job.owner_id)
    looked_at = other.id if change in {"job", "deleted"} else job.id
    before = state(service, looked_at)
    with pytest.raises(StaleLeaseError):
        write(service.jobs, stale)
    assert state(service, looked_at) == before


@pytest.mark.parametrize("end", ENDS)
def test_a_terminal_state_never_changes(service: Service, end: str) -> None:
    """Once completed, failed or cancelled, no worker, no reaper and no clock changes the job any more."""
    job, lease = service.taken()
    ended, status = ENDS[end]
    ended(service.jobs, lease)
    before = state(service, job.id)
    assert service.look(job).status is status
    assert service.look(job).finished_at is not None
    for write in WRITES.values():
        with pytest.raises(StaleLeaseError):
            write(service.jobs, lease)
    service.clock.pass_(1000)
    assert service.jobs.acquire(job.id, "w2") is None
    assert service.jobs.take_back(job.id) is None
    assert service.jobs.next_job() is None
    assert service.jobs.expired() == []
    assert state(service, job.id)[:2] == before[:2]


def test_what_is_reported_is_seen(service: Service) -> None:
    """Status, progress, stage, words, counts and timings are what the worker said, and the event is in the log."""
    job, lease = service.taken()
    event = {"event": "stage_progress", "message": "12 of 40 frames", "fraction": 0.3}
    service.jobs.report(
        lease,
        status=JobStatus.EXTRACTING_FRAMES,
        progress=0.2,
        stage="capture",
        message="12 of 40 frames",
        counts={"frames": 12},
        event=event,
    )
    service.jobs.report(lease, counts={"registered": 10}, timings={"capture": 3.0})
    seen = service.look(job)
    assert (seen.status, seen.progress, seen.stage) == (JobStatus.EXTRACTING_FRAMES, 0.2, "capture")
    assert (seen.message, seen.counts) == ("12 of 40 frames", {"frames": 12, "registered": 10})
    assert seen.timings == {"capture": 3.0}
    events = service.jobs.events(job.id, job.owner_id)
    assert [e.kind for e in events] == ["status", "status", "stage_progress", "status"]
    assert events[2].payload == event
    assert events[3].payload == {
        "status": "extracting_frames",
        "progress": 0.2,
        "stage": "capture",
        "message": "12 of 40 frames",
    }


def test_progress_never_falls(service: Service) -> None:
    """Less progress than before is ignored, also over a lost worker and a returned job; what is no number, too."""
    job, lease = service.taken()
    for said, seen in [
        (0.5, 0.5),
        (0.3, 0.5),
        (float("nan"), 0.5),
        (float("inf"), 0.5),
        (-1, 0.5),
        (0.6, 0.6),
    ]:
        service.jobs.report(lease, progress=said)
        assert service.look(job).progress == seen
    service.jobs.release(lease)
    again = service.jobs.acquire(job.id, "w2")
    assert again is not None
    service.jobs.report(again, status=JobStatus.EXTRACTING_FRAMES, progress=0.1)
    service.clock.pass_(61)
    service.jobs.take_back(job.id)
    assert service.look(job).progress == 0.6
    last = service.jobs.acquire(job.id, "w3")
    assert last is not None
    service.jobs.report(last, progress=7.0)
    assert service.look(job).progress == 1.0


def test_a_failure_has_three_words(service: Service) -> None:
    """A failed job shows the error's code, sentence and hint, in its record and in its last event."""
    job, lease = service.taken()
    service.jobs.report(lease, progress=0.4)
    service.jobs.fail(lease, BOOM)
    seen = service.look(job)
    assert (seen.status, seen.error, seen.progress) == (JobStatus.FAILED, BOOM, 0.4)
    last = service.jobs.events(job.id, job.owner_id)[-1]
    assert last.payload["status"] == "failed"
    assert last.payload["error"] == {"code": BOOM.code, "message": BOOM.message, "hint": BOOM.hint}


def test_a_returned_job_keeps_its_place_and_attempts(service: Service) -> None:
    """A worker that gives its job back in good order costs it nothing: it is the next again, every time."""
    job = service.job()
    service.job()
    for _ in range(5):
        lease = service.jobs.acquire(job.id, "w1")
        assert lease is not None
        assert lease.attempt == 1
        service.jobs.release(lease)
        assert service.jobs.next_job() == job.id
    assert service.look(job).queue_position == 1


def test_a_returned_job_that_was_to_be_cancelled_is_cancelled(service: Service) -> None:
    """Cancelled by its owner and given back by its worker at once, a job is cancelled, not queued."""
    job, lease = service.taken()
    service.jobs.request_cancel(job.id, job.owner_id)
    service.jobs.release(lease)
    assert service.look(job).status is JobStatus.CANCELLED


def test_a_lost_workers_job_goes_on_at_its_place(service: Service) -> None:
    """A job whose worker is lost is the next again before those that came later, and another worker may take it."""
    job, _ = service.taken()
    service.job()
    service.clock.pass_(61)
    assert service.jobs.next_job() != job.id
    assert service.jobs.expired() == [job.id]
    back = service.jobs.take_back(job.id)
    assert back is not None
    assert back.status is JobStatus.PENDING
    assert service.jobs.take_back(job.id) is None
    assert service.jobs.next_job() == job.id
    lease = service.jobs.acquire(job.id, "w2")
    assert lease is not None
    assert lease.attempt == 2
    assert "lease_expired" in service.kinds(job)


def test_too_many_lost_workers_fail_a_job(service: Service) -> None:
    """After three lost workers the job fails as ``worker_lost``; the owner may try again from one."""
    job = service.job()
    for attempt in (1, 2, 3):
        lease = service.jobs.acquire(job.id, f"w{attempt}")
        assert lease is not None
        assert lease.attempt == attempt
        service.clock.pass_(61)
        service.jobs.take_back(job.id, max_attempts=3)
        assert service.look(job).status is (JobStatus.FAILED if attempt == 3 else JobStatus.PENDING)
    assert service.look(job).error == WORKER_LOST
    assert service.jobs.figures().outcomes == {"worker_lost": 1}
    assert service.jobs.figures().lease_expiries == 3
    service.jobs.retry(job.id, job.owner_id)
    again = service.jobs.acquire(job.id, "w4")
    assert again is not None
    assert again.attempt == 1


def test_a_living_workers_job_is_not_taken_back(service: Service) -> None:
    """The reaper leaves a job alone whose lease lives, and one that waits."""
    job, lease = service.taken()
    assert service.jobs.take_back(job.id) is None
    service.jobs.heartbeat(lease)
    assert service.jobs.take_back(service.job().id) is None


def test_a_worker_that_is_known_to_be_gone_holds_nothing(service: Service) -> None:
    """Ending a worker's leases makes its jobs expire at once, and no other worker's."""
    job, lease = service.taken("ada", "w1")
    _, other = service.taken("ada", "w2")
    service.jobs.end_leases_of("w1")
    assert service.jobs.expired() == [job.id]
    with pytest.raises(StaleLeaseError):
        service.jobs.heartbeat(lease)
    service.jobs.heartbeat(other)


@pytest.mark.parametrize("end", ENDS)
def test_news_are_written_with_the_end(service: Service, database: Database, end: str) -> None:
    """In the transaction that ends a job a message for each of its owner's webhooks and their address is queued."""
    job, lease = service.taken()
    hooks, secret = {new_id(), new_id()}, "whsec"
    owners = {**dict.fromkeys(hooks, job.owner_id), new_id(): service.user("bob").id}
    with writing(database.sessions) as session:
        for hook, owner in owners.items():
            session.add(Webhook(id=hook, owner_id=owner, url="u", secret=secret, created_at=service.clock()))
        user = session.get(User, job.owner_id)
        assert user is not None
        user.email = "ada@example.org"
    ENDS[end][0](service.jobs, lease)
    with reading(database.sessions) as session:
        news = session.query(Delivery).all()
    assert {(n.channel, n.target) for n in news} == {
        *(("webhook", hook) for hook in hooks),
        ("mail", "ada@example.org"),
    }
    assert {n.kind for n in news} == {f"job.{ENDS[end][1]}"}
    assert all(n.payload["job_id"] == job.id and n.next_at is not None and n.attempts == 0 for n in news)
