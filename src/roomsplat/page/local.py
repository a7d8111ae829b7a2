"""A server for one scene on this computer: the viewer, the scene and its cameras, and nothing else of the disk."""

import json
import mimetypes
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote, unquote, urlsplit

from roomsplat.page.site import HEADERS, Answer, Site

HOST = "127.0.0.1"
"""Nobody else may look."""

VIEWER = "viewer.html"

PIECE_BYTES = 1024 * 1024

_NAMES_OF_THIS_COMPUTER = frozenset({"localhost", HOST})
_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{0,19})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is looked at."""

    scene: Path
    """The splat."""
    cameras: Path | None = None
    """The folder with ``transforms.json`` and the pictures, if there is one."""
    mesh: Path | None = None
    """The mesh, if there is one."""

    @property
    def description(self) -> dict[str, str | None]:
        """``/view.json``: what the viewer asks for first."""
        return {
            "title": self.scene.name,
            "fileName": self.scene.name,
            "scene": f"/files/{quote(self.scene.name)}",
            "cameras": self.cameras and "/files/cameras/transforms.json",
            "mesh": self.mesh and f"/files/{quote(self.mesh.name)}",
        }

    def file(self, name: str) -> Path | None:
        """The file at ``/files/NAME``: the scene, the mesh or one below the folder of cameras."""
        for path in (self.scene, self.mesh):
            if path is not None and name == path.name:
                return path
        if self.cameras is None or not name.startswith("cameras/"):
            return None
        root = self.cameras.resolve()
        path = (root / name.removeprefix("cameras/")).resolve()
        return path if path.is_relative_to(root) and path.is_file() else None


class SceneServer(ThreadingHTTPServer):
    """Answers on this computer only, until ``shutdown``."""

    daemon_threads = True

    def __init__(self, shown: Shown, site: Site, *, port: int) -> None:
        """Bind. ``port`` 0 takes a free one.

        Raises:
            OSError: the port is taken.
        """
        self.shown, self.site = shown, site
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        """Where to look."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no error; whatever else goes wrong is ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        self._answer()

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Keep the terminal quiet."""

    def _answer(self) -> None:
        server = cast("SceneServer", self.server)
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = unquote(urlsplit(self.path).path)
        if not _is_ours(
            headers.get("host", "")
        ):  # a foreign name that was made to point here (DNS rebinding)
            self._send(Answer(status=403, headers={}, body=b"Open it as 127.0.0.1.\n"))
        elif path == "/view.json":
            body = json.dumps(server.shown.description).encode()
            self._send(Answer(status=200, headers={"Content-Type": "application/json"}, body=body))
        elif path.startswith("/files/"):
            self._send_file(server.shown.file(path.removeprefix("/files/")), headers)
        else:
            name = VIEWER if path == "/" else path.removeprefix("/")
            self._send(server.site.answer(name, headers) or _NOTHING)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {**HEADERS, "Cache-Control": "no-store", **answer.headers}.items():
            self.send_header(name, value)
        if answer.status != 304:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _send_file(self, path: Path | None, headers: Mapping[str, str]) -> None:
        try:
            source = path.open("rb") if path else None
        except OSError:
            source = None
        if source is None or path is None:
            self._send(_NOTHING)
            return
        with source:
            size = source.seek(0, 2)
            start, stop = _range(headers.get("range", ""), size)
            partial = (start, stop) != (0, size)
            self.send_response(206 if partial else 200)
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            said = {"Content-Type": kind, "Content-Length": str(stop - start), "Accept-Ranges": "bytes"}
            if partial:
                said["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
            for name, value in {**HEADERS, "Cache-Control": "no-store", **said}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self._copy(source, start, stop)

    def _copy(self, source: IO[bytes], start: int, stop: int) -> None:
        source.seek(start)
        left = stop - start
        while left > 0 and (piece := source.read(min(left, PIECE_BYTES))):
            self.wfile.write(piece)
            left -= len(piece)


_NOTHING = Answer(status=404, headers={"Content-Type": "text/plain"}, body=b"There is no such file here.\n")


def _is_ours(host: str) -> bool:
    return host.rpartition(":")[0] in _NAMES_OF_THIS_COMPUTER or host in _NAMES_OF_THIS_COMPUTER


def _range(header: str, size: int) -> tuple[int, int]:
    """First and behind-last byte; the whole file for a range that it need not, or cannot, serve."""
    found = _RANGE.fullmatch(header)
    if found is None:
        return 0, size
    start, stop = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
    return (start, stop) if start < stop else (0, size)
