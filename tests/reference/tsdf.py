"""Fusing depth into a field of distances, the slow way: one point, one view at a time, straight from the definition."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.meshing.views import DepthViews


def distance_and_weight(views: DepthViews, point: NDArray[np.float64], band: float) -> tuple[float, float]:
    """The weighted mean of truncated distances at ``point``, in units of ``band``, and the sum of weights."""
    total = weight = 0.0
    for i in range(len(views.cameras)):
        camera = views.cameras.pinhole(i)
        x, y, z = camera.cam_from_world[:3, :3].astype(np.float64) @ point + camera.cam_from_world[:3, 3]
        if z < 0.02 * views.median:
            continue
        px, py = camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy
        column, row = int(np.floor(px - 0.5)), int(np.floor(py - 0.5))
        if not (0 <= px - 0.5 <= camera.width - 1 and 0 <= py - 0.5 <= camera.height - 1):
            continue
        column, row = min(column, camera.width - 2), min(row, camera.height - 2)
        four = views.depth[i, row : row + 2, column : column + 2] * views.step
        if four.min() <= 0 or four.max() > 1.05 * four.min():
            continue
        a, b = px - 0.5 - column, py - 0.5 - row
        depth = float(np.array([1 - b, b]) @ four @ np.array([1 - a, a]))
        slope = views.slope[i, int(py), int(px)] / 255
        gap = (depth - z) * np.hypot(np.hypot(x / z, y / z), 1) * slope / band
        if gap < -1:
            continue
        share = slope * views.alpha[i, int(py), int(px)] / 255 * min((views.median / depth) ** 2, 4)
        share *= 1 + min(gap, 0)
        total, weight = total + share * min(gap, 1), weight + share
    return (total / weight if weight > 0 else 1.0), weight
