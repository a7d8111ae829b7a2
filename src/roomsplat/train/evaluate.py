"""How good the scene is: PSNR and SSIM over pictures that training did not see.

Measured as gsplat's simple_trainer does, so that figures compare: float images clamped to [0, 1], not 8-bit ones,
mean over pictures of each picture's own PSNR, SSIM with an 11x11 Gaussian window of sigma 1.5 and 'valid' borders.
Held-out pictures are compared plain: the scene's own colours, without any exposure transform. A film whose exposure
drifts is therefore judged as a viewer would see it, and scores a little lower than with a fit per picture.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.images import PosedImages
from roomsplat.core.progress import Progress, ReportProgress, silent
from roomsplat.render.base import Engine, RenderSettings
from roomsplat.train.pictures import Pictures
from roomsplat.train.similarity import psnr, ssim


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageScore:
    """One picture."""

    index: int
    """Its place in the posed images."""
    psnr: float
    """In dB."""
    ssim: float
    """At most 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Means over pictures, and every picture."""

    psnr: float
    """Mean in dB."""
    ssim: float
    """Mean."""
    images: tuple[ImageScore, ...]
    """In the order asked for."""


def evaluate(
    engine: Engine,
    gaussians: Gaussians,
    posed_images: PosedImages,
    indices: Sequence[int] | NDArray[np.integer],
    *,
    max_side: int | None = None,
    antialiased: bool = False,
    report: ReportProgress = silent,
) -> Evaluation:
    """Compare the scene with the pictures ``indices`` (none: PSNR and SSIM are NaN).

    ``max_side``: longer side in px that pictures are reduced to, as in training.
    """
    settings = RenderSettings(sh_degree=gaussians.sh_degree, antialiased=antialiased)
    pictures, scores = Pictures(engine, posed_images, max_side=max_side, budget_mb=0), list[ImageScore]()
    with engine.guard, closing(pictures):
        xp, splats = engine.xp, engine.create(gaussians, sh_degree=gaussians.sh_degree)
        pictures.expect(int(index) for index in indices)
        for index in (int(i) for i in indices):
            truth = pictures.target(index).pixels.astype(np.float32) / np.float32(255)
            rendering = engine.rasterize(splats, pictures.camera(index), settings)
            drawn = xp.clip(xp.moveaxis(rendering.rgb, 0, 2), 0, 1)
            scores.append(ImageScore(index=index, psnr=psnr(xp, drawn, truth), ssim=ssim(xp, drawn, truth)))
            message = f"compared view {len(scores)} of {len(indices)}"
            report(Progress(fraction=len(scores) / len(indices), message=message))
    return Evaluation(
        psnr=float(np.mean([s.psnr for s in scores])) if scores else float("nan"),
        ssim=float(np.mean([s.ssim for s in scores])) if scores else float("nan"),
        images=tuple(scores),
    )
