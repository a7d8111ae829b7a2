"""A turned splat is the same splat seen from a camera that was turned with it."""

import numpy as np
import pytest

from roomsplat.core.cameras import PinholeCamera, look_at
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.rotations import matrix_from_quat
from roomsplat.core.spherical_harmonics import sh_basis
from roomsplat.core.turning import harmonics_rotation, rotation_about_axes, turn
from roomsplat.render.base import RenderSettings
from roomsplat.render.engines import select_engine
from roomsplat.render.view import render_view

RNG = np.random.default_rng(7)
ROTATIONS = [matrix_from_quat(quat) for quat in RNG.normal(size=(5, 4))]


def make_room(count: int = 60) -> Gaussians:
    """Gaussians of every colour and shape within a metre of the origin."""
    return Gaussians(
        means=RNG.uniform(-1, 1, (count, 3)),
        quats=RNG.normal(size=(count, 4)),
        log_scales=RNG.uniform(-3, -1.5, (count, 3)),
        opacity_logits=RNG.normal(1, 1, count),
        sh=RNG.normal(scale=0.3, size=(count, 16, 3)),
    )


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_turned_harmonics_show_the_old_colour(rotation: np.ndarray) -> None:
    """Along a direction, the turned colour is the old one along the direction turned back, for every degree."""
    directions = RNG.normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    coefficients = RNG.normal(size=16)
    for degree in range(4):
        k = (degree + 1) ** 2
        turned = harmonics_rotation(rotation, degree) @ coefficients[:k]
        expected = sh_basis(directions @ rotation, degree) @ coefficients[:k]
        np.testing.assert_allclose(sh_basis(directions, degree) @ turned, expected, atol=1e-13)


def test_turns_of_harmonics_compose() -> None:
    """Turning twice is turning once by the product, and the matrix of a rotation is orthogonal."""
    first, second = (harmonics_rotation(rotation, 3) for rotation in ROTATIONS[:2])
    np.testing.assert_allclose(second @ first, harmonics_rotation(ROTATIONS[1] @ ROTATIONS[0], 3), atol=1e-13)
    np.testing.assert_allclose(first @ first.T, np.eye(16), atol=1e-13)


@pytest.mark.parametrize("rotation", ROTATIONS[:2])
def test_the_picture_stays(rotation: np.ndarray) -> None:
    """A renderer that knows nothing of turning draws the same picture when splat and camera are turned together."""
    room, engine = make_room(), select_engine("cpu")
    view = look_at(np.array([2.5, -1.5, 0.7]), np.zeros(3))
    back = np.eye(4)
    back[:3, :3] = rotation.T
    pictures = [
        render_view(
            engine,
            splats,
            PinholeCamera(
                fx=80, fy=80, cx=40, cy=30, width=80, height=60, cam_from_world=camera.astype(np.float32)
            ),
            RenderSettings(sh_degree=3),
        ).rgb
        for splats, camera in ((room, view), (turn(room, rotation), view @ back))
    ]
    assert pictures[0].max() > 0.5
    np.testing.assert_allclose(pictures[1], pictures[0], atol=2e-5)


def test_angles_are_about_the_worlds_axes_in_order() -> None:
    """x first, then y, then z, each to the right-hand side; quarters are exact."""
    assert rotation_about_axes((90, 0, 0)).tolist() == [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    assert rotation_about_axes((0, -270, 0)).tolist() == [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]
    assert rotation_about_axes((0, 0, 90)).tolist() == [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    mixed = (
        rotation_about_axes((0, 0, 30)) @ rotation_about_axes((0, 20, 0)) @ rotation_about_axes((10, 0, 0))
    )
    np.testing.assert_allclose(rotation_about_axes((10, 20, 30)), mixed, atol=1e-15)


def test_a_turn_and_its_inverse_change_nothing() -> None:
    """There and back again gives every value to float32's last digits, and an exact quarter four times as well."""
    room = make_room()
    back = turn(turn(room, ROTATIONS[0]), ROTATIONS[0].T)
    for field in ("means", "sh"):
        np.testing.assert_allclose(getattr(back, field), getattr(room, field), atol=2e-6)
    again = room
    for _ in range(4):
        again = turn(again, rotation_about_axes((0, 0, 90)))
    np.testing.assert_array_equal(again.means, room.means)
    np.testing.assert_allclose(again.rotations, room.rotations, atol=1e-5)
