"""Logging in by the issuer: where a browser is sent, and where it comes back. People see pages, programs problems."""

import hashlib
import html
import logging
import secrets
from base64 import b64encode
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute

from roomsplat.errors import RoomsplatError
from roomsplat.server.logins import Logins, address_of, local_path
from roomsplat.server.oidc import Issuer, LoginFailedError
from roomsplat.server.problems import NotFoundError, TooManyLoginsError, problem_of
from roomsplat.server.routes.session import LOGIN_PATH, NO_STORE, TheLogins
from roomsplat.server.service import TheService, problems

logger = logging.getLogger(__name__)

CALLBACK_PATH = "/auth/callback"

STYLE = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}"
POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; style-src 'sha256-"
    + b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'"
)

Word = Annotated[str | None, Query(max_length=4000)]


class LoginDeniedError(RoomsplatError):
    """The user said no at the issuer."""

    code: ClassVar[str] = "login_denied"


class _PageRoute(APIRoute):
    """Shows errors as a page to a browser, whose user came here by a link; programs get a problem as everywhere."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler with ours around it."""
        answer = super().get_route_handler()

        async def with_page(request: Request) -> Response:
            try:
                return await answer(request)
            except RoomsplatError as error:
                said = problem_of(error)
                if "text/html" not in request.headers.get("accept", ""):
                    raise
                headers = {**NO_STORE, "Content-Security-Policy": POLICY}
                return HTMLResponse(_page(error), said.status_code, headers)

        return with_page


router = APIRouter(prefix="/auth", tags=["session"], route_class=_PageRoute)

REDIRECT: dict[int | str, dict[str, Any]] = {
    303: {
        "description": "Where the browser goes next.",
        "headers": {"Location": {"schema": {"type": "string"}}},
    }
}


@router.get(
    "/login",
    status_code=303,
    response_class=Response,
    responses=REDIRECT | problems(404, 422, 429, 503),
)
def login(
    request: Request,
    service: TheService,
    logins: TheLogins,
    next_path: Annotated[str, Query(alias="next", max_length=4000)] = "/",
) -> Response:
    """Send the browser to the issuer of logins; afterwards it goes to ``next``, a path of this service."""
    issuer = _issuer(logins)
    wait = logins.starts.wait(address_of(request.client and request.client.host))
    if wait:
        raise TooManyLoginsError(wait)
    state = secrets.token_urlsafe(32)
    response = Response(status_code=303, headers=NO_STORE)
    made = logins.begin(response, request.headers, local_path(next_path), state)
    response.headers["Location"] = issuer.address(made, state, _callback(request, service))
    return response


@router.get(
    "/callback",
    status_code=303,
    response_class=Response,
    responses=REDIRECT | problems(400, 403, 404, 422, 503),
)
def callback(
    request: Request,
    service: TheService,
    logins: TheLogins,
    state: Word = None,
    code: Word = None,
    error: Word = None,
    iss: Word = None,
) -> Response:
    """Where the issuer sends the browser back to: it is logged in, if the issuer and the settings agree."""
    issuer = _issuer(logins)
    pending = logins.come_back(request.headers, state or "")
    if error == "access_denied":
        raise LoginDeniedError(
            "You were not logged in: it was refused or stopped there.", hint="Try again, or do not."
        )
    if error is not None or not code:
        raise LoginFailedError("The issuer could not log you in.")
    person = issuer.person(code, pending.secrets, _callback(request, service), iss)
    response = RedirectResponse(pending.next_path, 303, NO_STORE)
    user = logins.let_in(response, request.headers, person)
    logger.info("user %s logged in", user.id)
    return response


def _issuer(logins: Logins) -> Issuer:
    if logins.issuer is None:
        raise NotFoundError(
            "Nobody logs in here by an issuer.", hint="GET /api/session says how this service asks who comes."
        )
    return logins.issuer


def _callback(request: Request, service: TheService) -> str:
    """Our address as the issuer knows it."""
    return (service.settings.public_url or str(request.base_url)).rstrip("/") + CALLBACK_PATH


def _page(error: RoomsplatError) -> str:
    """What went wrong, for a person."""
    said, hint = html.escape(error.message), html.escape(error.hint)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Not logged in</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<h1>Not logged in</h1><p>{said}</p><p>{hint}</p>"
        f'<p><a href="{LOGIN_PATH}">Try again</a> or <a href="/">go back</a>.</p></html>'
    )
