"""Two engines asked the same question, at any number of Gaussians."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import Engine, RenderSettings
from tests.contracts.scenes import random_slopes
from tests.gpu.machine import host
from tests.reference.projection import PARAMETERS

Double = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A picture and its gradients, Gaussians sorted by their means."""

    pictures: dict[str, Double]
    gradients: dict[str, Double]


def by_means(means: Any) -> NDArray[np.intp]:
    """An order that does not depend on where an engine stores what: means are distinct, and stored bit for bit."""
    return np.lexsort(host(means).T)


def answer(engine: Engine, gaussians: Gaussians, camera: PinholeCamera, settings: RenderSettings) -> Answer:
    """Render and differentiate: smooth slopes of colour, coverage and depth, as a loss makes them."""
    splats = engine.create(gaussians, sh_degree=gaussians.sh_degree)
    rendering = engine.rasterize(splats, camera, settings)
    pictures = {
        "rgb": host(rendering.rgb).astype(np.float64),
        "alpha": host(rendering.alpha).astype(np.float64),
        "depth": host(rendering.depth).astype(np.float64),
    }
    shape = camera.height, camera.width
    slopes = [smooth_slopes((3, *shape), 1), smooth_slopes(shape, 2), 0.1 * smooth_slopes(shape, 3)]
    made = engine.backward(splats, rendering, *(engine.xp.asarray(s) for s in slopes))
    order = by_means(engine.read(splats).means)
    gradients = {name: host(getattr(made, name)).astype(np.float64)[order] for name in PARAMETERS}
    return Answer(pictures=pictures, gradients=gradients | {"camera": np.append(made.pose, made.focal)})


def smooth_slopes(shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """Random ones plus a constant, so that no gradient is a sum that nearly cancels."""
    return random_slopes(shape, seed) * np.float32(0.3) + np.float32(0.5)


def relative_error(got: Double, wanted: Double) -> float:
    """Length of the difference as a share of the length of what is wanted; not-a-number stays one."""
    return float(np.linalg.norm(got - wanted) / max(float(np.linalg.norm(wanted)), 1e-12))


def assert_same_answer(got: Answer, wanted: Answer, share: float) -> None:
    """Pictures and every gradient agree to ``share`` of their length."""
    errors = {
        name: relative_error(part[name], whole[name])
        for part, whole in ((got.pictures, wanted.pictures), (got.gradients, wanted.gradients))
        for name in whole
    }
    worse = {name: error for name, error in errors.items() if not error <= share}
    assert not worse, f"relative errors above {share:g}: {worse} of {errors}"
