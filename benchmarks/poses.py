"""Are cameras found, and are they right? Ours beside plain pycolmap, on films whose cameras are known.

Five synthetic rooms that are made to be hard, and the real captures of ``shared/data``. Every method gets the same
frames and runs in a process of its own. What the columns mean stands in ``poses_errors.py``.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calibration import calibrate
from benchmarks.figures import CALIBRATION, CaseError, Figure
from benchmarks.poses_errors import Errors, Found, errors_of
from benchmarks.poses_films import NAMES, Film, film
from roomsplat.formats.nerfstudio import read_transforms

ASKED_FOR_ONLY = ("house_part", "house")
METHODS = ("ours", "incremental", "global")
NOTHING = "from_nothing"
"""Ours with the result of matching and mapping thrown away."""
PLAIN = METHODS[1:]
LIMIT_S: dict[str, int] = {"house": 4 * 3600}
USUAL_LIMIT_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one method made of one film."""

    film: str
    method: str
    is_metric: bool
    frames: int
    registered: int
    others: tuple[int, ...]
    """Sizes of further models."""
    placed: int
    """Of the registered: by posefree, after matching had lost them."""
    seconds: float
    cpu_seconds: float
    """Of all processors: what a busy machine does not change."""
    peak_mb: float
    psnr: float | None
    errors: Errors | None
    failure: str = ""
    """Why there is no result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How the cases run."""

    threads: int
    quick: bool
    psnr: bool
    methods: tuple[str, ...]
    say: Callable[[str], None]


def step(name: str, work: Path, limit_s: int, *options: object) -> dict[str, Any]:
    """Run a step of ``poses_child`` and read what it left.

    Raises:
        CaseError: it failed, or was not done in time.
    """
    command = [sys.executable, "-m", "benchmarks.poses_child", name, str(work), *map(str, options)]
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=limit_s,
            cwd=Path(__file__).resolve().parents[1], env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise CaseError(f"{name} was not done after {limit_s} s") from error
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["no word"])[-1]
        raise CaseError(f"{name} ended with {run.returncode}: {last[:300]}")
    return json.loads((work / f"{name}.json").read_text(encoding="utf-8"))


def rows_of(one: Film, work: Path, setting: Setting) -> list[Row]:
    """Every method on one film; what fails is a row that says so.

    Raises:
        CaseError: not even the frames could be chosen.
    """
    limit = LIMIT_S.get(one.name, USUAL_LIMIT_S)
    order = step("capture", work, limit, "--source", one.source)["frames"]
    rows = list[Row]()
    before: dict[str, Any] | None = None
    for method in [name for name in setting.methods if one.beside_plain or name not in PLAIN]:
        setting.say(f"{one.name}: {method} …")
        try:
            if method in PLAIN and before is None:
                before = step("database", work, limit, "--threads", setting.threads)
            result = step(method, work, limit, "--threads", setting.threads)
            if setting.psnr and result["names"]:
                result["psnr"] = _psnr(one, method, work, setting)
        except CaseError as error:
            setting.say(f"{one.name}: {error}")
            rows.append(_row(one, method, order, {}, failure=str(error)))
            continue
        shared = before or {"seconds": 0.0, "cpu_seconds": 0.0, "peak_mb": 0.0}
        if method in PLAIN:  # features and matches are a part of either mapper's work
            for clock in ("seconds", "cpu_seconds"):
                result[clock] += shared[clock]
            result["peak_mb"] = max(result["peak_mb"], shared["peak_mb"])
        rows.append(_row(one, method, order, result))
    return rows


def _psnr(one: Film, method: str, work: Path, setting: Setting) -> float | None:
    """Held out, after training at preview; ``None`` where a plain mapper's cameras cannot be trained on.

    Raises:
        CaseError: ours cannot.
    """
    limit = LIMIT_S.get(one.name, USUAL_LIMIT_S)
    try:
        return step("psnr", work, limit, "--threads", setting.threads, "--of", method)["psnr"]
    except CaseError as error:
        if method not in PLAIN:
            raise
        setting.say(f"{one.name}, {method}: {error}")
        return None


