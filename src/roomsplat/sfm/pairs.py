"""Which frames are worth comparing: neighbours in time, and places that the film sees again.

Frames that look alike are found without any download: a small vocabulary is trained on the film's own descriptors
(k-means), every frame becomes one vector of residuals (VLAD; Jégou et al. 2010, section 3, with the intra-normalisation
of Arandjelović and Zisserman 2013), and the nearest vectors are compared.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Pair = tuple[int, int]

WORDS = 32
TRAINING_SAMPLE = 12_000
ROUNDS = 8


def sequential_pairs(count: int, overlap: int) -> set[Pair]:
    """Every frame with the ``overlap`` next ones and with those 8, 16, 32 … further (weak but long links)."""
    steps = set(range(1, overlap + 1)) | {2**k for k in range(3, count.bit_length())}
    return {(i, i + step) for step in steps for i in range(count - step)}


def pairs_among(frames: Sequence[int], pairs: set[Pair]) -> set[Pair]:
    """Pairs of places in ``frames`` as pairs of those frames."""
    return {(frames[i], frames[j]) for i, j in pairs}


def near_pairs(count: int, overlap: int, reach: int) -> set[Pair]:
    """Every frame with the ``overlap`` next ones and a few further ones up to ``reach`` away: a film in its order."""
    steps = {*range(1, overlap + 1), *(round(overlap * share) for share in (4 / 3, 2, 8 / 3, 4))}
    return {(i, i + step) for step in steps if step <= reach for i in range(count - step)}


def loop_pairs(
    descriptors: Sequence[NDArray[np.uint8]], neighbours: int, min_distance: int, seed: int
) -> set[Pair]:
    """Every frame with its ``neighbours`` most similar frames at least ``min_distance`` frames away.

    Args:
        descriptors: per frame (n, 128) SIFT descriptors; n may be 0.
        neighbours: how many partners each frame gets.
        min_distance: frames nearer in time are left to ``sequential_pairs``.
        seed: of the vocabulary's training.
    """
    count = len(descriptors)
    if neighbours == 0 or count <= min_distance or sum(len(d) for d in descriptors) < WORDS:
        return set()
    similarity = similarity_matrix(descriptors, seed)
    indices = np.arange(count)
    similarity[np.abs(indices[:, None] - indices) < min_distance] = -np.inf
    pairs = set[Pair]()
    for i in range(count):
        best = np.argsort(-similarity[i], kind="stable")[:neighbours]
        pairs |= {(min(i, int(j)), max(i, int(j))) for j in best if np.isfinite(similarity[i, j])}
    return pairs


def similarity_matrix(descriptors: Sequence[NDArray[np.uint8]], seed: int) -> Float:
    """(c, c) cosine similarity of the frames' VLAD vectors; a frame without features is similar to none."""
    vocabulary = train_vocabulary(descriptors, seed)
    vectors = np.stack([vlad(one, vocabulary) for one in descriptors])
    return vectors @ vectors.T


def train_vocabulary(descriptors: Sequence[NDArray[np.uint8]], seed: int) -> Float:
    """(WORDS, 128) centres by k-means (Lloyd 1982) on a random sample of the descriptors of all frames."""
    random = np.random.default_rng(seed)
    # All descriptors in one array would be as much memory again: 630 MB for 2,400 frames.
    starts = np.cumsum([0, *(len(one) for one in descriptors)])
    chosen = random.permutation(int(starts[-1]))[:TRAINING_SAMPLE]
    frames = np.searchsorted(starts, chosen, side="right") - 1
    sample = np.empty((len(chosen), 128), np.float32)
    for place, (frame, number) in enumerate(zip(frames.tolist(), chosen.tolist(), strict=True)):
        sample[place] = descriptors[frame][number - starts[frame]]
    centres = sample[random.choice(len(sample), WORDS, replace=False)].copy()
    for _ in range(ROUNDS):
        word = nearest_word(sample, centres)
        sums = np.zeros_like(centres)
        np.add.at(sums, word, sample)
        counts = np.bincount(word, minlength=WORDS).astype(np.float32)[:, None]
        centres = np.where(counts > 0, sums / np.maximum(counts, 1), centres)
    return centres


def nearest_word(descriptors: Float, centres: Float) -> NDArray[np.int64]:
    """(n,) index of the nearest centre."""
    distance = (centres**2).sum(axis=1) - 2 * descriptors @ centres.T
    return np.argmin(distance, axis=1)


def vlad(descriptors: NDArray[np.uint8], centres: Float) -> Float:
    """(WORDS · 128,) sum of residuals per word, each word normalised, then the whole."""
    values = np.asarray(descriptors, np.float32)
    word = nearest_word(values, centres)
    residuals = np.zeros_like(centres)
    np.add.at(residuals, word, values - centres[word])
    residuals /= np.maximum(np.linalg.norm(residuals, axis=1, keepdims=True), 1e-9)
    return (residuals / max(float(np.linalg.norm(residuals)), 1e-9)).ravel()
