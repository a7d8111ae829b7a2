"""Jobs: every change of a job's state is one method here and one transaction.

A job waits, is held by one worker under a lease, or has ended. The owner's calls are in ``jobs_owner.py``, the
worker's in ``jobs_worker.py``.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from sqlalchemy import func, select

from roomsplat.server.database import reading
from roomsplat.server.jobs_base import JobRules, is_id, new_id
from roomsplat.server.jobs_owner import OwnerJobs
from roomsplat.server.jobs_queue import waits
from roomsplat.server.jobs_worker import WORKER_LOST, WorkerJobs
from roomsplat.server.models import Counter, Job, JobLease
from roomsplat.server.records import QueueFigures

__all__ = ["WORKER_LOST", "JobRules", "Jobs", "is_id", "new_id"]


_NAMES_AT_ONCE = 500


class Jobs(OwnerJobs, WorkerJobs):
    """All that can be done with jobs."""

    def queue_depth(self) -> int:
        """How many jobs wait."""
        with reading(self._sessions) as session:
            return session.scalar(select(func.count()).select_from(Job).where(waits())) or 0

    def sources(self, names: Iterable[str]) -> set[str]:
        """Which of these videos belong to a job."""
        asked, found = sorted(names), set[str]()
        with reading(self._sessions) as session:
            for first in range(0, len(asked), _NAMES_AT_ONCE):
                some = asked[first : first + _NAMES_AT_ONCE]
                found.update(session.scalars(select(Job.source_path).where(Job.source_path.in_(some))))
        return found

    def figures(self, now: datetime | None = None) -> QueueFigures:
        """The queue and the counters, as the metrics show them."""
        now = now or self._clock()
        with reading(self._sessions) as session:
            waiting = session.execute(select(func.count(), func.min(Job.queued_at)).where(waits())).one()
            held = session.scalar(select(func.count()).where(JobLease.expires_at > now)) or 0
            counters = {(row.name, row.label): row.value for row in session.scalars(select(Counter))}
        oldest = cast("datetime | None", waiting[1])

        def labelled(name: str) -> dict[str, float]:
            return {label: value for (kind, label), value in counters.items() if kind == name}

        return QueueFigures(
            depth=waiting[0],
            oldest_seconds=0.0 if oldest is None else max(0.0, (now - oldest).total_seconds()),
            running=held,
            outcomes={label: int(value) for label, value in labelled("outcomes").items()},
            lease_expiries=int(counters.get(("lease_expiries", ""), 0)),
            stage_seconds=labelled("stage_seconds"),
            stage_runs={stage: int(value) for stage, value in labelled("stage_runs").items()},
        )
