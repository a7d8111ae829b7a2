"""Two parts of a film that share nothing, joined by how a hand moves: across a blank wall it does not jump.

Where nothing is seen for a moment (a turn round at the end of a corridor) no match joins what was filmed before to
what was filmed after, and those that seem to are wrong: the corridor of ``there_and_back`` has the same door eleven
times, and 45 pairs of frames, each with 20 to 50 matches, agree on a way back that runs the wrong way (15 % of the path
off). What is known is that the camera went on turning as before, from where it stood, and that whoever holds it walks
as fast after as before. It is a guess, so it is made over ``MAX_GAP`` frames at most, and told.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.rotations import (
    matrix_from_rotation_vector,
    quat_from_matrix,
    rotation_vector_from_quat,
)
from roomsplat.core.transforms import Similarity
from roomsplat.posefree.journey import Model

Double = NDArray[np.float64]

MAX_GAP = 3
"""Steps of the film from the last frame of one part to the first of the other."""
MAX_CHANGE = np.radians(15.0)
"""Between the turns of the last step before the gap and the first after it: who speeds up more is not predicted."""
MAX_STRIDE = 4.0
"""In paces, of the last step before the gap and the first after it: frames that leap are no piers."""
PACED = 60
"""Frames on either side whose median step is the pace."""


def bridge(a: Model, b: Model) -> tuple[Similarity, int, int] | None:
    """a_from_b and the frames of either side; ``None`` where the parts do not follow each other closely."""
    first, second = _border(a, b)
    side = 1 if second > first else -1
    if abs(second - first) > MAX_GAP or first - side not in a.poses or second + side not in b.poses:
        return None
    before = _turn(a.poses, first - side, first)
    after = _turn(b.poses, second, second + side)
    pace_a, pace_b = _pace(a, first), _pace(b, second)
    if np.linalg.norm(after - before) > MAX_CHANGE or min(pace_a, pace_b) <= 0:
        return None
    if (
        _step(a, first - side, first) > MAX_STRIDE * pace_a
        or _step(b, second, second + side) > MAX_STRIDE * pace_b
    ):
        return None
    scale, gap = pace_a / pace_b, abs(second - first)
    turned = matrix_from_rotation_vector(gap * (before + after) / 2) @ a.poses[first][:3, :3]
    rotation = turned.T @ b.poses[second][:3, :3]
    steps = _center(a.poses[first]) - _center(a.poses[first - side])
    steps += scale * rotation @ (_center(b.poses[second + side]) - _center(b.poses[second]))
    place = _center(a.poses[first]) + gap * steps / 2
    similarity = Similarity(
        quat=quat_from_matrix(rotation),
        translation=place - scale * rotation @ _center(b.poses[second]),
        scale=scale,
    )
    return similarity, first, second


def joined(a: Model, b: Model, a_from_b: Similarity) -> Model:
    """Both parts in the world of ``a``, with its lens."""
    new = b.is_known & ~a.is_known
    points = a.points.copy()
    points[new] = a_from_b.apply(b.points[new])
    moved = {frame: a_from_b.apply_to_camera(pose) for frame, pose in b.poses.items()}
    return Model(
        poses=moved | a.poses,
        points=points,
        is_known=a.is_known | new,
        lens=a.lens,
        min_angle=np.minimum(a.min_angle, b.min_angle),
    )


def _border(a: Model, b: Model) -> tuple[int, int]:
    """The frames of ``a`` and ``b`` that are nearest in the film."""
    mine, theirs = np.array(sorted(a.poses)), np.array(sorted(b.poses))
    row, column = np.unravel_index(int(np.abs(mine[:, None] - theirs).argmin()), (len(mine), len(theirs)))
    return int(mine[row]), int(theirs[column])


def _turn(poses: Mapping[int, Double], start: int, end: int) -> Double:
    """(3,) rotation vector of a step, in the camera's axes."""
    turn = poses[end][:3, :3] @ poses[start][:3, :3].T
    return rotation_vector_from_quat(quat_from_matrix(turn))


def _step(model: Model, start: int, end: int) -> float:
    return float(np.linalg.norm(_center(model.poses[end]) - _center(model.poses[start])))


def _pace(model: Model, border: int) -> float:
    """Median length of the steps nearest to the border; 0 without any."""
    frames = sorted(model.poses, key=lambda frame: abs(frame - border))[:PACED]
    steps = [_step(model, frame, frame + 1) for frame in frames if frame + 1 in model.poses]
    return float(np.median(steps)) if steps else 0.0


def _center(pose: Double) -> Double:
    return -pose[:3, :3].T @ pose[:3, 3]
