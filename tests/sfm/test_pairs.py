"""Laws of choosing which frames to compare."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from roomsplat.sfm.pairs import (
    WORDS,
    loop_pairs,
    sequential_pairs,
    similarity_matrix,
    train_vocabulary,
)


def descriptors_of_places(places: list[int], seed: int = 0) -> list[NDArray[np.uint8]]:
    """Frames of equal places share most of their descriptors, up to noise."""
    random = np.random.default_rng(seed)
    library = random.integers(0, 160, (max(places) + 1, 60, 128))
    return [
        np.clip(library[place] + random.normal(0, 6, (60, 128)), 0, 255).astype(np.uint8)[
            random.permutation(60)
        ]
        for place in places
    ]


@given(st.integers(0, 60), st.integers(1, 12))
def test_sequential_pairs_are_ordered_and_near(count: int, overlap: int) -> None:
    """Every pair lies inside the film, first before second; all neighbours up to the overlap are there."""
    pairs = sequential_pairs(count, overlap)
    assert all(0 <= i < j < count for i, j in pairs)
    assert {(i, i + 1) for i in range(count - 1)} <= pairs
    assert all((i, j) in pairs for i in range(count) for j in range(i + 1, min(count, i + overlap + 1)))


def test_a_place_seen_again_is_found() -> None:
    """Frames of the first visit are paired with frames of the second, and with no other place first."""
    places = [*range(12), *range(12)]
    pairs = loop_pairs(descriptors_of_places(places), 1, min_distance=4, seed=0)
    assert {(i, i + 12) for i in range(12)} <= pairs


def test_loops_leave_neighbours_alone() -> None:
    """No loop pair is nearer in time than asked, and each frame asks for at most its share."""
    pairs = loop_pairs(descriptors_of_places([0] * 20), 3, min_distance=5, seed=0)
    assert pairs
    assert all(j - i >= 5 for i, j in pairs)
    assert len(pairs) <= 3 * 20


def test_too_few_features_give_no_loops() -> None:
    """Films with nothing to describe ask for no loops instead of failing."""
    nothing = [np.zeros((0, 128), np.uint8)] * 30
    assert loop_pairs(nothing, 4, min_distance=5, seed=0) == set()
    few = [np.full((1, 128), i, np.uint8) for i in range(WORDS - 1)]
    assert loop_pairs(few, 4, min_distance=5, seed=0) == set()


def test_similarity_does_not_depend_on_the_order_of_features() -> None:
    """A frame resembles itself fully, whatever the order of its features; an empty frame resembles none."""
    frames = descriptors_of_places([0, 1, 2])
    frames = [*frames, frames[0][::-1].copy(), np.zeros((0, 128), np.uint8)]
    similarity = similarity_matrix(frames, seed=0)
    np.testing.assert_allclose(similarity[0, 3], 1, atol=1e-5)
    assert similarity[0, 1] < 0.9
    np.testing.assert_array_equal(similarity[4], 0)


def test_the_vocabulary_is_the_same_for_the_same_seed() -> None:
    """Same descriptors, same seed, same words."""
    frames = descriptors_of_places([0, 1, 2, 3])
    np.testing.assert_array_equal(train_vocabulary(frames, 3), train_vocabulary(frames, 3))


def test_the_vocabulary_is_trained_on_a_sample_of_all_frames() -> None:
    """The sample is the one that a single array of all descriptors would give: the slow, obvious way."""
    frames = [*descriptors_of_places([0, 1, 2]), np.zeros((0, 128), np.uint8), *descriptors_of_places([3])]
    whole = train_vocabulary([np.concatenate(frames)], seed=5)
    np.testing.assert_array_equal(train_vocabulary(frames, seed=5), whole)
