"""Uploads that may be interrupted: each is a file that grows and a small record beside it.

The file's length is the offset, so there is no second number that could differ from it after a crash. One writer at a
time holds a lock on the file, which the kernel takes back from a process that dies. Why not tuspyserver:
docs/decisions/0041.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

from roomsplat.errors import InputTooLargeError, RoomsplatError
from roomsplat.server.jobs_base import is_id, new_id
from roomsplat.server.probe import REFUSALS, shown_name

_MAX_CONFIG_LENGTH = 64 * 1024
_SWEEP_EVERY_S = 600.0


class UploadNotFoundError(RoomsplatError):
    """There is no such upload, or it is another user's."""

    code: ClassVar[str] = "upload_not_found"

    def __init__(self, upload_id: str) -> None:
        """Args: ``upload_id``: what was asked for."""
        super().__init__(
            f"There is no upload {upload_id[:40]!r}.", hint="Begin a new one with POST /api/uploads."
        )


class UploadExpiredError(RoomsplatError):
    """Nothing came for so long that the upload was given up."""

    code: ClassVar[str] = "upload_expired"


class UploadLockedError(RoomsplatError):
    """Another request is writing to this upload."""

    code: ClassVar[str] = "upload_locked"

    def __init__(self) -> None:
        """No arguments."""
        super().__init__(
            "Another request is writing to this upload.", hint="Wait a moment, ask for the offset, and go on."
        )


class UploadOffsetError(RoomsplatError):
    """The bytes that were sent do not continue what is there."""

    code: ClassVar[str] = "upload_offset_mismatch"

    def __init__(self, here: int, offset: int) -> None:
        """Args: ``here``: the bytes that are here. ``offset``: where the request went on."""
        super().__init__(
            f"The upload has {here} bytes, but the request goes on at {offset}.",
            hint="Ask for the offset with HEAD and send the bytes from there.",
        )


class InvalidUploadError(RoomsplatError):
    """A header of the upload is missing or wrong."""

    code: ClassVar[str] = "invalid_upload"


class TooManyUploadsError(RoomsplatError):
    """The user has begun too many uploads and finished none of them."""

    code: ClassVar[str] = "too_many_uploads"


class StorageFullError(RoomsplatError):
    """There is no space for this."""

    code: ClassVar[str] = "storage_full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One upload at one moment."""

    id: str
    owner_id: str
    length: int
    """Bytes of the whole file."""
    offset: int
    """Bytes that are here."""
    name: str
    """The file's name as its owner knows it: shown, never used as a path."""
    config: str | None
    """The settings for its job, JSON text."""
    metadata: str
    """What its creator said of it, as it was sent."""
    job_id: str | None
    """Its job, once it was whole and good."""
    expires_at: float
    """Seconds since 1970; later with every byte that comes."""


Accept = Callable[[Upload, Path], str]
"""Makes a job of a whole upload and gives its id: looks at the file, moves it away and queues the job."""


