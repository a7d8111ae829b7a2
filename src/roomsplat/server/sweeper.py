"""Removes what nobody will come back for: videos without a job, left by a crash between storing one and queueing it."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import PurePosixPath

from roomsplat.errors import RoomsplatError
from roomsplat.server.files import FileStore
from roomsplat.server.jobs import Jobs, is_id

log = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0
AGE_SECONDS = 24 * 3600.0
"""A younger one may be on its way to its job."""


def sweep_orphans(jobs: Jobs, files: FileStore, *, now: Callable[[], float] = time.time) -> list[str]:
    """Remove the videos that are no job's and older than a day; which ones."""
    oldest = now() - AGE_SECONDS
    old = {
        name
        for name, stat in files.stat_files("uploads").items()
        if stat.modified < oldest and _is_ours(PurePosixPath(name))
    }
    orphans = sorted(old - jobs.sources(old))
    for name in orphans:
        files.delete(name)
        log.info("removed %s, which is no job's", name)
    return orphans


def _is_ours(path: PurePosixPath) -> bool:
    """Whether we gave the name: what others put there stays, and resumable uploads, deeper, expire by themselves."""
    return len(path.parts) == 2 and is_id(path.stem)


class Sweeper:
    """Sweeps now and every hour, until it is stopped."""

    def __init__(self, jobs: Jobs, files: FileStore) -> None:
        """Args: whose videos, and where they are."""
        self._jobs, self._files = jobs, files
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                sweep_orphans(self._jobs, self._files)
            except (RoomsplatError, OSError) as error:
                log.warning("videos without a job were not looked for: %s", error)
            self._stopped.wait(EVERY_SECONDS)
