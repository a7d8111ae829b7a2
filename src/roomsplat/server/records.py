"""What the rest of the service knows of the database: plain values, without a session behind them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class JobStatus(StrEnum):
    """Where a job is, in the words of the API."""

    PENDING = "pending"
    EXTRACTING_FRAMES = "extracting_frames"
    TRAINING = "training"
    EXPORTING = "exporting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing but its owner's retry can change the job any more."""
        return self in {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job failed: the three words of ``RoomsplatError``."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRecord:
    """Somebody who owns jobs."""

    id: str
    name: str
    is_admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """One job at one moment."""

    id: str
    owner_id: str
    status: JobStatus
    progress: float
    """0 to 1; within one life of the job it never falls."""
    stage: str
    """``capture``, ``sfm``, ``train`` or ``export``; empty while no stage has begun."""
    message: str
    queue_position: int | None = None
    """1 for the next job to run; ``None`` unless the job waits."""
    error: JobError | None = None
    source_name: str
    """The file's name as its owner knows it: shown, never used as a path."""
    source_path: str
    """The video in the store, relative."""
    config: dict[str, object]
    """The settings of the pipeline, as in ``config.json``."""
    counts: dict[str, object]
    """Frames, registered, Gaussians, PSNR: as far as they are known."""
    timings: dict[str, float]
    """Seconds per stage."""
    created_at: datetime
    started_at: datetime | None = None
    """When a worker first took it in this life."""
    finished_at: datetime | None = None
    attempts: int = 0
    """How many times a worker took it in this life; a worker that gave it back in good order does not count."""
    cancel_requested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A stretch of a list, newest first."""

    items: tuple[JobRecord, ...]
    next_cursor: str | None
    """Give this to get the next stretch; ``None`` at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """Something that happened to a job. Ids grow over the whole service, so they order the events of a job."""

    id: int
    job_id: str
    at: datetime
    kind: str
    """``status`` for a change of state, ``log`` for a line of text, otherwise the pipeline's own event."""
    payload: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One worker's right to work on one job and to write about it."""

    job_id: str
    owner: str
    """The worker."""
    token: str
    """Unguessable and new for every lease: what makes a stale owner's writing fail."""
    attempt: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """The queue as the metrics show it."""

    depth: int
    """Jobs that wait."""
    oldest_seconds: float
    """How long the oldest of them has waited; 0 when none does."""
    running: int
    """Jobs under a living lease."""
    outcomes: dict[str, int] = field(default_factory=dict[str, int])
    """Jobs that ended, by ``completed``, ``cancelled`` or the code of their error; grows for ever."""
    lease_expiries: int = 0
    """How often a worker was lost over a job; grows for ever."""
    stage_seconds: dict[str, float] = field(default_factory=dict[str, float])
    """Seconds that completed jobs spent in each stage, summed."""
    stage_runs: dict[str, int] = field(default_factory=dict[str, int])
    """How many jobs that sum is over."""
