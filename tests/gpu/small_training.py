"""A few steps of training on a small scene, as a program: for compute-sanitizer, and to lose a device on purpose.

``python -m tests.gpu.small_training`` trains three steps and reads everything that an engine can give; each array has
its own allocation, so that a sanitizer sees what lies outside it. ``... lose FOLDER`` breaks the device in the middle
of a run that keeps its checkpoint in FOLDER, and prints the code of the error that the run ends with. ``... digest
FOLDER`` trains with pictures in FOLDER and prints a digest of the scene's bits.
"""

import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from roomsplat.errors import RoomsplatError
from roomsplat.render.base import Engine, LearningRates, RenderSettings
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.train.config import TrainConfig
from roomsplat.train.trainer import train
from tests.contracts.scenes import look, photo, random_slopes
from tests.gpu.machine import cuda_engine, host
from tests.gpu.scenes import wild
from tests.train.scenes import tiny_model

CONFIG = TrainConfig(max_steps=80, max_gaussians=150, sh_degree=1, min_level_side=12)
LOST_AT = 60
RATES = LearningRates(means=1e-3, quats=2e-3, log_scales=1e-2, opacity_logits=1e-1, sh_dc=5e-3, sh_rest=5e-4)
WILD_WRITE = 'extern "C" __global__ void wild_write(long long address) { *(volatile int*)address = 1; }'


class WatchfulEngine:
    """An engine that does something of its own before the update of one step."""

    def __init__(self, engine: Engine, step: int, act: Any) -> None:
        """``act`` is called once, before the update of ``step`` (counted from 1)."""
        self._engine: Any = engine
        self._step, self._act = step, act

    def update(self, *args: Any, step: int, **kwargs: Any) -> Any:
        """As the engine does."""
        if step == self._step:
            self._act()
        return self._engine.update(*args, step=step, **kwargs)

    def __getattr__(self, name: str) -> Any:
        """Whatever else an engine can do."""
        return getattr(self._engine, name)


def every_kernel(engine: Engine) -> None:
    """Three steps, with masks, colour transforms, depth, poses, coarse pictures and plain gradients."""
    camera = look(150, 90)
    image, small = photo(camera), look(75, 45)
    mask = np.ones(image.shape[:2], bool)
    mask[20:30, 40:90] = False
    colour = np.eye(3, 5, dtype=np.float32) * np.float32(0.9)
    colour[:, 4] = -0.1
    for degree in (0, 3):
        splats = engine.create(wild(1, 30, camera, degree), sh_degree=degree)
        targets = [engine.prepare_target(image), engine.prepare_target(image, mask)]
        reduced = [engine.reduce_target(target, small.width, small.height) for target in targets]
        for step in range(1, 4):
            for view, target, tint in (
                (camera, targets[0], None),
                (camera, targets[1], colour),
                (small, reduced[step % 2], None),
            ):
                settings = RenderSettings(sh_degree=degree, antialiased=step == 2)
                rendering = engine.rasterize(splats, view, settings)
                loss = engine.photometric_loss(rendering, target, ssim_weight=0.3, colour=tint)
                engine.update(
                    splats,
                    rendering,
                    loss.grad_rgb,
                    rates=RATES,
                    step=step,
                    collect=True,
                    with_camera=step == 3,
                )
                assert np.isfinite(loss.value)
        rendering = engine.rasterize(splats, camera, RenderSettings(sh_degree=degree, with_depth=True))
        shape = camera.height, camera.width
        slopes = [engine.xp.asarray(random_slopes(s, 1)) for s in ((3, *shape), shape, shape)]
        gradients = engine.backward(splats, rendering, *slopes)
        assert np.isfinite(host(gradients.means)).all()
        assert np.isfinite(host(engine.read(splats).means)).all()


def lose_the_device(folder: Path) -> str:
    """Train, and break the device at step ``LOST_AT``; the error's code, or that there was none."""
    engine = cuda_engine()
    kernel = engine.xp.RawKernel(WILD_WRITE, "wild_write")
    watchful: Any = WatchfulEngine(engine, LOST_AT, lambda: kernel((1,), (1,), (np.int64(64),)))
    model = tiny_model(CpuEngine(threads=1), folder)
    try:
        train(model, watchful, replace(CONFIG, checkpoint_every_s=1e-3), folder)
    except RoomsplatError as error:
        return error.code
    return "none"


def digest(folder: Path) -> str:
    """Of every bit of a trained scene."""
    result = train(tiny_model(CpuEngine(threads=1), folder), cuda_engine(), CONFIG).gaussians
    names = ("means", "quats", "log_scales", "opacity_logits", "sh")
    return hashlib.sha256(b"".join(getattr(result, name).tobytes() for name in names)).hexdigest()


def main() -> None:
    """As the module says."""
    if sys.argv[1:2] == ["digest"]:
        sys.stdout.write(digest(Path(sys.argv[2])) + "\n")
        return
    if sys.argv[1:2] == ["lose"]:
        sys.stdout.write(lose_the_device(Path(sys.argv[2])) + "\n")
        return
    engine = cuda_engine()
    cuda = getattr(engine.xp, "cuda", None)
    if cuda is not None:
        cuda.set_allocator(None)
    every_kernel(engine)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()
