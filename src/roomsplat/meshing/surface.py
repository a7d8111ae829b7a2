"""The surface of a fused volume as triangles, and the parts of it that are worth keeping."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.mesh import TriangleMesh
from roomsplat.meshing.cube_table import edge_table, triangle_table
from roomsplat.meshing.fuse import Volume
from roomsplat.meshing.fuse_kernels import REACH, SIDE
from roomsplat.meshing.surface_kernels import count_faces, count_vertices, place_faces, place_vertices

Int64 = NDArray[np.int64]


def extract_surface(volume: Volume, least_weight: float) -> TriangleMesh:
    """Marching cubes where every corner of a cube was seen with at least ``least_weight``; watertight within that.

    Triangles are anticlockwise seen from the free side. Vertices are shared.
    """
    near, distance, weight = _neighbours(volume), volume.distance, volume.weight
    least, table = np.float32(max(least_weight, 1e-6)), triangle_table()
    counts = np.zeros(len(near), np.int64)
    count_vertices(near, distance, weight, least, counts)
    vertices = np.empty((int(counts.sum()), 3), np.float32)
    numbers = np.empty((len(near), SIDE, SIDE, SIDE, 3), np.int32)
    place_vertices(
        near, volume.places, distance, weight, least, volume.voxel, _starts(counts), numbers, vertices
    )
    count_faces(near, distance, weight, least, table, counts)
    faces = np.empty((int(counts.sum()), 3), np.int32)
    place_faces(near, distance, weight, least, table, edge_table(), numbers, _starts(counts), faces)
    return TriangleMesh(vertices=vertices, faces=faces).with_faces(faces)


def _starts(counts: Int64) -> Int64:
    return np.cumsum(counts) - counts


def _neighbours(volume: Volume) -> Int64:
    """(b, 8) the numbers of the blocks at a block's place plus the bits of the column; -1 where there is none."""
    near = np.empty((len(volume.keys), 8), np.int64)
    for c in range(8):
        wanted = volume.keys + ((np.int64(c & 1) << 42) | (np.int64(c >> 1 & 1) << 21) | np.int64(c >> 2 & 1))
        found = np.minimum(np.searchsorted(volume.keys, wanted), max(len(volume.keys) - 1, 0))
        near[:, c] = np.where(volume.keys[found] == wanted, found, -1)
    assert REACH == 1 << 20  # the shifts above are those of ``block_key``
    return near


def drop_small_parts(mesh: TriangleMesh, least_area: float) -> TriangleMesh:
    """Without the connected parts whose area, in square units, is below ``least_area``; the largest always stays."""
    from scipy.sparse import coo_array  # noqa: PLC0415 - half a second to import, and reading a config needs none
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415 - as above

    if len(mesh.faces) == 0:
        return mesh
    a, b = mesh.faces[:, [0, 1]].ravel(), mesh.faces[:, [1, 2]].ravel()
    count = len(mesh.vertices)
    links = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(count, count))
    parts, part_of = connected_components(links.tocsr(), directed=False)
    of_face = np.asarray(part_of, np.int64)[mesh.faces[:, 0]]
    areas = np.bincount(of_face, mesh.areas(), minlength=int(parts))
    keep = (areas >= least_area) | (areas == areas.max())
    return mesh.with_faces(mesh.faces[keep[of_face]])
