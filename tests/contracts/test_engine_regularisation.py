"""What keeps a scene from learning its film by heart: pulls beside the picture, and Gaussians left out at random."""

from dataclasses import replace

import numpy as np
import pytest

from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import Engine, RenderSettings
from roomsplat.render.dropping import dropped
from tests.contracts.harness import RATES, assert_close, fields_of, plain, some_slopes, view_of
from tests.contracts.scenes import look, steady_scatter
from tests.reference.engine import ReferenceEngine, pull_on
from tests.reference.projection import PARAMETERS, is_dropped

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


def test_the_hash_is_the_references() -> None:
    """Who is left out is decided as step by step in whole numbers, in the share asked for, anew for each seed."""
    for share, seed in ((0.1, 0), (0.5, 1), (0.5, 16_777_215)):
        got = dropped(3000, share, seed)
        settings = RenderSettings(drop=share, drop_seed=seed)
        assert got.tolist() == [is_dropped(place, settings) for place in range(3000)]
        assert got.mean() == pytest.approx(share, abs=0.03)
    both = dropped(3000, 0.5, 1) & dropped(3000, 0.5, 2)
    assert both.mean() == pytest.approx(0.25, abs=0.03), "seeds must not leave out the same ones"


def test_a_picture_with_some_left_out(engine: Engine) -> None:
    """It is that of the others with opacities divided by the share that stays; those left out have no gradient."""
    scatter = steady_scatter(3, 24, 1, CAMERA, SETTINGS)
    # An opacity that came to one or more would have no logit.
    gaussians = replace(scatter, opacity_logits=np.minimum(scatter.opacity_logits, 0.2))
    settings = replace(SETTINGS, drop=0.4, drop_seed=77)
    slopes = engine.xp.asarray(some_slopes(CAMERA).rgb)
    splats = engine.create(gaussians, sh_degree=1)
    stored = engine.read(splats)
    rendering = engine.rasterize(splats, CAMERA, settings)
    picture = plain(rendering.rgb).copy()
    gradients = engine.backward(splats, rendering, slopes)
    out = dropped(24, 0.4, 77)
    assert 0 < out.sum() < 24
    fields = {name: plain(getattr(stored, name)) for name in PARAMETERS}
    opacity = (1 / (1 + np.exp(-fields["opacity_logits"][~out]))) / 0.6
    kept = Gaussians(
        **{
            name: value[~out].astype(np.float32) for name, value in fields.items() if name != "opacity_logits"
        },
        opacity_logits=np.log(opacity / (1 - opacity)).astype(np.float32),
    )
    reference = ReferenceEngine()
    wanted = view_of(reference, kept, CAMERA, SETTINGS)
    np.testing.assert_allclose(picture, wanted.rendering.rgb, atol=2e-5)
    assert not plain(gradients.means)[out].any()
    assert not plain(gradients.opacity_logits)[out].any()
    slope = reference.backward(wanted.splats, wanted.rendering, plain(slopes))
    assert_close(plain(gradients.means)[~out], slope.means, 1e-4, "means")
    # d(opacity / 0.6) / d(logit) for the two logits differs by the ratio of 1 - opacity.
    factor = (1 - 0.6 * opacity) / (1 - opacity)
    assert_close(plain(gradients.opacity_logits)[~out], slope.opacity_logits * factor, 1e-4, "logits")
