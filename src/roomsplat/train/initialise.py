"""The first Gaussians: one per sparse point, and seeds from the pictures where points are too few.

Kerbl et al. 2023, section 5.1: isotropic, as large as the distance to the nearest neighbours, faint.
"""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.spherical_harmonics import dc_from_rgb
from roomsplat.render.base import Engine
from roomsplat.train.pictures import Pictures
from roomsplat.train.seeding import seeds_in_view

Float = NDArray[np.float32]
_OPACITY = 0.1
_NEIGHBOURS = 3
_SCALE_SHARE = 1.0
"""Standard deviation as a share of the root mean square distance to the nearest neighbours."""
_SMALLEST, _LARGEST = 1e-4, 0.1
"""Standard deviations stay within these shares of the extent: lone outliers must not become fog."""
MIN_POINTS = 2000
"""With fewer sparse points the pictures seed the rest."""


def initial_gaussians(
    engine: Engine,
    model: SparseModel,
    pictures: Pictures,
    *,
    indices: NDArray[np.integer],
    extent: float,
    count: int,
    seed: int,
    dense: int = 0,
) -> Gaussians:
    """At most ``count`` Gaussians of degree 0 from the model's points.

    ``indices``: the training pictures, which colour the seeds where there are fewer than ``MIN_POINTS`` points.
    ``extent``: ``schedule.scene_extent``, in world units. ``dense``: how many there should be at least; those that are
    missing are put between the points (``seeding``), as far as there are planes to put them on.
    """
    rng = np.random.default_rng((seed, 0))
    points = model.points.positions
    colors = model.points.colors.astype(np.float32) / np.float32(255)
    keep = np.isfinite(points).all(axis=1)
    points, colors = points[keep], colors[keep]
    if len(points) < min(MIN_POINTS, count):
        wanted = min(MIN_POINTS, count) - len(points)
        seeds, seed_colors = picture_seeds(
            model, pictures, indices=indices, extent=extent, count=wanted, rng=rng
        )
        points, colors = np.concatenate([points, seeds]), np.concatenate([colors, seed_colors])
    elif min(dense, count) > len(points):
        wanted = min(dense, count) - len(points)
        seeds, seed_colors = dense_seeds(model, pictures, indices=indices, count=wanted, rng=rng)
        points, colors = np.concatenate([points, seeds]), np.concatenate([colors, seed_colors])
    if len(points) > count:
        chosen = np.sort(rng.choice(len(points), count, replace=False))
        points, colors = points[chosen], colors[chosen]
    return gaussians_at(points, colors, initial_scales(engine, points, extent))


def initial_scales(engine: Engine, points: Float, extent: float) -> Float:
    """(n,) standard deviations in world units from the distances to the nearest neighbours."""
    near = min(_NEIGHBOURS, len(points) - 1)
    if near < 1:
        return np.full(len(points), _LARGEST * extent, np.float32)
    distances = engine.nearest_distances(points, near)
    rms = np.sqrt((distances.astype(np.float64) ** 2).mean(axis=1))
    return np.clip(_SCALE_SHARE * rms, _SMALLEST * extent, _LARGEST * extent).astype(np.float32)


def gaussians_at(points: Float, colors: Float, scales: Float) -> Gaussians:
    """Isotropic Gaussians at (n, 3) points with (n, 3) colours in [0, 1] and (n,) standard deviations."""
    count = len(points)
    quats = np.zeros((count, 4), np.float32)
    quats[:, 0] = 1
    return Gaussians(
        means=points,
        quats=quats,
        log_scales=np.repeat(np.log(scales)[:, None], 3, axis=1),
        opacity_logits=np.full(count, np.log(_OPACITY / (1 - _OPACITY)), np.float32),
        sh=dc_from_rgb(colors)[:, None, :].astype(np.float32),
    )


def dense_seeds(
    model: SparseModel,
    pictures: Pictures,
    *,
    indices: NDArray[np.integer],
    count: int,
    rng: np.random.Generator,
) -> tuple[Float, Float]:
    """At most ``count`` (n, 3) places between the points as the pictures ``indices`` see them, and (n, 3) colours."""
    pictures.expect(int(index) for index in indices)
    places, colors = [np.zeros((0, 3), np.float32)], [np.zeros((0, 3), np.float32)]
    for index, rows in zip(indices, np.array_split(np.arange(count), len(indices)), strict=True):
        found, pixels = seeds_in_view(pictures.camera(int(index)), model.points.positions, len(rows), rng)
        column, row = pixels.T
        mask = pictures.mask(int(index))
        shown = np.ones(len(found), bool) if mask is None else mask[row, column]
        places.append(found[shown])
        shades = pictures.image(int(index))[row[shown], column[shown]].astype(np.float32)
        colors.append(shades / np.float32(255))
    return np.concatenate(places), np.concatenate(colors)


def picture_seeds(
    model: SparseModel,
    pictures: Pictures,
    *,
    indices: NDArray[np.integer],
    extent: float,
    count: int,
    rng: np.random.Generator,
) -> tuple[Float, Float]:
    """(count, 3) points on rays through random pixels, and their (count, 3) colours in [0, 1].

    The depth on a ray is that of a random sparse point in the same view, else uniform in 0.5 to 1.5 extents.
    """
    pictures.expect(int(index) for index in indices)
    shares = np.array_split(np.arange(count), len(indices))
    positions, colors = np.zeros((count, 3), np.float32), np.zeros((count, 3), np.float32)
    for index, rows in zip(indices, shares, strict=True):
        camera, image = pictures.camera(int(index)), pictures.image(int(index))
        mask = pictures.mask(int(index))
        usable = camera.width * camera.height if mask is None or not mask.any() else np.flatnonzero(mask)
        row, column = np.divmod(rng.choice(usable, len(rows)), camera.width)
        rotation, translation = camera.cam_from_world[:3, :3], camera.cam_from_world[:3, 3]
        local = model.points.positions @ rotation.T + translation
        known = local[np.isfinite(local).all(axis=1) & (local[:, 2] > 0), 2]
        depth = rng.choice(known, len(rows)) if len(known) else extent * rng.uniform(0.5, 1.5, len(rows))
        rays = np.stack(
            [(column + 0.5 - camera.cx) / camera.fx, (row + 0.5 - camera.cy) / camera.fy, np.ones(len(rows))],
            axis=1,
        )
        positions[rows] = (rays * depth[:, None] - translation) @ rotation
        colors[rows] = image[row, column] / 255
    return positions, colors
