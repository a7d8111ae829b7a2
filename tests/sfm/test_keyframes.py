"""A long film: a part of its frames is mapped first, the others are placed against it, and nothing is lost."""

import zlib  # noqa: F401  # pyright: ignore[reportUnusedImport] - must come before pycolmap, see sfm/colmap.py
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import numpy as np
import pycolmap
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from roomsplat.core.alignment import trajectory_error
from roomsplat.core.progress import silent
from roomsplat.sfm import keyframes
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.features import find_features
from roomsplat.sfm.keyframes import (
    MIN_SHARE,
    MIN_SHARED,
    choose_keyframes,
    frames_around_breaks,
    map_film,
    unbroken,
)
from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.pairs import Pair, sequential_pairs
from roomsplat.sfm.solution import Lens
from roomsplat.sfm.thresholds import STRICT
from tests.sfm.scenes import film, walk

COUNT, OVERLAP = 24, 6
LOST = 11
MATCHES = st.dictionaries(
    st.tuples(st.integers(0, 40), st.integers(1, 8)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    st.integers(0, 400),
)


@given(st.integers(1, 45), MATCHES, st.integers(1, 8))
def test_keyframes_run_from_end_to_end_and_hold_together(
    count: int, matches: dict[tuple[int, int], int], reach: int
) -> None:
    """They begin at 0, end with the last frame, keep within reach, and leave out only where enough is shared."""
    chosen = choose_keyframes(count, matches, reach)
    assert chosen[0] == 0
    assert chosen[-1] == count - 1
    for first, second in pairwise(chosen):
        assert first < second <= first + reach or second == first + 1
        if second > first + 1:
            shared = matches[first, second]
            assert shared >= MIN_SHARED
            assert shared >= MIN_SHARE * matches.get((first, first + 1), 0)


def test_a_slow_camera_has_few_keyframes_and_a_fast_one_many() -> None:
    """Where matches fade slowly every sixth frame, where they fade at once every one."""
    slow = {(i, i + s): 400 - 10 * s for i in range(60) for s in range(1, 7)}
    fast = {(i, i + s): 400 // 3 ** (s - 1) for i in range(60) for s in range(1, 7)}
    assert choose_keyframes(60, slow, 6) == [*range(0, 60, 6), 59]
    assert choose_keyframes(60, fast, 6) == list(range(60))


@given(st.sets(st.integers(0, 40), min_size=1).map(sorted), st.integers(0, 40), st.integers(0, 5))
def test_where_keyframes_part_every_frame_is_one(chosen: list[int], cut: int, reach: int) -> None:
    """All frames within reach of the two keyframes that no model has both of, and else only the keyframes."""
    count = chosen[-1] + 3
    models = [{frame for frame in chosen if frame < cut}, {frame for frame in chosen if frame >= cut}]
    wider = frames_around_breaks(chosen, models, count, reach)
    before, after = (sorted(model) for model in models)
    near = range(max(0, before[-1] - reach), min(count, after[0] + reach + 1)) if before and after else ()
    assert wider == sorted({*chosen, *near})


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
        assert [part.frames.tolist() for part in unbroken(model_of(poses))] == expected


def matched_walk(folder: Path, pairs: set[Pair]) -> tuple[Session, NDArray[np.float64]]:
    """A walk of ``COUNT`` frames, of which these pairs are compared; (c, 3) where its cameras stand."""
    poses = walk(COUNT)
    paths = [frame.path for frame in film(folder / "film", poses)]
    (folder / "work").mkdir()
    session = Session(folder / "work", threads=2, seed=0)
    find_features(session, paths, SfmConfig(max_features=600, enough_features=0, threads=2), silent)
    session.match(sorted(pairs))
    return session, -np.einsum("cji,cj->ci", poses[:, :3, :3], poses[:, :3, 3])


def test_a_long_film_is_mapped_by_keyframes_as_well_as_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All frames are placed, to 0.3 % of the path, though most were not there when the room was mapped."""
    session, true = matched_walk(tmp_path, sequential_pairs(COUNT, OVERLAP))
    monkeypatch.setattr(keyframes, "LONG_FILM", COUNT - 1)
    registered: list[int] = []
    models = map_film(session, STRICT, lambda: registered.append(1), COUNT, OVERLAP)
    first = session.map(STRICT, lambda: None, frames=range(0, COUNT, 4))[0]
    assert first.frames.tolist() == list(range(0, COUNT, 4))
    assert models[0].frames.tolist() == list(range(COUNT))
    assert len(registered) < COUNT + 2
    assert trajectory_error(models[0].centers, true).percent < 0.3


def test_keyframes_that_part_are_joined_by_what_lies_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keyframes that were never compared part a film in two; the frames around them make it one, to 0.5 %."""
    session, true = matched_walk(tmp_path, {(i, i + s) for s in range(1, 5) for i in range(COUNT - s)})
    chosen = [*range(0, 11, 2), *range(15, COUNT, 2)]
    parts = session.map(STRICT, lambda: None, frames=chosen)
    assert [len(part.frames) for part in parts] == [6, 5]
    monkeypatch.setattr(keyframes, "LONG_FILM", COUNT - 1)
    monkeypatch.setattr(keyframes, "choose_keyframes", create_autospec(choose_keyframes, return_value=chosen))
    models = map_film(session, STRICT, lambda: None, COUNT, overlap=2)
    assert models[0].frames.tolist() == list(range(COUNT))
    assert trajectory_error(models[0].centers, true).percent < 0.5


def test_one_bad_point_does_not_bend_a_long_film(tmp_path: Path) -> None:
    """A point in the plane of a camera is left out of the adjustment, and what is out of place comes right again."""
    session, true = matched_walk(tmp_path, sequential_pairs(COUNT, OVERLAP))
    whole = session.map(STRICT, lambda: None)[0]
    stored: Any = pycolmap.Reconstruction(whole.folder)
    point = next(iter(stored.points3D.values()))
    image = stored.images[point.track.elements[0].image_id]
    point.xyz = image.cam_from_world().inverse() * np.array([1e6, 0.0, 1e-9])
    stored.write(whole.folder)
    adjusted = session.adjust(whole, STRICT)
    assert len(adjusted.points) <= len(whole.points) - 1
    assert adjusted.errors.max() < 4
    assert trajectory_error(adjusted.centers, true).percent < 0.3


def test_a_model_is_reopened_without_the_frames_that_it_lost(tmp_path: Path) -> None:
    """It has the cameras and the points as they were, and mapping goes on from there."""
    session, _ = matched_walk(tmp_path, sequential_pairs(COUNT, OVERLAP))
    whole = session.map(STRICT, lambda: None)[0]
    part = whole.part(whole.frames != LOST)
    again = session.reopen(part)
    assert again.frames.tolist() == part.frames.tolist()
    assert np.array_equal(again.cam_from_world, part.cam_from_world)
    assert len(again.points) == len(part.points)
    grown = session.map(STRICT, lambda: None, again, standing=True)[0]
    assert grown.frames.tolist() == list(range(COUNT))
