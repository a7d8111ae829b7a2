"""Browsers that are logged in: 256 random bits in a cookie, of which the database has the digest only.

The token against forged requests (CSRF) is made from the cookie's value: it belongs to one session, needs no place in
the database, and nobody who reads the database can make it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from starlette.datastructures import Headers
from starlette.responses import Response

from roomsplat.server.cookies import Cookie
from roomsplat.server.database import Sessions, reading, writing
from roomsplat.server.jobs_base import utc_now
from roomsplat.server.keys import Caller, Scope, known_scopes
from roomsplat.server.models import ApiKey, LoginSession, User
from roomsplat.server.records import UserRecord

RENEWED_EVERY = timedelta(hours=1)
"""A session that is used is prolonged, but the database is not written to more often than this."""

_TOKEN_LENGTH = 43


class Browsers:
    """The table of sessions, and their cookie."""

    def __init__(
        self,
        sessions: Sessions,
        *,
        seconds: float,
        longest_seconds: float,
        with_issuer: bool,
        secure: bool,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Args: ``seconds``: until an unused session ends. ``longest_seconds``: until a used one does.

        ``with_issuer``: sessions that an issuer's word began are good; otherwise only those begun with a key.
        ``secure``: users reach the service by https.
        """
        self._sessions = sessions
        self._idle, self._longest = timedelta(seconds=seconds), timedelta(seconds=longest_seconds)
        self._with_issuer = with_issuer
        self._clock = clock
        self._cookie = Cookie("roomsplat_session", secure=secure)

    @property
    def cookie_name(self) -> str:
        """For the description of the API."""
        return self._cookie.name

    def start(
        self,
        response: Response,
        headers: Headers,
        user_id: str,
        scopes: Collection[Scope],
        key_id: str | None,
    ) -> Caller:
        """Log the browser in: a new token in its cookie, whatever it brought; the session it had ends."""
        self.end(headers)
        now = self._clock()
        token = secrets.token_urlsafe(32)
        row = LoginSession(
            digest=_digest(token),
            user_id=user_id,
            key_id=key_id,
            scopes=" ".join(sorted(scopes)),
            created_at=now,
            renewed_at=now,
            expires_at=now + min(self._idle, self._longest),
        )
        with writing(self._sessions) as session:
            session.execute(delete(LoginSession).where(LoginSession.expires_at <= now))
            session.add(row)
        caller = self._find(token)
        assert caller is not None, "a session that was just begun"
        self._cookie.put(response, token, self._idle.total_seconds())
        return caller

    def find(self, headers: Headers) -> Caller | None:
        """Who is logged in at the browser that sent these; ``None`` if nobody, or not any more."""
        token = self._cookie.read(headers)
        return self._find(token) if len(token) == _TOKEN_LENGTH else None

    def keep(self, response: Response, headers: Headers) -> None:
        """Have the browser keep the cookie of a session that goes on as long as the session."""
        self._cookie.put(response, self._cookie.read(headers), self._idle.total_seconds())

    def end(self, headers: Headers) -> None:
        """End the session of the browser that sent these, if it has one."""
        token = self._cookie.read(headers)
        if len(token) == _TOKEN_LENGTH:
            with writing(self._sessions) as session:
                session.execute(delete(LoginSession).where(LoginSession.digest == _digest(token)))

    def forget(self, response: Response) -> None:
        """Have the browser forget its cookie."""
        self._cookie.clear(response)

    def _find(self, token: str) -> Caller | None:
        now = self._clock()
        query = (
            select(LoginSession, User, ApiKey)
            .join(User, User.id == LoginSession.user_id)
            .outerjoin(ApiKey, ApiKey.id == LoginSession.key_id)
            .where(LoginSession.digest == _digest(token), LoginSession.expires_at > now)
        )
        with reading(self._sessions) as session:
            found = session.execute(query).one_or_none()
            if found is None:
                return None
            # the outer join gives None where there is no key, which SQLAlchemy's types do not say
            row, user, key = found[0], found[1], found[2] if found[0].key_id is not None else None
            if not self._with_issuer if key is None else key.revoked_at is not None:
                return None
            scopes = known_scopes(row.scopes.split())
            caller = Caller(
                user=UserRecord(id=user.id, name=user.name, is_admin=user.is_admin and "admin" in scopes),
                scopes=scopes,
                key_id=row.key_id,
                csrf=csrf_token(token),
            )
            digest, renewed_at, ends_at = row.digest, row.renewed_at, row.created_at + self._longest
        if now - renewed_at > RENEWED_EVERY:
            with writing(self._sessions) as session:
                again = session.get(LoginSession, digest)
                if again is not None:
                    again.renewed_at, again.expires_at = now, min(now + self._idle, ends_at)
        return caller


def csrf_token(token: str) -> str:
    """What a page must send along with a change, made from the cookie that it cannot read."""
    return hmac.new(token.encode(), b"roomsplat csrf", hashlib.sha256).hexdigest()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
