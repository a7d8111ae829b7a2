"""What the end of a pipeline means for its job."""

import signal

from roomsplat.server.progress import Progress
from roomsplat.server.records import JobError

SIGNAL_BASE = 128
INTERRUPTED = "interrupted"
INTERRUPTED_CODE = SIGNAL_BASE + signal.SIGINT
"""Somebody interrupted the pipeline: by its own word, or before it could say one."""

OUT_OF_MEMORY = JobError(
    code="out_of_memory",
    message="The pipeline was killed, most likely because the computer ran out of memory.",
    hint='Try again with {"quality": "preview"} or fewer frames; finished stages are kept.',
)


def too_long(seconds: float) -> JobError:
    """The error of a job that took longer than a job may."""
    return JobError(
        code="job_too_long",
        message=f"The job took longer than the {shown(seconds)} that a job may take here, and was stopped.",
        hint='Try again with {"quality": "preview"} or fewer frames; finished stages are kept.',
    )


def shown(seconds: float) -> str:
    """A length of time for a person."""
    return f"{seconds / 3600:g} hours" if seconds >= 2 * 3600 else f"{seconds:g} seconds"


def error_of(code: int, progress: Progress) -> JobError | None:
    """Why the job failed, from how its pipeline ended and what it told; ``None``: it succeeded."""
    if progress.failure is not None:
        return progress.failure
    if code == 0 and progress.finished:
        return None
    if code == SIGNAL_BASE + signal.SIGKILL:
        return OUT_OF_MEMORY
    if code > SIGNAL_BASE:
        how = f"was ended by {_name(code - SIGNAL_BASE)}"
    elif code == 0:
        how = "ended without a result"
    else:
        how = f"ended with exit code {code}"
    where = f" in stage {progress.stage}" if progress.stage else ""
    return JobError(
        code="pipeline_crashed",
        message=f"The pipeline {how}{where}.",
        hint="Try the job again; if it fails once more, please report it with the log of the worker.",
    )


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
