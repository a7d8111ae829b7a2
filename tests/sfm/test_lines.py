"""Laws of straight edges in pictures."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from roomsplat.core.cameras import PinholeCamera
from roomsplat.sfm.lines import edges_of, straight_lines

Double = NDArray[np.float64]


def half_planes(direction_deg: float, offset: float, size: int = 200) -> NDArray[np.float32]:
    """A picture that is dark on one side of a line through its middle, moved by ``offset`` px, and light beyond it."""
    x, y = np.meshgrid(np.arange(size) + 0.5 - size / 2, np.arange(size) + 0.5 - size / 2)
    angle = np.radians(direction_deg)
    side = np.cos(angle) * y - np.sin(angle) * x - offset
    return (60 + 120 * np.clip(side + 0.5, 0, 1)).astype(np.float32)


@pytest.mark.parametrize("direction", [0.0, 11.25, 22.5, 33.0, 45.0, 78.0, 90.0, 101.25, 135.0, 170.0])
def test_a_line_is_found_whole_and_where_it_is(direction: float) -> None:
    """An edge across the picture is one line, its direction good to 0.1 degrees and its place to 0.1 px."""
    random = np.random.default_rng(3)
    picture = half_planes(direction, 3.3) + random.normal(0, 1.5, (200, 200)).astype(np.float32)
    ends = straight_lines(picture, 60.0)
    assert len(ends) == 1
    along = ends[0, 1] - ends[0, 0]
    assert np.linalg.norm(along) > 180
    angle = np.degrees(np.arctan2(along[1], along[0])) - direction
    assert abs((angle + 90) % 180 - 90) < 0.1
    across = np.array([-np.sin(np.radians(direction)), np.cos(np.radians(direction))])
    np.testing.assert_allclose((ends[0] - 100) @ across, 3.3, atol=0.15)


def test_blotches_and_curves_are_no_lines() -> None:
    """Smooth noise and a disc have no straight edge of a quarter of the picture's side."""
    random = np.random.default_rng(0)
    noise = gaussian_filter(random.normal(size=(200, 200)), 4.0)
    x, y = np.meshgrid(np.arange(200.0), np.arange(200.0))
    disc = np.clip(60 - np.hypot(x - 100, y - 100), 0, 1)
    for picture in (128 + 40 * noise / noise.std(), 60 + 120 * disc, np.full((200, 200), 90.0)):
        assert len(straight_lines(picture.astype(np.float32), 50.0)) == 0


def test_edges_hold_the_line_in_the_world() -> None:
    """The plane of an edge holds the camera and the line that was drawn, whatever the camera's turn."""
    pose = np.eye(4, dtype=np.float32)
    pose[:3, :3] = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    camera = PinholeCamera(fx=180.0, fy=180.0, cx=100.0, cy=100.0, width=200, height=200, cam_from_world=pose)
    gray = half_planes(30.0, 5.0)
    edges = edges_of(np.repeat(gray[..., None], 3, axis=2).round().astype(np.uint8), camera)
    assert len(edges) == 1
    angle = np.radians(30.0)
    place = np.array([-5 * np.sin(angle) / 180, 5 * np.cos(angle) / 180, 1.0])
    direction = np.array([np.cos(angle), np.sin(angle), 0.0])
    world = pose[:3, :3].T
    for vector in (world @ place, world @ direction, edges.middles[0]):
        assert abs(edges.normals[0] @ vector) / np.linalg.norm(vector) < 2e-3
    assert edges.lengths[0] > 0.9
