"""The first line of the service's promise, as its events tell it: each life of a job has exactly one end."""

from itertools import pairwise

from sqlalchemy import select

from roomsplat.server.database import open_database, reading
from roomsplat.server.models import Event, Job
from roomsplat.server.records import JobStatus


def check_lives(url: str, *, all_ended: bool = True) -> None:
    """Fails unless every job of the database has come to one end, and nothing but a new life followed it."""
    database = open_database(url)
    try:
        with reading(database.sessions) as session:
            jobs = list(session.scalars(select(Job)))
            told = {job.id: [] for job in jobs}
            for event in session.scalars(select(Event).order_by(Event.id)):
                told[event.job_id].append((event.kind, event.payload.get("status")))
    finally:
        database.dispose()
    for job in jobs:
        events = told[job.id]
        for (kind, status), after in pairwise(events):
            if kind == "status" and JobStatus(status).ended:
                assert after == ("status", "pending"), f"after {status}: {after}"
        states = [status for kind, status in events if kind == "status"]
        assert states[-1] == job.status, f"{job.status} was not told: {states}"
        assert JobStatus(job.status).ended or not all_ended, f"{job.status} in the end: {states}"
