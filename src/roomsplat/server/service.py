"""What the routes work with: made once for each app, reached through the request."""

from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import Depends, Request

from roomsplat.server.auth import CurrentUser
from roomsplat.server.database import Database
from roomsplat.server.files import FileStore
from roomsplat.server.intake import Intake
from roomsplat.server.jobs import JobRules, Jobs
from roomsplat.server.limits import RequestLimiter
from roomsplat.server.metrics import HttpMetrics
from roomsplat.server.probe import ProbeLimits, Prober
from roomsplat.server.settings import ServerSettings
from roomsplat.server.stores import open_store
from roomsplat.server.streams import EventStreams
from roomsplat.server.uploads import Uploads
from roomsplat.server.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The parts of the running service."""

    settings: ServerSettings
    database: Database
    jobs: Jobs
    workers: Workers
    files: FileStore
    intake: Intake
    uploads: Uploads
    streams: EventStreams
    limiter: RequestLimiter
    metrics: HttpMetrics


def build_service(settings: ServerSettings, database: Database, metrics: HttpMetrics) -> Service:
    """Put the parts together. ``database`` has its tables already.

    Raises:
        StorageUnavailableError: the bucket cannot be used.
    """
    rules = JobRules(
        lease_seconds=settings.lease_seconds,
        max_running_per_user=settings.max_running_per_user,
        max_queued_per_user=settings.max_queued_per_user,
    )
    jobs = Jobs(database.sessions, rules=rules)
    files = open_store(settings)
    limits = ProbeLimits(
        max_bytes=settings.max_upload_bytes,
        max_duration_s=settings.max_video_seconds,
        max_pixels=settings.max_video_pixels,
        max_fps=settings.max_video_fps,
        max_frames=settings.max_frames,
    )
    workers = Workers(database.sessions, patience_seconds=settings.lease_seconds)
    metrics.watch(jobs, workers)
    return Service(
        settings=settings,
        database=database,
        jobs=jobs,
        workers=workers,
        files=files,
        intake=Intake(jobs, files, Prober(limits), storage=settings.storage),
        uploads=Uploads(
            settings.storage / "uploads" / "unfinished",
            max_bytes=settings.max_upload_bytes,
            lifetime_s=settings.upload_lifetime_seconds,
        ),
        streams=EventStreams(
            jobs,
            poll_seconds=settings.stream_poll_seconds,
            comment_seconds=settings.stream_comment_seconds,
            per_user=settings.max_streams_per_user,
        ),
        limiter=RequestLimiter(settings.requests_per_minute),
        metrics=metrics,
    )


async def service_of(request: Request) -> Service:
    """The service that this request came to."""
    # async, as whatever does not wait: FastAPI sends every other dependency to a thread, and a busy machine may take
    # milliseconds until that thread runs
    return cast("Service", request.app.state.service)


TheService = Annotated[Service, Depends(service_of)]


async def rate_limited(user: CurrentUser, service: TheService) -> None:
    """Count the request for its user.

    Raises:
        TooManyRequestsError: more in a minute than one user may make.
    """
    service.limiter.take(user.id)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The description of these errors for OpenAPI."""
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {"application/problem+json": {"schema": schema}}
    return {status: {"description": _MEANING[status], "content": content} for status in statuses}


_MEANING = {
    400: "The request cannot be read.",
    401: "No key, or none that is known here.",
    403: "The key may not do this, or a foreign page asked.",
    404: "There is no such thing, or it is another user's.",
    408: "The upload stopped in the middle.",
    409: "The job (or upload) is not in a state for this.",
    410: "The upload was given up.",
    412: "Another version of tus.",
    413: "Too large.",
    415: "Not a kind of body or file that is taken here.",
    423: "Another request is writing to this upload.",
    416: "The range lies behind the end of the file.",
    422: "A field, the settings or the video is no good; `code` says which.",
    429: "Too many; the header Retry-After says when to come back.",
    503: "The database or the bucket does not answer, or a part is missing.",
    507: "The service has no space left.",
}
EVERYWHERE = problems(400, 401, 403, 422, 429, 503)
"""What any route for users may answer."""
