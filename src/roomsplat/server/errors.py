"""What a user or a worker of the service can run into; ``problems.py`` gives each code its HTTP status."""

from typing import ClassVar

from roomsplat.errors import RoomsplatError


class JobNotFoundError(RoomsplatError):
    """There is no such job, or it is another user's: the two look alike from outside."""

    code: ClassVar[str] = "job_not_found"

    def __init__(self, job_id: str) -> None:
        """Args: ``job_id``: what was asked for, shortened here if it cannot be an id."""
        super().__init__(f"There is no job {job_id[:40]!r}.", hint="List your jobs with GET /api/jobs.")


class TooManyJobsError(RoomsplatError):
    """The user has as many waiting jobs as one user may have."""

    code: ClassVar[str] = "too_many_jobs"


class JobActiveError(RoomsplatError):
    """What was asked for needs a job that has ended, and this one waits or runs."""

    code: ClassVar[str] = "job_active"


class JobFinishedError(RoomsplatError):
    """What was asked for needs a job that waits or runs, and this one has ended."""

    code: ClassVar[str] = "job_finished"


class InvalidCursorError(RoomsplatError):
    """The cursor of a list is not one that the service gave out."""

    code: ClassVar[str] = "invalid_cursor"


class DatabaseUnavailableError(RoomsplatError):
    """The database does not answer (restarting, disk full, locked for too long); asking again may help."""

    code: ClassVar[str] = "database_unavailable"


class StaleLeaseError(RoomsplatError):
    """A worker wrote to a job that it no longer owns. It must stop its child and take another job."""

    code: ClassVar[str] = "stale_lease"

    def __init__(self, job_id: str) -> None:
        """Args: ``job_id``: the job that was lost."""
        super().__init__(
            f"The lease on job {job_id} has ended or belongs to another worker.",
            hint="Nothing was written; stop working on this job.",
        )


class NotReadyError(RoomsplatError):
    """A part that a job needs is missing."""

    code: ClassVar[str] = "not_ready"


class StorageUnavailableError(RoomsplatError):
    """The bucket does not answer, or does not let us in; asking again may help."""

    code: ClassVar[str] = "storage_unavailable"
    exit_code: ClassVar[int] = 16
