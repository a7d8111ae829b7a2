"""Laws of finding a pose from points whose places are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.core.transforms import RigidTransform
from roomsplat.posefree.resection import poses_of_triples, resect

Double = NDArray[np.float64]


def pose_of(seed: int) -> Double:
    """Anywhere, looking roughly along +z at points around the origin."""
    random = np.random.default_rng(seed)
    twist = np.concatenate([random.normal(0, 0.4, 3), random.normal(0, 0.5, 2), [4.0]])
    return RigidTransform.exp(twist).matrix


def seen_from(pose: Double, points: Double) -> Double:
    """(n, 2) on the plane z = 1."""
    local = points @ pose[:3, :3].T + pose[:3, 3]
    return local[:, :2] / local[:, 2:]


@pytest.mark.parametrize("seed", range(5))
def test_three_points_give_the_pose_among_few(seed: int) -> None:
    """One of the at most four poses of every triple is the true one."""
    pose, points = pose_of(seed), np.random.default_rng(seed).uniform(-1, 1, (20, 3, 3))
    for triple in points:
        found = poses_of_triples(triple[None], seen_from(pose, triple)[None])
        assert 1 <= len(found) <= 4
        assert np.abs(found - pose).max(axis=(1, 2)).min() < 1e-5


@pytest.mark.parametrize("flat", [False, True])
def test_the_pose_is_found_among_four_fifths_of_wrong_matches(*, flat: bool) -> None:
    """300 matches, 60 of them right to half a thousandth, in space or on one wall: the pose is right, and so marked."""
    random, pose = np.random.default_rng(1), pose_of(7)
    points = random.uniform(-1, 1, (300, 3)) * (1, 1, 0 if flat else 1)
    rays = seen_from(pose, points) + random.normal(0, 5e-4, (300, 2))
    rays[60:] = random.uniform(-0.4, 0.4, (240, 2))
    found = resect(points, rays, tolerance=0.004, seed=0)
    assert found is not None
    assert found.inliers[:60].mean() > 0.95
    assert found.inliers[60:].mean() < 0.05
    np.testing.assert_allclose(found.cam_from_world, pose, atol=0.01)
    assert found.center_sigma < 0.02


def test_the_stated_deviation_is_the_one_that_is_met() -> None:
    """Over twenty draws of noise, places scatter by about what is stated, along the worst direction at most."""
    pose = pose_of(3)
    center = -pose[:3, :3].T @ pose[:3, 3]
    errors, stated = list[Double](), list[float]()
    for seed in range(20):
        random = np.random.default_rng(seed)
        points = np.random.default_rng(0).uniform(-1, 1, (80, 3))
        found = resect(
            points, seen_from(pose, points) + random.normal(0, 1e-3, (80, 2)), tolerance=0.006, seed=0
        )
        assert found is not None
        errors.append(-found.cam_from_world[:3, :3].T @ found.cam_from_world[:3, 3] - center)
        stated.append(found.center_sigma)
    worst = float(np.linalg.svd(np.stack(errors), compute_uv=False)[0]) / 20**0.5
    assert 0.5 < float(np.mean(stated)) / worst < 2.5


@pytest.mark.parametrize("count", [0, 3])
def test_too_few_points_give_none(count: int) -> None:
    """Three points have several poses and none to choose by."""
    points = np.random.default_rng(0).uniform(-1, 1, (count, 3))
    assert resect(points, points[:, :2], tolerance=0.01, seed=0) is None


def test_matches_at_random_are_not_believed() -> None:
    """Among 300 random matches a pose finds few that agree: far fewer than a frame needs in 300."""
    random = np.random.default_rng(5)
    found = resect(
        random.uniform(-1, 1, (300, 3)), random.uniform(-0.4, 0.4, (300, 2)), tolerance=0.004, seed=0
    )
    assert found is None or found.inliers.sum() < 15
