"""The whole line, driven as a user drives it: the public command as a child process, figures read from ``run.json``."""

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calibration import calibrate
from benchmarks.figures import CALIBRATION, CaseError, Figure
from benchmarks.posed_scene import load_fox_posed
from roomsplat.pipeline.config import Quality, for_quality
from roomsplat.render.engines import select_engine
from roomsplat.train.evaluate import evaluate
from roomsplat.train.trainer import train

COMMAND = Path(sys.executable).parent / "roomsplat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and how the cases run."""

    shared: Path
    """Real captures lie in ``shared/data`` and ``shared/peers``; cases whose folder is missing are left out."""
    work: Path
    """Results go here."""
    threads: int
    quick: bool
    """Shorter: a tenth of the posed steps."""


def command_line(*arguments: object) -> float:
    """Wall seconds of ``roomsplat`` with these arguments.

    Raises:
        CaseError: it failed; the message carries what it said.
    """
    begun = time.perf_counter()
    run = subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False)
    if run.returncode:
        raise CaseError(f"roomsplat {arguments[0]} ended with {run.returncode}: {run.stderr.strip()[-400:]}")
    return time.perf_counter() - begun


def run_figures(name: str, out: Path, wall: float) -> list[Figure]:
    """What ``run.json`` says, under ``line.NAME``."""
    run: dict[str, Any] = json.loads((out / "run.json").read_text(encoding="utf-8"))
    registered = 100 * run["frames_registered"] / run["frames_extracted"]
    rows: list[tuple[str, float | None, str]] = [
        ("wall", wall, "s"),
        *((stage, seconds, "s") for stage, seconds in run["stage_seconds"].items()),
        ("frames", run["frames_extracted"], "frames"),
        ("registered", registered, "% of frames"),
        ("ate", run["ate_percent"], "% of path"),
        ("psnr", run["eval_psnr"], "dB"),
        ("ssim", run["eval_ssim"], "ssim"),
        ("gaussians", run["num_gaussians"], "Gaussians"),
    ]
    return [
        Figure(key=f"line.{name}.{key}", value=float(v), unit=unit) for key, v, unit in rows if v is not None
    ]


def fresh(out: Path) -> Path:
    """``out`` without what an earlier run left there: finished stages would be taken over and cost no time."""
    if out.exists():
        shutil.rmtree(out)
    return out


def demo(setting: Setting) -> list[Figure]:
    """The synthetic room from nothing: film, reconstruct, compare with the exact path."""
    out = fresh(setting.work / "demo")
    return run_figures("demo", out, command_line("demo", "-o", out, "--threads", setting.threads))


def capture_case(name: str, source: str, reference: str | None = None) -> Callable[[Setting], list[Figure]]:
    """A real capture at preview quality."""

    def measure(setting: Setting) -> list[Figure]:
        data, out = setting.shared / "data", fresh(setting.work / name)
        arguments = ["--quality", "preview", "--threads", setting.threads]
        if reference is not None:
            arguments += ["--reference", data / reference]
        wall = command_line("reconstruct", data / source, "-o", out, *arguments)
        return run_figures(name, out, wall)

    return measure


def fox(setting: Setting) -> list[Figure]:
    """Fifty phone pictures of which nothing is known; quality also at a quarter of their size."""
    figures = capture_case("fox", "fox/images", "fox/reference_transforms.json")(setting)
    quarter = ["evaluate", setting.work / "fox", "--max-side", 480, "--threads", setting.threads, "--json"]
    run = subprocess.run([COMMAND, *map(str, quarter)], capture_output=True, text=True, check=False)
    if run.returncode:
        raise CaseError(f"roomsplat evaluate ended with {run.returncode}: {run.stderr.strip()[-400:]}")
    psnr = float(json.loads(run.stdout)["eval_psnr"])
    return [*figures, Figure(key="line.fox.psnr_quarter", value=psnr, unit="dB")]


