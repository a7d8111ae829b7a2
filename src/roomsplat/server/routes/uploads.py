"""Resumable uploads: tus 1.0 (https://tus.io/protocols/resumable-upload) with creation, expiration and termination.

The metadata ``filename`` and ``config`` (JSON text) are the form fields of ``POST /api/jobs/upload``. The answer to the
last PATCH carries the id of the new job in ``Roomsplat-Job-Id``; a file that is no good is refused there.
"""

import asyncio
import base64
import binascii
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from email.utils import formatdate
from functools import partial
from typing import Any, ClassVar

from anyio import CancelScope, CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from roomsplat.errors import RoomsplatError
from roomsplat.server.auth import CurrentUser
from roomsplat.server.problems import UnsupportedMediaTypeError, UploadTimeoutError
from roomsplat.server.uploads import (
    Accept,
    InvalidUploadError,
    Upload,
    Uploads,
    Writer,
)

VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,termination"
PATH = "/api/uploads"
JOB_HEADER = "Roomsplat-Job-Id"
EXPOSED_HEADERS = (
    "Location",
    "Tus-Resumable",
    "Tus-Version",
    "Tus-Extension",
    "Tus-Max-Size",
    "Upload-Offset",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Expires",
    JOB_HEADER,
)  # fmt: skip - a list to read
"""What a page of another site must be able to read (CORS)."""

_BATCH_BYTES = 1024 * 1024
_MAX_DIGITS = 18


class TusVersionError(RoomsplatError):
    """The client speaks another version of tus, or none."""

    code: ClassVar[str] = "tus_version"

    def __init__(self) -> None:
        """No arguments."""
        super().__init__(
            f"This address speaks tus {VERSION}.", hint=f"Send the header Tus-Resumable: {VERSION}."
        )
        self.headers = {"Tus-Version": VERSION}


class _TusRoute(APIRoute):
    """Checks the version before anything is read, and puts it into every answer, errors included."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler with ours around it."""
        answer = super().get_route_handler()

        async def with_version(request: Request) -> Response:
            try:
                if request.method != "OPTIONS" and request.headers.get("tus-resumable") != VERSION:
                    raise TusVersionError
                response = await answer(request)
            except RoomsplatError as error:
                said: dict[str, str] = getattr(error, "headers", {})
                error.headers = {**said, "Tus-Resumable": VERSION}  # pyright: ignore[reportAttributeAccessIssue] - problems.py reads it where it is
                raise
            response.headers["Tus-Resumable"] = VERSION
            return response

        return with_version


def uploads_router(
    uploads: Uploads,
    accept: Accept,
    settle: Callable[[str], object],
    *,
    seats: CapacityLimiter,
    idle_seconds: float,
) -> APIRouter:
    """The routes.

    Args:
        uploads: where they are kept.
        accept: makes a job of a whole upload.
        settle: raises InvalidSettingError for settings that are wrong: before a long upload, not after it.
        seats: how many may look at films or settings at once; others wait without a thread.
        idle_seconds: a request that sends nothing for so long is ended; what came before is kept.
    """
    router = APIRouter(prefix=PATH, route_class=_TusRoute, tags=["uploads"])
    desk = _Desk(uploads, accept, settle, seats, idle_seconds)
    router.add_api_route("", desk.describe, methods=["OPTIONS"], status_code=204)
    router.add_api_route("", desk.create, methods=["POST"], status_code=201)
    one = "/{upload_id}"
    router.add_api_route(one, desk.offset, methods=["HEAD"])
    router.add_api_route(one, desk.append, methods=["PATCH"], status_code=204)
    router.add_api_route(one, desk.remove, methods=["DELETE"], status_code=204)
    router.add_api_route(one, desk.override, methods=["POST"], status_code=204, include_in_schema=False)
    return router


