"""Keys of the API: made, listed, revoked and checked. Only a key's digest is kept, so a lost key is made anew.

A key is 256 random bits, which nobody guesses; so SHA-256 is enough, and the slow digests that passwords need are not.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal, get_args

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from roomsplat.errors import InvalidSettingError, RoomsplatError
from roomsplat.server.database import Sessions, reading, writing
from roomsplat.server.jobs_base import clean_text, lock_user, new_id, utc_now
from roomsplat.server.models import ApiKey, LoginSession, User
from roomsplat.server.problems import ForbiddenError
from roomsplat.server.records import UserRecord
from roomsplat.server.users import Users

Scope = Literal["read", "write", "admin"]

SCOPES: tuple[Scope, ...] = get_args(Scope)
DEFAULT_SCOPES: tuple[Scope, ...] = ("read", "write")

_MARK = "rsk_"
_PREFIX_LENGTH = len(_MARK) + 8
_MAX_KEY_LENGTH = 100
_USE_NOTED_EVERY = timedelta(minutes=10)


class KeyNotFoundError(RoomsplatError):
    """There is no such key."""

    code: ClassVar[str] = "key_not_found"


class TooManyKeysError(RoomsplatError):
    """A user has as many keys as one may have."""

    code: ClassVar[str] = "too_many_keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A key as people see it: everything but the key."""

    id: str
    user_name: str
    name: str
    """What it is for."""
    prefix: str
    """Its first letters."""
    scopes: frozenset[Scope]
    created_at: datetime
    last_used_at: datetime | None
    """Within ten minutes."""
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and what the key allows."""

    user: UserRecord
    scopes: frozenset[Scope]
    key_id: str | None = None
    """The key that was sent, or with which the browser was logged in."""
    csrf: str | None = None
    """What a browser must send along with a change (``X-CSRF-Token``); ``None`` when a key was sent."""


def create_key(
    sessions: Sessions, user_name: str, *, name: str = "", scopes: Collection[str] = DEFAULT_SCOPES
) -> tuple[KeyRecord, str]:
    """A new key for the user of this name, who is made if there is none; and the key itself, this once.

    The scope ``admin`` makes the user an administrator.

    Raises:
        InvalidSettingError: no name, or an unknown scope.
    """
    if not clean_text(user_name).strip():
        raise InvalidSettingError("A key needs the name of its user.", hint="roomsplat keys create NAME")
    granted = known_scopes(scopes)
    user = Users(sessions).ensure(user_name, is_admin="admin" in granted)
    row, secret = _new(user.id, name, granted)
    with writing(sessions) as session:
        session.add(row)
        if "admin" in granted:
            session.get_one(User, user.id).is_admin = True
        return _record(row, user.name), secret


def create_own_key(
    sessions: Sessions, caller: Caller, *, name: str, scopes: Collection[str] | None, limit: int
) -> tuple[KeyRecord, str]:
    """A new key for who asks; ``scopes`` left out are those of the caller without ``admin``.

    Raises:
        ForbiddenError: it would be allowed more than the caller.
        TooManyKeysError: the caller has ``limit`` keys already.
    """
    granted = known_scopes(caller.scopes & set(DEFAULT_SCOPES) if scopes is None else scopes)
    if not granted <= caller.scopes:
        raise ForbiddenError(
            f"Who has not the scope {min(granted - caller.scopes)!r} cannot make a key that has it.",
            hint=f"Leave scopes out, or ask for some of {', '.join(sorted(caller.scopes))}.",
        )
    row, secret = _new(caller.user.id, name, granted)
    with writing(sessions) as session:
        user = lock_user(session, caller.user.id)
        mine = select(func.count()).where(ApiKey.user_id == user.id, ApiKey.revoked_at.is_(None))
        if (session.scalar(mine) or 0) >= limit:
            raise TooManyKeysError(
                f"You have {limit} keys already.",
                hint="Delete one that you no longer use, then make a new one.",
            )
        session.add(row)
        return _record(row, user.name), secret


def list_keys(sessions: Sessions, user_id: str | None = None) -> list[KeyRecord]:
    """Every key, or every one of this user, the oldest first; revoked ones, too."""
    query = select(ApiKey, User.name).join(User, User.id == ApiKey.user_id).order_by(ApiKey.created_at)
    if user_id is not None:
        query = query.where(ApiKey.user_id == user_id)
    with reading(sessions) as session:
        return [_record(row, user_name) for row, user_name in session.execute(query)]


def revoke_key(sessions: Sessions, key: str) -> KeyRecord:
    """Make a key useless from now on. ``key``: its id, its first letters, or the whole key.

    Raises:
        KeyNotFoundError: no key, or more than one, begins so.
    """
    wanted = (ApiKey.id == key) | (ApiKey.prefix == key[:_PREFIX_LENGTH])
    query = select(ApiKey, User.name).join(User, User.id == ApiKey.user_id).where(wanted)
    with writing(sessions) as session:
        found = session.execute(query).all()
        if len(found) != 1:
            raise KeyNotFoundError(
                f"{len(found) or 'No'} keys have this id or these first letters.",
                hint="roomsplat keys list shows the ids of all keys.",
            )
        row, user_name = found[0]
        _revoke(session, row)
        return _record(row, user_name)


def revoke_own_key(sessions: Sessions, prefix: str, user_id: str) -> None:
    """Make a key of this user useless from now on.

    Raises:
        KeyNotFoundError: the user has no key with these first letters that still opens anything.
    """
    mine = select(ApiKey).where(
        ApiKey.prefix == prefix, ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None)
    )
    with writing(sessions) as session:
        found = session.scalars(mine).all()
        if not found:
            raise KeyNotFoundError(
                "You have no key with these first letters.",
                hint="GET /api/keys shows the keys that you have.",
            )
        for row in found:
            _revoke(session, row)


def check_key(sessions: Sessions, secret: str) -> Caller | None:
    """Whose key this is; ``None`` when it is nobody's or was revoked."""
    if not secret.startswith(_MARK) or len(secret) > _MAX_KEY_LENGTH:
        return None
    digest, now = _digest(secret), utc_now()
    query = select(ApiKey, User).join(User, User.id == ApiKey.user_id).where(ApiKey.digest == digest)
    with reading(sessions) as session:
        found = session.execute(query).one_or_none()
        if found is None:
            return None
        key, user = found
        # The index found it by its digest; this comparison takes the same time however much of it is right.
        if not hmac.compare_digest(key.digest, digest) or key.revoked_at is not None:
            return None
        caller = Caller(
            user=UserRecord(
                id=user.id, name=user.name, is_admin=user.is_admin and "admin" in key.scopes.split()
            ),
            scopes=known_scopes(key.scopes.split()),
            key_id=key.id,
        )
        key_id, used = key.id, key.last_used_at
    if used is None or now - used > _USE_NOTED_EVERY:
        with writing(sessions) as session:
            session.get_one(ApiKey, key_id).last_used_at = now
    return caller


