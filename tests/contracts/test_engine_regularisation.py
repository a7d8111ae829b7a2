"""What pulls on Gaussians beside the picture, so that a scene does not learn its film by heart."""

from dataclasses import replace

import numpy as np
import pytest

from roomsplat.render.base import Engine, RenderSettings
from tests.contracts.harness import RATES, assert_close, fields_of, plain, some_slopes, view_of
from tests.contracts.scenes import look, steady_scatter
from tests.reference.engine import pull_on
from tests.reference.projection import PARAMETERS

CAMERA = look(40, 28)
SETTINGS = RenderSettings(sh_degree=1)
PULLS = {"opacity_pull": 0.3, "scale_pull": 0.7, "sh_pull": 0.2}


@pytest.mark.parametrize("name", PULLS)
def test_a_pull_adds_its_slope(engine: Engine, name: str) -> None:
    """From zero moments Adam's first moment is a tenth of the picture's gradient and the pull's slope together."""
    gaussians = steady_scatter(0, 8, 2, CAMERA, SETTINGS)  # one degree more than is trained
    slopes, rates = engine.xp.asarray(some_slopes(CAMERA).rgb), replace(RATES, **{name: PULLS[name]})
    view = view_of(engine, gaussians, CAMERA, SETTINGS)
    gradients, _ = view.gradients(slopes)
    values = fields_of(engine.read(view.splats), view.places)
    engine.update(view.splats, view.rendering, slopes, rates=rates, step=1)
    moments = engine.read(view.splats).first_moments
    moved = 0.0
    for field in PARAMETERS:
        pull = pull_on(values, field, rates, SETTINGS.sh_degree)
        assert_close(10 * plain(moments[field])[view.places], gradients[field] + pull, 1e-5, field)
        moved += float(np.abs(pull).max())
    assert moved > 0.01


def test_pulls_are_the_slopes_of_their_terms() -> None:
    """The reference's slopes are what its terms change by when a parameter moves."""
    gaussians = steady_scatter(0, 5, 2, CAMERA, SETTINGS)
    values = {name: np.asarray(getattr(gaussians, name), np.float64) for name in PARAMETERS}
    rates = replace(RATES, **PULLS)

    def term(logits: np.ndarray, log_scales: np.ndarray, sh: np.ndarray) -> float:
        opacities = 1 / (1 + np.exp(-logits))
        return 0.3 * opacities.sum() + 0.7 * np.exp(log_scales).sum() + 0.1 * float((sh[:, 1:4] ** 2).sum())

    names = ("opacity_logits", "log_scales", "sh")
    rng = np.random.default_rng(0)
    for name in names:
        direction = rng.normal(size=values[name].shape)
        ends = [
            term(*(values[n] + sign * 1e-5 * direction if n == name else values[n] for n in names))
            for sign in (1, -1)
        ]
        slope = float((pull_on(values, name, rates, 1) * direction).sum())
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6), name
