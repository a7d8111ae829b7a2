"""How good the scene is: PSNR and SSIM over pictures that training did not see.

Measured as gsplat's simple_trainer does, so that figures compare: float images clamped to [0, 1], not 8-bit ones,
mean over pictures of each picture's own PSNR, SSIM with an 11x11 Gaussian window of sigma 1.5 and 'valid' borders.
Held-out pictures are compared plain: the scene's own colours, without any exposure transform. A film whose exposure
drifts is therefore judged as a viewer would see it, and scores a little lower than with a fit per picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.images import PosedImages
from roomsplat.core.progress import Progress, ReportProgress, silent
from roomsplat.render.base import Engine, RenderSettings
from roomsplat.train.pictures import Pictures

Float = NDArray[np.float32]
_BELL = np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
_WINDOW = _BELL / _BELL.sum()
_C1, _C2 = 0.01**2, 0.03**2


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


def psnr(image: Float, reference: Float) -> float:
    """Peak signal-to-noise ratio in dB of two (h, w, 3) images in [0, 1]; 100 for equal ones."""
    error = float(np.mean((image.astype(np.float64) - reference) ** 2))
    return -10.0 * float(np.log10(max(error, 1e-10)))


def ssim(image: Float, reference: Float) -> float:
    """Structural similarity of two (h, w, 3) images in [0, 1] (Wang et al. 2004), 'valid' borders.

    Images smaller than the window are filtered with mirrored borders instead.
    """
    a, b = image.astype(np.float64), reference.astype(np.float64)

    def blur(values: NDArray[np.float64]) -> NDArray[np.float64]:
        filtered: Any = correlate1d(correlate1d(values, _WINDOW, axis=0), _WINDOW, axis=1)
        half = len(_WINDOW) // 2
        inside = filtered[half:-half, half:-half]
        return inside if inside.size else filtered

    mu_a, mu_b = blur(a), blur(b)
    var_a, var_b, cov = blur(a * a) - mu_a**2, blur(b * b) - mu_b**2, blur(a * b) - mu_a * mu_b
    top = (2 * mu_a * mu_b + _C1) * (2 * cov + _C2)
    return float(np.mean(top / ((mu_a**2 + mu_b**2 + _C1) * (var_a + var_b + _C2))))


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
    pictures = Pictures(engine, posed_images, max_side=max_side, budget_mb=0)
    splats = engine.create(gaussians, sh_degree=gaussians.sh_degree)
    settings = RenderSettings(sh_degree=gaussians.sh_degree, antialiased=antialiased)
    scores: list[ImageScore] = []
    for place, index in enumerate(int(i) for i in indices):
        rendering = engine.rasterize(splats, pictures.camera(index), settings)
        rendered = np.clip(np.moveaxis(on_host(rendering.rgb), 0, 2), 0, 1)
        truth = pictures.image(index).astype(np.float32) / np.float32(255)
        scores.append(ImageScore(index=index, psnr=psnr(rendered, truth), ssim=ssim(rendered, truth)))
        report(
            Progress(
                fraction=(place + 1) / len(indices), message=f"compared view {place + 1} of {len(indices)}"
            )
        )
    return Evaluation(
        psnr=float(np.mean([s.psnr for s in scores])) if scores else float("nan"),
        ssim=float(np.mean([s.ssim for s in scores])) if scores else float("nan"),
        images=tuple(scores),
    )


def on_host(array: Any) -> NDArray[Any]:
    """An engine's array as NumPy's (CuPy arrays know ``get``); NumPy's own is not copied."""
    return np.asarray(array.get() if hasattr(array, "get") else array)
