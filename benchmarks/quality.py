"""How good are the pictures? Held-out views of real captures beside gsplat on the same poses, and of filmed rooms.

The recipe is ``--quality standard`` on pictures as they are, at three lengths of run. A picture is compared as it is
(with the exposure of its neighbours in the film, where exposures were learned) and after the best affine colour fit.
LPIPS, of the pictures as they are, stands beside ours where ``roomsplat[learned]`` and its weights are here.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.cuda_device import Clock
from benchmarks.cuda_training import warm_up
from benchmarks.figures import CaseError, Figure
from benchmarks.quality_peer import STEPS as PEER_STEPS
from benchmarks.quality_peer import PeerRow, peer_figures, run_peers
from benchmarks.quality_scenes import NAMES, Scene, load_scene
from roomsplat.pipeline.presets import PRESETS
from roomsplat.priors.lpips import lpips_where_present
from roomsplat.render.base import Engine
from roomsplat.render.engines import select_engine
from roomsplat.train.config import TrainConfig
from roomsplat.train.evaluate import Perceptual, evaluate
from roomsplat.train.trainer import train

STANDARD = replace(PRESETS["standard"].train(), max_side=None)
SHORT, USUAL, LONG = 3000, STANDARD.max_steps, 30_000
QUICK_STEPS, QUICK_CAP, QUICK_SIDE = 150, 3000, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One run of ours."""

    scene: str
    steps: int
    psnr: float
    ssim: float
    corrected: float
    """PSNR in dB after the colour fit."""
    corrected_ssim: float
    gaussians: int
    seconds: float
    """Of training, reading the pictures included."""
    lpips: float | None = None
    """``None``: nothing here measures it."""


def run_quality(
    *,
    shared: Path,
    keep: Path,
    engine: str,
    threads: int,
    quick: bool,
    only: Sequence[str] | None,
    steps: Sequence[int] | None,
    strategies: Sequence[str],
    say: Callable[[str], None],
) -> list[Figure]:
    """Ours first, alone on the device; then the peer. What fails is a figure that says so."""
    device = select_engine(engine, threads=threads)
    metric, why = lpips_where_present()
    if metric is None:
        say(why)
    perceptual = None if metric is None else metric.distance
    figures, rows, scenes = list[Figure](), list[Row](), list[Scene]()
    for name in only or NAMES:
        try:
            scene = load_scene(name, shared, keep, threads=threads, quick=quick, say=say)
        except CaseError as error:
            say(f"{name}: {error}")
            figures.append(Figure(key=f"quality.{name}.failed", value=1, unit="failures"))
            continue
        if not scenes and not quick:
            warm_up(scene.model, device, recipe(USUAL, quick=quick))
        scenes.append(scene)
        for count in steps or lengths(scene, quick=quick):
            rows.append(one_run(scene, device, recipe(count, quick=quick), perceptual))
            say(f"{rows[-1]}")
    peers = [] if quick else run_peers(scenes, strategies, shared, keep, STANDARD.max_gaussians, say)
    print_rows(rows, peers)
    return [*figures, *row_figures(rows), *verdicts(rows, peers), *peer_figures(peers)]


def lengths(scene: Scene, *, quick: bool) -> tuple[int, ...]:
    """Steps of the runs. A room whose cameras are exact is asked only what its film costs."""
    if quick:
        return (QUICK_STEPS,)
    return (SHORT, USUAL, LONG) if scene.is_capture else (USUAL,)


def recipe(steps: int, *, quick: bool) -> TrainConfig:
    """``--quality standard`` at so many steps; a quick one is small."""
    config = replace(STANDARD, max_steps=steps)
    return replace(config, max_gaussians=QUICK_CAP, max_side=QUICK_SIDE) if quick else config


