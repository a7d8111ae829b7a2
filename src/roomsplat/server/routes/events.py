"""A job's events as they happen."""

from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse

from roomsplat.server.auth import CurrentUser
from roomsplat.server.routes.jobs import LARGEST_ID, After
from roomsplat.server.service import TheService, problems

router = APIRouter(prefix="/api/jobs", tags=["jobs"])

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # proxies must pass each event on at once


@router.get(
    "/{job_id}/events",
    response_class=Response,
    responses={
        200: {
            "description": "Events; each has an id, a name and an event of the log as its data.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        204: {
            "description": "The job has ended and there is nothing that the caller does not know: do not come back."
        },
        **problems(404),
    },
)
async def events(
    job_id: str,
    user: CurrentUser,
    service: TheService,
    after: After = 0,
    last_event_id: Annotated[str | None, Header(max_length=40)] = None,
) -> Response:
    """Follow a job (server-sent events); a client that comes back with ``Last-Event-ID`` misses nothing."""
    known = after
    if last_event_id is not None and last_event_id.isascii() and last_event_id.isdecimal():
        known = min(int(last_event_id), LARGEST_ID)
    ended, missed = await service.streams.look(job_id, user.id, known)
    if ended and not missed:
        return Response(status_code=204)
    service.streams.refuse_many(user.id)
    stream = service.streams.stream(job_id, user.id, known)
    return StreamingResponse(stream, media_type="text/event-stream", headers=HEADERS)
