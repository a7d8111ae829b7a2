"""Which Gaussians are left out of a picture (``RenderSettings.drop``): a hash that engines compute alike.

Plain integers, so that a kernel can do it for one Gaussian without a table: a GPU would wait for one.
"""

import numpy as np
from numpy.typing import NDArray

GOLDEN, FIRST, SECOND = 0x9E3779B9, 0x7FEB352D, 0x846CA68B
"""Spread of the seeds, and the factors of a 32-bit mixer with little bias (Wellons, "hash prospector", 2018)."""
_MASK = np.uint64(0xFFFFFFFF)


def dropped(count: int, share: float, seed: int) -> NDArray[np.bool_]:
    """(count,) True for the places whose Gaussian is left out of the picture ``seed``."""
    x = (np.arange(count, dtype=np.uint64) + np.uint64(seed) * np.uint64(GOLDEN)) & _MASK
    x ^= x >> np.uint64(16)
    x = (x * np.uint64(FIRST)) & _MASK
    x ^= x >> np.uint64(15)
    x = (x * np.uint64(SECOND)) & _MASK
    x ^= x >> np.uint64(16)
    return (x >> np.uint64(8)).astype(np.float32) < np.float32(share * 2**24)
