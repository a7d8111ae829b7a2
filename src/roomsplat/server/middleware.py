"""What holds for every request, before any route: who may send it here, how long its body may be, how it is counted.

Plain ASGI: nothing here buffers a body, so uploads and event streams pass through as they come.
"""

import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from roomsplat.server.metrics import HttpMetrics
from roomsplat.server.problems import ForeignOriginError, problem_of

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

BODY_BYTES = 1024 * 1024
"""A body may not be longer, where it is not a video."""

VIDEO_PATHS = ("/api/jobs/upload", "/api/uploads")
"""Where bodies are videos: they go to disk piece by piece and have their own limit."""


class OriginGuard:
    """Keeps pages of other sites from using the service through a user's browser.

    A browser names the page's site in ``Origin``; a request that changes something is answered only for our own site
    and those that CORS allows. Without keys the name in ``Host`` must be one of this computer as well: a foreign name
    that was made to point here (DNS rebinding) would make a foreign page look like ours.
    """

    def __init__(self, app: ASGIApp, *, origins: Sequence[str], loopback_only: bool) -> None:
        """Args: ``origins``: other sites that may ask. ``loopback_only``: refuse names that are not this computer's."""
        self._app, self._origins, self._loopback_only = app, frozenset(origins), loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == "http" and (refusal := self._refusal(scope["method"], Headers(scope=scope))):
            await problem_of(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, method: str, headers: Headers) -> ForeignOriginError | None:
        host = headers.get("host", "")
        if self._loopback_only and _host_name(host) not in LOOPBACK_NAMES:
            return ForeignOriginError(
                "Without keys this service answers only to localhost and 127.0.0.1.",
                hint="Open http://127.0.0.1 with its port, or start the service with --auth keys.",
            )
        origin = headers.get("origin")
        if method in SAFE_METHODS or origin is None or origin in self._origins or _netloc(origin) == host:
            return None
        return ForeignOriginError(
            "A page of another site may not change anything here.",
            hint="If the page is yours, add its address to ROOMSPLAT_CORS_ORIGINS.",
        )


class BodyLimit:
    """Stops reading bodies that are longer than anything but a video needs to be."""

    def __init__(self, app: ASGIApp) -> None:
        """Args: ``app``: what comes next."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, counting."""
        if scope["type"] != "http" or scope["path"].startswith(VIDEO_PATHS):
            await self._app(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > BODY_BYTES:
                raise HTTPException(413, f"The body is longer than {BODY_BYTES // 1024} KiB.")
            return message

        await self._app(scope, counted, send)


class Counted:
    """Counts requests and the time until each answer begins, and adds the headers that every answer carries."""

    def __init__(self, app: ASGIApp, *, metrics: HttpMetrics) -> None:
        """Args: ``metrics``: where to count."""
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, watching how the answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
                route = getattr(scope.get("route"), "path", "none")
                seconds = time.perf_counter() - started
                self._metrics.count(scope["method"], route, message["status"], seconds)
            await send(message)

        await self._app(scope, receive, watched)


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
