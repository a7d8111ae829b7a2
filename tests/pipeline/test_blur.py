"""Laws of the width of edges: it is what the blur was, whatever the picture shows."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift

from roomsplat.pipeline.blur import edge_width

PIXEL, DIFFERENCE = 1 / 12, 1 / 3
"""Variances in px² that every edge has anyway: of a pixel's own width, and of a difference over two pixels."""


def steps(contrast: float, spacing: int) -> NDArray[np.float32]:
    """Upright edges so many px apart, drawn at four times the size, where few of them meet a pixel's edge."""
    rng = np.random.default_rng(3)
    across = np.arange(1280) + 1.0
    level = 100 + contrast * (np.floor(across / (4 * spacing + 1)) % 2)
    return (np.tile(level, (960, 1)) + rng.normal(0, 0.3, (960, 1))).astype(np.float32)


def reduced(large: NDArray[np.float32]) -> NDArray[np.float32]:
    """A quarter of the size, each pixel a mean."""
    return large.reshape(240, 4, 320, 4).mean(axis=(1, 3))


@pytest.mark.parametrize("sigma", [0.7, 1.0, 1.5, 2.0])
@pytest.mark.parametrize(("contrast", "spacing"), [(120.0, 40), (50.0, 20)])
def test_a_known_blur_is_found(sigma: float, contrast: float, spacing: int) -> None:
    """Few strong edges or many weak ones: the width is that of the Gaussian and of the pixels, within a fifth."""
    picture = reduced(gaussian_filter(steps(contrast, spacing), 4 * sigma))
    assert edge_width(picture) == pytest.approx(np.sqrt(sigma**2 + PIXEL + DIFFERENCE), rel=0.2)


def test_a_moving_camera_widens_edges() -> None:
    """Motion of 4 px across the edges is more than the 1.25 times that count as blurred."""
    still = gaussian_filter(steps(80.0, 40), 3)
    moved = np.mean([shift(still, (0, step), order=1, mode="nearest") for step in range(16)], axis=0)
    assert edge_width(reduced(moved.astype(np.float32))) > 1.25 * edge_width(reduced(still))


def test_nothing_to_measure_is_said() -> None:
    """A bare wall and a stamp have no edges: no width, no warning."""
    assert np.isnan(edge_width(np.full((240, 320), 90.0, np.float32)))
    assert np.isnan(edge_width(np.zeros((6, 6), np.float32)))
