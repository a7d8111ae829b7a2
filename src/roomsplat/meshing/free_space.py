"""Gaussians that hang in the air before the surfaces that all views together see: fog that spoils depth."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.gaussians import Gaussians
from roomsplat.meshing.fuse import Volume
from roomsplat.meshing.fuse_kernels import REACH, SIDE

BEFORE = 0.5
"""Signed distance, in parts of the truncation, from which a Gaussian is in free space: two voxels."""


def without_floaters(gaussians: Gaussians, volume: Volume) -> Gaussians:
    """Those that lie at or behind a surface of ``volume``.

    Far before every surface there are no blocks; nor are there any where nothing was seen, but of what no view shows
    no mesh is made either.

    A view is a mean over everything on the line of sight; the volume is a mean over all views, so what only some
    views have before their surfaces does not show in it, and can be told.
    """
    return gaussians[distance_at(volume, gaussians.means) <= BEFORE]


def distance_at(volume: Volume, points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) the field at the voxel nearest to each point; 1 (free) where there is no block or nobody saw the voxel."""
    voxel = np.rint(points.astype(np.float64) / volume.voxel).astype(np.int64)
    block = np.clip(voxel >> 3, -REACH, REACH - 1) + REACH
    keys = block[:, 0] << 42 | block[:, 1] << 21 | block[:, 2]
    found = np.minimum(np.searchsorted(volume.keys, keys), len(volume.keys) - 1)
    x, y, z = (voxel & (SIDE - 1)).T
    known = (volume.keys[found] == keys) & (volume.weight[found, x, y, z] > 0)
    return np.where(known, volume.distance[found, x, y, z], np.float32(1))
