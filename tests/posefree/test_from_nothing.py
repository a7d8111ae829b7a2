"""Laws of finding cameras from nothing but matches."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.alignment import trajectory_error
from roomsplat.core.images import Frame
from roomsplat.core.progress import ReportProgress, silent
from roomsplat.errors import RegistrationError
from roomsplat.pipeline import lost
from roomsplat.pipeline.config import PipelineConfig
from roomsplat.posefree.bundle import Lens
from roomsplat.posefree.config import PosefreeConfig
from roomsplat.posefree.from_nothing import cameras_from_nothing, solve
from roomsplat.posefree.journey import Journey
from roomsplat.posefree.tracks import chained
from roomsplat.sfm.child import CrashError
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.manifest import SfmResult, load_sfm, save_sfm
from roomsplat.sfm.quality import NoModelError
from roomsplat.sfm.solution import Solution
from tests.posefree.scenes import BLANK, hidden_film
from tests.posefree.travels import LENS, SIZE, Travel, round_the_room

COUNT = 24
COUNTED = 9
WALKED = 15
USUAL = Lens(focal=1.2)


@pytest.fixture(scope="module")
def way() -> Travel:
    """A tenth of the matches wrong."""
    return round_the_room(COUNT)


@pytest.fixture(scope="module")
def solution(way: Travel) -> Solution:
    """Found once for all laws."""
    found = solve(way.found, way.matched, SIZE, USUAL, seed=0)
    assert found is not None
    return found


def test_every_camera_is_found_within_half_a_percent_of_the_path(way: Travel, solution: Solution) -> None:
    """All frames, 0.4 px of noise, a lens 50 % shorter than expected: path to 0.5 %, focal length to 3 %."""
    assert solution.frame_numbers == list(range(COUNT))
    assert trajectory_error(solution.centers, way.centers).percent < 0.5
    assert solution.camera.focal == pytest.approx(LENS.focal * max(SIZE), rel=0.03)


def test_points_are_told_with_what_is_known_of_them(solution: Solution) -> None:
    """Each is seen twice or more, under a pixel off in the mean, by the frames that it says."""
    assert (solution.track_lengths >= 2).all()
    assert np.median(solution.errors) < 1
    assert np.array_equal(np.bincount(solution.observation_points), solution.track_lengths)
    assert (solution.support > 0.8).all()


def test_the_same_matches_give_the_same_cameras() -> None:
    """To the bit."""
    short = round_the_room(8)
    first, again = (solve(short.found, short.matched, SIZE, USUAL, seed=0) for _ in range(2))
    assert first is not None
    assert again is not None
    np.testing.assert_array_equal(again.cam_from_world, first.cam_from_world)


def test_matches_that_mean_nothing_give_no_camera() -> None:
    """All matches shuffled, or none at all: no model, and no error."""
    short = round_the_room(6, wrong=1.0)
    assert solve(short.found, short.matched, SIZE, USUAL, seed=0) is None
    assert solve(short.found, [], SIZE, USUAL, seed=0) is None


def test_a_model_that_has_lost_its_points_ends_without_cameras(way: Travel) -> None:
    """One frame left of a model: no point is seen twice, so nothing holds the frame either."""
    shape = np.array(SIZE) / max(SIZE)
    tracks, _ = chained([len(found.places) for found in way.found], way.matched)
    journey = Journey(tracks, [(found.places - 0.5) * shape for found in way.found], USUAL, 0)
    model = journey.begin(np.ones(COUNT, bool))
    assert model is not None
    for frame in sorted(model.poses)[1:]:
        del model.poses[frame]
    journey.bundle_all(model)
    assert not model.poses


def test_no_track_holds_two_features_of_a_frame(way: Travel) -> None:
    """A wrong match may not chain two places of one picture into one."""
    tracks, _ = chained([len(one.places) for one in way.found], way.matched)
    keys = tracks.tracks * COUNT + tracks.frames
    assert len(np.unique(keys)) == len(keys)
    assert np.bincount(tracks.tracks, minlength=tracks.count).min() >= 2
    assert (np.diff(tracks.tracks) >= 0).all()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NoModelError("Only 2 of 9 frames could be placed.", hint="Film slowly."), "Matching alone found no"),
        (CrashError("Only 2 of 9.", hint="Report it.", was_killed=False), "The camera solver crashed"),
    ],
)
def test_the_line_begins_from_nothing_where_matching_finds_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: RegistrationError, words: str
) -> None:
    """A textured corner, sfm's model refused or its solver crashed: all cameras within 1 % of the path, and told."""
    film = hidden_film(tmp_path)
    frames = film.frames[:COUNTED]
    out = tmp_path / "sfm"
    out.mkdir()
    (out / "images").mkdir()
    (out / "left.txt").write_text("of the attempt that failed")

    def fail(*_: object) -> SfmResult:
        raise error

    monkeypatch.setattr(lost, "solve_cameras", fail)
    config = PipelineConfig(threads=2, sfm=SfmConfig(max_side=320))
    result = lost.find_cameras(frames, out, config, silent)
    assert [frame.index for frame in result.frames] == list(range(COUNTED))
    centers = result.model.posed_images.cameras.centers
    assert trajectory_error(centers, film.truth.centers[:COUNTED]).percent < 1
    told = {warning.code: warning.message for warning in load_sfm(out).warnings}
    assert told["cameras_from_nothing"].startswith(words)
    assert not (out / "left.txt").exists()
    off = replace(config, posefree=PosefreeConfig(from_nothing=False))
    with pytest.raises(RegistrationError, match="Only 2 of 9"):
        lost.find_cameras(frames, out, off, silent)


