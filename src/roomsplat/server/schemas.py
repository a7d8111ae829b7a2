"""What the API says and takes, as JSON. Times are UTC in ISO 8601, durations seconds."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from roomsplat.server.records import EventRecord, JobRecord, JobStatus


class Shape(BaseModel):
    """Base of all of them: what is not described is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class FieldProblem(Shape):
    """One field of a request that is wrong."""

    field: str
    message: str


class Problem(Shape):
    """An error (RFC 9457)."""

    type: str
    """``urn:roomsplat:problem:`` and the code."""
    title: str
    status: int
    code: str
    """A stable slug: what programs should look at."""
    detail: str
    """What is wrong, in one sentence."""
    hint: str
    """What to do about it, in one sentence."""
    errors: list[FieldProblem] | None = None


class Health(Shape):
    """The service answers."""

    status: str = "healthy"


class Ready(Shape):
    """Every part that a job needs."""

    status: str
    """``ready`` or ``not_ready``."""
    checks: dict[str, str]
    """``ok`` or what is wrong, for ``database``, ``storage`` and ``worker``."""


class Limits(Shape):
    """What the service takes."""

    max_upload_bytes: int
    max_video_seconds: float
    max_frames: int
    """Pictures that a job may keep."""
    suffixes: list[str]
    """Kinds of films. The first bytes of a file decide, not its name."""


class JobErrorView(Shape):
    """Why a job failed."""

    code: str
    message: str
    hint: str


class JobView(Shape):
    """A job at one moment."""

    job_id: str
    status: JobStatus
    progress: float = Field(ge=0, le=1)
    stage: str
    message: str
    queue_position: int | None
    """1 for the next job to run; null unless the job waits."""
    error: JobErrorView | None
    model_url: str | None
    """Where the splat is, once the job is completed."""
    thumbnail_url: str | None
    """A picture of the film, 320 px at most, once pictures have been taken from it."""
    source_name: str
    config: dict[str, Any]
    counts: dict[str, Any]
    """Frames, registered pictures, Gaussians and PSNR, as far as they are known."""
    timings: dict[str, float]
    """Seconds of each finished stage."""
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int
    cancel_requested: bool

    @classmethod
    def of(cls, job: JobRecord) -> "JobView":
        """The job as its owner sees it."""
        error = job.error
        return cls(
            job_id=job.id,
            status=job.status,
            progress=min(max(job.progress, 0.0), 1.0),
            stage=job.stage,
            message=job.message,
            queue_position=job.queue_position,
            error=error and JobErrorView(code=error.code, message=error.message, hint=error.hint),
            model_url=f"/static/models/{job.id}.ply" if job.status is JobStatus.COMPLETED else None,
            # the stage leaves it before it tells its time
            thumbnail_url=f"/api/jobs/{job.id}/files/thumbnail.jpg" if "capture" in job.timings else None,
            source_name=job.source_name,
            config=job.config,
            counts=job.counts,
            timings=job.timings,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            attempts=job.attempts,
            cancel_requested=job.cancel_requested,
        )


class JobList(Shape):
    """A stretch of the caller's jobs, newest first."""

    items: list[JobView]
    next_cursor: str | None
    """Give it as ``cursor`` for the next stretch; null at the end."""


class RetryRequest(Shape):
    """How to run a job again."""

    config: dict[str, Any] | None = None
    """Settings as for an upload; left out, the job's own are kept. Stages that they do not touch are not run again."""


class EventView(Shape):
    """Something that happened to a job."""

    id: int
    at: datetime
    kind: str
    payload: dict[str, Any]

    @classmethod
    def of(cls, event: EventRecord) -> "EventView":
        """The event as its job's owner sees it."""
        return cls(id=event.id, at=event.at, kind=event.kind, payload=event.payload)


class LogPage(Shape):
    """What the job's log says after ``after``."""

    items: list[EventView]
    next: int
    """Give it as ``after`` for what comes later."""


class FileView(Shape):
    """An output of a job."""

    name: str
    size: int | None
    """Bytes; null for what is made when it is asked for."""
    url: str


class FileList(Shape):
    """The outputs that there are."""

    items: list[FileView]
