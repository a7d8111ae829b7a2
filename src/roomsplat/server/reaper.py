"""Takes jobs from workers that were not heard of for too long."""

import logging

from roomsplat.server.jobs import Jobs
from roomsplat.server.logging import about_job

log = logging.getLogger(__name__)


def reap(jobs: Jobs, *, max_attempts: int) -> list[str]:
    """Give lost workers' jobs back to the queue, or end those that too many workers were lost over; which ones."""
    taken: list[str] = []
    for job_id in jobs.expired():
        job = jobs.take_back(job_id, max_attempts=max_attempts)
        if job is not None:
            taken.append(job_id)
            with about_job(job_id):
                log.warning("a worker was lost in attempt %d; the job is now %s", job.attempts, job.status)
    return taken
