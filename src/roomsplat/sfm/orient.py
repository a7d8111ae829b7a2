"""Turn the solver's arbitrary world upright: +z up, the floor at z = 0, the walls along x and y, a room of a few units.

Up is told by straight edges of the pictures (``axes.py``), else by the film's own accelerometer (``gravity.py``), which
also overrules edges that lean away from it, else by the floor among the points (``floor.py``), else by how the cameras
were held. Scale stays unknown (one camera cannot know it); it is set so that what the film looks at is
``TYPICAL_DEPTH`` away in the median, about what a room in metres would give. Settings of later stages that are lengths
then mean the same for every film.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.point_cloud import Stance, VerticalFrom
from roomsplat.core.rotations import quat_from_matrix
from roomsplat.core.transforms import Similarity
from roomsplat.sfm.axes import room_axes
from roomsplat.sfm.floor import floor_height, floor_up
from roomsplat.sfm.gravity import felt_up
from roomsplat.sfm.lines import Edges

Double = NDArray[np.float64]

TYPICAL_DEPTH = 3.0
TILT_WEIGHT = 0.02  # of the y axes: 0.1 would pull the vertical 1.5° towards cameras that look 30° down
MAX_LEAN_DEG = 5.0
"""Edges that lean further from what the accelerometer felt are no upright ones. A phone's is off by one or two."""
LOWEST_PERCENT = 1.0
"""Of the points lie below z = 0 where no floor was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upright:
    """A world that stands, and why."""

    from_world: Similarity
    """From the solver's world."""
    stance: Stance
    """What it rests on."""


def stand_upright(
    cam_from_world: Double, points: Double, depths: Double, edges: Edges, felt: Double | None = None
) -> Upright:
    """Where to turn, move and scale the world: the camera's mean place comes over the origin.

    Args:
        cam_from_world: (c, 4, 4) in the solver's world.
        points: (p, 3) that are measured well.
        depths: distances of observed points from the cameras that saw them, in the solver's units.
        edges: of the pictures, in the solver's world.
        felt: (c, 3) what the film's accelerometer felt at each camera (``felt_up``).
    """
    centers = -np.einsum("cji,cj->ci", cam_from_world[:, :3, :3], cam_from_world[:, :3, 3])
    reach = max(float(np.median(depths)), 1e-12) if len(depths) else 1.0
    held = common_up(cam_from_world[:, :3, :3])
    told = None if felt is None else felt_up(cam_from_world[:, :3, :3], felt, held)
    axes = room_axes(edges, held if told is None else told)
    up: Double = axes.rotation[2]
    vertical: VerticalFrom = "edges"
    walls_are_sure = axes.walls_are_sure
    if told is not None and not (axes.up_is_sure and up @ told > np.cos(np.radians(MAX_LEAN_DEG))):
        up, vertical, walls_are_sure = told, "gravity", False
    elif not axes.up_is_sure:
        found = floor_up(points, centers, held, reach)
        up, vertical = (held, "cameras") if found is None else (found, "floor")
    rotation = _heading(cam_from_world[0], up, axes.rotation if walls_are_sure else None)
    heights = np.asarray(points @ up, np.float64)
    floor = floor_height(heights, centers @ up, reach)
    scale = TYPICAL_DEPTH / reach
    origin = np.asarray(rotation @ centers.mean(axis=0), np.float64)
    origin[2] = _lowest(heights, centers @ up, reach) if floor is None else floor
    return Upright(
        from_world=Similarity(
            quat=np.asarray(quat_from_matrix(rotation), np.float64), translation=-scale * origin, scale=scale
        ),
        stance=Stance(vertical=vertical, walls_along_axes=walls_are_sure, floor_at_zero=floor is not None),
    )


def _lowest(heights: Double, camera_heights: Double, reach: float) -> float:
    """Where the floor may be that was not seen: the lowest points, or somewhere below the cameras."""
    if not len(heights):
        return float(np.median(camera_heights)) - reach / 2
    return float(np.percentile(heights, LOWEST_PERCENT))


def _heading(cam_from_world: Double, up: Double, walls: Double | None) -> Double:
    """(3, 3) rows x, y, z: z is ``up``, y where the camera heads, or the nearest to that of the axes ``walls``."""
    heading = cam_from_world[2, :3] - up * (cam_from_world[2, :3] @ up)
    if np.linalg.norm(heading) < 1e-6:  # it looks straight down: any heading will do
        heading = np.cross(up, cam_from_world[0, :3])
    if walls is not None:
        ways = np.concatenate([walls[:2], -walls[:2]])
        heading = ways[np.argmax(ways @ heading)]
    forward = heading / np.linalg.norm(heading)
    return np.stack([np.cross(forward, up), forward, up])


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
