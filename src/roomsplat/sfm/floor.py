"""The floor among the points of structure from motion: its height, and its slope where nothing else tells up.

Lengths are shares of ``reach``, the median distance of what the cameras see.
"""

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]

THICKNESS = 0.02
"""Of the reach: how far points of a floor lie from it. So near to the floor of `office` lie 15 % of its points."""
MIN_SHARE = 0.015
"""Of all points lie on the floor at least."""
MIN_POINTS = 25
MAX_BELOW = 0.03
"""Share of the points that may lie below: what a polished floor mirrors, and mistakes."""
MAX_BELOW_OF_FLOOR = 0.2
"""The same as a share of the points on it: a level that has more is the foot of what stands on a floor nobody saw well.
A skirting board of `bedroom`, 0.055 of the reach above its carpet, has 0.89; its carpet has 0.08."""
MIN_CAMERA_HEIGHT = 0.1
"""Of the reach: nobody films from the floor."""
APART = 2
"""Half thicknesses between two levels at least. With 4 the skirting board of `bedroom` hid its carpet."""
MAX_SLOPE_DEG = 15.0
PLANES = 400


def floor_height(heights: Double, camera_heights: Double, reach: float) -> float | None:
    """The height of the lowest level that holds a good share of the points; ``None`` where no floor was seen.

    Args:
        heights: (p,) of the points along up.
        camera_heights: (c,) of the cameras.
        reach: median distance of points from the cameras that see them.
    """
    step, ceiling = THICKNESS * reach / 2, float(np.median(camera_heights)) - MIN_CAMERA_HEIGHT * reach
    low = heights[heights < ceiling]
    enough = max(MIN_POINTS, MIN_SHARE * len(heights))
    if len(low) < enough:
        return None
    start = max(
        float(low.min()), ceiling - 10 * reach
    )  # a point lost far below is no reason for a million levels
    counts = np.bincount(((low[low >= start] - start) / step).astype(np.int64))
    level = np.convolve(counts, np.ones(3), mode="same")
    around = np.lib.stride_tricks.sliding_window_view(np.pad(level, APART), 2 * APART + 1).max(axis=1)
    peaks = np.flatnonzero((level >= around) & (level >= enough))
    if not len(peaks):
        return None
    height = start + (float(peaks[0]) + 0.5) * step
    for width in (
        1.0,
        1.0,
        0.5,
        0.5,
        0.25,
        0.25,
    ):  # what stands on the floor pulls upwards: 9 mm of 1.47 m at 1
        height = float(np.median(low[np.abs(low - height) < width * THICKNESS * reach]))
    below = int((heights < height - THICKNESS * reach).sum())
    lying = int((np.abs(heights - height) <= THICKNESS * reach).sum())
    return height if below <= min(MAX_BELOW * len(heights), MAX_BELOW_OF_FLOOR * lying) else None


def floor_up(points: Double, centers: Double, up: Double, reach: float) -> Double | None:
    """The normal of the floor, if a plane near the level of ``up`` (3,) has the points of one; else ``None``.

    Args:
        points: (p, 3).
        centers: (c, 3) of the cameras.
        up: roughly up.
        reach: median distance of points from the cameras that see them.
    """
    low = points[points @ up < np.median(centers @ up) - MIN_CAMERA_HEIGHT * reach]
    if len(low) < MIN_POINTS:
        return None
    random, best, normal = np.random.default_rng(0), 0, up
    for corners in low[random.integers(0, len(low), (PLANES, 3))]:
        across = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        across *= np.sign(across @ up) / max(float(np.linalg.norm(across)), 1e-12)
        count = int((np.abs((low - corners[0]) @ across) < THICKNESS * reach).sum())
        if count > best and across @ up > np.cos(np.radians(MAX_SLOPE_DEG)):
            best, normal = count, across
    for _ in range(8):
        height = floor_height(points @ normal, centers @ normal, reach)
        if height is None:
            return None
        near = points[np.abs(points @ normal - height) < THICKNESS * reach]
        least = np.linalg.svd(near - near.mean(axis=0), full_matrices=False)[2][2]
        normal = least if least @ normal > 0 else -least
    return normal if normal @ up > np.cos(np.radians(MAX_SLOPE_DEG)) else None
