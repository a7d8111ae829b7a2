"""Choosing an engine, and finished pictures."""

import numpy as np
import pytest

from roomsplat.errors import EngineError, InvalidSettingError
from roomsplat.render.base import Engine, RenderSettings
from roomsplat.render.engines import select_engine
from roomsplat.render.view import render_view
from tests.render.scenes import camera, cloud, single


@pytest.mark.parametrize("name", ["auto", "cpu"])
def test_the_cpu_is_always_there(name: str) -> None:
    """``auto`` and ``cpu`` give an engine that names itself and takes the number of threads."""
    engine: Engine = select_engine(name, threads=1)
    assert (engine.name, engine.xp) == ("cpu", np)


@pytest.mark.parametrize("name", ["cuda", "gpu", ""])
def test_other_engines_are_refused_in_one_sentence(name: str) -> None:
    """What this version does not have ends in an error with a hint."""
    with pytest.raises(EngineError) as caught:
        select_engine(name)
    assert "--engine" in caught.value.hint


@pytest.mark.parametrize("threads", [0, -1])
def test_no_engine_runs_on_no_thread(threads: int) -> None:
    """Fewer than one thread is refused with the number, not quietly taken for one."""
    with pytest.raises(InvalidSettingError, match=f"threads is {threads}"):
        select_engine("auto", threads=threads)


def test_a_finished_picture() -> None:
    """Colour is clamped, coverage below one, and depth is the covering Gaussian's wherever anything covers."""
    view = camera()
    picture = render_view(select_engine("cpu"), single(z=3, logit=6), view, RenderSettings(with_depth=True))
    covered = picture.alpha > 0
    np.testing.assert_allclose(picture.depth[covered], 3, rtol=1e-5)
    assert not picture.depth[~covered].any()
    bright = render_view(select_engine("cpu"), cloud(), view, RenderSettings(background=(2, -1, 0.5)))
    assert bright.rgb.shape == (61, 83, 3)
    assert 0 <= bright.rgb.min() < bright.rgb.max() <= 1
    assert not bright.depth.any()


def test_pictures_outlive_the_engines_buffers() -> None:
    """What ``render_view`` gives is a copy: a later view does not change it."""
    engine, view = select_engine("cpu"), camera()
    first = render_view(engine, single(), view, RenderSettings())
    kept = first.rgb.copy()
    render_view(engine, cloud(), view, RenderSettings())
    np.testing.assert_array_equal(first.rgb, kept)
