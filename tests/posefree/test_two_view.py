"""Laws of two cameras that see the same matches."""

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.core.transforms import RigidTransform
from roomsplat.posefree.two_view import essential_matrices, relative_pose

Double = NDArray[np.float64]


def pair(seed: int, *, flat: bool = False) -> tuple[Double, Double, Double]:
    """How the second camera stands, and 200 points on either plane z = 1."""
    random = np.random.default_rng(seed)
    pose = RigidTransform.exp(np.concatenate([random.normal(0, 0.1, 3), random.normal(0, 0.4, 3)])).matrix
    points = random.uniform(-1, 1, (200, 3)) * (1, 1, 0.0 if flat else 1) + (0, 0, 3)
    if flat:
        points[:, 2] += 0.5 * points[:, 0]
    there = points @ pose[:3, :3].T + pose[:3, 3]
    return pose, points[:, :2] / points[:, 2:], there[:, :2] / there[:, 2:]


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_five_matches_give_the_essential_matrix_among_ten(seed: int, *, flat: bool) -> None:
    """Of every five exact matches, in space or on one wall, one of at most ten solutions is the true one."""
    pose, a, b = pair(seed, flat=flat)
    step = pose[:3, 3] / np.linalg.norm(pose[:3, 3])
    true = np.cross(np.eye(3), step).T @ pose[:3, :3]
    true /= np.linalg.norm(true)
    rays = [np.concatenate([side, np.ones((200, 1))], axis=1).reshape(40, 5, 3) for side in (a, b)]
    for five in range(10):
        found = essential_matrices(rays[0][five : five + 1], rays[1][five : five + 1])
        assert 1 <= len(found) <= 10
        apart = np.minimum(np.abs(found - true).max(axis=(1, 2)), np.abs(found + true).max(axis=(1, 2)))
        assert apart.min() < 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_the_relative_pose_is_found_among_two_fifths_of_wrong_matches(seed: int) -> None:
    """120 of 200 matches are right to 0.3 thousandths: turn to 0.6 and way to 6 degrees."""
    pose, a, b = pair(seed)
    random = np.random.default_rng(seed)
    b += random.normal(0, 3e-4, b.shape)
    b[120:] = random.uniform(-0.4, 0.4, (80, 2))
    found = relative_pose(a, b, tolerance=0.0015, seed=0)
    assert found is not None
    assert found.inliers[:120].mean() > 0.9
    assert found.inliers[120:].mean() < 0.1
    assert np.abs(found.second_from_first[:3, :3] - pose[:3, :3]).max() < 0.01
    assert found.second_from_first[:3, 3] @ pose[:3, 3] > np.cos(0.1) * np.linalg.norm(pose[:3, 3])


def test_seven_matches_are_too_few() -> None:
    """Five always have a solution: without a few more nothing confirms it."""
    _, a, b = pair(0)
    assert relative_pose(a[:7], b[:7], tolerance=0.01, seed=0) is None
