"""A long film: parts of its keyframes are joined, the other frames are placed against them, and nothing is lost."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from roomsplat.core.alignment import trajectory_error
from roomsplat.core.progress import silent
from roomsplat.sfm import long_film
from roomsplat.sfm.attempt import Attempt
from roomsplat.sfm.bridging import MIN_CROSSING, around, breaks, grown_over, joined, unbroken
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.features import Features, find_features
from roomsplat.sfm.keyframes import choose_keyframes
from roomsplat.sfm.long_film import LongFilm
from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.pairs import Pair
from roomsplat.sfm.solution import Lens
from roomsplat.sfm.thresholds import STRICT
from tests.sfm.scenes import film, walk

COUNT = 24
STEPS = {(i, i + 1) for i in range(COUNT - 1)}
CONFIG = SfmConfig(max_features=600, enough_features=0, threads=2, overlap=2)


@given(st.sets(st.integers(0, 40), min_size=2).map(sorted), st.integers(0, 40), st.integers(0, 5))
def test_breaks_lie_between_keyframes_that_no_model_has_both_of(
    chosen: list[int], cut: int, reach: int
) -> None:
    """Two models that share no frame break once, and around that are all frames within reach of its two ends."""
    models = [{frame for frame in chosen if frame < cut}, {frame for frame in chosen if frame >= cut}]
    before, after = (sorted(model) for model in models)
    expected = [(before[-1], after[0])] if before and after else []
    assert breaks(chosen, models) == expected
    count = chosen[-1] + 3
    near = {
        frame
        for frame in range(count)
        if any(first - reach <= frame <= second + reach for first, second in expected)
    }
    assert around(expected, count, reach) == near


def model_of(poses: NDArray[np.float64]) -> MappedModel:
    """(c, 4, 4) cameras without points."""
    none = np.zeros(0, np.int64)
    return MappedModel(
        lens=Lens(focal=300.0, cx=160.0, cy=120.0, k=0.0, width=320, height=240),
        frames=np.arange(len(poses)),
        cam_from_world=poses,
        points=np.zeros((0, 3)),
        errors=np.zeros(0),
        is_assumed=np.zeros(0, np.bool_),
        observation_frames=none,
        observation_points=none,
        observation_features=none,
        folder=Path(),
    )


def test_a_model_is_cut_where_the_camera_jumps() -> None:
    """Two parts of a steady walk that stand ten steps apart are two, and the walk without that step is one."""
    for leap, expected in ((0.0, [list(range(20))]), (10.0, [list(range(9)), list(range(9, 20))])):
        poses = np.tile(np.eye(4), (20, 1, 1))
        poses[:, 0, 3] = -np.arange(20.0) - leap * (np.arange(20) >= 9)
        assert [part.frames.tolist() for part in unbroken(model_of(poses), STEPS, 4)] == expected


@given(st.integers(0, 20))
def test_a_model_is_cut_where_a_few_far_pairs_alone_hold_it(count: int) -> None:
    """Two halves that share nothing near in time are one only by as many pairs as a false loop does not have."""
    poses = np.tile(np.eye(4), (20, 1, 1))
    poses[:, 0, 3] = -np.arange(20.0)
    near = {(i, i + 1) for i in range(19) if i != 9}
    far = set([(i, j) for i in range(5) for j in range(15, 20)][:count])
    parts = unbroken(model_of(poses), near | far, 4)
    assert len(parts) == (2 if count < MIN_CROSSING else 1)


def walked(folder: Path) -> tuple[Session, list[Features], NDArray[np.float64]]:
    """A walk of ``COUNT`` frames with their features; (c, 3) where its cameras stand."""
    poses = walk(COUNT)
    paths = [frame.path for frame in film(folder / "film", poses)]
    (folder / "work").mkdir()
    session = Session(folder / "work", threads=2, seed=0)
    features = find_features(session, paths, CONFIG, silent)
    return session, features, -np.einsum("cji,cj->ci", poses[:, :3, :3], poses[:, :3, 3])


def test_a_long_film_is_mapped_by_keyframes(tmp_path: Path) -> None:
    """All frames are placed, to 0.3 % of the path, though most were not there when the room was mapped."""
    session, features, true = walked(tmp_path)
    solution = LongFilm(session, features, CONFIG, silent, look_closer=lambda _: []).solve()
    assert solution is not None
    assert solution.frame_numbers == list(range(COUNT))
    assert trajectory_error(solution.centers, true).percent < 0.3


def test_keyframes_that_part_are_joined_by_what_lies_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keyframes that share nothing across a gap are two parts; the frames around the gap make them one, to 0.5 %."""
    session, features, true = walked(tmp_path)
    chosen = [*range(0, 11, 2), *range(15, COUNT, 2)]

    def few_keyframes(*_: object) -> list[int]:
        return chosen

    def near_ones(_: object, frames: list[int]) -> set[Pair]:
        return {(i, j) for i in frames for j in frames if 0 < j - i <= 4 and (i < 11) == (j < 11)}

    monkeypatch.setattr(long_film, "choose_keyframes", few_keyframes)
    monkeypatch.setattr(LongFilm, "_pairs_of_keyframes", near_ones)
    solution = LongFilm(session, features, CONFIG, silent, look_closer=lambda _: []).solve()
    assert solution is not None
    assert solution.frame_numbers == list(range(COUNT))
    assert trajectory_error(solution.centers, true).percent < 0.5


def test_a_film_in_doubt_is_mapped_in_order_and_comes_out_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was right by all pairs is right by near ones, and both say so."""
    session, features, true = walked(tmp_path)
    monkeypatch.setattr(Attempt, "is_doubtful", True)
    solution = LongFilm(session, features, CONFIG, silent, look_closer=lambda _: []).solve()
    assert solution is not None
    assert solution.frame_numbers == list(range(COUNT))
    assert trajectory_error(solution.centers, true).percent < 0.3


def test_parts_that_do_not_hold_together_stay_apart(tmp_path: Path) -> None:
    """Where nobody bears out what was joined, both parts come back as they were, the larger one first."""
    session, _, _ = walked(tmp_path)
    session.match([(i, i + s) for s in range(1, 9) for i in range(COUNT - s)])
    parts = [session.map(STRICT, lambda: None, frames=frames)[0] for frames in (range(13), range(9, COUNT))]
    kept = joined(session, parts, session.verified(), lambda _: False, seed=0)
    assert [part.frames.tolist() for part in kept] == [list(range(9, COUNT)), list(range(13))]
    whole = joined(session, parts, session.verified(), lambda _: True, seed=0)
    assert [part.frames.tolist() for part in whole] == [list(range(COUNT))]


def test_a_part_grows_over_its_own_end_alone(tmp_path: Path) -> None:
    """Of two breaks only the one beside it is grown over, as far as was asked."""
    session, _, _ = walked(tmp_path)
    session.match([(i, i + s) for s in range(1, 9) for i in range(COUNT - s)])
    part = session.map(STRICT, lambda: None, frames=range(13))[0]
    grown = grown_over(session, part, STEPS, [(12, 14), (20, 21)], COUNT, 2, lambda: None)
    assert grown.frames.tolist() == list(range(17))


def test_a_fast_film_has_every_frame_as_a_keyframe() -> None:
    """Where nothing is shared with the next frame, none is left out."""
    assert choose_keyframes(5, {}, 6) == list(range(5))
