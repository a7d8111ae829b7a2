"""Depth pictures fused into one field of signed distances, kept only in blocks near surfaces.

Curless and Levoy 1996, "A volumetric method for building complex models from range images", section 3; blocks in a
sorted list instead of a hash table (Nießner et al. 2013, section 4): they are known before fusing starts, so no block
is ever looked for while voxels are written, and each thread owns its blocks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.meshing.fuse_kernels import REACH, SIDE, fuse_blocks, touched_blocks
from roomsplat.meshing.views import DepthViews

Float = NDArray[np.float32]
Int64 = NDArray[np.int64]

BAND = 4.0
"""Truncation in voxels: less and noise tears holes, more and thin things lose their back."""
COARSER = 1.26
"""Factor of the voxel's size when there are too many blocks: about 2 to the power of a third."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """Blocks of 8³ voxels, sorted by their key; voxel (i, j, k) of block n lies at ((n · 8) + (i, j, k)) · voxel."""

    keys: Int64
    """(b,) rising; ``fuse_kernels.block_key`` of ``places``."""
    places: Int64
    """(b, 3) a block's number along x, y, z."""
    distance: Float
    """(b, 8, 8, 8) signed distance to the surface in units of the truncation, in [-1, 1], positive before it."""
    weight: Float
    """(b, 8, 8, 8) how much was seen: 1 is one view, straight on, from the median distance; 0 = never seen."""
    voxel: float
    """World units."""


def fuse(views: DepthViews, voxel: float, max_blocks: int) -> Volume:
    """Fuse; voxels get larger than ``voxel`` (world units) until ``max_blocks`` suffice."""
    packed = packed_views(views)
    while True:
        keys = _near_surface(views, packed, voxel, max_blocks)
        if keys is not None:
            break
        voxel *= COARSER
    places = np.stack([((keys >> shift) & (2 * REACH - 1)) - REACH for shift in (42, 21, 0)], axis=1)
    shape = (len(keys), SIDE, SIDE, SIDE)
    distance, weight = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    corners = (places * (SIDE * voxel)).astype(np.float32)
    fuse_blocks(
        corners, voxel, BAND * voxel, packed, views.depth, views.slope, views.alpha, views.step, views.median,
        distance, weight,
    )  # fmt: skip
    return Volume(keys=keys, places=places, distance=distance, weight=weight, voxel=voxel)


def packed_views(views: DepthViews) -> Float:
    """(v, 16) rotation, translation and fx fy cx cy of every view, as the kernels take them."""
    pose = views.cameras.cam_from_world
    return np.concatenate(
        [pose[:, :3, :3].reshape(-1, 9), pose[:, :3, 3], views.cameras.intrinsics], axis=1
    ).astype(np.float32)


def _near_surface(views: DepthViews, packed: Float, voxel: float, max_blocks: int) -> Int64 | None:
    """Keys of all blocks within the truncation of a depth, rising; ``None`` if they are more than ``max_blocks``."""
    size = SIDE * voxel
    # A pixel every half block at the median depth; three samples along a band of one block.
    focal = float(packed[:, 12].mean())
    stride = int(np.clip(0.5 * size * focal / views.median, 1, 8))
    samples = max(3, int(np.ceil(4 * BAND * voxel / size)) + 1)
    known = np.zeros(0, np.int64)
    for view, depth in zip(packed, views.depth, strict=True):
        found = np.unique(touched_blocks(view, depth, views.step, stride, BAND * voxel, size, samples))
        known = np.union1d(known, found[found >= 0])
        if len(known) > max_blocks:
            return None
    return known
