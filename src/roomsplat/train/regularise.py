"""What pulls on the Gaussians beside the pictures, so that the scene does not learn its film by heart."""

from dataclasses import replace

from roomsplat.render.base import LearningRates
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