def one_run(scene: Scene, engine: Engine, config: TrainConfig, perceptual: Perceptual | None = None) -> Row:
    """Train, and compare with the held-out pictures of the truth."""
    clock = Clock(engine.xp)
    begun = time.perf_counter()
    result = train(scene.model, engine, config)
    clock.wait()
    seconds = time.perf_counter() - begun
    images = replace(scene.truth.posed_images, cameras=result.cameras)
    score = evaluate(
        engine,
        result.gaussians,
        images,
        np.flatnonzero(images.is_eval),
        max_side=config.max_side,
        antialiased=config.antialiased,
        exposures=result.exposures if scene.truth is scene.model else None,
        perceptual=perceptual,
    )
    return Row(
        scene=scene.name,
        steps=config.max_steps,
        psnr=score.psnr,
        ssim=score.ssim,
        corrected=score.corrected_psnr,
        corrected_ssim=score.corrected_ssim,
        gaussians=len(result.gaussians),
        seconds=seconds,
        lpips=score.lpips,
    )


def row_figures(rows: Sequence[Row]) -> list[Figure]:
    """``quality.SCENE.STEPS.…``."""
    figures: list[Figure] = []
    for row in rows:
        key = f"quality.{row.scene}.{row.steps}"
        figures += [
            Figure(key=f"{key}.psnr", value=row.psnr, unit="dB"),
            Figure(key=f"{key}.ssim", value=row.ssim, unit="ssim"),
            Figure(key=f"{key}.corrected_psnr", value=row.corrected, unit="dB"),
            Figure(key=f"{key}.gaussians", value=row.gaussians, unit="Gaussians"),
            Figure(key=f"{key}.train", value=row.seconds, unit="s"),
        ]
        if row.lpips is not None:
            figures.append(Figure(key=f"{key}.lpips", value=row.lpips, unit="LPIPS"))
    return figures


def verdicts(rows: Sequence[Row], peers: Sequence[PeerRow]) -> list[Figure]:
    """What was promised: by how much ours is above the peer's best, what a long run loses, what a bad film costs."""
    known = {(row.scene, row.steps): row for row in rows}
    figures: list[Figure] = []
    for (scene, steps), row in known.items():
        of_peer = [p for p in peers if p.scene == scene]
        if steps == USUAL and of_peer:
            above = row.psnr - max(p.psnr for p in of_peer)
            figures.append(Figure(key=f"quality.{scene}.above_peer", value=above, unit="dB"))
        last = [p for p in of_peer if p.strategy == "default" and p.steps == PEER_STEPS]
        if steps == USUAL and last:
            share = row.gaussians / last[0].gaussians
            figures.append(Figure(key=f"quality.{scene}.gaussians_of_peer", value=share, unit="ratio"))
        if steps == LONG and (scene, USUAL) in known:
            lost = known[scene, USUAL].psnr - row.psnr
            figures.append(Figure(key=f"quality.{scene}.lost_by_long_run", value=lost, unit="dB apart"))
        if scene in ("jumps", "figure") and ("room", steps) in known:
            cost = known["room", steps].corrected - row.corrected
            figures.append(Figure(key=f"quality.{scene}.cost", value=cost, unit="dB apart"))
    return figures


def print_rows(rows: Sequence[Row], peers: Sequence[PeerRow]) -> None:
    """For people."""
    console = Console()
    console = console if console.is_terminal else Console(width=120)
    table = Table(
        "scene", "trainer", "steps", "PSNR", "SSIM", "LPIPS", "corrected PSNR", "SSIM", "Gaussians", "s",
        box=None,
    )  # fmt: skip
    for row in rows:
        table.add_row(
            row.scene, "ours", str(row.steps), f"{row.psnr:.2f}", f"{row.ssim:.4f}",
            "" if row.lpips is None else f"{row.lpips:.4f}", f"{row.corrected:.2f}",
            f"{row.corrected_ssim:.4f}", str(row.gaussians), f"{row.seconds:.1f}",
        )  # fmt: skip
    for peer in peers:
        table.add_row(
            peer.scene, f"gsplat {peer.strategy}", str(peer.steps), f"{peer.psnr:.2f}", f"{peer.ssim:.4f}", "",
            "", "", str(peer.gaussians), "",
        )  # fmt: skip
    console.print(table, highlight=False)
