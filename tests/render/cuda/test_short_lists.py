"""What a training whose tile lists are too short at first keeps to."""

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.render.base import RenderSettings
from roomsplat.render.cuda import listing
from roomsplat.render.cuda.engine import CudaEngine
from tests.contracts.harness import RATES
from tests.contracts.scenes import look, photo, scatter
from tests.emulator.device import EmulatedDevice

CAMERA = look(150, 90)


def trained(*, looks: bool) -> tuple[list[bool], NDArray[np.float32]]:
    """Which of four steps lacked pairs, and all parameters after them; ``looks`` at each picture once compared."""
    engine = CudaEngine(EmulatedDevice())
    splats = engine.create(scatter(2, 60, 1, CAMERA), sh_degree=1)
    target = engine.prepare_target(photo(CAMERA))
    missing: list[bool] = []
    for step in range(1, 5):
        drawn = engine.rasterize(splats, CAMERA, RenderSettings(sh_degree=1))
        loss = engine.photometric_loss(drawn, target, ssim_weight=0.3)
        if looks:
            assert np.isfinite(drawn.rgb).all()
        engine.update(splats, drawn, loss.grad_rgb, rates=RATES, step=step)
        missing.append(drawn.lists.overflowed())
    return missing, np.array(splats.params[:, : splats.num_gaussians])


def test_looking_at_a_compared_picture_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trainer that reports by the clock comes to the same bits as one that does not, short lists or not."""
    monkeypatch.setattr(listing, "FIRST_PAIRS", 64)
    monkeypatch.setattr(listing, "FIRST_PAIRS_EACH", 0)
    missing, wanted = trained(looks=False)
    assert missing[0], "the scene is too small for this test"
    looked_missing, got = trained(looks=True)
    assert looked_missing == missing
    np.testing.assert_array_equal(got, wanted)
