"""From frames to cameras, end to end on small drawn rooms; COLMAP runs for real."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.alignment import trajectory_error
from roomsplat.core.images import Frame
from roomsplat.core.progress import Progress
from roomsplat.errors import InvalidFileError, RegistrationError
from roomsplat.formats.colmap import read_colmap
from roomsplat.media.images import read_image, write_image
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.solve import SfmResult, load_sfm, solve_cameras
from tests.sfm.scenes import LENS, film, look_at, walk

CONFIG = SfmConfig(max_features=600, enough_features=0, threads=2)


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> tuple[Frame, ...]:
    """Twelve pictures of a walk along a corner."""
    return film(tmp_path_factory.mktemp("film"), walk(12))


@pytest.fixture(scope="module")
def solved(frames: tuple[Frame, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[SfmResult, Path]:
    """The solution and where it lies."""
    out = tmp_path_factory.mktemp("solved")
    reports = list[Progress]()
    result = solve_cameras(frames, out, CONFIG, reports.append)
    fractions = [report.fraction for report in reports]
    assert fractions == sorted(
        fractions
    )  # the bar never runs back, from the first feature to the last picture
    assert fractions[-1] == pytest.approx(1)
    assert any("registered" in report.metrics for report in reports)
    return result, out


def test_cameras_match_the_truth(solved: tuple[SfmResult, Path]) -> None:
    """All frames are registered, centres to 0.3 % of the path, the lens to 3 %, with nothing to warn of."""
    result, _ = solved
    cameras = result.model.posed_images.cameras
    truth = walk(12)
    centers = -np.einsum("cji,cj->ci", truth[:, :3, :3], truth[:, :3, 3])
    assert len(cameras) == 12
    assert trajectory_error(cameras.centers, centers).percent < 0.3
    assert result.quality.focal_ratio == pytest.approx(LENS.focal / LENS.width, rel=0.03)
    assert result.quality.support > 0.9
    assert result.warnings == ()


def test_the_world_is_upright_and_of_room_size(solved: tuple[SfmResult, Path]) -> None:
    """Level cameras come out level: their x axes lie in the horizon, up is +z, points lie a few units away."""
    model = solved[0].model
    rotations = model.posed_images.cameras.cam_from_world[:, :3, :3]
    assert np.abs(rotations[:, 0, 2]).max() < 0.02
    assert rotations[:, 1, 2].max() < -0.8
    spread = np.linalg.norm(model.points.positions - model.posed_images.cameras.centers.mean(axis=0), axis=1)
    assert 2 < np.median(spread) < 5


def test_points_project_onto_their_colour(solved: tuple[SfmResult, Path]) -> None:
    """Where a point lands, the undistorted picture has the point's colour: poses, lens and pictures fit."""
    model = solved[0].model
    cameras, picture = model.posed_images.cameras, read_image(model.posed_images.image_paths[5])
    pose, (fx, fy, cx, cy) = cameras.cam_from_world[5], cameras.intrinsics[5]
    local = model.points.positions @ pose[:3, :3].T + pose[:3, 3]
    x, y = local[:, 0] / local[:, 2] * fx + cx, local[:, 1] / local[:, 2] * fy + cy
    inside = (x > 2) & (y > 2) & (x < 317) & (y < 237) & (local[:, 2] > 0)
    seen = picture[y[inside].astype(int), x[inside].astype(int)].astype(float)
    difference = np.abs(seen - model.points.colors[inside]).mean(axis=1)
    shifted = np.abs(seen[1:] - model.points.colors[inside][:-1]).mean(axis=1)
    assert inside.sum() > 100
    assert np.median(difference) < 0.3 * np.median(shifted)


def test_the_folder_says_the_same(solved: tuple[SfmResult, Path]) -> None:
    """What is loaded is what was returned; the COLMAP model agrees; no scratch is left."""
    result, out = solved
    loaded = load_sfm(out)
    assert (loaded.quality, loaded.warnings) == (result.quality, result.warnings)
    assert loaded.frames == result.frames
    assert loaded.model.posed_images.image_paths == result.model.posed_images.image_paths
    np.testing.assert_allclose(
        loaded.model.posed_images.cameras.cam_from_world,
        result.model.posed_images.cameras.cam_from_world,
        atol=1e-6,
    )
    assert len(read_colmap(out / "sparse").points) == len(result.model.points) == result.quality.num_points
    assert sorted(path.name for path in out.iterdir()) == ["images", "sfm.json", "sparse"]
    assert not any(result.model.posed_images.is_eval)


def test_the_same_frames_give_the_same_cameras(
    solved: tuple[SfmResult, Path], frames: tuple[Frame, ...], tmp_path: Path
) -> None:
    """A second run ends in the same poses to 1e-4 of a room unit."""
    again = solve_cameras(frames, tmp_path, CONFIG)
    np.testing.assert_allclose(
        again.model.posed_images.cameras.centers, solved[0].model.posed_images.cameras.centers, atol=1e-4
    )