class _Desk:
    """Answers. Files are touched in threads, so that nobody else waits for a disk."""

    def __init__(
        self,
        uploads: Uploads,
        accept: Accept,
        settle: Callable[[str], object],
        seats: CapacityLimiter,
        idle_seconds: float,
    ) -> None:
        self._uploads, self._accept, self._settle = uploads, accept, settle
        self._seats, self._idle_seconds = seats, idle_seconds

    def describe(self) -> Response:
        """What this server can do."""
        said = {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(self._uploads.max_bytes),
        }
        return Response(status_code=204, headers=said)

    async def create(self, request: Request, user: CurrentUser) -> Response:
        """Begin an upload of ``Upload-Length`` bytes; ``Upload-Metadata`` names the film and its settings."""
        length, metadata = _length(request), request.headers.get("upload-metadata", "")
        known = _metadata(metadata)
        config = known.get("config")
        if config is not None:
            await to_thread.run_sync(self._settle, config, limiter=self._seats)
        begin = partial(self._uploads.create, user.id, length=length, name=known.get("filename", ""))
        upload = await to_thread.run_sync(partial(begin, config=config, metadata=metadata))
        place = f"{request.scope.get('root_path', '')}{PATH}/{upload.id}"
        return Response(status_code=201, headers={"Location": place, **_about(upload)})

    async def offset(self, upload_id: str, user: CurrentUser) -> Response:
        """How much of the upload is here."""
        upload = await self._look(upload_id, user.id)
        headers = {"Upload-Length": str(upload.length), "Cache-Control": "no-store", **_about(upload)}
        if upload.metadata:
            headers["Upload-Metadata"] = upload.metadata
        return Response(status_code=200, headers=headers)

    async def append(self, upload_id: str, request: Request, user: CurrentUser) -> Response:
        """Add the body at ``Upload-Offset``; what came before it broke off stays."""
        upload = await self._append(request, upload_id, user.id)
        return Response(status_code=204, headers=_about(upload))

    def remove(self, upload_id: str, user: CurrentUser) -> Response:
        """Give the upload up."""
        self._uploads.delete(upload_id, user.id)
        return Response(status_code=204)

    async def override(self, upload_id: str, request: Request, user: CurrentUser) -> Response:
        """``X-HTTP-Method-Override``, for clients that can send nothing but POST."""
        match request.headers.get("x-http-method-override", "").upper():
            case "PATCH":
                return await self.append(upload_id, request, user)
            case "DELETE":
                return await to_thread.run_sync(self.remove, upload_id, user)
            case "HEAD":
                return await self.offset(upload_id, user)
            case _:
                raise HTTPException(405, headers={"Allow": "HEAD, PATCH, DELETE"})

    async def _look(self, upload_id: str, owner_id: str) -> Upload:
        """How far it is. One that is whole and has no job yet (the service was stopped then) gets it now."""
        upload = await to_thread.run_sync(self._uploads.get, upload_id, owner_id)
        if upload.job_id is None and upload.offset == upload.length:
            async with self._writer(upload_id, owner_id, upload.offset) as writer:
                await to_thread.run_sync(writer.finish, self._accept, limiter=self._seats)
            upload = await to_thread.run_sync(self._uploads.get, upload_id, owner_id)
        return upload

    async def _append(self, request: Request, upload_id: str, owner_id: str) -> Upload:
        if request.headers.get("content-type") != "application/offset+octet-stream":
            raise UnsupportedMediaTypeError(
                "The body of a PATCH must be of the kind application/offset+octet-stream.",
                hint="Set the header Content-Type.",
            )
        start = _number(request, "Upload-Offset")
        found = await to_thread.run_sync(self._uploads.get, upload_id, owner_id)
        if found.job_id is not None and start == found.length:
            return found  # said again by a client that did not hear the answer
        async with self._writer(upload_id, owner_id, start) as writer:
            announced = request.headers.get("content-length", "")
            if announced.isdecimal() and start + int(announced) > found.length:
                raise InvalidUploadError(
                    f"The request would bring the upload beyond the {found.length} bytes that were announced.",
                    hint="Begin a new upload with the right Upload-Length.",
                )
            with contextlib.suppress(ClientDisconnect):
                await self._receive(request, writer)
            if writer.whole:
                await to_thread.run_sync(writer.finish, self._accept, limiter=self._seats)
        return await to_thread.run_sync(self._uploads.get, upload_id, owner_id)

    async def _receive(self, request: Request, writer: Writer) -> None:
        stream, batch = request.stream().__aiter__(), bytearray()
        try:
            while True:
                async with asyncio.timeout(self._idle_seconds):
                    piece = await anext(stream, b"")
                batch += piece
                if not piece or len(batch) >= _BATCH_BYTES:
                    full, batch = bytes(batch), bytearray()
                    await to_thread.run_sync(writer.write, full)
                if not piece:
                    return
        except TimeoutError as error:
            raise UploadTimeoutError(
                f"Nothing of the upload came for {self._idle_seconds:.0f} seconds.",
                hint="Ask for the offset with HEAD and go on from there.",
            ) from error
        finally:
            if batch:  # the connection broke: what came is kept
                await to_thread.run_sync(writer.write, bytes(batch))

    @contextlib.asynccontextmanager
    async def _writer(self, upload_id: str, owner_id: str, start: int) -> AsyncGenerator[Writer]:
        with contextlib.ExitStack() as stack:
            enter = self._uploads.writer(upload_id, owner_id, start)
            try:
                writer = await to_thread.run_sync(stack.enter_context, enter)
                yield writer
            finally:
                with CancelScope(shield=True):
                    await to_thread.run_sync(stack.close)


def _about(upload: Upload) -> dict[str, str]:
    headers = {
        "Upload-Offset": str(upload.offset),
        "Upload-Expires": formatdate(upload.expires_at, usegmt=True),
    }
    return headers | ({JOB_HEADER: upload.job_id} if upload.job_id else {})


def _length(request: Request) -> int:
    for header in ("Upload-Defer-Length", "Upload-Concat"):
        if header in request.headers:
            raise InvalidUploadError(
                f"The header {header} is not supported here.", hint="Send the file's size as Upload-Length."
            )
    length = _number(request, "Upload-Length")
    if length == 0:
        raise InvalidUploadError("The file is empty.", hint="Upload a film.")
    return length


def _number(request: Request, header: str) -> int:
    said = request.headers.get(header, "")
    if not (said.isascii() and said.isdecimal() and len(said) <= _MAX_DIGITS):
        raise InvalidUploadError(
            f"The header {header} is {said[:40]!r}." if said else f"The header {header} is missing.",
            hint="Give a whole number of bytes.",
        )
    return int(said)


def _metadata(header: str) -> dict[str, str]:
    """The pairs of ``Upload-Metadata``: ``key base64, key base64``; a key may stand alone."""
    known: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            text = base64.b64decode(value.strip(), validate=True).decode("utf-8")
        except (binascii.Error, ValueError) as error:
            raise InvalidUploadError(
                f"The value of {key[:40]!r} in Upload-Metadata is not Base64 of UTF-8 text.",
                hint="Send `filename` and, if you like, `config`, each with its value in Base64.",
            ) from error
        if key in known:
            raise InvalidUploadError(f"Upload-Metadata has {key[:40]!r} twice.", hint="Send each key once.")
        known[key] = text
    return known
