"""How people log in: with a key, or by an issuer that knows them; who is let in, and as whom."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

from sqlalchemy import CursorResult, delete, select
from starlette.datastructures import Headers
from starlette.responses import Response

from roomsplat.errors import InvalidSettingError, RoomsplatError
from roomsplat.server.auth import is_loopback
from roomsplat.server.cookies import Cookie
from roomsplat.server.database import Sessions, writing
from roomsplat.server.jobs_base import utc_now
from roomsplat.server.keys import DEFAULT_SCOPES, Scope
from roomsplat.server.limits import RequestLimiter
from roomsplat.server.models import PendingLogin
from roomsplat.server.oidc import Client, Issuer, LoginFailedError, Person, Secrets
from roomsplat.server.problems import InvalidRequestError
from roomsplat.server.records import UserRecord
from roomsplat.server.sessions import Browsers
from roomsplat.server.settings import ServerSettings
from roomsplat.server.users import Users

PENDING_SECONDS = 600.0
"""How long somebody may take at the issuer."""

_TOKEN_LENGTH = 43
_LONGEST_PATH = 2000


class LoginRefusedError(RoomsplatError):
    """The issuer knows this person; this service does not let them in."""

    code: ClassVar[str] = "login_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guests:
    """Who is let in of those whom the issuer knows."""

    emails: frozenset[str]
    domains: frozenset[str]
    admins: frozenset[str]

    def scopes_of(self, person: Person) -> frozenset[Scope]:
        """What this person may do.

        Raises:
            LoginRefusedError: not even come in.
        """
        email = (person.email or "").lower()
        known = email in self.emails | self.admins or email.rpartition("@")[2] in self.domains
        if (self.emails or self.domains) and not (email and known):
            raise LoginRefusedError(
                f"The account {email} may not use this service."
                if email
                else "This service needs an account with a verified e-mail address.",
                hint="Log in with another account, or ask whoever runs this service to let this one in.",
            )
        return frozenset(("admin", *DEFAULT_SCOPES) if email and email in self.admins else DEFAULT_SCOPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A login that came back from the issuer to the browser that began it."""

    secrets: Secrets
    next_path: str


class Logins:
    """Everything about logging in: the sessions of browsers, the limits, and the issuer if there is one."""

    def __init__(
        self, settings: ServerSettings, sessions: Sessions, clock: Callable[[], datetime] = utc_now
    ) -> None:
        """Args: ``sessions``: of an upgraded database.

        Raises:
            InvalidSettingError: the settings of the issuer are missing or wrong.
        """
        secure = (settings.public_url or "").lower().startswith("https://")
        self.browsers = Browsers(
            sessions,
            seconds=settings.session_seconds,
            longest_seconds=settings.session_longest_seconds,
            with_issuer=settings.auth == "oidc",
            secure=secure,
            clock=clock,
        )
        self.mistakes = RequestLimiter(settings.failed_logins_per_minute)
        self.starts = RequestLimiter(settings.logins_per_minute)  # each is a row until it ends
        self.issuer = Issuer(_client(settings)) if settings.auth == "oidc" else None
        self._guests = Guests(
            emails=_lower(settings.oidc_allowed_emails),
            domains=_lower(settings.oidc_allowed_domains),
            admins=_lower(settings.oidc_admins),
        )
        self._cookie = Cookie("roomsplat_login", secure=secure)
        self._sessions, self._clock = sessions, clock

    def begin(self, response: Response, headers: Headers, next_path: str, state: str) -> Secrets:
        """Keep what is needed when the browser comes back with ``state``; a cookie tells that it is the same one."""
        browser = self._cookie.read(headers)
        if len(browser) != _TOKEN_LENGTH:  # a second tab goes on with the cookie of the first
            browser = secrets.token_urlsafe(32)
        made = Secrets(nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48))
        now = self._clock()
        row = PendingLogin(
            state_digest=_digest(state),
            browser_digest=_digest(browser),
            nonce=made.nonce,
            verifier=made.verifier,
            next_path=next_path,
            expires_at=now + timedelta(seconds=PENDING_SECONDS),
        )
        with writing(self._sessions) as session:
            session.execute(delete(PendingLogin).where(PendingLogin.expires_at <= now))
            session.add(row)
        self._cookie.put(response, browser, PENDING_SECONDS)
        return made

    def come_back(self, headers: Headers, state: str) -> Pending:
        """The login that was begun with ``state``; it is there once.

        Raises:
            LoginFailedError: there is none, it is too old, or another browser began it.
        """
        browser = _digest(self._cookie.read(headers))
        mine = (PendingLogin.state_digest == _digest(state)) & (PendingLogin.browser_digest == browser)
        with writing(self._sessions) as session:
            row = session.scalar(select(PendingLogin).where(mine, PendingLogin.expires_at > self._clock()))
            gone = cast("CursorResult[Any]", session.execute(delete(PendingLogin).where(mine))).rowcount
            if row is None or gone != 1:
                raise LoginFailedError("This login was not begun in this browser, or has ended already.")
            made = Secrets(nonce=row.nonce, verifier=row.verifier)
            return Pending(secrets=made, next_path=row.next_path)

    def let_in(self, response: Response, headers: Headers, person: Person) -> UserRecord:
        """Log the browser in as this person.

        Raises:
            LoginRefusedError: this service does not let them in.
        """
        scopes = self._guests.scopes_of(person)
        user = Users(self._sessions).of_identity(
            person.issuer,
            person.subject,
            name=person.name,
            email=person.email,
            is_admin="admin" in scopes,
        )
        self._cookie.clear(response)
        return self.browsers.start(response, headers, user.id, scopes, None).user


