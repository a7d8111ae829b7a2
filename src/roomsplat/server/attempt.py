"""One worker's work on one job, from the lease to the job's end or its return to the queue."""

import fcntl
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from roomsplat.errors import OutputError, RoomsplatError
from roomsplat.server.child import PipelineChild
from roomsplat.server.endings import INTERRUPTED, INTERRUPTED_CODE, error_of, too_long
from roomsplat.server.errors import DatabaseUnavailableError, StaleLeaseError
from roomsplat.server.files import FileStore
from roomsplat.server.jobs import Jobs
from roomsplat.server.outputs import GivenUpError, Place, clear_unfinished
from roomsplat.server.outward import Outward
from roomsplat.server.progress import Progress
from roomsplat.server.records import JobError, JobRecord, JobStatus, Lease
from roomsplat.server.settings import ServerSettings
from roomsplat.server.slot import Slot
from roomsplat.server.stop import Stop
from roomsplat.server.sync import open_place
from roomsplat.server.workers import Presence

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")

LEASE_SHARE = 0.8
"""The pipeline may live for this share of the lease, counted from before it was renewed: whatever clocks and a slow
database do, it has ended when somebody else may take the job."""
SECONDS_BETWEEN_REPORTS = 1.0
SECONDS_TO_KEEP = 8.0
"""What a stopping worker may take to send away what the next one goes on from."""
MAX_TICK = 0.2
MAX_WAITING_EVENTS = 1000


class _Told(NamedTuple):
    """An event and what the job showed when it came."""

    event: Mapping[str, Any]
    status: JobStatus
    progress: float
    stage: str
    message: str


