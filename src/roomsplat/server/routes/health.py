"""Whether the service answers, whether it could run a job, and its figures."""

import secrets
from collections.abc import Callable

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from roomsplat.errors import RoomsplatError
from roomsplat.server.auth import CurrentAdmin
from roomsplat.server.database import ping
from roomsplat.server.errors import NotReadyError
from roomsplat.server.metrics import MEDIA_TYPE
from roomsplat.server.schemas import Health, Ready
from roomsplat.server.service import Service, TheService, problems

router = APIRouter(tags=["service"])


@router.get("/health")
def health() -> Health:
    """The process answers."""
    return Health()


@router.get("/ready", responses={503: {"model": Ready, "description": "A part is missing."}})
def ready(service: TheService) -> Response:
    """Database, storage and at least one living worker: what a job needs to be run."""
    checks = {
        "database": _check(lambda: ping(service.database)),
        "storage": _check(lambda: _write_something(service)),
        "worker": _check(lambda: _look_for_workers(service)),
    }
    fine = all(state == "ok" for state in checks.values())
    answer = Ready(status="ready" if fine else "not_ready", checks=checks)
    return JSONResponse(answer.model_dump(), 200 if fine else 503)


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Figures."},
        **problems(401, 403, 429, 503),
    },
)
def metrics(_admin: CurrentAdmin, service: TheService) -> Response:
    """Figures in Prometheus' text format, for administrators."""
    return Response(service.metrics.text(), media_type=MEDIA_TYPE)


def _check(look: Callable[[], None]) -> str:
    try:
        look()
    except RoomsplatError as error:
        return error.message
    except OSError as error:
        return f"The storage folder cannot be written: {error.strerror}."
    return "ok"


def _look_for_workers(service: Service) -> None:
    if not service.workers.living():
        raise NotReadyError("No worker is running.", hint="Start one: roomsplat worker")


def _write_something(service: Service) -> None:
    probe = service.settings.storage / f".ready-{secrets.token_urlsafe(8)}"
    try:
        probe.write_bytes(b"roomsplat")
    finally:
        probe.unlink(missing_ok=True)
    service.files.list_files("ready")  # does the bucket answer, if files are in one?
