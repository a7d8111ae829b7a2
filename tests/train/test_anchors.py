"""The pull towards sparse points: a true slope, asked of the nearest point of a pixel that the view can see."""

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.train.anchors import NEAR_ENOUGH, SMOOTH, Anchors, anchor_slopes, nearest_per_pixel

Double = NDArray[np.float64]


def camera(width: int = 8, height: int = 6) -> PinholeCamera:
    """At the origin, looking along +z."""
    return PinholeCamera(
        width=width, height=height, fx=1.0 * width, fy=1.0 * width, cx=width / 2, cy=height / 2,
        cam_from_world=np.eye(4),
    )  # fmt: skip


def loss(alpha: Double, depth: Double, pixels: NDArray[np.int64], truth: Double, weight: float) -> float:
    """What is minimised, point by point."""
    total = 0.0
    for pixel, true in zip(pixels, truth, strict=True):
        if alpha.ravel()[pixel] > 0.5:
            off = depth.ravel()[pixel] / alpha.ravel()[pixel] / true - 1
            total += np.sqrt(off**2 + SMOOTH**2) if abs(off) < NEAR_ENOUGH else 0
    return weight * total / len(truth)


def test_the_slopes_are_those_of_the_loss() -> None:
    """Moved along any direction the loss changes by slope times step; thin and hidden places do not count."""
    rng = np.random.default_rng(0)
    alpha = rng.uniform(0.3, 1, (6, 8))
    depth = alpha * rng.uniform(1.6, 2.4, alpha.shape)
    pixels, truth = np.arange(0, 48, 3), np.full(16, 2.0)
    by_alpha, by_depth = anchor_slopes(np, alpha, depth, pixels, truth, 0.7)
    assert 3 < np.count_nonzero(by_depth) < 16
    for seed in range(3):
        along = np.random.default_rng(seed).normal(size=(2, 6, 8))
        ends = [loss(alpha + h * along[0], depth + h * along[1], pixels, truth, 0.7) for h in (1e-7, -1e-7)]
        slope = float((by_alpha * along[0] + by_depth * along[1]).sum())
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-7, rel=1e-4)


def test_a_pixel_asks_its_nearest_point() -> None:
    """Of two points behind one pixel the nearer one counts; what lies outside or behind the camera does not."""
    at = camera()
    points = np.array([[0.1, 0.1, 3], [0.05, 0.05, 1.5], [-1, 0.5, 2], [9, 0, 1], [0, 0, -2]], np.float64)
    pixels, depths = nearest_per_pixel(points, at)
    assert pixels.tolist() == sorted(pixels.tolist())
    assert dict(zip(pixels.tolist(), depths.tolist(), strict=True)) == {3 * 8 + 4: 1.5, 5 * 8 + 0: 2.0}


def test_a_picture_is_asked_about_once_per_size() -> None:
    """The same arrays come back at the same size; the next size throws out what the last one kept."""
    points = np.random.default_rng(0).uniform(-1, 1, (50, 3)).astype(np.float32) + np.float32([0, 0, 3])
    anchors = Anchors(np, points)
    first = anchors.seen(0, camera())
    assert anchors.seen(0, camera())[0] is first[0]
    assert len(anchors.seen(0, camera(16, 12))[0]) >= len(first[0])
    assert anchors.seen(0, camera())[0] is not first[0]


def test_a_scene_in_place_is_left_alone() -> None:
    """No pull where depths agree, the strongest where they differ, none where something else hides the point."""
    pixels, alpha = np.array([0, 1, 2]), np.ones((1, 4))
    depth = np.array([[2.0, 2.1, 1.0, 5.0]])
    by_depth = anchor_slopes(np, alpha, depth, pixels, np.full(3, 2.0), 3.0)[1]
    np.testing.assert_allclose(by_depth, [[0, 0.5, 0, 0]], atol=0.02)  # 5 % is not far above SMOOTH


def test_no_points_no_pull() -> None:
    """A view that sees no sparse point is left to its picture."""
    none = nearest_per_pixel(np.array([[0, 0, -1.0]]), camera())
    slopes = anchor_slopes(np, np.ones((6, 8)), np.ones((6, 8)), *none, 1.0)
    assert not np.any(slopes)
