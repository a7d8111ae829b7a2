"""Weights for making a picture smaller or larger, as Pillow's ``Image.resize`` has them for 8 bits.

Every new pixel is a weighted mean of the old ones under a window that is stretched by the factor of reduction (so that
it removes what the smaller picture cannot show) and whose weights sum to one. Weights are whole multiples of 2^-22, so
that sums of products with bytes are whole numbers, the same on every machine.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

FRACTION_BITS = 22
"""A byte times the largest weight, and the sum of all, fit into 32 bits."""
Double = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A shape of weights."""

    name: str
    reach: float
    """It is zero from here on, in new pixels."""

    def at(self, x: Double) -> Double:
        """Not normalised."""
        if self.name == "box":
            return ((x > -self.reach) & (x <= self.reach)).astype(np.float64)
        return np.where(np.abs(x) < self.reach, np.sinc(x) * np.sinc(x / self.reach), 0.0)


BOX = Window(name="box", reach=0.5)
"""The plain mean of what a new pixel covers."""
LANCZOS = Window(name="lanczos", reach=3.0)
"""Three lobes of a sinc: the sharpest that hardly rings."""


def window_table(window: Window, old: int, new: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """From ``old`` to ``new`` pixels: (new,) the first old pixel of each new one, and (new, taps) weights."""
    factor = old / new
    stretch = max(factor, 1.0)
    reach = window.reach * stretch
    taps = min(2 * ceil(reach) + 1, old)
    centers: Double = (np.arange(new, dtype=np.float64) + 0.5) * factor
    firsts = np.clip((centers - reach + 0.5).astype(np.int64), 0, old - taps)
    distances: Double = firsts[:, None] + (np.arange(taps, dtype=np.float64) + 0.5) - centers[:, None]
    weights = window.at(distances / stretch)
    weights /= weights.sum(axis=1, keepdims=True)
    scaled = weights * (1 << FRACTION_BITS)
    return firsts.astype(np.int32), np.trunc(scaled + np.copysign(0.5, scaled)).astype(np.int32)
