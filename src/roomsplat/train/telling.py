"""What a run tells while it trains: how far it is, and how well the pictures are met."""

import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.progress import Progress, ReportProgress
from roomsplat.render.base import Array
from roomsplat.train import schedule
from roomsplat.train.colour_fit import recoloured
from roomsplat.train.config import TrainConfig

_REPORT_EVERY_S = 0.5
PSNR_SAMPLES = 200
"""Rows and columns of a picture that the reported PSNR looks at: at full HD all of them would cost 30 ms a report."""
_SMOOTHING = 0.1
"""Share of the newest step in the reported loss and PSNR."""


class Teller:
    """Smooths what steps find out, and reports it a few times a second."""

    def __init__(self, config: TrainConfig, shorter_side: int, report: ReportProgress) -> None:
        """``shorter_side``: of the pictures at full size, in px."""
        self._config, self._shorter_side, self._report = config, shorter_side, report
        self.loss = math.nan
        """Smoothed; NaN before the first step."""
        self._psnr, self._told_at = math.nan, 0.0

    def is_due(self, step: int) -> bool:
        """Whether to report this step: a few times a second, and the last one."""
        now = time.monotonic()
        if now - self._told_at <= _REPORT_EVERY_S and step + 1 < self._config.max_steps:
            return False
        self._told_at = now
        return True

    def take_in(self, step: int, loss: float, error: Array | None, num_gaussians: int) -> None:
        """What ``step`` found out; ``error``: its picture's mean square error, where the step is to be reported."""
        self.loss = _smoothed(self.loss, loss)
        if error is None:
            return
        self._psnr = _smoothed(self._psnr, -10.0 * math.log10(max(float(error), 1e-10)))
        done, total = step + 1, self._config.max_steps
        metrics = {"step": done, "loss": self.loss, "psnr": self._psnr, "num_gaussians": num_gaussians}
        self._report(
            Progress(
                fraction=schedule.share_of_work(self._config, done, self._shorter_side),
                message=f"training step {done} of {total}",
                metrics=metrics,
            )
        )


def _smoothed(old: float, new: float) -> float:
    return new if math.isnan(old) else old + _SMOOTHING * (new - old)


def sampled_error(xp: Any, rgb: Array, pixels: Array, colour: NDArray[np.float32] | None) -> Array:
    """Mean square error of a rendering (3, h, w), colour-transformed, against (h, w, 3) pixels, on a grid of them.

    It stays on the device. Every operation is one that needs no library of the device's.
    """
    stride = max(1, min(pixels.shape[:2]) // PSNR_SAMPLES)
    shown = rgb[:, ::stride, ::stride]
    if colour is not None:
        shown = xp.moveaxis(recoloured(xp, xp.moveaxis(shown, 0, 2), colour), 2, 0)
    truth = xp.moveaxis(pixels[::stride, ::stride], 2, 0).astype(xp.float32) / 255
    difference = xp.clip(shown, 0, 1) - truth
    return (difference * difference).mean()
