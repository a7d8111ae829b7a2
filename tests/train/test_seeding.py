"""Seeds between sparse points: on the plane that they span, nowhere else."""

import numpy as np
import pytest

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.projection import project
from roomsplat.train.seeding import seeds_in_view, visible_points

CAMERA = PinholeCamera(
    fx=80, fy=80, cx=40, cy=30, width=80, height=60, cam_from_world=np.eye(4, dtype=np.float32)
)
NORMAL, OFFSET = np.array([0.3, -0.2, 1.0]), 4.0
"""A slanted wall: NORMAL · x = OFFSET."""


def on_wall(count: int, offset: float = OFFSET, seed: int = 0) -> np.ndarray:
    """(count, 3) points of the wall that the camera sees."""
    pixels = np.random.default_rng(seed).uniform((1, 1), (79, 59), (count, 2))
    rays = np.concatenate([(pixels - (40, 30)) / 80, np.ones((count, 1))], axis=1)
    return (rays * (offset / (rays @ NORMAL))[:, None]).astype(np.float32)


def seeds(points: np.ndarray, count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """From one generator."""
    return seeds_in_view(CAMERA, points, count, np.random.default_rng(1))


def test_seeds_lie_on_the_plane_of_the_points() -> None:
    """A slanted wall, seen in perspective: every seed is on it, and is seen at the pixel that is told."""
    found, pixels = seeds(on_wall(60))
    assert len(found) == 200
    np.testing.assert_allclose(found @ NORMAL, OFFSET, rtol=1e-5)
    seen, depth = project(CAMERA, found)
    np.testing.assert_array_equal(np.floor(seen + 1e-3 * (pixels + 0.5 - seen)), pixels)
    assert (depth > 0).all()


def test_nothing_is_put_across_an_edge() -> None:
    """Left half near, right half far: no seed lies between the two depths."""
    near, far = on_wall(60, 4.0, 1), on_wall(60, 8.0, 2)
    points = np.concatenate([near[near[:, 0] < 0], far[far[:, 0] > 0]])
    found, _ = seeds(points)
    offsets = found @ NORMAL
    assert len(found) > 100
    assert np.minimum(abs(offsets - 4), abs(offsets - 8)).max() < 1e-3


def test_points_behind_a_wall_are_not_seen() -> None:
    """Points of another room, among those of a wall in front of it, are left out; the wall's own stay."""
    wall, behind = on_wall(400, 4.0, 1), on_wall(20, 12.0, 2)
    _, depth = visible_points(CAMERA, np.concatenate([wall, behind]))
    assert len(depth) == 400
    assert depth.max() < 8


@pytest.mark.parametrize("count", [0, 1, 10, 19])
def test_few_points_span_nothing(count: int) -> None:
    """Too few points, or points on one line of the picture, give no seeds and no failure."""
    assert len(seeds(on_wall(count))[0]) == 0
    line = np.stack([np.linspace(-1, 1, 30), np.zeros(30), np.full(30, 4.0)], axis=1).astype(np.float32)
    assert len(seeds(line)[0]) == 0


def test_what_is_not_in_view_does_not_count() -> None:
    """Points behind the camera, beside the picture or without a place change nothing."""
    wall = on_wall(60)
    odd = np.array([[0, 0, -4], [50, 0, 4], [np.nan, 0, 4], [0, np.inf, 4]], np.float32)
    for a, b in zip(seeds(wall), seeds(np.concatenate([odd, wall])), strict=True):
        np.testing.assert_array_equal(a, b)
