"""Laws of placing the frames of a camera that turns on the spot."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from roomsplat.sfm.turns import Link, best_rotation, place_turns
from tests.sfm.scenes import look_at

FOCAL = 300.0


def pan(count: int, drift: float = 0.0) -> NDArray[np.float64]:
    """(count, 4, 4) a camera that turns by 8 degrees a frame and may drift sideways."""
    angles = np.radians(8) * np.arange(count)
    return np.stack(
        [
            look_at(np.array([drift * i, 0, 1.5]), np.array([drift * i + np.sin(a), np.cos(a), 1.4]))
            for i, a in enumerate(angles)
        ]
    )


def links_of(
    poses: NDArray[np.float64], known: int, noise_px: float = 0.5, wrong: float = 0.2
) -> dict[int, list[Link]]:
    """Matches of every frame from ``known`` on with the three before and after it; some matches are wrong."""
    random = np.random.default_rng(0)
    points = random.normal(size=(3000, 3))
    points *= random.uniform(2, 4, (3000, 1)) / np.linalg.norm(points, axis=1, keepdims=True)
    local = np.einsum("cij,nj->cni", poses[:, :3, :3], points) + poses[:, None, :3, 3]
    inside = (local[..., 2] > 0.2) & (np.abs(local[..., :2]).max(axis=-1) < 0.5 * local[..., 2])
    rays = local / np.linalg.norm(local, axis=-1, keepdims=True)
    rays += random.normal(0, noise_px / FOCAL, rays.shape)
    result = dict[int, list[Link]]()
    for i in range(known, len(poses)):
        for j in range(max(0, i - 3), min(len(poses), i + 4)):
            both = np.flatnonzero(inside[i] & inside[j])
            if j != i and len(both):
                other = both.copy()
                shuffled = random.random(len(both)) < wrong
                other[shuffled] = random.permutation(other[shuffled])
                result.setdefault(i, []).append(Link(rays=rays[i][both], other=j, other_rays=rays[j][other]))
    return result


def angle_deg(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Between two rotation matrices."""
    return float(np.degrees(Rotation.from_matrix(a @ b.T).magnitude()))


@pytest.mark.parametrize("seed", range(3))
def test_the_rotation_is_recovered(seed: int) -> None:
    """Rays turned by any rotation give that rotation back."""
    rotation = Rotation.random(random_state=seed).as_matrix()
    rays = np.random.default_rng(seed).normal(size=(5, 3))
    np.testing.assert_allclose(best_rotation(rays, rays @ rotation.T), rotation, atol=1e-12)


def test_a_pan_is_followed_to_its_end() -> None:
    """Two frames known, ten to come, a fifth of the matches wrong: each within 0.3 degrees, all in one place."""
    poses = pan(12)
    placed = place_turns({0: poses[0], 1: poses[1]}, links_of(poses, known=2), FOCAL, seed=0)
    assert sorted(placed) == list(range(2, 12))
    for frame, pose in placed.items():
        assert angle_deg(pose[:3, :3], poses[frame][:3, :3]) < 0.3
        np.testing.assert_allclose(-pose[:3, :3].T @ pose[:3, 3], [0, 0, 1.5], atol=1e-9)


def test_a_walk_is_no_turn() -> None:
    """A camera that moves a third of the distance of what it sees is left alone."""
    poses = pan(6, drift=0.8)
    assert place_turns({0: poses[0], 1: poses[1]}, links_of(poses, known=2), FOCAL, seed=0) == {}


def test_what_is_not_linked_stays_out() -> None:
    """No matches with a placed frame, no pose; too few matches are none."""
    poses = pan(8)
    links = {
        frame: [link for link in of if link.other >= 5] for frame, of in links_of(poses, known=5).items()
    }
    assert place_turns({0: poses[0]}, links, FOCAL, seed=0) == {}
    few = Link(rays=np.eye(3)[:2], other=0, other_rays=np.eye(3)[:2])
    assert place_turns({0: poses[0]}, {1: [few]}, FOCAL, seed=0) == {}
