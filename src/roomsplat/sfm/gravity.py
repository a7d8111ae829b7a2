"""Which way is up, from what the film's own accelerometer felt beside each frame.

In the cameras' world gravity always points the same way, so the sensor's axes, which no file ties to the picture, can
be found as well: of the 48 ways to lay them along the picture's (their order and their signs) it is the one under which
all frames agree. Hand and step shake each frame's reading by degrees; the mean over the film is what counts.
"""

from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]

MIN_FRAMES = 10
MAX_FROM_HELD_DEG = 30.0
"""How far up may be from where the cameras have it; the axes' other layouts are 90 degrees away."""
MAX_SPREAD_DEG = 6.0
"""Median over the frames of how far each is from their mean: beyond it the sensor and the cameras tell two stories.
Steps and sway of a simulated walk come to 1 to 3 degrees (docs/lab-notebook.md)."""
MAX_DOUBT_DEG = 2.0
"""Other layouts that fit nearly as well must give the same up to this."""
NEARLY = 1.5
"""Times the smallest spread, and ``NEARLY_DEG`` more, still fits."""
NEARLY_DEG = 0.3
OUTLIER = 2.5
"""Times the median: frames further from the mean are left out of it, such as a phone that is set down."""


def felt_up(cam_from_world: Double, felt: Double, held: Double) -> Double | None:
    """(3,) up in the cameras' world, or ``None`` where the readings do not tell it.

    Args:
        cam_from_world: (c, 3, 3) rotations.
        felt: (c, 3) mean reading beside each frame in the sensor's axes, any unit; NaN where there is none.
        held: (3,) up as the cameras were held.
    """
    length = np.linalg.norm(felt, axis=1)
    known = np.isfinite(length) & (length > 0)
    if known.sum() < MIN_FRAMES:
        return None
    turns, felt = np.swapaxes(cam_from_world[known], 1, 2), felt[known] / length[known, None]
    found = list[tuple[float, Double]]()
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        up, spread = _agreed(np.einsum("cij,cj->ci", turns, felt[:, order] * signs))
        if up @ held > np.cos(np.radians(MAX_FROM_HELD_DEG)):
            found.append((spread, up))
    if not found:
        return None
    spread, up = min(found, key=lambda one: one[0])
    rivals = [other for its, other in found if its <= NEARLY * spread + NEARLY_DEG]
    apart = np.degrees(np.arccos(np.clip(np.min(np.stack(rivals) @ up), -1, 1)))
    return up if spread <= MAX_SPREAD_DEG and apart <= MAX_DOUBT_DEG else None


def _agreed(directions: Double) -> tuple[Double, float]:
    """The mean of (c, 3) unit vectors without those far from it, and the median angle to it in degrees."""
    near = np.ones(len(directions), np.bool_)
    mean, spread = directions[0], 180.0
    for _ in range(4):
        mean = directions[near].mean(axis=0)
        mean = mean / max(float(np.linalg.norm(mean)), 1e-12)
        angles = np.degrees(np.arccos(np.clip(directions @ mean, -1, 1)))
        spread = float(np.median(angles))
        near = angles <= max(OUTLIER * spread, 1e-6)
    return mean, spread
