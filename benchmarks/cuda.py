"""What the CUDA engine costs and how good it is, case by case: ``python -m benchmarks cuda [--only NAME]``."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import cuda_children as children
from benchmarks import cuda_steps as steps
from benchmarks import cuda_training as training
from benchmarks.cuda_engines import make_engine, make_timed_engine
from benchmarks.cuda_table import print_kernels
from benchmarks.figures import CaseError, Figure
from roomsplat.core.point_cloud import SparseModel

STEPS = (2000, 2500, 3000, 4000, 5000, 7000)
"""Lengths of run that are tried until one is as good as the peer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and how the cases run."""

    shared: Path
    work: Path
    """Results and intermediate scenes go here."""
    engine: str
    """``cuda``; or, to try the benchmark itself without a GPU, ``cpu`` or ``emulated``."""
    quick: bool
    """A few steps on small pictures: says that it runs, not how fast."""
    steps: tuple[int, ...]
    say: Callable[[str], None]

    @property
    def side(self) -> int | None:
        """Longer side of the photographs in px; ``None``: their own 1915."""
        return 96 if self.quick else None

    @property
    def seconds(self) -> float:
        """How long one thing is timed."""
        return 0.05 if self.quick else 2.0

    def fox(self, factor: int = 1) -> SparseModel:
        """The scene with known cameras, at 1/``factor`` of its size."""
        return training.fox(self.shared, self.work, 16 if self.quick else factor)

    @property
    def cap(self) -> int:
        """Of the scene whose step is timed."""
        return 2_000 if self.quick else 200_000

    def long(self, count: int) -> int:
        """A number of steps."""
        return 24 if self.quick else count


def start(setting: Setting) -> list[Figure]:
    """From import to the end of the first step."""
    return children.first_steps(setting.engine, setting.work)


def photographs(setting: Setting) -> list[Figure]:
    """200 k Gaussians on the photographs at full size: a trainer's step and an engine's."""
    model, engine = setting.fox(), make_engine(setting.engine)
    config = training.full_size(setting.long(3000), cap=setting.cap, side=setting.side)
    training.warm_up(model, engine, config)
    run = training.timed_run(model, engine, config)
    setting.say(f"photographs: {len(run.gaussians)} Gaussians, a trainer's step {run.step_ms:.3f} ms")
    work = steps.photo_workload(engine, run.gaussians, model.posed_images)
    return [
        *training.run_figures("cuda.train.200k", run),
        *steps.step_figures("photographs.200k", work, setting.seconds),
    ]


def million(setting: Setting) -> list[Figure]:
    """A million Gaussians at 1920x1080: a step, and pictures a second."""
    size = (20_000, 96, 64, 20) if setting.quick else (1_000_000, 1920, 1080)
    work = steps.room_workload(make_engine(setting.engine), *size)
    return [
        *steps.step_figures("room.1m", work, setting.seconds),
        *steps.draw_figures("room.1m", work, setting.seconds),
    ]


def kernels(setting: Setting) -> list[Figure]:
    """The same two steps, launch by launch."""
    if setting.engine == "cpu":
        setting.say("kernels: left out, the CPU engine has none")
        return []
    engine, ledger = make_timed_engine(setting.engine)
    model = setting.fox()
    config = training.full_size(setting.long(3000), cap=setting.cap, side=setting.side)
    gaussians = training.trained(model, engine, config, setting.work / "gaussians-200k.npz")
    work = steps.photo_workload(engine, gaussians, model.posed_images)
    rounds = 1 if setting.quick else 7
    rows = steps.kernel_table(work, ledger, rounds)
    figures = print_kernels("photographs.200k", f"photographs: {steps.size_of_work(work)}", rows)
    size = (20_000, 96, 64, 20) if setting.quick else (1_000_000, 1920, 1080)
    work = steps.room_workload(engine, *size)
    rows = steps.kernel_table(work, ledger, rounds)
    return figures + print_kernels("room.1m", f"room: {steps.size_of_work(work)}", rows)


def quality(setting: Setting) -> list[Figure]:
    """The standard recipe with 7,000 steps on pictures as they are; memory, too."""
    model, engine = setting.fox(), make_engine(setting.engine)
    config = training.full_size(setting.long(7000), side=setting.side)
    training.warm_up(model, engine, config)
    run = training.timed_run(model, engine, config)
    setting.say(f"quality: {run.psnr:.2f} dB, SSIM {run.ssim:.4f}, {run.seconds:.2f} s, {run.peak_gb} GB")
    return training.run_figures("cuda.quality", run)


def race(setting: Setting) -> list[Figure]:
    """How long until the peer's quality."""
    model, engine = setting.fox(), make_engine(setting.engine)
    lengths = (8, 24) if setting.quick else setting.steps
    training.warm_up(model, engine, training.full_size(100))
    return training.to_peer_quality(model, engine, lengths, setting.side, setting.say)


def same_seed(setting: Setting) -> list[Figure]:
    """The CPU engine and this one from the same seed, at a quarter of the size."""
    names = ("cpu", setting.engine) if setting.engine != "cpu" else ("cpu",)
    engines = {name: make_engine(name, threads=os.cpu_count()) for name in names}
    return training.same_seed(setting.fox(4), engines, setting.long(3000))


def peer(setting: Setting) -> list[Figure]:
    """gsplat beside it."""
    return children.peer(setting.shared, setting.say)


def line(name: str, setting: Setting) -> list[Figure]:
    """From a capture to a scene, by the public command."""
    quality = "preview" if setting.quick else "standard"
    options = ("--quality", quality, "--engine", setting.engine)
    return children.end_to_end(name, setting.shared, setting.work, options)


CASES: dict[str, tuple[Callable[[Setting], list[Figure]], str | None]] = {
    "start": (start, None),
    "million": (million, None),
    "photographs": (photographs, "peers/fox_posed"),
    "race": (race, "peers/fox_posed"),
    "quality": (quality, "peers/fox_posed"),
    "same_seed": (same_seed, "peers/fox_posed"),
    "kernels": (kernels, "peers/fox_posed"),
    "office": (partial(line, "office"), "data/office/images"),
    "bedroom": (partial(line, "bedroom"), "data/bedroom/room.mp4"),
    "peer": (peer, "peers/fox_posed"),
}
"""What is measured, and what of ``shared`` it needs."""


def run_cuda(
    *,
    shared: Path,
    engine: str,
    quick: bool,
    only: Sequence[str] | None,
    steps: Sequence[int] | None,
    keep: Path | None,
    say: Callable[[str], None],
) -> list[Figure]:
    """The chosen cases, or all that this machine has the data for; a case that fails is told and left out."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as scratch:
        setting = Setting(
            shared=shared,
            work=keep or Path(scratch),
            engine=engine,
            quick=quick,
            steps=tuple(steps or STEPS),
            say=say,
        )
        setting.work.mkdir(parents=True, exist_ok=True)
        for name, (measure, needed) in CASES.items():
            if only is not None and name not in only:
                continue
            if needed is not None and not (shared / needed).exists():
                say(f"{name}: left out, {shared / needed} is not there")
                continue
            say(f"{name} …")
            try:
                figures += measure(setting)
            except CaseError as error:
                say(f"{name} FAILED: {error}")
                figures.append(Figure(key=f"cuda.{name}.failed", value=1, unit="failures"))
    return figures
