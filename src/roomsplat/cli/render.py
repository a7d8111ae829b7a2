"""``roomsplat render``."""

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress as Bars

from roomsplat.cli.arguments import Render
from roomsplat.core.cameras import Cameras
from roomsplat.core.progress import Progress, ReportProgress
from roomsplat.errors import InvalidSettingError, OutputError
from roomsplat.media.images import write_image
from roomsplat.pipeline.finished import FinishedRun, open_run
from roomsplat.pipeline.tour import MIN_SIDE, tour_cameras, within, write_tour
from roomsplat.render.base import Engine
from roomsplat.render.engines import select_engine
from roomsplat.render.view import prepare_scene, render_8bit


def run_render(command: Render) -> None:
    """Write a fly-through or stills.

    Raises:
        InvalidSettingError: a length, rate, count or size that is not positive.
    """
    max_side = MIN_SIDE if command.max_side is None else command.max_side
    lengths_fit = 0 < command.seconds <= 3600 and 0 < command.fps <= 240
    if not (lengths_fit and command.stills > 0 and max_side >= MIN_SIDE):
        raise InvalidSettingError(
            f"--seconds must be within 3600, --fps within 240, --stills 1 or more, --max-side {MIN_SIDE} or more.",
            hint="Leave out what you do not need.",
        )
    if command.out.suffix.lower() not in ("", ".mp4"):
        raise InvalidSettingError(
            f"{command.out} is neither an .mp4 file nor a folder.",
            hint="Give -o flight.mp4, or a folder for stills.",
        )
    run = open_run(command.run)
    engine = select_engine(command.engine, command.threads, command.device)
    cameras = within(run.images.cameras, command.max_side)
    with Bars(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("rendering", total=1.0)

        def report(progress: Progress) -> None:
            bars.update(task, completed=progress.fraction, description=progress.message)

        if command.out.suffix.lower() == ".mp4":
            path = tour_cameras(cameras, seconds=command.seconds, fps=command.fps)
            write_tour(command.out, engine, run.scene, path, fps=command.fps, report=report)
        else:
            _write_stills(command.out, engine, run, cameras, command.stills, report)
    Console(stderr=True).print(f"wrote {command.out}", highlight=False)


def _write_stills(
    folder: Path, engine: Engine, run: FinishedRun, cameras: Cameras, count: int, report: ReportProgress
) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be created ({error.strerror}).", hint="Choose another folder."
        ) from error
    splats, settings = prepare_scene(engine, run.scene)
    chosen = np.unique(np.linspace(0, len(cameras) - 1, min(count, len(cameras))).round().astype(np.int64))
    for done, index in enumerate((int(i) for i in chosen), start=1):
        picture = render_8bit(engine, splats, cameras.pinhole(index), settings)
        write_image(folder / f"{run.images.image_paths[index].stem}.png", picture)
        report(Progress(fraction=done / len(chosen), message=f"still {done} of {len(chosen)}"))
