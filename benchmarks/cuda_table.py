"""The tables of the CUDA benchmark: what was promised beside what was measured, and a step launch by launch.

``python -m benchmarks.cuda_table FILE …`` prints the first one from what ``--json`` wrote.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, bar_text, meets_bar, read_figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A promise."""

    text: str
    key: str
    peer: str
    """The figure of the peer as ../shared/peers/README.md has it; made with gsplat 1.5.3 on one H200."""
    peer_key: str | None = None
    """The same, when the peer ran beside us."""


ROWS = (
    Row(
        text="training to 30.83 dB / SSIM .887",
        key="cuda.to_peer_quality",
        peer="36.5",
        peer_key="peer.seconds",
    ),
    Row(text="  with so many steps", key="cuda.to_peer_quality.steps", peer="7000"),
    Row(
        text="a trainer's step, 200 k Gaussians, 1076x1915",
        key="cuda.train.200k.step",
        peer="5.2",
        peer_key="peer.step",
    ),
    Row(text="  an engine's step alone", key="cuda.step.photographs.200k", peer=""),
    Row(text="  of which the GPU", key="cuda.step.photographs.200k.gpu", peer="4"),
    Row(text="  Python's part", key="cuda.step.photographs.200k.python", peer=""),
    Row(text="an engine's step, 1 M Gaussians, 1920x1080", key="cuda.step.room.1m", peer="about 6"),
    Row(text="  of which the GPU", key="cuda.step.room.1m.gpu", peer=""),
    Row(text="PSNR after 7,000 steps", key="cuda.quality.psnr", peer="30.83", peer_key="peer.psnr"),
    Row(text="SSIM after 7,000 steps", key="cuda.quality.ssim", peer=".887", peer_key="peer.ssim"),
    Row(text="  Gaussians", key="cuda.quality.gaussians", peer="198 k", peer_key="peer.gaussians"),
    Row(text="  training", key="cuda.quality.seconds", peer="36.5", peer_key="peer.seconds"),
    Row(text="peak GPU memory in arrays", key="cuda.quality.peak", peer="0.8", peer_key="peer.peak"),
    Row(text="  kept by the pool", key="cuda.quality.held", peer=""),
    Row(text="import to the end of the first step, empty cache", key="cuda.start.cold", peer="70"),
    Row(text="  warm cache", key="cuda.start.warm", peer="1"),
    Row(text="render only, 1920x1080, 1 M Gaussians", key="cuda.render.room.1m", peer=""),
    Row(text="  with the copy to the host", key="cuda.render.room.1m.to_host", peer=""),
    Row(text="office, end to end, standard", key="cuda.line.office.wall", peer="34 + 44"),
    Row(text="  path error", key="cuda.line.office.ate", peer=""),
    Row(text="  PSNR", key="cuda.line.office.psnr", peer=""),
    Row(text="bedroom, end to end, standard", key="cuda.line.bedroom.wall", peer=""),
    Row(text="  PSNR", key="cuda.line.bedroom.psnr", peer=""),
    Row(text="CPU and CUDA from one seed", key="cuda.same_seed.difference", peer=""),
)


def wide() -> Console:
    """A console; where the output is a pipe it has no width, and names must not be cut there."""
    console = Console()
    return console if console.is_terminal else Console(width=130)


def print_promises(figures: Sequence[Figure]) -> None:
    """The issue's table, those of its rows that were measured."""
    known = {f.key: f for f in figures}
    table = Table("figure", "peer", "peer here", "bar", "measured", "unit", "", box=None)
    for row in ROWS:
        figure = known.get(row.key)
        if figure is None:
            continue
        beside = None if row.peer_key is None else known.get(row.peer_key)
        table.add_row(
            row.text,
            row.peer,
            "" if beside is None else f"{beside.value:.4g}",
            bar_text(figure),
            f"{figure.value:.4g}",
            figure.unit,
            {None: "", True: "[green]met[/]", False: "[red]missed[/]"}[meets_bar(figure)],
        )
    wide().print(table, highlight=False)


def print_kernels(key: str, title: str, rows: Sequence[tuple[str, float, float]]) -> list[Figure]:
    """One step, launch by launch, as a table; as figures ``cuda.kernel.KEY.LAUNCH``."""
    table = Table("launch", "µs", "share", box=None)
    for name, value, share in rows:
        table.add_row(name, f"{1e3 * value:.1f}", f"{100 * share:.1f} %")
    wide().print(title, table, highlight=False)
    return [
        Figure(key=f"cuda.kernel.{key}.{name.replace(' ', '_')}", value=value, unit="ms")
        for name, value, _ in rows
    ]


if __name__ == "__main__":
    print_promises(
        [figure for path in sys.argv[1:] if Path(path).exists() for figure in read_figures(Path(path))]
    )
