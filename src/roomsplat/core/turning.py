"""Turn a splat: places, rotations, and the harmonics, whose directions are the world's."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.rotations import quat_from_matrix, quat_product
from roomsplat.core.spherical_harmonics import sh_basis

Double = NDArray[np.float64]

_PLANES = ((1, 2), (2, 0), (0, 1))  # what a turn about x, y and z moves, from the first to the second
_ROWS = 4096  # 0.8 MB of a degree-3 splat


def rotation_about_axes(degrees: Sequence[float]) -> Double:
    """(3, 3) rotation about the world's x, then its y, then its z, by angles in degrees.

    Multiples of 90° are exact: a room that is turned by a quarter four times is the room that it was.
    """
    rotation = np.eye(3)
    for (i, j), angle in zip(_PLANES, degrees, strict=True):
        quarters = angle / 90
        if quarters == round(quarters):
            cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[round(quarters) % 4]
        else:
            cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        one = np.eye(3)
        one[i, i] = one[j, j] = cos
        one[j, i], one[i, j] = sin, -sin
        rotation = one @ rotation
    return rotation


def harmonics_rotation(rotation: NDArray[np.floating], degree: int) -> Double:
    """(k, k) matrix that turns the coefficients of harmonics up to ``degree``, k = (degree + 1)².

    Seen along a direction d, the turned colour is what the old one was along R⁻¹ d. The basis is orthonormal, so the
    matrix is the integral over the sphere of Y(d) · Y(R⁻¹ d)ᵀ: Wigner's matrix for real harmonics, block by block. A
    product of two harmonics is a polynomial of degree 6 at most, which the quadrature below integrates exactly.
    """
    points, weights = _sphere()
    turned = sh_basis(points @ np.asarray(rotation, np.float64), degree)  # rows are points: p @ R is R⁻¹ p
    matrix = sh_basis(points, degree).T @ (weights[:, None] * turned)
    return np.where(np.abs(matrix) < 1e-14, 0.0, matrix)  # degrees do not mix: what stands there is rounding


def turn(gaussians: Gaussians, rotation: NDArray[np.floating]) -> Gaussians:
    """The splat, turned about the origin by the (3, 3) ``rotation``; a camera turned with it sees the same picture."""
    matrix = np.asarray(rotation, np.float64)
    quat = np.asarray(quat_from_matrix(matrix), np.float64)
    return Gaussians(
        means=(gaussians.means.astype(np.float64) @ matrix.T).astype(np.float32),
        quats=quat_product(quat, gaussians.quats.astype(np.float64)).astype(np.float32),
        log_scales=gaussians.log_scales,
        opacity_logits=gaussians.opacity_logits,
        sh=_turned(gaussians.sh, harmonics_rotation(matrix, gaussians.sh_degree)),
    )


def _turned(sh: NDArray[np.float32], matrix: Double) -> NDArray[np.float32]:
    """(n, k, 3) coefficients times a (k, k) matrix, in pieces that stay in the cache and without its zeros.

    A quarter turn has 24 terms of 256, any other 84. A matrix product takes as long, and 40 times that where BLAS has
    more threads than the computer has free cores.
    """
    turned = np.empty_like(sh)
    for start in range(0, len(sh), _ROWS):
        piece = np.ascontiguousarray(sh[start : start + _ROWS].transpose(1, 2, 0))
        sums = np.zeros_like(piece)
        for row, column in zip(*np.nonzero(matrix), strict=True):
            sums[row] += np.float32(matrix[row, column]) * piece[column]
        turned[start : start + _ROWS] = sums.transpose(2, 0, 1)
    return turned


def _sphere() -> tuple[Double, Double]:
    """Points and weights that integrate polynomials up to degree 7: Gauss in z, equal steps around it."""
    z, weights = np.polynomial.legendre.leggauss(4)
    azimuth = 2 * np.pi * np.arange(8) / 8
    radius = np.sqrt(1 - z**2)[:, None]
    x, y = radius * np.cos(azimuth), radius * np.sin(azimuth)
    points = np.stack([x, y, np.broadcast_to(z[:, None], x.shape)], axis=-1).reshape(-1, 3)
    return points, np.repeat(weights * 2 * np.pi / 8, 8)
