"""The trial of ../shared/trials as a yardstick: its training step on our arrays, in our process.

It is read, never shipped: where the folder is missing, figures are given without their ratio. Its files are copied to
the user's cache, because Numba caches compiled code beside the source and the shared folder is not ours to write to.
"""

import importlib
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians

CACHE = Path.home() / ".cache" / "roomsplat-benchmarks" / "trial"
RASTERIZE, LOSS, UPDATE = ("project", "sort", "bin", "fwd"), ("loss",), ("bwd", "step")


class TrialStep:
    """One training step of the trial at SH degree 1, phase by phase, with learning rates of zero."""

    def __init__(self, module: Any, gaussians: Gaussians, width: int, height: int, threads: int) -> None:
        """Take the arrays in."""
        self._trainer = module.Trainer(trial_parameters(gaussians), width, height, threads)
        self._trainer.lr[:] = 0

    def view(self, camera: PinholeCamera, image: NDArray[np.uint8]) -> None:
        """The view and the picture of the next steps."""
        pose = camera.cam_from_world
        vector = [
            *pose[:3, :3].ravel(),
            *pose[:3, 3],
            camera.fx,
            camera.fy,
            camera.cx,
            camera.cy,
            *camera.center,
        ]
        self._camera = np.array([*vector, camera.width, camera.height], np.float32)
        self._trainer.set_target(image.transpose(2, 0, 1).astype(np.float32) / 255)

    def run(self, phases: tuple[str, ...]) -> None:
        """Some of the step's phases, in order."""
        for phase in phases:
            if phase == "project":
                self._trainer.project(self._camera)
            else:
                getattr(self._trainer, phase)()

    @property
    def rgb(self) -> NDArray[np.float32]:
        """(3, h, w) of the last step."""
        return self._trainer.img


def load_trial(folder: Path) -> Any | None:
    """The trial's module, or ``None`` where the folder is not there."""
    if not (folder / "trial.py").exists():
        return None
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in ("trial.py", "trial_base.py"):
        if not (CACHE / name).exists() or (CACHE / name).read_bytes() != (folder / name).read_bytes():
            shutil.copyfile(folder / name, CACHE / name)
    sys.path.insert(0, str(CACHE))
    try:
        return importlib.import_module("trial")
    finally:
        sys.path.remove(str(CACHE))


def trial_parameters(gaussians: Gaussians) -> NDArray[np.float32]:
    """(23, n): means, quats, log scales, opacity logits, then harmonics coefficient by coefficient."""
    rows = [gaussians.means.T, gaussians.quats.T, gaussians.log_scales.T, gaussians.opacity_logits[None]]
    return np.ascontiguousarray(np.concatenate([*rows, gaussians.sh[:, :4].reshape(len(gaussians), 12).T]))
