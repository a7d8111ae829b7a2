"""Kernels of fusing: which blocks lie near a surface, and what every voxel there sees.

A view is a row of 16 numbers: cam_from_world's rotation row by row (9), its translation (3), fx fy cx cy.
"""

# pyright: basic
from typing import Any

import numpy as np
from numba import njit, prange

MATH: Any = {"error_model": "numpy", "cache": True, "nogil": True}
PARALLEL: Any = {**MATH, "parallel": True}
INNER: Any = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

SIDE = 8
"""Voxels along a block's side: 4 kB of two float32 a voxel, so that a block stays in the first-level cache."""
VOXELS = SIDE**3
REACH = 1 << 20
"""A block's three numbers lie between -REACH and REACH; packed, they fill 63 bits."""


@njit(**INNER)
def block_key(x, y, z):
    """One int64 for a block's three numbers; keys order blocks by x, then y, then z."""
    return ((np.int64(x) + REACH) << 42) | ((np.int64(y) + REACH) << 21) | (np.int64(z) + REACH)


@njit(**INNER)
def _touch_row(view, depth, row, step, stride, band, size, samples, keys):
    """Blocks within ``band`` along the line of sight of the depths of one row, the same one not twice in a row."""
    width = depth.shape[1]
    fx, fy, cx, cy = view[12], view[13], view[14], view[15]
    last, out = np.int64(-1), 0
    for column in range(stride // 2, width, stride):
        z = depth[row, column] * step
        if z <= 0:
            continue
        x, y = (column + 0.5 - cx) / fx, (row + 0.5 - cy) / fy
        length = np.sqrt(x * x + y * y + 1.0)
        for i in range(samples):
            at = z + band * (2.0 * i / (samples - 1) - 1.0) / length
            a, b, c = x * at - view[9], y * at - view[10], at - view[11]
            key = block_key(
                np.floor((view[0] * a + view[3] * b + view[6] * c) / size),
                np.floor((view[1] * a + view[4] * b + view[7] * c) / size),
                np.floor((view[2] * a + view[5] * b + view[8] * c) / size),
            )
            if key != last:
                keys[out] = key
                out += 1
                last = key
    return out


@njit(**PARALLEL)
def touched_blocks(view, depth, step, stride, band, size, samples):
    """Keys of the blocks of side ``size`` that the surface of one depth picture passes, with repetitions; -1 = none."""
    rows = (depth.shape[0] - stride // 2 + stride - 1) // stride
    keys = np.full((rows, ((depth.shape[1] + stride - 1) // stride) * samples), -1, np.int64)
    for i in prange(rows):
        _touch_row(view, depth, stride // 2 + i * stride, step, stride, band, size, samples, keys[i])
    return keys


@njit(**INNER)
def _look(depth, slope, alpha, px, py, step, out):
    """Depth, slope and coverage at (px, py), linear between four pixels that all know; False where one does not.

    Neighbours further apart than 5 % are an edge that the slope did not tell, and count as unknown.
    """
    height, width = depth.shape
    x, y = px - 0.5, py - 0.5
    if x < 0 or y < 0 or x > width - 1 or y > height - 1:
        return False
    x0, y0 = min(int(x), width - 2), min(int(y), height - 2)
    a, b = np.float32(x - x0), np.float32(y - y0)
    d00, d01 = np.float32(depth[y0, x0]), np.float32(depth[y0, x0 + 1])
    d10, d11 = np.float32(depth[y0 + 1, x0]), np.float32(depth[y0 + 1, x0 + 1])
    low, high = min(min(d00, d01), min(d10, d11)), max(max(d00, d01), max(d10, d11))
    if low <= 0 or high > np.float32(1.05) * low:
        return False
    one = np.float32(1)
    out[0] = ((d00 * (one - a) + d01 * a) * (one - b) + (d10 * (one - a) + d11 * a) * b) * np.float32(step)
    x1, y1 = min(int(px), width - 1), min(int(py), height - 1)
    out[1] = slope[y1, x1] * np.float32(1 / 255)
    out[2] = alpha[y1, x1] * np.float32(1 / 255)
    return True


@njit(**INNER)
def _fuse_block(origin, voxel, band, views, depth, slope, alpha, step, median, distance, weight):
    """Mean of truncated signed distances, in units of ``band``, over all views of one block (Curless, Levoy 1996).

    The distance is that to the plane through the pixel's surface point, not along the line of sight, so that walls
    seen aslant get the same field as walls seen straight. A view weighs cosine × (median / depth)² (the area that a
    pixel covers), times its coverage; behind the surface less and less, for there may be another surface.
    """
    f = np.float32
    out = np.empty(3, f)
    half = f(0.5 * (SIDE - 1) * voxel)
    radius = f(1.7320508) * half + f(band)
    height, width = depth.shape[1], depth.shape[2]
    for v in range(len(views)):
        view = views[v]
        cx0 = (
            view[0] * (origin[0] + half)
            + view[1] * (origin[1] + half)
            + view[2] * (origin[2] + half)
            + view[9]
        )
        cy0 = (
            view[3] * (origin[0] + half)
            + view[4] * (origin[1] + half)
            + view[5] * (origin[2] + half)
            + view[10]
        )
        cz0 = (
            view[6] * (origin[0] + half)
            + view[7] * (origin[1] + half)
            + view[8] * (origin[2] + half)
            + view[11]
        )
        if cz0 < -radius:
            continue
        if cz0 > 2 * radius:  # bounds of the block on the screen
            px, py = view[12] * cx0 / cz0 + view[14], view[13] * cy0 / cz0 + view[15]
            margin = f(1.6) * radius / (cz0 - radius)
            if (px < -margin * view[12] or px > width + margin * view[12]
                    or py < -margin * view[13] or py > height + margin * view[13]):  # fmt: skip
                continue
        for i in range(SIDE):
            for j in range(SIDE):
                for k in range(SIDE):
                    dx, dy, dz = f(i * voxel) - half, f(j * voxel) - half, f(k * voxel) - half
                    z = cz0 + view[6] * dx + view[7] * dy + view[8] * dz
                    if z < f(0.02) * median:
                        continue
                    x = (cx0 + view[0] * dx + view[1] * dy + view[2] * dz) / z
                    y = (cy0 + view[3] * dx + view[4] * dy + view[5] * dz) / z
                    if not _look(
                        depth[v],
                        slope[v],
                        alpha[v],
                        view[12] * x + view[14],
                        view[13] * y + view[15],
                        step,
                        out,
                    ):
                        continue
                    length = np.sqrt(x * x + y * y + f(1))
                    gap = (out[0] - z) * length * out[1] / f(band)
                    if gap < f(-1):
                        continue
                    share = out[1] * out[2] * min((median / out[0]) ** 2, f(4))
                    if gap < 0:
                        share *= f(1) + gap
                    total = weight[i, j, k] + share
                    if total > 0:
                        distance[i, j, k] += (min(gap, f(1)) - distance[i, j, k]) * share / total
                        weight[i, j, k] = total


@njit(**PARALLEL)
def fuse_blocks(corners, voxel, band, views, depth, slope, alpha, step, median, distance, weight):
    """Fill ``distance`` and ``weight`` (b, 8, 8, 8) of all blocks; ``corners`` (b, 3) is each one's first voxel."""
    for b in prange(len(corners)):
        _fuse_block(
            corners[b],
            voxel,
            band,
            views,
            depth,
            slope,
            alpha,
            step,
            np.float32(median),
            distance[b],
            weight[b],
        )
