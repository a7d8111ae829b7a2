"""Where every triangle lies in one texture.

Faces that look along the same of six directions (those of the room's walls, floor and ceiling) and hang together are a
chart; a chart is its faces seen along that direction, all at one scale. Rooms are mostly such surfaces, so walls stay
whole. xatlas does the same for any shape, but takes minutes for the mesh of a room (docs/decisions/0072).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.mesh import TriangleMesh
from roomsplat.meshing.atlas_kernels import own_texels
from roomsplat.meshing.heading import turn_about_z, wall_heading

Double = NDArray[np.float64]
Int64 = NDArray[np.int64]

PADDING = 2
"""Empty texels around a chart, so that filtering and halved sizes do not mix neighbours."""
_NEIGHBOUR_BONUS = 0.25
"""What a neighbour's direction counts beside the cosine: charts without ragged edges."""
_LEAST_COSINE = 0.35
_ROUNDS = 4
"""Times that charts which lie over themselves are taken apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Atlas:
    """A square texture's plan."""

    side: int
    """px."""
    corners: Double
    """(f, 3, 2) x and y in px of every face's corners, the texture's upper left corner at (0, 0)."""
    owner: NDArray[np.int32]
    """(side, side) the face whose texel it is, -1 = nobody's."""
    chart: Int64
    """(f,) which chart a face is of."""


def make_atlas(mesh: TriangleMesh, side: int) -> Atlas:
    """Lay out all faces of ``mesh`` in a texture of ``side`` px."""
    frame = turn_about_z(wall_heading(mesh)).T  # its rows are the directions
    directions = np.concatenate([frame, -frame])
    pairs = adjacent_faces(mesh.faces)
    label = _labels(mesh.face_normals().astype(np.float64) @ directions.T, pairs)
    layer = np.zeros(len(label), np.int64)
    flat = _flattened(mesh, label, frame)
    rounds = 0
    while True:
        chart = _connected(label + 6 * layer, pairs)
        corners = _packed(flat, chart, side)
        owner = np.full((side, side), -1, np.int32)
        clashes = own_texels(corners, owner)
        rounds += 1
        if rounds == _ROUNDS or not clashes.any():
            return Atlas(side=side, corners=corners, owner=owner, chart=chart)
        layer[clashes] += 1  # lies over another face of its chart: goes one layer up, into a chart of its own


def adjacent_faces(faces: NDArray[np.int32]) -> Int64:
    """(p, 2) pairs of faces that share an edge; an edge of more than two faces pairs them one after another."""
    ends = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).astype(np.int64), axis=1)
    key = ends[:, 0] << 32 | ends[:, 1]
    order = np.argsort(key, kind="stable")
    same = np.flatnonzero(key[order][1:] == key[order][:-1])
    face = order // 3
    return np.stack([face[same], face[same + 1]], axis=1)


def _labels(cosines: Double, pairs: Int64) -> Int64:
    """(f,) the direction, 0 to 5, that each face belongs to: the nearest, with some regard for the neighbours."""
    label = cosines.argmax(axis=1)
    for _ in range(3):
        votes = np.zeros(cosines.shape)
        for a, b in (pairs.T, pairs.T[::-1]):
            np.add.at(votes, (a, label[b]), _NEIGHBOUR_BONUS)
        label = np.where(cosines > _LEAST_COSINE, cosines + votes, cosines - 10).argmax(axis=1)
    return label


def _connected(label: Int64, pairs: Int64) -> Int64:
    """(f,) the number of each face's chart: faces of one label that hang together."""
    from scipy.sparse import coo_array  # noqa: PLC0415 - half a second to import, and reading a config needs none
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415 - as above

    same = pairs[label[pairs[:, 0]] == label[pairs[:, 1]]]
    count = len(label)
    links = coo_array((np.ones(len(same), np.int8), (same[:, 0], same[:, 1])), shape=(count, count))
    return np.asarray(connected_components(links.tocsr(), directed=False)[1], np.int64)


def _flattened(mesh: TriangleMesh, label: Int64, frame: Double) -> Double:
    """(f, 3, 2) every face's corners seen along its direction, world units."""
    turned = mesh.corners().astype(np.float64) @ frame.T
    axis = label % 3
    keep = np.array([[1, 2], [0, 2], [0, 1]])[axis]
    return np.take_along_axis(turned, keep[:, None, :], axis=2)


def _packed(flat: Double, chart: Int64, side: int) -> Double:
    """(f, 3, 2) px: charts as rectangles in rows, the highest first, as large as the texture allows."""
    count = int(chart.max()) + 1
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    np.minimum.at(low, chart, flat.min(axis=1))
    np.maximum.at(high, chart, flat.max(axis=1))
    size = high - low
    wide = size[:, 0] >= size[:, 1]  # laid down: the longer side along x
    size = np.where(wide[:, None], size, size[:, ::-1])
    scale = side / max(float(np.sqrt(size.prod(axis=1).sum())), float(size.max()), 1e-9)
    while (places := _rows(size * scale + 2 * PADDING + 1, side)) is None:
        scale *= 0.97
    local = flat - low[chart][:, None, :]
    local = np.where(wide[chart][:, None, None], local, local[..., ::-1])
    return local * scale + PADDING + 0.5 + places[chart][:, None, :]


def _rows(size: Double, side: int) -> Double | None:
    """(c, 2) upper left corners of rectangles in rows of a square; ``None`` where they do not fit."""
    whole = np.ceil(size).astype(np.int64)
    if whole.max() > side:
        return None
    order = np.lexsort((-whole[:, 0], -whole[:, 1]))
    places = np.zeros(whole.shape)
    x = y = row = 0
    for n in order:
        width, height = int(whole[n, 0]), int(whole[n, 1])
        if x + width > side:
            x, y, row = 0, y + row, 0
        row = max(row, height)
        if y + row > side:
            return None
        places[n] = x, y
        x += width
    return places
