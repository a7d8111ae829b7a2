"""Do the matches bear the cameras out? Laws of the check that finds a folded model."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.sfm.support import MatchedPair, explained_share, weigh
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


def cuts(pairs: list[MatchedPair], poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Support of the cuts of a film whose frames all have a camera."""
    frames = np.arange(len(poses))
    return weigh(pairs, frames, poses, FOCAL).of_cuts(frames)


def test_true_cameras_explain_everything() -> None:
    """With the true cameras and a third of a pixel of noise every cut has full support."""
    poses = walk(10)
    assert cuts(pairs_of(poses, 4), poses).min() > 0.999


def test_a_fold_is_found_where_it_is() -> None:
    """Two halves, each right in itself, joined wrongly: support falls below a half at the fold and nowhere else."""
    poses = walk(12)
    folded = poses.copy()
    folded[6:, :3, 3] += folded[6:, :3, :3] @ np.array([0.9, -0.5, 0.4])
    support = cuts(pairs_of(poses, 3), folded)
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
    support = cuts([*pairs, *few], poses)
    assert support[2] == 0
    assert np.delete(support, 2).min() > 0.999


def test_support_is_what_a_count_pair_by_pair_gives() -> None:
    """Sums over the pairs that cross a cut, or touch a frame, are what a loop finds; also of a part of the film."""
    poses = walk(9)
    poses[4:, :3, 3] += 0.2
    pairs = pairs_of(poses, 3, noise_px=3.0)
    numbers = np.arange(9) * 2 + 5
    evidence, part = weigh(pairs, numbers, poses, FOCAL), np.array([0, 2, 3, 5, 6, 8])
    shares = [explained_share(pair, poses, FOCAL) for pair in pairs]
    rows = {int(row): place for place, row in enumerate(part)}
    known = [
        (rows[pair.first], rows[pair.second], share)
        for pair, share in zip(pairs, shares, strict=True)
        if pair.first in rows and pair.second in rows
    ]
    for cut, support in enumerate(evidence.of_cuts(numbers[part])):
        crossing = [share for first, second, share in known if first <= cut < second]
        assert np.isclose(support, np.mean(crossing))
    for row, support in enumerate(evidence.of_frames(numbers[part])):
        own = [share for first, second, share in known if row in (first, second)]
        assert np.isclose(support, np.mean(own) if own else 0)


def test_a_stray_is_found_by_its_own_matches() -> None:
    """One camera in a wrong place: the cuts beside it stay borne out, its own matches contradict it."""
    poses = walk(12)
    strayed = poses.copy()
    strayed[5, :3, 3] += strayed[5, :3, :3] @ np.array([0.9, -0.5, 0.4])
    frames = np.arange(12)
    evidence = weigh(pairs_of(poses, 5), frames, strayed, FOCAL)
    own = evidence.of_frames(frames)
    assert int(np.argmin(own)) == 5
    assert own[5] < 0.4 < evidence.of_cuts(frames).min()
