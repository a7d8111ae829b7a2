"""Frames placed one by one against points that stand: what most frames of a long film cost.

Between two keyframes nothing new is to be found out about the room. Such a frame needs its own pose alone, from the
points that its matches with placed frames name (Klein and Murray 2007, section 4, tell tracking from mapping so).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.thresholds import Thresholds

Double = NDArray[np.float64]
Int = NDArray[np.int64]
Verified = Sequence[tuple[int, int, Int]]
Locate = Callable[[Double, Double], tuple[Double, NDArray[np.bool_]] | None]
"""From (n, 2) px and (n, 3) points to the (4, 4) pose and which of them it explains."""


def place_frames(
    model: MappedModel,
    verified: Verified,
    keypoints: Sequence[NDArray[np.float32]],
    locate: Locate,
    thresholds: Thresholds,
    wanted: Collection[int],
) -> MappedModel:
    """The model with every wanted frame that its points hold; its cameras and points stay as they are.

    Args:
        model: what stands. ``folder`` of the result still holds this alone.
        verified: (first, second, (n, 2) feature numbers) of the pairs that passed verification.
        keypoints: (n, 2) px of every frame of the film.
        locate: finds one camera.
        thresholds: how many of its points must agree, and which share.
        wanted: frames to be placed.
    """
    seen = _seen(model, keypoints)
    links = _links(verified, set(wanted) - seen.keys())
    poses, waiting = dict[int, Double](), sorted(links)
    while waiting:
        left = list[int]()
        for frame in waiting:
            features, points = _named(links[frame], seen)
            found = None
            if len(features) >= thresholds.min_inliers:
                found = locate(keypoints[frame][features].astype(np.float64), model.points[points])
            if found is None or found[1].sum() < max(
                thresholds.min_inliers, thresholds.min_inlier_share * len(features)
            ):
                left.append(frame)
                continue
            poses[frame], agrees = found
            seen[frame] = np.full(len(keypoints[frame]), -1)
            seen[frame][features[agrees]] = points[agrees]
        if len(left) == len(waiting):
            break
        waiting = left
    return _with_frames(model, poses, seen) if poses else model


def _seen(model: MappedModel, keypoints: Sequence[NDArray[np.float32]]) -> dict[int, Int]:
    """For each frame of the model (n,) the point that each feature saw, or -1."""
    seen = {int(frame): np.full(len(keypoints[int(frame)]), -1) for frame in model.frames}
    for row, frame in enumerate(model.frames):
        mine = model.observation_frames == row
        seen[int(frame)][model.observation_features[mine]] = model.observation_points[mine]
    return seen


def _links(verified: Verified, wanted: set[int]) -> dict[int, list[tuple[int, Int, Int]]]:
    """For each wanted frame the frames that it shares matches with, and the numbers of the features of both."""
    links = dict[int, list[tuple[int, Int, Int]]]()
    for first, second, matches in verified:
        for frame, other, mine, theirs in ((first, second, 0, 1), (second, first, 1, 0)):
            if frame in wanted:
                links.setdefault(frame, []).append((other, matches[:, mine], matches[:, theirs]))
    return links


def _named(links: Sequence[tuple[int, Int, Int]], seen: Mapping[int, Int]) -> tuple[Int, Int]:
    """Features of a frame, ascending, and the point that most of its placed partners say each of them is."""
    votes = [np.zeros((0, 2), np.int64)]
    for other, mine, theirs in links:
        if other in seen:
            points = seen[other][theirs]
            votes.append(np.stack([mine, points], axis=1)[points >= 0])
    pairs, counts = np.unique(np.concatenate(votes), axis=0, return_counts=True)
    pairs = pairs[np.argsort(-counts, kind="stable")]
    features, first = np.unique(pairs[:, 0], return_index=True)
    return features, pairs[first, 1]


def _with_frames(model: MappedModel, poses: Mapping[int, Double], seen: Mapping[int, Int]) -> MappedModel:
    """The model with these frames and what they see of its points."""
    new = sorted(poses)
    frames = np.concatenate([model.frames, np.array(new, np.int64)])
    order = np.argsort(frames)
    row_of = np.argsort(order)
    features = [np.flatnonzero(seen[frame] >= 0) for frame in new]
    rows = [np.full(len(mine), len(model.frames) + i) for i, mine in enumerate(features)]
    return replace(
        model,
        frames=frames[order],
        cam_from_world=np.concatenate([model.cam_from_world, np.stack([poses[frame] for frame in new])])[
            order
        ],
        observation_frames=row_of[np.concatenate([model.observation_frames, *rows])],
        observation_points=np.concatenate(
            [
                model.observation_points,
                *(seen[frame][mine] for frame, mine in zip(new, features, strict=True)),
            ]
        ),
        observation_features=np.concatenate([model.observation_features, *features]),
    )