def _row(one: Film, method: str, order: Sequence[str], result: dict[str, Any], failure: str = "") -> Row:
    names = tuple(result.get("names", ()))
    errors = None
    if one.reference is not None and names:
        found = Found(names=names, cam_from_world=np.asarray(result["poses"], np.float64))
        errors = errors_of(found, read_transforms(one.reference), order)
    return Row(
        film=one.name,
        method=method,
        is_metric=one.is_metric,
        frames=len(order),
        registered=len(names),
        others=tuple(result.get("others", ())),
        placed=result.get("placed", 0),
        seconds=result.get("seconds", float("nan")),
        cpu_seconds=result.get("cpu_seconds", float("nan")),
        peak_mb=result.get("peak_mb", float("nan")),
        psnr=result.get("psnr"),
        errors=errors,
        failure=failure,
    )


def figures_of(row: Row) -> list[Figure]:
    """A row as figures: ``poses.FILM.…`` of ours, ``peer.poses.FILM.METHOD.…`` of the others, which nobody judges."""
    is_plain = row.method in PLAIN
    at = f"peer.poses.{row.film}" if is_plain else f"poses.{row.film}"
    at = at if row.method == "ours" else f"{at}.{row.method}"
    if row.failure:
        return [Figure(key=f"{at}.failed", value=1, unit="frames" if is_plain else "failures")]
    values: list[tuple[str, float | None, str]] = [
        ("frames", row.frames, "frames"),
        ("registered", 100 * row.registered / row.frames, "% of frames"),
        ("placed", None if is_plain else row.placed, "frames"),
        ("seconds", row.seconds, "s"),
        ("cpu_seconds", row.cpu_seconds, "s"),
        ("seconds_per_frame", row.seconds / row.frames if row.film.startswith("house") else None, "s"),
        ("peak", row.peak_mb, "MB"),
        ("psnr", row.psnr, "dB"),
    ]
    if row.errors is not None:
        values += [
            ("ate", row.errors.ate, "% of path"),
            ("ate_cm", 100 * row.errors.ate_length if row.is_metric else None, "cm"),
            ("rpe_turn", row.errors.rpe_degrees, "deg"),
            ("rpe_step", row.errors.rpe_percent, "% of step"),
            ("worst", row.errors.worst, "% of path"),
            ("wrong", len(row.errors.wrong), "wrong frames"),
        ]
    return [Figure(key=f"{at}.{key}", value=float(v), unit=unit) for key, v, unit in values if v is not None]


def house_figures(rows: Sequence[Row]) -> list[Figure]:
    """How much more processor time a frame of the whole house takes than one of its first 240, where both were run."""
    each = {
        row.film: row.cpu_seconds / row.frames for row in rows if row.method == "ours" and not row.failure
    }
    if not {"house", "house_part"} <= set(each):
        return []
    return [Figure(key="poses.house.time_ratio", value=each["house"] / each["house_part"], unit="ratio")]


def run_poses(
    *,
    shared: Path,
    threads: int,
    quick: bool,
    only: Sequence[str] | None,
    psnr: bool,
    keep: Path | None,
    methods: Sequence[str] = METHODS,
    say: Callable[[str], None],
) -> tuple[list[Figure], list[Row]]:
    """The chosen films, or all but the house; rows for people, figures for the gate."""
    setting = Setting(threads=threads, quick=quick, psnr=psnr, methods=tuple(methods), say=say)
    rows, machine = list[Row](), [calibrate(threads)]
    failures = list[Figure]()
    with tempfile.TemporaryDirectory() as scratch:
        for name in only or [name for name in NAMES if name not in ASKED_FOR_ONLY]:
            work = (keep or Path(scratch)) / name
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            try:
                one = film(name, shared, work, quick=quick, say=say)
                if one is None:
                    continue
                rows += rows_of(one, work, setting)
            except CaseError as error:
                say(f"{name} FAILED: {error}")
                failures.append(Figure(key=f"poses.{name}.failed", value=1, unit="failures"))
            machine.append(calibrate(threads))
            if keep is None:
                shutil.rmtree(work)
    figures = [Figure(key=f"poses.{CALIBRATION}", value=float(np.median(machine)), unit="ms"), *failures]
    for row in rows:
        figures += figures_of(row)
    return figures + house_figures(rows), rows
