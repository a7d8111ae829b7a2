"""Answers with a file of the store: whole, a range of it, or not at all when the client has it already (RFC 9110)."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from roomsplat.server.files import FileChangedError, FileNotInStoreError, FileStore
from roomsplat.server.problems import UnsatisfiableRangeError

MEDIA_TYPES = {
    ".ply": "application/octet-stream",
    ".spz": "application/octet-stream",
    ".sog": "application/octet-stream",
    ".splat": "application/octet-stream",
    ".obj": "model/obj",
    ".mtl": "model/mtl",
    ".glb": "model/gltf-binary",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".mp4": "video/mp4",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".bin": "application/octet-stream",
    ".zip": "application/zip",
}
"""What each kind of output is to a browser; other kinds are bytes."""

SHOWN = frozenset({".png", ".jpg", ".svg", ".mp4", ".html", ".json", ".txt"})
"""What a browser shows itself; the rest is saved."""

SANDBOX = (
    "sandbox allow-scripts; default-src 'self' data: blob: 'unsafe-inline'; "
    "script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; worker-src blob: data:; connect-src blob: data:; "
    "frame-ancestors 'self'; form-action 'none'; base-uri 'none'"
)
"""A page made from a user's film must not act as ours: it has an origin of its own and asks nobody for anything. It may
run the viewer that a report carries."""

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def requested_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and behind-last byte of a ``Range``; ``None`` for the whole file (no range, or one we need not serve).

    Raises:
        UnsatisfiableRangeError: the range lies outside the file.
    """
    found = _RANGE.fullmatch((header or "").replace(" ", ""))
    if found is None:
        return None  # other units and several ranges at once may be answered with the whole file
    first, last = found[1], found[2]
    if not first and not last:
        return None
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= stop:
        raise UnsatisfiableRangeError(size)
    return start, stop


def is_fresh(if_none_match: str | None, etag: str) -> bool:
    """Whether the client already has this version."""
    if if_none_match is None:
        return False
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in known or etag in known


def download(
    files: FileStore, path: str, request_headers: Mapping[str, str], *, name: str, head: bool = False
) -> Response:
    """The file at ``path`` of the store under the name ``name``, as the request's headers ask for it.

    Raises:
        UnsatisfiableRangeError: the range lies outside the file.
        FileNotInStoreError: there is none.
    """
    try:
        while True:
            with suppress(FileChangedError):  # a live scene is replaced every few seconds: look again
                return _answer(files, path, request_headers, name=name, head=head)
    except FileNotInStoreError as error:
        raise FileNotInStoreError(name) from error  # where we keep it is nobody's business


def _answer(
    files: FileStore, path: str, request_headers: Mapping[str, str], *, name: str, head: bool
) -> Response:
    found = files.stat(path)
    etag = f'"{found.etag}"'
    suffix = PurePosixPath(name).suffix.lower()
    shown = "inline" if suffix in SHOWN else "attachment"
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",  # kept by the browser, asked about each time: 304 costs nothing
        "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(PurePosixPath(name).name)}",
        "Content-Security-Policy": SANDBOX,
    }
    if is_fresh(request_headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    unchanged = request_headers.get("if-range", etag) == etag
    part = requested_range(request_headers.get("range"), found.size) if unchanged else None
    start, stop = part or (0, found.size)
    headers["Content-Length"] = str(stop - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{found.size}"
    media_type = MEDIA_TYPES.get(suffix, "application/octet-stream")
    status = 206 if part else 200
    if head:
        return Response(status_code=status, headers=headers, media_type=media_type)
    body = files.open_range(path, start, stop, etag=found.etag)
    return StreamingResponse(body, status, headers, media_type)
