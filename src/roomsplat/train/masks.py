"""Which parts of a picture show what the scene is not: a person who walks by, a shadow, a cat.

Judged in blocks, by two figures of each (``train/transients.py`` makes them): the residual, by how much the block's
mean colour differs from what the scene shows there, and what is expected, the residual that the Gaussians seen there
have over all pictures. What the scene cannot show yet, or never will (a thin leg, a reflection), is off in every
picture that sees it; what passes is off in a few and right in the others. After RobustNeRF (Sabour et al., CVPR 2023:
large residuals that hang together are outliers) and SpotLessSplats (Sabour et al. 2024), whose features we replace by
the other views' word.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Double = NDArray[np.float64]
SEED, TIMES = 0.1, 3.0
"""A block begins a hidden region if its residual (length of the difference, colours in [0, 1]) is above three
times what is expected, and 0.1."""
_GROWN, _GROWN_TIMES = 0.04, 1.5
"""The region takes in neighbours whose residual is above one and a half times what is expected, and 0.04. A ring of
blocks around it as well costs 0.2 dB: what is seen next to a figure is often seen in few other pictures."""
_FEWEST_SEEDS = 0.003
"""Of the picture: smaller regions are left, because a static scene has such by chance. 4 blocks of 1,200."""
_AROUND = np.ones((3, 3), bool)


def transient_blocks(residual: Double, expected: Double) -> NDArray[np.bool_]:
    """(rows, columns) True where a picture shows what passes; both arguments (rows, columns)."""
    regions, count = ndimage.label(residual - _GROWN_TIMES * expected > _GROWN, _AROUND)
    if count == 0:
        return np.zeros(residual.shape, bool)
    seeds = np.bincount(regions[residual - TIMES * expected > SEED], minlength=count + 1)
    large = seeds >= max(4, _FEWEST_SEEDS * residual.size)
    large[0] = False
    return large[regions]
