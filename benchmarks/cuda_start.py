"""From import to the end of the first training step, in this very process: ``python -m benchmarks.cuda_start``.

Run as a child by ``benchmarks.cuda``, with an empty kernel cache and with what that left behind. Prints one line of
JSON: seconds of each part. The step is a whole one, on 20,000 Gaussians at 640x360; the scene is made outside the time.
"""

import time

BEGUN = time.perf_counter()

import argparse  # noqa: E402 - the clock must run before anything is imported
import json  # noqa: E402 - the same
from typing import Any  # noqa: E402 - the same

import numpy as np  # noqa: E402 - the same
from numpy.typing import NDArray  # noqa: E402 - the same

from benchmarks.cuda_engines import make_engine  # noqa: E402 - the same
from roomsplat.core.cameras import PinholeCamera  # noqa: E402 - the same
from roomsplat.core.gaussians import Gaussians  # noqa: E402 - the same
from roomsplat.render.base import Engine, LearningRates, RenderSettings  # noqa: E402 - the same

COUNT, WIDTH, HEIGHT = 20_000, 640, 360
RATES = LearningRates(means=1e-4, quats=1e-3, log_scales=1e-3, opacity_logits=1e-2, sh_dc=1e-3, sh_rest=1e-4)


def scene() -> tuple[Gaussians, PinholeCamera, NDArray[np.uint8]]:
    """A cloud in front of a camera, and a picture of noise."""
    rng = np.random.default_rng(0)
    gaussians = Gaussians(
        means=rng.uniform([-2, -1.2, 1], [2, 1.2, 5], (COUNT, 3)).astype(np.float32),
        quats=rng.normal(size=(COUNT, 4)).astype(np.float32),
        log_scales=rng.normal(-4, 0.5, (COUNT, 3)).astype(np.float32),
        opacity_logits=rng.normal(0, 1, COUNT).astype(np.float32),
        sh=rng.normal(0, 0.2, (COUNT, 16, 3)).astype(np.float32),
    )
    camera = PinholeCamera(
        fx=500,
        fy=500,
        cx=WIDTH / 2,
        cy=HEIGHT / 2,
        width=WIDTH,
        height=HEIGHT,
        cam_from_world=np.eye(4, dtype=np.float32),
    )
    return gaussians, camera, rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)


def step(engine: Engine, splats: Any, camera: PinholeCamera, target: Any, number: int) -> None:
    """One training step; reading the loss waits for the device."""
    rendering = engine.rasterize(splats, camera, RenderSettings())
    loss = engine.photometric_loss(rendering, target, ssim_weight=0.3)
    engine.update(splats, rendering, loss.grad_rgb, rates=RATES, step=number, collect=True)
    assert np.isfinite(loss.value)
    wait = getattr(engine.xp, "cuda", None)
    if wait is not None:
        wait.Device().synchronize()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", default="cuda")
    name = parser.parse_args().engine
    marks = {"modules": time.perf_counter()}
    engine = make_engine(name)
    engine.xp.zeros(1)
    marks["engine"] = time.perf_counter()
    gaussians, camera, picture = scene()
    made = time.perf_counter() - marks["engine"]
    splats, target = engine.create(gaussians, sh_degree=3), engine.prepare_target(picture)
    marks["upload"] = time.perf_counter() - made
    step(engine, splats, camera, target, 1)
    marks["first_step"] = time.perf_counter() - made
    step(engine, splats, camera, target, 2)
    marks["second_step"] = time.perf_counter() - made
    ends = [BEGUN, *marks.values()]
    parts = {part: after - before for part, before, after in zip(marks, ends, ends[1:], strict=False)}
    print(json.dumps({**parts, "whole": marks["first_step"] - BEGUN}))


if __name__ == "__main__":
    main()
