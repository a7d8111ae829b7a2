"""From where each part of the room was seen: depth of the finished scene, gathered on a grid seen from above.

The scene's own depth says what every camera really saw, walls in between included, which sparse points do not. A part
that was seen under one direction only has no measured depth: it looks right from there and nowhere else.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras
from roomsplat.core.projection import pixel_rays
from roomsplat.core.scene import SplatScene
from roomsplat.media.images import reduced_size
from roomsplat.render.base import Engine
from roomsplat.render.view import prepare_scene, render_view

Double = NDArray[np.float64]

MAX_VIEWS = 60
"""Cameras that are asked, evenly spread: neighbours see the same."""
SIDE = 64
"""px of the longer side of a depth picture: at 60° a pixel is a degree, 5 cm of a wall at 3 m."""
CELLS = 64
"""Of the grid's longer side: 10 cm of a room of 6 m."""
SECTORS = 72
"""Directions from which a cell may be seen, 5° each."""
SOLID = 0.7
"""Coverage of a pixel whose depth counts."""
OUTLIERS = 0.01
"""Share of the places, at each end of each axis, that may lie outside the plan: windows and mirrors show far places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Places of surfaces that cameras saw."""

    places: Double
    """(n, 3) in the world."""
    cameras: NDArray[np.int64]
    """(n,) row of the camera that saw the place."""
    bearings: Double
    """(n,) direction towards that camera, seen from above, radians from +x to +y."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The plan as a grid: rows along +y, columns along +x."""

    low: Double
    """(2,) world x and y of the grid's corner."""
    cell: float
    """Side of a cell in world units."""
    views: NDArray[np.int64]
    """(rows, columns) cameras that saw something there; 0 = nobody."""
    spread_deg: Double
    """(rows, columns) the angle, seen from above, within which those cameras stand; NaN = nobody saw it."""
    num_views: int
    """Cameras that were asked."""

    @property
    def known(self) -> NDArray[np.bool_]:
        """(rows, columns) somebody saw it."""
        return self.views > 0

    def share_below(self, degrees: float) -> float:
        """Share of the seen cells whose cameras stand within less than ``degrees``."""
        known = self.known
        return float((self.spread_deg[known] < degrees).mean()) if known.any() else 0.0


def look_around(engine: Engine, scene: SplatScene, cameras: Cameras) -> Samples:
    """What ``MAX_VIEWS`` of the cameras see of the scene, a small depth picture each."""
    count = len(cameras)
    rows = np.unique(np.linspace(0, count - 1, min(count, MAX_VIEWS)).round().astype(np.int64))
    parts = list(_depths(engine, scene, cameras, rows))
    places = np.concatenate([part for _, part in parts]) if parts else np.empty((0, 3))
    seen_by = np.concatenate([np.full(len(part), row, np.int64) for row, part in parts])
    toward = cameras.centers[seen_by, :2] - places[:, :2]
    return Samples(places=places, cameras=seen_by, bearings=np.arctan2(toward[:, 1], toward[:, 0]))


def coverage_of(samples: Samples, centers: Double) -> Coverage:
    """The samples on a grid that holds them and the camera path ``centers`` (c, 3)."""
    low, high = plan_bounds(samples.places[:, :2], centers[:, :2])
    cell = float((high - low).max()) / CELLS or 1.0
    columns, rows = (int(n) + 1 for n in (high - low) / cell)
    column, row = np.floor((samples.places[:, :2] - low) / cell).astype(np.int64).T
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    at = row[inside] * columns + column[inside]
    asked, index = np.unique(samples.cameras, return_inverse=True)
    by_camera = np.zeros((rows * columns, max(len(asked), 1)), np.bool_)
    by_camera[at, index[inside]] = True
    by_sector = np.zeros((rows * columns, SECTORS), np.bool_)
    by_sector[at, sectors(samples.bearings[inside])] = True
    return Coverage(
        low=low,
        cell=cell,
        views=by_camera.sum(axis=1).reshape(rows, columns),
        spread_deg=spread_degrees(by_sector).reshape(rows, columns),
        num_views=len(asked),
    )


def plan_bounds(places: Double, centers: Double) -> tuple[Double, Double]:
    """Corners (2,) and (2,) of the plan: all of the path, and the places but for a few far ones."""
    low, high = centers.min(axis=0), centers.max(axis=0)
    if len(places):
        outer = np.quantile(places, [OUTLIERS, 1 - OUTLIERS], axis=0)
        low, high = np.minimum(low, outer[0]), np.maximum(high, outer[1])
    return np.asarray(low, np.float64), np.asarray(high, np.float64)


def sectors(bearings: Double) -> NDArray[np.int64]:
    """The sector of each direction in radians."""
    return (np.floor(bearings / (2 * np.pi) * SECTORS).astype(np.int64)) % SECTORS


def spread_degrees(marks: NDArray[np.bool_]) -> Double:
    """(n,) degrees of the smallest arc that holds the marked sectors of each row of (n, ``SECTORS``); NaN: none is.

    One sector is 0°: cameras within 5° of each other count as one place.
    """
    result = np.full(len(marks), np.nan)
    for row in np.flatnonzero(marks.any(axis=1)):
        where = np.flatnonzero(marks[row])
        gaps = np.diff(where, append=where[0] + SECTORS)
        result[row] = (SECTORS - gaps.max()) * (360 / SECTORS)
    return result


def _depths(
    engine: Engine, scene: SplatScene, cameras: Cameras, rows: NDArray[np.int64]
) -> Iterator[tuple[int, Double]]:
    splats, settings = prepare_scene(engine, scene)
    settings = replace(settings, with_depth=True)
    size = reduced_size(cameras.width, cameras.height, SIDE)
    for row in (int(r) for r in rows):
        camera = cameras.pinhole(row).resized(*size)
        drawn = render_view(engine, splats, camera, settings)
        origin, directions = pixel_rays(camera)
        solid = (drawn.alpha > SOLID) & (drawn.depth > settings.near)
        yield row, origin + drawn.depth[solid][:, None] * directions[solid]