def test_a_killed_solver_is_told_and_nothing_else_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What took the memory would take it again: the user is told, and no second way is gone in secret."""

    def killed(*_: object) -> SfmResult:
        raise CrashError("The memory ran out.", hint="Close other programs.", was_killed=True)

    def never(*_: object, **__: object) -> SfmResult:
        raise AssertionError("tried")

    monkeypatch.setattr(lost, "solve_cameras", killed)
    monkeypatch.setattr(lost, "cameras_from_nothing", never)
    with pytest.raises(CrashError, match="memory"):
        lost.find_cameras([], tmp_path, PipelineConfig(), silent)


@pytest.mark.parametrize("from_nothing", [True, False])
def test_half_a_room_gives_way_to_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, from_nothing: bool
) -> None:
    """Eight of fifteen frames in sfm's model: along the film all are found, and lie where sfm's result lay."""
    frames = hidden_film(tmp_path).frames[:WALKED]
    out = tmp_path / "sfm"
    out.mkdir()

    def half(frames: Sequence[Frame], folder: Path, config: SfmConfig, report: ReportProgress) -> SfmResult:
        return cameras_from_nothing(frames[:8], folder, config, report)

    monkeypatch.setattr(lost, "solve_cameras", half)
    config = PipelineConfig(
        threads=2, sfm=SfmConfig(max_side=320), posefree=PosefreeConfig(from_nothing=from_nothing)
    )
    result = lost.find_cameras(frames, out, config, silent)
    assert len(result.frames) == (WALKED if from_nothing else 8)
    assert [frame.index for frame in load_sfm(out).frames] == [frame.index for frame in result.frames]
    assert all(path.exists() for path in load_sfm(out).model.posed_images.image_paths)
    assert not (out / "second").exists()


@pytest.mark.parametrize("better", [True, False])
def test_a_model_in_doubt_gives_way_to_one_that_holds_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, better: bool
) -> None:
    """All frames, but not borne out somewhere: what goes along the film takes its place if it is borne out better."""
    frames = hidden_film(tmp_path).frames[:WALKED]
    out, real = tmp_path / "sfm", cameras_from_nothing
    out.mkdir()

    def borne_out(result: SfmResult, folder: Path, support: float) -> SfmResult:
        told = replace(result, quality=replace(result.quality, support=support))
        save_sfm(folder, told)
        return told

    def doubtful(
        frames: Sequence[Frame], folder: Path, config: SfmConfig, report: ReportProgress
    ) -> SfmResult:
        return borne_out(real(frames, folder, config, report), folder, 0.1)

    def along(frames: Sequence[Frame], folder: Path, config: SfmConfig, report: ReportProgress) -> SfmResult:
        return borne_out(real(frames, folder, config, report), folder, 0.8 if better else 0.05)

    monkeypatch.setattr(lost, "solve_cameras", doubtful)
    monkeypatch.setattr(lost, "cameras_from_nothing", along)
    result = lost.find_cameras(frames, out, PipelineConfig(threads=2, sfm=SfmConfig(max_side=320)), silent)
    assert result.quality.support == (0.8 if better else 0.1)
    assert load_sfm(out).quality.support == result.quality.support
    assert not (out / "second").exists()


def test_what_matching_said_is_told_where_nothing_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even walls: the first reason and its hint, not the second attempt's."""
    film = hidden_film(tmp_path)
    out = tmp_path / "sfm"
    out.mkdir()

    def fail(*_: object) -> SfmResult:
        raise NoModelError("Only 2 of 9 frames could be placed.", hint="Film slowly.")

    monkeypatch.setattr(lost, "solve_cameras", fail)
    blank = [film.frames[BLANK]] * 3
    with pytest.raises(RegistrationError, match="Only 2 of 9"):
        lost.find_cameras(blank, out, PipelineConfig(threads=2, sfm=SfmConfig(max_side=320)), silent)
