"""Laws of the step that places lost frames, on a film of a textured corner whose cameras are exact."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.images import Frame, PosedImages
from roomsplat.core.progress import Progress, silent
from roomsplat.errors import InvalidFileError, InvalidSettingError
from roomsplat.pipeline import lost
from roomsplat.pipeline.config import PipelineConfig
from roomsplat.pipeline.lost import Completed, complete_cameras
from roomsplat.pipeline.workspace import Workspace
from roomsplat.posefree import stage
from roomsplat.posefree.config import PosefreeConfig
from roomsplat.posefree.stage import find_lost_frames, is_worth_seeking, with_placed_frames
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.sfm.child import CrashError
from roomsplat.sfm.keyframes import LONG_FILM
from tests.posefree.scenes import (
    BLANK,
    CONFIG,
    COUNT,
    HIDDEN,
    PANNED,
    STRANGER,
    WALL,
    HiddenFilm,
    hidden_film,
    panned_film,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The step, taken once for all laws."""

    film: HiddenFilm
    workspace: Workspace
    result: Completed
    told: list[Progress]

    def again(self, config: PosefreeConfig, told: list[Progress], frames: tuple[Frame, ...]) -> Completed:
        """The same call as the first."""
        whole = PipelineConfig(engine="cpu", threads=2, posefree=config)
        return complete_cameras(
            frames, self.film.sfm, CpuEngine(2), whole, self.workspace, "key", told.append
        )


@pytest.fixture(scope="module")
def step(tmp_path_factory: pytest.TempPathFactory) -> Step:
    """Six lost frames: three that were hidden, three that must not be placed."""
    film, workspace = hidden_film(tmp_path_factory.mktemp("film")), Workspace(tmp_path_factory.mktemp("run"))
    told, config = list[Progress](), PipelineConfig(engine="cpu", threads=2, posefree=CONFIG)
    result = complete_cameras(film.frames, film.sfm, CpuEngine(2), config, workspace, "key", told.append)
    return Step(film=film, workspace=workspace, result=result, told=told)


def test_hidden_frames_are_found_within_a_hundredth_of_the_path(step: Step) -> None:
    """Every hidden frame of the walk is placed, each within 1 % of the path's length and 0.5 degrees."""
    film, sfm = step.film, step.result.sfm
    assert [frame.index for frame in sfm.frames] == list(range(COUNT))
    cameras = sfm.model.posed_images.cameras
    errors = 100 * np.linalg.norm(cameras.centers - film.truth.centers, axis=1) / film.path_length
    turns = np.einsum("cij,cij->c", cameras.cam_from_world[:, :3, :3], film.truth.cam_from_world[:, :3, :3])
    assert errors.max() < 1, errors
    assert np.degrees(np.arccos(np.clip((turns - 1) / 2, -1, 1))).max() < 0.5
    assert errors[list(HIDDEN)].min() > 0, "they were estimated, not handed through"


def test_what_is_not_of_the_room_or_shows_too_little_is_refused(step: Step) -> None:
    """Another room, a wall from very near and an even wall stay lost, each with a reason; their pictures go."""
    folder = step.workspace.folder("posefree")
    content = json.loads((folder / "placed.json").read_text())
    assert [one["number"] for one in content["refused"]] == [STRANGER, WALL, BLANK]
    assert all(one["reason"] for one in content["refused"])
    assert sorted(p.stem for p in (folder / "images").iterdir()) == [f"{n:06d}" for n in HIDDEN]
    assert not (folder / "features").exists()