def posed_case(name: str, factor: int, steps: int, quality: Quality) -> Callable[[Setting], list[Figure]]:
    """Training alone, from known cameras, as gsplat's figures in ../shared/peers were made."""

    def measure(setting: Setting) -> list[Figure]:
        model = load_fox_posed(setting.shared / "peers" / "fox_posed", factor, setting.work / "pictures")
        engine = select_engine("cpu", threads=setting.threads)
        config = replace(
            for_quality(quality).train, max_side=None, max_steps=steps // 10 if setting.quick else steps
        )
        train(
            model, engine, replace(config, max_steps=3, max_side=64)
        )  # kernels are compiled once per install
        begun = time.perf_counter()
        result = train(model, engine, config)
        seconds = time.perf_counter() - begun
        images = model.posed_images
        score = evaluate(engine, result.gaussians, images, np.flatnonzero(images.is_eval))
        return [
            Figure(key=f"line.{name}.train", value=seconds, unit="s"),
            Figure(key=f"line.{name}.psnr", value=score.psnr, unit="dB"),
            Figure(key=f"line.{name}.ssim", value=score.ssim, unit="ssim"),
            Figure(key=f"line.{name}.gaussians", value=len(result.gaussians), unit="Gaussians"),
        ]

    return measure


def start(setting: Setting) -> list[Figure]:
    """How long ``roomsplat --help`` takes, the best of seven."""
    del setting
    return [Figure(key="line.help", value=min(command_line("--help") for _ in range(7)), unit="s")]


def install(setting: Setting) -> list[Figure]:
    """MB on disk of roomsplat and everything that it requires, by the packages' own lists of files."""
    del setting
    pending, seen, size = ["roomsplat"], set[str](), 0
    while pending:
        name = re.sub(r"[-_.]+", "-", pending.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # required on another system or Python only
        places = (Path(str(file.locate())) for file in distribution.files or ())
        size += sum(place.stat().st_size for place in places if place.exists())
        for requirement in distribution.requires or ():
            needed = re.match(r"[\w.-]+", requirement)
            if needed and "extra ==" not in requirement:
                pending.append(needed[0])
    return [Figure(key="line.install", value=size / 1e6, unit="MB")]


CASES: dict[str, tuple[Callable[[Setting], list[Figure]], str | None]] = {
    "help": (start, None),
    "install": (install, None),
    "demo": (demo, None),
    "fox_posed_quarter": (posed_case("fox_posed_quarter", 4, 3000, "preview"), "peers/fox_posed"),
    "fox": (fox, "data/fox"),
    "bedroom": (capture_case("bedroom", "bedroom/room.mp4"), "data/bedroom"),
    "can": (capture_case("can", "can/can.mp4"), "data/can"),
    "fox_posed_full": (posed_case("fox_posed_full", 1, 7000, "standard"), "peers/fox_posed"),
}
"""What is measured, and the folder in ``shared`` that it needs."""


def run_line(
    *,
    shared: Path,
    threads: int,
    quick: bool,
    only: str | None,
    keep: Path | None,
    say: Callable[[str], None],
) -> list[Figure]:
    """The chosen case, or all that this machine has the data for; a case that fails is told and left out."""
    figures: list[Figure] = []
    machine = [calibrate(threads)]
    with tempfile.TemporaryDirectory() as scratch:
        setting = Setting(shared=shared, work=keep or Path(scratch), threads=threads, quick=quick)
        setting.work.mkdir(parents=True, exist_ok=True)
        for name, (measure, folder) in CASES.items():
            if only is not None and name != only:
                continue
            if folder is not None and not (shared / folder).exists():
                say(f"{name}: left out, {shared / folder} is not there")
                continue
            say(f"{name} …")
            try:
                figures += measure(setting)
            except CaseError as error:
                say(f"{name} FAILED: {error}")
                figures.append(Figure(key=f"line.{name}.failed", value=1, unit="failures"))
            machine.append(calibrate(threads))
    # A long run sees the machine at its usual speed, not at its best.
    usual = float(np.median(machine))
    return [Figure(key=f"line.{CALIBRATION}", value=usual, unit="ms"), *figures]
