"""The built page, answered over HTTP: by the service at ``/`` and by ``roomsplat view``. Knows no web framework."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

BUILT = Path(__file__).with_name("dist")
"""Where ``make web`` puts the page. It is no part of the source tree, but of every wheel."""

LIGHT_VIEWER = "light/viewer.js"
"""The viewer as one script without any other file, for reports. Not answered over HTTP."""

_DIRECTIVES = {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",  # Spark sorts and decodes in WebAssembly
    "style-src": "'self'",
    "img-src": "'self' blob: data:",
    "media-src": "'self' blob:",
    "font-src": "'self'",
    "connect-src": "'self' blob: data:",  # Spark carries its WebAssembly in a data: address
    "worker-src": "'self' blob:",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
POLICY = "; ".join(f"{name} {sources}" for name, sources in _DIRECTIVES.items())
"""What the page may do: only what comes from its own service, no script and no style inside HTML, in nobody's frame."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), xr-spatial-tracking=(self), fullscreen=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""What every file of the page is sent with."""

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
"""Only files of these kinds are answered."""

COMPRESSED = frozenset({".html", ".js", ".css", ".json", ".webmanifest", ".svg", ".wasm", ".txt"})
"""Kinds that are worth compressing."""

HASHED = "assets/"
"""Names in this folder carry a checksum of their content: a browser may keep them for ever."""

NOT_BUILT = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>roomsplat</title>
<meta name="viewport" content="width=device-width">
<h1>The page is not built</h1>
<p>This roomsplat was installed from its sources, and the page is built apart: run <code>make web</code> there
(it needs Node 20), then start this again.</p>
<p>The service itself works without it: <a href="/docs">/docs</a> describes it.</p>
</html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back to the browser."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One file, read once."""

    body: bytes
    compressible: bool
    etag: str
    media_type: str
    cache_control: str


class Site:
    """The files of a built page, held in memory: a build that replaces them meanwhile never mixes two pages."""

    def __init__(self, root: Path = BUILT) -> None:
        """Args: ``root``: the folder that the page was built into; it may be missing."""
        found = sorted(path for path in root.rglob("*") if path.is_file()) if root.is_dir() else []
        names = {path.relative_to(root).as_posix(): path for path in found}
        self._entries = {
            name: _read(name, path)
            for name, path in names.items()
            if path.suffix in MEDIA_TYPES and not _hidden(name)
        }
        self._gzipped: dict[str, bytes] = {}

    @property
    def built(self) -> bool:
        """Whether there is a page."""
        return "index.html" in self._entries

    @property
    def names(self) -> list[str]:
        """Every file, as its address without the first slash."""
        return list(self._entries)

    def answer(self, name: str, request_headers: Mapping[str, str]) -> Answer | None:
        """The file ``name`` as the request's headers ask for it, or nothing when the page has none of that name."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        zipped = entry.compressible and "gzip" in request_headers.get("accept-encoding", "")
        etag = f'"{entry.etag}{"-gz" if zipped else ""}"'
        headers = {**HEADERS, "ETag": etag, "Cache-Control": entry.cache_control, "Vary": "Accept-Encoding"}
        known = {
            tag.strip().removeprefix("W/") for tag in request_headers.get("if-none-match", "").split(",")
        }
        if etag in known:
            return Answer(status=304, headers=headers, body=b"")
        headers["Content-Type"] = entry.media_type
        if not zipped:
            return Answer(status=200, headers=headers, body=entry.body)
        headers["Content-Encoding"] = "gzip"
        if name not in self._gzipped:  # once each, when it is first asked for: starting stays instant
            self._gzipped[name] = gzip.compress(entry.body, mtime=0)
        return Answer(status=200, headers=headers, body=self._gzipped[name])

    @staticmethod
    def not_built() -> Answer:
        """A page that says what is missing."""
        headers = {**HEADERS, "Cache-Control": "no-store", "Content-Type": MEDIA_TYPES[".html"]}
        return Answer(status=404, headers=headers, body=NOT_BUILT)


def light_viewer(root: Path = BUILT) -> str | None:
    """The script that reports embed, or nothing when the page was not built."""
    path = root / LIGHT_VIEWER
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return name == LIGHT_VIEWER or any(part.startswith(".") for part in parts)


def _read(name: str, path: Path) -> _Entry:
    body = path.read_bytes()
    return _Entry(
        body=body,
        compressible=path.suffix in COMPRESSED and len(body) > 500,
        etag=hashlib.sha256(body).hexdigest()[:32],
        media_type=MEDIA_TYPES[path.suffix],
        cache_control="public, max-age=31536000, immutable" if name.startswith(HASHED) else "no-cache",
    )
