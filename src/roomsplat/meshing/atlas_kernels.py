"""Kernels of the texture: whose texel is it, where in the world does it lie, what colour do the views give it."""

# pyright: basic
import numpy as np
from numba import njit, prange

from roomsplat.meshing.fuse_kernels import INNER, MATH, PARALLEL

_LEAST_COSINE = 0.2
"""Views that see a surface more aslant give it no colour."""


@njit(**INNER)
def _shares(corners, face, x, y):
    """Barycentric coordinates of corners 1 and 2 at (x, y), and whether the triangle has any area."""
    ax, ay = corners[face, 0, 0], corners[face, 0, 1]
    ux, uy = corners[face, 1, 0] - ax, corners[face, 1, 1] - ay
    vx, vy = corners[face, 2, 0] - ax, corners[face, 2, 1] - ay
    area = ux * vy - uy * vx
    if abs(area) < 1e-9:
        return 0.0, 0.0, False
    px, py = x - ax, y - ay
    return (px * vy - py * vx) / area, (ux * py - uy * px) / area, True


@njit(**MATH)
def own_texels(corners, owner):
    """Fill ``owner`` with the face over each texel's centre; returns which faces lie over others, (f,) bool."""
    side = len(owner)
    clashes = np.zeros(len(corners), np.bool_)
    for face in range(len(corners)):
        x0 = max(int(np.floor(min(corners[face, 0, 0], corners[face, 1, 0], corners[face, 2, 0]) - 0.5)), 0)
        x1 = min(
            int(np.ceil(max(corners[face, 0, 0], corners[face, 1, 0], corners[face, 2, 0]) - 0.5)), side - 1
        )
        y0 = max(int(np.floor(min(corners[face, 0, 1], corners[face, 1, 1], corners[face, 2, 1]) - 0.5)), 0)
        y1 = min(
            int(np.ceil(max(corners[face, 0, 1], corners[face, 1, 1], corners[face, 2, 1]) - 0.5)), side - 1
        )
        hits = 0
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                b, c, solid = _shares(corners, face, x + 0.5, y + 0.5)
                if not solid or b < 0 or c < 0 or b + c > 1:
                    continue
                if owner[y, x] < 0:
                    owner[y, x] = face
                elif b > 1e-6 and c > 1e-6 and b + c < 1 - 1e-6:
                    hits += 1
        clashes[face] = hits > 1  # one may be rounding along a shared edge
    return clashes


@njit(**PARALLEL)
def texel_points(texels, owner, corners, triangles, points):
    """(n, 3) where the texels, (n, 2) row and column, lie in the world; ``triangles`` (f, 3, 3)."""
    for n in prange(len(texels)):
        row, column = texels[n, 0], texels[n, 1]
        face = owner[row, column]
        b, c, _ = _shares(corners, face, column + 0.5, row + 0.5)
        for k in range(3):
            points[n, k] = (
                (1 - b - c) * triangles[face, 0, k] + b * triangles[face, 1, k] + c * triangles[face, 2, k]
            )


@njit(**INNER)
def _colour(view, depth, rgb, step, slack, median, point, normal, out):
    """Add what one view sees at a point to ``out``: red, green, blue times weight, and weight."""
    z = view[6] * point[0] + view[7] * point[1] + view[8] * point[2] + view[11]
    if z < 0.02 * median:
        return
    x = (view[0] * point[0] + view[1] * point[1] + view[2] * point[2] + view[9]) / z
    y = (view[3] * point[0] + view[4] * point[1] + view[5] * point[2] + view[10]) / z
    px, py = view[12] * x + view[14] - 0.5, view[13] * y + view[15] - 0.5
    height, width = depth.shape
    if px < 1 or py < 1 or px > width - 2 or py > height - 2:
        return
    column, row = int(px), int(py)
    there = depth[int(py + 0.5), int(px + 0.5)] * step
    if there <= 0 or abs(there - z) > slack + 0.01 * z:
        return
    nx = view[0] * normal[0] + view[1] * normal[1] + view[2] * normal[2]
    ny = view[3] * normal[0] + view[4] * normal[1] + view[5] * normal[2]
    nz = view[6] * normal[0] + view[7] * normal[1] + view[8] * normal[2]
    cosine = -(nx * x + ny * y + nz) / np.sqrt(x * x + y * y + 1)
    if cosine < _LEAST_COSINE:
        return
    close = cosine * median / z
    weight = close * close * close * close  # mostly the views that see it best, without a seam between them
    a, b = px - column, py - row
    for k in range(3):
        upper = rgb[row, column, k] * (1 - a) + rgb[row, column + 1, k] * a
        lower = rgb[row + 1, column, k] * (1 - a) + rgb[row + 1, column + 1, k] * a
        out[k] += weight * (upper * (1 - b) + lower * b)
    out[3] += weight


@njit(**PARALLEL)
def see_colours(points, normals, views, depth, rgb, step, slack, median, colours, seen):
    """Colours (n, 3) uint8 of points with unit normals, and whether any view saw them.

    A view sees a point whose depth in it differs by less than ``slack`` and a hundredth from the view's own.
    """
    for n in prange(len(points)):
        total = np.zeros(4)
        for v in range(len(views)):
            _colour(views[v], depth[v], rgb[v], step, slack, median, points[n], normals[n], total)
        seen[n] = total[3] > 0
        for k in range(3):
            colours[n, k] = np.uint8(total[k] / total[3] + 0.5) if total[3] > 0 else np.uint8(0)
