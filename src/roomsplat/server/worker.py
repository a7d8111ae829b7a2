"""Takes one job after the other and runs its pipeline."""

import logging
import time
from collections.abc import Sequence

from roomsplat.server.attempt import Attempt
from roomsplat.server.errors import DatabaseUnavailableError, JobNotFoundError, StaleLeaseError
from roomsplat.server.files import FileStore
from roomsplat.server.jobs import Jobs
from roomsplat.server.logging import about_job
from roomsplat.server.outputs import remove_job_files
from roomsplat.server.reaper import reap
from roomsplat.server.records import JobError, Lease
from roomsplat.server.settings import ServerSettings
from roomsplat.server.slot import Slot
from roomsplat.server.stop import Stop
from roomsplat.server.workers import Presence

log = logging.getLogger(__name__)

BUG = JobError(
    code="internal_error",
    message="The worker met an error of ours in this job.",
    hint="Try the job again; if it fails once more, please report it with logs/app.log.",
)


class Worker:
    """The worker of one slot."""

    def __init__(
        self,
        jobs: Jobs,
        files: FileStore,
        settings: ServerSettings,
        slot: Slot,
        *,
        stop: Stop,
        presence: Presence,
        options: Sequence[str] = (),
    ) -> None:
        """``stop`` ends it: the job at work goes back to the queue. ``options`` go to every run (``--device 1``)."""
        self._jobs, self._files, self._settings, self._slot = jobs, files, settings, slot
        self._stop, self._presence, self._options = stop, presence, options

    def run(self) -> None:
        """Work until told to stop."""
        if self._slot.clean_up():
            log.warning("killed the pipeline that an earlier worker of this place left running")
        settled = False
        while not self._stop.is_set():
            self._presence.say()
            try:
                if not settled:
                    self._jobs.end_leases_of(self._slot.worker)
                    settled = True
                busy = self._turn()
            except DatabaseUnavailableError as error:
                log.warning("%s", error.message)
                busy = False
            if not busy:
                self._stop.wait(self._settings.poll_seconds)

    def _turn(self) -> bool:
        """Do one job if there is one; whether there was."""
        reap(self._jobs, max_attempts=self._settings.max_attempts)
        before = time.monotonic()
        job_id = self._jobs.next_job()
        if job_id is None:
            return False
        lease = self._jobs.acquire(job_id, self._slot.worker)
        if lease is not None:  # else another worker was faster: look again
            with about_job(job_id):
                self._attempt(lease, before)
        return True

    def _attempt(self, lease: Lease, taken_at: float) -> None:
        log.info("taking the job, attempt %d", lease.attempt)
        attempt = Attempt(
            self._jobs,
            self._files,
            self._settings,
            lease,
            taken_at=taken_at,
            slot=self._slot,
            stop=self._stop,
            presence=self._presence,
            options=self._options,
        )
        try:
            attempt.run()
        except StaleLeaseError:
            log.warning("the lease was lost; the job is another worker's now")
            self._clear_away(lease.job_id)
        except DatabaseUnavailableError:
            raise
        except Exception:  # a bug of ours must end this job and not the worker
            log.exception("an error of ours")
            self._give_up(lease)

    def _give_up(self, lease: Lease) -> None:
        try:
            self._jobs.fail(lease, BUG)
        except StaleLeaseError:
            log.warning("the lease was lost as well")

    def _clear_away(self, job_id: str) -> None:
        """What was written for a job that its owner has deleted meanwhile must not stay for ever."""
        try:
            self._jobs.read(job_id)
        except JobNotFoundError:
            remove_job_files(self._files, self._settings.storage, job_id, None)
