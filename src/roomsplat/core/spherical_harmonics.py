"""Real spherical harmonics up to degree 3, in the signs that Gaussian-splat files use.

The basis is the real part (m ≥ 0) and imaginary part (m < 0) of the complex harmonics WITH the Condon-Shortley phase,
times sqrt 2 for m ≠ 0, ordered by (l, m) from m = -l to l (Sloan 2008, Stupid Spherical Harmonics Tricks, appendix A2).
Hence the minus signs of odd m: Y(1,-1) = -c·y, Y(1,0) = c·z, Y(1,1) = -c·x.
"""

from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

MAX_DEGREE = 3

Y00 = sqrt(1 / (4 * pi))
"""The constant harmonic, 0.2820948."""

_C1 = sqrt(3 / (4 * pi))
_C2 = sqrt(15 / (4 * pi))  # m = -2, ±1
_C20, _C22 = sqrt(5 / (16 * pi)), sqrt(15 / (16 * pi))
_C30, _C31 = sqrt(7 / (16 * pi)), sqrt(21 / (32 * pi))
_C32, _C33 = sqrt(105 / (4 * pi)), sqrt(35 / (32 * pi))


def num_coefficients(degree: int) -> int:
    """The number of basis functions up to ``degree``: (degree + 1)²."""
    return (degree + 1) ** 2


def sh_basis(directions: NDArray[np.floating], degree: int) -> NDArray[np.floating]:
    """(..., 3) unit directions to (..., k) values of the basis, k = (degree + 1)², in the same float type.

    Raises:
        ValueError: ``degree`` is not 0, 1, 2 or 3.
    """
    if not 0 <= degree <= MAX_DEGREE:
        raise ValueError(f"degree is {degree}, expected 0 to {MAX_DEGREE}")
    x, y, z = np.moveaxis(np.asarray(directions), -1, 0)
    terms = [np.full_like(x, Y00)]
    if degree >= 1:
        terms += [-_C1 * y, _C1 * z, -_C1 * x]
    if degree >= 2:
        terms += [_C2 * x * y, -_C2 * y * z, _C20 * (3 * z * z - 1), -_C2 * x * z, _C22 * (x * x - y * y)]
    if degree >= 3:
        terms += [
            -_C33 * y * (3 * x * x - y * y),
            _C32 * x * y * z,
            -_C31 * y * (5 * z * z - 1),
            _C30 * z * (5 * z * z - 3),
            -_C31 * x * (5 * z * z - 1),
            _C32 / 2 * z * (x * x - y * y),
            -_C33 * x * (x * x - 3 * y * y),
        ]
    return np.stack(terms, axis=-1)


def sh_color(sh: Float, directions: NDArray[np.floating], degree: int | None = None) -> Float:
    """Colour seen along unit ``directions`` (n, 3), from the camera to the Gaussian.

    Args:
        sh: (n, k, 3) coefficients.
        directions: (n, 3) unit vectors.
        degree: use harmonics up to this degree only; all of them when ``None``.

    Returns:
        (n, 3) colour, 0.5 + sum of coefficient · basis, cut off below at 0 (there is no negative light).
    """
    stored = round(sh.shape[1] ** 0.5) - 1
    used = stored if degree is None else min(degree, stored)
    basis = sh_basis(directions, used)
    color = 0.5 + np.einsum("nk,nkc->nc", basis, sh[:, : num_coefficients(used)])
    return np.maximum(color, 0.0).astype(np.float32)


def dc_from_rgb(rgb: NDArray[np.floating]) -> NDArray[np.floating]:
    """(..., 3) colour in [0, 1] to the coefficient of the constant harmonic that shows it from everywhere."""
    return (np.asarray(rgb) - 0.5) / Y00


def rgb_from_dc(dc: NDArray[np.floating]) -> NDArray[np.floating]:
    """(..., 3) coefficient of the constant harmonic to the colour that it shows, not clipped."""
    return np.asarray(dc) * Y00 + 0.5
