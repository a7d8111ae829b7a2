"""Every wrong request ends here: one sentence, a hint and a stable code, as ``application/problem+json`` (RFC 9457)."""

import errno
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from roomsplat.errors import RoomsplatError

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

STATUS_OF_CODE: dict[str, int] = {
    "invalid_upload": 400,
    "login_failed": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "foreign_origin": 403,
    "csrf_failed": 403,
    "login_denied": 403,
    "login_refused": 403,
    "not_found": 404,
    "job_not_found": 404,
    "file_not_found": 404,
    "upload_not_found": 404,
    "webhook_not_found": 404,
    "key_not_found": 404,
    "method_not_allowed": 405,
    "upload_timeout": 408,
    "job_active": 409,
    "job_finished": 409,
    "stale_lease": 409,
    "upload_offset_mismatch": 409,
    "too_many_webhooks": 409,
    "too_many_keys": 409,
    "login_not_needed": 409,
    "upload_expired": 410,
    "tus_version": 412,
    "input_too_large": 413,
    "unsupported_file": 415,
    "unsupported_media_type": 415,
    "range_not_satisfiable": 416,
    "upload_locked": 423,
    "too_many_jobs": 429,
    "too_many_uploads": 429,
    "too_many_requests": 429,
    "too_many_logins": 429,
    "internal_error": 500,
    "database_unavailable": 503,
    "login_unavailable": 503,
    "not_ready": 503,
    "storage_unavailable": 503,
    "storage_full": 507,
}
"""The HTTP status of each code; a code that is not here is one of what a file or setting holds, and says 422."""

DEFAULT_STATUS = 422

HTTP_CODES: dict[int, tuple[str, str]] = {
    400: ("invalid_request", "Compare the request with the API's description at /docs."),
    401: ("unauthorized", "Send a key as `Authorization: Bearer rsk_…`; `roomsplat keys create` makes one."),
    403: ("forbidden", "Use a key that may do this."),
    404: ("not_found", "See /docs for every address that there is."),
    405: ("method_not_allowed", "The header Allow of this answer names the methods of this address."),
    413: ("input_too_large", "Send less."),
    415: ("unsupported_media_type", "See /docs for what this address takes."),
    429: ("too_many_requests", "Wait as long as the header Retry-After says."),
}
"""Code and hint of what the framework itself refuses."""


class InvalidRequestError(RoomsplatError):
    """The request is not built as the API describes."""

    code: ClassVar[str] = "invalid_request"


class UnsupportedMediaTypeError(RoomsplatError):
    """The body is of a kind that this address does not take."""

    code: ClassVar[str] = "unsupported_media_type"


class UnsatisfiableRangeError(RoomsplatError):
    """A range that lies behind the end of the file."""

    code: ClassVar[str] = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        """Args: ``size``: the file's length in bytes."""
        super().__init__(
            f"The file has {size} bytes; the asked-for range begins behind its end.",
            hint="Ask for a range inside the file.",
        )
        self.headers = {"Content-Range": f"bytes */{size}"}


class UploadTimeoutError(RoomsplatError):
    """The client stopped sending in the middle of an upload."""

    code: ClassVar[str] = "upload_timeout"


class TooManyRequestsError(RoomsplatError):
    """More requests a minute than one user may make."""

    code: ClassVar[str] = "too_many_requests"

    def __init__(self, retry_after: int) -> None:
        """Args: ``retry_after``: whole seconds until the next request is answered."""
        super().__init__(
            "You sent more requests in a minute than this service answers.",
            hint=f"Wait {retry_after} seconds, or follow a job by its event stream instead of asking often.",
        )
        self.headers = {"Retry-After": str(retry_after)}


class TooManyLoginsError(RoomsplatError):
    """More logins from one address than anybody needs who does not guess keys."""

    code: ClassVar[str] = "too_many_logins"

    def __init__(self, retry_after: int) -> None:
        """Args: ``retry_after``: whole seconds until the next one is answered."""
        super().__init__(
            "Too many logins were tried from this address.",
            hint=f"Wait {retry_after} seconds, then try again.",
        )
        self.headers = {"Retry-After": str(retry_after)}


class NotFoundError(RoomsplatError):
    """There is nothing at this address."""

    code: ClassVar[str] = "not_found"


class ForeignOriginError(RoomsplatError):
    """A page of another site tried to use the service through the user's browser."""

    code: ClassVar[str] = "foreign_origin"


class ForbiddenError(RoomsplatError):
    """This user may not do this."""

    code: ClassVar[str] = "forbidden"


def problem(
    status: int,
    code: str,
    detail: str,
    hint: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> JSONResponse:
    """The answer to a request that went wrong."""
    content: dict[str, Any] = {
        "type": f"urn:roomsplat:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "hint": hint,
    }
    if errors:
        content["errors"] = list(errors)
    return JSONResponse(content, status, dict(headers or {}), media_type=MEDIA_TYPE)


def problem_of(error: RoomsplatError) -> JSONResponse:
    """The answer for an error that a user can cause."""
    headers = dict(cast("Mapping[str, str]", getattr(error, "headers", {})))
    status = STATUS_OF_CODE.get(error.code, DEFAULT_STATUS)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers.setdefault("Retry-After", "60")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", "5")
    if status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="roomsplat"')
    return problem(status, error.code, error.message, error.hint, headers=headers)


def problem_of_http(error: HTTPException) -> JSONResponse:
    """The answer for what the framework refused: no such address, a wrong method, a broken body."""
    code, hint = HTTP_CODES.get(error.status_code, ("invalid_request", "See /docs."))
    detail = str(error.detail).rstrip(".") + "."
    return problem(error.status_code, code, detail, hint, headers=error.headers)


def problem_of_validation(error: RequestValidationError) -> JSONResponse:
    """The answer for fields of the wrong type or range, each with its place."""
    fields = [
        {"field": ".".join(str(part) for part in item["loc"]), "message": str(item["msg"])}
        for item in cast("Sequence[Mapping[str, Any]]", error.errors())
    ]
    first = fields[0] if fields else {"field": "body", "message": "cannot be read"}
    return problem(
        422,
        "invalid_request",
        f"{first['field']}: {first['message']}.",
        "Compare the request with the API's description at /docs.",
        errors=fields,
    )


def problem_of_system(error: OSError) -> JSONResponse:
    """The answer when the disk is full; anything else of the system is our bug."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        logger.error("the storage is full: %s", error)
        return problem(
            507,
            "storage_full",
            "The service has no space left for this.",
            "Delete jobs that you no longer need, or ask whoever runs this service for space.",
        )
    return problem_of_bug(error)


def problem_of_bug(error: Exception) -> JSONResponse:
    """The answer for a bug of ours: nothing of its inside leaves the house, the log has it."""
    logger.error("a request failed by a bug", exc_info=error)
    return problem(
        500,
        "internal_error",
        "Something went wrong in the service; its log says what.",
        "Try again; if it stays, send the time of this request to whoever runs this service.",
    )


def install_problems(app: FastAPI) -> None:
    """Make every error of ``app`` a problem."""

    async def on_error(request: Request, error: Exception) -> JSONResponse:
        del request
        match error:
            case RoomsplatError():
                return problem_of(error)
            case RequestValidationError():
                return problem_of_validation(error)
            case HTTPException():
                return problem_of_http(error)
            case OSError():
                return problem_of_system(error)
            case _:
                return problem_of_bug(error)

    for kind in (RoomsplatError, RequestValidationError, HTTPException, OSError, Exception):
        app.add_exception_handler(kind, on_error)
