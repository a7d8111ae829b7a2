"""Two models of one film: which similarity brings one into the other's world, and when none is to be trusted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.core.transforms import Similarity
from roomsplat.sfm.joining import common_points, similarity_between
from roomsplat.sfm.model import MappedModel
from tests.sfm.scenes import LENS, walk

Double = NDArray[np.float64]
A_FROM_B = Similarity(
    quat=np.array([0.8, 0.1, -0.5, 0.3]), translation=np.array([2.0, -1.0, 0.5]), scale=0.37
)
POINTS = np.random.default_rng(1).uniform((-0.5, 1.5, 0.2), (1.5, 3.0, 2.0), (40, 3))
Matches = list[tuple[int, int, NDArray[np.int64]]]


def model(frames: range, numbers: NDArray[np.int64]) -> MappedModel:
    """Cameras of a walk that each see these points; a point is the feature of its number in every frame."""
    rows, points = np.divmod(np.arange(len(frames) * len(numbers)), len(numbers))
    return MappedModel(
        lens=LENS,
        frames=np.array(frames),
        cam_from_world=walk(20)[list(frames)],
        points=POINTS[numbers],
        errors=np.zeros(len(numbers)),
        is_assumed=np.zeros(len(numbers), np.bool_),
        observation_frames=rows,
        observation_points=points,
        observation_features=numbers[points],
        folder=Path(),
    )


def elsewhere(one: MappedModel) -> MappedModel:
    """The same model in a world of its own."""
    b_from_a = A_FROM_B.inverse()
    return replace(
        one,
        points=b_from_a.apply(one.points),
        cam_from_world=b_from_a.apply_to_camera(one.cam_from_world),
    )


def matches(first: int, second: int, numbers: NDArray[np.int64], *, shift: int = 0) -> Matches:
    """A pair of frames whose features of these numbers match (``shift`` 0) or match wrongly."""
    return [(first, second, np.stack([numbers, np.roll(numbers, shift)], axis=1))]


def assert_same(found: Similarity | None) -> None:
    """What was found is the truth."""
    assert found is not None
    np.testing.assert_allclose(found.apply(np.eye(3)), A_FROM_B.apply(np.eye(3)), atol=1e-6)


def test_common_points_are_found_through_frames_and_through_matches() -> None:
    """A point is common when both models saw one feature, or saw two features that match."""
    low, high = np.arange(10), np.arange(8, 20)
    a, b = model(range(4), low), elsewhere(model(range(3, 8), high))
    shared = common_points(a, b, [])
    assert len(shared[0]) == 2
    np.testing.assert_allclose(A_FROM_B.apply(shared[1]), shared[0], atol=1e-9)
    b = elsewhere(model(range(5, 8), high))
    assert len(common_points(a, b, [])[0]) == 0
    assert len(common_points(a, b, matches(3, 5, np.arange(8, 10)))[0]) == 2


def test_a_common_frame_and_three_points_are_enough() -> None:
    """Where both models know a frame, three common points give the scale and confirm it."""
    a, b = model(range(4), np.arange(10)), elsewhere(model(range(3, 8), np.arange(7, 20)))
    assert_same(similarity_between(a, b, [], seed=0))


def test_two_points_are_not_enough() -> None:
    """Of two points one may be wrong, and nobody could tell which."""
    a, b = model(range(4), np.arange(10)), elsewhere(model(range(3, 8), np.arange(8, 20)))
    assert similarity_between(a, b, [], seed=0) is None


def test_without_a_common_frame_many_points_are_needed() -> None:
    """Eight common points give the similarity by themselves; seven do not."""
    a, b = model(range(4), np.arange(20)), elsewhere(model(range(6, 10), np.arange(12, 30)))
    assert_same(similarity_between(a, b, matches(3, 6, np.arange(12, 20)), seed=0))
    assert similarity_between(a, b, matches(3, 6, np.arange(13, 20)), seed=0) is None


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_wrong_matches_join_nothing(seed: int) -> None:
    """Points that are each taken for another agree on no similarity."""
    numbers = np.arange(20)
    a, b = model(range(4), numbers), elsewhere(model(range(6, 10), numbers))
    assert similarity_between(a, b, matches(3, 6, numbers, shift=7), seed=seed) is None


def test_a_third_of_wrong_matches_is_borne() -> None:
    """The similarity is found among points of which most are right."""
    numbers = np.arange(20)
    a, b = model(range(4), numbers), elsewhere(model(range(6, 10), numbers))
    pairs = matches(3, 6, np.arange(14)) + matches(2, 7, np.arange(14, 20), shift=2)
    assert_same(similarity_between(a, b, pairs, seed=0))
