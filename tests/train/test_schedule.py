"""Laws of the training schedule."""

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

from roomsplat.core.cameras import Cameras
from roomsplat.core.point_cloud import PointCloud
from roomsplat.errors import InvalidSettingError
from roomsplat.train import schedule
from roomsplat.train.config import DensifyConfig, TrainConfig


def cameras_at(centers: np.ndarray) -> Cameras:
    """Cameras that look along +z."""
    poses = np.tile(np.eye(4, dtype=np.float32), (len(centers), 1, 1))
    poses[:, :3, 3] = -centers
    return Cameras(
        intrinsics=np.tile(np.float32([50, 50, 32, 24]), (len(centers), 1)),
        cam_from_world=poses,
        width=64,
        height=48,
    )


def points_at(positions: np.ndarray) -> PointCloud:
    """Grey points."""
    count = len(positions)
    return PointCloud(
        positions=positions,
        colors=np.full((count, 3), 128, np.uint8),
        errors=np.zeros(count, np.float32),
        track_lengths=np.zeros(count, np.int32),
    )


def test_extent_scales_with_the_world() -> None:
    """A world twice as large has twice the extent."""
    rng = np.random.default_rng(0)
    centers, points = rng.normal(size=(5, 3)), rng.normal((0, 0, 6), 1, (200, 3))
    one = schedule.scene_extent(cameras_at(centers), points_at(points))
    two = schedule.scene_extent(cameras_at(2 * centers), points_at(2 * points))
    assert two == pytest.approx(2 * one, rel=1e-5)


def test_extent_of_a_turning_camera_is_the_depth_of_what_it_sees() -> None:
    """Cameras at one place still give the distance to the points, not zero."""
    points = np.random.default_rng(0).uniform(-1, 1, (300, 3)) * (1, 1, 0.1) + (0, 0, 5)
    assert schedule.scene_extent(cameras_at(np.zeros((4, 3))), points_at(points)) == pytest.approx(5, rel=0.1)


def test_extent_without_points_is_positive() -> None:
    """No point and no path: one unit."""
    assert schedule.scene_extent(cameras_at(np.zeros((2, 3))), points_at(np.zeros((0, 3)))) == 1.0


def test_means_slow_down_to_the_stated_share() -> None:
    """The rate of the means falls monotonically from extent · start to its final share."""
    config = TrainConfig(max_steps=schedule.REFERENCE_STEPS)
    steps = range(0, config.max_steps + 1, 30)
    rates = [schedule.learning_rates(config, step, 3.0).means for step in steps]
    assert rates[0] == pytest.approx(3.0 * config.rates.means)
    assert rates[-1] == pytest.approx(rates[0] * config.rates.means_final)
    assert all(a > b for a, b in itertools.pairwise(rates))


def test_short_runs_take_larger_steps() -> None:
    """Half the steps never mean smaller ones, and no rate but the means' grows beyond its measured value."""
    rates = [
        schedule.learning_rates(TrainConfig(max_steps=steps), 0, 1.0) for steps in (500, 3000, 7000, 30000)
    ]
    assert [r.means for r in rates] == sorted((r.means for r in rates), reverse=True)
    assert rates[0].log_scales == rates[1].log_scales > rates[2].log_scales > rates[3].log_scales


def test_shares_do_not_depend_on_the_length_of_the_run() -> None:
    """At the same share of the run, a short and a long run are at the same degree and picture size."""
    short, long = TrainConfig(max_steps=1000), TrainConfig(max_steps=5000)
    for share in np.linspace(0, 0.99, 34):
        a, b = int(share * 1000), int(share * 1000) * 5
        assert schedule.sh_degree(short, a) == schedule.sh_degree(long, b)
        assert schedule.divisor(short, a, 1000) == schedule.divisor(long, b, 1000)


def test_sizes_only_grow_and_end_full() -> None:
    """Coarse to fine, and the last step sees full pictures."""
    config = TrainConfig(max_steps=500)
    levels = [schedule.divisor(config, step, 1000) for step in range(500)]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 1
    assert levels[-1] == 1


def test_small_pictures_are_not_reduced() -> None:
    """A level whose short side would fall below the limit is skipped."""
    config = TrainConfig(max_steps=500, min_level_side=64)
    assert schedule.divisor(config, 0, 100) == 1
    assert schedule.divisor(config, 0, 128) <= 2


