"""A corner of a room with textured walls, drawn ray by ray through a lens with distortion: exact cameras, no engine."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from roomsplat.core.images import Frame
from roomsplat.media.images import write_image
from roomsplat.sfm.solution import Lens

Double = NDArray[np.float64]
LENS = Lens(focal=300.0, cx=160.0, cy=120.0, k=-0.03, width=320, height=240)
PX_PER_UNIT = 90.0


@dataclass(frozen=True, slots=True)
class Wall:
    """The plane normal · x = offset, painted with a texture along two axes."""

    normal: Double
    offset: float
    axes: tuple[int, int]
    texture: Double


def corner(seed: int = 0) -> list[Wall]:
    """A floor at z = 0, a wall at y = 3, a wall at x = 2."""
    random = np.random.default_rng(seed)
    planes = [((0, 0, 1), 0.0, (0, 1)), ((0, 1, 0), 3.0, (0, 2)), ((1, 0, 0), 2.0, (1, 2))]
    return [Wall(np.array(n, float), offset, axes, _texture(random)) for n, offset, axes in planes]


def _texture(random: np.random.Generator) -> Double:
    """(1000, 1000) blotches of three sizes, 20 to 235."""
    noise = random.normal(size=(1000, 1000))
    layers = [gaussian_filter(noise, sigma, mode="wrap") * sigma for sigma in (1.5, 4.0, 12.0)]
    total = np.sum(layers, axis=0)
    return np.clip(128 + 60 * total / total.std(), 20, 235)


def look_at(center: Double, target: Double) -> Double:
    """(4, 4) cam_from_world of a level camera."""
    forward = (target - center) / np.linalg.norm(target - center)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    pose[:3, 3] = -pose[:3, :3] @ center
    return pose


def walk(count: int) -> Double:
    """(count, 4, 4) a sideways walk in an arc with a little up and down, looking into the corner."""
    t = np.linspace(0, 1, count)
    centers = np.stack([-1.4 + 2.2 * t, -0.2 + 0.8 * np.sin(3 * t), 1.2 + 0.1 * np.sin(9 * t)], axis=1)
    targets = np.stack([0.6 + 0.3 * t, np.full(count, 2.6), np.full(count, 1.0)], axis=1)
    return np.stack([look_at(c, at) for c, at in zip(centers, targets, strict=True)])


def draw(walls: list[Wall], cam_from_world: Double, lens: Lens = LENS) -> NDArray[np.uint8]:
    """(h, w, 3) the nearest wall along every pixel's ray."""
    x, y = np.meshgrid(np.arange(lens.width) + 0.5, np.arange(lens.height) + 0.5)
    rays = lens.rays(np.stack([x.ravel(), y.ravel()], axis=1))
    directions = np.hstack([rays, np.ones((len(rays), 1))]) @ cam_from_world[:3, :3]
    center = -cam_from_world[:3, :3].T @ cam_from_world[:3, 3]
    nearest, value = np.full(len(rays), np.inf), np.zeros(len(rays))
    for wall in walls:
        speed = directions @ wall.normal
        with np.errstate(divide="ignore"):
            distance = (wall.offset - center @ wall.normal) / speed
        hit = (distance > 0) & (distance < nearest)
        points = center + directions[hit] * distance[hit, None]
        places = (points[:, list(wall.axes)] * PX_PER_UNIT).T
        value[hit] = map_coordinates(wall.texture, places, order=1, mode="wrap")
        nearest[hit] = distance[hit]
    gray = value.reshape(lens.height, lens.width)
    return np.round(np.stack([gray, 0.8 * gray, 255 - gray], axis=-1)).astype(np.uint8)


def film(folder: Path, poses: Double, seed: int = 0) -> tuple[Frame, ...]:
    """Write one picture per pose and give the frames as capture would."""
    walls = corner(seed)
    folder.mkdir(parents=True, exist_ok=True)
    frames = list[Frame]()
    for index, pose in enumerate(poses):
        path = folder / f"{index:06d}.png"
        write_image(path, draw(walls, pose))
        frames.append(
            Frame(index=10 * index, timestamp_s=index / 2, name=f"{index / 2:.3f}s", path=path, sharpness=1.0)
        )
    return tuple(frames)
