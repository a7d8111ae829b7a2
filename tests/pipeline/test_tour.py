"""The tour follows the film, steadier and without jumps."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from roomsplat.core.cameras import Cameras
from roomsplat.pipeline.tour import tour_cameras
from roomsplat.render.view import to_8bit


def _walk(count: int, jitter: float, seed: int = 0) -> Cameras:
    """A half circle, looking inward, with a trembling hand."""
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, np.pi, count)
    centers = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1) + rng.normal(
        0, jitter, (count, 3)
    )
    turns = Rotation.from_euler("y", angles[:, None]) * Rotation.from_rotvec(
        rng.normal(0, jitter, (count, 3))
    )
    matrices = np.tile(np.eye(4), (count, 1, 1))
    matrices[:, :3, :3] = turns.as_matrix()
    matrices[:, :3, 3] = -np.einsum("cij,cj->ci", matrices[:, :3, :3], centers)
    return Cameras(
        intrinsics=np.tile(np.array([50, 50, 32, 24], np.float32), (count, 1)),
        cam_from_world=matrices.astype(np.float32),
        width=64,
        height=48,
    )


def test_the_tour_is_rigid_and_has_the_asked_length() -> None:
    """Every camera is a rotation and a translation, and there are seconds x fps of them."""
    tour = tour_cameras(_walk(20, 0.01), seconds=2.0, fps=12)
    assert len(tour) == 24
    rotations = tour.cam_from_world[:, :3, :3].astype(np.float64)
    np.testing.assert_allclose(
        rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (24, 1, 1)), atol=1e-5
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1.0, atol=1e-5)


def test_the_tour_stays_near_the_film_and_shakes_less() -> None:
    """It never leaves the path by more than the filter's reach, and its acceleration is far below the hand's."""
    film = _walk(40, 0.02)
    tour = tour_cameras(film, seconds=4.0, fps=24)
    nearest = np.linalg.norm(tour.centers[:, None] - film.centers[None], axis=2).min(axis=1)
    assert nearest.max() < 0.15
    spread = np.linalg.norm(np.diff(film.centers, n=2, axis=0), axis=1).mean()
    at_frames = tour_cameras(film, seconds=40 / 24, fps=24).centers
    assert np.linalg.norm(np.diff(at_frames, n=2, axis=0), axis=1).mean() < 0.4 * spread


def test_the_sign_of_a_quaternion_does_not_matter() -> None:
    """A turn through 360 degrees, where quaternions change sign, stays smooth."""
    count = 50
    film = _walk(count, 0.0)
    turns = Rotation.from_euler("y", np.linspace(0, 2 * np.pi, count)[:, None]).as_matrix()
    matrices = film.cam_from_world.copy()
    matrices[:, :3, :3] = turns
    spinning = Cameras(intrinsics=film.intrinsics, cam_from_world=matrices, width=64, height=48)
    tour = tour_cameras(spinning, seconds=4, fps=24)
    rotations = Rotation.from_matrix(tour.cam_from_world[:, :3, :3].astype(np.float64))
    assert (rotations[1:] * rotations[:-1].inv()).magnitude().max() < 3 * (2 * np.pi / len(tour))


def test_one_camera_makes_a_still_tour() -> None:
    """A single photograph has no path; the tour rests on it."""
    film = _walk(5, 0.0)[:1]
    tour = tour_cameras(film, seconds=1, fps=10)
    np.testing.assert_array_equal(tour.cam_from_world, np.repeat(film.cam_from_world, 10, axis=0))


@pytest.mark.parametrize(("value", "expected"), [(-0.5, 0), (0.0, 0), (0.5, 128), (1.0, 255), (3.0, 255)])
def test_colours_are_clamped_and_rounded(value: float, expected: int) -> None:
    """0 to 1 maps onto 0 to 255."""
    assert to_8bit(np, np.full((1, 1, 3), value, np.float32))[0, 0, 0] == expected
