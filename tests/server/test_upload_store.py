"""Where uploads are kept while they grow: one writer, no leftovers, no way to fill the disk, nobody held up."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from anyio import CapacityLimiter
from fastapi import FastAPI

from roomsplat.server.auth import current_user
from roomsplat.server.jobs_base import new_id
from roomsplat.server.records import UserRecord
from roomsplat.server.routes.uploads import uploads_router
from roomsplat.server.uploads import (
    StorageFullError,
    TooManyUploadsError,
    Upload,
    UploadExpiredError,
    UploadLockedError,
    UploadNotFoundError,
    Uploads,
)
from tests.server.tus import PATCH


def test_two_writers_never_both_write(tmp_path: Path) -> None:
    """Of many threads that open the same upload at once exactly one gets it, each round."""
    uploads = Uploads(tmp_path, max_bytes=100, spare_bytes=0)
    upload = uploads.create("owner", length=100, name="a")

    def write(number: int, barrier: threading.Barrier) -> bool:
        barrier.wait()
        try:
            with uploads.writer(upload.id, "owner", number) as writer:
                writer.write(b"x")
                time.sleep(0.02)
        except UploadLockedError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        for number in range(10):
            barrier = threading.Barrier(4)
            wins = [pool.submit(write, number, barrier) for _ in range(4)]
            assert sum(win.result() for win in wins) == 1
    assert uploads.get(upload.id, "owner").offset == 10


def test_looking_at_many_uploads_holds_up_nobody_else(tmp_path: Path) -> None:
    """While sixty whole uploads wait to be looked at, who only asks is answered at once."""
    go, owner = threading.Event(), UserRecord(id=new_id(), name="ada")
    uploads = Uploads(tmp_path, max_bytes=10, max_open_per_user=100, spare_bytes=0)

    def accept(upload: Upload, path: Path) -> str:
        assert go.wait(20)
        path.unlink()
        return upload.id

    app = FastAPI()
    app.dependency_overrides[current_user] = lambda: owner
    app.include_router(uploads_router(uploads, accept, len, seats=CapacityLimiter(2), idle_seconds=5))
    app.get("/look")(lambda: "here")

    async def scene() -> list[int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://a", timeout=20) as client:
            places = [uploads.create(owner.id, length=1, name="a").id for _ in range(60)]
            headers = {**PATCH, "Upload-Offset": "0"}
            whole = [
                asyncio.create_task(client.patch(f"/api/uploads/{place}", headers=headers, content=b"x"))
                for place in places
            ]
            await asyncio.sleep(0.5)
            async with asyncio.timeout(5):
                assert (await client.get("/look")).status_code == 200
            assert not any(task.done() for task in whole)
            go.set()
            return [answer.status_code for answer in await asyncio.gather(*whole)]

    assert asyncio.run(scene()) == [204] * 60


class Clock:
    """Time that a test moves; it begins now, as files are stamped with the real time."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.ahead


def test_an_unfinished_upload_expires(tmp_path: Path) -> None:
    """After its lifetime it is gone for its owner and, with the next sweep, from the disk; every byte renews it."""
    clock = Clock()
    uploads = Uploads(tmp_path, max_bytes=100, lifetime_s=3600, spare_bytes=0, clock=clock)
    old, kept = (uploads.create("owner", length=100, name="a") for _ in range(2))
    os.utime(tmp_path / f"{old.id}.part", (0, time.time() - 3000))
    assert uploads.expire() == 0
    clock.ahead = 700
    with uploads.writer(kept.id, "owner", 0) as writer:
        writer.write(b"x")
    with pytest.raises(UploadExpiredError):
        uploads.get(old.id, "owner")
    assert uploads.expire() == 1
    with pytest.raises(UploadNotFoundError):
        uploads.get(old.id, "owner")
    assert {path.stem for path in tmp_path.iterdir()} == {kept.id}
    clock.ahead = 7200
    uploads.create("owner", length=100, name="b")  # beginning another one sweeps
    assert not (tmp_path / f"{kept.id}.part").exists()


def test_one_user_cannot_take_all_the_space(tmp_path: Path) -> None:
    """Too many unfinished uploads of one user, and one that does not fit on the disk, are refused."""
    uploads = Uploads(tmp_path, max_bytes=2**60, max_open_per_user=3, spare_bytes=0)
    for _ in range(3):
        uploads.create("ada", length=100, name="a")
    with pytest.raises(TooManyUploadsError):
        uploads.create("ada", length=100, name="a")
    uploads.create("bob", length=100, name="a")
    with pytest.raises(StorageFullError):
        uploads.create("eve", length=2**60, name="a")


def test_a_killed_service_loses_nothing(tmp_path: Path) -> None:
    """A process killed in the middle of writing leaves an upload that goes on where its file ends, without a lock."""
    upload = Uploads(tmp_path, max_bytes=10_000, spare_bytes=0).create("owner", length=10_000, name="a")
    script = (
        "import sys, time; from pathlib import Path; from roomsplat.server.uploads import Uploads\n"
        "with Uploads(Path(sys.argv[1]), max_bytes=10_000).writer(sys.argv[2], 'owner', 0) as writer:\n"
        "    writer.write(b'x' * 777); print('written', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path), upload.id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        assert service.stdout.readline() == "written\n"
        uploads = Uploads(tmp_path, max_bytes=10_000)
        with pytest.raises(UploadLockedError), uploads.writer(upload.id, "owner", 777):
            pass
        service.kill()
    assert uploads.get(upload.id, "owner").offset == 777
    with uploads.writer(upload.id, "owner", 777) as writer:
        writer.write(b"y")
    assert uploads.get(upload.id, "owner").offset == 778
