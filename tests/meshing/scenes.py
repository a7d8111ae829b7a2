"""A plain room whose depth is known exactly: a box seen from inside, each wall in a colour of its own."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras, look_at
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.spherical_harmonics import dc_from_rgb
from roomsplat.meshing.views import DepthViews, pack_views

LOW = np.array([0.0, 0.0, 0.0])
HIGH = np.array([4.0, 3.0, 2.5])
COLOURS = np.array(
    [[200, 60, 60], [60, 200, 60], [60, 60, 200], [200, 200, 60], [120, 90, 60], [230, 230, 230]], np.uint8
)
"""Of the walls at low x, high x, low y, high y, of the floor and of the ceiling."""
WIDTH, HEIGHT, FOCAL = 120, 90, 70.0


def cameras_inside(count: int = 16) -> Cameras:
    """Cameras on a circle at 1.4 m that look outwards, every other one up or down."""
    angles = np.arange(count) / count * 2 * np.pi
    eyes = np.stack([2 + 0.5 * np.cos(angles), 1.5 + 0.4 * np.sin(angles), np.full(count, 1.4)], axis=1)
    out = np.stack([np.cos(angles), np.sin(angles), np.tile([0.7, -0.8, 0.0, -0.2], count)[:count]], axis=1)
    poses = np.stack([look_at(eye, eye + to) for eye, to in zip(eyes, out, strict=True)])
    intrinsics = np.tile([FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2], (count, 1)).astype(np.float32)
    return Cameras(intrinsics=intrinsics, cam_from_world=poses, width=WIDTH, height=HEIGHT)


def box_depth(cameras: Cameras, index: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Exact (h, w) depth along +z and (h, w, 3) colours of one view of the box."""
    camera = cameras.pinhole(index)
    x, y = np.meshgrid(
        (np.arange(WIDTH) + 0.5 - camera.cx) / camera.fx, (np.arange(HEIGHT) + 0.5 - camera.cy) / camera.fy
    )
    rays = np.stack([x, y, np.ones_like(x)], axis=-1) @ camera.cam_from_world[:3, :3].astype(np.float64)
    with np.errstate(divide="ignore"):
        hits = np.where(rays > 0, HIGH - camera.center, LOW - camera.center) / rays
    axis = hits.argmin(axis=-1)
    positive = np.take_along_axis(rays, axis[..., None], axis=-1)[..., 0] > 0
    return hits.min(axis=-1).astype(np.float32), COLOURS[2 * axis + positive]


def box_views(count: int = 16) -> DepthViews:
    """The box as fusing takes it."""
    cameras = cameras_inside(count)
    depth, rgb = zip(*(box_depth(cameras, i) for i in range(count)), strict=True)
    return pack_views(cameras, list(depth), [np.ones_like(d) for d in depth], list(rgb))


def box_gaussians(spacing: float = 0.06) -> Gaussians:
    """The box's walls, covered with flat discs in the walls' colours."""
    means, quats, colours = (
        list[NDArray[np.float64]](),
        list[NDArray[np.float64]](),
        list[NDArray[np.uint8]](),
    )
    turns = np.array([[np.sqrt(0.5), 0, np.sqrt(0.5), 0], [np.sqrt(0.5), np.sqrt(0.5), 0, 0], [1, 0, 0, 0]])
    for axis in range(3):  # the thin axis is a Gaussian's own z, turned to x, y or z
        across = [k for k in range(3) if k != axis]
        steps = [np.arange(LOW[k] + spacing / 2, HIGH[k], spacing) for k in across]
        u, v = (values.ravel() for values in np.meshgrid(*steps))
        for side, at in enumerate((LOW[axis], HIGH[axis])):
            points = np.empty((len(u), 3))
            points[:, across[0]], points[:, across[1]], points[:, axis] = u, v, at
            means.append(points)
            quats.append(np.tile(turns[axis], (len(u), 1)))
            colours.append(np.tile(COLOURS[2 * axis + side], (len(u), 1)))
    count = sum(len(m) for m in means)
    scales = np.tile(np.log([0.7 * spacing, 0.7 * spacing, 0.003]), (count, 1))
    sh = dc_from_rgb(np.concatenate(colours) / 255.0)[:, None, :]
    return Gaussians(
        means=np.concatenate(means).astype(np.float32),
        quats=np.concatenate(quats).astype(np.float32),
        log_scales=scales.astype(np.float32),
        opacity_logits=np.full(count, 4.0, np.float32),
        sh=sh.astype(np.float32),
    )


def distance_to_box(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,) how far points are from the nearest wall of the box."""
    inside = np.minimum(points - LOW, HIGH - points).astype(np.float64)
    outside = np.linalg.norm(np.maximum(-inside, 0), axis=1)
    return np.where(outside > 0, outside, np.abs(inside).min(axis=1))
