"""``roomsplat doctor``: what this computer offers, and whether the parts work."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from roomsplat._version import __version__
from roomsplat.cli.arguments import Doctor
from roomsplat.errors import EngineError, RoomsplatError

PACKAGES = ("numpy", "numba", "av", "pycolmap", "scipy")


def run_doctor(command: Doctor) -> None:
    """Print findings; a part that fails ends in a non-zero exit.

    Raises:
        EngineError: a part does not work.
    """
    facts = {
        "roomsplat": __version__,
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
        "free disk here": f"{shutil.disk_usage(Path.cwd()).free / 1e9:.0f} GB",
        **{name: version(name) for name in PACKAGES},
    }
    checks: dict[str, Callable[[], str]] = {
        "CPU engine": _check_cpu_engine,
        "video": _check_video,
        "structure from motion": _check_sfm,
    }
    results = {name: _attempt(check) for name, check in checks.items()}
    facts["engine chosen"] = _chosen_engine()
    if command.json:
        print(json.dumps({"facts": facts, "checks": results}, indent=2))
    else:
        _print_table(facts, results)
    failed = [name for name, result in results.items() if not result["ok"]]
    if failed:
        raise EngineError(
            f"{' and '.join(failed)} did not work on this computer.",
            hint="Reinstall roomsplat, or report the text above.",
        )


def _attempt(check: Callable[[], str]) -> dict[str, object]:
    try:
        return {"ok": True, "note": check()}
    except Exception as error:  # noqa: BLE001 - a doctor reports whatever ails, of any kind
        return {"ok": False, "note": f"{type(error).__name__}: {error}"}


def _check_cpu_engine() -> str:
    """Render one Gaussian and look at the middle of the picture."""
    from roomsplat.api import render
    from roomsplat.core.cameras import PinholeCamera
    from roomsplat.core.gaussians import Gaussians
    from roomsplat.core.scene import SplatScene

    one = Gaussians(
        means=np.array([[0, 0, 2]], np.float32),
        quats=np.array([[1, 0, 0, 0]], np.float32),
        log_scales=np.full((1, 3), -1.0, np.float32),
        opacity_logits=np.array([4.0], np.float32),
        sh=np.full((1, 1, 3), 1.0, np.float32),
    )
    camera = PinholeCamera(
        fx=60, fy=60, cx=32, cy=24, width=64, height=48, cam_from_world=np.eye(4, dtype=np.float32)
    )
    started = time.perf_counter()
    picture = render(SplatScene(gaussians=one), camera, engine="cpu").rgb
    expected = (0.5 + 0.28209479) / (1 + np.exp(-4.0))
    assert abs(float(picture[24, 32, 0]) - expected) < 0.01, f"the middle pixel is {picture[24, 32, 0]}"
    return f"a Gaussian rendered right, first start {time.perf_counter() - started:.1f} s"


def _check_video() -> str:
    """Write a small film and open it again."""
    from roomsplat.media.video import VideoWriter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        with VideoWriter(path, fps=10) as film:
            for shade in (0, 128, 255):
                film.write(np.full((48, 64, 3), shade, np.uint8))
        return f"H.264 written ({path.stat().st_size} bytes)"


def _check_sfm() -> str:
    """Import the library in a process of its own, as a run does; a broken binary fails there and not here."""
    code = "from roomsplat.sfm.colmap import library_version; print(library_version())"
    # our own interpreter and a fixed text: nothing of the user's is executed
    found = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - see above
    return f"pycolmap {found.stdout.strip()}"


def _chosen_engine() -> str:
    from roomsplat.render.engines import select_engine

    try:
        return f"{select_engine('auto').name} (the only engine of this version; it uses every core)"
    except RoomsplatError as error:
        return f"none: {error.message}"


def _print_table(facts: dict[str, str], results: dict[str, dict[str, object]]) -> None:
    table = Table.grid(padding=(0, 2))
    for name, fact in facts.items():
        table.add_row(name, fact)
    for name, result in results.items():
        table.add_row(name, ("works: " if result["ok"] else "FAILS: ") + str(result["note"]))
    Console().print(table, highlight=False)
