"""Where the service keeps files: a folder here, or an S3-compatible store (``object_files.py``); ``stores.py`` chooses.

Names in the store are relative, such as ``models/{id}/scene.ply``; no name, whoever made it, leads out of the store.
"""

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar, Protocol

from roomsplat.errors import RoomsplatError

BLOCK_BYTES = 256 * 1024
"""A file is read in pieces of this size."""

# A part begins with a letter, digit, - or _: what begins with a dot is ours, half written or half deleted.
_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_MAX_PARTS = 16


class FileNotInStoreError(RoomsplatError):
    """There is no file of this name, or the name is none that the store gives out."""

    code: ClassVar[str] = "file_not_found"

    def __init__(self, name: str) -> None:
        """Args: ``name``: what was asked for."""
        super().__init__(
            f"There is no file {name[:120]!r}.", hint="See the list of files in the job's description."
        )


class FileChangedError(Exception):
    """Between looking at a file and reading it, another one took its place: look again. Never leaves the service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStat:
    """What is known of a stored file."""

    size: int
    """Bytes."""
    etag: str
    """Changes when the content does; without the quotation marks that HTTP puts around it."""
    modified: float
    """When it was stored or last written, in seconds since 1970."""


class FileStore(Protocol):
    """What the service asks of a store.

    Every method raises FileNotInStoreError for a name that is unsafe, and those that read also for one that is not
    there. Errors of the disk pass through as OSError; a remote store that does not answer, or does not let us in, is
    StorageUnavailableError.
    """

    def put(self, name: str, local: Path, *, move: bool = False) -> FileStat:
        """Store a local file under ``name``: all of it or nothing; what was there is replaced.

        ``move``: the local file is not needed any more and is gone afterwards.
        """
        ...

    def stat(self, name: str) -> FileStat:
        """Size and version."""
        ...

    def copy(self, name: str, to: str) -> None:
        """Store the same content under another name as well, inside the store: all of it or nothing."""
        ...

    def open_range(self, name: str, start: int, stop: int, *, etag: str | None = None) -> Iterator[bytes]:
        """The bytes from ``start`` to before ``stop``, in pieces; the file is opened before the first is asked for.

        Args:
            name: the file.
            start: the first byte.
            stop: behind the last byte; behind the end is as good as the end.
            etag: of the version that is meant.

        Raises:
            FileChangedError: the file is another version than ``etag`` by now.
        """
        ...

    def fetch(self, name: str, local: Path) -> None:
        """Write the file to a local path: all of it or nothing."""
        ...

    def list_files(self, folder: str) -> list[str]:
        """The names of all files below ``folder``, sorted; none when there is no such folder."""
        ...

    def stat_files(self, folder: str) -> dict[str, FileStat]:
        """The same with what is known of each, in one go."""
        ...

    def delete(self, name: str) -> None:
        """Remove one file; nothing happens when it is not there."""
        ...

    def delete_prefix(self, folder: str) -> None:
        """Remove everything below ``folder``; nothing happens when it is not there."""
        ...


def parts_of(name: str) -> tuple[str, ...]:
    """The parts of a safe name.

    Raises:
        FileNotInStoreError: the name is absolute, climbs (``..``), is hidden, or has other letters than files of ours.
    """
    parts = tuple(name.split("/"))
    if len(parts) > _MAX_PARTS or not all(_PART.fullmatch(part) for part in parts):
        raise FileNotInStoreError(name)
    return parts


class LocalFileStore:
    """A folder. Links inside it are followed as long as they stay in it."""

    def __init__(self, root: Path) -> None:
        """Args: ``root``: the folder; made when it is not there."""
        root.mkdir(parents=True, exist_ok=True)
        self._root = root.resolve()

    def put(self, name: str, local: Path, *, move: bool = False) -> FileStat:
        """See ``FileStore``."""
        target = self._place(name)
        self._inside(target.parent, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if move:
            with contextlib.suppress(OSError):  # another disk, most likely: copied below
                local.replace(target)
                return self.stat(name)
        _write_whole(local, target)
        if move:
            local.unlink()
        return self.stat(name)

    def stat(self, name: str) -> FileStat:
        """See ``FileStore``."""
        with self._open(name) as file:
            return _stat_of(file)

    def copy(self, name: str, to: str) -> None:
        """See ``FileStore``."""
        with self._open(name):
            self.put(to, self._place(name))

    def open_range(self, name: str, start: int, stop: int, *, etag: str | None = None) -> Iterator[bytes]:
        """See ``FileStore``."""
        file = self._open(name)
        if etag is not None and _stat_of(file).etag != etag:
            file.close()
            raise FileChangedError
        file.seek(start)
        return _read(file, max(stop - start, 0))

    def fetch(self, name: str, local: Path) -> None:
        """See ``FileStore``."""
        with self._open(name):  # so that its name is checked once, and by one rule
            _write_whole(self._place(name), local)

    def list_files(self, folder: str) -> list[str]:
        """See ``FileStore``."""
        place = self._place(folder)
        if not place.is_dir() or not self._stays_in(place):
            return []
        names = [file.relative_to(self._root).as_posix() for file in place.rglob("*") if file.is_file()]
        return sorted(name for name in names if all(_PART.fullmatch(part) for part in name.split("/")))

    def stat_files(self, folder: str) -> dict[str, FileStat]:
        """See ``FileStore``."""
        found: dict[str, FileStat] = {}
        for name in self.list_files(folder):
            with contextlib.suppress(FileNotInStoreError):  # it went meanwhile
                found[name] = self.stat(name)
        return found

    def delete(self, name: str) -> None:
        """See ``FileStore``."""
        place = self._place(name)
        self._inside(place.parent, name)
        with contextlib.suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
            place.unlink()

    def delete_prefix(self, folder: str) -> None:
        """See ``FileStore``. The folder is gone at once under its name, its content a moment later."""
        place = self._place(folder)
        self._inside(place.parent, folder)
        if place.is_symlink():  # the link goes, what it points to is not ours to delete
            place.unlink()
        elif place.is_dir():
            doomed = place.with_name(f".gone-{secrets.token_urlsafe(8)}")
            with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
                place.rename(doomed)
                shutil.rmtree(doomed)

    def _place(self, name: str) -> Path:
        return self._root.joinpath(*parts_of(name))

    def _stays_in(self, place: Path) -> bool:
        return place.resolve().is_relative_to(self._root)

    def _inside(self, place: Path, name: str) -> None:
        if not self._stays_in(place):
            raise FileNotInStoreError(name)

    def _open(self, name: str) -> BinaryIO:
        place = self._place(name)
        self._inside(place, name)
        # A special file (a pipe) would wait for ever.
        if not place.is_file():
            raise FileNotInStoreError(name)
        try:
            return place.open("rb")
        except FileNotFoundError as error:
            raise FileNotInStoreError(name) from error


def _stat_of(file: BinaryIO) -> FileStat:
    found = os.fstat(file.fileno())
    etag = f"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"
    return FileStat(size=found.st_size, etag=etag, modified=found.st_mtime)


def _read(file: BinaryIO, left: int) -> Iterator[bytes]:
    with file:
        while left > 0 and (block := file.read(min(BLOCK_BYTES, left))):
            left -= len(block)
            yield block


def _write_whole(source: Path, target: Path) -> None:
    """Copy under another name, then rename: whoever looks sees the old file, the new one, or none."""
    half = target.with_name(f".half-{secrets.token_urlsafe(8)}")
    try:
        with source.open("rb") as reading, half.open("xb") as writing:
            shutil.copyfileobj(reading, writing, 1024 * 1024)
            writing.flush()
            os.fsync(writing.fileno())
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)
