"""The order of the queue: users take turns, and each user's jobs run in their order."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from roomsplat.server.models import Job, JobLease, User
from roomsplat.server.records import JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A user with waiting jobs."""

    owner_id: str
    waiting: int
    running: int
    """How many of the user's jobs a living worker holds."""
    key: tuple[bool, float, datetime, int]
    """Among users who run equally few: who was never or longest ago served, then whose job has waited longest."""


def waits() -> ColumnElement[bool]:
    """Whether a job stands in the queue: pending, and no worker holds it."""
    return and_(Job.status == JobStatus.PENDING, ~exists().where(JobLease.job_id == Job.id))


def running(session: Session, now: datetime) -> Counter[str]:
    """How many jobs of each owner a living worker holds."""
    # Counted here: to group them SQLite would rather walk through all jobs there ever were, in their owners' order.
    query = select(Job.owner_id).join(JobLease, JobLease.job_id == Job.id).where(JobLease.expires_at > now)
    return Counter(session.scalars(query))


def turns(session: Session, now: datetime) -> list[Turn]:
    """Every user with waiting jobs, the one whose turn it is first."""
    query = (
        select(Job.owner_id, User.served_at, func.count(), func.min(Job.queued_at), func.min(Job.number))
        .join(User, User.id == Job.owner_id)
        .where(waits())
        .group_by(Job.owner_id, User.served_at)
    )
    busy = running(session, now)
    found = [
        Turn(
            owner_id=owner_id,
            waiting=count,
            running=busy[owner_id],
            key=(served_at is not None, served_at.timestamp() if served_at else 0.0, oldest, number),
        )
        for owner_id, served_at, count, oldest, number in session.execute(query)
    ]
    return sorted(found, key=lambda turn: (turn.running, turn.key))


def oldest_waiting(session: Session, owner_id: str) -> str | None:
    """The user's next job."""
    query = select(Job.id).where(Job.owner_id == owner_id, waits()).order_by(Job.queued_at, Job.number)
    return session.scalar(query.limit(1))


def places(session: Session, owner_id: str, jobs: Iterable[Job], now: datetime) -> dict[str, int]:
    """The places in the queue of those of the owner's jobs that wait, 1 for the next job to run.

    Before a user's k-th waiting job come the jobs of those who run or wait for fewer; this is the order in which one
    worker would begin them if nothing else happened.
    """
    wanted = {job.id for job in jobs if job.status == JobStatus.PENDING}
    if not wanted:
        return {}
    query = select(Job.id).where(Job.owner_id == owner_id, waits()).order_by(Job.queued_at, Job.number)
    mine = list(session.scalars(query))
    line = turns(session, now)
    me = next((turn for turn in line if turn.owner_id == owner_id), None)
    if me is None:
        return {}
    found: dict[str, int] = {}
    for index, job_id in enumerate(mine):
        if job_id in wanted:
            level = me.running + index  # so many of mine run or go before it
            ahead = sum(_ahead(turn, me, level) for turn in line if turn is not me)
            found[job_id] = index + 1 + ahead
    return found


def _ahead(other: Turn, me: Turn, level: int) -> int:
    """How many jobs of another user come before my job with ``level`` jobs of mine before it or running."""
    lower = level - other.running + (other.key < me.key)
    return max(0, min(other.waiting, lower))
