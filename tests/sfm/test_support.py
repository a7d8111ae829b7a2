"""Do the matches bear the cameras out? Laws of the check that finds a folded model."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.sfm.support import MatchedPair, explained_share, support_of_cuts
from tests.sfm.scenes import walk

FOCAL = 300.0


def pairs_of(poses: NDArray[np.float64], reach: int, noise_px: float = 0.3) -> list[MatchedPair]:
    """Matches of every pair up to ``reach`` apart, from random points."""
    random = np.random.default_rng(0)
    points = np.stack(
        [random.uniform(-1, 2, 60), random.uniform(1.5, 3, 60), random.uniform(0, 2, 60)], axis=1
    )
    local = np.einsum("cij,nj->cni", poses[:, :3, :3], points) + poses[:, None, :3, 3]
    rays = local[..., :2] / local[..., 2:] + random.normal(0, noise_px / FOCAL, (*local.shape[:2], 2))
    return [
        MatchedPair(first=i, second=j, rays_first=rays[i], rays_second=rays[j])
        for i in range(len(poses))
        for j in range(i + 1, min(len(poses), i + reach + 1))
    ]


def test_true_cameras_explain_everything() -> None:
    """With the true cameras and a third of a pixel of noise every cut has full support."""
    poses = walk(10)
    assert support_of_cuts(pairs_of(poses, 4), poses, FOCAL).min() > 0.999


def test_a_fold_is_found_where_it_is() -> None:
    """Two halves, each right in itself, joined wrongly: support falls below a half at the fold and nowhere else."""
    poses = walk(12)
    folded = poses.copy()
    folded[6:, :3, 3] += folded[6:, :3, :3] @ np.array([0.9, -0.5, 0.4])
    support = support_of_cuts(pairs_of(poses, 3), folded, FOCAL)
    assert support[5] < 0.5
    assert min(support[:3].min(), support[8:].min()) > 0.999


def test_scale_of_the_world_does_not_matter() -> None:
    """The share is the same in any unit."""
    poses = walk(5)
    pair = pairs_of(poses, 4)[2]
    scaled = poses.copy()
    scaled[:, :3, 3] *= 1000
    assert explained_share(pair, poses, FOCAL) == explained_share(pair, scaled, FOCAL)


def test_a_cut_without_matches_has_no_support() -> None:
    """Nothing crosses the middle, so nothing supports it; pairs with too few matches do not count."""
    poses = walk(6)
    pairs = [p for p in pairs_of(poses, 2) if p.first >= 3 or p.second < 3]
    few = [
        MatchedPair(first=2, second=3, rays_first=p.rays_first[:5], rays_second=p.rays_second[:5])
        for p in pairs_of(poses, 1)
        if p.first == 2
    ]
    support = support_of_cuts([*pairs, *few], poses, FOCAL)
    assert support[2] == 0
    assert np.delete(support, 2).min() > 0.999
