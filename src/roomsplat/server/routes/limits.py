"""What the service takes, so that a page can refuse a file before it is sent. Needs no key: it is no secret."""

from typing import get_args

from fastapi import APIRouter

from roomsplat.server.probe import Suffix
from roomsplat.server.schemas import Limits
from roomsplat.server.service import TheService

router = APIRouter(tags=["service"])


@router.get("/api/limits")
def limits(service: TheService) -> Limits:
    """The largest and longest video, the kinds of films, and how many pictures a job may keep."""
    settings = service.settings
    return Limits(
        max_upload_bytes=settings.max_upload_bytes,
        max_video_seconds=settings.max_video_seconds,
        max_frames=settings.max_frames,
        suffixes=list(get_args(Suffix)),
    )
