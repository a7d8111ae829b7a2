"""Users: who owns jobs."""

import re

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from roomsplat.errors import InvalidSettingError
from roomsplat.server.database import Sessions, reading, writing
from roomsplat.server.jobs_base import clean_text, is_id, new_id, utc_now
from roomsplat.server.models import Identity, User
from roomsplat.server.records import UserRecord

LOCAL_USER = "local"
"""The name of the one user of a service without keys."""

_NAME_LENGTH = 150
_TRIES = 5
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")


class Users:
    """The table of users."""

    def __init__(self, sessions: Sessions) -> None:
        """Args: ``sessions``: of an upgraded database."""
        self._sessions = sessions

    def ensure(self, name: str, *, is_admin: bool = False, email: str | None = None) -> UserRecord:
        """The user of this name, made if there is none; who exists stays as they are.

        Raises:
            InvalidSettingError: the name belongs to somebody whom an issuer of logins knows, and who chose it there.
        """
        name = clean_text(name)[:200]
        found = self.by_name(name)
        if found is not None:
            self._refuse_strangers(found)
            return found
        with writing(self._sessions) as session:
            user = session.scalar(select(User).where(User.name == name))
            if user is None:
                user = User(id=new_id(), name=name, email=email, is_admin=is_admin, created_at=utc_now())
                session.add(user)
            return _record(user)

    def of_identity(
        self, issuer: str, subject: str, *, name: str, email: str | None, is_admin: bool
    ) -> UserRecord:
        """Who this is here: made at the first login, under a name of their own; ``is_admin`` is as it is now.

        ``name`` is only how people read it: nobody becomes another user by a name.
        """
        for _ in range(_TRIES):
            try:
                with writing(self._sessions) as session:
                    identity = session.get(Identity, (issuer, subject))
                    if identity is None:
                        user = User(
                            id=new_id(), name=_free_name(session, name), email=email, created_at=utc_now()
                        )
                        session.add(user)
                        session.flush()
                        session.add(Identity(issuer=issuer, subject=subject, user_id=user.id))
                    else:
                        user = session.get_one(User, identity.user_id)
                    user.is_admin = is_admin
                    return _record(user)
            except IntegrityError:
                continue  # another request made this user, or took this name, at the same moment: look again
        raise AssertionError("a user who is there and is not found")

    def _refuse_strangers(self, user: UserRecord) -> None:
        with reading(self._sessions) as session:
            known = session.scalar(select(Identity.subject).where(Identity.user_id == user.id).limit(1))
        if known is not None:
            raise InvalidSettingError(
                f"The name {user.name!r} belongs to a user who logs in.",
                hint="Take another name; who logs in makes keys by POST /api/keys.",
            )

    def set_email(self, name: str, email: str) -> None:
        """Tell this user of ended jobs at this address; an empty one ends it.

        Raises:
            InvalidSettingError: it is no address.
        """
        if email and not _EMAIL.fullmatch(email):
            raise InvalidSettingError(
                f"{email!r} is no e-mail address.", hint="Give one such as ann@example.org."
            )
        with writing(self._sessions) as session:
            user = session.scalars(select(User).where(User.name == clean_text(name)[:200])).one()
            user.email = email or None

    def get(self, user_id: str) -> UserRecord | None:
        """The user of this id."""
        if not is_id(user_id):
            return None
        with reading(self._sessions) as session:
            user = session.get(User, user_id)
            return None if user is None else _record(user)

    def by_name(self, name: str) -> UserRecord | None:
        """The user of this name."""
        with reading(self._sessions) as session:
            user = session.scalar(select(User).where(User.name == clean_text(name)[:200]))
            return None if user is None else _record(user)


def _free_name(session: Session, name: str) -> str:
    """``name``, or with a number behind it, as no user has it; the user of this computer keeps theirs."""
    wanted = clean_text(name).strip()[:_NAME_LENGTH] or "user"
    for number in range(1, _TRIES * 10):
        free = wanted if number == 1 else f"{wanted} ({number})"
        if free != LOCAL_USER and session.scalar(select(User.id).where(User.name == free)) is None:
            return free
    return f"{wanted} ({new_id()})"


def _record(user: User) -> UserRecord:
    return UserRecord(id=user.id, name=user.name, is_admin=user.is_admin)
