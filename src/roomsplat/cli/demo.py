"""``roomsplat demo``: films a synthetic room, then does what ``reconstruct`` does with any film."""

import json
from dataclasses import asdict, replace
from pathlib import Path

from roomsplat.cli.arguments import Demo
from roomsplat.cli.progress import show_events
from roomsplat.cli.reconstruct import print_summary
from roomsplat.formats.nerfstudio import TransformsFile, write_transforms
from roomsplat.pipeline.config import for_quality
from roomsplat.pipeline.run import reconstruct
from roomsplat.pipeline.workspace import Workspace, stage_key, write_text_whole
from roomsplat.synth.film import FilmConfig


def run_demo(command: Demo) -> None:
    """Film, reconstruct, compare with the exact path and print what came out."""
    film, truth = film_room(command.out, FilmConfig(seed=command.seed))
    config = replace(
        for_quality(command.quality),
        engine=command.engine,
        device=command.device,
        threads=command.threads,
    )
    with show_events(command.events) as emit:
        result = reconstruct(film, command.out, config, emit=emit, reference=truth)
    if command.events == "bar":
        print_summary(result.summary, str(command.out))


def film_room(out: Path, config: FilmConfig) -> tuple[Path, Path]:
    """Make ``room.mp4`` and its exact cameras in ``out``, unless the same film is already there."""
    from rich.console import Console
    from rich.progress import Progress as Bars

    from roomsplat.core.progress import Progress
    from roomsplat.synth.film import make_film

    Workspace(
        out
    )  # refuses a folder that cannot be written, or that holds a user's files, before any work is done
    film, truth, made = out / "room.mp4", out / "room.transforms.json", out / "work" / "film.json"
    key = json.dumps({"key": stage_key(asdict(config))})
    if film.exists() and truth.exists() and made.exists() and made.read_text(encoding="utf-8") == key:
        return film, truth
    with Bars(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("filming a room", total=1.0)

        def report(progress: Progress) -> None:
            bars.update(task, completed=progress.fraction)

        shot = make_film(film, config, report)
    paths = tuple(f"film/{index:06d}" for index in range(len(shot.cameras)))
    write_transforms(
        truth, TransformsFile(cameras=shot.cameras, image_paths=paths, timestamps_s=shot.timestamps_s)
    )
    write_text_whole(made, key)
    return film, truth
