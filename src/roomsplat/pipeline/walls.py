"""The four sides of what was filmed, and from where each was seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.pipeline.coverage import SECTORS, Double, Samples, sectors, spread_degrees

NAMES = ("A", "B", "C", "D")
BAND = (0.2, 0.8)
"""Share of the height between which a place may be one of a wall: below is floor, above is ceiling."""
EDGE = 0.1
"""A place belongs to a side that is nearer than this share of the rectangle's depth."""
OUTSIDE = 0.02
"""Share of the places that may lie outside the rectangle, on each side."""
TURNS = 30
"""Orientations of the rectangle that are tried over a quarter turn: 3° each."""
PIECES = 12
"""Along a side; the angle of each counts by itself, or a long wall would pass for one seen from many places."""
MIN_PLACES = 200
"""Fewer samples give no rectangle."""
MIN_PER_PIECE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """A side of the rectangle around what was filmed."""

    name: str
    """A letter, as in the plan: A is at the top, then clockwise."""
    ends: Double
    """(2, 2) x and y of its ends in the world."""
    seen_share: float
    """Of its length, the share where somebody saw something."""
    spread_deg: float
    """The angle within which the cameras stand that saw a piece of it, median over the pieces; NaN = not seen."""
    num_views: int
    """Cameras that saw some of it."""


def find_walls(samples: Samples) -> tuple[Wall, ...]:
    """The sides, clockwise from the top of the plan; none where too little was seen."""
    places = samples.places
    if len(places) < MIN_PLACES:
        return ()
    floor, ceiling = np.quantile(places[:, 2], [OUTSIDE, 1 - OUTSIDE])
    share = (places[:, 2] - floor) / max(float(ceiling - floor), 1e-9)
    upright = (share > BAND[0]) & (share < BAND[1])
    if upright.sum() < MIN_PLACES:
        return ()
    plan = places[upright, :2]
    turn = best_turn(plan)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    flat = plan @ axes.T
    low, high = np.quantile(flat, [OUTSIDE, 1 - OUTSIDE], axis=0)
    if (high - low).min() <= 0:
        return ()
    box = _Box(axes=axes, low=low, high=high, shares=(flat - low) / (high - low))
    sides = [(1, 1), (0, 1), (1, 0), (0, 0)]  # axis and end: top, right, bottom, left
    return tuple(
        _wall(name, box, side, samples.cameras[upright], samples.bearings[upright])
        for name, side in zip(NAMES, sides, strict=True)
    )


def best_turn(plan: Double) -> float:
    """Radians in [-45°, 45°) by which the smallest rectangle around (n, 2) places is turned."""
    angles = (np.arange(TURNS) / TURNS - 0.5) * np.pi / 2
    along = np.stack([np.cos(angles), np.sin(angles)])
    across = np.stack([-np.sin(angles), np.cos(angles)])
    width, depth = (
        np.diff(np.quantile(plan @ axis, [OUTSIDE, 1 - OUTSIDE], axis=0), axis=0)[0]
        for axis in (along, across)
    )
    return float(angles[int(np.argmin(width * depth))])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """The rectangle, and where the places lie in it."""

    axes: Double
    """(2, 2) its directions, as rows."""
    low: Double
    """(2,) along them."""
    high: Double
    """(2,) along them."""
    shares: Double
    """(n, 2) of the places, 0 to 1 inside."""


def _wall(name: str, box: _Box, side: tuple[int, int], cameras: NDArray[np.int64], bearings: Double) -> Wall:
    axis, end = side
    depth, along = np.abs(box.shares[:, axis] - end), box.shares[:, 1 - axis]
    near = (depth < EDGE) & (along >= 0) & (along < 1)
    piece = (along[near] * PIECES).astype(np.int64)
    marks = np.zeros((PIECES, SECTORS), np.bool_)
    marks[piece, sectors(bearings[near])] = True
    seen = np.bincount(piece, minlength=PIECES) >= MIN_PER_PIECE
    corners = np.empty((2, 2))
    corners[:, axis] = box.high[axis] if end else box.low[axis]
    corners[:, 1 - axis] = box.low[1 - axis], box.high[1 - axis]
    return Wall(
        name=name,
        ends=corners @ box.axes,
        seen_share=float(seen.mean()),
        spread_deg=float(np.median(spread_degrees(marks[seen]))) if seen.any() else float("nan"),
        num_views=len(np.unique(cameras[near])),
    )
