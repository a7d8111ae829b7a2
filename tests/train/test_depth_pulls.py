"""When depth is pulled, and that both pulls add up."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from roomsplat.core.cameras import PinholeCamera
from roomsplat.render.engines import select_engine
from roomsplat.train.config import RegulariseConfig
from roomsplat.train.depth_pulls import EVERY, DepthPulls

POINTS = np.random.default_rng(0).uniform(-1, 1, (60, 3)).astype(np.float32) + np.float32([0, 0, 2])
CAMERA = PinholeCamera(width=12, height=9, fx=12.0, fy=12.0, cx=6.0, cy=4.5, cam_from_world=np.eye(4))


def pulls(**weights: float) -> DepthPulls:
    """Of a scene that is 2 units large."""
    config = RegulariseConfig(**{"flatness": 0.0, "anchors": 0.0, **weights})
    return DepthPulls(config, select_engine("cpu", threads=1), POINTS, 2.0)


def slopes(one: DepthPulls) -> Any:
    """Of a bumpy surface near the points."""
    rng = np.random.default_rng(1)
    alpha = rng.uniform(0.6, 1, (9, 12)).astype(np.float32)
    rendering = SimpleNamespace(
        alpha=alpha, depth=alpha * rng.uniform(1.8, 2.2, alpha.shape).astype(np.float32)
    )
    return one.slopes(0, CAMERA, cast("Any", rendering), np.zeros((9, 12, 3), np.uint8))


def test_nothing_is_due_without_weights() -> None:
    """A run that asks for neither draws no depth; one that asks for either does at every fourth step."""
    assert not any(pulls().is_due(step) for step in range(10))
    for weights in ({"flatness": 0.1}, {"anchors": 0.1}):
        assert [step for step in range(3 * EVERY) if pulls(**weights).is_due(step)] == [0, EVERY, 2 * EVERY]


def test_both_pulls_add_up() -> None:
    """The slopes of both weights are the sum of the slopes of each."""
    both = slopes(pulls(flatness=0.2, anchors=0.3))
    each = [slopes(pulls(flatness=0.2)), slopes(pulls(anchors=0.3))]
    for i in range(2):
        np.testing.assert_allclose(both[i], each[0][i] + each[1][i], rtol=1e-5, atol=1e-7)
        assert np.any(each[0][i])
        assert np.any(each[1][i])


@pytest.mark.parametrize("name", ["flatness", "anchors"])
def test_a_pull_is_made_up_for_the_steps_in_between(name: str) -> None:
    """Twice the weight, twice the slope."""
    one, two = slopes(pulls(**{name: 0.1})), slopes(pulls(**{name: 0.2}))
    for i in range(2):
        np.testing.assert_allclose(two[i], 2 * one[i], rtol=1e-5)
