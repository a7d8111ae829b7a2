"""Run the solver, and whatever else asks COLMAP, in a process of its own.

Why a process: COLMAP's loops do not look at Python's signals, so Ctrl-C would wait for minutes; a crash in native code
ends the child and not the run; its memory is given back at once; and pycolmap's bundled zlib never meets numba's cache.
"""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from roomsplat.core.progress import Progress, ReportProgress
from roomsplat.errors import OutputError, RegistrationError, RoomsplatError
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.solution import Solution

SOLUTION = "solution.npz"
_ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1"
}  # for a product of matrices: as many run at a time as there are cores
# COLMAP aborts where its database finds no space, and then its last words find none either. What it gives back as it
# ends is less than this.
_NEARLY_FULL = 16 * 1024**2
_KILLED = (-9, 137)
_STOPPED = (-15, 143)
_SIGNALS = 128
"""Codes above tell the signal that ended a program, as a shell reports it; Python reports it negative."""


class CrashError(RegistrationError):
    """Native code crashed (a signal), or somebody killed the process: it says nothing of the film.

    To the user it is a ``RegistrationError`` like any other.
    """

    def __init__(self, message: str, *, hint: str, was_killed: bool) -> None:
        """``was_killed``: from outside, most likely for memory, so that the same work would end the same way."""
        super().__init__(message, hint=hint)
        self.was_killed = was_killed


def run_solver(
    paths: Sequence[Path], folder: Path, config: SfmConfig, report: ReportProgress
) -> Solution | None:
    """Solve in ``folder`` (exists, empty); ``None`` when no two frames could be joined.

    Raises:
        CrashError: the solver crashed or was killed.
        RegistrationError: the solver failed.
        InvalidFileError: a frame cannot be read.
        OutputError: no space left.
    """
    content = {"config": dataclasses.asdict(config), "paths": [str(path.resolve()) for path in paths]}
    run_worker("roomsplat.sfm.worker", "The camera solver", content, folder, report)
    solution = folder / SOLUTION
    return Solution.load(solution) if solution.exists() else None


def run_worker(
    module: str, name: str, content: Mapping[str, object], folder: Path, report: ReportProgress
) -> None:
    """Let ``module`` do the job ``content`` in ``folder``; ``name`` tells the user what it is.

    Raises:
        RoomsplatError: what the worker says, of its own class.
        CrashError: it crashed or was killed.
        RegistrationError: it failed.
        OutputError: no space left.
    """
    job = folder / "job.json"
    try:
        job.write_text(json.dumps(content), encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{job} could not be written ({error.strerror}).",
            hint="Free some space or choose another output folder.",
        ) from error
    # -P: a random.py where the user stands must not be taken for Python's own
    command = [sys.executable, "-P", "-m", module, str(job)]
    log = folder / "worker.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(  # noqa: S603 - our own module, with a path of ours
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | _ONE_THREAD,
        ) as child,
    ):
        assert child.stdout is not None
        try:
            failure = _follow(child.stdout, report)
            code = child.wait()
        finally:
            if child.poll() is None:  # Ctrl-C or an error of the listener: do not wait for COLMAP
                child.kill()
    if failure is not None:
        raise failure
    if code != 0:
        raise _crash(name, code, log)


def _follow(lines: Any, report: ReportProgress) -> RoomsplatError | None:
    """Pass progress on until the child closes its output."""
    failure = None
    for line in lines:
        content = json.loads(line)
        if "error" in content:
            failure = _rebuild(**content["error"])
        else:
            report(Progress(**content))
    return failure


def _rebuild(*, code: str, message: str, hint: str) -> RoomsplatError:
    """The child's error, of its own class: the class decides the exit code."""
    kinds = {kind.code: kind for kind in RoomsplatError.__subclasses__()}
    return kinds[code](message, hint=hint)


def _crash(name: str, code: int, log: Path) -> RoomsplatError:
    if shutil.disk_usage(log.parent).free < _NEARLY_FULL:
        return OutputError(
            f"{name} found no space left in {log.parent}.",
            hint="Free some space or choose another output folder.",
        )
    tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    reason = tail[-1] if tail else f"exit code {code}"
    if code in _KILLED or "bad_alloc" in reason:
        return CrashError(
            f"{name} was killed, most likely because the memory ran out.",
            hint="Close other programs or take fewer frames (--frames 60), and run the same command again.",
            was_killed=True,
        )
    if code in _STOPPED:
        return CrashError(
            f"{name} was stopped by another program.", hint="Run the same command again.", was_killed=True
        )
    message = f"{name} ended unexpectedly ({reason})."
    hint = "Try fewer frames (--frames 60); if it happens again, please report it."
    if code < 0 or code > _SIGNALS:
        return CrashError(message, hint=hint, was_killed=False)
    return RegistrationError(message, hint=hint)
