"""Which workers live, on whatever host: each writes now and then that it is there."""

import contextlib
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from roomsplat.server.database import Sessions, reading, writing
from roomsplat.server.errors import DatabaseUnavailableError
from roomsplat.server.jobs_base import utc_now
from roomsplat.server.models import WorkerRow

_FORGOTTEN_AFTER = timedelta(days=1)


class Workers:
    """The table of workers."""

    def __init__(
        self, sessions: Sessions, *, patience_seconds: float, clock: Callable[[], datetime] = utc_now
    ) -> None:
        """Args: ``patience_seconds``: who was not heard of for so long does not live."""
        self._sessions, self._clock = sessions, clock
        self._patience = timedelta(seconds=patience_seconds)

    def seen(self, worker: str, *, device: str) -> None:
        """This worker of this host lives."""
        with writing(self._sessions) as session:
            now = self._clock()
            session.execute(delete(WorkerRow).where(WorkerRow.seen_at < now - _FORGOTTEN_AFTER))
            session.merge(WorkerRow(id=worker, host=socket.gethostname(), device=device, seen_at=now))

    def left(self, worker: str) -> None:
        """It has ended in good order."""
        with writing(self._sessions) as session:
            session.execute(delete(WorkerRow).where(WorkerRow.id == worker))

    def living(self) -> int:
        """How many live."""
        with reading(self._sessions) as session:
            heard = WorkerRow.seen_at > self._clock() - self._patience
            return session.scalar(select(func.count()).select_from(WorkerRow).where(heard)) or 0


class Presence:
    """One worker's word that it lives, said as often as is needed and no oftener."""

    def __init__(self, workers: Workers, worker: str, *, device: str, every_seconds: float) -> None:
        """Args: ``worker``: its name. ``device``: what it works with, for people."""
        self._workers, self._worker, self._device = workers, worker, device
        self._every, self._next = every_seconds, 0.0

    def say(self) -> None:
        """Say it if it is time; a database that does not answer hears it the next time."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._every
        with contextlib.suppress(DatabaseUnavailableError):
            self._workers.seen(self._worker, device=self._device)

    def leave(self) -> None:
        """Say that it ends."""
        with contextlib.suppress(DatabaseUnavailableError):
            self._workers.left(self._worker)
