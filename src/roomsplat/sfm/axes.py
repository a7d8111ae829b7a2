"""Which way is up, and which way the walls run, from straight edges: the Manhattan frame of a room.

A room's edges stand upright or run along its walls (Coughlan and Yuille 1999, "Manhattan World"). An edge along an axis
lies in a plane through the camera that holds that axis, and the cameras' turns are known: the edges of all pictures
vote together, which makes a few short ones in each enough.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.rotations import matrix_from_quat, quat_from_rotation_vector
from roomsplat.sfm.lines import Edges

Double = NDArray[np.float64]

MAX_TILT_DEG = 20.0
"""How far up may be from where the cameras have it: 7.4 degrees on `bedroom`, filmed with a phone held askew."""
TOLERANCE = np.radians(1.5)
"""An edge further from an axis than this has no say in it."""
MAX_EDGES = 5000
"""The longest are used; more change the vertical by less than 0.02 degrees."""
TRIALS = 600
MIN_EDGES = 30
"""Near an axis: `fox`, which shows little but wallpaper, still has 259."""
MIN_PEAK = 4.0
"""How much more the edges say for an axis than for the median of all it might have been: 8 to 21 on every capture we
have; at most 2.8 where edges run anywhere and as many as ``MIN_EDGES`` agree by chance."""
ROUNDS = 12
HEADING_STEP_DEG = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomAxes:
    """The axes of a room, as far as its edges tell."""

    rotation: Double
    """(3, 3) rows: along a wall, along the other, up; right-handed, in the edges' axes."""
    up_is_sure: bool
    """Edges bear the vertical out; else it is the given one."""
    walls_are_sure: bool
    """Edges bear the two horizontal axes out; else they are any."""


def room_axes(edges: Edges, up: Double) -> RoomAxes:
    """The axes near the given ``up`` (3,) that most of the edges run along."""
    edges = edges.chosen(np.argsort(-edges.lengths, kind="stable")[:MAX_EDGES])
    best = _vertical(edges, up)
    vertical, up_is_sure = (up, False) if best is None else (best, True)
    walls = _walls(edges.chosen(off_axis(edges, vertical) > TOLERANCE), vertical)
    if walls is None:
        return RoomAxes(rotation=_any_heading(vertical), up_is_sure=up_is_sure, walls_are_sure=False)
    # Together: what runs along the walls is level, and says more of the tilt than what stands upright does.
    rotation = _refined(edges, walls)
    if not up_is_sure and rotation[2] @ up < np.cos(np.radians(MAX_TILT_DEG)):
        return RoomAxes(rotation=_any_heading(up), up_is_sure=False, walls_are_sure=False)
    return RoomAxes(rotation=rotation, up_is_sure=True, walls_are_sure=True)


def off_axis(edges: Edges, axis: Double) -> Double:
    """(n,) angles in the picture, at the edges' middles, between each edge and a line along ``axis`` (3,)."""
    return np.arctan2(np.abs(edges.normals @ axis), np.abs(edges.along @ axis))


def votes(edges: Edges, axis: Double) -> float:
    """What the edges say for ``axis``: their lengths, less for those that are further off."""
    return float(edges.lengths @ _nearness(edges, axis))


def _nearness(edges: Edges, axis: Double) -> Double:
    """(n,) 1 along the axis, 0 from ``TOLERANCE`` on."""
    return np.maximum(0.0, 1 - (off_axis(edges, axis) / TOLERANCE) ** 2)