def test_few_of_a_long_film_are_not_sought(
    step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Less than a hundredth of a long film is left as it is; a hundredth, or any frame of a short one, is sought."""
    assert not is_worth_seeking(0, 100)
    assert is_worth_seeking(1, LONG_FILM)
    assert is_worth_seeking(24, 2400)
    assert not is_worth_seeking(23, 2400)
    monkeypatch.setattr(stage, "LONG_FILM", 3)
    monkeypatch.setattr(stage, "FEW_OF_MANY", 0.9)
    config, told = PipelineConfig(engine="cpu", threads=2, posefree=CONFIG), list[Progress]()
    workspace = Workspace(tmp_path / "run")
    left = complete_cameras(
        step.film.frames, step.film.sfm, CpuEngine(2), config, workspace, "key", told.append
    )
    assert left.sfm == step.film.sfm
    assert left.reused
    assert not told


def test_the_scene_grows_with_a_turn_into_what_nobody_knew(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Three frames turn away by most of a picture: one after the other is placed in what the last one added.

    They turn on the spot, so nothing tells the distance of what is new: their place is right to a twentieth of the
    distance of what they see, their direction to 1.5 degrees. A scene that does not grow loses the last one.
    """
    film = panned_film(tmp_path_factory.mktemp("pan"))
    config = PipelineConfig(engine="cpu", threads=2, posefree=CONFIG)
    workspace = Workspace(tmp_path_factory.mktemp("run"))
    result = complete_cameras(film.frames, film.sfm, CpuEngine(2), config, workspace, "key", silent)
    assert [frame.index for frame in result.sfm.frames] == list(range(8 + PANNED))
    cameras = result.sfm.model.posed_images.cameras
    apart = np.linalg.norm(cameras.centers - film.truth.centers, axis=1)
    turns = np.einsum("cij,cij->c", cameras.cam_from_world[:, :3, :3], film.truth.cam_from_world[:, :3, :3])
    assert apart.max() < 0.05 * 3, apart
    assert np.degrees(np.arccos(np.clip((turns - 1) / 2, -1, 1))).max() < 1.5


def test_a_search_that_dies_leaves_the_frames_for_the_next_run(
    step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room without them goes on under another key, with a warning; the same call again tries them again."""
    starts, workspace = list[int](), Workspace(tmp_path / "run")

    def die(*_: object, **__: object) -> None:
        starts.append(1)
        raise CrashError("The search was killed.", hint="Close other programs.", was_killed=True)

    monkeypatch.setattr(lost, "find_lost_frames", die)
    config = PipelineConfig(engine="cpu", threads=2, posefree=CONFIG)
    for again in (1, 2):
        left = complete_cameras(
            step.film.frames, step.film.sfm, CpuEngine(2), config, workspace, "key", silent
        )
        assert len(starts) == again
        assert left.sfm.frames == step.film.sfm.frames
        assert left.key != step.result.key
        assert not workspace.is_done("posefree", "key")
        told = {warning.code: warning.message for warning in left.sfm.warnings}["lost_frames_not_tried"]
        assert told.startswith("The search was killed. So 6 of 18 frames")


def test_placed_and_lost_frames_are_told(step: Step) -> None:
    """The warnings say how many frames were placed and how many are left out; progress counts them and never falls."""
    warnings = {warning.code: warning.message for warning in step.result.sfm.warnings}
    assert warnings["frames_placed"].startswith("3 of 18 frames")
    assert warnings["frames_not_registered"].startswith("3 of 18 frames could not be placed")
    assert step.result.num_placed == 3
    assert step.told[-1].metrics["placed"] == 3
    fractions = [progress.fraction for progress in step.told]
    assert fractions == sorted(fractions)


def test_an_earlier_result_is_taken(step: Step) -> None:
    """The same key computes nothing and gives the same cameras."""
    told = list[Progress]()
    again = step.again(CONFIG, told, step.film.frames)
    assert again.reused
    assert told == []
    ours, first = again.sfm.model.posed_images, step.result.sfm.model.posed_images
    np.testing.assert_array_equal(ours.cameras.cam_from_world, first.cameras.cam_from_world)
    assert ours.image_paths == first.image_paths


def test_three_known_frames_are_too_few_to_try(step: Step, tmp_path: Path) -> None:
    """Nothing around a lost frame tells what is usual there: all stay lost, with a reason, and nothing is computed."""
    film, told = step.film, list[Progress]()
    images = film.sfm.model.posed_images
    posed = PosedImages(
        cameras=images.cameras[:3],
        image_paths=images.image_paths[:3],
        mask_paths=(None,) * 3,
        is_eval=np.zeros(3, np.bool_),
    )
    few = replace(film.sfm, frames=film.sfm.frames[:3], model=replace(film.sfm.model, posed_images=posed))
    find_lost_frames(film.frames, few, CpuEngine(1), CONFIG, tmp_path, told.append)
    content = json.loads((tmp_path / "placed.json").read_text())
    assert content["placed"] == []
    assert len(content["refused"]) == len(film.frames) - 3
    assert all(one["reason"] for one in content["refused"])
    assert told == []


def test_nothing_is_done_where_nothing_is_asked(step: Step) -> None:
    """Switched off, or with no frame lost, the cameras are what they were."""
    told = list[Progress]()
    off = step.again(replace(CONFIG, place_lost=False), told, step.film.frames)
    complete = step.again(CONFIG, told, step.film.sfm.frames)
    assert off.sfm is complete.sfm is step.film.sfm
    assert told == []


def test_a_damaged_result_is_told(step: Step, tmp_path: Path) -> None:
    """A file that is no list of placed frames ends in one sentence."""
    (tmp_path / "placed.json").write_text("{}")
    with pytest.raises(InvalidFileError, match="no list of placed frames"):
        with_placed_frames(step.film.frames, step.film.sfm, tmp_path)


@pytest.mark.parametrize("name", ["max_side", "scene_steps", "neighbours", "rounds"])
def test_settings_that_make_no_sense_are_refused(name: str) -> None:
    """Nothing below the least value."""
    with pytest.raises(InvalidSettingError, match=f"posefree.{name}"):
        replace(PosefreeConfig(), **{name: 0})
