"""Add the frames of a turning camera to a model, with points in their directions for training to start from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from roomsplat.sfm.features import Features
from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.turns import Link, place_turns, unit_rays

Verified = Sequence[tuple[int, int, NDArray[np.int64]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ray:
    """One new point: seen by two frames, of which the first was turned."""

    frames: tuple[int, int]
    features: tuple[int, int]
    position: NDArray[np.float64]


def add_turns(model: MappedModel, verified: Verified, features: Sequence[Features], seed: int) -> MappedModel:
    """The model with every further frame that a rotation explains (``turns.py``).

    Args:
        model: what was mapped.
        verified: (first, second, (n, 2) feature numbers) of the pairs that passed verification.
        features: of all frames.
        seed: of random choices.
    """
    placed = {int(frame): model.cam_from_world[row] for row, frame in enumerate(model.frames)}
    rays = {frame: unit_rays(model.lens.rays(features[frame].keypoints)) for frame in range(len(features))}
    links = dict[int, list[Link]]()
    for first, second, matches in verified:
        for frame, other, columns in ((first, second, matches), (second, first, matches[:, ::-1])):
            if frame not in placed:
                link = Link(
                    rays=rays[frame][columns[:, 0]], other=other, other_rays=rays[other][columns[:, 1]]
                )
                links.setdefault(frame, []).append(link)
    turned = place_turns(placed, links, model.lens.focal, seed)
    if not turned:
        return model
    known = {
        (int(model.frames[row]), int(feature))
        for row, feature in zip(model.observation_frames, model.observation_features, strict=True)
    }
    distance = {frame: _typical_distance(model, pose) for frame, pose in turned.items()}
    new = _new_points(placed | turned, turned, verified, rays, known, distance)
    return _joined(model, turned, new)


def _typical_distance(model: MappedModel, pose: NDArray[np.float64]) -> float:
    """Median distance of what the mapped frame that stands nearest saw."""
    center = -pose[:3, :3].T @ pose[:3, 3]
    counts = np.bincount(model.observation_frames, minlength=len(model.frames))
    gaps = np.where(counts > 0, np.linalg.norm(model.centers - center, axis=1), np.inf)
    seen = model.points[model.observation_points[model.observation_frames == int(np.argmin(gaps))]]
    return float(np.median(np.linalg.norm(seen - center, axis=1)))


def _new_points(
    poses: dict[int, NDArray[np.float64]],
    turned: dict[int, NDArray[np.float64]],
    verified: Verified,
    rays: dict[int, NDArray[np.float64]],
    known: set[tuple[int, int]],
    distance: dict[int, float],
) -> list[_Ray]:
    """One point for every feature that a turned frame shares with another frame and that is no point yet."""
    new = list[_Ray]()
    for first, second, matches in verified:
        if first not in poses or second not in poses or not {first, second} & turned.keys():
            continue
        frame, other, pairs = (
            (first, second, matches) if first in turned else (second, first, matches[:, ::-1])
        )
        pose = poses[frame]
        center = -pose[:3, :3].T @ pose[:3, 3]
        for mine, theirs in pairs.tolist():
            is_known = (frame, mine) in known or (other, theirs) in known
            known |= {(frame, mine), (other, theirs)}
            if not is_known:
                position = center + distance[frame] * (rays[frame][mine] @ pose[:3, :3])
                new.append(_Ray(frames=(frame, other), features=(mine, theirs), position=position))
    return new


def _joined(model: MappedModel, turned: dict[int, NDArray[np.float64]], new: Sequence[_Ray]) -> MappedModel:
    """The model with frames and points added, frames in order again."""
    frames = np.concatenate([model.frames, np.array(sorted(turned), np.int64)])
    poses = np.concatenate([model.cam_from_world, np.stack([turned[frame] for frame in sorted(turned)])])
    order = np.argsort(frames)
    row_of = {int(frame): row for row, frame in enumerate(frames[order])}
    old_rows = np.array([row_of[int(frame)] for frame in model.frames], np.int64)
    count = len(model.points)
    return replace(
        model,
        frames=frames[order],
        cam_from_world=poses[order],
        points=np.concatenate([model.points, np.array([ray.position for ray in new]).reshape(-1, 3)]),
        errors=np.concatenate([model.errors, np.zeros(len(new))]),
        is_assumed=np.concatenate([model.is_assumed, np.ones(len(new), np.bool_)]),
        observation_frames=np.concatenate(
            [
                old_rows[model.observation_frames],
                np.array([row_of[frame] for ray in new for frame in ray.frames], np.int64),
            ]
        ),
        observation_points=np.concatenate(
            [model.observation_points, np.repeat(np.arange(count, count + len(new)), 2)]
        ),
        observation_features=np.concatenate(
            [model.observation_features, np.array([f for ray in new for f in ray.features], np.int64)]
        ),
    )
