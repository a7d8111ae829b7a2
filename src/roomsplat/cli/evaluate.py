"""``roomsplat evaluate``."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from roomsplat.cli.arguments import Evaluate
from roomsplat.errors import InvalidSettingError
from roomsplat.media.images import reduced_size
from roomsplat.pipeline.finished import FinishedRun, open_run
from roomsplat.pipeline.reference import path_error
from roomsplat.pipeline.tour import MIN_SIDE
from roomsplat.priors import lpips
from roomsplat.priors.torch_device import use_threads
from roomsplat.render.engines import select_engine
from roomsplat.train.evaluate import Evaluation, ImageScore, Perceptual, evaluate

_FIGURES = ("psnr", "ssim", "corrected_psnr", "corrected_ssim")


def run_evaluate(command: Evaluate) -> None:
    """Print PSNR, SSIM and LPIPS of the held-out frames, PSNR colour corrected, too, and the path error.

    Raises:
        InvalidSettingError: a size that is none, or no frame was held out and there is no reference either.
        NotInstalledError, WeightsError: LPIPS was asked for and cannot be measured.
    """
    if command.max_side is not None and command.max_side < MIN_SIDE:
        raise InvalidSettingError(f"--max-side is {command.max_side}.", hint=f"Give at least {MIN_SIDE} px.")
    run = open_run(command.run)
    held = np.flatnonzero(run.images.is_eval)
    if len(held) == 0 and command.reference is None:
        raise InvalidSettingError(
            f"{command.run} was trained on every frame: there is nothing to measure on.",
            hint="Reconstruct with --eval-every 8, or give --reference.",
        )
    content: dict[str, Any] = {"num_gaussians": len(run.scene.gaussians)}
    table, console, why = Table("frame", "PSNR (dB)", "SSIM", box=None), Console(), ""
    if len(held):
        max_side = command.max_side or max(run.summary.train_size)
        perceptual, why = _perceptual(command, run, max_side)
        result = _measured(command, run, held, max_side, perceptual)
        if result.lpips is not None:
            table.add_column("LPIPS")
        table.add_column("colour corrected")
        _add_figures(content, table, run, result)
        content["max_side"] = max_side
    if command.reference is not None:
        error = path_error(run.images.cameras, run.frames, command.reference)
        content["ate_percent"] = error.percent
        table.add_row("path error", f"{error.percent:.3f} %")
    if command.json:
        print(json.dumps(content, indent=2))
        return
    console.print(table)
    if why:
        console.print(why, style="dim", highlight=False)


def _perceptual(command: Evaluate, run: FinishedRun, max_side: int) -> tuple[Perceptual | None, str]:
    """What measures LPIPS, or a sentence why nothing does; nothing to tell where nobody wants it."""
    if command.lpips == "no":
        return None, ""
    cameras = run.images.cameras
    if min(reduced_size(cameras.width, cameras.height, max_side)) < lpips.MIN_SIDE:
        return None, f"LPIPS is left out: it needs pictures of {lpips.MIN_SIDE} px or more."
    metric, why = lpips.lpips_where_present()
    if metric is None and command.lpips == "yes":
        metric, why = lpips.Lpips(), ""
    if metric is None:
        return None, why
    if command.threads is not None:
        use_threads(command.threads)
    return metric.distance, ""


def _measured(
    command: Evaluate,
    run: FinishedRun,
    held: NDArray[np.intp],
    max_side: int,
    perceptual: Perceptual | None,
) -> Evaluation:
    return evaluate(
        select_engine(command.engine, command.threads, command.device),
        run.scene.gaussians,
        run.images,
        held,
        antialiased=run.scene.splat_model == "antialiased",
        max_side=max_side,
        exposures=run.exposures,
        perceptual=perceptual,
    )


def _add_figures(content: dict[str, Any], table: Table, run: FinishedRun, result: Evaluation) -> None:
    """Into what programs read and what people read; LPIPS only where it was measured."""
    content |= {"eval_psnr": result.psnr, "eval_ssim": result.ssim}
    content["eval_corrected_psnr"] = result.corrected_psnr
    figures = _FIGURES
    if result.lpips is not None:
        content["eval_lpips"], figures = result.lpips, (*_FIGURES, "lpips")
    content["frames"] = {
        run.frames[score.index].name: {figure: getattr(score, figure) for figure in figures}
        for score in result.images
    }
    for score in result.images:
        table.add_row(run.frames[score.index].name, *_cells(score))
    table.add_row("mean", *_cells(result), style="bold")


def _cells(score: ImageScore | Evaluation) -> list[str]:
    middle = [] if score.lpips is None else [f"{score.lpips:.3f}"]
    return [f"{score.psnr:.2f}", f"{score.ssim:.3f}", *middle, f"{score.corrected_psnr:.2f}"]
