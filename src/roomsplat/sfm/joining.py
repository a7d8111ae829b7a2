"""Two models of one film, each in a world of its own, brought into one.

A plain desk corner in the middle of a film leaves two good models that share a frame or two and a handful of points.
A frame that both models know gives the rotation and the place; the distances of points that both know give the scale.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.alignment import align_similarity
from roomsplat.core.rotations import quat_from_matrix
from roomsplat.core.transforms import Similarity
from roomsplat.sfm.model import MappedModel

Double = NDArray[np.float64]
Verified = Sequence[tuple[int, int, NDArray[np.int64]]]

MAX_OFFSET = 0.1
"""Two places are one when they lie this near, as a share of the distance from the frame that looks at them."""
MIN_AGREEING = 3
"""Points that must agree where a common frame holds rotation and place: one gives the scale, two confirm it."""
MIN_AGREEING_ALONE = 8
"""... and where there is no common frame: three give everything, five confirm it."""
MIN_AGREEING_SHARE = 0.5
TRIALS = 500


def similarity_between(a: MappedModel, b: MappedModel, verified: Verified, seed: int) -> Similarity | None:
    """a_from_b, or ``None`` where too little agrees.

    Args:
        a: the model that keeps its world.
        b: the one that is brought over.
        verified: (first, second, (n, 2) feature numbers) of the pairs that passed verification.
        seed: of the random samples.
    """
    places_a, places_b, eyes = common_points(a, b, verified)
    if len(places_a) < MIN_AGREEING:
        return None
    distances = np.linalg.norm(places_a - eyes, axis=1)

    def agreeing(candidate: Similarity) -> NDArray[np.bool_]:
        return np.linalg.norm(candidate.apply(places_b) - places_a, axis=1) <= MAX_OFFSET * distances

    best, most = None, 0
    for candidate, enough in _candidates(a, b, places_a, places_b, seed):
        count = int(agreeing(candidate).sum())
        if count >= max(enough, most + 1, MIN_AGREEING_SHARE * len(places_a)):
            best, most = candidate, count
    return best


def _candidates(
    a: MappedModel, b: MappedModel, places_a: Double, places_b: Double, seed: int
) -> Iterator[tuple[Similarity, int]]:
    """Similarities that may be right, each with the number of points that must agree."""
    rows_a = {int(frame): row for row, frame in enumerate(a.frames)}
    for row_b, frame in enumerate(b.frames):
        if int(frame) in rows_a:
            pose_a, pose_b = a.cam_from_world[rows_a[int(frame)]], b.cam_from_world[row_b]
            yield _through_frame(pose_a, pose_b, places_a, places_b), MIN_AGREEING
    if len(places_a) >= MIN_AGREEING_ALONE:
        random = np.random.default_rng(seed)
        for _ in range(TRIALS):
            three = random.choice(len(places_a), 3, replace=False)
            try:
                yield align_similarity(places_b[three], places_a[three]), MIN_AGREEING_ALONE
            except ValueError:  # three points in one place
                continue


def _through_frame(pose_a: Double, pose_b: Double, places_a: Double, places_b: Double) -> Similarity:
    """The similarity that lays one camera onto itself, with the median of the points' scales."""
    center_a, center_b = (-pose[:3, :3].T @ pose[:3, 3] for pose in (pose_a, pose_b))
    rotation = pose_a[:3, :3].T @ pose_b[:3, :3]
    far_a, far_b = (
        np.linalg.norm(places - center, axis=1)
        for places, center in ((places_a, center_a), (places_b, center_b))
    )
    scale = float(np.median(far_a / np.maximum(far_b, 1e-12)))
    return Similarity(
        quat=quat_from_matrix(rotation), translation=center_a - scale * rotation @ center_b, scale=scale
    )


def common_points(a: MappedModel, b: MappedModel, verified: Verified) -> tuple[Double, Double, Double]:
    """Points that both models know: (n, 3) where they lie in a, (n, 3) in b, (n, 3) the eye in a that sees them."""
    in_a, in_b = _point_of_feature(a), _point_of_feature(b)
    found = {(in_a[key], in_b[key]): key[0] for key in in_a.keys() & in_b.keys()}
    for first, second, matches in verified:
        for mine, theirs in matches.tolist():
            for here, there in (((first, mine), (second, theirs)), ((second, theirs), (first, mine))):
                if here in in_a and there in in_b:
                    found.setdefault((in_a[here], in_b[there]), here[0])
    pairs = sorted(found)
    rows = {int(frame): row for row, frame in enumerate(a.frames)}
    poses = a.cam_from_world[[rows[found[pair]] for pair in pairs]]
    eyes = -np.einsum("nji,nj->ni", poses[:, :3, :3], poses[:, :3, 3]).reshape(-1, 3)
    numbers = np.array(pairs, np.int64).reshape(-1, 2)
    return a.points[numbers[:, 0]], b.points[numbers[:, 1]], eyes


def _point_of_feature(model: MappedModel) -> dict[tuple[int, int], int]:
    """Which point each (frame, feature) saw."""
    frames = model.frames[model.observation_frames].tolist()
    keys = zip(frames, model.observation_features.tolist(), strict=True)
    return dict(zip(keys, model.observation_points.tolist(), strict=True))
