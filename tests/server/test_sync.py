"""Laws of what goes between a worker and the bucket: parcels, checkpoints, and when nothing is sent at all."""

import io
import json
import tarfile
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from roomsplat.errors import InputNotFoundError
from roomsplat.pipeline.workspace import Workspace
from roomsplat.server.errors import StaleLeaseError
from roomsplat.server.files import FileStat
from roomsplat.server.object_files import ObjectFileStore
from roomsplat.server.outputs import GivenUpError
from roomsplat.server.parcels import DamagedParcelError, pack, unpack
from roomsplat.server.records import JobRecord, JobStatus
from roomsplat.server.sync import BucketPlace

JOB = JobRecord(
    id="an-id",
    owner_id="somebody",
    status=JobStatus.PENDING,
    progress=0.0,
    stage="",
    message="",
    source_name="room.mp4",
    source_path="uploads/an-id.mp4",
    config={},
    counts={},
    timings={},
    created_at=datetime.now(UTC),
)


class CountingStore(ObjectFileStore):
    """Notes what was stored."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.stored: list[str] = []

    def put(self, name: str, local: Path, *, move: bool = False) -> FileStat:
        """As its base."""
        self.stored.append(name)
        return super().put(name, local, move=move)


def allowed() -> None:
    """The worker holds the job."""


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    """A store with the job's video in it."""
    made = CountingStore()
    (tmp_path / "film").write_bytes(b"film")
    made.put(JOB.source_path, tmp_path / "film")
    made.stored.clear()
    return made


def place(store: CountingStore, scratch: Path, check: Callable[[], None] = allowed) -> BucketPlace:
    """An attempt's place on the host of this scratch folder."""
    return BucketPlace(store, JOB, scratch=scratch, check=check, patience_seconds=0.0)


def wait(errand: Future[None]) -> None:
    """Until it is done."""
    errand.result(30)


def stage(out: Path, name: str, key: str) -> Path:
    """A stage's folder as the pipeline leaves it."""
    folder = out / "work" / name
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "images" / "a.jpg").write_text(key)
    (folder / "manifest.json").write_text(json.dumps({"key": key}))
    return folder


def finished(name: str) -> dict[str, str]:
    """The event at a stage's end."""
    return {"event": "stage_finished", "stage": name}


