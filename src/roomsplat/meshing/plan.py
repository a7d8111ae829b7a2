"""A floor plan from a mesh: where the walls stand, where they open, what stands in the room.

Walls are looked for as a Manhattan world (Coughlan and Yuille 1999): along the two directions of ``wall_heading``, as
peaks of the area of upright surfaces between knee and head. A surface with something behind it is furniture, not wall.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras
from roomsplat.core.mesh import TriangleMesh
from roomsplat.core.point_cloud import SceneScale
from roomsplat.meshing.heading import turn_about_z, wall_heading
from roomsplat.meshing.plan_walls import Opening, Points, Wall, find_walls

Double = NDArray[np.float64]

SAMPLES = 200_000
EYE_HEIGHT = 1.5
"""Metres from the floor at which people hold a phone: the unit of a scene whose scale is not known."""
KNEE, HEAD, CEILING = 0.5, 1.8, 2.35
"""Heights in that unit: walls are measured between the first two; above the third begins the ceiling."""
CUTS = (0.45, 1.15)
"""Heights in that unit at which furniture is cut: through seats and tables, and above them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorPlan:
    """A room from above. All places are world units after a turn by ``-heading``, so that walls run along the axes."""

    heading: float
    """Radians about +z."""
    walls: tuple[Wall, ...]
    openings: tuple[Opening, ...]
    slice: Double
    """(s, 2, 2) line segments: the mesh cut level at ``CUTS``."""
    path: Double
    """(c, 2) where the cameras were."""
    unit: float
    """World units a metre: 1 when ``scale`` is metric, else a guess from the height at which the camera was held."""
    floor: float
    """Height of the floor in world units."""
    scale: SceneScale

    @property
    def size(self) -> tuple[float, float]:
        """Extent of the walls along both axes in world units; 0 where there are no walls: a path is not a room."""
        if not self.walls:
            return 0.0, 0.0
        width, depth = np.ptp(np.concatenate([w.ends() for w in self.walls]), axis=0)
        return float(width), float(depth)


def make_plan(mesh: TriangleMesh, cameras: Cameras, scale: SceneScale) -> FloorPlan:
    """The floor plan of ``mesh`` (+z up), filmed by ``cameras``."""
    heading = wall_heading(mesh)
    turn = turn_about_z(-heading)
    turned = TriangleMesh(vertices=mesh.vertices @ turn.T.astype(np.float32), faces=mesh.faces)
    centers = cameras.centers.astype(np.float64) @ turn.T
    points = sampled(turned)
    floor = floor_height(points, float(np.median(centers[:, 2])))
    held = float(np.median(centers[:, 2])) - floor
    unit = 1.0 if scale == "metric" or held <= 0 else held / EYE_HEIGHT
    room = points.between(floor + KNEE * unit, floor + CEILING * unit)
    walls, openings = find_walls(room, floor, unit, knee=KNEE, head=HEAD)
    return FloorPlan(
        heading=heading,
        walls=walls,
        openings=openings,
        slice=np.concatenate([cut_level(turned, floor + height * unit) for height in CUTS]),
        path=centers[:, :2],
        unit=unit,
        floor=floor,
        scale=scale,
    )


def sampled(mesh: TriangleMesh) -> Points:
    """Points spread evenly over the mesh, the same ones every time."""
    random, areas = np.random.default_rng(0), mesh.areas().astype(np.float64)
    face = random.choice(len(areas), SAMPLES, p=areas / areas.sum())
    share: Double = random.random((2, SAMPLES, 1))
    share = np.where(share.sum(axis=0) > 1, 1 - share, share)
    a, b, c = mesh.corners()[face].astype(np.float64).transpose(1, 0, 2)
    return Points(
        places=a + share[0] * (b - a) + share[1] * (c - a),
        normals=mesh.face_normals()[face].astype(np.float64),
        area=float(areas.sum()) / SAMPLES,
    )


def floor_height(points: Points, eye: float) -> float:
    """The height of the lowest large level surface below ``eye`` that looks up; of the lowest points without one."""
    heights = points.places[:, 2]
    level = heights[(points.normals[:, 2] > 0.9) & (heights < eye)]
    if len(level) == 0:
        return float(np.quantile(heights, 0.01))
    low, width = float(level.min()), max((eye - float(level.min())) / 60, 1e-9)
    counts = np.bincount(((level - low) / width).astype(np.int64))
    smooth = np.convolve(counts, [1, 1, 1], mode="same")
    first = int(np.flatnonzero(smooth > 0.3 * smooth.max())[0])
    peak = first + int(smooth[first : first + 4].argmax())
    near = level[np.abs(level - (low + (peak + 0.5) * width)) < 1.5 * width]
    return float(np.median(near))


def cut_level(mesh: TriangleMesh, height: float) -> Double:
    """(s, 2, 2) where the plane z = ``height`` cuts the mesh, seen from above."""
    corners = mesh.corners().astype(np.float64)
    above = corners[..., 2] > height
    cut = corners[above.any(axis=1) & ~above.all(axis=1)]
    alone = (cut[..., 2] > height).sum(axis=1) == 1  # one corner above, else two
    lonely = np.where(alone[:, None], cut[..., 2] > height, cut[..., 2] <= height).argmax(axis=1)
    order = (lonely[:, None] + np.arange(3)) % 3
    a, b, c = np.take_along_axis(cut, order[..., None], axis=1).transpose(1, 0, 2)
    ends = [a + ((height - a[:, 2]) / (x[:, 2] - a[:, 2]))[:, None] * (x - a) for x in (b, c)]
    return np.stack(ends, axis=1)[..., :2]
