"""First Gaussians between the sparse points, where walls have no texture: on the planes that the points span.

In each training picture the points that it sees are joined to triangles (Delaunay). On a plane of the room 1/depth is
an affine function of the pixel, so it is interpolated linearly inside a triangle; triangles across an edge of the room,
whose corners lie at very different depths, are left out.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, QhullError, cKDTree

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.projection import project

Double = NDArray[np.float64]
Float = NDArray[np.float32]
MOST_RATIO = 1.3
"""Of the depths of a triangle's corners."""
HIDING_RATIO, HIDING_NEIGHBOURS, HIDING_REACH, NEIGHBOURS = 1.25, 3, 0.1, 8
"""A point is taken for hidden if so many of its neighbours in the picture, within this share of its width, are so many
times nearer: structure from motion's files do not say who sees whom."""
_FEWEST = 20
_TRIES = 2
"""Pixels tried for each seed that is wanted: many fall outside every triangle."""


def visible_points(camera: PinholeCamera, points: Float) -> tuple[Double, Double]:
    """(p, 2) pixels and (p,) depths of the points that the camera sees, those hidden by others left out."""
    pixels, depth = project(camera, points[np.isfinite(points).all(axis=1)])
    inside = (depth > 0) & (pixels >= 0).all(axis=1) & (pixels < (camera.width, camera.height)).all(axis=1)
    pixels, depth = pixels[inside], depth[inside]
    if len(depth) <= NEIGHBOURS:
        return pixels, depth
    distances, neighbours = cKDTree(pixels).query(pixels, NEIGHBOURS + 1)
    close = np.asarray(distances)[:, 1:] < HIDING_REACH * camera.width
    nearer = depth[np.asarray(neighbours)[:, 1:]] * HIDING_RATIO < depth[:, None]
    shown = (close & nearer).sum(axis=1) < HIDING_NEIGHBOURS
    return pixels[shown], depth[shown]


def seeds_in_view(
    camera: PinholeCamera, points: Float, count: int, rng: np.random.Generator
) -> tuple[Float, NDArray[np.int64]]:
    """At most ``count`` places between the points, (n, 3) in the world, and (n, 2) the pixels (column, row) there."""
    nothing = np.zeros((0, 3), np.float32), np.zeros((0, 2), np.int64)
    pixels, depth = visible_points(camera, points)
    if len(depth) < _FEWEST:
        return nothing
    try:
        triangles = Delaunay(pixels)
    except QhullError:  # all on one line
        return nothing
    tried = rng.uniform((0, 0), (camera.width, camera.height), (_TRIES * count, 2))
    which = triangles.find_simplex(tried)
    tried, which = tried[which >= 0], which[which >= 0]
    corners = depth[triangles.simplices[which]]
    flat = corners.max(axis=1) < MOST_RATIO * corners.min(axis=1)
    tried, which, corners = tried[flat][:count], which[flat][:count], corners[flat][:count]
    affine = triangles.transform[which]
    shares = np.einsum("nij,nj->ni", affine[:, :2], tried - affine[:, 2])
    shares = np.concatenate([shares, 1 - shares.sum(axis=1, keepdims=True)], axis=1)
    inverse = (shares / corners).sum(axis=1)
    rays = np.concatenate(
        [(tried - (camera.cx, camera.cy)) / (camera.fx, camera.fy), np.ones_like(tried[:, :1])], 1
    )
    rotation, translation = camera.cam_from_world[:3, :3], camera.cam_from_world[:3, 3]
    places = (rays / inverse[:, None] - translation) @ rotation
    return places.astype(np.float32), tried.astype(np.int64)
