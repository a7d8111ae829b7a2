"""A place to work: one device of one host has one living worker at most, and keeps its name over restarts."""

import fcntl
import json
import os
import re
import secrets
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from roomsplat.errors import OutputError, ServiceError

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


class Slot:
    """``storage/workers/HOST.NAME.json``, locked as long as the worker lives."""

    def __init__(self, storage: Path, name: str) -> None:
        """Take the place.

        Raises:
            ServiceError: another worker has it.
            OutputError: the folder cannot be written.
        """
        folder = storage / "workers"
        stem = _UNSAFE.sub("_", f"{socket.gethostname()}.{name}")[:200]
        self._file = folder / f"{stem}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / f"{stem}.lock").open("a")
        except OSError as error:
            raise OutputError(
                f"{folder} cannot be written ({error.strerror}).",
                hint="Check the permissions of the storage folder, or give another one with --storage.",
            ) from error
        if not _lock(self._lock.fileno()):
            self._lock.close()
            raise ServiceError(
                f"A worker for {name} is already at work in {storage}.",
                hint="Stop it first, or give this one another device.",
            )
        earlier = _read(self._file)
        self.worker: str = earlier.get("worker") or f"{stem}.{secrets.token_hex(4)}"
        """The worker's name, the same after a restart: what a crashed one held is this one's to give back."""
        self._left: tuple[int, str | None] = (earlier.get("group") or 0, earlier.get("began"))

    def clean_up(self) -> bool:
        """Kill the pipeline that an earlier worker of this place left running; whether there was one."""
        group, began = self._left
        found = began is not None and _began(group) == began
        if found:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
            deadline = time.monotonic() + 5
            while _began(group) == began and time.monotonic() < deadline:
                time.sleep(0.02)
        self.holds(None)
        return found

    def holds(self, group: int | None) -> None:
        """Note which process group the worker runs, or that it runs none."""
        began = None if group is None else _began(group)
        note = {"worker": self.worker, "group": group, "began": began}
        part = self._file.with_suffix(".part")
        with suppress(OSError):  # a full disk: the note only helps a worker that comes after a crash
            part.write_text(json.dumps(note), encoding="utf-8")
            part.replace(self._file)

    def close(self) -> None:
        """Leave the place."""
        self._lock.close()


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _began(group: int) -> str | None:
    """When the leader of the group began, in the kernel's count, so that a number given anew is told apart."""
    try:
        fields = Path(f"/proc/{group}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None  # it is gone; or this system has no /proc, and the warden alone takes care
    return None if fields[0] == "Z" else fields[19]
