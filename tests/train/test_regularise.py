"""What pulls on Gaussians beside the pictures: weights that do not depend on how many there are."""

from dataclasses import asdict, replace

import pytest

from roomsplat.errors import InvalidSettingError
from roomsplat.render.base import LearningRates
from roomsplat.train.config import RegulariseConfig, TrainConfig
from roomsplat.train.regularise import with_pulls

RATES = LearningRates(means=1, quats=2, log_scales=3, opacity_logits=4, sh_dc=5, sh_rest=6)
PULLS = ("opacity_pull", "scale_pull", "sh_pull")


def config(**settings: float) -> TrainConfig:
    """A run of 100 steps."""
    return replace(TrainConfig(), max_steps=100, regularise=RegulariseConfig(**settings))


def test_pulls_are_means_over_the_gaussians() -> None:
    """Twice as many Gaussians are pulled at half as hard each; scales are measured in extents; step sizes stay."""
    chosen = config(opacity=0.1, scale=0.3, harmonics=0.5)
    few = with_pulls(RATES, chosen, count=10, extent=2.0)
    many = with_pulls(RATES, chosen, count=20, extent=2.0)
    assert [getattr(few, name) for name in PULLS] == pytest.approx([0.01, 0.3 / 60, 0.05])
    assert [getattr(few, name) for name in PULLS] == pytest.approx([2 * getattr(many, n) for n in PULLS])
    assert {k: v for k, v in asdict(few).items() if k not in PULLS} == {
        k: v for k, v in asdict(RATES).items() if k not in PULLS
    }
    assert with_pulls(RATES, chosen, count=0, extent=2.0).opacity_pull == 0.1


@pytest.mark.parametrize("name", ["opacity", "scale", "harmonics", "flatness", "anchors"])
def test_what_cannot_work_is_refused(name: str) -> None:
    """A negative weight."""
    with pytest.raises(InvalidSettingError, match=f"regularise.{name}"):
        config(**{name: -0.1})
