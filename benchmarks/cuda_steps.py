"""Milliseconds of one training step on the GPU, kernel by kernel, and pictures a second.

A step is rasterize, photometric loss and update, with statistics, as the trainer asks for them. Learning rates are
zero, so that every repetition does the same work; six views take turns, so that no view's data stays in the cache.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.cuda_device import Clock, Ledger, StepTime, time_step
from benchmarks.figures import Figure
from benchmarks.workloads import photo_like, rim_cameras, room_gaussians
from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.images import PosedImages
from roomsplat.media.images import read_image
from roomsplat.render.base import Engine, LearningRates, RenderSettings, Splats, Target
from roomsplat.render.view import render_8bit

STILL = LearningRates(means=0, quats=0, log_scales=0, opacity_logits=0, sh_dc=0, sh_rest=0)
VIEWS = 6
WEIGHT = 0.3
"""Of SSIM; the recipe's (train/config.py)."""


@dataclass(slots=True)
class Workload:
    """Gaussians on an engine and the views that they are trained on, in turn."""

    engine: Engine
    splats: Splats
    settings: RenderSettings
    views: Sequence[tuple[PinholeCamera, Target]]
    steps: int = 0
    """How many were made."""
    last: list[Any] = field(default_factory=list[Any])
    """What the last step made: kept as long as a trainer keeps it."""

    def step(self) -> None:
        """One training step."""
        camera, target = self.views[self.steps % len(self.views)]
        self.steps += 1
        rendering = self.engine.rasterize(self.splats, camera, self.settings)
        loss = self.engine.photometric_loss(rendering, target, ssim_weight=WEIGHT)
        self.engine.update(self.splats, rendering, loss.grad_rgb, rates=STILL, step=self.steps, collect=True)
        self.last = [rendering, loss]

    def draw(self) -> None:
        """One picture."""
        camera = self.views[self.steps % len(self.views)][0]
        self.steps += 1
        self.last = [self.engine.rasterize(self.splats, camera, self.settings)]

    def draw_to_host(self) -> None:
        """One picture, and its way into the host's memory, in 8 bits as a fly-through takes it."""
        camera = self.views[self.steps % len(self.views)][0]
        self.steps += 1
        render_8bit(self.engine, self.splats, camera, self.settings)


def room_workload(engine: Engine, count: int, width: int, height: int, every: int = 1) -> Workload:
    """Every n-th Gaussian of the furnished room of the CPU benchmark, with targets near what is drawn."""
    splats = engine.create(room_gaussians(count)[np.arange(0, count, every)], sh_degree=3)
    settings = RenderSettings(sh_degree=3, near=0.2)
    views: list[tuple[PinholeCamera, Target]] = []
    for camera in rim_cameras(8, width, height)[:VIEWS]:
        drawn = engine.rasterize(splats, camera, settings).rgb
        picture = np.asarray(drawn.get() if hasattr(drawn, "get") else drawn, np.float32)
        views.append((camera, engine.prepare_target(photo_like(picture))))
    return Workload(engine, splats, settings, views)


def photo_workload(engine: Engine, gaussians: Gaussians, images: PosedImages) -> Workload:
    """Trained Gaussians and the first training pictures that they were trained on."""
    chosen = np.flatnonzero(~images.is_eval)[:VIEWS]
    views = [
        (images.cameras.pinhole(int(i)), engine.prepare_target(read_image(images.image_paths[int(i)])))
        for i in chosen
    ]
    splats = engine.create(gaussians, sh_degree=3)
    return Workload(engine, splats, RenderSettings(sh_degree=3), views)


def warmed(work: Callable[[], None], clock: Clock) -> None:
    """Run it until buffers have grown and kernels are loaded: two turns of the views."""
    for _ in range(2 * VIEWS):
        work()
        clock.wait()


def per_call(work: Callable[[], None], clock: Clock, seconds: float) -> float:
    """Milliseconds of wall time per call over about so many seconds, the GPU's queue never empty."""
    warmed(work, clock)
    begun = time.perf_counter()
    work()
    clock.wait()
    once = time.perf_counter() - begun
    count = max(VIEWS, round(seconds / once))
    begun = time.perf_counter()
    for _ in range(count):
        work()
    clock.wait()
    return 1e3 * (time.perf_counter() - begun) / count


def step_figures(name: str, work: Workload, seconds: float) -> list[Figure]:
    """``cuda.step.NAME``: wall milliseconds; ``.gpu``: the GPU's own; ``.python``: submitting it."""
    clock = Clock(work.engine.xp)
    wall = per_call(work.step, clock, seconds)
    times = [time_step(work.step, clock) for _ in range(3 * VIEWS)]
    return [
        Figure(key=f"cuda.step.{name}", value=wall, unit="ms"),
        Figure(key=f"cuda.step.{name}.gpu", value=statistics.median(t.gpu_ms for t in times), unit="ms"),
        Figure(
            key=f"cuda.step.{name}.python", value=statistics.median(t.submit_ms for t in times), unit="ms"
        ),
    ]


def draw_figures(name: str, work: Workload, seconds: float) -> list[Figure]:
    """Pictures a second, left on the GPU and copied to the host."""
    clock = Clock(work.engine.xp)
    rows = ((work.draw, f"cuda.render.{name}"), (work.draw_to_host, f"cuda.render.{name}.to_host"))
    return [
        Figure(key=key, value=1e3 / per_call(draw, clock, seconds), unit="frames/s") for draw, key in rows
    ]


def size_of_work(work: Workload) -> str:
    """What the last step's kernels had to do: Gaussians, how many of them the view sees, pairs with tiles."""
    drawn = work.last[0]
    seen = int((drawn.flags[: work.splats.num_gaussians] & 1).sum())
    pairs = int(drawn.lists.pending.value()[0])
    size = f"{drawn.camera.width}x{drawn.camera.height}"
    return f"{work.splats.num_gaussians} Gaussians, {size}; the last view sees {seen} in {pairs} pairs"


def kernel_table(work: Workload, ledger: Ledger, rounds: int) -> list[tuple[str, float, float]]:
    """(launch, mean ms over the views of its median, share of the step) in order; last what lies between launches.

    ``ledger``: that of the ``TimedDevice`` which the workload's engine drives.
    """
    warmed(work.step, ledger.clock)
    taken: dict[int, list[StepTime]] = defaultdict(list)
    for _ in range(rounds * VIEWS):
        time = time_step(work.step, ledger.clock, ledger)
        taken[(work.steps - 1) % len(work.views)].append(time)
    means: dict[str, float] = defaultdict(float)
    whole = 0.0
    for times in taken.values():
        names = [name for name, _ in max(times, key=lambda t: len(t.launches)).launches]
        for name in names:
            means[name] += statistics.median(dict(t.launches).get(name, 0.0) for t in times) / len(taken)
        whole += statistics.median(t.gpu_ms for t in times) / len(taken)
    rest = whole - sum(means.values())
    rows = [*means.items(), ("between launches, other work", rest), ("step, with events", whole)]
    return [(name, value, value / whole) for name, value in rows]
