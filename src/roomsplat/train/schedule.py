"""What holds at which step: learning rates, degree of harmonics, picture size, rounds of densification.

Pure functions of the settings and the step (counted from 0), so that a resumed run sees what an uninterrupted one sees.
"""

import itertools
import math

import numpy as np

from roomsplat.core.cameras import Cameras
from roomsplat.core.point_cloud import PointCloud
from roomsplat.core.projection import project_with
from roomsplat.render.base import LearningRates
from roomsplat.train.config import TrainConfig

_SAMPLES = 2000
REFERENCE_STEPS = 3000
"""The length of run that the rates in ``RateConfig`` were measured for."""
LENGTH_POWER = 0.6
"""Shorter runs take larger steps, longer ones smaller, by (3000 / steps) ** 0.6: at 1,000 steps twice the means' rate
gained 0.1 to 0.5 dB, at 7,000 half of every rate 0.15 dB; the other rates do not gain beyond their value at 3,000."""
_LENGTH_LIMITS = (0.2, 2.5)
_BOUNDARY_GAP = 500
"""Steps between two boundaries at most: a minute at full HD. Out and in costs 0.1 s for 60 k Gaussians."""

_LARGEST_POSE_STEP = 4e-3
"""In radians and parts of the extent: 1 px at a focal length of 250 px."""

_FIXED_COST = 0.3
"""Of a step, in units of what grows with the pixels: 100 k Gaussians take 16.2 ms at 960x540 and 6.8 ms at half of that
(benchmarks/baseline.json)."""


def scene_extent(cameras: Cameras, points: PointCloud) -> float:
    """What steps of the means are measured in, in world units: the median depth at which cameras see points.

    Kerbl et al. 2023 take the radius of the camera path, which is close to zero for a film that only turns around.
    Falls back to that radius, then to 1, where there is nothing to see.
    """
    centers = cameras.centers.astype(np.float64)
    radius = float(np.linalg.norm(centers - centers.mean(0), axis=1).max())
    finite = points.positions[np.isfinite(points.positions).all(1)].astype(np.float64)
    picked = finite[:: max(1, len(finite) // _SAMPLES)]
    medians: list[float] = []
    for index in range(len(cameras)):
        pixels, depth = project_with(cameras, index, picked)
        inside = (pixels >= 0).all(axis=1) & (pixels < (cameras.width, cameras.height)).all(axis=1)
        seen = depth[inside & (depth > 1e-6 * radius)]
        if len(seen):
            medians.append(float(np.median(seen)))
    if medians:
        return float(np.median(medians))
    return radius if radius > 0 else 1.0


def learning_rates(config: TrainConfig, step: int, extent: float) -> LearningRates:
    """Adam's step sizes at ``step``; ``extent`` in world units scales that of the means."""
    rates, progress = config.rates, step / config.max_steps
    length = (REFERENCE_STEPS / config.max_steps) ** LENGTH_POWER
    others = min(max(length, _LENGTH_LIMITS[0]), 1.0)
    means = min(max(length, _LENGTH_LIMITS[0]), _LENGTH_LIMITS[1])
    return LearningRates(
        means=rates.means * extent * means * rates.means_final**progress,
        quats=rates.quats * others,
        log_scales=rates.log_scales * others,
        opacity_logits=rates.opacity_logits * others,
        sh_dc=rates.sh_dc * others,
        sh_rest=rates.sh_rest * others,
    )


def pose_rate(config: TrainConfig, step: int, begun: int, num_pictures: int) -> float:
    """How far a camera may go at ``step``, when they began to move at step ``begun``.

    All its steps together come to the reach, however often a picture is shown: at 2e-3 a visit 15 visits correct more
    than half of 0.3°, and 60 visits at that rate would only keep the cameras trembling for longer.
    """
    final, steps = config.poses.rate_final, config.max_steps - begun
    mean = (1 - final) / -math.log(final)
    first = min(config.poses.reach / (mean * max(steps / num_pictures, 1)), _LARGEST_POSE_STEP)
    return first * final ** ((step - begun) / steps)


def boundary_at(config: TrainConfig, share: float) -> int:
    """The first boundary at or after ``share`` of the run."""
    return next(step for step in boundaries(config) if step >= share * config.max_steps)


def sh_degree(config: TrainConfig, step: int) -> int:
    """The degree that is trained at ``step``: one more each ``sh_interval`` of the run."""
    interval = max(1, round(config.sh_interval * config.max_steps))
    return min(config.sh_degree, step // interval)


def divisor(config: TrainConfig, step: int, shorter_side: int) -> int:
    """By how much pictures are reduced at ``step``; ``shorter_side`` in px at full size."""
    for level, until in config.coarse_levels:
        if step < until * config.max_steps and shorter_side // level >= config.min_level_side:
            return level
    return 1


def share_of_work(config: TrainConfig, done: int, shorter_side: int) -> float:
    """0 to 1: how much of the run's time ``done`` steps take; a coarse step costs less than a fine one."""

    def cost(end: int) -> float:
        changes = (min(end, math.ceil(until * config.max_steps)) for _, until in config.coarse_levels)
        return sum(
            (b - a) * (_FIXED_COST + 1 / divisor(config, a, shorter_side) ** 2)
            for a, b in itertools.pairwise(sorted({0, *changes, end}))
        )

    return cost(done) / cost(config.max_steps)


def densify_rounds(config: TrainConfig) -> tuple[int, ...]:
    """The steps after which a round of densification runs, ascending; steps counted from 1 (done, not begun)."""
    settings = config.densify
    first, last = settings.start * config.max_steps, settings.stop * config.max_steps
    steps = np.linspace(first, last, settings.rounds + 1)[1:].round().astype(int)
    return tuple(int(step) for step in np.unique(steps) if 0 < step < config.max_steps)


def boundaries(config: TrainConfig) -> tuple[int, ...]:
    """The steps after which the Gaussians are taken out and put back: the rounds, and equal parts of what lies between.

    Only here is a checkpoint made, because here the engine starts from plain arrays whether the run was
    interrupted or not; that makes a resumed run equal to an uninterrupted one, bit for bit. Parts are equal because
    ``Engine.write`` clears the statistics: a round must not follow upon a boundary.
    """
    marks = (0, *densify_rounds(config), config.max_steps)
    steps: set[int] = set()
    for begin, end in itertools.pairwise(marks):
        parts = -(-(end - begin) // _BOUNDARY_GAP)
        steps |= {begin + (end - begin) * part // parts for part in range(1, parts + 1)}
    return tuple(sorted(steps))
