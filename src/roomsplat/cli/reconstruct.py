"""``roomsplat reconstruct``."""

from dataclasses import replace

from rich.console import Console
from rich.table import Table

from roomsplat.cli.arguments import Reconstruct
from roomsplat.cli.progress import duration, show_events
from roomsplat.errors import InvalidSettingError
from roomsplat.pipeline.config import PipelineConfig, for_quality, read_config
from roomsplat.pipeline.run import reconstruct
from roomsplat.pipeline.summary import RunSummary

MOST_ADVICE = 3
"""The report has all of it, with its figures."""


def run_reconstruct(command: Reconstruct) -> None:
    """Run the pipeline and print what came out."""
    with show_events(command.events) as emit:
        result = reconstruct(
            command.source,
            command.out,
            settings(command),
            emit=emit,
            reference=command.reference,
            masks=command.masks,
        )
    if command.events == "bar":
        print_summary(result.summary, str(command.out))


def settings(command: Reconstruct) -> PipelineConfig:
    """The preset or the file, with the command's options on top.

    Raises:
        InvalidSettingError: options that contradict each other or are out of range.
    """
    if command.frames is not None and command.fps is not None:
        raise InvalidSettingError("--frames and --fps were both given.", hint="Give one of them.")
    if command.config is not None and command.quality is not None:
        raise InvalidSettingError(
            "--config and --quality were both given.",
            hint='Give one; the file can say {"quality": "preview"}.',
        )
    config = (
        for_quality(command.quality or "standard") if command.config is None else read_config(command.config)
    )
    capture = config.capture
    if command.frames is not None:
        capture = replace(capture, frames=command.frames)
    if command.fps is not None:
        capture = replace(capture, fps=command.fps)
    if not command.mesh:
        config = replace(config, mesh=replace(config.mesh, enabled=False))
    if command.engine == "cpu" and command.device is None:
        config = replace(config, device=None)  # a file's GPU is not for the engine that the user asks for now
    names = ("engine", "device", "threads", "eval_every", "scale")
    given = {name: getattr(command, name) for name in names}
    return replace(
        config, capture=capture, **{name: value for name, value in given.items() if value is not None}
    )


def print_summary(summary: RunSummary, out: str) -> None:
    """A short table of what was made and how good it is."""
    table = Table.grid(padding=(0, 2))
    table.add_row("frames", f"{summary.frames_registered} of {summary.frames_extracted} cameras found")
    table.add_row("scene", f"{summary.num_gaussians:,} Gaussians")
    if summary.eval_psnr is not None and summary.eval_ssim is not None:
        table.add_row("held out", f"PSNR {summary.eval_psnr:.2f} dB, SSIM {summary.eval_ssim:.3f}")
    if summary.ate_percent is not None:
        table.add_row("path error", f"{summary.ate_percent:.3f} % of its length")
    if summary.scale == "metric":
        table.add_row("scale", "one unit of the scene is one metre")
    table.add_row("time", duration(sum(summary.stage_seconds.values())))
    table.add_row("files", ", ".join(summary.files))
    for number, advice in enumerate(summary.advice[:MOST_ADVICE]):
        table.add_row("" if number else "better", advice["message"])
    table.add_row("open", f"{out}/scene.ply in any splat viewer, {out}/report.html in a browser")
    Console(stderr=True).print(table, highlight=False)
