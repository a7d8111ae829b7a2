"""``roomsplat evaluate``."""

import json

import numpy as np
from rich.console import Console
from rich.table import Table

from roomsplat.cli.arguments import Evaluate
from roomsplat.errors import InvalidSettingError
from roomsplat.pipeline.finished import open_run
from roomsplat.pipeline.reference import path_error
from roomsplat.pipeline.tour import MIN_SIDE
from roomsplat.render.engines import select_engine
from roomsplat.train.evaluate import evaluate

_FIGURES = ("psnr", "ssim", "corrected_psnr", "corrected_ssim")


def run_evaluate(command: Evaluate) -> None:
    """Print PSNR and SSIM of the held-out frames, plain and colour corrected, and the path error.

    Raises:
        InvalidSettingError: a size that is none, or no frame was held out and there is no reference either.
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
    content: dict[str, object] = {"num_gaussians": len(run.scene.gaussians)}
    table = Table("frame", "PSNR (dB)", "SSIM", "colour corrected", box=None)
    if len(held):
        engine = select_engine(command.engine, command.threads, command.device)
        max_side = command.max_side or max(run.summary.train_size)
        result = evaluate(
            engine,
            run.scene.gaussians,
            run.images,
            held,
            antialiased=run.scene.splat_model == "antialiased",
            max_side=max_side,
            exposures=run.exposures,
        )
        content |= {"eval_psnr": result.psnr, "eval_ssim": result.ssim, "max_side": max_side, "frames": {}}
        content["eval_corrected_psnr"] = result.corrected_psnr
        per_frame: dict[str, dict[str, float]] = {}
        for score in result.images:
            name = run.frames[score.index].name
            per_frame[name] = {figure: getattr(score, figure) for figure in _FIGURES}
            table.add_row(name, f"{score.psnr:.2f}", f"{score.ssim:.3f}", f"{score.corrected_psnr:.2f}")
        content["frames"] = per_frame
        table.add_row(
            "mean",
            f"{result.psnr:.2f}",
            f"{result.ssim:.3f}",
            f"{result.corrected_psnr:.2f}",
            style="bold",
        )
    if command.reference is not None:
        error = path_error(run.images.cameras, run.frames, command.reference)
        content["ate_percent"] = error.percent
        table.add_row("path error", f"{error.percent:.3f} %", "", "")
    if command.json:
        print(json.dumps(content, indent=2))
    else:
        Console().print(table)
