"""Laws of what a run shows while it is at work, and of what it may take away for it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.images import Frame
from roomsplat.core.point_cloud import SparseModel
from roomsplat.formats.nerfstudio import read_transforms
from roomsplat.formats.splat import importance, read_splat
from roomsplat.media.images import read_image, write_image
from roomsplat.pipeline.events import CamerasFound, Event, SnapshotWritten
from roomsplat.pipeline.journal import Journal
from roomsplat.pipeline.live import (
    MADE_FROM_CAMERAS,
    SHARE,
    LiveScene,
    most_important,
    show_cameras,
    write_thumbnail,
)
from roomsplat.pipeline.rehearsal import random_model
from tests.formats.samples import make_gaussians


class Clock:
    """Seconds that pass when the law says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The moment."""
        return self.now


@pytest.fixture
def told() -> list[Event]:
    """What the journal told."""
    return []


@pytest.fixture
def journal(told: list[Event]) -> Journal:
    """A journal."""
    return Journal(emit=told.append)


@pytest.fixture
def model(tmp_path: Path) -> SparseModel:
    """A few cameras with pictures."""
    (tmp_path / "pictures").mkdir()
    return random_model(tmp_path / "pictures")


def frames_of(model: SparseModel) -> tuple[Frame, ...]:
    """One for each camera; the third is the sharpest."""
    return tuple(
        Frame(index=i, timestamp_s=i / 2, name=path.name, path=path, sharpness=9.0 if i == 2 else 1.0)
        for i, path in enumerate(model.posed_images.image_paths)
    )


def moved(model: SparseModel) -> SparseModel:
    """The same pictures, seen from elsewhere."""
    poses = model.posed_images.cameras.cam_from_world.copy()
    poses[1, 0, 3] += 1e-4
    cameras = replace(model.posed_images.cameras, cam_from_world=poses)
    return replace(model, posed_images=replace(model.posed_images, cameras=cameras))


def finished_run(out: Path) -> dict[str, bytes]:
    """Every result of an earlier run, and files of the user's own."""
    for name in (*MADE_FROM_CAMERAS, "notes.txt", "thumbnail.jpg"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(name.encode())
    return content_of(out)


def content_of(out: Path) -> dict[str, bytes]:
    """Every file but the cameras'."""
    files = (path for path in out.rglob("*") if path.is_file() and "cameras" not in path.parts)
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def test_cameras_are_there_before_training(
    model: SparseModel, journal: Journal, told: list[Event], tmp_path: Path
) -> None:
    """A first run leaves the cameras whole with their pictures, and then tells where they are."""
    out = tmp_path / "out"
    out.mkdir()
    show_cameras(out, model, frames_of(model), journal, reused=False)
    transforms = read_transforms(out / "cameras" / "transforms.json")
    assert all((out / "cameras" / name).exists() for name in transforms.image_paths)
    assert [path.name for path in out.iterdir()] == ["cameras"]
    count = len(transforms.image_paths)
    event = told[-1]
    assert isinstance(event, CamerasFound)
    assert (event.file, event.registered, event.frames) == ("cameras/transforms.json", count, count)


@pytest.mark.parametrize("reused", [True, False])
def test_a_mere_rerun_loses_nothing(
    model: SparseModel, journal: Journal, tmp_path: Path, *, reused: bool
) -> None:
    """Cameras that are the very same, kept or found again, leave every result and even the folder as it is."""
    out = tmp_path / "out"
    out.mkdir()
    show_cameras(out, model, frames_of(model), journal, reused=False)
    before, folder = finished_run(out), (out / "cameras").stat().st_ino
    show_cameras(out, model, frames_of(model), journal, reused=reused)
    assert content_of(out) == before
    assert (out / "cameras").stat().st_ino == folder
    assert not list(out.glob(".*"))


def test_cameras_that_training_corrected_stay(model: SparseModel, journal: Journal, tmp_path: Path) -> None:
    """A run that reuses the cameras leaves the folder, and all that was made from it, until its own scene is there."""
    out = tmp_path / "out"
    out.mkdir()
    show_cameras(out, moved(model), frames_of(model), journal, reused=False)
    cameras, before = (out / "cameras" / "transforms.json").read_bytes(), finished_run(out)
    show_cameras(out, model, frames_of(model), journal, reused=True)
    assert content_of(out) == before
    assert (out / "cameras" / "transforms.json").read_bytes() == cameras


def test_other_cameras_are_never_beside_an_older_scene(
    model: SparseModel, journal: Journal, tmp_path: Path
) -> None:
    """Cameras that moved by a tenth of a millimetre take what was made from the old ones along, and nothing else."""
    out = tmp_path / "out"
    out.mkdir()
    show_cameras(out, model, frames_of(model), journal, reused=False)
    before = finished_run(out)
    show_cameras(out, moved(model), frames_of(model), journal, reused=False)
    assert content_of(out) == {name: before[name] for name in ("notes.txt", "thumbnail.jpg")}
    poses = read_transforms(out / "cameras" / "transforms.json").cameras.cam_from_world
    np.testing.assert_allclose(poses, moved(model).posed_images.cameras.cam_from_world, atol=1e-6)


@pytest.mark.parametrize("reused", [True, False])
def test_a_folder_of_cameras_that_was_deleted(
    model: SparseModel, journal: Journal, tmp_path: Path, *, reused: bool
) -> None:
    """It comes back; the scene stays if its cameras were kept, and goes if they were found anew."""
    out = tmp_path / "out"
    before = finished_run(out)
    show_cameras(out, model, frames_of(model), journal, reused=reused)
    assert (out / "cameras" / "transforms.json").exists()
    assert (content_of(out) == before) is reused
    assert (out / "scene.ply").exists() is reused


def test_a_thumbnail_is_small_and_the_sharpest(model: SparseModel, tmp_path: Path) -> None:
    """The longer side has 320 px, the shape is kept, the sharpest picture is chosen; a small picture stays small."""
    frames = frames_of(model)
    grey = np.full((300, 400, 3), 90, np.uint8)
    write_image(frames[2].path, grey)
    write_thumbnail(tmp_path, frames)
    shown = read_image(tmp_path / "thumbnail.jpg")
    assert shown.shape == (240, 320, 3)
    assert abs(int(shown.mean()) - 90) <= 1
    write_image(frames[2].path, grey[:64, :48])
    write_thumbnail(tmp_path, frames)
    assert read_image(tmp_path / "thumbnail.jpg").shape == (64, 48, 3)


class Watched:
    """A scene that is trained while a clock goes."""

    def __init__(self, out: Path, every_s: float, journal: Journal, *, cost: float = 0.0) -> None:
        self.clock, self.cost, self.looks = Clock(), cost, 0
        self.live = LiveScene(out, every_s, journal, clock=self.clock)

    def pause(self, step: int, seconds: float, gaussians: Gaussians | None = None) -> None:
        """Training pauses after so many seconds of work."""
        self.clock.now += seconds
        self.live.watch(step, self.look(gaussians or make_gaussians(20, 0)))

    def look(self, gaussians: Gaussians) -> Callable[[], Gaussians]:
        """Looking takes its time."""

        def look() -> Gaussians:
            self.looks += 1
            self.clock.now += self.cost
            return gaussians

        return look


def test_the_scene_is_written_when_it_is_time(journal: Journal, told: list[Event], tmp_path: Path) -> None:
    """The first pause, then those at least so many seconds later; each event says what the file is."""
    watched = Watched(tmp_path, 10.0, journal)
    for step in range(0, 600, 100):
        watched.pause(step, 4.0, make_gaussians(20 + step, 0))
    events = [event for event in told if isinstance(event, SnapshotWritten)]
    assert [event.step for event in events] == [0, 300]
    assert watched.looks == 2
    assert (events[-1].file, events[-1].num_gaussians, events[-1].bytes) == (
        "live/scene.splat",
        320,
        320 * 32,
    )
    path = tmp_path / events[-1].file
    assert path.stat().st_size == events[-1].bytes
    assert len(read_splat(path).gaussians) == 320
    assert [other.name for other in path.parent.iterdir()] == ["scene.splat"]


def test_nothing_is_written_unasked(journal: Journal, told: list[Event], tmp_path: Path) -> None:
    """With 0 seconds nobody looks and no folder appears."""
    watched = Watched(tmp_path, 0.0, journal)
    for step in range(5):
        watched.pause(step, 100.0)
    assert (watched.looks, told, list(tmp_path.iterdir())) == (0, [], [])


def test_showing_costs_its_share_at_most(journal: Journal, tmp_path: Path) -> None:
    """Where a look takes long it is taken more seldom than asked for: at most 2 % of the time go into it."""
    watched = Watched(tmp_path, 1.0, journal, cost=1.0)
    began = watched.clock.now
    for step in range(1000):
        watched.pause(step, 1.0)
    spent = watched.looks * watched.cost
    assert watched.looks >= 10
    assert spent / (watched.clock.now - began) <= SHARE + watched.cost / (watched.clock.now - began)


def test_only_the_most_important_are_shown() -> None:
    """Of too many Gaussians those that fill most of a picture are kept, and none that cannot be drawn."""
    gaussians = make_gaussians(500, 0)
    gaussians.means[::7, 1] = np.nan
    kept = most_important(gaussians, 100)
    assert len(kept) == 100
    assert np.isfinite(kept.means).all()
    values = importance(gaussians)[np.isfinite(gaussians.means).all(1)]
    assert importance(kept).min() == np.sort(values)[-100]
    assert len(most_important(gaussians, 1000)) == int(np.isfinite(gaussians.means).all(1).sum())


def test_a_disk_that_takes_nothing_does_not_stop_the_run(
    journal: Journal, told: list[Event], tmp_path: Path
) -> None:
    """Where the scene cannot be written, nothing is told and training goes on."""
    (tmp_path / "live").write_text("in the way")
    watched = Watched(tmp_path, 1.0, journal)
    watched.pause(0, 5.0)
    watched.pause(1, 5.0)
    assert (watched.looks, told) == (2, [])
