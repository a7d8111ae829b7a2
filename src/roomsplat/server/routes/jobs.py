"""Jobs: uploading, watching, cancelling, trying again, deleting."""

import json
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response

from roomsplat.server.auth import CurrentUser
from roomsplat.server.multipart import receive_form
from roomsplat.server.records import JobStatus
from roomsplat.server.schemas import EventView, JobList, JobView, LogPage, RetryRequest
from roomsplat.server.service import TheService, problems

router = APIRouter(prefix="/api/jobs", tags=["jobs"])

LARGEST_ID = 2**63 - 1

After = Annotated[int, Query(ge=0, le=LARGEST_ID, description="Only what came after this id.")]

FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "The video."},
                        "config": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": 'Settings as JSON, any part of them: `{"quality": "preview"}`.',
                        },
                    },
                }
            }
        },
    }
}


@router.post("/upload", status_code=202, openapi_extra=FORM, responses=problems(408, 413, 415, 507))
async def upload(request: Request, response: Response, user: CurrentUser, service: TheService) -> JobView:
    """Send a video as a multipart form and queue its job."""
    settings = service.settings
    async with receive_form(
        request,
        settings.storage / "uploads",
        max_bytes=service.intake.max_bytes,
        idle_seconds=settings.upload_idle_seconds,
        text_fields=frozenset({"config"}),
    ) as form:
        accept = partial(
            service.intake.accept, user.id, form.path, name=form.file_name, config=form.fields.get("config")
        )
        job = await to_thread.run_sync(accept, limiter=service.intake.seats)
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return JobView.of(job)


@router.get("")
def list_jobs(
    user: CurrentUser,
    service: TheService,
    status: JobStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=40)] = None,
) -> JobList:
    """The caller's jobs, newest first."""
    page = service.jobs.list(user.id, status=status, limit=limit, cursor=cursor)
    return JobList(items=[JobView.of(job) for job in page.items], next_cursor=page.next_cursor)


@router.get("/{job_id}", responses=problems(404))
@router.get("/{job_id}/status", responses=problems(404), name="job_status")
async def get_job(job_id: str, user: CurrentUser, service: TheService) -> JobView:
    """A job at this moment."""
    # one way to a thread and back: a route that is no coroutine takes a second one to check its answer
    return JobView.of(await to_thread.run_sync(service.jobs.get, job_id, user.id))


@router.get("/{job_id}/logs", responses=problems(404))
def logs(job_id: str, user: CurrentUser, service: TheService, after: After = 0) -> LogPage:
    """What the job's log says after ``after``; at most 500 entries, so ask again with ``next``."""
    found = service.jobs.logs(job_id, user.id, after)
    return LogPage(items=[EventView.of(event) for event in found], next=found[-1].id if found else after)


@router.post("/{job_id}/cancel", responses=problems(404, 409))
def cancel(job_id: str, user: CurrentUser, service: TheService) -> JobView:
    """Stop the job; its device is free within ten seconds. Cancelling twice is the same as once."""
    return JobView.of(service.jobs.request_cancel(job_id, user.id))


@router.post("/{job_id}/retry", status_code=202, responses=problems(404, 409, 413))
async def retry(
    job_id: str, user: CurrentUser, service: TheService, request: RetryRequest | None = None
) -> JobView:
    """Run an ended job again, with other settings if given; stages that they do not touch are kept."""
    config = None if request is None or request.config is None else json.dumps(request.config)
    again = partial(service.intake.retry, job_id, user.id, config)
    # Settings are looked at in a child, like films: who waits for one does so where no thread is taken.
    seats = None if config is None else service.intake.seats
    return JobView.of(await to_thread.run_sync(again, limiter=seats))


@router.delete("/{job_id}", status_code=204, responses=problems(404, 409))
def delete(job_id: str, user: CurrentUser, service: TheService) -> None:
    """Forget a job that does not run and remove all its files."""
    service.intake.delete(job_id, user.id)
