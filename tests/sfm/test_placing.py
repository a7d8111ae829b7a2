"""Frames placed against points that stand."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.sfm.colmap import Session
from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.placing import place_frames
from roomsplat.sfm.thresholds import STRICT
from tests.sfm.scenes import LENS, walk

COUNT, POINTS = 6, 120


def room() -> tuple[MappedModel, NDArray[np.float64], list[NDArray[np.float32]]]:
    """A model of frames 0 and 5 of six, all six true poses, and where each frame sees every point."""
    poses = walk(COUNT)
    points = np.random.default_rng(0).uniform((0.0, 2.0, 0.5), (1.5, 3.0, 1.5), (POINTS, 3))
    seen = list[NDArray[np.float32]]()
    for pose in poses:
        inside = points @ pose[:3, :3].T + pose[:3, 3]
        seen.append(LENS.pixels(inside[:, :2] / inside[:, 2:]).astype(np.float32))
    model = MappedModel(
        lens=LENS,
        frames=np.array([0, 5]),
        cam_from_world=poses[[0, 5]],
        points=points,
        errors=np.zeros(POINTS),
        is_assumed=np.zeros(POINTS, np.bool_),
        observation_frames=np.repeat([0, 1], POINTS),
        observation_points=np.tile(np.arange(POINTS), 2),
        observation_features=np.tile(np.arange(POINTS), 2),
        folder=Path(),
    )
    return model, poses, seen


def chain(count: int) -> list[tuple[int, int, NDArray[np.int64]]]:
    """Each frame shares ``count`` features with the next, number by number."""
    same = np.repeat(np.arange(count)[:, None], 2, axis=1)
    return [(i, i + 1, same) for i in range(COUNT - 1)]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Of no film."""
    return Session(tmp_path, threads=1, seed=0)


def test_frames_between_stand_where_they_were(session: Session) -> None:
    """Along a chain of matches every frame comes to its true pose, with its points, and what stood stays."""
    model, poses, seen = room()
    whole = place_frames(
        model, chain(POINTS), seen, lambda px, xyz: session.locate(LENS, px, xyz), STRICT, range(COUNT)
    )
    assert whole.frames.tolist() == list(range(COUNT))
    np.testing.assert_allclose(whole.cam_from_world, poses, atol=1e-4)
    assert np.array_equal(whole.cam_from_world[[0, 5]], model.cam_from_world)
    assert np.array_equal(np.bincount(whole.observation_frames), np.full(COUNT, POINTS))


def test_a_frame_with_too_few_points_is_left_out(session: Session) -> None:
    """With one match less than is asked nothing is placed."""
    model, _, seen = room()
    few = chain(STRICT.min_inliers - 1)
    assert (
        place_frames(model, few, seen, lambda px, xyz: session.locate(LENS, px, xyz), STRICT, range(COUNT))
        is model
    )


def test_frames_that_nobody_asked_for_stay_out(session: Session) -> None:
    """Of two frames that the points hold only the wanted one is placed."""
    model, _, seen = room()
    whole = place_frames(
        model, chain(POINTS), seen, lambda px, xyz: session.locate(LENS, px, xyz), STRICT, [1]
    )
    assert whole.frames.tolist() == [0, 1, 5]


def test_false_matches_are_outvoted(session: Session) -> None:
    """Frames with a third of their matches false come right all the same, and see none of those points."""
    model, poses, seen = room()
    links = chain(POINTS)
    wrong = links[0][2].copy()
    wrong[:40, 0] = np.roll(wrong[:40, 0], 1)
    links[0] = (0, 1, wrong)
    whole = place_frames(
        model, links[:1], seen, lambda px, xyz: session.locate(LENS, px, xyz), STRICT, range(COUNT)
    )
    assert whole.frames.tolist() == [0, 1, 5]
    np.testing.assert_allclose(whole.cam_from_world[1], poses[1], atol=1e-3)
    assert (whole.observation_frames == 1).sum() <= POINTS - 36
