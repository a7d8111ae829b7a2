"""Where a worker works on a job, and how what it makes gets to where users find it."""

import os
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from roomsplat.server.files import FileStore
from roomsplat.server.records import JobRecord

Event = Mapping[str, Any]


class GivenUpError(Exception):
    """Work with files was ended because nobody wants its result any more. Never leaves the worker."""


class Place(Protocol):
    """The place of one attempt. What takes long goes on in the background, and its ``Future`` tells when it is done."""

    video: Path
    """What the pipeline reads; there after ``fetch``."""
    out: Path
    """What it writes into."""

    def fetch(self) -> Future[None]:
        """Bring the video and what earlier attempts have finished."""
        ...

    def pass_on(self, events: Iterable[Event]) -> list[Event]:
        """Bring what the events tell of to where users find it; those that may be told now.

        An event that names a file is told once the file is there.
        """
        ...

    def keep(self) -> Future[None]:
        """Bring what another attempt could go on from, half a training included, to where it finds it."""
        ...

    def publish(self) -> Future[None]:
        """Bring the results of a successful run to where users find them."""
        ...

    def give_up(self) -> None:
        """End what is under way in the background, soon: its ``Future`` raises GivenUpError."""
        ...

    def close(self, *, forget: bool) -> None:
        """Wait until nothing is under way; ``forget``: this host need not know anything of the job any more."""
        ...


class LocalPlace:
    """The storage folder itself: everything is made where users find it."""

    def __init__(self, storage: Path, job: JobRecord) -> None:
        """Args: ``storage``: the folder of the service."""
        self._storage, self._job_id = storage, job.id
        self.video, self.out = storage / job.source_path, storage / "models" / job.id

    def fetch(self) -> Future[None]:
        """See ``Place``."""
        return _done()

    def pass_on(self, events: Iterable[Event]) -> list[Event]:
        """See ``Place``."""
        return list(events)

    def keep(self) -> Future[None]:
        """See ``Place``."""
        return _done()

    def publish(self) -> Future[None]:
        """``models/ID.ply`` is the scene and ``frames/ID`` the pictures, as users of the older recipe know them."""
        models, name = self._storage / "models", self._job_id
        part = models / f".{name}.part"
        with suppress(FileNotFoundError):
            part.unlink()
        try:
            os.link(self.out / "scene.ply", part)
        except OSError:  # a file system without links
            shutil.copyfile(self.out / "scene.ply", part)
        part.replace(models / f"{name}.ply")
        frames = self._storage / "frames" / name
        frames.parent.mkdir(exist_ok=True)
        if not frames.is_symlink():
            frames.symlink_to(Path("..") / "models" / name / "work" / "capture", target_is_directory=True)
        return _done()

    def give_up(self) -> None:
        """See ``Place``."""

    def close(self, *, forget: bool) -> None:
        """See ``Place``: what is here is what users have."""


def _done() -> Future[None]:
    done: Future[None] = Future()
    done.set_result(None)
    return done


def clear_unfinished(out: Path) -> None:
    """Delete the halves of stages that no later run can continue: after a full disk they are what fills it."""
    for stage in ("capture", "sfm", "posefree", "mesh", "export"):  # the half of a training is its checkpoint
        shutil.rmtree(out / "work" / f".{stage}.part", ignore_errors=True)


def remove_job_files(files: FileStore, storage: Path, job_id: str, source: str | None) -> None:
    """Remove everything of a job; ``source`` is its video's name in the store, if that is known."""
    for name in (source, f"models/{job_id}.ply", f"frames/{job_id}"):
        if name is not None:
            files.delete(name)
    files.delete_prefix(f"models/{job_id}")
    for suffix in (".log", ".json"):
        (storage / "logs" / "jobs" / f"{job_id}{suffix}").unlink(missing_ok=True)
