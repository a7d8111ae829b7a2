"""The job engine: what the command line starts as a worker, and what the API may ask of it.

The queue is the table of jobs: a job that is written there as pending is queued, in the same transaction. Who may work
on it is decided by its lease. Why there is no other queue beside it: ``docs/decisions/0040``.
"""

import logging
import signal

from roomsplat.server.database import open_database, upgrade
from roomsplat.server.jobs import JobRules, Jobs
from roomsplat.server.settings import ServerSettings
from roomsplat.server.slot import Slot
from roomsplat.server.stop import Stop
from roomsplat.server.stores import open_store
from roomsplat.server.worker import Worker
from roomsplat.server.workers import Presence, Workers

__all__ = ["rules_of", "run_worker"]

log = logging.getLogger(__name__)


def rules_of(settings: ServerSettings) -> JobRules:
    """What bounds the queue."""
    return JobRules(
        lease_seconds=settings.lease_seconds,
        max_running_per_user=settings.max_running_per_user,
        max_queued_per_user=settings.max_queued_per_user,
    )


def run_worker(settings: ServerSettings, *, engine: str = "auto", device: int | None = None) -> None:
    """Work as the worker of one device until SIGTERM or SIGINT; then the job at work goes back to the queue.

    Raises:
        ServiceError: this device has its worker already.
        DatabaseUnavailableError: the database does not answer at the start.
        StorageUnavailableError: the bucket cannot be used.
    """
    stop = Stop()
    for polite in (signal.SIGTERM, signal.SIGINT):
        signal.signal(polite, lambda _signal, _frame: stop.set())
    place = engine if device is None else f"{engine}.{device}"
    slot = Slot(settings.storage, place)
    database = open_database(settings.resolved_database_url)
    try:
        upgrade(database)
        files = open_store(settings)
        jobs = Jobs(database.sessions, rules=rules_of(settings))
        options = [*(() if engine == "auto" else ("--engine", engine))]
        options += [*(() if device is None else ("--device", str(device)))]
        workers = Workers(database.sessions, patience_seconds=settings.lease_seconds)
        presence = Presence(workers, slot.worker, device=place, every_seconds=settings.heartbeat_seconds)
        log.info("worker %s begins", slot.worker)
        Worker(jobs, files, settings, slot, stop=stop, presence=presence, options=options).run()
        log.info("worker %s ends", slot.worker)
        presence.leave()
    finally:
        database.dispose()
        slot.close()
        stop.close()
