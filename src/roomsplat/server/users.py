"""Users: who owns jobs."""

import re

from sqlalchemy import select

from roomsplat.errors import InvalidSettingError
from roomsplat.server.database import Sessions, reading, writing
from roomsplat.server.jobs_base import clean_text, is_id, new_id, utc_now
from roomsplat.server.models import User
from roomsplat.server.records import UserRecord

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")


class Users:
    """The table of users."""

    def __init__(self, sessions: Sessions) -> None:
        """Args: ``sessions``: of an upgraded database."""
        self._sessions = sessions

    def ensure(self, name: str, *, is_admin: bool = False, email: str | None = None) -> UserRecord:
        """The user of this name, made if there is none; who exists stays as they are."""
        name = clean_text(name)[:200]
        found = self.by_name(name)
        if found is not None:
            return found
        with writing(self._sessions) as session:
            user = session.scalar(select(User).where(User.name == name))
            if user is None:
                user = User(id=new_id(), name=name, email=email, is_admin=is_admin, created_at=utc_now())
                session.add(user)
            return _record(user)

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


def _record(user: User) -> UserRecord:
    return UserRecord(id=user.id, name=user.name, is_admin=user.is_admin)
