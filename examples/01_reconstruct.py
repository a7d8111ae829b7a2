"""Turn a film into a splat, with settings of your own and a line for every stage.

    python examples/01_reconstruct.py room.mp4 my-room

Stop it with Ctrl-C and start it again: it continues.
"""

import sys
from dataclasses import replace
from pathlib import Path

import roomsplat
from roomsplat.core.scene import SplatScene
from roomsplat.pipeline.config import PipelineConfig, for_quality
from roomsplat.pipeline.events import Event, StageFinished


def my_settings() -> PipelineConfig:
    """Start from a preset and change what you like: here 120 frames of the film are used, whatever its length."""
    preset = for_quality("preview")
    return replace(preset, capture=replace(preset.capture, frames=120))


def main(source: Path, out: Path, config: PipelineConfig) -> SplatScene:
    """Reconstruct ``source`` into the folder ``out``."""

    def tell(event: Event) -> None:
        if isinstance(event, StageFinished):
            print(f"{event.progress:5.0%}  {event.stage}: {event.message}")

    scene = roomsplat.reconstruct(source, out, config=config, on_event=tell)
    print(
        f"{len(scene.gaussians):,} Gaussians in {out / 'scene.ply'}; open {out / 'report.html'} to see them."
    )
    return scene


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), my_settings())
