"""A small room, lit once for all tests: coarse textures and light, real geometry."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras
from roomsplat.synth.bake import BakedRoom, bake_room
from roomsplat.synth.film import FilmConfig, film_cameras
from roomsplat.synth.room import Room, design_room

WIDTH, HEIGHT = 128, 96


@cache
def room(seed: int = 0) -> Room:
    """The design of a seed."""
    return design_room(seed)


def bake(design: Room) -> BakedRoom:
    """Lit and painted as quickly as makes sense."""
    return bake_room(design.patches, design.lights, texel=0.02, light_step=0.3, samples=16)


@cache
def baked(seed: int = 0) -> BakedRoom:
    """The lit room of a seed."""
    return bake(room(seed))


def cameras(count: int, seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> Cameras:
    """``count`` cameras along the first turn of the walk."""
    config = FilmConfig(seed=seed, width=width, height=height)
    return film_cameras(room(seed), config, np.linspace(0.05, 0.9, count) * config.duration_s)


def rays(
    cams: Cameras, index: int, pixels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Origin (3,) and directions (n, 3), of length 1 along +z, through the centres of (n, 2) pixels x, y."""
    fx, fy, cx, cy = cams.intrinsics[index].astype(np.float64)
    local = np.column_stack(
        [(pixels[:, 0] + 0.5 - cx) / fx, (pixels[:, 1] + 0.5 - cy) / fy, np.ones(len(pixels))]
    )
    pose = cams.cam_from_world[index].astype(np.float64)
    return -pose[:3, :3].T @ pose[:3, 3], local @ pose[:3, :3]
