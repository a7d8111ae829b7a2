"""Run the solver in a process of its own.

Why a process: COLMAP's loops do not look at Python's signals, so Ctrl-C would wait for minutes; a crash in native code
ends the child and not the run; its memory is given back at once; and pycolmap's bundled zlib never meets numba's cache.
"""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
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


def run_solver(
    paths: Sequence[Path], folder: Path, config: SfmConfig, report: ReportProgress
) -> Solution | None:
    """Solve in ``folder`` (exists, empty); ``None`` when no two frames could be joined.

    Raises:
        RegistrationError: the solver crashed.
        InvalidFileError: a frame cannot be read.
        OutputError: no space left.
    """
    job = folder / "job.json"
    content = {"config": dataclasses.asdict(config), "paths": [str(path.resolve()) for path in paths]}
    try:
        job.write_text(json.dumps(content), encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{job} could not be written ({error.strerror}).",
            hint="Free some space or choose another output folder.",
        ) from error
    # -P: a random.py where the user stands must not be taken for Python's own
    command = [sys.executable, "-P", "-m", "roomsplat.sfm.worker", str(job)]
    log = folder / "solver.log"
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
        raise _crash(code, log)
    solution = folder / SOLUTION
    return Solution.load(solution) if solution.exists() else None


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


def _crash(code: int, log: Path) -> RoomsplatError:
    if shutil.disk_usage(log.parent).free < _NEARLY_FULL:
        return OutputError(
            f"No space is left in {log.parent} for the camera solver.",
            hint="Free some space or choose another output folder.",
        )
    tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    reason = tail[-1] if tail else f"exit code {code}"
    if code in (-9, 137):
        reason = "it was killed, most likely for memory"
    return RegistrationError(
        f"The camera solver ended unexpectedly ({reason}).",
        hint="Try fewer frames (--frames 60); if it happens again, please report it.",
    )
