"""Who asks? Without keys the one user of this computer; with keys whoever a key belongs to."""

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
from roomsplat.server.users import Users

AuthMode = Literal["none", "keys"]

LOCAL_USER = "local"
"""The name of the one user of a service without keys."""

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class UnauthorizedError(RoomsplatError):
    """No key, or none that is known here."""

    code: ClassVar[str] = "unauthorized"


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
    """Reads ``Authorization: Bearer rsk_…`` or ``X-API-Key: rsk_…``."""

    def __init__(self, sessions: Sessions) -> None:
        """Args: ``sessions``: of an upgraded database."""
        self._sessions = sessions

    def caller(self, headers: Headers) -> Caller:
        """See ``Authenticator``. An unknown key, a revoked one and one of the wrong form look alike from outside."""
        secret = _key_in(headers)
        caller = check_key(self._sessions, secret) if secret else None
        if caller is None:
            raise UnauthorizedError(
                "This key is not known here, or was revoked." if secret else "This service needs a key.",
                hint="Send a key as `Authorization: Bearer rsk_…`; `roomsplat keys create` makes one.",
            )
        return caller


def authenticator_of(mode: AuthMode, sessions: Sessions) -> Authenticator:
    """The one for this way to run the service; the app keeps it as ``app.state.authenticator``."""
    return LocalAuthenticator(sessions) if mode == "none" else KeyAuthenticator(sessions)


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


def current_user(request: Request) -> UserRecord:
    """Who asks, as a dependency of routes: reading needs a key that may read, everything else one that may write.

    Raises:
        UnauthorizedError: nobody that is known here.
        ForbiddenError: the key may not do this.
    """
    return _allowed(request, "read" if request.method in _READING else "write").user


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


CurrentUser = Annotated[UserRecord, Depends(current_user)]
CurrentAdmin = Annotated[UserRecord, Depends(current_admin)]


def _allowed(request: Request, scope: Scope) -> Caller:
    authenticator = cast("Authenticator", request.app.state.authenticator)
    caller = authenticator.caller(request.headers)
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
