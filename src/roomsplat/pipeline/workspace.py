"""The folder of one run: which stages are done, and how a stage's result appears whole or not at all.

``OUT/work/<stage>/`` exists only when the stage finished: it is written under ``.<stage>.part`` and renamed. Its
``manifest.json`` holds a key, the hash of everything that the result depends on (package version, settings, the keys of
its inputs). Resuming is: the manifest's key equals → take the result. Training keeps its checkpoint in the unfinished
folder, and that folder is continued when its key still matches.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, Literal

from roomsplat._version import __version__
from roomsplat.capture.folder import is_picture
from roomsplat.errors import InputNotFoundError, OutputError
from roomsplat.pipeline.events import Stage

Step = Stage | Literal["posefree", "mesh"]
"""What leaves a folder: every stage, the placing of lost frames, which the events count to ``sfm``, and the mesh, which
they count to ``export``."""

try:
    import fcntl
except ImportError:  # Windows has no flock: two runs in one folder are the user's to avoid there
    fcntl = None

MARKER = ".roomsplat"
"""A file in ``work`` that tells our folders from a user's: only ours are ever overwritten."""

SAMPLE_BYTES = 1 << 20
"""A film is recognised by its size and three samples of this length: hashing 4 GB would take 10 s."""


def stage_key(settings: object, *inputs: str) -> str:
    """A hash of the package version, the stage's settings (a dataclass or plain data) and its inputs' keys."""
    plain: Any = asdict(settings) if is_dataclass(settings) and not isinstance(settings, type) else settings
    text = json.dumps([__version__, plain, *inputs], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def source_key(source: Path) -> str:
    """A hash that recognises a film or a folder of images.

    Raises:
        InputNotFoundError: there is nothing at ``source``.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        if source.is_dir():
            for path in sorted(p for p in source.iterdir() if is_picture(p)):
                stat = path.stat()
                digest.update(f"{path.name}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
        else:
            size = source.stat().st_size
            digest.update(str(size).encode())
            with source.open("rb") as file:
                for start in (0, size // 2, max(size - SAMPLE_BYTES, 0)):
                    file.seek(start)
                    digest.update(file.read(SAMPLE_BYTES))
    except FileNotFoundError as error:
        raise InputNotFoundError(
            f"There is no file or folder at {source}.",
            hint="Check the path of the video or the folder of images.",
        ) from error
    except PermissionError as error:
        raise InputNotFoundError(
            f"{source} may not be read by this user.", hint="Change its permissions or copy it elsewhere."
        ) from error
    return digest.hexdigest()


class Workspace:
    """``OUT`` and its ``work`` folder."""

    def __init__(self, out: Path) -> None:
        """Create the folders.

        Raises:
            OutputError: they cannot be created or written, or ``out`` holds somebody else's files.
        """
        self.out, self.work = out, out / "work"
        marker = self.work / MARKER
        try:
            if out.is_dir() and any(out.iterdir()) and not marker.exists():
                raise OutputError(
                    f"{out} is not empty and not a folder of an earlier run.",
                    hint="Choose a new folder with -o, so that nothing of yours is overwritten.",
                )
            self.work.mkdir(parents=True, exist_ok=True)
            marker.touch()
            probe = self.work / f".probe-{os.getpid()}"
            probe.write_bytes(b"roomsplat")
            probe.unlink()
        except OSError as error:
            raise OutputError(
                f"The output folder {out} cannot be written ({error.strerror}).",
                hint="Choose another folder with -o, or free space and check its permissions.",
            ) from error

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """Keep a second run out of this folder; the system drops the lock when the process ends, however it ends.

        Raises:
            OutputError: another run is at work here.
        """
        with (self.work / ".lock").open("w") as lock:
            if fcntl is not None:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise OutputError(
                        f"Another roomsplat run is at work in {self.out}.",
                        hint="Wait for it, stop it, or choose another folder with -o.",
                    ) from error
            yield

    def folder(self, stage: Step) -> Path:
        """Where the stage's finished result lies."""
        return self.work / stage

    def is_done(self, stage: Step, key: str) -> bool:
        """Whether the stage's finished result for this key is there."""
        return _read_manifest(self.folder(stage)).get("key") == key

    def seconds(self, stage: Step) -> float:
        """What the finished stage took, interrupted attempts that it continued included."""
        return float(_read_manifest(self.folder(stage))["seconds"])

    @contextmanager
    def produce(self, stage: Step, key: str, *, resumable: bool = False) -> Generator[Path]:
        """A folder to write the stage's result into; it takes the stage's name when the block ends without an error.

        With ``resumable`` the unfinished folder of an earlier attempt with the same key is continued, and the time
        already spent counts.
        """
        part, final = self.work / f".{stage}.part", self.folder(stage)
        earlier = _read_manifest(part) if resumable else {}
        if earlier.get("key") != key:
            earlier = {}
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
        spent, started = float(earlier.get("seconds", 0.0)), time.monotonic()
        _write_manifest(part, key, spent)
        try:
            yield part
        finally:
            with suppress(OSError):  # a full disk must not hide the error that is already on its way
                _write_manifest(part, key, spent + time.monotonic() - started)
        shutil.rmtree(final, ignore_errors=True)
        part.rename(final)


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "manifest.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def _write_manifest(folder: Path, key: str, seconds: float) -> None:
    content = {"key": key, "version": __version__, "seconds": round(seconds, 3)}
    write_text_whole(folder / "manifest.json", json.dumps(content, indent=1))


def shown_name(path: Path) -> str:
    """A file's name as text that can be written: bytes that are no UTF-8 become replacement characters."""
    return os.fsencode(path.name).decode("utf-8", errors="replace")


def write_text_whole(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old or the new content, never half of one."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
