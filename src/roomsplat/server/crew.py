"""The workers of ``roomsplat serve``: processes of their own, started again when one of them crashes."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from roomsplat.errors import InterruptedRunError, InvalidSettingError

logger = logging.getLogger(__name__)

MASTER = "ROOMSPLAT_MASTER"
"""The environment's word to a worker whose process it belongs to."""

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds before a crashed worker is started again; doubled each time it crashes soon."""

_PR_SET_PDEATHSIG = 1


def worker_options(devices: Sequence[str]) -> list[list[str]]:
    """The options of each worker: ``cpu`` or the number of a GPU; without any, one worker that chooses itself.

    Raises:
        InvalidSettingError: a name that is neither, or the same twice.
    """
    if len(set(devices)) < len(devices):
        raise InvalidSettingError("A device is named twice.", hint="Give each one worker: --devices 0 1")
    options: list[list[str]] = []
    for device in devices:
        if device == "cpu":
            options.append(["--engine", "cpu"])
        elif device.isascii() and device.isdigit():
            options.append(["--engine", "cuda", "--device", device])
        else:
            raise InvalidSettingError(
                f"{device!r} is no device.", hint="Give cpu or the number of a GPU: --devices 0 1"
            )
    return options or [[]]


def end_with_master() -> None:
    """In a worker: be asked to stop when the process that started it ends, whatever took it (Linux has this).

    Raises:
        InterruptedRunError: it has ended already.
    """
    master = os.environ.get(MASTER)
    if master is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if str(os.getppid()) != master:
        raise InterruptedRunError("The service has ended.", hint="Start it again: roomsplat serve")


@dataclass(slots=True)
class _Member:
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = field(default=FIRST_WAIT)
    next_start: float = 0.0


class Crew:
    """Keeps one process for each command alive until it is told to stop."""

    def __init__(
        self, commands: Sequence[Sequence[str]], environment: Mapping[str, str], *, drain_seconds: float
    ) -> None:
        """Args: ``drain_seconds``: what a stopping worker may take before it is killed."""
        self._members = [_Member(list(command)) for command in commands]
        self._environment = {**environment, MASTER: str(os.getpid())}
        self._drain_seconds = drain_seconds
        self._stopping = threading.Event()
        # The kernel ties a worker's life to the thread that started it: this one, which lives as long as the crew.
        self._thread = threading.Thread(target=self._watch, name="crew", daemon=True)

    def start(self) -> None:
        """Start the workers."""
        self._thread.start()

    def interrupt(self) -> None:
        """Ask every worker to hand its job back and to end; may be called in a signal handler."""
        self._stopping.set()

    def stop(self) -> None:
        """The same, and wait until they are gone."""
        self.interrupt()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def processes(self) -> list[int]:
        """The numbers of the living workers."""
        return [m.process.pid for m in self._members if m.process is not None and m.process.poll() is None]

    def _watch(self) -> None:
        while not self._stopping.is_set():
            for member in self._members:
                self._look_after(member)
            self._stopping.wait(0.2)
        self._drain()

    def _look_after(self, member: _Member) -> None:
        now = time.monotonic()
        if member.process is not None:
            code = member.process.poll()
            if code is None:
                return
            crashed_soon = now - member.started < LONGEST_WAIT
            member.wait = min(2 * member.wait, LONGEST_WAIT) if crashed_soon else FIRST_WAIT
            member.next_start = now + member.wait
            member.process = None
            logger.error("a worker ended with code %d; it is started again in %.0f s", code, member.wait)
        if now >= member.next_start:
            member.started = now
            member.process = subprocess.Popen(  # noqa: S603 - our own command line
                member.command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # its warnings go to stderr, its log to app.log
                start_new_session=True,  # Ctrl-C is for the service, which stops its workers in order
            )

    def _drain(self) -> None:
        living = [m.process for m in self._members if m.process is not None and m.process.poll() is None]
        for process in living:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._drain_seconds
        for process in living:
            try:
                process.wait(max(deadline - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:
                logger.error("a worker did not stop within %.0f s and is killed", self._drain_seconds)  # noqa: TRY400 - the traceback says nothing more
                process.kill()
                process.wait()
