"""What both sides of ``Jobs`` share: the clock, the rows and the log of events."""

import math
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from roomsplat.server.database import Sessions
from roomsplat.server.errors import JobNotFoundError
from roomsplat.server.models import ID_LENGTH, Counter, Delivery, Event, Job, User, Webhook
from roomsplat.server.records import EventRecord, JobError, JobRecord, JobStatus

MAX_TEXT = 2000
"""Letters of a message or name that are kept."""

_ID = re.compile(rf"[A-Za-z0-9_-]{{{ID_LENGTH}}}")
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRules:
    """What the queue is bounded by."""

    lease_seconds: float = 60.0
    max_running_per_user: int = 2
    max_queued_per_user: int = 20


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def new_id() -> str:
    """22 letters that nobody can guess."""
    return secrets.token_urlsafe(16)


def is_id(text: str) -> bool:
    """Whether it has the form of an id; what has not is never looked up."""
    return _ID.fullmatch(text) is not None


def clean_text(text: str) -> str:
    """Text that every database can hold: no control characters, no half letters, not endless."""
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text[:MAX_TEXT])


def clean_json(value: object) -> Any:
    """The value as strict JSON: infinity and what is not a number become null (Postgres refuses them)."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case str():
            return value.replace("\x00", "\N{REPLACEMENT CHARACTER}")
        case Mapping():
            entries = cast("Mapping[object, object]", value)
            return {clean_json(str(key)): clean_json(entry) for key, entry in entries.items()}
        case list() | tuple():
            return [clean_json(entry) for entry in cast("Sequence[object]", value)]
        case None | bool() | int():
            return value
        case _:
            raise AssertionError(f"not JSON: {type(value).__name__}")


class JobsBase:
    """The tables of jobs, and how they are read."""

    def __init__(
        self, sessions: Sessions, *, rules: JobRules | None = None, clock: Callable[[], datetime] = utc_now
    ) -> None:
        """Args: ``sessions``: of an upgraded database. ``clock``: now, with its zone; laws bring their own."""
        self._sessions = sessions
        self._rules = rules or JobRules()
        self._clock = clock


def locked_job(session: Session, job_id: str) -> Job | None:
    """The job's row, held against every other writer until the transaction ends."""
    if not is_id(job_id):
        return None
    return session.scalar(select(Job).where(Job.id == job_id).with_for_update())


def owned_job(session: Session, job_id: str, owner_id: str, *, lock: bool = False) -> Job:
    """The job of this owner.

    Raises:
        JobNotFoundError: there is none, or it is another owner's.
    """
    if not is_id(job_id):
        raise JobNotFoundError(job_id)
    query = select(Job).where(Job.id == job_id, Job.owner_id == owner_id)
    job = session.scalar(query.with_for_update() if lock else query)
    if job is None:
        raise JobNotFoundError(job_id)
    return job


def lock_user(session: Session, user_id: str) -> User:
    """The user's row, held so that limits per user are counted by one transaction at a time."""
    # key_share: a transaction that only refers to the user, as every insert of a row of theirs does, need not wait.
    return session.scalars(select(User).where(User.id == user_id).with_for_update(key_share=True)).one()


def record(job: Job, place: int | None = None) -> JobRecord:
    """The row as the rest of the service knows it."""
    failed = job.error_code is not None
    return JobRecord(
        id=job.id,
        owner_id=job.owner_id,
        status=JobStatus(job.status),
        progress=job.progress,
        stage=job.stage,
        message=job.message,
        queue_position=place,
        error=JobError(code=job.error_code or "", message=job.error_message or "", hint=job.error_hint or "")
        if failed
        else None,
        source_name=job.source_name,
        source_path=job.source_path,
        config=dict(job.config),
        counts=dict(job.counts),
        timings=dict(job.timings),
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        attempts=job.attempts,
        cancel_requested=job.cancel_requested,
    )


def event_record(row: Event) -> EventRecord:
    """The row as the rest of the service knows it."""
    return EventRecord(id=row.id, job_id=row.job_id, at=row.at, kind=row.kind, payload=dict(row.payload))


def append(session: Session, job: Job, now: datetime, kind: str, payload: Mapping[str, object]) -> None:
    """Write an event; the caller holds the job's row, so ids of one job appear in their order."""
    session.add(Event(job_id=job.id, at=now, kind=kind[:40], payload=clean_json(payload)))


def tell(session: Session, job: Job, now: datetime) -> None:
    """Write that the job's state changed, for those who watch it."""
    payload: dict[str, object] = {
        "status": job.status,
        "progress": job.progress,
        "stage": job.stage,
        "message": job.message,
    }
    if job.error_code is not None:
        payload["error"] = {"code": job.error_code, "message": job.error_message, "hint": job.error_hint}
    append(session, job, now, "status", payload)


def end(session: Session, job: Job, status: JobStatus, now: datetime, *, message: str) -> None:
    """Bring a living job to its terminal state and write the news to whoever asked for them."""
    assert status.ended
    assert not JobStatus(job.status).ended, "a terminal state never changes"
    job.status = status
    job.message = clean_text(message)
    job.finished_at = now
    if status is JobStatus.COMPLETED:
        job.progress = 1.0
    tell(session, job, now)
    outcome = job.error_code if status is JobStatus.FAILED else str(status)
    count(session, {("outcomes", outcome or ""): 1.0})
    _announce(session, job, now)


def _announce(session: Session, job: Job, now: datetime) -> None:
    news = {
        "job_id": job.id,
        "status": job.status,
        "source_name": job.source_name,
        "message": job.message,
        "error_code": job.error_code,
    }
    hooks = session.scalars(select(Webhook.id).where(Webhook.owner_id == job.owner_id))
    targets = [("webhook", hook) for hook in hooks]
    address = session.scalar(select(User.email).where(User.id == job.owner_id))
    if address:
        targets.append(("mail", address))
    for channel, target in targets:
        session.add(
            Delivery(
                id=new_id(),
                owner_id=job.owner_id,
                channel=channel,
                target=target,
                kind=f"job.{job.status}",
                payload=news,
                attempts=0,
                created_at=now,
                next_at=now,
            )
        )


def count(session: Session, amounts: Mapping[tuple[str, str], float]) -> None:
    """Add to counters (name, label). Last thing in a transaction: other transactions wait for these rows."""
    if not amounts:
        return
    rows = [{"name": name, "label": label, "value": amounts[name, label]} for name, label in sorted(amounts)]
    if session.get_bind().dialect.name == "postgresql":
        insert = postgresql.insert(Counter).values(rows)
    else:
        insert = sqlite.insert(Counter).values(rows)
    total = {"value": Counter.value + insert.excluded.value}
    session.execute(insert.on_conflict_do_update(index_elements=["name", "label"], set_=total))
