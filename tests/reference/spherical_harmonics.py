"""Real spherical harmonics from their textbook definition, in float64.

The basis of 3DGS files is the one with the Condon-Shortley phase, ordered m = -l … l: for m > 0 √2·Re Y_l^m, for m < 0
√2·Im Y_l^|m|. At degree 1 that is (-y, z, -x) times 0.4886, the signs that every 3DGS PLY is written for.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import sph_harm_y

Double = NDArray[np.float64]


def basis(directions: Double, degree: int) -> Double:
    """(n, 3) directions of any length but zero to (n, (degree + 1)²) values."""
    x, y, z = (directions / np.linalg.norm(directions, axis=1, keepdims=True)).T
    polar, azimuth = np.arccos(np.clip(z, -1, 1)), np.arctan2(y, x)
    columns: list[Double] = []
    for order in range(degree + 1):
        for m in range(-order, order + 1):
            value = sph_harm_y(order, abs(m), polar, azimuth)
            columns.append(value.real if m == 0 else np.sqrt(2) * (value.real if m > 0 else value.imag))
    return np.stack(columns, axis=1)
