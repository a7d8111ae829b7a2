"""Laws of judging a solution."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roomsplat.core.images import Frame
from roomsplat.errors import InvalidSettingError, RegistrationError
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.quality import SfmQuality, describe_times, find_jumps, measure, refuse_bad, warnings_of
from roomsplat.sfm.solution import Solution
from tests.sfm.scenes import walk

GOOD = SfmQuality(
    num_input=60,
    num_registered=60,
    num_turned=5,
    num_points=5000,
    reprojection_error_px=0.6,
    track_length=6.0,
    parallax_deg=9.0,
    focal_ratio=0.8,
    distortion=0.01,
    support=1.0,
    path_length=9.0,
    jumps=(),
)


def solution(count: int = 10, keep: slice = slice(None)) -> Solution:
    """A plain solution of a walk, with frames ``keep`` of ``count`` registered."""
    poses = walk(count)[keep]
    return Solution(
        lens=np.array([300.0, 160, 120, 0, 320, 240]),
        frames=np.arange(count)[keep],
        cam_from_world=poses,
        points=np.zeros((4, 3)),
        colors=np.zeros((4, 3), np.uint8),
        errors=np.array([0.5, 0.5, 0.7, 9.0]),
        track_lengths=np.array([3, 4, 5, 2]),
        angles=np.array([5.0, 6, 7, 8]),
        is_assumed=np.zeros(4, np.bool_),
        observation_frames=np.arange(len(poses)),
        observation_points=np.arange(len(poses)) % 4,
        support=np.ones(len(poses) - 1),
        other_models=np.zeros(0, np.int64),
    )


def frames(count: int = 10) -> tuple[Frame, ...]:
    """Two frames a second."""
    return tuple(
        Frame(index=15 * i, timestamp_s=i / 2, name=f"{i}", path=Path(f"{i}.jpg"), sharpness=1)
        for i in range(count)
    )


def test_a_walk_has_no_jumps() -> None:
    """A smooth path with a pause and a faster stretch is no jump."""
    speeds = np.concatenate([np.full(10, 1.0), np.full(6, 0.05), np.full(10, 2.5)])
    centers = np.cumsum(np.outer(speeds, [1, 0.2, 0]), axis=0)
    assert find_jumps(centers, np.arange(len(centers)) / 2) == []


@pytest.mark.parametrize("at", [1, 7, 19])
def test_a_teleport_is_found(at: int) -> None:
    """Everything from one frame on moved away: that frame is named, and no other."""
    centers = np.cumsum(np.tile([0.1, 0.02, 0], (20, 1)), axis=0)
    centers[at:] += (0, 3, 0)
    assert find_jumps(centers, np.arange(20) / 2) == [at]


def test_missing_frames_are_no_teleport() -> None:
    """A long step over a long time is a walk."""
    times = np.concatenate([np.arange(10), np.arange(40, 50)]).astype(float)
    assert find_jumps(np.outer(times, [0.2, 0.1, 0]), times) == []


def test_figures() -> None:
    """Errors are told in px of the film, over the points that were kept."""
    found = solution()
    keep = np.array([True, True, True, False])
    quality = measure(found, frames(), found.centers, keep, scale=3.0)
    assert quality.num_points == 3
    assert quality.reprojection_error_px == pytest.approx(3 * 1.7 / 3)
    assert quality.focal_ratio == pytest.approx(300 / 320)
    assert quality.jumps == ()
    assert quality.num_turned == 0


def test_assumed_points_measure_nothing() -> None:
    """Points of assumed distance are counted, but parallax, error and track length come from measured ones."""
    found = replace(
        solution(), is_assumed=np.array([True, False, False, False]), angles=np.array([0.0, 6, 7, 8])
    )
    keep = np.array([True, True, True, False])
    quality = measure(found, frames(), found.centers, keep, scale=1.0)
    assert quality.num_points == 3
    assert quality.parallax_deg == 7
    assert quality.reprojection_error_px == pytest.approx(0.6)


def test_a_still_camera_is_refused() -> None:
    """Points seen under a fraction of a degree give no depth; the hint says how to film."""
    with pytest.raises(RegistrationError, match="hardly moved") as caught:
        refuse_bad(replace(GOOD, parallax_deg=0.3), SfmConfig())
    assert "sideways" in caught.value.hint


def test_a_film_of_turns_is_refused() -> None:
    """A pan at the end is welcome, a film that is mostly pans has no depth."""
    refuse_bad(replace(GOOD, num_turned=20), SfmConfig())
    with pytest.raises(RegistrationError, match="only turned in 40 of 60"):
        refuse_bad(replace(GOOD, num_turned=40), SfmConfig())


def test_too_few_cameras_are_refused() -> None:
    """A small share of the frames is no room; a good solution passes."""
    refuse_bad(GOOD, SfmConfig())
    with pytest.raises(RegistrationError, match="Only 12 of 60"):
        refuse_bad(replace(GOOD, num_registered=12), SfmConfig())


def test_warnings_name_times() -> None:
    """Lost frames are told by their time in the film, a weak cut too; a good solution has nothing to say."""
    assert warnings_of(GOOD, solution(), frames()) == ()
    (lost,) = warnings_of(GOOD, solution(keep=slice(0, 7)), frames())
    assert (lost.code, "3 of 10" in lost.message, "3.5 to 4.5 s" in lost.message) == (
        "frames_not_registered",
        True,
        True,
    )
    bad = replace(GOOD, support=0.2, jumps=(30,), focal_ratio=9.0)
    weak = replace(solution(), support=np.full(9, 0.2))
    codes = {warning.code for warning in warnings_of(bad, weak, frames())}
    assert codes == {"cameras_uncertain", "camera_path_jumps", "focal_implausible"}


def test_a_cut_in_the_film_is_no_mistake() -> None:
    """A jump that the matches bear out is kept as a figure and not warned of."""
    assert warnings_of(replace(GOOD, jumps=(30,)), solution(), frames()) == ()


def test_times_are_told_as_ranges() -> None:
    """Neighbours join; more than four places are counted."""
    times = [i / 2 for i in range(20)]
    assert describe_times([1.0, 1.5, 2.0, 4.0], times) == "1.0 to 2.0 s, 4.0 s"
    assert describe_times(times[::2], times).endswith("and 6 more places")


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_side": 10},
        {"max_features": 0},
        {"seed": -1},
        {"threads": 0},
        {"min_registered_share": 2.0},
        {"features": "orb"},
        {"matching": "guess"},
        {"matching": "lightglue"},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    """Each setting out of its range ends in a sentence that names it or its kind."""
    with pytest.raises(InvalidSettingError, match="sfm"):
        SfmConfig(**wrong)
