"""Walls and openings from points on upright surfaces, along the two axes."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]
Bool = NDArray[np.bool_]

# Lengths in metres (``unit``).
CELL = 0.05
"""Along a wall and up it."""
THICK = 0.10
"""Surfaces this near to each other are one wall."""
BEHIND = 0.30
"""What lies further behind a surface than this makes it furniture."""
BEFORE = 0.80
"""What stands nearer than this before a wall may hide it."""
LEAST_LENGTH = 0.40
CLOSED_GAP = 0.40
"""Shorter gaps are holes of the mesh."""
WIDEST_OPENING = 2.60
CORNER = 0.60
"""Walls whose ends come this near to a wall across are joined to it."""
LEAST_AREA = 0.6
"""m² of a surface at least."""
LEAST_COVER = 0.5
"""Share of a cell's height, between knee and head, that a wall covers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Points spread evenly over a surface."""

    places: Double
    """(n, 3)."""
    normals: Double
    """(n, 3) unit."""
    area: float
    """Square units that each stands for."""

    def between(self, low: float, high: float) -> "Points":
        """Those with z from ``low`` to ``high``."""
        keep = (self.places[:, 2] >= low) & (self.places[:, 2] <= high)
        return Points(places=self.places[keep], normals=self.normals[keep], area=self.area)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """A straight piece of wall."""

    axis: int
    """The axis that it is across: 0, it runs along y; 1, along x."""
    at: float
    """Its place on that axis, world units."""
    start: float
    """Along the other axis."""
    end: float
    side: int
    """+1: the room lies at larger values of ``axis``; -1: at smaller ones."""

    def ends(self) -> Double:
        """(2, 2) x and y of both ends."""
        along = np.array([self.start, self.end])
        across = np.full(2, self.at)
        return np.stack([across, along] if self.axis == 0 else [along, across], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening(Wall):
    """A gap between two pieces of a wall that one can look through."""

    kind: Literal["window", "opening"]
    """A window has wall below it; of any other opening (door, passage, a place nobody filmed) no more is known."""


def find_walls(
    points: Points, floor: float, unit: float, *, knee: float, head: float
) -> tuple[tuple[Wall, ...], tuple[Opening, ...]]:
    """All walls and the openings in them.

    Args:
        points: of the mesh from the knee to below the ceiling, turned so that walls run along the axes.
        floor: its height, world units.
        unit: world units a metre.
        knee: lower end, m above the floor, of what decides.
        head: upper end.
    """
    walls, openings = list[Wall](), list[Opening]()
    for axis in (0, 1):
        for side in (1, -1):
            for at in _surfaces(points, axis, side, unit):
                found, gaps = _along(points, axis, side, at, (floor + knee * unit, floor + head * unit), unit)
                walls += found
                openings += gaps
    walls = [wall for wall in walls if not _is_front(wall, walls, unit)]
    openings = [
        o for o in openings if any(_same_line(o, wall) for wall in walls) and not _is_front(o, walls, unit)
    ]
    return tuple(_joined(wall, walls, unit) for wall in walls), tuple(openings)


def _same_line(a: Wall, b: Wall) -> bool:
    return (a.axis, a.side, a.at) == (b.axis, b.side, b.at)


def _is_front(wall: Wall, walls: list[Wall], unit: float) -> bool:
    """Whether most of ``wall`` stands close before others that look the same way: a cupboard's front."""
    covered = sum(
        max(0.0, min(wall.end, w.end) - max(wall.start, w.start))
        for w in walls
        if (w.axis, w.side) == (wall.axis, wall.side) and 0 < (wall.at - w.at) * w.side < BEFORE * unit
    )
    return covered > 0.5 * (wall.end - wall.start)


def _surfaces(points: Points, axis: int, side: int, unit: float) -> list[float]:
    """Places on ``axis`` where much area looks along ``side`` of it, the largest first."""
    values = np.sort(points.places[points.normals[:, axis] * side > 0.85, axis])
    places = list[float]()
    while len(values):
        first = np.searchsorted(values, values - 0.5 * THICK * unit)
        last = np.searchsorted(values, values + 0.5 * THICK * unit)
        best = int((last - first).argmax())
        if (last - first)[best] * points.area < LEAST_AREA * unit**2:
            break
        places.append(float(np.median(values[first[best] : last[best]])))
        values = values[np.abs(values - places[-1]) > THICK * unit]
    return places


def _along(
    points: Points, axis: int, side: int, at: float, heights: tuple[float, float], unit: float
) -> tuple[list[Wall], list[Opening]]:
    """Walls and openings of one surface."""
    low, cell = float(points.places[:, 1 - axis].min()), CELL * unit
    count = int(np.ptp(points.places[:, 1 - axis]) / cell) + 1
    column = ((points.places[:, 1 - axis] - low) / cell).astype(np.int64)
    off = (points.places[:, axis] - at) * side  # before the surface, on the room's side, is positive
    level = (points.places[:, 2] >= heights[0]) & (points.places[:, 2] <= heights[1])
    row = np.clip((points.places[:, 2] - heights[0]) / cell, 0, None).astype(np.int64)
    rows = int((heights[1] - heights[0]) / cell) + 1
    on = level & (np.abs(off) < THICK * unit)
    cells = np.zeros((count, rows), np.bool_)
    cells[column[on], np.minimum(row[on], rows - 1)] = True
    behind = np.bincount(column[off < -BEHIND * unit], minlength=count) * points.area > 0.1 * cell * unit
    hidden = level & (off > THICK * unit) & (off < BEFORE * unit)
    veil = np.zeros_like(cells)
    veil[column[hidden], np.minimum(row[hidden], rows - 1)] = True
    before = veil.mean(axis=1) > LEAST_COVER
    solid = (cells.mean(axis=1) > LEAST_COVER) & ~behind
    low_part = cells[:, : max(rows // 5, 1)].mean(axis=1) > LEAST_COVER
    return _pieces(solid, before, low_part, Wall(axis=axis, at=at, start=low, end=low, side=side), unit)


def _pieces(
    solid: Bool, hidden: Bool, low_part: Bool, line: Wall, unit: float
) -> tuple[list[Wall], list[Opening]]:
    """Runs of wall cells; gaps between two of them are closed where they are short or hidden, else openings."""
    cell = CELL * unit
    edges = np.flatnonzero(np.diff(np.concatenate([[0], solid.astype(np.int8), [0]])))
    runs = [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
    joined, gaps = list[tuple[int, int]](), list[tuple[int, int]]()
    for start, end in runs:
        if joined:
            gap = slice(joined[-1][1], start)
            width = (gap.stop - gap.start) * CELL
            if width < CLOSED_GAP or (width < WIDEST_OPENING and hidden[gap].mean() > 0.5):
                joined[-1] = joined[-1][0], end
                continue
        joined.append((start, end))
    kept = [run for run in joined if (run[1] - run[0]) * CELL >= LEAST_LENGTH]
    gaps = [(a[1], b[0]) for a, b in pairwise(kept)]

    def placed(run: tuple[int, int]) -> dict[str, float]:
        return {"start": line.start + run[0] * cell, "end": line.start + run[1] * cell}

    walls = [Wall(axis=line.axis, at=line.at, side=line.side, **placed(run)) for run in kept]
    openings = [
        Opening(
            axis=line.axis, at=line.at, side=line.side, **placed(gap),
            kind="window" if low_part[gap[0] : gap[1]].mean() > 0.5 else "opening",
        )
        for gap in gaps
        if (gap[1] - gap[0]) * CELL <= WIDEST_OPENING
    ]  # fmt: skip
    return walls, openings


def _joined(wall: Wall, walls: list[Wall], unit: float) -> Wall:
    """``wall`` with its ends drawn to the walls across that they nearly meet."""
    reach = CORNER * unit
    ends = [wall.start, wall.end]
    for i, end in enumerate(ends):
        across = [
            w.at
            for w in walls
            if w.axis != wall.axis and abs(w.at - end) < reach and w.start - reach < wall.at < w.end + reach
        ]
        if across:
            ends[i] = across[int(np.abs(np.array(across) - end).argmin())]
    return Wall(axis=wall.axis, at=wall.at, start=ends[0], end=ends[1], side=wall.side)
