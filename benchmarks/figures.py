"""A measured number with a name and a unit; lists of them as JSON and as a table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

CALIBRATION = "calibration"
"""``cpu.calibration`` and ``line.calibration``: milliseconds of a fixed kernel (``calibration.py``), measured in the
same run as the other figures. How fast this machine is at this moment."""

BARS: Mapping[str, float] = {
    "cpu.step.480x270.100k.vs_trial": 1.05,
    "cpu.step.960x540.100k.vs_trial": 1.05,
    "cpu.step.1920x1080.300k.vs_trial": 1.05,
    "line.demo.wall": 480,
    "line.demo.registered": 98,
    "line.demo.ate": 0.3,
    "line.demo.psnr": 29,
    "line.fox_posed_quarter.train": 60,
    "line.fox_posed_quarter.psnr": 30.4,
    "line.fox_posed_full.train": 720,
    "line.fox_posed_full.psnr": 30.9,
    "line.fox.wall": 180,
    "line.fox.registered": 100,
    "line.fox.ate": 0.3,
    "line.fox.psnr_quarter": 30,
    "line.bedroom.wall": 240,
    "line.bedroom.registered": 90,
    "line.can.wall": 240,
    "line.can.registered": 90,
    "line.help": 0.3,
    "line.install": 900,
    "cuda.to_peer_quality": 9,
    "cuda.train.200k.step": 1.3,
    "cuda.step.room.1m": 2.5,
    "cuda.quality.psnr": 31.0,
    "cuda.quality.ssim": 0.890,
    "cuda.quality.peak": 0.8,
    "cuda.start.cold": 12,
    "cuda.start.warm": 1,
    "cuda.render.room.1m": 400,
    "cuda.line.office.wall": 45,
    "cuda.line.bedroom.wall": 30,
    "cuda.same_seed.difference": 0.15,
    **{
        f"service.{database}.{name}": bar
        for database in ("sqlite", "postgres")
        for name, bar in {
            "lost": 0,
            "not_once": 0,
            "refused": 0,
            "out_of_turn": 0,
            "passed_over": 2,
            "status.p99": 50,
            "large.refused": 0,
            "large.memory_growth": 64,
        }.items()
    },
    **{
        f"poses.{film}.from_nothing.{name}": bar
        for film in ("bare_walls", "fast_turn", "there_and_back")
        for name, bar in {"registered": 90, "ate": 2}.items()
    },
    "poses.bare_walls.registered": 95,
    "poses.bare_walls.ate": 1,
    "poses.bare_walls.wrong": 0,
    "poses.fast_turn.registered": 95,
    "poses.fast_turn.ate": 1,
    "poses.fast_turn.wrong": 0,
    "poses.there_and_back.registered": 95,
    "poses.there_and_back.ate": 1,
    "poses.there_and_back.wrong": 0,
    "poses.exposure_jumps.registered": 95,
    "poses.exposure_jumps.ate": 1,
    "poses.exposure_jumps.wrong": 0,
    "poses.repeated_furniture.registered": 95,
    "poses.repeated_furniture.ate": 1,
    "poses.repeated_furniture.wrong": 0,
    "poses.office.registered": 100,
    "poses.office.ate": 0.5,
    "poses.office.psnr": 26.5,
    "poses.bedroom.registered": 100,
    "poses.kitchen.registered": 100,
    "poses.kitchen.ate_cm": 4.7,
    "poses.kitchen5.registered": 100,
    "poses.kitchen5.ate_cm": 4.8,
    "poses.fox.registered": 100,
    "poses.fox.ate": 0.05,
    "poses.can.registered": 100,
    "poses.house.time_ratio": 1.5,
    "poses.house.peak": 6000,
    "quality.office.above_peer": 2.0,
    "quality.office.lost_by_long_run": 0.2,
    "quality.bedroom.above_peer": 1.0,
    "quality.fox.above_peer": 0.4,
    "quality.fox.gaussians_of_peer": 1.0,
    "quality.jumps.cost": 0.5,
    "quality.figure.cost": 0.7,
}
"""What was promised: ``cuda`` and ``quality`` on one NVIDIA H200, all others on two cores."""

LARGER_IS_BETTER = frozenset({"dB", "ssim", "% of frames", "frames/s"})
"""Units in which more is better; in every other one less is."""


class CaseError(Exception):
    """What was to be measured failed, so there is nothing to tell of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number."""

    key: str
    """Dotted name, such as ``cpu.step.480x270.100k``."""
    value: float
    unit: str
    """ms, s, ratio, dB, ssim, % of frames, % of path, % of step, cm, deg, MB, GB, frames/s, dB apart, LPIPS, Gaussians,
    pairs, steps, frames, wrong frames, jobs, requests, times."""


def meets_bar(figure: Figure) -> bool | None:
    """Whether a promise is kept; ``None`` when nothing was promised."""
    bar = BARS.get(figure.key)
    if bar is None:
        return None
    return figure.value >= bar if figure.unit in LARGER_IS_BETTER else figure.value <= bar


def bar_text(figure: Figure) -> str:
    """The promise with its direction, such as ``≤ 9``; empty when nothing was promised."""
    bar = BARS.get(figure.key)
    return "" if bar is None else f"{'≥' if figure.unit in LARGER_IS_BETTER else '≤'} {bar:g}"


def write_figures(path: Path, figures: Sequence[Figure]) -> None:
    """A list of ``{"key", "value", "unit"}``."""
    rounded = [asdict(f) | {"value": float(f"{f.value:.5g}")} for f in figures]
    path.write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")


def read_figures(path: Path) -> list[Figure]:
    """What ``write_figures`` wrote.

    Raises:
        ValueError: the file is no such list.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    try:
        return [Figure(key=str(f["key"]), value=float(f["value"]), unit=str(f["unit"])) for f in content]
    except (TypeError, KeyError) as error:
        raise ValueError(f"{path} is no list of figures") from error


def print_figures(figures: Sequence[Figure], baseline: Sequence[Figure]) -> None:
    """A table for people: the figure, the committed one, and the promise."""
    known = {f.key: f.value for f in baseline}
    table = Table("figure", "value", "unit", "baseline", "bar", "", box=None)
    for figure in figures:
        bar, kept = BARS.get(figure.key), meets_bar(figure)
        table.add_row(
            figure.key,
            f"{figure.value:.4g}",
            figure.unit,
            f"{known[figure.key]:.4g}" if figure.key in known else "",
            "" if bar is None else f"{bar:g}",
            {None: "", True: "[green]met[/]", False: "[red]missed[/]"}[kept],
        )
    # A pipe has no width: keys must not be cut there.
    console = Console()
    console = console if console.is_terminal else Console(width=120)
    console.print(table, highlight=False)
