"""Laws of the count of living workers, on both databases."""

from datetime import timedelta

from sqlalchemy import select

from roomsplat.server.database import Database, reading
from roomsplat.server.models import WorkerRow
from roomsplat.server.workers import Presence, Workers
from tests.server.job_fixtures import Clock


def names(database: Database) -> set[str]:
    """Every worker that is written down."""
    with reading(database.sessions) as session:
        return set(session.scalars(select(WorkerRow.id)))


def test_workers_live_as_long_as_they_are_heard_of(database: Database) -> None:
    """Each worker counts once, whatever its host, until it leaves or was silent for too long."""
    clock = Clock()
    workers = Workers(database.sessions, patience_seconds=60.0, clock=clock)
    assert workers.living() == 0
    workers.seen("a", device="cuda.0")
    clock.pass_(40)
    workers.seen("b", device="cpu")
    assert workers.living() == 2
    clock.pass_(30)
    workers.seen("b", device="cpu")
    assert workers.living() == 1
    workers.seen("a", device="cuda.0")
    assert workers.living() == 2
    workers.left("a")
    workers.left("never there")
    assert workers.living() == 1


def test_lost_workers_are_forgotten(database: Database) -> None:
    """A worker that never said goodbye is not kept for ever: hosts that come and go fill no table."""
    clock = Clock()
    workers = Workers(database.sessions, patience_seconds=60.0, clock=clock)
    workers.seen("lost", device="cpu")
    clock.pass_(timedelta(days=2).total_seconds())
    workers.seen("new", device="cpu")
    assert names(database) == {"new"}


def test_a_presence_is_said_as_often_as_is_needed(database: Database) -> None:
    """Saying it all the time writes once in the interval; leaving takes the row away."""
    clock = Clock()
    workers = Workers(database.sessions, patience_seconds=60.0, clock=clock)
    presence = Presence(workers, "a", device="cpu", every_seconds=3600.0)
    for _ in range(50):
        presence.say()
    clock.pass_(61)
    presence.say()
    assert workers.living() == 0, "an hour has not passed: nothing was written again"
    assert names(database) == {"a"}
    presence.leave()
    assert names(database) == set()
