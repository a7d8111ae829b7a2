"""Colours for a mesh: of its vertices, and in a texture, from what the scene shows to the views that see them best.

The renderings are taken, not the pictures: in them exposure is one, passers-by are gone, and the mesh looks like the
scene that it lies beside.
"""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.mesh import TriangleMesh
from roomsplat.meshing.atlas import make_atlas
from roomsplat.meshing.atlas_kernels import see_colours, texel_points
from roomsplat.meshing.fuse import packed_views
from roomsplat.meshing.views import DepthViews

Float = NDArray[np.float32]
RGB8 = NDArray[np.uint8]

SLACK = 0.01
"""How far a surface may be from a view's depth and still be what it shows, in parts of the median depth."""
UNSEEN = 128
"""Grey of what no view shows."""


def with_vertex_colors(mesh: TriangleMesh, views: DepthViews) -> TriangleMesh:
    """``mesh`` with a colour for every vertex."""
    colors, seen = _seen_from(mesh.vertices, vertex_normals(mesh), views)
    if seen.any() and not seen.all():
        from scipy.spatial import KDTree  # noqa: PLC0415 - 0.3 s to import, and reading a config needs none

        nearest = np.asarray(KDTree(mesh.vertices[seen]).query(mesh.vertices[~seen])[1])
        colors[~seen] = colors[seen][nearest]
    return TriangleMesh(vertices=mesh.vertices, faces=mesh.faces, colors=colors)


def with_texture(mesh: TriangleMesh, views: DepthViews, side: int) -> TriangleMesh:
    """``mesh`` with a texture of ``side`` × ``side`` px; vertices at the borders of its charts are there twice."""
    atlas = make_atlas(mesh, side)
    texels = np.argwhere(atlas.owner >= 0)
    points = np.empty((len(texels), 3), np.float32)
    texel_points(texels, atlas.owner, atlas.corners, mesh.corners(), points)
    face = atlas.owner[texels[:, 0], texels[:, 1]]
    colors, seen = _seen_from(points, mesh.face_normals()[face], views)
    texture = np.full((side, side, 3), UNSEEN, np.uint8)
    known = np.zeros((side, side), np.bool_)
    texture[texels[seen, 0], texels[seen, 1]] = colors[seen]
    known[texels[seen, 0], texels[seen, 1]] = True
    vertices, faces, uv = _split_at_charts(mesh, atlas.corners / side, atlas.chart)
    return TriangleMesh(vertices=vertices, faces=faces, uv=uv, texture=_spread_out(texture, known))


def vertex_normals(mesh: TriangleMesh) -> Float:
    """(v, 3) unit normals: the mean over the faces around a vertex, by area."""
    weighted = mesh.face_normals() * mesh.areas()[:, None]
    total = np.zeros((len(mesh.vertices), 3), np.float32)
    for k in range(3):
        np.add.at(total, mesh.faces[:, k], weighted)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), np.float32(1e-20))


def _seen_from(points: Float, normals: Float, views: DepthViews) -> tuple[RGB8, NDArray[np.bool_]]:
    colors, seen = np.empty((len(points), 3), np.uint8), np.empty(len(points), np.bool_)
    see_colours(
        points, normals, packed_views(views), views.depth, views.rgb, views.step, SLACK * views.median, views.median,
        colors, seen,
    )  # fmt: skip
    return colors, seen


def _spread_out(texture: RGB8, known: NDArray[np.bool_]) -> RGB8:
    """Every unknown texel gets the colour of the nearest known one."""
    from scipy.ndimage import distance_transform_edt  # noqa: PLC0415 - as KDTree above

    if not known.any():
        return texture
    nearest = np.asarray(distance_transform_edt(~known, return_distances=False, return_indices=True))
    return np.ascontiguousarray(texture[nearest[0], nearest[1]])


def _split_at_charts(
    mesh: TriangleMesh, places: NDArray[np.float64], chart: NDArray[np.int64]
) -> tuple[Float, NDArray[np.int32], Float]:
    """Vertices, faces and uv, one vertex for every chart that it lies in."""
    key = chart[:, None] * np.int64(len(mesh.vertices)) + mesh.faces
    _, first, inverse = np.unique(key.ravel(), return_index=True, return_inverse=True)
    uv = places.reshape(-1, 2)[first] * [1.0, -1.0] + [0.0, 1.0]  # px from the top, uv from the bottom
    vertices = mesh.vertices[mesh.faces.ravel()[first]]
    return vertices, inverse.reshape(-1, 3).astype(np.int32), uv.astype(np.float32)
