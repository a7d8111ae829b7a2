"""A synthetic room as structure from motion would deliver it, but exact: for tests and benchmarks."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras
from roomsplat.core.images import PosedImages
from roomsplat.core.point_cloud import PointCloud, SparseModel
from roomsplat.media.images import write_image
from roomsplat.synth.bake import with_moving
from roomsplat.synth.develop import develop
from roomsplat.synth.figure import figure_patches
from roomsplat.synth.film import FilmConfig, bake_for, film_cameras
from roomsplat.synth.room import design_room
from roomsplat.synth.trace import render_depth, render_light

EVAL_EVERY = 8
SEEN_TOLERANCE = 0.02  # relative difference of depths up to which a view sees the same point


def make_posed_room(
    out_dir: Path,
    *,
    num_images: int = 20,
    width: int = 160,
    height: int = 120,
    seed: int = 0,
    num_points: int = 4000,
    noise: float = 0.0,
    gains: NDArray[np.float64] | None = None,
    walking_figure: bool = False,
) -> SparseModel:
    """Write ``num_images`` PNG pictures of room ``seed`` into ``out_dir`` and return them with poses and points.

    The cameras lie evenly along the film's walk; every eighth image, the first included, is held out. Points are
    pixels of the training images drawn at random, placed by exact depth; ``track_lengths`` counts the images that see
    each. Metres, +z up. ``gains`` (num_images,): each picture's exposure. With ``walking_figure`` a person walks
    through the pictures, but no point lies on it, as no track of a moving thing survives structure from motion.

    Raises:
        InvalidSettingError: a size is out of range.
        OutputError: a picture cannot be written.
    """
    config = FilmConfig(seed=seed, width=width, height=height, noise=noise, walking_figure=walking_figure)
    room = design_room(seed)
    baked = bake_for(room, config)
    # Only the part of the walk that goes around once: the end of a film repeats its start.
    times = np.linspace(0.03, 0.95, num_images) * config.duration_s
    cameras = film_cameras(room, config, times)
    exposures = np.ones(num_images) if gains is None else gains
    paths, depths, pictures = list[Path](), list[NDArray[np.float32]](), list[NDArray[np.uint8]]()
    for i in range(num_images):
        camera = cameras.pinhole(i)
        shown = with_moving(baked, figure_patches(room, times[i], seed)) if walking_figure else baked
        light, depth = render_light(shown, camera), render_depth(shown, camera)
        pictures.append(develop(light, gain=float(exposures[i]), noise=noise, seed=seed * 100003 + i))
        if walking_figure:
            still = render_depth(baked, camera)
            depth = np.where(depth == still, still, np.float32(0))  # 0: no point there
        depths.append(depth)
        paths.append(out_dir / f"{i:04d}.png")
        write_image(paths[-1], pictures[-1])
    is_eval = np.arange(num_images) % EVAL_EVERY == 0
    points = _sample_points(cameras, pictures, depths, ~is_eval, num_points, seed)
    images = PosedImages(
        cameras=cameras, image_paths=tuple(paths), mask_paths=(None,) * num_images, is_eval=is_eval
    )
    return SparseModel(posed_images=images, points=points, scale="metric", num_input_images=num_images)


def _sample_points(
    cameras: Cameras,
    pictures: list[NDArray[np.uint8]],
    depths: list[NDArray[np.float32]],
    use: NDArray[np.bool_],
    count: int,
    seed: int,
) -> PointCloud:
    """``count`` coloured points at pixel centres of the images in ``use``."""
    random = np.random.default_rng(seed)
    image = random.choice(np.flatnonzero(use), count)
    x, y = random.integers(0, cameras.width, count), random.integers(0, cameras.height, count)
    depth = np.array([depths[i][b, a] for i, a, b in zip(image, x, y, strict=True)])
    fx, fy, cx, cy = cameras.intrinsics[image].T
    local = np.stack([(x + 0.5 - cx) / fx, (y + 0.5 - cy) / fy, np.ones(count)], axis=1) * depth[:, None]
    rotation, translation = cameras.cam_from_world[image, :3, :3], cameras.cam_from_world[image, :3, 3]
    positions = np.einsum("nji,nj->ni", rotation, local - translation)
    colors = np.array([pictures[i][b, a] for i, a, b in zip(image, x, y, strict=True)], np.uint8)
    keep = depth > 0
    return PointCloud(
        positions=positions[keep].astype(np.float32),
        colors=colors[keep],
        errors=np.zeros(int(keep.sum()), np.float32),
        track_lengths=_count_views(cameras, depths, positions[keep]),
    )


def _count_views(
    cameras: Cameras, depths: list[NDArray[np.float32]], positions: NDArray[np.float64]
) -> NDArray[np.int32]:
    """(n,) how many images see each position, by comparing depths."""
    seen = np.zeros(len(positions), np.int32)
    for i in range(len(cameras)):
        pose, (fx, fy, cx, cy) = cameras.cam_from_world[i], cameras.intrinsics[i]
        local = positions @ pose[:3, :3].T + pose[:3, 3]
        z = np.maximum(local[:, 2], 1e-6)
        x, y = np.floor(local[:, 0] / z * fx + cx), np.floor(local[:, 1] / z * fy + cy)
        inside = (local[:, 2] > 0.05) & (x >= 0) & (x < cameras.width) & (y >= 0) & (y < cameras.height)
        there = depths[i][y[inside].astype(int), x[inside].astype(int)]
        seen[inside] += np.abs(there - z[inside]) < SEEN_TOLERANCE * z[inside]
    return seen
