"""A turn half round the baseline is no explanation: what fits its epipolar lines lies behind the camera."""

import numpy as np
from scipy.spatial.transform import Rotation

from roomsplat.sfm.support import MatchedPair, explained_share
from tests.sfm.scenes import walk


def test_the_twisted_pair_explains_nothing() -> None:
    """Matches that true cameras explain all are not explained by the other three solutions of their geometry."""
    poses = walk(5)[[1, 3]]
    points = np.random.default_rng(0).uniform((-1, 2, 0), (2, 3, 2.2), (80, 3))
    rays = [points @ pose[:3, :3].T + pose[:3, 3] for pose in poses]
    assert all((local[:, 2] > 0).all() for local in rays)
    pair = MatchedPair(
        first=0,
        second=1,
        rays_first=rays[0][:, :2] / rays[0][:, 2:],
        rays_second=rays[1][:, :2] / rays[1][:, 2:],
    )
    assert explained_share(pair, poses, 300.0) == 1
    relative = poses[1] @ np.linalg.inv(poses[0])
    baseline = relative[:3, 3] / np.linalg.norm(relative[:3, 3])
    twisted = relative.copy()
    twisted[:3, :3] = Rotation.from_rotvec(np.pi * baseline).as_matrix() @ relative[:3, :3]
    assert explained_share(pair, np.stack([poses[0], twisted @ poses[0]]), 300.0) == 0
