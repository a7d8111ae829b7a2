"""The pull towards flat surfaces: none on a plane, a true slope everywhere else."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.train.flatness import SHARP, SMOOTH, flatness_slopes

Double = NDArray[np.float64]


def loss(alpha: Double, depth: Double, pixels: NDArray[np.uint8], extent: float, weight: float) -> float:
    """What is minimised, pixel by pixel."""
    height, width = alpha.shape
    grey = pixels.astype(np.float64).sum(axis=2) / 765
    total = 0.0
    for row in range(height):
        for column in range(width):
            for step in (np.array([1, 0]), np.array([0, 1])):
                places = [tuple(np.array([row, column]) + k * step) for k in range(3)]
                if any(y >= height or x >= width or alpha[y, x] <= 0.5 for y, x in places):
                    continue
                a, b, c = (extent * alpha[p] / depth[p] for p in places)
                change = max(abs(grey[places[2]] - grey[places[1]]), abs(grey[places[1]] - grey[places[0]]))
                total += np.exp(-SHARP * change) * np.sqrt((a - 2 * b + c) ** 2 + SMOOTH**2)
    return weight * total / alpha.size


def rendered(seed: int = 0) -> tuple[Double, Double, NDArray[np.uint8]]:
    """Coverage (in part too thin), depth not divided by it, and a picture."""
    rng = np.random.default_rng(seed)
    alpha = rng.uniform(0.3, 1, (9, 7))
    return alpha, alpha * rng.uniform(2, 3, (9, 7)), rng.integers(0, 60, (9, 7, 3)).astype(np.uint8)


def test_the_slopes_are_those_of_the_loss() -> None:
    """Moved along any direction the loss changes by slope times step."""
    alpha, depth, pixels = rendered()
    by_alpha, by_depth = flatness_slopes(np, alpha, depth, pixels, 2.0, 0.7)
    for seed in range(3):
        along = np.random.default_rng(seed).normal(size=(2, 9, 7))
        ends = [loss(alpha + h * along[0], depth + h * along[1], pixels, 2.0, 0.7) for h in (1e-6, -1e-6)]
        slope = float((by_alpha * along[0] + by_depth * along[1]).sum())
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4)


def test_a_plane_is_left_alone() -> None:
    """A slanted wall seen in perspective has no bend; a corner has one, along its edge only."""
    y, x = np.mgrid[:12, :16]
    wall, other = 1 / (0.3 + 0.004 * x - 0.006 * y), 1 / (0.36 - 0.004 * x - 0.006 * y)
    alpha, grey = np.full(wall.shape, 0.9), np.zeros((*wall.shape, 3), np.uint8)

    def pulled(depth: Any) -> Any:
        return np.abs(flatness_slopes(np, alpha, alpha * depth, grey, 1.0, 1.0)[1]).max(axis=0)

    corner = pulled(np.minimum(wall, other))
    assert pulled(wall).max() < 1e-4 * corner.max()
    assert set(np.flatnonzero(corner > 0.01 * corner.max()).tolist()) <= {6, 7, 8, 9}


def test_an_edge_of_the_picture_may_be_an_edge_of_the_room() -> None:
    """The same bend is pulled at less where the picture changes, and not at all where nothing covers it."""
    depth = np.full((8, 8), 2.0)
    depth[:, 4:] = 3
    alpha, plain = np.ones((8, 8)), np.zeros((8, 8, 3), np.uint8)
    striped = plain.copy()
    striped[:, 4:] = 128
    pulls = [np.abs(flatness_slopes(np, alpha, depth, p, 1.0, 1.0)[1]).sum() for p in (plain, striped)]
    assert pulls[1] < 0.01 * pulls[0]
    assert not np.any(flatness_slopes(np, 0.4 * alpha, 0.4 * depth, plain, 1.0, 1.0))
