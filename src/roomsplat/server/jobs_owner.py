"""The owner's side of a job: what the API does. Every call names the owner and sees that owner's jobs only."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from roomsplat.server.database import reading, writing
from roomsplat.server.errors import (
    InvalidCursorError,
    JobActiveError,
    JobFinishedError,
    TooManyJobsError,
)
from roomsplat.server.jobs_base import (
    JobsBase,
    clean_json,
    clean_text,
    end,
    event_record,
    is_id,
    lock_user,
    new_id,
    owned_job,
    record,
    tell,
)
from roomsplat.server.jobs_queue import places, waits
from roomsplat.server.models import Event, Job, JobLease
from roomsplat.server.records import EventRecord, JobRecord, JobStatus, Page

MAX_PAGE = 100
MAX_EVENTS = 1000
LARGEST_ID = 2**63 - 1
Events = list[EventRecord]  # a method named list hides the word in the class below
NO_LOG = ("stage_progress", "snapshot_written")
"""Events that only move a bar or renew a picture."""
WAITING = "Waiting for a worker."


class OwnerJobs(JobsBase):
    """Jobs as their owners handle them."""

    def create(
        self,
        owner_id: str,
        *,
        source_name: str,
        source_path: str,
        config: Mapping[str, object],
        job_id: str | None = None,
    ) -> JobRecord:
        """Put a job at the end of the queue.

        Args:
            owner_id: the user.
            source_name: the file's name as the user knows it.
            source_path: the video in the store, relative.
            config: the settings of the pipeline, already checked.
            job_id: from ``new_id``, where the file had to be named before the job.

        Raises:
            TooManyJobsError: the user has as many waiting jobs as one may have.
        """
        job_id = job_id or new_id()
        assert is_id(job_id)
        with writing(self._sessions) as session:
            now = self._clock()
            self._check_room(session, owner_id)
            job = Job(
                id=job_id,
                owner_id=owner_id,
                source_name=clean_text(source_name),
                source_path=source_path,
                created_at=now,
            )
            _begin(job, now, config)
            session.add(job)
            session.flush()
            tell(session, job, now)
            session.flush()
            return record(job, places(session, owner_id, [job], now).get(job.id))

    def get(self, job_id: str, owner_id: str) -> JobRecord:
        """The job.

        Raises:
            JobNotFoundError: there is none, or it is another owner's.
        """
        with reading(self._sessions) as session:
            job = owned_job(session, job_id, owner_id)
            return record(job, places(session, owner_id, [job], self._clock()).get(job.id))

    def list(
        self, owner_id: str, *, status: JobStatus | None = None, limit: int = 20, cursor: str | None = None
    ) -> Page:
        """The owner's jobs, newest first, at most 100 at a time.

        Raises:
            InvalidCursorError: the cursor is not one that a page gave out.
        """
        limit = max(1, min(limit, MAX_PAGE))
        query = select(Job).where(Job.owner_id == owner_id).order_by(Job.number.desc()).limit(limit + 1)
        if status is not None:
            query = query.where(Job.status == status)
        if cursor is not None:
            query = query.where(Job.number < _number(cursor))
        with reading(self._sessions) as session:
            found = session.scalars(query).all()
            shown = found[:limit]
            place = places(session, owner_id, shown, self._clock())
            items = tuple(record(job, place.get(job.id)) for job in shown)
        return Page(items=items, next_cursor=str(shown[-1].number) if len(found) > limit else None)

    def request_cancel(self, job_id: str, owner_id: str) -> JobRecord:
        """Cancel the job: at once if no living worker holds it, otherwise the worker is asked to stop.

        Asking again changes nothing.

        Raises:
            JobFinishedError: it has completed or failed.
        """
        with writing(self._sessions) as session:
            now = self._clock()
            job = owned_job(session, job_id, owner_id, lock=True)
            if job.status in {JobStatus.COMPLETED, JobStatus.FAILED}:
                raise JobFinishedError(
                    f"Job {job_id} has {job.status} and cannot be cancelled.", hint="DELETE removes it."
                )
            if job.status != JobStatus.CANCELLED:
                first = not job.cancel_requested
                job.cancel_requested = True
                lease = session.get(JobLease, job_id)
                if lease is None or lease.expires_at <= now:
                    if lease is not None:
                        session.delete(lease)
                    end(session, job, JobStatus.CANCELLED, now, message="Cancelled.")
                elif first:
                    job.message = "Cancelling."
                    tell(session, job, now)
            return record(job)

    def retry(self, job_id: str, owner_id: str, config: Mapping[str, object] | None = None) -> JobRecord:
        """Begin an ended job anew, with other settings if given; what its workspace holds is kept and reused.

        Raises:
            JobActiveError: the job has not ended.
            TooManyJobsError: the user has as many waiting jobs as one may have.
        """
        with writing(self._sessions) as session:
            now = self._clock()
            owned_job(session, job_id, owner_id)
            self._check_room(session, owner_id)
            session.expire_all()  # the row may have changed while we waited for the user's
            job = owned_job(session, job_id, owner_id, lock=True)
            if not JobStatus(job.status).ended:
                raise JobActiveError(
                    f"Job {job_id} has not ended.", hint="Cancel it first, or wait until it has ended."
                )
            _begin(job, now, job.config if config is None else config)
            tell(session, job, now)
            session.flush()
            return record(job, places(session, owner_id, [job], now).get(job.id))

    def delete(self, job_id: str, owner_id: str) -> JobRecord:
        """Forget the job and its events, and say what it was: removing its files is the caller's part.

        Raises:
            JobActiveError: a worker holds it.
        """
        with writing(self._sessions) as session:
            now = self._clock()
            job = owned_job(session, job_id, owner_id, lock=True)
            lease = session.get(JobLease, job_id)
            if lease is not None and lease.expires_at > now:
                raise JobActiveError(
                    f"A worker is at work on job {job_id}.", hint="Cancel it and delete it when it has ended."
                )
            session.delete(job)
            return record(job)

    def events(self, job_id: str, owner_id: str, after: int = 0, limit: int = 500) -> Events:
        """The job's events with ids above ``after``, oldest first.

        Raises:
            JobNotFoundError: there is no such job, or it is another owner's.
        """
        return self._events(job_id, owner_id, after, limit, everything=True)

    def logs(self, job_id: str, owner_id: str, after: int = 0, limit: int = 500) -> Events:
        """Like ``events`` without the many of ``NO_LOG``; each has a ``message``."""
        return self._events(job_id, owner_id, after, limit, everything=False)

    def _events(self, job_id: str, owner_id: str, after: int, limit: int, *, everything: bool) -> Events:
        floor = max(0, min(after, LARGEST_ID))
        query = select(Event).where(Event.job_id == job_id, Event.id > floor).order_by(Event.id)
        if not everything:
            query = query.where(Event.kind.not_in(NO_LOG))
        with reading(self._sessions) as session:
            owned_job(session, job_id, owner_id)
            return [event_record(row) for row in session.scalars(query.limit(max(1, min(limit, MAX_EVENTS))))]

    def _check_room(self, session: Session, owner_id: str) -> None:
        lock_user(session, owner_id)
        waiting = session.scalar(
            select(func.count()).select_from(Job).where(Job.owner_id == owner_id, waits())
        )
        if (waiting or 0) >= self._rules.max_queued_per_user:
            raise TooManyJobsError(
                f"You have {waiting} waiting jobs, as many as one user may have.",
                hint="Wait until one has begun, or cancel one.",
            )


def _begin(job: Job, now: datetime, config: Mapping[str, object]) -> None:
    """The first state of a life of the job."""
    job.status = JobStatus.PENDING
    job.progress = 0.0
    job.stage = ""
    job.message = WAITING
    job.error_code = job.error_message = job.error_hint = None
    job.config = clean_json(config)
    job.counts = {}
    job.timings = {}
    job.attempts = 0
    job.cancel_requested = False
    job.queued_at = now
    job.started_at = job.finished_at = None


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and int(cursor[:20]) <= LARGEST_ID):
        raise InvalidCursorError(
            "The cursor is not one that a list of jobs gave out.", hint="Begin again without a cursor."
        )
    return int(cursor)
