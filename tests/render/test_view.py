"""Finished pictures: floats for those who compute, 8 bits for those who look."""

import numpy as np
import pytest

from roomsplat.render.base import RenderSettings
from roomsplat.render.view import render_8bit, render_view, to_8bit
from tests.contracts.harness import cached_scatter, make_engine
from tests.contracts.scenes import look


@pytest.mark.parametrize("name", ["cpu", "emulated"])
def test_8_bits_are_the_rounded_floats(name: str) -> None:
    """The picture that an engine rounds itself is the rounded picture, in memory of its own."""
    engine, camera, settings = make_engine(name), look(), RenderSettings(background=(0.9, 1.5, -0.5))
    splats = engine.create(cached_scatter(1), sh_degree=1)
    floats = render_view(engine, splats, camera, settings).rgb
    picture = render_8bit(engine, splats, camera, settings)
    kept = picture.copy()
    assert picture.dtype == np.uint8
    assert picture.flags.c_contiguous
    np.testing.assert_array_equal(picture, to_8bit(np, floats))
    render_8bit(engine, splats, look(), RenderSettings())
    np.testing.assert_array_equal(picture, kept)
