"""What runs as a process of its own: the first step, the peer, and the command of the whole line."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import CaseError, Figure

HERE = Path(__file__).resolve().parent
PEER_STEPS = 7000
PEER_EVALS = "1000,3000,5000,7000"


def python(*arguments: object, environment: dict[str, str] | None = None) -> str:
    """What a child interpreter prints.

    Raises:
        CaseError: it failed; the message carries the end of what it said.
    """
    paths = [str(HERE.parent / "src"), str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in paths if p), **(environment or {})}
    run = subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False, env=variables
    )
    if run.returncode:
        raise CaseError(f"{arguments[0]} {arguments[1]} ended with {run.returncode}: {run.stderr[-1500:]}")
    return run.stdout


def first_steps(engine: str, work: Path) -> list[Figure]:
    """``cuda.start.cold`` and ``.warm``: from import to the end of the first step; the warm one is the last of two."""
    caches = {
        "CUPY_CACHE_DIR": str(work / "kernels"),
        "CUDA_CACHE_PATH": str(work / "driver-kernels"),
        "ROOMSPLAT_CACHE": str(work / "roomsplat-kernels"),
    }
    for folder in caches.values():
        shutil.rmtree(folder, ignore_errors=True)
    figures: list[Figure] = []
    for name in ("cold", "warm", "warm"):
        printed = python("-m", "benchmarks.cuda_start", "--engine", engine, environment=caches)
        times: dict[str, float] = json.loads(printed.splitlines()[-1])
        figures = [f for f in figures if not f.key.startswith(f"cuda.start.{name}")]
        figures.append(Figure(key=f"cuda.start.{name}", value=times.pop("whole"), unit="s"))
        figures += [Figure(key=f"cuda.start.{name}.{part}", value=t, unit="s") for part, t in times.items()]
    return figures


def peer(shared: Path, say: Callable[[str], None], steps: int = PEER_STEPS) -> list[Figure]:
    """``peer.…``: gsplat's own figures, from the script that made those in ../shared/peers; none without gsplat."""
    missing = [name for name in ("torch", "gsplat") if importlib.util.find_spec(name) is None]
    if missing:
        say(f"peer: left out, {' and '.join(missing)} cannot be imported")
        return []
    script, scene = shared / "peers" / "gsplat_reference.py", shared / "peers" / "fox_posed"
    printed = python(script, "--scene", scene, "--steps", steps, "--evals", PEER_EVALS)
    rows = peer_rows(printed)
    for row in rows:
        say(f"peer: {json.dumps(row)}")
    return peer_figures(rows)


def peer_rows(printed: str) -> list[dict[str, Any]]:
    """The evaluations that the peer's script printed as JSON lines."""
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def peer_figures(rows: Sequence[dict[str, Any]]) -> list[Figure]:
    """Figures of its last evaluation, and the time of a step between the last two."""
    if not rows:
        raise CaseError("the peer printed no evaluation")
    last = rows[-1]
    figures = [
        Figure(key="peer.seconds", value=last["time"], unit="s"),
        Figure(key="peer.psnr", value=last["psnr"], unit="dB"),
        Figure(key="peer.ssim", value=last["ssim"], unit="ssim"),
        Figure(key="peer.gaussians", value=last["n"], unit="Gaussians"),
        Figure(key="peer.peak", value=last["mem_gb"], unit="GB"),
    ]
    if len(rows) > 1:
        before = rows[-2]
        step = 1e3 * (last["time"] - before["time"]) / (last["step"] - before["step"])
        figures.append(Figure(key="peer.step", value=step, unit="ms"))
    return figures


CAPTURES = {
    "office": ("office/images", "office/reference_transforms.json"),
    "bedroom": ("bedroom/room.mp4", None),
}


def end_to_end(name: str, shared: Path, work: Path, options: Sequence[object]) -> list[Figure]:
    """``cuda.line.NAME.…``: the public command on a real capture, from nothing, as a user runs it."""
    from benchmarks.line import run_figures  # noqa: PLC0415 - needs pydantic, which a bare GPU machine may lack

    source, reference = CAPTURES[name]
    out, data = work / f"line-{name}", shared / "data"
    shutil.rmtree(out, ignore_errors=True)
    known = [] if reference is None else ["--reference", data / reference]
    begun = time.perf_counter()
    python("-m", "roomsplat", "reconstruct", data / source, "-o", out, *known, *options)
    wall = time.perf_counter() - begun
    return [
        Figure(key=f.key.replace("line.", "cuda.line.", 1), value=f.value, unit=f.unit)
        for f in run_figures(name, out, wall)
    ]