def local_path(path: str) -> str:
    """``path``, if it leads to a page of this service.

    Raises:
        InvalidRequestError: a browser might take it for the address of another site.
    """
    plain = path.isascii() and path.isprintable() and not set(path) & set('\\ "<>`')
    if len(path) > _LONGEST_PATH or not plain or not path.startswith("/") or path.startswith("//"):
        raise InvalidRequestError(
            "The page to go to after the login is not one of this service.",
            hint="Give next as a path that begins with one slash, such as /?job=….",
        )
    return path


def address_of(host: str | None) -> str:
    """What is counted as one place that logins come from: an address, or a network of version 6."""
    try:
        found = ip_address(host or "")
    except ValueError:
        return host or "unknown"
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(IPv6Address(int(found) >> 64 << 64))  # one customer has at least so many
    return str(found)


def _client(settings: ServerSettings) -> Client:
    """Who we are at the issuer.

    Raises:
        InvalidSettingError: a setting is missing, or the issuer is not reached by https.
    """
    issuer, client_id = settings.oidc_issuer, settings.oidc_client_id
    for name, value in (("ROOMSPLAT_OIDC_ISSUER", issuer), ("ROOMSPLAT_OIDC_CLIENT_ID", client_id)):
        if not value:
            raise InvalidSettingError(
                f"With --auth oidc the setting {name} is needed.",
                hint="Register this service at the issuer; docs/http-api.md says how, and which settings follow.",
            )
    assert issuer is not None
    assert client_id is not None
    try:
        parts = urlsplit(issuer)
        safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    except ValueError:
        safe = False
    if not safe:
        raise InvalidSettingError(
            f"The issuer {issuer!r} is not an address that begins with https://.",
            hint="Correct ROOMSPLAT_OIDC_ISSUER.",
        )
    if "openid" not in settings.oidc_scopes.split():
        raise InvalidSettingError(
            "Without the scope openid the issuer does not say who users are.",
            hint="Correct ROOMSPLAT_OIDC_SCOPES.",
        )
    secret = settings.oidc_client_secret
    return Client(
        issuer=issuer,
        client_id=client_id,
        secret=None if secret is None else secret.get_secret_value(),
        scopes=settings.oidc_scopes,
    )


def _lower(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.strip().lower().removeprefix("@") for word in words if word.strip())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
