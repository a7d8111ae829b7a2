"""Laws of the first Gaussians."""

import dataclasses

import numpy as np
import pytest

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.point_cloud import PointCloud, SparseModel
from roomsplat.core.projection import project_with
from roomsplat.core.spherical_harmonics import rgb_from_dc
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.train.initialise import MIN_POINTS, initial_gaussians, initial_scales
from roomsplat.train.pictures import Pictures
from roomsplat.train.schedule import scene_extent

INDICES = np.arange(1, 9)


def with_points(model: SparseModel, positions: np.ndarray) -> SparseModel:
    """The model with other points, red."""
    count = len(positions)
    points = PointCloud(
        positions=positions,
        colors=np.tile(np.uint8([255, 0, 0]), (count, 1)),
        errors=np.zeros(count, np.float32),
        track_lengths=np.zeros(count, np.int32),
    )
    return dataclasses.replace(model, points=points)


def begin(model: SparseModel, engine: CpuEngine, count: int = 10_000, seed: int = 0) -> Gaussians:
    """The first Gaussians of ``model``."""
    pictures = Pictures(engine, model.posed_images, max_side=None, budget_mb=10)
    extent = scene_extent(model.posed_images.cameras, model.points)
    return initial_gaussians(engine, model, pictures, indices=INDICES, extent=extent, count=count, seed=seed)


def cloud(count: int) -> np.ndarray:
    """Points in the ball that the cameras look at."""
    return np.random.default_rng(2).uniform(-1, 1, (count, 3)).astype(np.float32)


def test_each_point_becomes_a_gaussian_of_its_colour(model: SparseModel, engine: CpuEngine) -> None:
    """With enough points: same places, same colours, isotropic, upright."""
    points = cloud(MIN_POINTS + 5)
    made = begin(with_points(model, points), engine)
    assert np.array_equal(made.means, points)
    np.testing.assert_allclose(rgb_from_dc(made.sh[:, 0]), [[1, 0, 0]] * len(points), atol=1e-6)
    assert (made.scales == made.scales[:, :1]).all()


def test_scales_follow_the_spacing(engine: CpuEngine) -> None:
    """A grid of spacing d gives standard deviations of d."""
    axis = np.arange(8, dtype=np.float32) * 0.25
    grid = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    np.testing.assert_allclose(initial_scales(engine, grid, extent=10), 0.25, rtol=1e-5)


def test_outliers_do_not_become_fog(engine: CpuEngine) -> None:
    """A point a thousand units away, and two at one place, stay within the limits."""
    points = np.concatenate([cloud(50), [[1000, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]])
    scales = initial_scales(engine, points.astype(np.float32), extent=2)
    assert scales.max() <= 0.2 + 1e-6
    assert scales.min() >= 2e-4 - 1e-9


@pytest.mark.parametrize("count", [0, 1, 2, 30])
def test_few_points_are_filled_up_from_the_pictures(
    count: int, model: SparseModel, engine: CpuEngine
) -> None:
    """There are always enough, in front of a camera and finite."""
    few = with_points(model, cloud(count))
    made = begin(few, engine)
    assert len(made) == MIN_POINTS
    assert np.isfinite(made.means).all()
    assert np.isfinite(made.log_scales).all()
    depths = np.array([project_with(few.posed_images.cameras, int(i), made.means)[1] for i in INDICES])
    assert (depths.max(axis=0) > 0).all()


def test_points_that_are_not_numbers_are_left_out(model: SparseModel, engine: CpuEngine) -> None:
    """One broken point does not break the scene."""
    points = cloud(MIN_POINTS + 1)
    points[7] = np.nan
    assert len(begin(with_points(model, points), engine)) == MIN_POINTS


def test_more_points_than_allowed_are_thinned(model: SparseModel, engine: CpuEngine) -> None:
    """At random, by the seed, without doubles."""
    many = with_points(model, cloud(3000))
    one, two, other = (begin(many, engine, count=500, seed=seed) for seed in (0, 0, 1))
    assert len(one) == 500
    assert len(np.unique(one.means, axis=0)) == 500
    assert np.array_equal(one.means, two.means)
    assert not np.array_equal(one.means, other.means)
