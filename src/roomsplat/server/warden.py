"""Stands between a worker and its pipeline: the pipeline lives no longer than the worker's lease.

``python -m roomsplat.server.warden UNTIL COMMAND…`` is started in a process group of its own, runs the command in it
and ends as the command ends. The worker holds the other end of standard input and writes there, after every renewal of
its lease, until when the lease holds. When that moment passes (the worker was stopped, or cannot reach the database),
or the input closes (the worker is gone, whatever took it), the whole group is killed. If something kills the warden,
the kernel kills the command. SIGINT and SIGTERM are passed on as SIGINT: a pipeline then saves what it has and ends.
"""

import ctypes
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial

DEADLINE = struct.Struct("d")
"""A moment of ``time.monotonic()``, which all processes of a computer share."""

NICENESS = 10
"""A pipeline computes for minutes on every processor; who asks the service on the same machine something goes first."""

_PR_SET_PDEATHSIG = 1


def main(arguments: Sequence[str]) -> int:
    """Run the command; its exit code, or 128 and the signal that ended it, as a shell says it."""
    until, command = float(arguments[0]), list(arguments[1:])
    wake_out, wake_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_in)
    signal.signal(signal.SIGCHLD, _nothing)
    for polite in (signal.SIGINT, signal.SIGTERM):
        signal.signal(polite, _nothing)
    before = partial(_prepare, os.getpid())
    # The command is the worker's own; a preexec function is safe here because this process has one thread.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=before)  # noqa: S603, PLW1509 - see above
    while child.poll() is None:
        ready = select.select([0, wake_out], [], [], max(until - time.monotonic(), 0))[0]
        if wake_out in ready:
            signals = os.read(wake_out, 4096)
            if signal.SIGINT in signals or signal.SIGTERM in signals:
                child.send_signal(signal.SIGINT)
        if 0 in ready:
            said = os.read(0, DEADLINE.size)
            until = max(until, DEADLINE.unpack(said)[0]) if len(said) == DEADLINE.size else 0.0
        if time.monotonic() >= until:
            os.killpg(0, signal.SIGKILL)  # this process, too
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _nothing(_signal: int, _frame: object) -> None:
    """A handler, so that the signal arrives at the wake-up pipe and nothing else happens."""


def _prepare(parent: int) -> None:
    """In the new process: step back, and ask the kernel (Linux has this) to kill it when its parent ends."""
    os.nice(NICENESS)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
