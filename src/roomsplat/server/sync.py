"""A worker whose files are in a bucket: it works in a folder of its own and brings everything to and fro.

``models/ID/work/STAGE.tar`` is a finished stage for a worker on another host, ``STAGE.json`` its manifest, from which
it is seen that it need not be moved. One thread carries everything, in order; before each file it looks whether the
worker still holds the job. Why so: docs/decisions/0043.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TypeVar

from roomsplat.errors import InputNotFoundError
from roomsplat.server.errors import StorageUnavailableError
from roomsplat.server.files import FileNotInStoreError, FileStore, parts_of
from roomsplat.server.outputs import Event, GivenUpError, LocalPlace, Place
from roomsplat.server.parcels import DamagedParcelError, pack, unpack
from roomsplat.server.records import JobRecord
from roomsplat.server.settings import ServerSettings

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")

STAGES = ("capture", "sfm", "train", "export")
CHECKPOINT = "train.checkpoint"
"""The half of a training, which a worker that was stopped in good order leaves for the next one."""

MARKER = ".roomsplat"
"""By this file in ``work`` the pipeline knows that the folder is its own."""

_AT_ONCE = 4
"""Files that are sent at once: pictures are small and many."""
_SECONDS_BETWEEN_TRIES = 1.0


class BucketPlace:
    """See ``outputs.Place``. Not for several threads at once, but for ``give_up``."""

    def __init__(
        self,
        store: FileStore,
        job: JobRecord,
        *,
        scratch: Path,
        check: Callable[[], None],
        patience_seconds: float,
    ) -> None:
        """Work below ``scratch``, which belongs to this worker alone.

        Args:
            store: where everything is kept.
            job: the job.
            scratch: a folder on this host.
            check: raises when the worker does not hold the job any more; asked before each file.
            patience_seconds: how long a store that does not answer is asked again.
        """
        self._store, self._job, self._scratch, self._check = store, job, scratch, check
        self._patience = patience_seconds
        self._folder = scratch / job.id
        self.video = self._folder / PurePosixPath(job.source_path).name
        self.out = self._folder / "out"
        self._carrier = ThreadPoolExecutor(1, thread_name_prefix="sync")
        self._waiting: dict[str, Future[None]] = {}
        self._held: list[tuple[Future[None], Event]] = []
        self._sent: dict[str, tuple[int, int]] = {}
        self._manifests: dict[str, bytes] = {}
        self._given_up = threading.Event()

    def fetch(self) -> Future[None]:
        """See ``Place``."""
        return self._carrier.submit(self._fetch)

    def pass_on(self, events: Iterable[Event]) -> list[Event]:
        """See ``Place``."""
        told: list[Event] = []
        for event in events:
            match event["event"]:
                case "cameras_found":
                    self._held.append((self._soon("cameras", self._send_cameras), event))
                case "snapshot_written":
                    self._held.append((self._soon("live", self._send_live), event))
                case "stage_finished" if event.get("stage") in STAGES:
                    stage = str(event["stage"])
                    self._soon(stage, lambda stage=stage: self._send_stage(stage))
                    told.append(event)
                case _:
                    told.append(event)
        arrived = [event for sent, event in self._held if sent.done() and not sent.exception()]
        self._held = [(sent, event) for sent, event in self._held if not sent.done()]
        return [*told, *arrived]

    def keep(self) -> Future[None]:
        """See ``Place``."""
        return self._carrier.submit(self._keep)

    def publish(self) -> Future[None]:
        """See ``Place``. Looks at an unfinished scene are gone when the finished one is there."""
        self._held = [(sent, event) for sent, event in self._held if event["event"] != "snapshot_written"]
        return self._carrier.submit(self._publish)

    def give_up(self) -> None:
        """See ``Place``."""
        self._given_up.set()

    def close(self, *, forget: bool) -> None:
        """See ``Place``."""
        self.give_up()
        self._carrier.shutdown(wait=True, cancel_futures=True)
        if forget:
            shutil.rmtree(self._folder, ignore_errors=True)

    # ------------------------------------------------------------------------------------------- in the background

    def _soon(self, what: str, send: Callable[[], None]) -> Future[None]:
        """Send it when its turn comes; what waits for its turn already is sent as it is by then."""

        def begin() -> None:
            self._waiting.pop(what, None)
            try:
                send()
            except StorageUnavailableError as error:  # the end of the run tries once more, and is told of it
                log.warning("%s could not be sent: %s", what, error.message)
                raise

        if what not in self._waiting:
            self._waiting[what] = self._carrier.submit(begin)
        return self._waiting[what]

    def _patiently(self, work: Callable[[], _Result]) -> _Result:
        """Do one thing with the store, again and again while that does not answer.

        Raises:
            GivenUpError: nobody wants it any more.
            StorageUnavailableError: our patience is at its end.
            StaleLeaseError: the job is another worker's.
        """
        deadline = time.monotonic() + self._patience
        while True:
            if self._given_up.is_set():
                raise GivenUpError
            self._check()
            try:
                return work()
            except StorageUnavailableError as error:
                if time.monotonic() >= deadline:
                    raise
                log.warning("%s Trying again.", error.message)
                self._given_up.wait(_SECONDS_BETWEEN_TRIES)

    def _name(self, name: str) -> str:
        return f"models/{self._job.id}/{name}"

    def _fetch(self) -> None:
        for other in self._scratch.glob("*"):
            if other != self._folder:  # what a worker of this place left that was killed or stopped
                shutil.rmtree(other, ignore_errors=True)
        work = self.out / "work"
        work.mkdir(parents=True, exist_ok=True)
        (work / MARKER).touch()
        try:
            if not self.video.exists():
                self._patiently(lambda: self._store.fetch(self._job.source_path, self.video))
        except FileNotInStoreError as error:
            raise InputNotFoundError(
                "The job's video is not there any more.", hint="Upload it again."
            ) from error
        there = self._patiently(lambda: self._store.list_files(self._name("work")))
        for stage in STAGES:
            if self._name(f"work/{stage}.tar") in there:
                self._fetch_parcel(stage, work / stage)
        if self._name(f"work/{CHECKPOINT}.tar") in there and not (work / ".train.part").exists():
            self._fetch_parcel(CHECKPOINT, work / ".train.part")

    def _fetch_parcel(self, what: str, folder: Path) -> None:
        stored = self._patiently(lambda: self._read(f"work/{what}.json"))
        if stored and stored == _manifest(folder):
            self._manifests[what] = stored
            return
        parcel = self._folder / f".{what}.tar"
        try:
            self._patiently(lambda: self._store.fetch(self._name(f"work/{what}.tar"), parcel))
            unpack(parcel, folder)
            self._manifests[what] = stored
        except (FileNotInStoreError, DamagedParcelError) as error:
            log.warning("%s is not taken from the store: %s", what, error)
        finally:
            parcel.unlink(missing_ok=True)

    def _read(self, name: str) -> bytes:
        try:
            return b"".join(self._store.open_range(self._name(name), 0, 1 << 16))
        except FileNotInStoreError:
            return b""

    def _send_cameras(self) -> None:
        self._send_all(name for name in self._outputs() if name.startswith("cameras/"))

    def _send_live(self) -> None:
        with suppress(FileNotFoundError):  # the finished scene was quicker
            self._send("live/scene.splat")

    def _send_stage(self, stage: str) -> None:
        if stage == "capture":
            with suppress(FileNotFoundError):
                self._send("thumbnail.jpg")
        folder = self.out / "work" / stage
        if folder.is_dir():
            self._send_parcel(stage, folder)
        if stage == "train":
            self._manifests.pop(CHECKPOINT, None)
            for suffix in (".json", ".tar"):
                name = self._name(f"work/{CHECKPOINT}{suffix}")
                self._patiently(lambda name=name: self._store.delete(name))

    def _send_unsent(self) -> None:
        """What could not be sent when it was finished."""
        for stage in STAGES:
            folder = self.out / "work" / stage
            if folder.is_dir() and _manifest(folder) != self._manifests.get(stage):
                self._send_stage(stage)

    def _keep(self) -> None:
        self._send_unsent()
        folder = self.out / "work" / ".train.part"
        if (folder / "manifest.json").exists():
            self._send_parcel(CHECKPOINT, folder)

    def _send_parcel(self, what: str, folder: Path) -> None:
        manifest = _manifest(folder)
        if manifest and manifest == self._manifests.get(what):
            return
        note, parcel = self._folder / f".{what}.json", self._folder / f".{what}.tar"
        try:
            pack(folder, parcel)
            note.write_bytes(manifest)
            # The manifest goes first and comes last: it never stands beside another stage's parcel.
            self._patiently(lambda: self._store.delete(self._name(f"work/{what}.json")))
            self._patiently(lambda: self._store.put(self._name(f"work/{what}.tar"), parcel))
            self._patiently(lambda: self._store.put(self._name(f"work/{what}.json"), note))
            self._manifests[what] = manifest
        finally:
            parcel.unlink(missing_ok=True)
            note.unlink(missing_ok=True)

    def _publish(self) -> None:
        self._send_unsent()
        names = self._outputs()
        self._send_all(name for name in names if name != "scene.ply")
        self._send("scene.ply")
        for stored in self._patiently(lambda: self._store.list_files(self._name("").rstrip("/"))):
            name = stored.removeprefix(self._name(""))
            if name not in names and not name.startswith("work/"):  # of an earlier run, or of this one's way
                self._patiently(lambda stored=stored: self._store.delete(stored))
        self._patiently(lambda: self._store.copy(self._name("scene.ply"), f"models/{self._job.id}.ply"))

    def _outputs(self) -> list[str]:
        names = [path.relative_to(self.out).as_posix() for path in self.out.rglob("*") if path.is_file()]
        return sorted(name for name in names if not name.startswith("work/") and _is_safe(name))

    def _send_all(self, names: Iterable[str]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as carriers:
            for sent in [carriers.submit(self._send, name) for name in names]:
                sent.result()

    def _send(self, name: str) -> None:
        local = self.out / name
        found = local.stat()
        version = (found.st_size, found.st_mtime_ns)
        if self._sent.get(name) != version:
            self._patiently(lambda: self._store.put(self._name(name), local))
            self._sent[name] = version


def open_place(
    settings: ServerSettings, store: FileStore, job: JobRecord, *, worker: str, check: Callable[[], None]
) -> Place:
    """Where this worker works on the job: in the storage folder, or, with a bucket, in a folder of its own."""
    storage = settings.storage.resolve()
    if settings.bucket is None:
        return LocalPlace(storage, job)
    return BucketPlace(
        store,
        job,
        scratch=storage / "scratch" / worker,
        check=check,
        patience_seconds=settings.bucket_patience_seconds,
    )


def _is_safe(name: str) -> bool:
    try:
        parts_of(name)
    except FileNotInStoreError:
        return False
    return True


def _manifest(folder: Path) -> bytes:
    try:
        return (folder / "manifest.json").read_bytes()
    except FileNotFoundError:
        return b""
