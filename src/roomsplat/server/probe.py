"""Looks at an upload before it becomes a job: its first bytes here, everything else in a child with tight limits.

The child (``probe_child.py``) is the first to decode what a stranger sent. It has its own bounds on memory, processor
time and file size, no network where the kernel allows that, none of the service's secrets, and it dies with us.
"""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar, Literal, cast

from roomsplat.errors import (
    InputTooLargeError,
    InvalidSettingError,
    RoomsplatError,
    TooFewFramesError,
    UnreadableVideoError,
)

Suffix = Literal[".mp4", ".mov", ".mkv", ".webm"]

HEAD_BYTES = 64
"""``sniff`` needs this much of a file."""

_QUICKTIME_ATOMS = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})
_PICTURE_BRANDS = frozenset({b"heic", b"heix", b"mif1", b"avif", b"heim", b"heis"})
_EBML = b"\x1a\x45\xdf\xa3"
_MAX_ANSWER_BYTES = 1024 * 1024
_NAME_LENGTH = 80
_HINT_FILM = "Upload a film as mp4, mov, mkv or webm, straight from the phone or camera."


class UnsupportedFileError(RoomsplatError):
    """The first bytes are not those of a film."""

    code: ClassVar[str] = "unsupported_file"


class CostlyFileError(RoomsplatError):
    """Looking at the file took more memory or time than any film of a room does: damaged, or made to do harm."""

    code: ClassVar[str] = "costly_file"


class FilmTooSmallError(RoomsplatError):
    """The pictures are too small to show a room."""

    code: ClassVar[str] = "film_too_small"


REFUSALS: dict[str, type[RoomsplatError]] = {
    kind.code: kind
    for kind in (
        UnsupportedFileError,
        CostlyFileError,
        FilmTooSmallError,
        UnreadableVideoError,
        InputTooLargeError,
        TooFewFramesError,
        InvalidSettingError,
    )
}
"""What can be wrong with a file or its settings; sending the same again ends the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeLimits:
    """What an upload may be, and what looking at it may cost."""

    max_bytes: int = 4 * 1024**3
    max_duration_s: float = 900.0
    max_pixels: int = 40_000_000
    """Width times height of one picture."""
    min_side: int = 64
    """Shorter side of a picture in px."""
    max_fps: float = 250.0
    max_input_frames: int = 100_000
    """Frames in the film."""
    max_frames: int = 1000
    """Frames that a job may keep, whatever its settings ask for."""
    max_steps: int = 100_000
    """Training steps that a job may ask for."""
    max_gaussians: int = 10_000_000
    """Gaussians that a job may ask for."""
    memory_bytes: int = 2 * 1024**3
    """Address space of the child."""
    cpu_seconds: int = 30
    wall_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """What the upload is."""

    suffix: Suffix
    """By its content, whatever its name says."""
    codec: str
    width: int
    """Of the stored picture, px."""
    height: int
    num_frames: int
    duration_s: float
    fps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """A film that is good to go, with the settings of its job."""

    film: Film
    config: dict[str, object]
    """The whole tree of settings, as in ``config.json``."""


def shown_name(name: str) -> str:
    """A file's name as it may stand in a sentence: without folders, line breaks and other control characters."""
    bare = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(letter for letter in bare if letter.isprintable()).strip()
    return printable[:_NAME_LENGTH] or "the upload"


def sniff(head: bytes, name: str) -> Suffix:
    """The kind of film by its first ``HEAD_BYTES`` bytes.

    Raises:
        UnsupportedFileError: they are not those of a film.
    """
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
        raise UnsupportedFileError(f"{shown_name(name)} is a single picture, not a film.", hint=_HINT_FILM)
    if head[4:8] in _QUICKTIME_ATOMS:
        return ".mp4" if head[4:8] == b"ftyp" and head[8:12] != b"qt  " else ".mov"
    if head[:4] == _EBML:
        return ".webm" if b"webm" in head else ".mkv"
    wrong = "its first bytes are neither mp4/mov nor mkv/webm" if head else "it is empty"
    raise UnsupportedFileError(f"{shown_name(name)} is no film: {wrong}.", hint=_HINT_FILM)


class Prober:
    """Looks at uploads, a few at a time."""

    def __init__(self, limits: ProbeLimits, *, at_once: int = 2) -> None:
        """Args: ``at_once``: children that may run beside each other; the next waits."""
        self.limits, self.at_once = limits, at_once
        self._turn = threading.BoundedSemaphore(at_once)

    def probe(self, path: Path, *, name: str, config: str | None = None) -> Probed:
        """Look at the film at ``path``, which its owner calls ``name``, and at the settings for its job (JSON text).

        Raises:
            UnsupportedFileError, CostlyFileError, FilmTooSmallError, UnreadableVideoError, InputTooLargeError,
                TooFewFramesError: the file is not good for a job.
            InvalidSettingError: the settings are wrong.
        """
        with path.open("rb") as file:
            suffix = sniff(file.read(HEAD_BYTES), name)
        answer = self._ask(path, name, config)
        return Probed(film=Film(suffix=suffix, **answer["film"]), config=answer["config"])

    def settle(self, config: str | None) -> dict[str, object]:
        """The whole tree of settings for a job, from any part of it (JSON text).

        Raises:
            InvalidSettingError: no JSON, an unknown key, a value that makes no sense or is beyond this service.
        """
        return self._ask(None, "", config)["config"]

    def _ask(self, path: Path | None, name: str, config: str | None) -> dict[str, Any]:
        question = {
            "path": None if path is None else str(path.resolve()),
            "name": shown_name(name),
            "config": config,
            "limits": dataclasses.asdict(self.limits),
        }
        with self._turn, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            code = _run_child(json.dumps(question).encode(), output, errors, self.limits.wall_seconds)
            answer = _parse(_content(output)) if code == 0 else None
            if answer is None:
                raise _ended_badly(code, shown_name(name), _content(errors).decode("utf-8", "replace"))
        if "error" in answer:
            error = answer["error"]
            raise REFUSALS[error["code"]](error["message"], hint=error["hint"])
        return answer


def _run_child(question: bytes, output: IO[bytes], errors: IO[bytes], wall_seconds: float) -> int | None:
    """The child's exit code; ``None`` where it took too long and was killed.

    It answers into files and not into pipes: its limit on file size bounds what it can make us read.
    """
    # -P: a json.py where the service stands must not be taken for Python's own. -B: it may write no file.
    command = [sys.executable, "-P", "-B", "-m", "roomsplat.server.probe_child", str(os.getpid())]
    kept = {
        name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ
    }
    environment = kept | {"OPENBLAS_NUM_THREADS": "1"}  # a pool of threads would eat the address space
    try:
        child = subprocess.run(  # noqa: S603 - our own module, with no word of the user's
            command,
            input=question,
            stdout=output,
            stderr=errors,
            env=environment,
            timeout=wall_seconds,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return child.returncode


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(_MAX_ANSWER_BYTES)


def _parse(answer: bytes) -> dict[str, Any] | None:
    try:
        content: object = json.loads(answer)
    except ValueError:
        return None
    return cast("dict[str, Any]", content) if isinstance(content, dict) else None


def _ended_badly(code: int | None, name: str, errors: str) -> RoomsplatError:
    """A child that was killed has met its limits; one that fell over by itself is a bug of ours."""
    assert code is None or code < 0, f"the probe ended with code {code}: {errors[-2000:]}"
    return CostlyFileError(
        f"Looking at {name} took more memory or time than a film of a room does; it may be damaged.",
        hint="Play the file to see whether it is whole, convert it to H.264 in mp4, or film again.",
    )