class Uploads:
    """A folder of uploads."""

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        lifetime_s: float = 24 * 3600.0,
        max_open_per_user: int = 10,
        spare_bytes: int = 1024**3,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Args: ``folder``: of this class alone. ``spare_bytes``: that a new upload must leave free on the disk."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self.max_bytes, self._lifetime_s = folder.resolve(), max_bytes, lifetime_s
        self._max_open, self._spare, self._clock = max_open_per_user, spare_bytes, clock
        self._next_sweep = 0.0

    def create(
        self, owner_id: str, *, length: int, name: str, config: str | None = None, metadata: str = ""
    ) -> Upload:
        """Begin an upload of ``length`` bytes.

        Raises:
            InputTooLargeError: more than ``max_bytes``.
            InvalidUploadError: the settings are too long.
            TooManyUploadsError, StorageFullError: not now.
        """
        if length > self.max_bytes:
            raise InputTooLargeError(
                f"The video has {length / 2**20:,.1f} MiB; the limit is {self.max_bytes / 2**20:,.1f} MiB.",
                hint="Film shorter or with a lower resolution: one minute in 1080p is enough for a room.",
            )
        if config is not None and len(config) > _MAX_CONFIG_LENGTH:
            raise InvalidUploadError("The settings are too long.", hint="Send only those that you change.")
        if self._clock() >= self._next_sweep:
            self.expire()
        still = [upload for upload in self._all() if upload.job_id is None]
        if sum(upload.owner_id == owner_id for upload in still) >= self._max_open:
            raise TooManyUploadsError(
                f"You have {self._max_open} unfinished uploads.", hint="Finish or delete one of them first."
            )
        promised = sum(upload.length - upload.offset for upload in still)
        if shutil.disk_usage(self._folder).free < length + promised + self._spare:
            raise StorageFullError(
                "The service has no space left for this video.",
                hint="Delete jobs that you no longer need, or ask whoever runs this service for space.",
            )
        upload_id = new_id()
        upload = Upload(
            id=upload_id,
            owner_id=owner_id,
            length=length,
            offset=0,
            name=shown_name(name),
            config=config,
            metadata=metadata,
            job_id=None,
            expires_at=self._clock() + self._lifetime_s,
        )
        self._part(upload_id).touch(exist_ok=False)
        self._save(upload)
        return upload

    def get(self, upload_id: str, owner_id: str) -> Upload:
        """How far an upload is.

        Raises:
            UploadNotFoundError: none of this user's.
            UploadExpiredError: its time is over.
        """
        upload = self._load(upload_id) if is_id(upload_id) else None
        if upload is None or upload.owner_id != owner_id:
            raise UploadNotFoundError(upload_id)
        if upload.expires_at <= self._clock():
            raise UploadExpiredError(
                "This upload was given up: nothing came for too long.",
                hint="Begin a new one with POST /api/uploads.",
            )
        return upload

    @contextlib.contextmanager
    def writer(self, upload_id: str, owner_id: str, offset: int) -> Generator["Writer"]:
        """The one writer of an upload, which goes on at ``offset``; what it wrote is on the disk when it ends.

        Raises:
            UploadNotFoundError, UploadExpiredError: see ``get``.
            UploadLockedError: there is a writer already.
            UploadOffsetError: ``offset`` is not where the upload ends.
        """
        upload = self.get(upload_id, owner_id)
        if upload.job_id is not None:  # its file is the job's now
            raise UploadOffsetError(upload.offset, offset)
        with self._locked(upload_id) as file:
            upload = self.get(upload_id, owner_id)
            if offset != upload.offset:
                raise UploadOffsetError(upload.offset, offset)
            yield Writer(self, upload, file)
            file.flush()
            os.fsync(file.fileno())

    def delete(self, upload_id: str, owner_id: str) -> None:
        """Remove an upload; a job that it became stays.

        Raises:
            UploadNotFoundError, UploadExpiredError: see ``get``.
            UploadLockedError: a request is writing to it.
        """
        upload = self.get(upload_id, owner_id)
        if upload.job_id is None:
            with self._locked(upload_id):
                self._remove(upload_id)
        else:
            self._remove(upload_id)

    def expire(self) -> int:
        """Remove the uploads whose time is over; how many."""
        now = self._clock()
        self._next_sweep = now + _SWEEP_EVERY_S
        removed = 0
        for record in self._folder.glob("*.json"):
            upload = self._load(record.stem)
            if upload is not None and upload.expires_at > now:
                continue
            # Without its file it is what a crash left of a finished or a removed upload.
            with contextlib.suppress(UploadLockedError, UploadNotFoundError):
                with (
                    self._locked(record.stem)
                    if self._part(record.stem).exists()
                    else contextlib.nullcontext()
                ):
                    self._remove(record.stem)
                removed += 1
        return removed

    def finish(self, upload: Upload, accept: Accept) -> str:
        """Make a job of a whole upload, whose writer the caller is; the job's id.

        A file or settings that no second try would make better end the upload.

        Raises:
            RoomsplatError: whatever ``accept`` found.
        """
        # A second name for the same bytes: accept may move it, and the upload is still whole if nothing comes of it.
        whole = self._folder / f".whole-{upload.id}"
        whole.unlink(missing_ok=True)
        os.link(self._part(upload.id), whole)
        try:
            job_id = accept(upload, whole)
        except RoomsplatError as error:
            if error.code in REFUSALS:
                self._remove(upload.id)
            raise
        finally:
            whole.unlink(missing_ok=True)
        self._save(dataclasses.replace(upload, offset=upload.length, job_id=job_id))
        self._part(upload.id).unlink()
        return job_id

    def _part(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.part"

    def _record(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.json"

    def _all(self) -> list[Upload]:
        found = (self._load(record.stem) for record in self._folder.glob("*.json"))
        return [upload for upload in found if upload is not None]

    def _load(self, upload_id: str) -> Upload | None:
        """``None``: there is none, or only half of one."""
        try:
            known = json.loads(self._record(upload_id).read_text("utf-8"))
            touched = self._record(upload_id).stat()
            if known["job_id"] is None:
                touched = self._part(upload_id).stat()
        except FileNotFoundError:
            return None
        offset = known["length"] if known["job_id"] is not None else touched.st_size
        return Upload(id=upload_id, offset=offset, expires_at=touched.st_mtime + self._lifetime_s, **known)

    def _save(self, upload: Upload) -> None:
        names = ("owner_id", "length", "name", "config", "metadata", "job_id")
        known = {name: getattr(upload, name) for name in names}
        half = self._folder / f".half-{secrets.token_urlsafe(8)}"
        half.write_text(json.dumps(known), "utf-8")
        half.replace(self._record(upload.id))

    def _remove(self, upload_id: str) -> None:
        self._record(upload_id).unlink(missing_ok=True)
        self._part(upload_id).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self, upload_id: str) -> Generator[BinaryIO]:
        """The upload's file, for its one writer."""
        part = self._part(upload_id)
        try:
            file = part.open("r+b", buffering=0)
        except FileNotFoundError as error:
            raise UploadNotFoundError(upload_id) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UploadLockedError from error
            # Between opening and locking, the one who held the lock may have finished or removed it.
            if not part.exists() or os.fstat(file.fileno()).st_ino != part.stat().st_ino:
                raise UploadNotFoundError(upload_id)
            yield file


class Writer:
    """Adds to an upload. Not for several threads at once."""

    def __init__(self, uploads: Uploads, upload: Upload, file: BinaryIO) -> None:
        """Args: ``file``: locked; ``Uploads.writer`` makes writers."""
        self._uploads, self._start, self._file = uploads, upload.offset, file
        self.upload = upload

    def write(self, data: bytes) -> None:
        """Append.

        Raises:
            InvalidUploadError: more than was announced; nothing of this request is kept.
        """
        upload = self.upload
        if upload.offset + len(data) > upload.length:
            self._file.truncate(self._start)
            self.upload = dataclasses.replace(upload, offset=self._start)
            raise InvalidUploadError(
                f"More bytes came than the {upload.length} that were announced.",
                hint="Begin a new upload with the right Upload-Length.",
            )
        self._file.seek(upload.offset)
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        self.upload = dataclasses.replace(upload, offset=upload.offset + len(data))

    @property
    def whole(self) -> bool:
        """Whether every byte is here."""
        return self.upload.offset == self.upload.length

    def finish(self, accept: Accept) -> str:
        """Make a job of the whole upload; the job's id."""
        assert self.whole
        os.fsync(self._file.fileno())
        return self._uploads.finish(self.upload, accept)
