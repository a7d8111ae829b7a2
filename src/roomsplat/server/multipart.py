"""Receives a multipart form straight to disk: no more of a video is in memory than one piece of it."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from anyio import to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from roomsplat.errors import InputTooLargeError
from roomsplat.server.problems import InvalidRequestError, UnsupportedMediaTypeError, UploadTimeoutError

FIELD_BYTES = 256 * 1024
"""A text field (the settings' JSON) may not be longer."""

FORM_BYTES = 1024 * 1024
"""What a form may hold beside its file: boundaries, headers and text fields."""

INCOMING = ".incoming-"
"""What the name of an unfinished file begins with."""

STALE_SECONDS = 3600.0
"""Nobody writes to a file that did not change for so long: uploads that are silent for a minute are ended."""

BATCH_BYTES = 1024 * 1024
"""Pieces are collected up to this before a thread writes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A form that arrived whole."""

    path: Path
    """Where the file lies; whoever takes it moves or deletes it."""
    file_name: str
    """What the client calls the file: for people to read, never a path."""
    fields: dict[str, str]
    """The text fields."""


class _Form:
    """Takes the parser's events; the file's bytes go to ``target`` as they come."""

    def __init__(self, target: IO[Any], max_bytes: int, text_fields: frozenset[str]) -> None:
        self._target, self._max_bytes, self._text_fields = target, max_bytes, text_fields
        self._header_name, self._header_value = bytearray(), bytearray()
        self._headers: dict[str, bytes] = {}
        self._text = bytearray()
        self._name = ""
        self.file_name: str | None = None
        self.file_bytes = 0
        self.fields: dict[str, str] = {}
        self.ended = False

    def parser(self, boundary: bytes) -> MultipartParser:
        """What reads a body with this boundary into this form."""
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self.on_part_begin,
                "on_part_data": self.on_part_data,
                "on_part_end": self.on_part_end,
                "on_header_field": self.on_header_field,
                "on_header_value": self.on_header_value,
                "on_header_end": self.on_header_end,
                "on_headers_finished": self.on_headers_finished,
                "on_end": self.on_end,
            },
        )

    def on_part_begin(self) -> None:
        self._headers, self._text, self._name = {}, bytearray(), ""

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._header_name.decode("latin-1").lower()] = bytes(self._header_value)
        self._header_name, self._header_value = bytearray(), bytearray()

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name == "file":
            if self.file_name is not None:
                raise InvalidRequestError("The form holds two files.", hint="Send one video for each job.")
            self.file_name = options.get(b"filename", b"").decode("utf-8", "replace")
        elif self._name not in self._text_fields:
            raise InvalidRequestError(
                f"The form has a field {self._name[:40]!r} that is not known here.",
                hint=f"Known here: file, {', '.join(sorted(self._text_fields))}. Settings go into config: "
                """-F 'config={"quality": "preview"}'.""",
            )

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name != "file":
            self._text += data[start:end]
            if len(self._text) > FIELD_BYTES:
                raise InputTooLargeError(
                    f"The field {self._name} is longer than {FIELD_BYTES // 1024} KiB.",
                    hint="Send less in it.",
                )
            return
        self.file_bytes += end - start
        refuse_large(self.file_bytes, self._max_bytes)
        self._target.write(memoryview(data)[start:end])

    def on_part_end(self) -> None:
        if self._name == "file":
            return
        try:
            self.fields[self._name] = self._text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidRequestError(
                f"The field {self._name} is not UTF-8 text.", hint="Send it as UTF-8."
            ) from error

    def on_end(self) -> None:
        self.ended = True


def sweep(folder: Path) -> None:
    """Remove what a process that was killed left of forms it was receiving; call once, at the start."""
    for path in folder.glob(f"{INCOMING}*"):
        with contextlib.suppress(FileNotFoundError):  # another process was quicker
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink()


def refuse_large(size: int, max_bytes: int) -> None:
    """Refuse a file above the limit.

    Raises:
        InputTooLargeError: it is.
    """
    if size > max_bytes:
        raise InputTooLargeError(
            f"The video is larger than the {max_bytes / 1e6:,.0f} MB that this service takes.",
            hint="Film shorter or with a lower resolution: one minute in 1080p is enough for a room.",
        )


@contextlib.asynccontextmanager
async def receive_form(
    request: Request, folder: Path, *, max_bytes: int, idle_seconds: float, text_fields: frozenset[str]
) -> AsyncGenerator[Received]:
    """Receive the request's form; its file lies in ``folder`` for as long as the block runs, or until it is moved away.

    Raises:
        UnsupportedMediaTypeError: the body is no multipart form.
        InputTooLargeError: the file or a field is longer than its limit; the rest of the body is not read.
        InvalidRequestError: the form is damaged, incomplete or holds other fields.
        UploadTimeoutError: nothing came for ``idle_seconds``.
    """
    boundary = _boundary(request)
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal():
        refuse_large(int(declared) - FORM_BYTES, max_bytes)
    path = folder / f"{INCOMING}{secrets.token_urlsafe(16)}"
    try:
        with await to_thread.run_sync(path.open, "xb") as target:
            form = _Form(target, max_bytes, text_fields)
            await _fill(request, form.parser(boundary), form, idle_seconds)
        if not form.ended or form.file_name is None:
            raise InvalidRequestError(
                "The form has no field `file`." if form.ended else "The form ends before its last boundary.",
                hint="Send the video as curl does: -F file=@room.mp4.",
            )
        yield Received(path=path, file_name=form.file_name, fields=form.fields)
    finally:
        path.unlink(missing_ok=True)


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 70:
        raise UnsupportedMediaTypeError(
            "The body is not a form of the kind multipart/form-data with a boundary.",
            hint="Send the video as curl does: -F file=@room.mp4.",
        )
    return boundary


async def _fill(request: Request, parser: MultipartParser, form: _Form, idle_seconds: float) -> None:
    """Feed the body to the parser, a batch at a time, in a thread: a slow disk does not hold up other requests."""
    stream = request.stream().__aiter__()
    batch, overhead = bytearray(), 0
    while True:
        try:
            async with asyncio.timeout(idle_seconds):
                piece = await anext(stream, b"")
        except TimeoutError as error:
            raise UploadTimeoutError(
                f"Nothing of the upload came for {idle_seconds:.0f} seconds.",
                hint="Try again; for slow lines use the resumable upload under /api/uploads.",
            ) from error
        batch += piece
        if batch and (not piece or len(batch) >= BATCH_BYTES):
            overhead += len(batch)
            await to_thread.run_sync(_write, parser, bytes(batch))
            batch.clear()
            if overhead - form.file_bytes > FORM_BYTES + BATCH_BYTES:
                raise InputTooLargeError(
                    "The form holds too much beside its file.", hint="Send less beside it."
                )
        if not piece:
            return


def _write(parser: MultipartParser, data: bytes) -> None:
    try:
        parser.write(data)
    except FormParserError as error:
        raise InvalidRequestError(
            f"The form is damaged: {error}.", hint="Send the video as curl does: -F file=@room.mp4."
        ) from error
