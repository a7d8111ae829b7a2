"""The engine gives the same bits whatever the order in which the threads of a block happen to run."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import RenderSettings
from roomsplat.render.cuda.engine import CudaEngine
from tests.contracts.harness import RATES, some_slopes
from tests.contracts.scenes import look, photo, scatter
from tests.emulator.device import EmulatedDevice
from tests.reference.projection import PARAMETERS

CAMERA = look(237, 171)
SETTINGS = RenderSettings(sh_degree=2, background=(0.2, 0.3, 0.1), with_depth=True)
COLOUR = np.array([[1.1, 0, 0, 0.02, -0.2], [0, 0.9, 0.01, 0, 0.1], [0.03, 0, 1, -0.01, 0]], np.float32)


def scene() -> Gaussians:
    """Many small ones, and some that cover most of the picture, neighbours in storage: their slots are a crowd."""
    small = scatter(2, 200, 2, CAMERA)
    log_scales, opacity_logits = small.log_scales.copy(), small.opacity_logits.copy()
    log_scales[:6] += 3.0
    opacity_logits[:6] = -3.0
    return replace(small, log_scales=log_scales, opacity_logits=opacity_logits)


@cache
def everything(seed: int) -> dict[str, NDArray[np.float64]]:
    """What two steps of training and a plain backward leave, with the threads in one order."""
    engine = CudaEngine(EmulatedDevice(seed))
    splats = engine.create(scene(), sh_degree=2)
    mask = np.ones((CAMERA.height, CAMERA.width), bool)
    mask[5:9, 7:30] = False
    target = engine.prepare_target(photo(CAMERA), mask)
    found: dict[str, NDArray[np.float64]] = {}
    for step in (1, 2):
        drawn = engine.rasterize(splats, CAMERA, SETTINGS)
        loss = engine.photometric_loss(drawn, target, ssim_weight=0.2, colour=COLOUR)
        slope = engine.update(
            splats, drawn, loss.grad_rgb, rates=RATES, step=step, collect=True, with_camera=True
        )
        assert slope is not None
        for name, value in (
            *(("rgb", drawn.rgb), ("alpha", drawn.alpha), ("depth", drawn.depth)),
            *(
                ("loss", loss.value),
                ("grad_rgb", loss.grad_rgb),
                ("grad_colour", loss.grad_colour),
                ("camera", slope.values),
            ),
        ):
            found[f"{name} of step {step}"] = np.array(value)
    drawn = engine.rasterize(splats, CAMERA, SETTINGS)
    slopes = some_slopes(CAMERA, alpha=True, depth=True)
    gradients = engine.backward(splats, drawn, *slopes.all)
    arrays = engine.read(splats)
    for name in PARAMETERS:
        found[name] = np.array(getattr(arrays, name))
        found[f"gradient of {name}"] = np.array(getattr(gradients, name))
    found["pose"] = np.array(gradients.pose)
    return found | {name: np.array(value) for name, value in arrays.statistics.items()}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_no_bit_depends_on_the_order_of_threads(seed: int) -> None:
    """Descending and shuffled give what ascending gave: pictures, losses, gradients, parameters, statistics."""
    ascending, other = everything(0), everything(seed)
    for name, value in ascending.items():
        assert np.isfinite(value).all(), name
        np.testing.assert_array_equal(other[name], value, err_msg=name)
