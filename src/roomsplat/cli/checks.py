"""What ``roomsplat doctor`` tries: each check does a little of the real work and returns a note, or raises."""

import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, requires
from pathlib import Path

import numpy as np

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import Engine, LearningRates, RenderSettings
from roomsplat.render.engines import select_engine
from roomsplat.render.view import render_view

MARKS = {"cuda": "cupy-cuda12x", "cuda13": "cupy-cuda13x", "server": "fastapi", "learned": "kornia"}
"""An extra was asked for where this library of it is installed; then all of its libraries have to be there."""

STEPS = 30
CAMERA = PinholeCamera(
    fx=60, fy=60, cx=32, cy=24, width=64, height=48, cam_from_world=np.eye(4, dtype=np.float32)
)


def check_engine(name: str, device: int | None, *, trains: bool = True) -> str:
    """Draw a Gaussian and look at the middle of the picture; if it ``trains``, train a few towards a grey one."""
    started = time.perf_counter()
    engine = select_engine(name, device=device)
    middle = float(render_view(engine, _in_a_row(1), CAMERA, RenderSettings()).rgb[24, 32, 0])
    expected = (0.5 + 0.28209479) / (1 + np.exp(-4.0))
    assert abs(middle - expected) < 0.01, f"the middle pixel is {middle}"
    first = time.perf_counter() - started
    if trains:
        _train_a_little(engine)
    return f"{'drew and trained' if trains else 'drew'} right on {engine.name}, first picture after {first:.1f} s"


def _train_a_little(engine: Engine) -> None:
    splats = engine.create(_in_a_row(7), sh_degree=0)
    target = engine.prepare_target(np.full((CAMERA.height, CAMERA.width, 3), 90, np.uint8))
    rates = LearningRates(
        means=1e-3, quats=1e-3, log_scales=5e-3, opacity_logits=5e-2, sh_dc=5e-2, sh_rest=0.0
    )
    losses: list[float] = []
    for step in range(1, STEPS + 1):
        picture = engine.rasterize(splats, CAMERA, RenderSettings(sh_degree=0))
        loss = engine.photometric_loss(picture, target, ssim_weight=0.2)
        losses.append(float(loss.value))
        engine.update(splats, picture, loss.grad_rgb, rates=rates, step=step)
    assert losses[-1] < 0.8 * losses[0], f"training went from a loss of {losses[0]:.4f} to {losses[-1]:.4f}"


def check_video() -> str:
    """Write a small film and open it again."""
    from roomsplat.media.video import VideoWriter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        with VideoWriter(path, fps=10) as film:
            for shade in (0, 128, 255):
                film.write(np.full((48, 64, 3), shade, np.uint8))
        return f"H.264 written ({path.stat().st_size} bytes)"


def check_sfm() -> str:
    """Import the library in a process of its own, as a run does; a broken binary fails there and not here."""
    code = "from roomsplat.sfm.colmap import library_version; print(library_version())"
    # our own interpreter and a fixed text: nothing of the user's is executed
    found = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - see above
    return f"pycolmap {found.stdout.strip()}"


def check_libraries() -> str:
    """Import every library that roomsplat and its installed extras name, in a process of its own.

    pycolmap is left to ``check_sfm``: nothing else may be loaded beside it.
    """
    modules: dict[str, list[str]] = {}
    for module, names in packages_distributions().items():
        for name in names:
            modules.setdefault(_canonical(name), []).append(module)
    wanted = sorted(_required_libraries() - {"pycolmap"})
    missing = [name for name in wanted if name not in modules]
    assert not missing, f"{missing[0]} is not installed"
    imports = [m for name in wanted for m in sorted(modules[name]) if m.isidentifier() and m[0] != "_"]
    code = f"import {', '.join(dict.fromkeys(imports))}"
    # our own interpreter and the names of installed modules: nothing of the user's is executed
    run = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - see above
    trouble = (run.stderr.strip().splitlines() or ["no word"])[-1]
    assert run.returncode == 0, f"an import ended with {trouble}"
    return f"{len(wanted) + 1} imported"


def _required_libraries() -> set[str]:
    """What the package says that it needs, with the extras that are installed."""
    found: set[str] = set()
    for line in requires("roomsplat") or ():
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"extra == ['\"](\w+)['\"]", line)
        assert name is not None, line
        if extra is None or _is_installed(MARKS[extra[1]]):
            found.add(_canonical(name[0]))
    return found


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _in_a_row(count: int) -> Gaussians:
    """Gaussians side by side, two units in front of the camera."""
    means = np.zeros((count, 3), np.float32)
    means[:, 0] = np.linspace(-0.8, 0.8, count) if count > 1 else 0
    means[:, 2] = 2
    return Gaussians(
        means=means,
        quats=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        log_scales=np.full((count, 3), -1.0, np.float32),
        opacity_logits=np.full(count, 4.0, np.float32),
        sh=np.full((count, 1, 3), 1.0, np.float32),
    )
