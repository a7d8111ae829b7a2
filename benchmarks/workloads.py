"""The scene on which a training step is timed: a furnished room as a trainer would hold it half-way through.

Numbers of the distribution are those of the trial's scene (../shared/trials/README.md, section 1), so that figures can
be compared: 55 % of the Gaussians on the walls of a 6 × 5 × 3 m room, 35 % on fourteen boxes and balls, 10 % floating;
sizes follow the distance to the nearest neighbours; opacity logits are normal around -0.5 with deviation 2; cameras
stand at the rim and look in. With these seeds, at 480×270 and 100 k, six views see 44.7 k Gaussians on average and make
110.7 k pairs with tiles of 16 px; the trial's own scene 46 k and 115 k.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.spherical_harmonics import dc_from_rgb

ROOM = np.array([6.0, 5.0, 3.0])
SIZE_SHARE = {20_000: 0.5, 100_000: 0.37, 300_000: 0.30, 1_000_000: 0.24}
"""Standard deviation of a Gaussian as a share of its neighbours' distance, chosen so that overlap stays the same: a
pixel of 1920×1080 lies within 35, 35, 31 and 32 ellipses of alpha 1/255 (mean of six views)."""
FIELD_OF_VIEW = np.radians(72.0)


def room_gaussians(count: int, seed: int = 1) -> Gaussians:
    """``count`` (a key of ``SIZE_SHARE``) Gaussians with harmonics of degree 3, along a Morton curve."""
    rng = np.random.default_rng(seed)
    walls, objects = int(0.55 * count), int(0.35 * count)
    floating = rng.random((count - walls - objects, 3)) * ROOM
    means = np.concatenate([on_walls(rng, walls), on_objects(rng, objects), floating]) - ROOM / 2
    means = means[morton_order(means)]
    tree: Any = KDTree(means)  # scipy has no types
    distances = np.asarray(tree.query(means, k=4)[0], np.float64)
    spacing = np.sqrt((distances[:, 1:] ** 2).mean(axis=1))
    spacing = np.minimum(spacing, np.percentile(spacing, 97))
    scales = SIZE_SHARE[count] * spacing[:, None] * np.exp(rng.normal(0, 0.45, (count, 3)))
    scales[:, 2] *= 0.35
    waves = means @ np.array([[3.0, 1, 2], [1, 4, 1], [2, 1, 5]]) + 6 * rng.random(3)
    colours = 0.5 + 0.4 * np.sin(waves) + rng.normal(0, 0.08, (count, 3))
    quats = rng.normal(size=(count, 4))
    return Gaussians(
        means=means.astype(np.float32),
        quats=quats / np.linalg.norm(quats, axis=1, keepdims=True),
        log_scales=np.log(scales),
        opacity_logits=rng.normal(-0.5, 2.0, count).astype(np.float32),
        sh=np.concatenate([dc_from_rgb(colours)[:, None], rng.normal(0, 0.1, (count, 15, 3))], axis=1),
    )


def on_walls(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """(count, 3) points on the six faces of the room, by area, a centimetre deep."""
    points = rng.random((count, 3)) * ROOM
    areas = np.repeat([ROOM[1] * ROOM[2], ROOM[0] * ROOM[2], ROOM[0] * ROOM[1]], 2)
    face = rng.choice(6, count, p=areas / areas.sum())
    axis = face // 2
    points[np.arange(count), axis] = np.where(face % 2 == 0, 0, ROOM[axis]) + rng.normal(0, 0.01, count)
    return points


def on_objects(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """(count, 3) points on seven boxes and seven balls."""
    centers = rng.random((14, 3)) * (ROOM - [1.2, 1.2, 1.4]) + [0.6, 0.6, 0.2]
    radii = rng.uniform(0.15, 0.5, 14)
    which = rng.choice(14, count, p=radii**2 / (radii**2).sum())
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    box = which % 2 == 0
    directions[box] /= np.abs(directions[box]).max(axis=1, keepdims=True)
    return centers[which] + directions * (radii[which] * (1 + rng.normal(0, 0.01, count)))[:, None]


def morton_order(points: NDArray[np.float64]) -> NDArray[np.intp]:
    """Order along a Z curve of 1024³ cells: neighbours in space are neighbours in memory."""
    low, high = points.min(axis=0), points.max(axis=0)
    cells = ((points - low) / (high - low) * 1023).astype(np.uint64)
    code = np.zeros(len(points), np.uint64)
    for bit in range(10):
        for axis in range(3):
            code |= ((cells[:, axis] >> np.uint64(bit)) & np.uint64(1)) << np.uint64(3 * bit + axis)
    return np.argsort(code, kind="stable")


def rim_cameras(count: int, width: int, height: int, seed: int = 6) -> list[PinholeCamera]:
    """Cameras of 72° that stand along the walls and look at the middle of the room."""
    rng = np.random.default_rng(seed)
    cameras: list[PinholeCamera] = []
    for index in range(count):
        angle = 2 * np.pi * (index + 0.25) / count
        position = [2.75 * np.cos(angle), 2.25 * np.sin(angle), rng.uniform(-0.1, 1.0)]
        position += rng.normal(0, [0.05, 0.05, 0])
        forward = np.array([0, 0, -0.3]) + rng.normal(0, 0.3, 3) - position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, np.cross(forward, right), forward])
        pose[:3, 3] = -pose[:3, :3] @ position
        focal = 0.5 * width / np.tan(FIELD_OF_VIEW / 2)
        cameras.append(
            PinholeCamera(
                fx=focal,
                fy=focal,
                cx=width / 2,
                cy=height / 2,
                width=width,
                height=height,
                cam_from_world=pose.astype(np.float32),
            )
        )
    return cameras


def photo_like(rgb: NDArray[np.float32], seed: int = 0) -> NDArray[np.uint8]:
    """(h, w, 3) a target near the rendered (3, h, w) picture: dimmed, with blotches and noise."""
    rng = np.random.default_rng(seed)
    _, height, width = rgb.shape
    blotches = np.kron(rng.random((3, height // 16 + 2, width // 16 + 2)), np.ones((1, 16, 16)))
    wanted = 0.9 * rgb + 0.1 * blotches[:, :height, :width] + rng.normal(0, 0.02, rgb.shape)
    return np.ascontiguousarray((np.clip(wanted, 0, 1) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0))
