"""A cookie of ours: no script reads it, no other site's form sends it, and over TLS it belongs to this host alone."""

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response


class Cookie:
    """One cookie by its name; with ``secure`` browsers send it over TLS only and take it from this very host only."""

    def __init__(self, name: str, *, secure: bool) -> None:
        """Args: ``secure``: users reach the service by https."""
        self.name = f"__Host-{name}" if secure else name
        self._secure = secure

    def read(self, headers: Headers) -> str:
        """What the request brought; empty when it brought none."""
        return cookie_parser(headers.get("cookie", "")).get(self.name, "")

    def put(self, response: Response, value: str, seconds: float) -> None:
        """Have the browser keep ``value`` for so long."""
        response.set_cookie(
            self.name,
            value,
            max_age=max(1, int(seconds)),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def clear(self, response: Response) -> None:
        """Have the browser forget it."""
        response.delete_cookie(self.name, path="/", secure=self._secure, httponly=True, samesite="lax")