def test_a_parcel_is_its_folder(tmp_path: Path) -> None:
    """What is unpacked is what was packed, empty files and deep folders included; what was there is replaced."""
    folder = stage(tmp_path, "sfm", "one")
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "empty").touch()
    (folder / "link").symlink_to("/etc/passwd")
    pack(folder, tmp_path / "p.tar")
    other = tmp_path / "other" / "sfm"
    other.mkdir(parents=True)
    (other / "old").touch()
    unpack(tmp_path / "p.tar", other)
    found = {
        path.relative_to(other).as_posix(): path.read_bytes() for path in other.rglob("*") if path.is_file()
    }
    assert found == {"images/a.jpg": b"one", "manifest.json": b'{"key": "one"}', "deep/er/empty": b""}
    assert [path.name for path in other.parent.iterdir()] == ["sfm"]


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """A parcel with one entry."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        info.size = 1 if kind == tarfile.REGTYPE else 0
        archive.addfile(info, io.BytesIO(b"x"))
    return buffer.getvalue()


HOSTILE = {
    "climbs": member("../x"),
    "climbs later": member("a/../../x"),
    "absolute": member("/roomsplat-x"),
    "symlink": member("a", tarfile.SYMTYPE, "/etc/passwd"),
    "hard link": member("a", tarfile.LNKTYPE, "../../x"),
    "pipe": member("a", tarfile.FIFOTYPE),
    "device": member("a", tarfile.CHRTYPE),
    "no archive": b"this is no archive, and it is longer than one block of one " * 20,
    "cut": member("a")[:520],
    "empty": b"",
}


@pytest.mark.parametrize("parcel", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_parcel_leads_out(tmp_path: Path, parcel: bytes) -> None:
    """Whatever lies in the bucket, nothing is written outside, and what was there stays."""
    (tmp_path / "p.tar").write_bytes(parcel)
    folder = tmp_path / "out" / "work" / "sfm"
    folder.mkdir(parents=True)
    (folder / "kept").touch()
    with pytest.raises(DamagedParcelError):
        unpack(tmp_path / "p.tar", folder)
    everything = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert everything == {"p.tar", "out/work/sfm/kept"}


def test_a_stage_travels_once(store: CountingStore, tmp_path: Path) -> None:
    """A finished stage goes up once, comes down on another host, and does not go up from there when it is reused."""
    first = place(store, tmp_path / "one")
    wait(first.fetch())
    stage(first.out, "capture", "c1")
    assert first.pass_on([finished("capture")]) == [finished("capture")]
    wait(first.keep())
    assert store.stored == ["models/an-id/work/capture.tar", "models/an-id/work/capture.json"]
    first.close(forget=True)
    second = place(store, tmp_path / "two")
    wait(second.fetch())
    assert (second.out / "work" / "capture" / "images" / "a.jpg").read_text() == "c1"
    assert second.video.read_bytes() == b"film"
    Workspace(second.out)  # the pipeline takes the folder for its own
    second.pass_on([finished("capture")])
    wait(second.keep())
    assert len(store.stored) == 2
    stage(second.out, "capture", "c2")
    second.pass_on([finished("capture")])
    wait(second.keep())
    assert len(store.stored) == 4
    second.close(forget=False)
    third = place(store, tmp_path / "two")
    (third.out / "work" / "capture" / "images" / "a.jpg").write_text("the same manifest: not fetched again")
    wait(third.fetch())
    assert "not fetched" in (third.out / "work" / "capture" / "images" / "a.jpg").read_text()
    third.close(forget=True)
    assert list((tmp_path / "two").iterdir()) == []


def test_a_checkpoint_travels_when_a_worker_stops(store: CountingStore, tmp_path: Path) -> None:
    """Half a training goes to the next host; it is gone from the bucket once the training is whole."""
    first = place(store, tmp_path / "one")
    wait(first.fetch())
    stage(first.out, ".train.part", "t")
    wait(first.keep())
    first.close(forget=False)
    second = place(store, tmp_path / "two")
    wait(second.fetch())
    part = second.out / "work" / ".train.part"
    assert (part / "images" / "a.jpg").read_text() == "t"
    part.rename(second.out / "work" / "train")
    second.pass_on([finished("train")])
    wait(second.keep())
    second.close(forget=True)
    assert store.list_files("models") == ["models/an-id/work/train.json", "models/an-id/work/train.tar"]


def test_a_damaged_parcel_is_work_to_be_done(store: CountingStore, tmp_path: Path) -> None:
    """A stage that cannot be unpacked is as if it were not there: the pipeline makes it anew."""
    (tmp_path / "broken").write_bytes(HOSTILE["climbs"])
    store.put("models/an-id/work/sfm.tar", tmp_path / "broken")
    there = place(store, tmp_path / "one")
    wait(there.fetch())
    assert not (there.out / "work" / "sfm").exists()
    there.close(forget=True)


def test_a_video_that_is_gone_is_said(store: CountingStore, tmp_path: Path) -> None:
    """A job without its video ends with a sentence of its own."""
    store.delete(JOB.source_path)
    there = place(store, tmp_path / "one")
    with pytest.raises(InputNotFoundError, match="video is not there"):
        wait(there.fetch())
    there.close(forget=True)


def test_who_lost_the_job_sends_nothing(store: CountingStore, tmp_path: Path) -> None:
    """After the lease is lost, or the work is given up, no file leaves the host."""
    held = [True]

    def check() -> None:
        if not held[0]:
            raise StaleLeaseError(JOB.id)

    there = place(store, tmp_path / "one", check)
    wait(there.fetch())
    stage(there.out, "capture", "c")
    (there.out / "scene.ply").write_text("ply")
    held[0] = False
    with pytest.raises(StaleLeaseError):
        wait(there.publish())
    held[0] = True
    there.give_up()
    for errand in (there.publish(), there.keep()):
        with pytest.raises(GivenUpError):
            wait(errand)
    there.close(forget=True)
    assert store.stored == []


def test_publishing_replaces_everything_and_names_the_scene_last(
    store: CountingStore, tmp_path: Path
) -> None:
    """What an earlier run left is gone, hidden and half files stay here, and the scene's own name comes at the end."""
    (tmp_path / "x").write_text("old")
    for name in ("models/an-id/tour.mp4", "models/an-id/live/scene.splat", "models/an-id.ply"):
        store.put(name, tmp_path / "x")
    store.stored.clear()
    there = place(store, tmp_path / "one")
    wait(there.fetch())
    for name in ("scene.ply", "run.json", ".half", "cameras/images/a.jpg"):
        path = there.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("new")
    wait(there.publish())
    there.close(forget=True)
    assert store.stored[-1] == "models/an-id/scene.ply"
    assert set(store.list_files("models")) == {
        "models/an-id.ply",
        *(f"models/an-id/{name}" for name in ("scene.ply", "run.json", "cameras/images/a.jpg")),
    }
    assert b"".join(store.open_range("models/an-id.ply", 0, 9)) == b"new"
