"""A pull towards flat surfaces: on a plane, one over the depth is an affine function of the pixel.

So its second differences along rows and columns vanish on every wall, floor and table, seen from anywhere. What is
left of them, as an absolute value that is smooth near zero, is a loss; it counts less where the picture itself changes,
which is where edges of the room may be.
"""

from typing import Any

import numpy as np

from roomsplat.render.base import Array

SMOOTH = 1e-3
"""Below it a second difference counts as its square, in extents per depth."""
COVERED = 0.5
"""Less alpha than this, at a pixel or beside it, and nothing is asked."""
SHARP = 10.0
"""exp(-10 · change of grey from 0 to 1) is the weight: a step of 18 grey levels halves it."""


def flatness_slopes(
    xp: Any, alpha: Array, depth: Array, pixels: Array, extent: float, weight: float
) -> tuple[Array, Array]:
    """dL/d(alpha) and dL/d(depth), (h, w) each, of ``weight`` times the mean bend of extent / depth.

    ``alpha`` and ``depth`` (h, w) as rendered (depth not divided by alpha); ``pixels`` (h, w, 3) sRGB in 8 bits.
    """
    covered = alpha > COVERED
    safe = xp.where(covered, depth, np.float32(1))
    inverse = xp.where(covered, np.float32(extent) * alpha / safe, np.float32(0))
    grey = pixels.astype(xp.float32).sum(axis=2) / np.float32(765)
    slope = xp.zeros_like(inverse)
    for axis in (0, 1):
        _add_bend(
            xp, xp.moveaxis(inverse, axis, 0), *(xp.moveaxis(a, axis, 0) for a in (covered, grey, slope))
        )
    slope *= np.float32(weight / slope.size)
    by_depth = xp.where(covered, -slope * inverse / safe, np.float32(0))
    return xp.where(covered, slope * np.float32(extent) / safe, np.float32(0)), by_depth


def _add_bend(xp: Any, inverse: Array, covered: Array, grey: Array, slope: Array) -> None:
    """Add the slope of the sum of bends along the first axis to ``slope``, in place."""
    bend = inverse[:-2] - 2 * inverse[1:-1] + inverse[2:]
    change = xp.maximum(abs(grey[2:] - grey[1:-1]), abs(grey[1:-1] - grey[:-2]))
    weight = xp.exp(np.float32(-SHARP) * change) * (covered[:-2] & covered[1:-1] & covered[2:])
    pull = weight * bend / xp.sqrt(bend * bend + np.float32(SMOOTH**2))
    slope[:-2] += pull
    slope[1:-1] -= 2 * pull
    slope[2:] += pull
