"""The photometric loss in float64: (1 - w) · mean |x - y| + w · (1 - mean SSIM), window by window.

SSIM as Wang et al. 2004: 11×11 Gaussian of sigma 1.5, C1 = 0.01², C2 = 0.03². The picture ends in zeros: a window that
hangs over the border sees black outside in both pictures, its weights are not renormalised, and the mean is taken over
all pixels. Outside a mask the rendered picture is first replaced by the target (so they differ by nothing there), the
means are taken over the pixels inside, and the gradient outside is zero.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]
C1, C2 = 0.01**2, 0.03**2
RADIUS, SIGMA = 5, 1.5
STEP = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class LossAndGradient:
    """The value and its slopes."""

    value: float
    grad_rgb: Double
    """(3, h, w) with respect to the picture before the colour transform."""
    grad_colour: Double
    """(3, 5), columns [A | b | q]."""


def window() -> Double:
    """(11,) weights that sum to one."""
    weights = np.exp(-(np.arange(-RADIUS, RADIUS + 1.0) ** 2) / (2 * SIGMA**2))
    return weights / weights.sum()


def filter_matrix(length: int) -> Double:
    """(length, length) the window laid over every pixel of a row, cut at the border."""
    offsets = np.arange(length)[None, :] - np.arange(length)[:, None]
    return np.where(np.abs(offsets) <= RADIUS, window()[np.clip(offsets + RADIUS, 0, 2 * RADIUS)], 0)


def filtered(picture: Double) -> Double:
    """(3, h, w) weighted means over the window around every pixel. The filter is symmetric: its own adjoint."""
    return filter_matrix(picture.shape[1]) @ picture @ filter_matrix(picture.shape[2])


def ssim_map(mean_x: Double, square_x: Double, product: Double, mean_y: Double, square_y: Double) -> Double:
    """SSIM from the windows' means of x, x², xy, y and y²."""
    variance_x, variance_y = square_x - mean_x**2, square_y - mean_y**2
    covariance = product - mean_x * mean_y
    numerator = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
    return numerator / ((mean_x**2 + mean_y**2 + C1) * (variance_x + variance_y + C2))


def photometric_loss(
    rgb: Double, target: Double, mask: NDArray[np.bool_], ssim_weight: float, colour: Double
) -> LossAndGradient:
    """Compare two (3, h, w) pictures where the (h, w) ``mask`` is True, ``rgb`` after the (3, 5) ``colour``."""
    y = target
    mixing, added, squared = colour[:, :3], colour[:, 3, None, None], colour[:, 4, None, None]
    x = np.where(mask, np.einsum("ij,jhw->ihw", mixing, rgb) + added + squared * rgb**2, y)
    count = max(3 * int(mask.sum()), 1)
    moments = [filtered(x), filtered(x * x), filtered(x * y)]
    fixed = filtered(y), filtered(y * y)
    similarity = (ssim_map(*moments, *fixed) * mask).sum() / count
    difference = (np.abs(x - y) * mask).sum() / count
    slopes: list[Double] = []
    for place in range(3):
        ahead, behind = (
            ssim_map(*(m + sign * STEP * (i == place) for i, m in enumerate(moments)), *fixed)
            for sign in (1, -1)
        )
        slopes.append(filtered((ahead - behind) / (2 * STEP) * mask))
    grad_x = (1 - ssim_weight) * np.sign(x - y) - ssim_weight * (
        slopes[0] + 2 * x * slopes[1] + y * slopes[2]
    )
    grad_x *= mask / count
    ones = np.concatenate([rgb, np.ones((1, *rgb.shape[1:]))])
    of_squares = (grad_x * rgb**2).sum(axis=(1, 2))
    nothing_left = not mask.any()
    return LossAndGradient(
        value=0.0 if nothing_left else float((1 - ssim_weight) * difference + ssim_weight * (1 - similarity)),
        grad_rgb=np.einsum("ij,ihw->jhw", mixing, grad_x) + 2 * squared * rgb * grad_x,
        grad_colour=np.column_stack([np.einsum("ihw,jhw->ij", grad_x, ones), of_squares]),
    )
