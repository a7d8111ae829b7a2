"""Who is logged in at this browser: asking, logging in with a key, logging out."""

from typing import Annotated, ClassVar, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from roomsplat.errors import RoomsplatError
from roomsplat.server.auth import Authenticator, UnauthorizedError, check_csrf, unknown_key
from roomsplat.server.keys import Caller, check_key
from roomsplat.server.logins import Logins, address_of
from roomsplat.server.problems import TooManyLoginsError
from roomsplat.server.schemas import Shape
from roomsplat.server.service import TheService, problems

router = APIRouter(prefix="/api/session", tags=["session"])

LOGIN_PATH = "/auth/login"
NO_STORE = {"Cache-Control": "no-store"}


class LoginNotNeededError(RoomsplatError):
    """Nobody logs in at a service of one user."""

    code: ClassVar[str] = "login_not_needed"


class Who(Shape):
    """A user, as the page greets them."""

    id: str
    name: str


class SessionView(Shape):
    """Who is logged in."""

    auth: Literal["none", "keys", "oidc"]
    """How this service asks who comes."""
    user: Who | None
    """Null if nobody is logged in."""
    csrf: str | None
    """To send as ``X-CSRF-Token`` with every change; null when no cookie says who asks."""
    login_url: str | None
    """Where to send the browser to log in; null when there is only the way with a key, or no need."""


class KeyLogin(Shape):
    """How to log in with a key."""

    key: str = Field(max_length=200)
    """``rsk_…``"""


def logins_of(request: Request) -> Logins:
    """The part that logs in."""
    logins = request.app.state.logins
    assert isinstance(logins, Logins)
    return logins


TheLogins = Annotated[Logins, Depends(logins_of)]


@router.get("")
def who(request: Request, response: Response, service: TheService, logins: TheLogins) -> SessionView:
    """Who is logged in; answered to anybody."""
    response.headers.update(NO_STORE)
    authenticator: Authenticator = request.app.state.authenticator
    try:
        caller = authenticator.caller(request.headers)
    except UnauthorizedError:
        caller = None
    if caller is not None and caller.csrf is not None:
        logins.browsers.keep(response, request.headers)
    return _view(service, caller)


@router.post("", status_code=201, responses=problems(400, 401, 403, 409, 413, 422, 429, 503))
def log_in(
    login: KeyLogin, request: Request, response: Response, service: TheService, logins: TheLogins
) -> SessionView:
    """Log this browser in with a key: a cookie that no script can read, until it is ended or the key revoked."""
    response.headers.update(NO_STORE)
    if service.settings.auth == "none":
        raise LoginNotNeededError(
            "This service has one user, who need not log in.", hint="Ask without a key or a cookie."
        )
    address = address_of(request.client and request.client.host)
    wait = logins.mistakes.wait(address)
    if wait:
        raise TooManyLoginsError(wait)
    caller = check_key(service.database.sessions, login.key.strip())
    if caller is None:
        raise unknown_key()
    logins.mistakes.give_back(address)
    started = logins.browsers.start(response, request.headers, caller.user.id, caller.scopes, caller.key_id)
    return _view(service, started)


@router.delete("", status_code=204, responses=problems(403, 503))
def log_out(request: Request, response: Response, logins: TheLogins) -> None:
    """Log this browser out; where nobody is logged in, nothing happens."""
    caller = logins.browsers.find(request.headers)
    if caller is not None:
        check_csrf(caller, request.headers)
        logins.browsers.end(request.headers)
    logins.browsers.forget(response)


def _view(service: TheService, caller: Caller | None) -> SessionView:
    auth = service.settings.auth
    return SessionView(
        auth=auth,
        user=caller and Who(id=caller.user.id, name=caller.user.name),
        csrf=caller and caller.csrf,
        login_url=LOGIN_PATH if auth == "oidc" else None,
    )
