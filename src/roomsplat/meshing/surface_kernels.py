"""Kernels of marching cubes over blocks: a vertex for every edge that the surface crosses, then triangles.

``near`` (b, 8) numbers the blocks at (n + bits of the column), -1 where there is none. Voxels that nobody saw (weight
below the least) make no surface: the mesh ends there.
"""

# pyright: basic
from numba import njit, prange

from roomsplat.meshing.fuse_kernels import INNER, PARALLEL, SIDE


@njit(**INNER)
def _block_of(near, b, i, j, k):
    """The block that holds voxel (i, j, k) of block ``b``, each up to ``SIDE``; -1 where there is none."""
    return near[b, (i >> 3) | (j >> 3) << 1 | (k >> 3) << 2]


@njit(**INNER)
def _crossed(near, distance, weight, least, b, i, j, k, axis):
    """Where along the edge from a voxel the surface lies, 0 to 1; -1 where it does not cross."""
    if weight[b, i, j, k] < least:
        return -1.0
    x, y, z = i + (axis == 0), j + (axis == 1), k + (axis == 2)
    n = _block_of(near, b, x, y, z)
    if n < 0 or weight[n, x & 7, y & 7, z & 7] < least:
        return -1.0
    d0, d1 = distance[b, i, j, k], distance[n, x & 7, y & 7, z & 7]
    if (d0 < 0) == (d1 < 0):
        return -1.0
    return d0 / (d0 - d1)


@njit(**PARALLEL)
def count_vertices(near, distance, weight, least, counts):
    """How many edges of each block the surface crosses."""
    for b in prange(len(near)):
        count = 0
        for i in range(SIDE):
            for j in range(SIDE):
                for k in range(SIDE):
                    for axis in range(3):
                        count += _crossed(near, distance, weight, least, b, i, j, k, axis) >= 0
        counts[b] = count


@njit(**PARALLEL)
def place_vertices(near, places, distance, weight, least, voxel, first, numbers, vertices):
    """Write every vertex, and its number at the edge's voxel and axis in ``numbers`` (b, 8, 8, 8, 3)."""
    for b in prange(len(near)):
        number = first[b]
        for i in range(SIDE):
            for j in range(SIDE):
                for k in range(SIDE):
                    for axis in range(3):
                        share = _crossed(near, distance, weight, least, b, i, j, k, axis)
                        numbers[b, i, j, k, axis] = number if share >= 0 else -1
                        if share < 0:
                            continue
                        vertices[number, 0] = (
                            places[b, 0] * SIDE + i + (share if axis == 0 else 0.0)
                        ) * voxel
                        vertices[number, 1] = (
                            places[b, 1] * SIDE + j + (share if axis == 1 else 0.0)
                        ) * voxel
                        vertices[number, 2] = (
                            places[b, 2] * SIDE + k + (share if axis == 2 else 0.0)
                        ) * voxel
                        number += 1


@njit(**INNER)
def _inside(near, distance, weight, least, b, i, j, k):
    """Bit c is set where corner c of a cube is behind the surface; 0 where a corner was not seen."""
    bits = 0
    for c in range(8):
        x, y, z = i + (c & 1), j + (c >> 1 & 1), k + (c >> 2 & 1)
        n = _block_of(near, b, x, y, z)
        if n < 0 or weight[n, x & 7, y & 7, z & 7] < least:
            return 0
        if distance[n, x & 7, y & 7, z & 7] < 0:
            bits |= 1 << c
    return bits


@njit(**PARALLEL)
def count_faces(near, distance, weight, least, table, counts):
    """How many triangles each block has."""
    for b in prange(len(near)):
        count = 0
        for i in range(SIDE):
            for j in range(SIDE):
                for k in range(SIDE):
                    bits = _inside(near, distance, weight, least, b, i, j, k)
                    at = 0
                    while table[bits, at] >= 0:
                        at += 3
                    count += at // 3
        counts[b] = count


@njit(**PARALLEL)
def place_faces(near, distance, weight, least, table, edges, numbers, first, faces):
    """Write every triangle as three numbers of vertices."""
    for b in prange(len(near)):
        number = first[b]
        for i in range(SIDE):
            for j in range(SIDE):
                for k in range(SIDE):
                    bits = _inside(near, distance, weight, least, b, i, j, k)
                    at = 0
                    while table[bits, at] >= 0:
                        e = table[bits, at]
                        x, y, z = i + edges[e, 0], j + edges[e, 1], k + edges[e, 2]
                        n = _block_of(near, b, x, y, z)
                        faces[number, at % 3] = numbers[n, x & 7, y & 7, z & 7, edges[e, 3]]
                        at += 1
                        number += at % 3 == 0
