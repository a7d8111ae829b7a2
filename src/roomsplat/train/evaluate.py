"""How good the scene is: PSNR and SSIM over pictures that training did not see.

Measured as gsplat's simple_trainer does, so that figures compare: float images clamped to [0, 1], not 8-bit ones,
mean over pictures of each picture's own PSNR, SSIM with an 11x11 Gaussian window of sigma 1.5 and 'valid' borders.
Held-out pictures are compared twice. First with the exposure that the film had around them, if exposures were learned
(``AppearanceLearning.of_all`` takes it from the neighbours in the film: nothing is fitted to the picture itself);
without learned exposures these are the scene's own colours. Then colour corrected: after the affine colour map, one per
picture, that brings the rendering closest to it, as is usual for films that change exposure (Mildenhall et al. 2022,
"NeRF in the Dark", section 5; there the map is quadratic). The first is what a user sees, the second judges the shapes.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.images import PosedImages
from roomsplat.core.progress import Progress, ReportProgress, silent
from roomsplat.render.base import Array, Engine, RenderSettings
from roomsplat.train.colour_fit import fitted_colour, recoloured
from roomsplat.train.host import on_host
from roomsplat.train.pictures import Pictures
from roomsplat.train.similarity import psnr, ssim

Perceptual = Callable[[NDArray[np.float32], NDArray[np.float32]], float]
"""A distance of two (h, w, 3) pictures in [0, 1], such as ``priors.lpips.Lpips.distance``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageScore:
    """One picture."""

    index: int
    """Its place in the posed images."""
    psnr: float
    """In dB."""
    ssim: float
    """At most 1."""
    corrected_psnr: float
    """In dB, colour corrected."""
    corrected_ssim: float
    """Colour corrected."""
    lpips: float | None = None
    """At least 0, smaller is better; ``None``: it was not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Means over pictures, and every picture."""

    psnr: float
    """Mean in dB."""
    ssim: float
    """Mean."""
    corrected_psnr: float
    """Mean in dB, colour corrected."""
    corrected_ssim: float
    """Mean, colour corrected."""
    images: tuple[ImageScore, ...]
    """In the order asked for."""
    lpips: float | None = None
    """Mean, of the pictures as a user sees them; ``None``: it was not asked for."""


def evaluate(
    engine: Engine,
    gaussians: Gaussians,
    posed_images: PosedImages,
    indices: Sequence[int] | NDArray[np.integer],
    *,
    max_side: int | None = None,
    antialiased: bool = False,
    exposures: NDArray[np.float64] | None = None,
    perceptual: Perceptual | None = None,
    report: ReportProgress = silent,
) -> Evaluation:
    """Compare the scene with the pictures ``indices`` (none: every figure is NaN).

    ``max_side``: longer side in px that pictures are reduced to, as in training. ``exposures``: (c, 3, 5) colour
    transforms by place in the posed images (``TrainResult.exposures``). ``perceptual``: what measures LPIPS.
    """
    settings = RenderSettings(sh_degree=gaussians.sh_degree, antialiased=antialiased)
    pictures, scores = Pictures(engine, posed_images, max_side=max_side, budget_mb=0), list[ImageScore]()
    with engine.guard, closing(pictures):
        xp, splats = engine.xp, engine.create(gaussians, sh_degree=gaussians.sh_degree)
        pictures.expect(int(index) for index in indices)
        for index in (int(i) for i in indices):
            truth = pictures.target(index).pixels.astype(np.float32) / np.float32(255)
            rendering = engine.rasterize(splats, pictures.camera(index), settings)
            drawn = xp.moveaxis(rendering.rgb, 0, 2)
            if exposures is not None:
                drawn = recoloured(xp, drawn, exposures[index])
            scores.append(_score(xp, index, xp.clip(drawn, 0, 1), truth, perceptual))
            message = f"compared view {len(scores)} of {len(indices)}"
            report(Progress(fraction=len(scores) / len(indices), message=message))
    means = {name: _mean(scores, name) for name in _FIGURES}
    return Evaluation(
        **means, images=tuple(scores), lpips=None if perceptual is None else _mean(scores, "lpips")
    )


_FIGURES = ("psnr", "ssim", "corrected_psnr", "corrected_ssim")


def _score(xp: Any, index: int, drawn: Array, truth: Array, perceptual: Perceptual | None) -> ImageScore:
    corrected = xp.clip(recoloured(xp, drawn, fitted_colour(xp, drawn, truth)), 0, 1)
    return ImageScore(
        index=index,
        psnr=psnr(xp, drawn, truth),
        ssim=ssim(xp, drawn, truth),
        corrected_psnr=psnr(xp, corrected, truth),
        corrected_ssim=ssim(xp, corrected, truth),
        lpips=None if perceptual is None else perceptual(on_host(drawn), on_host(truth)),
    )


def _mean(scores: Sequence[ImageScore], name: str) -> float:
    return float(np.mean([getattr(score, name) for score in scores])) if scores else float("nan")
