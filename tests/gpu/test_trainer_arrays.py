"""On a real GPU: what the trainer computes on the device's arrays is what it computes on NumPy's."""

from typing import Any

import numpy as np
import pytest

from roomsplat.render.base import Engine
from roomsplat.train.anchors import anchor_slopes
from roomsplat.train.config import DensifyConfig
from roomsplat.train.densify import densify
from roomsplat.train.flatness import flatness_slopes
from roomsplat.train.host import PARAMETERS, converted, on_host
from roomsplat.train.similarity import psnr, ssim
from roomsplat.train.telling import sampled_error
from tests.train.test_densify import random_arrays

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("allowed", [0, 5000, 6000, 20_000])
def test_a_round_is_the_same(cuda: Engine, allowed: int) -> None:
    """The same Gaussians go, the same are split, and their halves agree to rounding; nothing is left to chance."""
    host = random_arrays(5000)
    host.opacity_logits[::9] = -20
    host.means[7] = np.nan
    device: list[Any] = []
    for _ in range(2):
        arrays = converted(host, cuda.xp.asarray)
        arrays.statistics = {name: cuda.xp.asarray(value) for name, value in host.statistics.items()}
        densify(cuda.xp, arrays, allowed=allowed, config=DensifyConfig())
        device.append(converted(arrays, on_host))
    densify(np, host, allowed=allowed, config=DensifyConfig())
    for name in PARAMETERS:
        got, again, wanted = (getattr(arrays, name) for arrays in (*device, host))
        np.testing.assert_array_equal(got, again, err_msg=name)
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5, err_msg=name)
        np.testing.assert_array_equal(device[0].first_moments[name], host.first_moments[name], err_msg=name)


@pytest.mark.parametrize("size", [(1300, 900), (12, 31), (6, 6)])
def test_figures_are_the_same(cuda: Engine, size: tuple[int, int]) -> None:
    """PSNR and SSIM to 1e-9, of planar pictures too; the reported error to rounding."""
    rng, xp = np.random.default_rng(0), cuda.xp
    pixels = rng.integers(0, 256, (*size, 3), np.uint8)
    a = pixels.astype(np.float32) / np.float32(255)
    planes = np.clip(np.moveaxis(a, 2, 0) + rng.normal(0, 0.2, (3, *size)), 0, 1).astype(np.float32)
    b = np.moveaxis(planes, 0, 2)
    on_device = xp.moveaxis(xp.asarray(planes), 0, 2), xp.asarray(a)
    assert ssim(xp, *on_device) == pytest.approx(ssim(np, b, a), abs=1e-9)
    assert psnr(xp, *on_device) == pytest.approx(psnr(np, b, a), abs=1e-9)
    for colour in (None, rng.normal(np.eye(3, 5), 0.1).astype(np.float32)):
        got = sampled_error(xp, xp.asarray(planes), xp.asarray(pixels), colour)
        assert float(got) == pytest.approx(float(sampled_error(np, planes, pixels, colour)), rel=1e-5)


def test_the_pull_towards_flat_surfaces_is_the_same(cuda: Engine) -> None:
    """Slopes by alpha and by depth, to rounding."""
    rng, xp = np.random.default_rng(0), cuda.xp
    alpha = rng.uniform(0.3, 1, (130, 90)).astype(np.float32)
    depth = (alpha * rng.uniform(2, 3, alpha.shape)).astype(np.float32)
    pixels = rng.integers(0, 256, (*alpha.shape, 3), np.uint8)
    got = flatness_slopes(xp, xp.asarray(alpha), xp.asarray(depth), xp.asarray(pixels), 2.0, 0.7)
    wanted = flatness_slopes(np, alpha, depth, pixels, 2.0, 0.7)
    for here, there in zip(got, wanted, strict=True):
        np.testing.assert_allclose(on_host(here), there, rtol=1e-3, atol=1e-3 * float(np.abs(there).max()))


def test_the_pull_towards_sparse_points_is_the_same(cuda: Engine) -> None:
    """Slopes by alpha and by depth, to rounding."""
    rng, xp = np.random.default_rng(0), cuda.xp
    alpha = rng.uniform(0.3, 1, (130, 90)).astype(np.float32)
    depth = (alpha * rng.uniform(1.8, 2.2, alpha.shape)).astype(np.float32)
    pixels = np.flatnonzero(rng.random(alpha.size) < 0.05)
    truth = np.full(len(pixels), 2.0, np.float32)
    got = anchor_slopes(xp, *(xp.asarray(a) for a in (alpha, depth, pixels, truth)), 0.7)
    wanted = anchor_slopes(np, alpha, depth, pixels, truth, 0.7)
    for here, there in zip(got, wanted, strict=True):
        np.testing.assert_allclose(on_host(here), there, rtol=1e-3, atol=1e-3 * float(np.abs(there).max()))