def _new(user_id: str, name: str, scopes: frozenset[Scope]) -> tuple[ApiKey, str]:
    secret = _MARK + secrets.token_urlsafe(32)
    row = ApiKey(
        id=new_id(),
        user_id=user_id,
        name=clean_text(name)[:200],
        prefix=secret[:_PREFIX_LENGTH],
        digest=_digest(secret),
        scopes=" ".join(sorted(scopes)),
        created_at=utc_now(),
        last_used_at=None,
        revoked_at=None,
    )
    return row, secret


def _revoke(session: Session, row: ApiKey) -> None:
    row.revoked_at = row.revoked_at or utc_now()
    session.execute(delete(LoginSession).where(LoginSession.key_id == row.id))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def known_scopes(scopes: Collection[str]) -> frozenset[Scope]:
    """These words as scopes.

    Raises:
        InvalidSettingError: one of them is none, or there are none.
    """
    unknown = set(scopes) - set(SCOPES)
    if unknown or not scopes:
        raise InvalidSettingError(
            f"There is no scope {min(unknown)!r}." if unknown else "A key needs a scope.",
            hint=f"Use one or more of {', '.join(SCOPES)}.",
        )
    return frozenset(scope for scope in SCOPES if scope in scopes)


def _record(row: ApiKey, user_name: str) -> KeyRecord:
    return KeyRecord(
        id=row.id,
        user_name=user_name,
        name=row.name,
        prefix=row.prefix,
        scopes=known_scopes(row.scopes.split()),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
