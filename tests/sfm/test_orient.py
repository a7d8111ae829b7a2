"""Laws of turning the world upright."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from roomsplat.core.transforms import Similarity
from roomsplat.sfm.orient import TYPICAL_DEPTH, common_up, transform_poses, upright_from_world
from tests.sfm.scenes import look_at, walk


def random_similarity(seed: int) -> Similarity:
    """Any rotation, translation and scale."""
    random = np.random.default_rng(seed)
    quat = Rotation.random(random_state=seed).as_quat(scalar_first=True)
    return Similarity(quat=quat, translation=random.normal(size=3) * 5, scale=float(random.uniform(0.1, 20)))


@pytest.mark.parametrize("seed", range(4))
def test_the_result_does_not_depend_on_the_solvers_world(seed: int) -> None:
    """The same cameras in any orientation, place and scale come out the same."""
    poses, depths = walk(15), np.linspace(1, 6, 50)
    given = random_similarity(seed)
    moved = transform_poses(poses, given)
    ours = transform_poses(poses, upright_from_world(poses, depths))
    theirs = transform_poses(moved, upright_from_world(moved, depths * given.scale))
    np.testing.assert_allclose(theirs, ours, atol=1e-5)


def test_level_cameras_give_the_true_up() -> None:
    """Cameras held level but tilted down by 30 degrees, looking around, find the vertical to half a degree."""
    angles = np.linspace(0, 4, 20)
    targets = np.stack([np.cos(angles), np.sin(angles), np.full(20, -0.6)], axis=1)
    poses = np.stack([look_at(np.zeros(3), target) for target in targets])
    up = common_up(poses[:, :3, :3])
    assert np.degrees(np.arccos(min(1.0, up[2]))) < 0.5


def test_one_heading_falls_back_on_the_pictures_up() -> None:
    """Cameras that all look the same way take the picture's own up direction, not one along the view."""
    poses = np.stack([look_at(np.array([x, 0, 0]), np.array([x, 5.0, 0])) for x in np.linspace(0, 2, 8)])
    np.testing.assert_allclose(common_up(poses[:, :3, :3]), [0, 0, 1], atol=1e-6)


def test_projections_stay() -> None:
    """Points moved with the cameras land on the same pixels."""
    poses, points = walk(6), np.random.default_rng(0).uniform(-1, 3, (40, 3))
    upright = upright_from_world(poses, np.ones(3))
    moved, moved_points = transform_poses(poses, upright), upright.apply(points)
    for before, after in zip(poses, moved, strict=True):
        old = points @ before[:3, :3].T + before[:3, 3]
        new = moved_points @ after[:3, :3].T + after[:3, 3]
        np.testing.assert_allclose(new[:, :2] / new[:, 2:], old[:, :2] / old[:, 2:], atol=1e-6)


def test_depth_origin_and_heading_are_fixed() -> None:
    """The median depth becomes the typical one, cameras lie around the origin, the first one heads along +y."""
    poses = walk(9)
    upright = upright_from_world(poses, np.array([2.0, 5.0, 9.0]))
    assert upright.scale == pytest.approx(TYPICAL_DEPTH / 5)
    moved = transform_poses(poses, upright)
    centers = -np.einsum("cji,cj->ci", moved[:, :3, :3], moved[:, :3, 3])
    np.testing.assert_allclose(centers.mean(axis=0), 0, atol=1e-9)
    assert moved[0, 2, 0] == pytest.approx(0, abs=1e-6)
    assert moved[0, 2, 1] > 0
