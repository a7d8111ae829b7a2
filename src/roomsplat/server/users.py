"""Users: who owns jobs."""

from sqlalchemy import select

from roomsplat.server.database import Sessions, reading, writing
from roomsplat.server.jobs_base import clean_text, is_id, new_id, utc_now
from roomsplat.server.models import User
from roomsplat.server.records import UserRecord


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
