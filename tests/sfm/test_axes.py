"""Laws of finding a room's axes from straight edges."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from roomsplat.sfm.axes import room_axes
from roomsplat.sfm.lines import Edges

Double = NDArray[np.float64]


def unit(vectors: Double) -> Double:
    """The same directions, of length 1."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def seen(directions: Double, seed: int, noise_deg: float = 0.3) -> Edges:
    """Edges along ``directions`` (n, 3), seen anywhere around, each askew in its picture by a little."""
    random = np.random.default_rng(seed)
    middles = random.normal(size=directions.shape) * (1, 1, 0.4)
    normals = unit(np.cross(middles, directions))
    middles = unit(middles)
    lean = np.radians(random.normal(0, noise_deg, (len(directions), 1)))
    normals = np.cos(lean) * normals + np.sin(lean) * np.cross(middles, normals)
    return Edges(normals=normals, middles=middles, lengths=0.03 + random.exponential(0.03, len(directions)))


def room(seed: int, *, upright: int = 150, level: int = 200, clutter: int = 400) -> Edges:
    """Edges of a room whose axes are the world's, and of what stands about in it."""
    random = np.random.default_rng(seed + 100)
    axes = np.repeat(np.eye(3), [level // 2, level - level // 2, upright], axis=0)
    return seen(np.concatenate([axes, random.normal(size=(clutter, 3))]), seed)


def degrees(first: Double, second: Double) -> float:
    """The angle between two directions."""
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(first, second)), first @ second)))


@pytest.mark.parametrize("seed", range(5))
def test_a_cluttered_room_stands_upright(seed: int) -> None:
    """Up is found to 0.2 degrees from 14 degrees away, with more clutter than edges; walls along x and y as well."""
    lean = Rotation.from_rotvec(np.radians(14) * unit(np.random.default_rng(seed).normal(size=3) * (1, 1, 0)))
    axes = room_axes(room(seed), lean.apply([0.0, 0.0, 1.0]))
    assert axes.up_is_sure
    assert axes.walls_are_sure
    assert degrees(axes.rotation[2], np.array([0.0, 0, 1])) < 0.2
    assert np.abs(axes.rotation[0]).max() > np.cos(np.radians(0.3))
    np.testing.assert_allclose(axes.rotation @ axes.rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(axes.rotation) > 0


def test_tiles_tell_up_without_anything_upright() -> None:
    """A floor's lines in two directions, from close to up, make up sure to 0.2 degrees."""
    up = Rotation.from_euler("x", 1.0, degrees=True).apply([0.0, 0.0, 1.0])
    axes = room_axes(room(1, upright=0, level=300, clutter=100), up)
    assert axes.up_is_sure
    assert axes.walls_are_sure
    assert degrees(axes.rotation[2], np.array([0.0, 0, 1])) < 0.2


def test_posts_tell_up_without_walls() -> None:
    """Upright edges among clutter make up sure, and leave the heading open."""
    up = Rotation.from_euler("y", 10.0, degrees=True).apply([0.0, 0.0, 1.0])
    axes = room_axes(room(2, upright=200, level=0), up)
    assert axes.up_is_sure
    assert not axes.walls_are_sure
    assert degrees(axes.rotation[2], np.array([0.0, 0, 1])) < 0.3


@pytest.mark.parametrize("count", [0, 10, 100, 1000])
def test_chance_edges_tell_nothing(count: int) -> None:
    """Edges that run anywhere, many or few, leave up where the cameras had it."""
    for seed in range(4):
        edges = seen(np.random.default_rng(seed + 100).normal(size=(count, 3)), seed)
        axes = room_axes(edges, np.array([0.6, 0.0, 0.8]))
        assert not axes.up_is_sure
        assert not axes.walls_are_sure
        np.testing.assert_allclose(axes.rotation[2], [0.6, 0.0, 0.8], atol=1e-12)


def test_the_axes_turn_with_the_world() -> None:
    """In any other axes the same room gives the same answer, up to which wall comes first."""
    turn = Rotation.random(random_state=5).as_matrix()
    edges, up = room(3), unit(np.array([0.1, -0.1, 1.0]))
    turned = Edges(normals=edges.normals @ turn.T, middles=edges.middles @ turn.T, lengths=edges.lengths)
    ours, theirs = room_axes(edges, up).rotation @ turn.T, room_axes(turned, turn @ up).rotation
    np.testing.assert_allclose(theirs[2], ours[2], atol=1e-3)
    np.testing.assert_allclose(np.abs(theirs @ ours.T).max(axis=1), 1, atol=1e-5)
