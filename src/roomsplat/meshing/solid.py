"""From views to one clean surface: fused, free of floaters' traces, small parts dropped, simplified to a budget."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.mesh import TriangleMesh
from roomsplat.errors import MeshError
from roomsplat.meshing.config import MeshConfig
from roomsplat.meshing.fuse import fuse
from roomsplat.meshing.surface import drop_small_parts, extract_surface
from roomsplat.meshing.views import DepthViews

LEAST_WEIGHT = 0.3
"""What a voxel must have been seen: 1 is a look straight on from the median distance. 0.5 scores the same on rooms that
were filmed all around, but loses a third of a short film; 1.5 trades 0.07 of recall for 0.03 of precision."""
PART_VOXELS = 400.0
"""Area in faces of voxels below which a part of its own is dropped: 0.16 m² at 2 cm."""


def solid_of(views: DepthViews, config: MeshConfig) -> TriangleMesh:
    """The simplified surface, without colours.

    Raises:
        MeshError: the views show no surface.
    """
    volume = fuse(views, longest_side(views) / config.resolution, config.max_blocks)
    mesh = drop_small_parts(extract_surface(volume, LEAST_WEIGHT), PART_VOXELS * volume.voxel**2)
    if len(mesh.faces) == 0:
        raise MeshError(
            "The scene shows no surface from which a mesh could be made.",
            hint="Look at preview.png: if it is fog, film the room again, slower and with more light.",
        )
    return simplified(mesh, config.max_faces)


def longest_side(views: DepthViews) -> float:
    """Of the box around what the cameras saw, world units; the outermost hundredth on either side not counted."""
    points = np.concatenate([seen_points(views, i, stride=16) for i in range(len(views.depth))])
    if len(points) == 0:
        return views.median
    low, high = np.quantile(points, [0.01, 0.99], axis=0)
    return float((high - low).max())


def seen_points(views: DepthViews, index: int, *, stride: int) -> NDArray[np.float64]:
    """(n, 3) where the known pixels of one view lie in the world, every ``stride``-th along and across."""
    fx, fy, cx, cy = views.cameras.intrinsics[index].astype(np.float64)
    pose = views.cameras.cam_from_world[index].astype(np.float64)
    depth = views.depth[index, ::stride, ::stride]
    row, column = np.nonzero(depth)
    z = depth[row, column] * views.step
    x, y = ((column * stride + 0.5) - cx) / fx * z, ((row * stride + 0.5) - cy) / fy * z
    return (np.stack([x, y, z], axis=1) - pose[:3, 3]) @ pose[:3, :3]


def simplified(mesh: TriangleMesh, max_faces: int) -> TriangleMesh:
    """At most about ``max_faces`` triangles (quadric errors; Garland and Heckbert 1997); flat walls lose the most."""
    if len(mesh.faces) <= max_faces:
        return mesh
    import fast_simplification  # noqa: PLC0415 - loaded where it is needed

    simplify: Any = (
        fast_simplification.simplify
    )  # its types know neither float32 nor how many arrays come back
    vertices, faces = simplify(mesh.vertices, mesh.faces, target_reduction=1.0 - max_faces / len(mesh.faces))
    left = TriangleMesh(vertices=np.asarray(vertices, np.float32), faces=np.asarray(faces, np.int32))
    return left.with_faces(left.faces[left.areas() > 0])
