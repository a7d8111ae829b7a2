"""``roomsplat convert``."""

from dataclasses import replace

from rich.console import Console

from roomsplat.cli.arguments import Convert
from roomsplat.formats.scene_files import read_scene, write_scene


def run_convert(command: Convert) -> None:
    """Read one splat file and write another."""
    scene = read_scene(command.source)
    gaussians = scene.gaussians
    if command.sh_degree is not None and command.sh_degree < gaussians.sh_degree:
        gaussians = replace(gaussians, sh=gaussians.sh[:, : (command.sh_degree + 1) ** 2])
    write_scene(command.target, replace(scene, gaussians=gaussians))
    size = command.target.stat().st_size / 1e6
    Console(stderr=True).print(
        f"{command.target}: {len(gaussians):,} Gaussians, {size:.1f} MB", highlight=False
    )