class Attempt:
    """The work under one lease. Its pipeline has ended when ``run`` returns, whatever happened."""

    def __init__(
        self,
        jobs: Jobs,
        files: FileStore,
        settings: ServerSettings,
        lease: Lease,
        *,
        taken_at: float,
        slot: Slot,
        stop: Stop,
        presence: Presence,
        options: Sequence[str] = (),
    ) -> None:
        """``taken_at``: ``time.monotonic()`` before the lease was taken. ``options`` follow the command's own."""
        self._jobs, self._files, self._settings, self._lease = jobs, files, settings, lease
        self._slot, self._stop, self._presence, self._options = slot, stop, presence, options
        self._began = self._renewed = taken_at
        self._progress = Progress()
        self._untold: list[_Told] = []
        self._refused = False
        self._reported = self._looked = 0.0
        self._child: PipelineChild | None = None
        self._place: Place | None = None
        self._handed_back = False
        self._reason: str | None = None  # why the pipeline was asked to end
        self._kill_at = float("inf")

    def run(self) -> None:
        """Do it.

        Raises:
            StaleLeaseError: the lease was lost; nothing more was written.
        """
        try:
            job = self._persist(lambda: self._jobs.read(self._lease.job_id))
            self._work(job)
        except (StaleLeaseError, DatabaseUnavailableError):
            raise
        except RoomsplatError as error:
            told = JobError(code=error.code, message=error.message, hint=error.hint)
            self._persist(lambda: self._jobs.fail(self._lease, told))
        except OSError as error:
            told = _in_words(error)
            self._persist(lambda: self._jobs.fail(self._lease, told))
        finally:
            if self._child is not None:
                self._child.close()
            self._slot.holds(None)
            if self._place is not None:
                self._place.close(forget=not self._handed_back)

    def _work(self, job: JobRecord) -> None:
        storage = self._settings.storage.resolve()
        place = self._place = open_place(
            self._settings, self._files, job, worker=self._slot.worker, check=self._check_time
        )
        place.out.parent.mkdir(parents=True, exist_ok=True)
        notes = storage / "logs" / "jobs"
        notes.mkdir(parents=True, exist_ok=True)
        config = notes / f"{job.id}.json"
        config.write_text(json.dumps(self._watched(job.config)), encoding="utf-8")
        if not self._wait_for_folder(place.out) or not self._meanwhile(place, place.fetch()):
            self._hand_back()
            return
        command = [
            *self._settings.pipeline_command,
            *(str(place.video), "-o", str(place.out), "--config", str(config), "--events", "jsonl"),
            *self._options,
        ]
        self._child = PipelineChild(command, until=self._until(), log=notes / f"{job.id}.log")
        self._slot.holds(self._child.group)
        outward = Outward(job, storage, place.out, place.video)
        code = self._follow(self._child, place, outward)
        log.info("the pipeline ended with code %d", code)
        self._end(place, code)

    def _watched(self, config: Mapping[str, object]) -> dict[str, object]:
        """The job's settings, with looks at the scene while it is trained, if they do not say how often themselves."""
        export = {**cast("Mapping[str, object]", config.get("export", {}))}
        export["live_seconds"] = export.get("live_seconds") or self._settings.live_seconds
        return {**config, "export": export}

    def _follow(self, child: PipelineChild, place: Place, outward: Outward) -> int:
        """Listen, renew and report until the pipeline has ended."""
        tick = min(MAX_TICK, self._settings.heartbeat_seconds / 2)
        while True:
            for event in place.pass_on(map(outward.event, child.events(tick))):
                self._progress.take(event)
                self._remember(event)
            code = child.ended()
            if code is not None:
                self._check_time()  # a pipeline that was ended because the lease ran out says nothing about the job
                return code
            self._renew()
            self._report()
            self._look_for_a_stop(child)

    def _end(self, place: Place, code: int) -> None:
        """Write how it ended."""
        failure = error_of(code, self._progress)
        if failure is not None and self._reason == "too long":
            failure = too_long(self._settings.max_job_seconds)
        if failure is not None:
            clear_unfinished(place.out)  # first, because a database on a full disk takes nothing
        self._persist(lambda: self._report(last=True))
        seen = self._progress
        if failure is None:
            self._persist(self._confirm)
            if not self._meanwhile(place, place.publish()):
                self._hand_back()
                return
            self._persist(lambda: self._jobs.finish(self._lease, counts=seen.counts, timings=seen.timings))
        elif self._reason == "cancel":
            place.give_up()
            self._meanwhile(place, place.keep())  # nothing is on its way any more when the job has ended
            self._persist(lambda: self._jobs.cancelled(self._lease))
        elif self._reason == "stop" or (
            self._reason is None and (failure.code == INTERRUPTED or code == INTERRUPTED_CODE)
        ):
            self._meanwhile(place, place.keep(), seconds=SECONDS_TO_KEEP)
            self._hand_back()
        else:
            log.warning("the job failed: %s: %s", failure.code, failure.message)
            self._meanwhile(place, place.keep())
            self._persist(lambda: self._jobs.fail(self._lease, failure))

    def _hand_back(self) -> None:
        """To the queue; a job that is to be cancelled is cancelled."""
        self._handed_back = self._stop.is_set()  # by this worker's successor it is likely taken again
        self._persist(lambda: self._jobs.release(self._lease))

    def _meanwhile(self, place: Place, errand: Future[None], seconds: float = float("inf")) -> bool:
        """Hold the lease while files are on their way; whether they arrived.

        They are given up when the job is cancelled or the worker is to stop, or after ``seconds``.

        Raises:
            StaleLeaseError: the lease was lost.
            StorageUnavailableError: the store did not answer for too long.
        """
        until = time.monotonic() + seconds
        while not errand.done():
            wait([errand], MAX_TICK)
            self._renew()
            now = time.monotonic()
            if now > until or (self._reason is None and (self._stop.is_set() or self._cancelled(now))):
                place.give_up()
        try:
            errand.result()
        except GivenUpError:
            return False
        return True

    # ------------------------------------------------------------------------------------------------- the lease

    def _until(self) -> float:
        return self._renewed + LEASE_SHARE * self._settings.lease_seconds

    def _check_time(self) -> None:
        if time.monotonic() >= self._until():
            raise StaleLeaseError(self._lease.job_id)

    def _renew(self) -> None:
        """Hold the lease for longer if it is time; a database that does not answer has until the lease ends."""
        self._check_time()
        self._presence.say()
        now = time.monotonic()
        if now - self._renewed < self._settings.heartbeat_seconds:
            return
        try:
            self._lease = self._jobs.heartbeat(self._lease)
        except DatabaseUnavailableError:
            log.warning("the database does not answer; the lease holds for %.0f s more", self._until() - now)
            return
        self._renewed = now
        if self._child is not None:
            self._child.extend(self._until())

    def _confirm(self) -> None:
        """Make sure, now, that the lease is ours."""
        now = time.monotonic()
        self._lease = self._jobs.heartbeat(self._lease)
        self._renewed = now

    def _persist(self, write: Callable[[], _Result]) -> _Result:
        """Write until the database has taken it, as long as the lease holds."""
        while True:
            try:
                return write()
            except DatabaseUnavailableError:
                time.sleep(MAX_TICK)
                self._renew()

    # ------------------------------------------------------------------------------------------------- the telling

    def _remember(self, event: Mapping[str, Any]) -> None:
        """Every event is told but for the many that only move the bar: of those, the newest."""
        seen, waiting = self._progress, self._untold
        if waiting and event["event"] == waiting[-1].event["event"] == "stage_progress":
            waiting.pop()
        if len(waiting) < MAX_WAITING_EVENTS:
            waiting.append(_Told(event, seen.status, seen.progress, seen.stage, seen.message))

    def _report(self, *, last: bool = False) -> None:
        """Write what is new: a bar that moved once a second, anything else at once.

        What the database does not take waits for the next second.
        """
        now = time.monotonic()
        bar_only = all(told.event["event"] == "stage_progress" for told in self._untold)
        if not last and now - self._reported < SECONDS_BETWEEN_REPORTS and (bar_only or self._refused):
            return
        self._refused = False
        self._reported = now
        try:
            while self._untold:
                told = self._untold[0]
                self._jobs.report(
                    self._lease,
                    status=told.status,
                    progress=told.progress,
                    stage=told.stage,
                    message=told.message,
                    counts=self._progress.counts,
                    timings=self._progress.timings,
                    event=told.event,
                )
                self._untold.pop(0)
        except DatabaseUnavailableError:
            self._refused = True
            if last:
                raise

    # ------------------------------------------------------------------------------------------------- the stopping

    def _look_for_a_stop(self, child: PipelineChild) -> None:
        """Interrupt the pipeline of a job that is cancelled or takes too long, or of a worker that is to stop.

        If that is not enough, kill it.
        """
        now = time.monotonic()
        if self._reason is None:
            if self._cancelled(now):
                self._reason, self._kill_at = "cancel", now + self._settings.cancel_seconds
            elif self._stop.is_set():
                self._reason, self._kill_at = "stop", now + self._settings.interrupt_seconds
            elif now - self._began + self._progress.kept_seconds > self._settings.max_job_seconds:
                self._reason, self._kill_at = "too long", now + self._settings.interrupt_seconds
            if self._reason is not None:
                log.info("interrupting the pipeline: %s", self._reason)
                child.interrupt()
        elif now >= self._kill_at:
            log.warning("the pipeline did not end by itself and is killed")
            child.kill()

    def _cancelled(self, now: float) -> bool:
        if now - self._looked < self._settings.poll_seconds:
            return False
        self._looked = now
        try:
            return self._jobs.cancel_requested(self._lease)
        except DatabaseUnavailableError:
            return False

    def _wait_for_folder(self, out: Path) -> bool:
        """Wait until no other run is at work in the folder (a lost one may take a moment to die); whether it is free.

        Raises:
            OutputError: it does not end.
        """
        lock = out / "work" / ".lock"
        patience = time.monotonic() + self._settings.lease_seconds
        while lock.exists():
            with lock.open("a") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    pass
                else:
                    break
            if self._stop.is_set() or self._cancelled(time.monotonic()):
                return False  # giving the job back cancels it, if that was asked for
            if time.monotonic() > patience:
                raise OutputError(
                    "Another run is at work in this job's folder.",
                    hint="Ask who runs the service to end it, then try the job again.",
                )
            time.sleep(MAX_TICK)
            self._renew()
        return True


def _in_words(error: OSError) -> JobError:
    return JobError(
        code=OutputError.code,
        message=f"The worker could not read or write its files ({error.strerror or error}).",
        hint="Ask who runs the service to look at the disk of its storage folder, then try the job again.",
    )
