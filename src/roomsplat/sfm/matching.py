"""Exact nearest neighbours among descriptors: the same matches at every run, on every computer.

COLMAP's own matcher searches an approximate index whose training, on several threads at once, now and then goes wrong:
in 3 of some 400 runs a frame lost most of its matches (16 for 231), and another room came out. Sums of products of
8-bit numbers are whole numbers below 2^24, which float32 holds exactly, so here no order of adding can show.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from roomsplat.sfm.pairs import Pair

Float = NDArray[np.float32]

MAX_RATIO = 0.8
"""A match is at most this much as far away as the second best (Lowe 2004, section 7.1)."""
MAX_DISTANCE = 0.7
"""Of two descriptors, as unit vectors."""
UNIT = 512.0
"""The length of COLMAP's 8-bit descriptors."""


def match_frames(
    descriptors: Mapping[int, NDArray[np.uint8]],
    pairs: Sequence[Pair],
    threads: int,
    max_ratio: float = MAX_RATIO,
) -> list[NDArray[np.uint32]]:
    """(n, 2) feature numbers for each pair of frames, each feature at most once.

    Args:
        descriptors: (n, 128) of each frame that is in a pair.
        pairs: of frames.
        threads: pairs that are compared at a time; NumPy's own threads should be off.
        max_ratio: see ``MAX_RATIO``, which is SIFT's.
    """
    floats = {frame: values.astype(np.float32) for frame, values in descriptors.items()}

    def compare(pair: Pair) -> NDArray[np.uint32]:
        return match(floats[pair[0]], floats[pair[1]], max_ratio)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(compare, pairs))


def match(first: Float, second: Float, max_ratio: float = MAX_RATIO) -> NDArray[np.uint32]:
    """(n, 2) numbers of (a, 128) and (b, 128) descriptors, whole numbers, that are each other's clear nearest ones."""
    if min(len(first), len(second)) == 0:
        return np.zeros((0, 2), np.uint32)
    there, is_clear = clear_nearest(first, second, max_ratio)
    mine = np.flatnonzero(is_clear)
    theirs, places = np.unique(there[mine], return_inverse=True)
    back, is_clear_back = clear_nearest(second[theirs], first, max_ratio)
    is_mutual = is_clear_back[places] & (back[places] == mine)
    return np.stack([mine, there[mine]], axis=1)[is_mutual].astype(np.uint32)


def clear_nearest(
    queries: Float, among: Float, max_ratio: float = MAX_RATIO
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(q,) the nearest of ``among`` to each query, and whether it is near and much nearer than the second."""
    rows = np.arange(len(queries))
    # |b|² - 2 a·b orders the neighbours of a. As one product of matrices: no further pass over (q, m) numbers.
    ones = np.ones((len(queries), 1), np.float32)
    squares = np.einsum("nk,nk->n", among, among)[:, None]
    closeness = np.concatenate([queries, ones], axis=1) @ np.concatenate([2 * among, -squares], axis=1).T
    nearest = closeness.argmax(axis=1)
    lengths = np.einsum("nk,nk->n", queries, queries)
    best = np.sqrt(np.maximum(lengths - closeness[rows, nearest], 0))
    closeness[rows, nearest] = -np.inf
    second = np.sqrt(np.maximum(lengths - closeness.max(axis=1), 0))
    return nearest, (best <= MAX_DISTANCE * UNIT) & (best < max_ratio * second)