def _vertical(edges: Edges, up: Double) -> Double | None:
    """The direction near ``up`` that most upright edges meet in; ``None`` where none stands out."""
    tilt = np.radians(MAX_TILT_DEG)
    upright = edges.chosen(off_axis(edges, up) < tilt)
    if len(upright) < MIN_EDGES:
        return None
    random = np.random.default_rng(0)
    first, second = random.choice(
        len(upright), (2, TRIALS), p=upright.lengths / upright.lengths.sum()
    )  # two planes that hold the axis meet in it
    meeting = np.cross(upright.normals[first], upright.normals[second])
    meeting = meeting[np.linalg.norm(meeting, axis=1) > 0.02]
    meeting /= np.linalg.norm(meeting, axis=1, keepdims=True)
    meeting *= np.where(meeting @ up < 0, -1.0, 1.0)[:, None]
    meeting = meeting[meeting @ up > np.cos(tilt)]
    if not len(meeting):
        return None
    best = _polished(upright, meeting[np.argmax([votes(upright, one) for one in meeting])])
    chance = np.median([votes(upright, one) for one in _cap(up, tilt)])
    backed = (off_axis(upright, best) < TOLERANCE).sum() >= MIN_EDGES
    return best if backed and votes(upright, best) > MIN_PEAK * chance else None


def _cap(up: Double, tilt: float) -> Double:
    """(200, 3) directions spread evenly around ``up``, up to ``tilt`` away from it."""
    count = np.arange(200)
    heading, lean = np.pi * (1 + 5**0.5) * count, tilt * np.sqrt((count + 0.5) / len(count))
    x, y, _ = _any_heading(up)
    side = np.cos(heading)[:, None] * x + np.sin(heading)[:, None] * y
    return np.cos(lean)[:, None] * up + np.sin(lean)[:, None] * side


def _polished(edges: Edges, axis: Double) -> Double:
    """The axis that the edges near ``axis`` agree on, by least squares with weights that follow it."""
    for _ in range(ROUNDS):
        weight = edges.lengths * _nearness(edges, axis) ** 2 / np.maximum((edges.along @ axis) ** 2, 1e-4)
        scatter = (edges.normals * weight[:, None]).T @ edges.normals
        nearest = np.linalg.eigh(scatter)[1][:, 0]
        axis = nearest if nearest @ axis > 0 else -nearest
    return axis


def _walls(edges: Edges, up: Double) -> Double | None:
    """(3, 3) axes whose third is ``up``, turned so that most of the edges run along the others."""
    if len(edges) < MIN_EDGES:
        return None
    headings = np.radians(np.arange(0, 90, HEADING_STEP_DEG))
    frames = [_turned(_any_heading(up), heading) for heading in headings]
    told = [votes(edges, frame[0]) + votes(edges, frame[1]) for frame in frames]
    best = frames[int(np.argmax(told))]
    backed = np.minimum(off_axis(edges, best[0]), off_axis(edges, best[1])) < TOLERANCE
    return best if backed.sum() >= MIN_EDGES and max(told) > MIN_PEAK * np.median(told) else None


def _refined(edges: Edges, rotation: Double) -> Double:
    """The three axes together, by Gauss-Newton on the edges' angles with weights that follow them."""
    for _ in range(ROUNDS):
        matrix, gradient = 1e-9 * np.eye(3), np.zeros(3)
        for axis in rotation:
            weight = edges.lengths * _nearness(edges, axis) ** 2
            along = edges.along @ axis
            along = np.where(np.abs(along) < 0.01, 0.01, along)
            residual = (edges.normals @ axis) / along
            slope = np.cross(axis, edges.normals) / along[:, None]
            matrix += (slope * weight[:, None]).T @ slope
            gradient += slope.T @ (weight * residual)
        step = -np.linalg.solve(matrix, gradient)
        rotation = rotation @ matrix_from_quat(quat_from_rotation_vector(step)).T
    return rotation


def _turned(rotation: Double, heading: float) -> Double:
    x, y, up = rotation
    cos, sin = float(np.cos(heading)), float(np.sin(heading))
    return np.stack([cos * x + sin * y, cos * y - sin * x, up])


def _any_heading(up: Double) -> Double:
    """(3, 3) right-handed axes whose third is ``up``."""
    least = np.eye(3)[np.argmin(np.abs(up))]
    x = np.asarray(np.cross(up, least), np.float64)
    x /= float(np.linalg.norm(x))
    return np.stack([x, np.cross(up, x), up])