def test_the_share_of_work_rises_with_the_cost_of_a_step() -> None:
    """From 0 to 1 without a fall; a step is as long as its pictures are large."""
    config = TrainConfig(max_steps=1000, coarse_levels=((4, 0.1), (2, 0.35)))
    shares = np.array([schedule.share_of_work(config, done, 1000) for done in range(1001)])
    assert (shares[0], shares[-1]) == (0, 1)
    levels = np.array([schedule.divisor(config, step, 1000) for step in range(1000)])
    costs = np.diff(shares)
    assert np.all(np.diff(costs) > -1e-12)
    full, half, quarter = (costs[levels == level].mean() for level in (1, 2, 4))
    assert full / half == pytest.approx(16.2 / 6.8, rel=0.02)  # as measured
    assert half > quarter > 0


def test_equal_steps_are_equal_shares() -> None:
    """Where pictures are too small to be reduced, the share is that of the steps."""
    config = TrainConfig(max_steps=300)
    for done in (1, 30, 200):
        assert schedule.share_of_work(config, done, 70) == pytest.approx(done / 300)


def test_degree_reaches_the_highest() -> None:
    """Every degree up to the highest has its turn."""
    config = TrainConfig(max_steps=400, sh_degree=3)
    assert sorted({schedule.sh_degree(config, step) for step in range(400)}) == [0, 1, 2, 3]


@pytest.mark.parametrize("steps", [1, 2, 7, 100, 3000])
def test_rounds_lie_inside_the_run(steps: int) -> None:
    """Rounds ascend, are at most as many as asked for, and the last step is never one."""
    config = TrainConfig(max_steps=steps)
    rounds = schedule.densify_rounds(config)
    assert list(rounds) == sorted(set(rounds))
    assert len(rounds) <= config.densify.rounds
    assert all(0 < step < steps for step in rounds)
    assert set(rounds) <= set(schedule.boundaries(config))


@pytest.mark.parametrize("steps", [1, 40, 3000, 20_000])
def test_boundaries_are_close_and_end_with_the_run(steps: int) -> None:
    """At most 500 steps are lost to an interrupt, and the end is a boundary."""
    marks = (0, *schedule.boundaries(TrainConfig(max_steps=steps)))
    assert marks[-1] == steps
    assert all(0 < b - a <= 500 for a, b in itertools.pairwise(marks))


def test_statistics_of_a_round_come_from_enough_steps() -> None:
    """No boundary lies closer before a round than half the largest distance."""
    config = TrainConfig(max_steps=20_000, densify=DensifyConfig(rounds=5))
    marks = (0, *schedule.boundaries(config))
    gaps = {b: b - a for a, b in itertools.pairwise(marks)}
    assert all(gaps[step] >= 250 for step in schedule.densify_rounds(config))


@pytest.mark.parametrize(
    "change",
    [
        {"max_steps": 0},
        {"max_gaussians": 0},
        {"seed": -1},
        {"sh_degree": 4},
        {"ssim_weight": 1.5},
        {"max_side": 3},
        {"picture_memory_mb": -1},
        {"checkpoint_every_s": 0.0},
        {"checkpoint_every_s": float("nan")},
        {"coarse_levels": ((0, 0.1),)},
        {"coarse_levels": ((2, 0.0),)},
        {"coarse_levels": ((2, 1.5),)},
        {"coarse_levels": ((4, 0.3), (2, 0.2))},
        {"coarse_levels": ((4, float("nan")),)},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(change: dict[str, Any]) -> None:
    """One sentence names the setting and its value."""
    with pytest.raises(InvalidSettingError, match=next(iter(change))):
        dataclasses.replace(TrainConfig(), **change)


@pytest.mark.parametrize(
    "change", [{"rounds": -1}, {"start": -0.1}, {"stop": 0.01}, {"stop": 1.1}, {"min_opacity": 2.0}], ids=str
)
def test_densification_out_of_range_is_refused(change: dict[str, Any]) -> None:
    """The same for the settings of densification, by their full names."""
    with pytest.raises(InvalidSettingError, match=f"densify.{next(iter(change))}"):
        dataclasses.replace(DensifyConfig(), **change)
