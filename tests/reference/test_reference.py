"""The reference itself, held against definitions that are slower still."""

import inspect

import numpy as np
import pytest

from roomsplat.core.rotations import matrix_from_quat
from roomsplat.core.spherical_harmonics import sh_basis
from roomsplat.render.base import Engine, RenderSettings
from tests.contracts.scenes import look, random_slopes, scatter
from tests.reference.adam import adam_step
from tests.reference.blending import MAX_ALPHA, blend, decide
from tests.reference.engine import ReferenceEngine
from tests.reference.gradients import PictureGradient, loss_per_pixel, twisted
from tests.reference.loss import C1, C2, RADIUS, photometric_loss, window
from tests.reference.projection import PARAMETERS, project, rotations
from tests.reference.spherical_harmonics import basis


def test_reference_is_an_engine() -> None:
    """Every method of the contract exists in the slow engine, with the same arguments by name, kind and default."""
    engine: Engine = ReferenceEngine()
    methods = {name: member for name, member in vars(Engine).items() if name[0] != "_" and callable(member)}
    assert len(methods) >= 9
    for name, method in methods.items():
        wanted = list(inspect.signature(method).parameters.values())[1:]
        got = list(inspect.signature(getattr(engine, name)).parameters.values())
        assert [(p.name, p.kind, p.default) for p in got] == [(p.name, p.kind, p.default) for p in wanted], (
            name
        )


def test_harmonics_are_orthonormal() -> None:
    """Over the sphere, the 16 functions have unit norm and no overlap (exact quadrature for degree 6)."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    azimuth = np.arange(16) * 2 * np.pi / 16
    z, phi = (grid.ravel() for grid in np.meshgrid(nodes, azimuth, indexing="ij"))
    radius = np.sqrt(1 - z**2)
    values = basis(np.stack([radius * np.cos(phi), radius * np.sin(phi), z], axis=1), 3)
    gram = np.einsum("n,na,nb->ab", np.repeat(weights, 16) * 2 * np.pi / 16, values, values)
    np.testing.assert_allclose(gram, np.eye(16), atol=1e-13)


def test_harmonics_agree_with_core() -> None:
    """The polynomials in core are the same functions as the textbook's, sign for sign."""
    directions = np.random.default_rng(0).normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    np.testing.assert_allclose(basis(directions, 3), sh_basis(directions, 3), atol=1e-12)
    np.testing.assert_allclose(
        basis(directions, 1)[:, 1:], 0.4886025119 * directions[:, [1, 2, 0]] * [-1, 1, -1]
    )


def test_rotations_agree_with_core() -> None:
    """Rodrigues' formula and core's expanded one give the same matrices, for quaternions of any length."""
    quats = np.random.default_rng(1).normal(size=(20, 4))
    np.testing.assert_allclose(rotations(quats), matrix_from_quat(quats), atol=1e-14)


def test_adam_first_step_is_the_rate() -> None:
    """With bias correction the first step has the length of the rate whatever the gradient's size."""
    gradient = np.array([1e-8, -3.0, 5e4])
    value, first, second = adam_step(np.zeros(3), np.zeros(3), np.zeros(3), gradient, rate=0.1, step=1)
    np.testing.assert_allclose(value, [-0.1, 0.1, -0.1], rtol=1e-6)
    np.testing.assert_allclose(first, 0.1 * gradient)
    np.testing.assert_allclose(second, 0.001 * gradient**2)


def test_blend_of_two_pixels_by_hand() -> None:
    """Two Gaussians over one pixel give the sum that one writes on paper, whatever order they are stored in."""
    near = [0.5, 0.5, 1, 0, 1, 0.5, 1, 0, 0, 1]
    far = [0.5, 0.5, 1, 0, 1, 1.0, 0, 1, 0, 2]
    for values in (np.array([near, far], float), np.array([far, near], float)):
        decisions = decide(values, np.array([True, True]), 1, 1)
        picture = blend(values, decisions, (0, 0, 1))
        expected = [0.5, 0.5 * MAX_ALPHA, 0.5 * (1 - MAX_ALPHA)]
        np.testing.assert_allclose(picture.rgb[:, 0, 0], expected, atol=1e-15)
        np.testing.assert_allclose(picture.depth[0, 0], 0.5 * 1 + 0.5 * MAX_ALPHA * 2)
        np.testing.assert_allclose(picture.alpha[0, 0], 1 - 0.5 * (1 - MAX_ALPHA))


