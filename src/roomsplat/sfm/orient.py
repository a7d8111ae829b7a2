"""Turn the solver's arbitrary world upright: +z up, the camera's mean place at the origin, a room of a few units.

Scale stays unknown (one camera cannot know it); it is set so that what the film looks at is ``TYPICAL_DEPTH`` away in
the median, about what a room in metres would give. Settings of later stages that are lengths then mean the same for
every film.
"""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.rotations import quat_from_matrix
from roomsplat.core.transforms import Similarity

Double = NDArray[np.float64]

TYPICAL_DEPTH = 3.0
TILT_WEIGHT = 0.02  # of the y axes: 0.1 would pull the vertical 1.5° towards cameras that look 30° down


def upright_from_world(cam_from_world: Double, depths: Double) -> Similarity:
    """The similarity that makes +z up, +y the first camera's heading.

    Args:
        cam_from_world: (c, 4, 4) in the solver's world.
        depths: distances of observed points from the cameras that saw them, in the solver's units.
    """
    up = common_up(cam_from_world[:, :3, :3])
    heading = cam_from_world[0, 2, :3] - up * (cam_from_world[0, 2, :3] @ up)
    if np.linalg.norm(heading) < 1e-6:  # the first camera looks straight down: any heading will do
        heading = np.cross(up, cam_from_world[0, 0, :3])
    forward = heading / np.linalg.norm(heading)
    rotation = np.stack([np.cross(forward, up), forward, up])
    median = float(np.median(depths)) if len(depths) else 1.0
    scale = TYPICAL_DEPTH / max(median, 1e-12)
    centers = -np.einsum("cji,cj->ci", cam_from_world[:, :3, :3], cam_from_world[:, :3, 3])
    return Similarity(
        quat=np.asarray(quat_from_matrix(rotation), np.float64),
        translation=-scale * rotation @ centers.mean(axis=0),
        scale=scale,
    )


def common_up(rotations: Double) -> Double:
    """(3,) the direction that is up for all cameras together (Brown and Lowe 2007, section 5).

    People hold a camera level more than they hold it straight: every camera's x axis lies in the horizon, whatever the
    tilt, so up is what is most perpendicular to all of them. Where all cameras look the same way this leaves the tilt
    open; the y axes, with a small weight, close it.

    Args:
        rotations: (c, 3, 3) of cam_from_world; row 0 is the camera's x axis in the world, row 1 its y axis (down).
    """
    x_axes, y_axes = rotations[:, 0], rotations[:, 1]
    scatter = x_axes.T @ x_axes - TILT_WEIGHT * y_axes.T @ y_axes
    up = np.linalg.eigh(scatter)[1][:, 0]
    return up if up @ y_axes.mean(axis=0) < 0 else -up


def transform_poses(cam_from_world: Double, new_from_world: Similarity) -> Double:
    """(c, 4, 4) the same cameras in the new world; the scale goes into the translation."""
    result = cam_from_world.copy()
    result[:, :3, :3] = cam_from_world[:, :3, :3] @ new_from_world.rotation.T
    centers = -np.einsum("cji,cj->ci", cam_from_world[:, :3, :3], cam_from_world[:, :3, 3])
    moved = new_from_world.apply(centers)
    result[:, :3, 3] = -np.einsum("cij,cj->ci", result[:, :3, :3], moved)
    return result
