"""Training on a real scene with known cameras, timed and judged as gsplat's figures in ../shared/peers were.

Counted as training: from the first picture that is rendered to the end of the last step, with densification, snapshots
and everything else that the trainer does. Pictures are read ahead while the first pass runs; where it has to wait for
them that counts as well, although the peer's pictures are all on the GPU before its clock starts (``first_pass``). Not
counted: placing the first Gaussians (``whole`` counts that too), evaluation, and compiling, which happens once per
computer (``cuda.start``).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from benchmarks.cuda_device import Clock
from benchmarks.cuda_watch import WatchedEngine, watched_memory
from benchmarks.figures import Figure
from benchmarks.posed_scene import load_fox_posed
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.point_cloud import SparseModel
from roomsplat.pipeline.presets import PRESETS
from roomsplat.render.base import Engine
from roomsplat.train.config import TrainConfig
from roomsplat.train.evaluate import evaluate
from roomsplat.train.trainer import train

STANDARD, PREVIEW = (replace(PRESETS[name].train(), max_side=None) for name in ("standard", "preview"))
"""The recipes of ``--quality`` on pictures as they are."""
PEER_PSNR, PEER_SSIM = 30.83, 0.887
"""What gsplat reaches with 7,000 steps (../shared/peers/README.md)."""
LAST_SHARE = 0.15
"""Of the steps: at the end nothing is added any more, pictures have their full size, the count stands still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRun:
    """One run of the trainer."""

    gaussians: Gaussians
    seconds: float
    """Training, as this module counts it."""
    whole: float
    """From the call of ``train`` to its return, pictures read from disk."""
    first_pass: float
    """The part of ``seconds`` in which each picture was shown for the first time."""
    step_ms: float
    """A whole trainer's step over the last ``LAST_SHARE``."""
    peak_gb: float | None
    held_gb: float | None
    psnr: float
    ssim: float


def warm_up(model: SparseModel, engine: Engine, config: TrainConfig) -> None:
    """Compile every kernel that the run will need: all degrees, all levels, a round of densification."""
    steps, cap = min(60, config.max_steps), min(60_000, config.max_gaussians)
    short = replace(config, max_steps=steps, max_side=96, min_level_side=8, max_gaussians=cap)
    train(model, engine, short)


def timed_run(model: SparseModel, engine: Engine, config: TrainConfig) -> TimedRun:
    """Train, then look at the held-out pictures."""
    clock, watched = Clock(engine.xp), WatchedEngine(engine)
    clock.wait()
    with watched_memory(engine.xp) as memory:
        begun = time.perf_counter()
        result = train(model, cast("Engine", watched), config)
        clock.wait()
        ended = time.perf_counter()
    assert watched.started is not None
    images = model.posed_images
    score = evaluate(engine, result.gaussians, images, np.flatnonzero(images.is_eval))
    return TimedRun(
        gaussians=result.gaussians,
        seconds=ended - watched.started,
        whole=ended - begun,
        first_pass=watched.steps[min(len(watched.steps), int((~images.is_eval).sum())) - 1] - watched.started,
        step_ms=watched.milliseconds_per_step(LAST_SHARE),
        peak_gb=memory.peak_gb,
        held_gb=memory.held_gb,
        psnr=score.psnr,
        ssim=score.ssim,
    )


def run_figures(key: str, run: TimedRun) -> list[Figure]:
    """Everything about a run, under ``key``."""
    rows: list[tuple[str, float | None, str]] = [
        ("seconds", run.seconds, "s"),
        ("whole", run.whole, "s"),
        ("first_pass", run.first_pass, "s"),
        ("step", run.step_ms, "ms"),
        ("psnr", run.psnr, "dB"),
        ("ssim", run.ssim, "ssim"),
        ("gaussians", len(run.gaussians), "Gaussians"),
        ("peak", run.peak_gb, "GB"),
        ("held", run.held_gb, "GB"),
    ]
    return [
        Figure(key=f"{key}.{name}", value=float(value), unit=unit)
        for name, value, unit in rows
        if value is not None
    ]


def full_size(steps: int, cap: int | None = None, side: int | None = None) -> TrainConfig:
    """The recipe of ``--quality standard`` on pictures as they are."""
    config = replace(STANDARD, max_side=side, max_steps=steps)
    return config if cap is None else replace(config, max_gaussians=cap)


def to_peer_quality(
    model: SparseModel,
    engine: Engine,
    steps: Sequence[int],
    side: int | None,
    say: Callable[[str], None],
) -> list[Figure]:
    """Runs of so many steps, ascending, up to the first that is as good as the peer: the recipe's only free knob."""
    figures: list[Figure] = []
    for count in sorted(steps):
        run = timed_run(model, engine, full_size(count, side=side))
        say(
            f"{count} steps: {run.seconds:.2f} s (with pictures {run.whole:.2f} s), {run.psnr:.2f} dB, "
            f"SSIM {run.ssim:.4f}, {len(run.gaussians)} Gaussians, {run.step_ms:.3f} ms a step at the end"
        )
        figures += run_figures(f"cuda.train.{count}", run)
        if run.psnr >= PEER_PSNR and run.ssim >= PEER_SSIM:
            figures.append(Figure(key="cuda.to_peer_quality", value=run.seconds, unit="s"))
            figures.append(Figure(key="cuda.to_peer_quality.steps", value=count, unit="steps"))
            break
    else:
        figures.append(Figure(key="cuda.to_peer_quality.failed", value=1, unit="failures"))
    return figures


def same_seed(model: SparseModel, engines: dict[str, Engine], steps: int) -> list[Figure]:
    """The preview recipe from one seed on several engines: quality must not depend on the engine."""
    config = replace(PREVIEW, max_steps=steps)
    figures: list[Figure] = []
    scores: list[float] = []
    for name, engine in engines.items():
        warm_up(model, engine, config)
        run = timed_run(model, engine, config)
        scores.append(run.psnr)
        figures += run_figures(f"cuda.same_seed.{name}", run)
    if len(scores) > 1:
        difference = max(scores) - min(scores)
        figures.append(Figure(key="cuda.same_seed.difference", value=difference, unit="dB apart"))
    return figures


def trained(model: SparseModel, engine: Engine, config: TrainConfig, kept: Path) -> Gaussians:
    """What ``config`` trains; kept in a file, because several cases want it."""
    if kept.exists():
        with np.load(kept) as stored:
            return Gaussians(**{name: stored[name] for name in stored.files})
    result = train(model, engine, config).gaussians
    names = ("means", "quats", "log_scales", "opacity_logits", "sh")
    np.savez(kept, **{name: getattr(result, name) for name in names})
    return result


def fox(shared: Path, work: Path, factor: int) -> SparseModel:
    """The scene, at 1/``factor`` of its size."""
    return load_fox_posed(shared / "peers" / "fox_posed", factor, work / "pictures")
