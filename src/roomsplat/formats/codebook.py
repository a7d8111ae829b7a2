"""Many numbers as few: the 256 values that stand for all best, and the vectors of a palette."""

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

SIZE = 256
"""Values of a codebook: a byte says which."""

_MAX_BINS = 1 << 12
_IN_A_BIN = (
    32  # on average; with fewer, the root of a density is the root of noise and rare values get nothing
)
_ROUNDS = 40  # Lloyd moves no value by more than 1e-4 of the range any more
_BRANCHES = 256
_DEEPEST = 8  # two levels are enough for 65,536; only vectors that hardly differ go deeper
_SAMPLE = 1 << 13  # vectors that decide the groups
_ROUNDS_OF_CLUSTERS = 4
_ROWS = 4096


def codebook(values: NDArray[np.floating]) -> Float:
    """(256,) ascending values such that the nearest of them is on average near to each of ``values``.

    Lloyd's quantiser (1957) in one dimension. It starts where the density to the power of 1/3 has its quantiles, the
    best place for many steps (Panter and Dite 1951), so that rare values far out get some of their own. Up to 256
    different values come back exactly.
    """
    ordered = np.sort(np.asarray(values, np.float64).ravel())
    different = np.unique(ordered.astype(np.float32)) if len(ordered) else np.zeros(1, np.float32)
    if len(different) <= SIZE:
        return np.concatenate([different, np.full(SIZE - len(different), different[-1])]).astype(np.float32)
    counts, edges = np.histogram(ordered, int(np.clip(len(ordered) // _IN_A_BIN, 64, _MAX_BINS)))
    density = np.concatenate([[0], np.cumsum(np.cbrt(counts))])
    places = (np.arange(SIZE) + 0.5) / SIZE * density[-1]
    levels = np.asarray(np.interp(places, density, edges), np.float64)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    for _ in range(_ROUNDS):
        starts = np.searchsorted(ordered, (levels[1:] + levels[:-1]) / 2)
        borders = np.concatenate([[0], starts, [len(ordered)]])
        number = np.diff(borders)
        levels = np.sort(np.where(number > 0, np.diff(sums[borders]) / np.maximum(number, 1), levels))
    return levels.astype(np.float32)


def labels(values: NDArray[np.floating], book: Float) -> NDArray[np.uint8]:
    """Which of the ascending ``book`` is nearest to each of ``values``, in their shape."""
    middles = (book[1:].astype(np.float64) + book[:-1]) / 2
    return np.searchsorted(middles.astype(np.float32), values).astype(np.uint8)


def palette(vectors: Float, size: int) -> tuple[Float, NDArray[np.int64]]:
    """(n, d) vectors to at most ``size`` that stand for all, and (n,) which one stands for which.

    k-means as a tree (Gersho and Gray 1992, Vector Quantization, section 12.4): 256 groups, each again 256 groups,
    until a group's share of the palette is small. 65,536 centroids for a million vectors are 3e12 products a round at
    once, and 2e10 this way. Every choice comes from a fixed seed.
    """
    label = np.zeros(len(vectors), np.int64)
    found: list[Float] = []
    taken = 0
    random = np.random.default_rng(0)

    def keep(members: NDArray[np.int64], centroids: Float, place: NDArray[np.int64]) -> None:
        """Take ``centroids`` into the palette; ``members`` are shown by those at ``place``."""
        nonlocal taken
        label[members] = taken + place
        taken += len(centroids)
        found.append(centroids)

    def split(members: NDArray[np.int64], share: int, depth: int) -> None:
        """Give ``members`` at most ``share`` centroids."""
        own = vectors[members]
        if len(members) <= share:
            keep(members, own, np.arange(len(members)))
            return
        groups = min(_BRANCHES, share)
        sample = own[random.permutation(len(own))[:_SAMPLE]]
        # Rounded harmonics are often the same: centroids that start as one stay one, and nothing would be split.
        different = random.permutation(np.unique(sample, axis=0))
        centroids = _cluster(sample, different[:groups], _ROUNDS_OF_CLUSTERS)
        nearest = _nearest(own, centroids)
        used, place = np.unique(nearest, return_inverse=True)
        if share == groups or len(used) == 1 or depth == _DEEPEST:
            keep(members, centroids[used], place)
            return
        counts = np.bincount(place)
        borders = np.append(0, np.cumsum(counts))
        order = np.argsort(place, kind="stable")
        shares = 1 + (share - len(used)) * counts // len(members)  # one for each, the rest by their number
        for group in range(len(used)):
            split(members[order[borders[group] : borders[group + 1]]], int(shares[group]), depth + 1)

    split(np.arange(len(vectors)), size, 0)
    return np.concatenate(found) if found else vectors, label


def _cluster(vectors: Float, centroids: Float, rounds: int) -> Float:
    """Lloyd's rounds; a centroid that nothing is nearest to stays where it is."""
    for _ in range(rounds):
        nearest = _nearest(vectors, centroids)
        order = np.argsort(nearest, kind="stable")
        present, starts = np.unique(nearest[order], return_index=True)
        sums = np.add.reduceat(vectors[order], starts)
        centroids = centroids.copy()
        centroids[present] = sums / np.diff(np.append(starts, len(order)))[:, None]
    return centroids


def _nearest(vectors: Float, centroids: Float) -> NDArray[np.int64]:
    """(n,) which centroid is nearest; in pieces, so that the table of distances stays small."""
    half = np.einsum("kd,kd->k", centroids, centroids) / 2
    found = np.empty(len(vectors), np.int64)
    for start in range(0, len(vectors), _ROWS):
        piece = vectors[start : start + _ROWS]
        found[start : start + len(piece)] = np.argmin(half - piece @ centroids.T, axis=1)
    return found
