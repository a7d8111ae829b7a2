"""The process that looks at an upload: ``python -m roomsplat.server.probe_child PARENT``, started by ``probe.py`` only.

It reads one question as JSON on standard input and answers with one line of JSON on standard output. Before it loads
anything that reads films it locks itself in.
"""

import contextlib
import ctypes
import dataclasses
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from roomsplat.errors import (
    InputNotFoundError,
    InputTooLargeError,
    InvalidSettingError,
    RoomsplatError,
    TooFewFramesError,
    UnreadableVideoError,
)
from roomsplat.server.probe import FilmTooSmallError, ProbeLimits

NICENESS = 5
"""After those who ask the service something, before the pipelines of the same machine (``warden.py``)."""

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_ANSWER_BYTES = 1024 * 1024
_HINT_LIMIT = "Cut the film or lower its resolution or rate: one minute in 1080p is enough for a room."


def main(parent: int) -> int:
    """Answer one question; 0 also when the answer is an error of the file's."""
    os.nice(NICENESS)
    question = json.load(sys.stdin)
    limits = ProbeLimits(**question["limits"])
    confine(limits, parent)
    name = question["name"]
    try:
        answer: dict[str, Any] = {"config": settle(question["config"], limits)}
        if question["path"] is not None:
            answer["film"] = look(Path(question["path"]), limits)
    except RoomsplatError as error:
        message = error.message
        if question["path"] is not None:  # where the service keeps it is nobody's business
            message = message.replace(question["path"], name)
        answer = {"error": {"code": error.code, "message": message, "hint": error.hint}}
    except MemoryError:
        os.kill(os.getpid(), signal.SIGKILL)  # as if the kernel had: there is no memory left to say it with
        raise
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


def confine(limits: ProbeLimits, parent: int) -> bool:
    """Take from this process what it does not need; whether its network is gone, too.

    One processor: FFmpeg then starts one thread per decoder, and a stranger's file never takes the whole machine.
    """
    without_network = False
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # Root may leave the network at once, everybody else in a user namespace of his own, where the kernel has them.
        without_network = any(
            libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET)
        )
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {processors[os.getpid() % len(processors)]})
    for kind, bound in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, _ANSWER_BYTES),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        lowest = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS knows RLIMIT_AS and does not set it
            resource.setrlimit(kind, (lowest, lowest))
    return without_network


def look(path: Path, limits: ProbeLimits) -> dict[str, Any]:
    """What the film is: all its time stamps are read and its first picture is decoded, by capture's own code.

    Raises:
        UnreadableVideoError, InputTooLargeError, TooFewFramesError, FilmTooSmallError: not good for a job.
    """
    # Here and not above: nothing that reads films is loaded before ``confine``.
    from roomsplat.capture.config import CaptureConfig  # noqa: PLC0415 - see above
    from roomsplat.capture.film import decode_film, read_timeline  # noqa: PLC0415 - see above

    bounds = CaptureConfig(
        max_bytes=limits.max_bytes,
        max_pixels=limits.max_pixels,
        max_duration_s=limits.max_duration_s,
        max_input_frames=limits.max_input_frames,
    )
    try:
        timeline = read_timeline(path, bounds)
        first = next(decode_film(path, bounds), None)
    except InputTooLargeError as error:  # capture speaks to somebody who can change its settings
        raise InputTooLargeError(error.message, hint=_HINT_LIMIT) from error
    except InputNotFoundError as error:
        raise UnreadableVideoError(error.message, hint="Upload it again.") from error
    if first is None:
        raise UnreadableVideoError(
            f"No picture of {path} can be decoded: the file is damaged or incomplete.",
            hint="Copy it from the phone again, or film once more.",
        )
    if min(first.width, first.height) < limits.min_side:
        raise FilmTooSmallError(
            f"{path} is {first.width}×{first.height} px; the shorter side must have {limits.min_side} px.",
            hint="Film in 720p or more.",
        )
    count, seconds = len(timeline.ticks), float(timeline.times_s[-1])
    if count < bounds.required_frames:
        raise TooFewFramesError(
            f"{path} has {count} frame{'s' if count > 1 else ''}; at least {bounds.required_frames} are needed.",
            hint="Walk through the room and film for half a minute or more.",
        )
    fps = (count - 1) / seconds
    if fps > limits.max_fps:
        raise InputTooLargeError(
            f"{path} has {fps:,.0f} frames a second; the limit is {limits.max_fps:,.0f}.", hint=_HINT_LIMIT
        )
    return {
        "codec": timeline.codec,
        "width": first.width,
        "height": first.height,
        "num_frames": count,
        "duration_s": round(count / fps, 3),
        "fps": round(fps, 3),
    }


def settle(text: str | None, limits: ProbeLimits) -> dict[str, Any]:
    """The whole tree of settings, from any part of it; what a job of this service may not ask for is refused.

    Raises:
        InvalidSettingError: no JSON, an unknown key, a value that makes no sense or is beyond this service.
    """
    from roomsplat.pipeline.config import config_from_json  # noqa: PLC0415 - not before ``confine``

    try:
        config = config_from_json(text or "{}")
    except RecursionError as error:
        raise InvalidSettingError(
            "The settings are nested too deeply.", hint='Write {"quality": "preview"}.'
        ) from error
    if config.device is not None or config.threads is not None:
        raise InvalidSettingError(
            "A job of this service cannot choose device or threads: its worker does.", hint="Leave both out."
        )
    # The preset's own number is no wish: a service that takes fewer frames must not refuse every job.
    usual_frames = type(config.capture)().max_frames
    asked_frames = config.capture.max_frames if config.capture.max_frames != usual_frames else 0
    wanted = (
        ("capture.frames", config.capture.frames or 0, limits.max_frames),
        ("capture.max_frames", asked_frames, limits.max_frames),
        ("capture.fps", config.capture.fps or 0, limits.max_fps),
        ("train.max_steps", config.train.max_steps, limits.max_steps),
        ("train.max_gaussians", config.train.max_gaussians, limits.max_gaussians),
    )
    for name, value, most in wanted:
        if not value <= most:
            raise InvalidSettingError(
                f"The setting {name} is {value}; this service takes at most {most:,}.", hint="Ask for less."
            )
    capture = dataclasses.replace(
        config.capture,
        max_frames=min(config.capture.max_frames, limits.max_frames),
        max_bytes=min(config.capture.max_bytes, limits.max_bytes),
        max_pixels=min(config.capture.max_pixels, limits.max_pixels),
        max_duration_s=min(config.capture.max_duration_s, limits.max_duration_s),
        max_input_frames=min(config.capture.max_input_frames, limits.max_input_frames),
    )
    tree = dataclasses.asdict(dataclasses.replace(config, capture=capture))
    try:
        return json.loads(json.dumps(tree, allow_nan=False))
    except ValueError as error:
        raise InvalidSettingError(
            "A setting is infinite or not a number.", hint="Give ordinary numbers."
        ) from error


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
