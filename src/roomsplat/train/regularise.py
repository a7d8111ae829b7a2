"""What a step does so that the scene does not learn its film by heart: pulls on parameters, and pictures that vary.

Pure functions of settings and step, so that a resumed run sees what an uninterrupted one sees.
"""

from dataclasses import replace

import numpy as np

from roomsplat.render.base import LearningRates, RenderSettings
from roomsplat.train.config import TrainConfig


def with_pulls(rates: LearningRates, config: TrainConfig, *, count: int, extent: float) -> LearningRates:
    """``rates`` with the pulls on each of ``count`` Gaussians; ``extent`` of the scene in world units.

    The terms are means over all Gaussians, so that their weights do not depend on how many there are.
    """
    settings = config.regularise
    return replace(
        rates,
        opacity_pull=settings.opacity / max(count, 1),
        scale_pull=settings.scale / (3 * extent * max(count, 1)),
        sh_pull=settings.harmonics / max(count, 1),
    )


def varied(settings: RenderSettings, config: TrainConfig, step: int) -> RenderSettings:
    """How the picture of ``step`` is drawn: some Gaussians left out, another background."""
    share = config.regularise.drop * step / config.max_steps
    if share > 0:
        settings = replace(settings, drop=share, drop_seed=(config.seed + step) % 2**24)
    if config.regularise.flatness:
        settings = replace(settings, with_depth=True)
    if config.regularise.background:
        red, green, blue = np.random.default_rng((config.seed, 2, step)).random(3).tolist()
        settings = replace(settings, background=(red, green, blue))
    return settings
