"""Milliseconds of one training step on the CPU, phase by phase, beside the trial in the same minute.

A step is rasterize, photometric loss and update (backward and Adam). Each phase's time is the minimum over repetitions
of one view, averaged over six views; learning rates are zero, so that every repetition does the same work. Our step
and the trial's alternate, so that a busy neighbour slows both.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calibration import calibrate
from benchmarks.figures import CALIBRATION, Figure
from benchmarks.trial import LOSS, RASTERIZE, UPDATE, TrialStep, load_trial
from benchmarks.workloads import photo_like, rim_cameras, room_gaussians
from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import Engine, LearningRates, RenderSettings
from roomsplat.render.engines import select_engine

CASES: dict[str, tuple[int, int, int]] = {
    "480x270.100k": (480, 270, 100_000),
    "960x540.100k": (960, 540, 100_000),
    "1920x1080.300k": (1920, 1080, 300_000),
}
REPEATS = {"480x270.100k": 24, "960x540.100k": 12, "1920x1080.300k": 6}
"""Per view: about two seconds of each contestant. With 5 the ratio to the trial moved by 12 % between quiet runs."""
PHASES = ("rasterize", "loss", "update")
VIEWS = 6
STILL = LearningRates(means=0, quats=0, log_scales=0, opacity_logits=0, sh_dc=0, sh_rest=0)
NEAR = 0.2
"""As the trial's, so that both draw the same Gaussians."""


@dataclass(slots=True, kw_only=True)
class EngineStep:
    """One training step of ours, phase by phase."""

    engine: Engine
    splats: Any
    settings: RenderSettings
    camera: PinholeCamera | None = None
    target: Any = None
    rendering: Any = None
    loss: Any = None

    def rasterize(self) -> None:
        """The picture."""
        assert self.camera is not None
        self.rendering = self.engine.rasterize(self.splats, self.camera, self.settings)

    def compare(self) -> None:
        """The loss and its slopes."""
        self.loss = self.engine.photometric_loss(self.rendering, self.target, ssim_weight=0.2)

    def update(self) -> None:
        """Backward and Adam."""
        self.engine.update(self.splats, self.rendering, self.loss.grad_rgb, rates=STILL, step=1)


def engine_step(engine: Engine, gaussians: Gaussians, degree: int) -> EngineStep:
    """Our step at one degree of harmonics."""
    splats = engine.create(gaussians, sh_degree=degree)
    return EngineStep(engine=engine, splats=splats, settings=RenderSettings(sh_degree=degree, near=NEAR))


def milliseconds(work: Callable[[], None]) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - begun)


def best_of(
    contestants: dict[str, Sequence[Callable[[], None]]], repeats: int
) -> dict[str, tuple[list[float], float]]:
    """Per contestant its best phases and its best whole step, the contestants taking turns."""
    best = {name: ([float("inf")] * len(phases), float("inf")) for name, phases in contestants.items()}
    for _ in range(repeats):
        for name, phases in contestants.items():
            took = [milliseconds(phase) for phase in phases]
            parts, whole = best[name]
            best[name] = [min(a, b) for a, b in zip(parts, took, strict=True)], min(whole, sum(took))
    return best


def time_case(case: str, engine: Engine, trial: Any | None, *, threads: int, repeats: int) -> list[Figure]:
    """Every figure of one case: ours at degree 1 and 3, by phase, and the ratio to the trial."""
    width, height, count = CASES[case]
    gaussians = room_gaussians(count)
    steps = {f"sh{degree}": engine_step(engine, gaussians, degree) for degree in (1, 3)}
    contestants: dict[str, Sequence[Callable[[], None]]] = {
        name: (step.rasterize, step.compare, step.update) for name, step in steps.items()
    }
    yardstick = None if trial is None else TrialStep(trial, gaussians, width, height, threads)
    if yardstick is not None:
        contestants["trial"] = [partial(yardstick.run, phases) for phases in (RASTERIZE, LOSS, UPDATE)]
    parts = {name: np.zeros(len(PHASES)) for name in contestants}
    whole = dict.fromkeys(contestants, 0.0)
    for view, camera in enumerate(rim_cameras(8, width, height)[:VIEWS]):
        show(camera, steps, yardstick)
        for name, (phases, total) in best_of(contestants, repeats + (view == 0)).items():
            parts[name] += np.array(phases) / VIEWS
            whole[name] += total / VIEWS
    return named(case, parts, whole)


def show(camera: PinholeCamera, steps: dict[str, EngineStep], yardstick: TrialStep | None) -> None:
    """Point every contestant at a view and give it the same picture to compare with."""
    image = None
    for step in steps.values():
        step.camera = camera
        step.rasterize()
        if image is None:
            image = photo_like(np.asarray(step.rendering.rgb, np.float32))
        step.target = step.engine.prepare_target(image)
        step.compare()
    if yardstick is not None:
        assert image is not None
        yardstick.view(camera, image)
        yardstick.run(RASTERIZE)
        assert agree(steps["sh1"], yardstick), "the trial draws another picture"


def agree(step: EngineStep, yardstick: TrialStep) -> bool:
    """Whether both draw the same picture: else they did not do the same work."""
    step.rasterize()
    difference = np.abs(np.asarray(step.rendering.rgb, np.float32) - yardstick.rgb)
    return float(difference.mean()) < 1e-4


def named(case: str, parts: dict[str, Any], whole: dict[str, float]) -> list[Figure]:
    """Times to figures: ``cpu.step.480x270.100k``, ``….sh3``, ``….vs_trial``, and phases alike."""
    figures = [Figure(key=f"cpu.step.{case}", value=whole["sh1"], unit="ms")]
    if "trial" in whole:
        ratio = whole["sh1"] / whole["trial"]
        figures.append(Figure(key=f"cpu.step.{case}.vs_trial", value=ratio, unit="ratio"))
    figures.append(Figure(key=f"cpu.step.{case}.sh3", value=whole["sh3"], unit="ms"))
    for index, phase in enumerate(PHASES):
        figures.append(Figure(key=f"cpu.{phase}.{case}", value=parts["sh1"][index], unit="ms"))
        figures.append(Figure(key=f"cpu.{phase}.{case}.sh3", value=parts["sh3"][index], unit="ms"))
        if "trial" in parts:
            ratio = parts["sh1"][index] / parts["trial"][index]
            figures.append(Figure(key=f"cpu.{phase}.{case}.vs_trial", value=ratio, unit="ratio"))
    return figures


def run_cpu(*, shared: Path, threads: int, quick: bool, only: str | None) -> list[Figure]:
    """The cases of this benchmark: the smallest one when ``quick``, those whose name contains ``only``."""
    engine = select_engine("cpu", threads=threads)
    trial = load_trial(shared / "trials")
    cases = [case for case in CASES if only is None or only in case]
    figures: list[Figure] = []
    machine = calibrate(threads)
    for case in cases[:1] if quick else cases:
        figures += time_case(case, engine, trial, threads=threads, repeats=REPEATS[case])
    # Like the steps themselves: the best that the machine gave.
    machine = min(machine, calibrate(threads))
    return [Figure(key=f"cpu.{CALIBRATION}", value=machine, unit="ms"), *figures]