@pytest.mark.parametrize("damage", ["no manifest", "not json", "no picture"])
def test_a_damaged_result_is_refused(
    frames: tuple[Frame, ...], solved: tuple[SfmResult, Path], tmp_path: Path, damage: str
) -> None:
    """A manifest that is missing, unreadable, or names a picture that is gone ends in a sentence."""
    del frames
    content = json.loads((solved[1] / "sfm.json").read_text())
    if damage == "not json":
        (tmp_path / "sfm.json").write_text("{")
    elif damage == "no picture":
        (tmp_path / "sfm.json").write_text(json.dumps(content))
        (tmp_path / "sparse").symlink_to(solved[1] / "sparse")
    with pytest.raises(InvalidFileError, match="manifest"):
        load_sfm(tmp_path)


def test_a_pan_at_the_end_is_placed(tmp_path: Path) -> None:
    """A walk that ends in a turn: the turned frames are placed where the walk ended, to a degree."""
    steps = walk(9)
    end = -steps[-1][:3, :3].T @ steps[-1][:3, 3]
    start = np.arctan2(*(steps[-1][2, :2]))
    turns = [
        end + np.array([np.sin(start + a), np.cos(start + a), -0.1])
        for a in np.radians(7.0 * np.arange(1, 9))
    ]
    truth = np.concatenate([steps, [look_at(end, target) for target in turns]])
    (tmp_path / "out").mkdir()
    result = solve_cameras(film(tmp_path / "film", truth), tmp_path / "out", CONFIG)
    centers = -np.einsum("cji,cj->ci", truth[:, :3, :3], truth[:, :3, 3])
    estimated = result.model.posed_images.cameras
    assert len(estimated) == 17
    assert result.quality.num_turned > 0
    assert trajectory_error(estimated.centers, centers).percent < 1.0
    relative = estimated.cam_from_world[16, :3, :3] @ estimated.cam_from_world[8, :3, :3].T
    wanted = truth[16, :3, :3] @ truth[8, :3, :3].T
    assert np.degrees(np.arccos(np.clip((np.trace(relative @ wanted.T) - 1) / 2, -1, 1))) < 1.0


def test_a_still_camera_is_refused(tmp_path: Path) -> None:
    """Eight times the same view: no cameras, but a sentence that says why and what to do."""
    frames = film(tmp_path / "film", np.repeat(walk(3)[:1], 8, axis=0))
    (tmp_path / "out").mkdir()
    with pytest.raises(RegistrationError, match="move") as caught:
        solve_cameras(frames, tmp_path / "out", CONFIG)
    assert "sideways" in caught.value.hint


def test_turning_on_the_spot_is_refused(tmp_path: Path) -> None:
    """A camera that only turns sees no depth, however much it sees: refused, with the hint to walk."""
    center = np.array([-0.5, 0.2, 1.2])
    targets = [np.array([0.2 + 0.12 * i, 2.6, 1.0]) for i in range(10)]
    frames = film(tmp_path / "film", np.stack([look_at(center, target) for target in targets]))
    (tmp_path / "out").mkdir()
    with pytest.raises(RegistrationError, match=r"move|placed|turned") as caught:
        solve_cameras(frames, tmp_path / "out", CONFIG)
    assert "sideways" in caught.value.hint


def test_a_blank_wall_is_refused(tmp_path: Path) -> None:
    """Pictures with nothing in them end in the same sentence, not in a crash of the solver."""
    frames = list[Frame]()
    for i in range(6):
        path = tmp_path / f"{i}.png"
        write_image(path, np.full((240, 320, 3), 200, np.uint8))
        frames.append(Frame(index=i, timestamp_s=i, name=str(i), path=path, sharpness=1))
    (tmp_path / "out").mkdir()
    with pytest.raises(RegistrationError, match="too little to hold on to"):
        solve_cameras(frames, tmp_path / "out", CONFIG)


def test_too_few_frames_are_refused(frames: tuple[Frame, ...], tmp_path: Path) -> None:
    """Three frames are no film."""
    with pytest.raises(RegistrationError, match="too few"):
        solve_cameras(frames[:3], tmp_path, CONFIG)


def test_an_interrupt_leaves_no_process(frames: tuple[Frame, ...], tmp_path: Path) -> None:
    """Ctrl-C while the solver works ends it at once and leaves no scratch."""
    seen = list[Progress]()

    def interrupt(progress: Progress) -> None:
        seen.append(progress)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve_cameras(frames, tmp_path, CONFIG, interrupt)
    assert len(seen) == 1
    assert not (tmp_path / "work").exists()


def test_a_broken_frame_is_named(frames: tuple[Frame, ...], tmp_path: Path) -> None:
    """A frame that is no picture any more ends the run with its name, through the solver's own process."""
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    (tmp_path / "out").mkdir()
    wrong = Frame(index=99, timestamp_s=9, name="9s", path=broken, sharpness=1)
    with pytest.raises(InvalidFileError, match=r"broken\.jpg"):
        solve_cameras((*frames[:6], wrong), tmp_path / "out", CONFIG)


def test_a_module_where_the_user_stands_is_not_run(
    frames: tuple[Frame, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ``random.py`` or ``json.py`` in the current folder is not taken for Python's own by the solver's process."""
    for name in ("random.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit('run by mistake')")
    monkeypatch.chdir(tmp_path)
    blank = tmp_path / "blank.png"
    write_image(blank, np.full((240, 320, 3), 200, np.uint8))
    (tmp_path / "out").mkdir()
    still = [dataclasses.replace(frame, path=blank) for frame in frames[:6]]
    with pytest.raises(RegistrationError, match="too little to hold on to"):
        solve_cameras(still, tmp_path / "out", CONFIG)
