"""Who asks? Without keys the one user of this computer; otherwise whoever a key or a logged-in browser belongs to."""

import hmac
import ipaddress
import socket
from typing import Annotated, ClassVar, Literal, Protocol, cast

from fastapi import Depends, Request
from starlette.datastructures import Headers

from roomsplat.errors import InvalidSettingError, RoomsplatError
from roomsplat.server.database import Sessions
from roomsplat.server.keys import SCOPES, Caller, Scope, check_key
from roomsplat.server.problems import ForbiddenError
from roomsplat.server.records import UserRecord
from roomsplat.server.sessions import Browsers
from roomsplat.server.users import LOCAL_USER, Users

AuthMode = Literal["none", "keys", "oidc"]

CSRF_HEADER = "X-CSRF-Token"

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class UnauthorizedError(RoomsplatError):
    """No key, or none that is known here."""

    code: ClassVar[str] = "unauthorized"


class CsrfError(RoomsplatError):
    """A browser that is logged in sent a change without the token that only our page knows."""

    code: ClassVar[str] = "csrf_failed"


class Authenticator(Protocol):
    """Tells who asks."""

    def caller(self, headers: Headers) -> Caller:
        """Who sent these headers.

        Raises:
            UnauthorizedError: nobody that is known here.
        """
        ...


class LocalAuthenticator:
    """Whoever reaches the service is its one user: only for a service that nobody else can reach (``check_bind``)."""

    def __init__(self, sessions: Sessions) -> None:
        """Args: ``sessions``: of an upgraded database."""
        user = Users(sessions).ensure(LOCAL_USER, is_admin=True)
        self._caller = Caller(user=user, scopes=frozenset(SCOPES))

    def caller(self, headers: Headers) -> Caller:
        """See ``Authenticator``."""
        del headers
        return self._caller


class KeyAuthenticator:
    """Reads ``Authorization: Bearer rsk_…`` or ``X-API-Key: rsk_…``, and the cookie of a browser that is logged in."""

    def __init__(self, sessions: Sessions, browsers: Browsers | None = None) -> None:
        """Args: ``sessions``: of an upgraded database. ``browsers``: those that are logged in; without, keys only."""
        self._sessions, self._browsers = sessions, browsers

    def caller(self, headers: Headers) -> Caller:
        """See ``Authenticator``. A key that was sent counts, good or not; the cookie only where none was.

        An unknown key, a revoked one and one of the wrong form look alike from outside.
        """
        secret = _key_in(headers)
        if secret:
            caller = check_key(self._sessions, secret)
        else:
            caller = None if self._browsers is None else self._browsers.find(headers)
        if caller is None:
            raise (
                unknown_key()
                if secret
                else UnauthorizedError(
                    "This service needs a key or a login.",
                    hint="Send a key as `Authorization: Bearer rsk_…`; `roomsplat keys create` makes one.",
                )
            )
        return caller


def unknown_key() -> UnauthorizedError:
    """The one answer to every key that opens nothing."""
    return UnauthorizedError(
        "This key is not known here, or was revoked.",
        hint="Send a key as `Authorization: Bearer rsk_…`; `roomsplat keys create` makes one.",
    )


def authenticator_of(mode: AuthMode, sessions: Sessions, browsers: Browsers | None = None) -> Authenticator:
    """The one for this way to run the service; the app keeps it as ``app.state.authenticator``."""
    return LocalAuthenticator(sessions) if mode == "none" else KeyAuthenticator(sessions, browsers)


def check_bind(mode: AuthMode, host: str) -> None:
    """Refuse to serve other computers without keys.

    Raises:
        InvalidSettingError: ``host`` can be reached from elsewhere, and no keys are asked for.
    """
    if mode == "none" and not is_loopback(host):
        raise InvalidSettingError(
            f"Without keys the service may listen on this computer only, not on {host}.",
            hint="Add --auth keys (then `roomsplat keys create NAME`), or use --host 127.0.0.1.",
        )


def is_loopback(host: str) -> bool:
    """Whether every address of this name or number is this computer's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(ipaddress.ip_address(str(address[4][0])).is_loopback for address in found)


def current_caller(request: Request) -> Caller:
    """Who asks and what they may do, as a dependency of routes: reading needs a key that may read, all else write.

    Raises:
        UnauthorizedError: nobody that is known here.
        ForbiddenError: the key may not do this.
        CsrfError: a logged-in browser sent a change that may be another site's.
    """
    return _allowed(request, "read" if request.method in _READING else "write")


def current_user(caller: Annotated[Caller, Depends(current_caller)]) -> UserRecord:
    """Who asks; see ``current_caller``."""
    return caller.user


def current_admin(request: Request) -> UserRecord:
    """Who asks, where only administrators may.

    Raises:
        UnauthorizedError: nobody that is known here.
        ForbiddenError: no administrator, or a key without that scope.
    """
    user = _allowed(request, "admin").user
    if not user.is_admin:
        raise ForbiddenError("This is for administrators.", hint="Ask whoever runs this service.")
    return user


def check_csrf(caller: Caller, headers: Headers) -> None:
    """Refuse a change that a browser sends by its cookie alone: any site can make it do so.

    Raises:
        CsrfError: the header is missing, wrong, or another session's.
    """
    sent = headers.get(CSRF_HEADER, "").encode()
    if caller.csrf is not None and not hmac.compare_digest(sent, caller.csrf.encode()):
        raise CsrfError(
            f"A change by a logged-in browser needs the header {CSRF_HEADER}.",
            hint=f"Send {CSRF_HEADER} with the word `csrf` of GET /api/session.",
        )


CurrentCaller = Annotated[Caller, Depends(current_caller)]
CurrentUser = Annotated[UserRecord, Depends(current_user)]
CurrentAdmin = Annotated[UserRecord, Depends(current_admin)]


def _allowed(request: Request, scope: Scope) -> Caller:
    authenticator = cast("Authenticator", request.app.state.authenticator)
    caller = authenticator.caller(request.headers)
    if request.method not in _READING:
        check_csrf(caller, request.headers)
    if scope not in caller.scopes:
        raise ForbiddenError(
            f"This key has no scope {scope!r}.",
            hint=f"Make one that has it: roomsplat keys create NAME --scopes {scope}.",
        )
    return caller


def _key_in(headers: Headers) -> str:
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and value.strip():
        return value.strip()
    return headers.get("x-api-key", "").strip()