@pytest.mark.parametrize("antialiased", [False, True])
def test_chained_differences_equal_direct_ones(antialiased: bool) -> None:
    """Differencing the whole picture by one parameter gives what the chain over screen records gives."""
    camera = look(20, 14)
    settings = RenderSettings(
        sh_degree=3, antialiased=antialiased, with_depth=True, background=(0.2, 0.5, 0.7)
    )
    engine, rng = ReferenceEngine(), np.random.default_rng(3)
    splats = engine.create(scatter(2, 6, 3, camera), sh_degree=3)
    rendering = engine.rasterize(splats, camera, settings)
    slopes = PictureGradient(
        rgb=random_slopes((3, 14, 20), 0), alpha=random_slopes((14, 20), 1), depth=random_slopes((14, 20), 2)
    )
    gradients = engine.backward(splats, rendering, slopes.rgb, slopes.alpha, slopes.depth)
    pose = camera.cam_from_world.astype(np.float64)

    def loss(parameters: dict[str, np.ndarray], moved_pose: np.ndarray) -> float:
        values = project(parameters, moved_pose, camera, settings).values
        return float(loss_per_pixel(values, rendering.decisions, settings, slopes).sum())

    for name in PARAMETERS:
        direction = rng.normal(size=splats.parameters[name].shape)
        both = [
            loss(splats.parameters | {name: splats.parameters[name] + sign * 1e-6 * direction}, pose)
            for sign in (1, -1)
        ]
        slope = (both[0] - both[1]) / 2e-6
        np.testing.assert_allclose((getattr(gradients, name) * direction).sum(), slope, rtol=1e-5, atol=1e-7)
    direction = rng.normal(size=6)
    both = [loss(splats.parameters, twisted(pose, sign * 1e-6 * direction)) for sign in (1, -1)]
    np.testing.assert_allclose(gradients.pose @ direction, (both[0] - both[1]) / 2e-6, rtol=1e-5)


def explicit_ssim(x: np.ndarray, y: np.ndarray, row: int, column: int) -> float:
    """SSIM of one pixel of one channel, summed over its 121 window cells, black outside the picture."""
    moments = np.zeros(5)
    for i, down in enumerate(window()):
        for j, across in enumerate(window()):
            r, c = row + i - RADIUS, column + j - RADIUS
            inside = 0 <= r < x.shape[0] and 0 <= c < x.shape[1]
            a, b = (x[r, c], y[r, c]) if inside else (0.0, 0.0)
            moments += down * across * np.array([a, b, a * a, b * b, a * b])
    mean_x, mean_y, xx, yy, xy = moments
    numerator = (2 * mean_x * mean_y + C1) * (2 * (xy - mean_x * mean_y) + C2)
    return numerator / ((mean_x**2 + mean_y**2 + C1) * (xx - mean_x**2 + yy - mean_y**2 + C2))


def test_loss_is_the_sum_over_windows() -> None:
    """The filtered form equals L1 plus SSIM added up pixel by pixel and window cell by window cell."""
    rng = np.random.default_rng(4)
    x, y = rng.random((2, 3, 7, 13))
    whole = np.ones((7, 13), bool)
    similarity = np.mean(
        [explicit_ssim(x[c], y[c], r, k) for c in range(3) for r in range(7) for k in range(13)]
    )
    expected = 0.7 * np.abs(x - y).mean() + 0.3 * (1 - similarity)
    assert photometric_loss(x, y, whole, 0.3, np.eye(3, 5)).value == pytest.approx(expected, abs=1e-14)


def test_loss_slopes_equal_differences() -> None:
    """Slopes by pixel and by entry of the colour transform equal differences of the value, mask included."""
    rng = np.random.default_rng(5)
    x, y = rng.random((2, 3, 12, 15))
    mask = rng.random((12, 15)) > 0.3
    colour = np.eye(3, 5) + 0.1 * rng.normal(size=(3, 5))
    result = photometric_loss(x, y, mask, 0.4, colour)
    for entry in [(0, 0, 0), (1, 5, 7), (2, 11, 14), (0, 6, 3), (2, 2, 9)]:
        values = []
        for sign in (1, -1):
            moved = x.copy()
            moved[entry] += sign * 1e-6
            values.append(photometric_loss(moved, y, mask, 0.4, colour).value)
        assert result.grad_rgb[entry] == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5, abs=1e-9)
    for entry in np.ndindex(3, 5):
        values = []
        for sign in (1, -1):
            moved = colour.copy()
            moved[entry] += sign * 1e-6
            values.append(photometric_loss(x, y, mask, 0.4, moved).value)
        assert result.grad_colour[entry] == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5, abs=1e-8)
