"""What a training whose tile lists are too short at first keeps to."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.render.base import RenderSettings
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.render.cuda import drawing, listing
from roomsplat.render.cuda.engine import CudaEngine
from roomsplat.train.trainer import train
from tests.contracts.harness import RATES
from tests.contracts.scenes import look, photo, scatter
from tests.emulator.device import EmulatedDevice
from tests.gpu.small_training import CONFIG, WatchfulEngine
from tests.train.scenes import tiny_model

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


def shorten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists begin far too short."""
    monkeypatch.setattr(listing, "FIRST_PAIRS", 64)
    monkeypatch.setattr(listing, "FIRST_PAIRS_EACH", 0)


def test_looking_at_a_compared_picture_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trainer that reports by the clock comes to the same bits as one that does not, short lists or not."""
    shorten(monkeypatch)
    monkeypatch.setattr(drawing, "AWAITED_VIEWS", 0)
    missing, wanted = trained(looks=False)
    assert missing[0], "the scene is too small for this test"
    looked_missing, got = trained(looks=True)
    assert looked_missing == missing
    np.testing.assert_array_equal(got, wanted)


def interrupt() -> None:
    """As Ctrl-C does."""
    raise KeyboardInterrupt


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where lists overflow: how long they were before an interrupt is forgotten at each boundary."""
    shorten(monkeypatch)
    make: Callable[[], CudaEngine] = lambda: CudaEngine(EmulatedDevice())  # noqa: E731 - one line says it
    model = tiny_model(CpuEngine(threads=1), tmp_path)
    wanted = train(model, make(), CONFIG).gaussians
    with pytest.raises(KeyboardInterrupt):
        train(model, WatchfulEngine(make(), 60, interrupt), CONFIG, tmp_path)
    result = train(model, make(), CONFIG, tmp_path)
    assert 0 < result.resumed_at < 60
    np.testing.assert_array_equal(result.gaussians.means, wanted.means)
    np.testing.assert_array_equal(result.gaussians.sh, wanted.sh)
