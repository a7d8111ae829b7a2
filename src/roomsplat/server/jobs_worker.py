"""The worker's side of a job: taking it, writing about it, ending it.

Whatever a worker writes goes through its lease: one UPDATE that finds the lease by its token and not yet expired comes
first in the transaction, and where it finds none nothing is written. Times are the hosts' own clocks, read under the
transaction's lock; that two workers never write to one job rests on the token, not on the clocks.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from roomsplat.server.database import reading, writing
from roomsplat.server.errors import JobNotFoundError, StaleLeaseError
from roomsplat.server.jobs_base import (
    JobsBase,
    append,
    clean_json,
    clean_text,
    count,
    end,
    is_id,
    lock_user,
    locked_job,
    new_id,
    record,
    tell,
)
from roomsplat.server.jobs_queue import oldest_waiting, running, turns
from roomsplat.server.models import Job, JobLease
from roomsplat.server.records import JobError, JobRecord, JobStatus, Lease

WORKER_LOST = JobError(
    code="worker_lost",
    message="The workers that had taken this job stopped without a word, again and again.",
    hint="Try the job again; if it fails once more, look for lack of memory in the workers' log.",
)


class WorkerJobs(JobsBase):
    """Jobs as workers handle them."""

    def read(self, job_id: str) -> JobRecord:
        """The job, whoever owns it: for workers, never for an answer to a user.

        Raises:
            JobNotFoundError: there is none (it was deleted).
        """
        with reading(self._sessions) as session:
            job = session.scalar(select(Job).where(Job.id == job_id)) if is_id(job_id) else None
            if job is None:
                raise JobNotFoundError(job_id)
            return record(job)

    def next_job(self, now: datetime | None = None) -> str | None:
        """The job whose turn it is, if any: users take turns, and each runs only so many at once."""
        with reading(self._sessions) as session:
            for turn in turns(session, now or self._clock()):
                if turn.running < self._rules.max_running_per_user:
                    return oldest_waiting(session, turn.owner_id)
        return None

    def acquire(self, job_id: str, worker: str) -> Lease | None:
        """Take the job, if it waits or its worker was lost and its user may run one more; ``None`` otherwise.

        A job that was to be cancelled when its worker was lost is cancelled here.
        """
        with writing(self._sessions) as session:
            now = self._clock()
            owner_id = session.scalar(select(Job.owner_id).where(Job.id == job_id)) if is_id(job_id) else None
            if owner_id is None:
                return None
            user = lock_user(session, owner_id)
            job = locked_job(session, job_id)
            if job is None or JobStatus(job.status).ended:
                return None
            if not self._drop_expired(session, job, now):
                return None
            if job.cancel_requested:
                end(session, job, JobStatus.CANCELLED, now, message="Cancelled.")
                return None
            if running(session, now)[owner_id] >= self._rules.max_running_per_user:
                return None
            job.attempts += 1
            job.started_at = job.started_at or now
            job.message = "A worker has taken the job."
            user.served_at = now
            lease = Lease(
                job_id=job_id,
                owner=worker,
                token=new_id(),
                attempt=job.attempts,
                expires_at=self._expiry(now),
            )
            session.add(
                JobLease(
                    job_id=job_id,
                    owner=worker,
                    token=lease.token,
                    attempt=lease.attempt,
                    taken_at=now,
                    expires_at=lease.expires_at,
                )
            )
            tell(session, job, now)
            return lease

    def heartbeat(self, lease: Lease) -> Lease:
        """Hold the lease for longer.

        Raises:
            StaleLeaseError: it has expired or is another's.
        """
        with writing(self._sessions) as session:
            now = self._clock()
            longer = replace(lease, expires_at=self._expiry(now))
            _renew(session, lease, now, longer.expires_at)
        return longer

    def cancel_requested(self, lease: Lease) -> bool:
        """Whether the worker should stop because the owner cancelled the job (or deleted it)."""
        with reading(self._sessions) as session:
            asked = session.scalar(select(Job.cancel_requested).where(Job.id == lease.job_id))
            return asked is None or asked

    def report(
        self,
        lease: Lease,
        *,
        status: JobStatus | None = None,
        progress: float | None = None,
        stage: str | None = None,
        message: str | None = None,
        counts: Mapping[str, object] | None = None,
        timings: Mapping[str, float] | None = None,
        event: Mapping[str, object] | None = None,
    ) -> None:
        """Write how far the job is; what is ``None`` stays, counts and timings are added to those that are there.

        Args:
            lease: the worker's.
            status: one of those of a job at work.
            progress: 0 to 1; less than what is there already is ignored.
            stage: ``capture``, ``sfm``, ``train`` or ``export``.
            message: one line for the owner.
            counts: figures such as frames, registered, Gaussians, PSNR.
            timings: seconds per stage.
            event: the pipeline's event as it came; its ``event`` becomes the kind.

        Raises:
            StaleLeaseError: the lease has expired or is another's; nothing was written.
        """
        with writing(self._sessions) as session:
            now = self._clock()
            job = _held(session, lease, now)
            if event is not None:
                append(session, job, now, str(event.get("event", "event")), event)
            if progress is not None and math.isfinite(progress):
                job.progress = max(job.progress, min(1.0, progress))
            if stage is not None:
                job.stage = clean_text(stage)
            if message is not None and not job.cancel_requested:
                job.message = clean_text(message)
            _add_figures(job, counts, timings)
            if status is not None and status != job.status:
                assert not status.ended, "a job ends by finish, fail or cancelled"
                job.status = status
                tell(session, job, now)

    def log(self, lease: Lease, lines: Sequence[str]) -> None:
        """Write lines of text to the job's log.

        Raises:
            StaleLeaseError: the lease has expired or is another's; nothing was written.
        """
        with writing(self._sessions) as session:
            now = self._clock()
            job = _held(session, lease, now)
            for line in lines:
                append(session, job, now, "log", {"message": clean_text(line)})

    def finish(
        self,
        lease: Lease,
        *,
        message: str = "The scene is ready.",
        counts: Mapping[str, object] | None = None,
        timings: Mapping[str, float] | None = None,
    ) -> None:
        """End the job as completed; its files are already in their place.

        Raises:
            StaleLeaseError: the lease has expired or is another's; nothing was written.
        """
        with writing(self._sessions) as session:
            now = self._clock()
            job = _held(session, lease, now)
            _add_figures(job, counts, timings)
            _drop(session, lease.job_id)
            end(session, job, JobStatus.COMPLETED, now, message=message)
            spent = {stage: float(seconds) for stage, seconds in job.timings.items()}
            count(session, {("stage_seconds", stage[:60]): seconds for stage, seconds in spent.items()})
            count(session, {("stage_runs", stage[:60]): 1.0 for stage in spent})

    def fail(self, lease: Lease, error: JobError) -> None:
        """End the job as failed.

        Raises:
            StaleLeaseError: the lease has expired or is another's; nothing was written.
        """
        with writing(self._sessions) as session:
            now = self._clock()
            job = _held(session, lease, now)
            _drop(session, lease.job_id)
            _fail(session, job, error, now)

    def cancelled(self, lease: Lease) -> None:
        """End the job as cancelled: its child is gone.

        Raises:
            StaleLeaseError: the lease has expired or is another's; nothing was written.
        """
        with writing(self._sessions) as session:
            now = self._clock()
            job = _held(session, lease, now)
            _drop(session, lease.job_id)
            end(session, job, JobStatus.CANCELLED, now, message="Cancelled.")

    def release(self, lease: Lease, message: str = "Waiting for a worker; finished stages are kept.") -> None:
        """Give the job back in good order (the worker is being stopped): it keeps its place and its attempts.

        A job that is to be cancelled is cancelled.

        Raises:
            StaleLeaseError: the lease has expired or is another's; nothing was written.
        """
        with writing(self._sessions) as session:
            now = self._clock()
            job = _held(session, lease, now)
            _drop(session, lease.job_id)
            job.attempts -= 1
            _requeue(session, job, now, message)

    def end_leases_of(self, worker: str) -> None:
        """End what a worker still holds that is known to be gone, instead of waiting until that expires."""
        with writing(self._sessions) as session:
            now = self._clock()
            held = (JobLease.owner == worker, JobLease.expires_at > now)
            done = update(JobLease).where(*held).values(expires_at=now)
            session.execute(done.execution_options(synchronize_session=False))

    def expired(self, now: datetime | None = None) -> list[str]:
        """The jobs whose worker was not heard of for too long, the one lost first at the front."""
        query = select(JobLease.job_id).where(JobLease.expires_at <= (now or self._clock()))
        with reading(self._sessions) as session:
            return list(session.scalars(query.order_by(JobLease.expires_at)))

    def take_back(self, job_id: str, *, max_attempts: int = 3) -> JobRecord | None:
        """Take a lost worker's job away from it: back to the queue, or to its end.

        It fails as ``worker_lost`` when ``max_attempts`` workers were lost over it, and is cancelled if its owner
        asked for that. ``None`` if the lease lives or somebody else was faster.
        """
        with writing(self._sessions) as session:
            now = self._clock()
            job = locked_job(session, job_id)
            if job is None or session.get(JobLease, job_id) is None:
                return None
            if not self._drop_expired(session, job, now):
                return None
            if job.attempts >= max_attempts and not job.cancel_requested:
                _fail(session, job, WORKER_LOST, now)
            else:
                _requeue(session, job, now, "The worker was lost; waiting for another one.")
            return record(job)

    def _expiry(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._rules.lease_seconds)

    def _drop_expired(self, session: Session, job: Job, now: datetime) -> bool:
        """Whether nobody holds the job any more."""
        lease = session.get(JobLease, job.id)
        if lease is None:
            return True
        if lease.expires_at > now:
            return False
        session.delete(lease)
        session.flush()
        append(session, job, now, "lease_expired", {"message": "The worker was lost.", "worker": lease.owner})
        count(session, {("lease_expiries", ""): 1.0})
        return True


def _renew(session: Session, lease: Lease, now: datetime, expires_at: datetime | None) -> None:
    """The compare-and-set that everything a worker writes begins with."""
    mine = (JobLease.job_id == lease.job_id, JobLease.token == lease.token, JobLease.expires_at > now)
    change = {"token": lease.token} if expires_at is None else {"expires_at": expires_at}
    done = session.execute(
        update(JobLease).where(*mine).values(change).execution_options(synchronize_session=False)
    )
    assert isinstance(done, CursorResult)
    if done.rowcount != 1:
        raise StaleLeaseError(lease.job_id)


def _held(session: Session, lease: Lease, now: datetime) -> Job:
    """The lease's job, locked, or ``StaleLeaseError``."""
    job = locked_job(session, lease.job_id)
    if job is None:
        raise StaleLeaseError(lease.job_id)
    _renew(session, lease, now, None)
    return job


def _drop(session: Session, job_id: str) -> None:
    session.execute(
        delete(JobLease).where(JobLease.job_id == job_id).execution_options(synchronize_session=False)
    )


def _fail(session: Session, job: Job, error: JobError, now: datetime) -> None:
    job.error_code = clean_text(error.code)[:60]
    job.error_message = clean_text(error.message)
    job.error_hint = clean_text(error.hint)
    end(session, job, JobStatus.FAILED, now, message=error.message)


def _requeue(session: Session, job: Job, now: datetime, message: str) -> None:
    if job.cancel_requested:
        end(session, job, JobStatus.CANCELLED, now, message="Cancelled.")
        return
    job.status = JobStatus.PENDING
    job.message = clean_text(message)
    tell(session, job, now)


def _add_figures(job: Job, counts: Mapping[str, object] | None, timings: Mapping[str, float] | None) -> None:
    if counts:
        job.counts = {**job.counts, **clean_json(counts)}
    if timings:
        job.timings = {**job.timings, **clean_json(timings)}
