"""What a user of the service can cause: the errors of ``roomsplat.errors`` with the status of the HTTP answer."""

from typing import ClassVar

from roomsplat.errors import RoomsplatError


class ServiceError(RoomsplatError):
    """Base of the service's errors; ``status`` is the HTTP status that the one handler answers with."""

    code = "service_error"
    status: ClassVar[int] = 400


class JobNotFoundError(ServiceError):
    """There is no such job, or it is another user's: the two look alike from outside."""

    code = "job_not_found"
    status = 404

    def __init__(self, job_id: str) -> None:
        """Args: ``job_id``: what was asked for, shortened here if it cannot be an id."""
        super().__init__(f"There is no job {job_id[:40]!r}.", hint="List your jobs with GET /api/jobs.")


class TooManyJobsError(ServiceError):
    """The user has as many waiting jobs as one user may have."""

    code = "too_many_jobs"
    status = 429


class JobActiveError(ServiceError):
    """What was asked for needs a job that has ended, and this one waits or runs."""

    code = "job_active"
    status = 409


class JobEndedError(ServiceError):
    """What was asked for needs a job that waits or runs, and this one has ended."""

    code = "job_ended"
    status = 409


class InvalidCursorError(ServiceError):
    """The cursor of a list is not one that the service gave out."""

    code = "invalid_cursor"
    status = 400


class DatabaseUnavailableError(ServiceError):
    """The database does not answer (restarting, disk full, locked for too long); asking again may help."""

    code = "database_unavailable"
    status = 503


class StaleLeaseError(ServiceError):
    """A worker wrote to a job that it no longer owns. It must stop its child and take another job."""

    code = "stale_lease"
    status = 409

    def __init__(self, job_id: str) -> None:
        """Args: ``job_id``: the job that was lost."""
        super().__init__(
            f"The lease on job {job_id} has ended or belongs to another worker.",
            hint="Nothing was written; stop working on this job.",
        )
