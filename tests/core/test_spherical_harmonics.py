"""The harmonics are an orthonormal basis with the signs that splat files use."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import sph_harm_y

from roomsplat.core.spherical_harmonics import (
    Y00,
    dc_from_rgb,
    num_coefficients,
    rgb_from_dc,
    sh_basis,
    sh_color,
)

Double = NDArray[np.float64]


def directions(count: int = 200) -> Double:
    """(count, 3) unit vectors."""
    vectors = np.random.default_rng(1).normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def sphere_quadrature() -> tuple[Double, Double]:
    """Directions and weights that integrate polynomials up to degree 7 exactly: Gauss in z, equal steps around it."""
    z, weights = np.polynomial.legendre.leggauss(4)
    azimuth = 2 * np.pi * np.arange(8) / 8
    radius = np.sqrt(1 - z**2)[:, None]
    x, y = radius * np.cos(azimuth), radius * np.sin(azimuth)
    points = np.stack([x, y, np.broadcast_to(z[:, None], x.shape)], axis=-1).reshape(-1, 3)
    return points, np.repeat(weights * 2 * np.pi / 8, 8)


def test_basis_is_orthonormal() -> None:
    """The integral over the sphere of a product of two harmonics is 1 for a harmonic with itself, else 0."""
    points, weights = sphere_quadrature()
    basis = sh_basis(points, 3)
    assert np.allclose(basis.T @ (weights[:, None] * basis), np.eye(16), rtol=0, atol=1e-14)


def test_basis_is_the_textbook_one() -> None:
    """Each value is √2 times the real (m > 0) or imaginary (m < 0) part of SciPy's complex harmonic of order |m|."""
    x, y, z = directions().T
    polar, azimuth = np.arccos(z), np.arctan2(y, x)
    columns: list[Double] = []
    for degree in range(4):
        for m in range(-degree, degree + 1):
            value = sph_harm_y(degree, abs(m), polar, azimuth)
            columns.append(value.real if m == 0 else np.sqrt(2) * (value.real if m > 0 else value.imag))
    assert np.allclose(sh_basis(directions(), 3), np.stack(columns, axis=1), rtol=0, atol=1e-14)


def test_signs_of_degree_one() -> None:
    """The linear harmonics are -y, z, -x times 0.4886025: the signs of every splat file."""
    basis = sh_basis(np.eye(3), 1)
    assert np.allclose(
        basis[:, 1:], 0.48860251190292 * np.array([[0, 0, -1], [-1, 0, 0], [0, 1, 0]]), rtol=0, atol=1e-14
    )


def test_parity() -> None:
    """Seen from the opposite side a harmonic of even degree is the same, one of odd degree changes its sign."""
    signs = np.repeat([1, -1, 1, -1], [1, 3, 5, 7])
    assert np.allclose(sh_basis(-directions(), 3), signs * sh_basis(directions(), 3), rtol=0, atol=1e-15)


def test_addition_theorem() -> None:
    """Within one degree the squares sum to (2l + 1) / 4π in every direction, so no direction is preferred."""
    squares = sh_basis(directions(), 3) ** 2
    for degree in range(4):
        band = squares[:, degree**2 : (degree + 1) ** 2].sum(axis=1)
        assert np.allclose(band, (2 * degree + 1) / (4 * np.pi), rtol=0, atol=1e-14)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_lower_degree_is_a_prefix(degree: int) -> None:
    """The basis of a lower degree is the beginning of the basis of a higher one."""
    basis = sh_basis(directions(), degree)
    assert basis.shape[1] == num_coefficients(degree)
    assert np.array_equal(basis, sh_basis(directions(), 3)[:, : num_coefficients(degree)])


@pytest.mark.parametrize("degree", [-1, 4])
def test_other_degrees_are_refused(degree: int) -> None:
    """Degrees outside 0 to 3 are refused."""
    with pytest.raises(ValueError, match="expected 0 to 3"):
        sh_basis(directions(), degree)


def test_color_of_the_constant_harmonic() -> None:
    """A Gaussian made from one colour shows that colour from everywhere, and the way back returns it."""
    rgb = np.random.default_rng(2).uniform(size=(200, 3))
    dc = dc_from_rgb(rgb)
    assert np.allclose(rgb_from_dc(dc), rgb, rtol=0, atol=1e-15)
    color = sh_color(dc[:, None, :].astype(np.float32), directions().astype(np.float32))
    assert color.dtype == np.float32
    assert np.allclose(color, rgb, rtol=0, atol=1e-6)


def test_color_is_the_sum_cut_off_at_zero() -> None:
    """Colour is 0.5 plus the weighted sum of harmonics, never below 0, and ``degree`` leaves the higher ones out."""
    sh = np.random.default_rng(3).normal(scale=0.7, size=(200, 16, 3)).astype(np.float32)
    basis = sh_basis(directions(), 3)
    for degree in range(4):
        k = num_coefficients(degree)
        expected = 0.5 + sum(basis[:, j, None] * sh[:, j] for j in range(k))
        assert np.any(expected < 0)
        assert np.allclose(sh_color(sh, directions(), degree), np.maximum(expected, 0), rtol=0, atol=1e-6)
    assert np.array_equal(sh_color(sh, directions()), sh_color(sh, directions(), 3))
    assert np.array_equal(sh_color(sh[:, :4], directions(), 3), sh_color(sh, directions(), 1))


def test_float_type_is_kept() -> None:
    """Float32 directions give a float32 basis."""
    assert sh_basis(directions().astype(np.float32), 3).dtype == np.float32
    assert abs(Y00 - 0.28209479177387814) < 1e-16
