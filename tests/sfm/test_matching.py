"""Laws of comparing descriptors."""

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.sfm.matching import MAX_DISTANCE, MAX_RATIO, UNIT, clear_nearest, match, match_frames


def descriptors(count: int, seed: int) -> NDArray[np.uint8]:
    """(count, 128) as COLMAP stores them: roots of shares, of length 512 up to rounding."""
    shares = np.random.default_rng(seed).gamma(0.4, size=(count, 128))
    return np.round(UNIT * np.sqrt(shares / shares.sum(axis=1, keepdims=True))).astype(np.uint8)


def seen_again(first: NDArray[np.uint8], noise: float, seed: int) -> NDArray[np.uint8]:
    """The same descriptors, shuffled, as another picture gives them."""
    random = np.random.default_rng(seed)
    shuffled = first[random.permutation(len(first))] + random.normal(0, noise, first.shape)
    return np.clip(np.round(shuffled), 0, 255).astype(np.uint8)


def obvious(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Mutual nearest neighbours by all distances in float64, near enough and clearer than the second both ways."""
    away = np.linalg.norm(first[:, None].astype(np.float64) - second[None], axis=2)
    result = list[tuple[int, int]]()
    for i, row in enumerate(away):
        j = int(row.argmin())
        column = away[:, j]
        clear = (row[j] < MAX_RATIO * np.partition(row, 1)[1]) & (
            row[j] < MAX_RATIO * np.partition(column, 1)[1]
        )
        if column.argmin() == i and clear and row[j] <= MAX_DISTANCE * UNIT:
            result.append((i, j))
    return np.array(result, np.int64).reshape(-1, 2)


@pytest.mark.parametrize(("noise", "least"), [(4.0, 250), (14.0, 20), (1000.0, 0)])
def test_matches_are_the_obvious_ones(noise: float, least: int) -> None:
    """Whatever the noise: what all distances say, and nothing else."""
    first = np.concatenate([descriptors(300, 1), descriptors(50, 2)])
    second = np.concatenate([seen_again(first[:300], noise, 3), descriptors(80, 4)])
    found = match(first.astype(np.float32), second.astype(np.float32))
    np.testing.assert_array_equal(found, obvious(first, second))
    assert len(found) >= least


def test_the_last_bit_is_exact() -> None:
    """Neighbours whose squared distances differ by one are told apart: sums stay whole numbers below 2^24."""
    query = np.full((1, 128), 45.0, np.float32)
    near, far = np.repeat(query, 2, axis=0)
    near[:100] += 1.0
    far[:97] += 1.0
    far[97] += 2.0
    assert ((near - query) ** 2).sum() + 1 == ((far - query) ** 2).sum()
    for order in ([near, far], [far, near]):
        (nearest,), _ = clear_nearest(query, np.stack(order))
        np.testing.assert_array_equal(order[nearest], near)


@pytest.mark.parametrize("counts", [(0, 0), (0, 5), (5, 0), (1, 5)])
def test_hardly_any_features_are_no_error(counts: tuple[int, int]) -> None:
    """A plain wall has none; one feature has no second neighbour to be clearer than, seen from the other side."""
    first, second = (descriptors(count, 5 + side).astype(np.float32) for side, count in enumerate(counts))
    assert match(first, second).shape == (0, 2)


@pytest.mark.parametrize("threads", [1, 4])
def test_pairs_keep_their_order(threads: int) -> None:
    """Each pair gets its own matches, whichever is compared first."""
    frames = {number: descriptors(20 * number + 20, 9) for number in range(5)}
    pairs = [(i, j) for i in range(5) for j in range(i + 1, 5)]
    found = match_frames(frames, pairs, threads)
    for (i, j), matches in zip(pairs, found, strict=True):
        np.testing.assert_array_equal(matches, obvious(frames[i], frames[j]))
