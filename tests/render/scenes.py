"""A small scene with what real ones have: near and far, thin and wide, faint and opaque, some out of view."""

import numpy as np

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import LearningRates

RATES = LearningRates(
    means=1e-3, quats=1e-3, log_scales=5e-3, opacity_logits=5e-2, sh_dc=2.5e-3, sh_rest=1e-4
)


def camera(width: int = 83, height: int = 61) -> PinholeCamera:
    """At the origin, looking along +z, with a field of view of about 80 degrees and an off-centre principal point."""
    return PinholeCamera(
        fx=0.6 * width,
        fy=0.62 * width,
        cx=0.48 * width,
        cy=0.53 * height,
        width=width,
        height=height,
        cam_from_world=np.eye(4, dtype=np.float32),
    )


def cloud(count: int = 500, seed: int = 0, sh_degree: int = 3) -> Gaussians:
    """Gaussians in a box around the camera: about a quarter of them in view."""
    r = np.random.default_rng(seed)
    return Gaussians(
        means=r.uniform([-4, -3, -2], [4, 3, 6], (count, 3)),
        quats=r.normal(size=(count, 4)),
        log_scales=r.normal(-2.0, 0.7, (count, 3)),
        opacity_logits=r.normal(0, 2, count),
        sh=r.normal(0, 0.3, (count, (sh_degree + 1) ** 2, 3)),
    )


def single(z: float = 2.0, scale: float = 0.2, logit: float = 0.0) -> Gaussians:
    """One grey round Gaussian on the optical axis."""
    return Gaussians(
        means=np.array([[0, 0, z]]),
        quats=np.array([[1.0, 0, 0, 0]]),
        log_scales=np.full((1, 3), np.log(scale)),
        opacity_logits=np.array([logit]),
        sh=np.zeros((1, 1, 3)),
    )


def photo(of: PinholeCamera, seed: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A picture to compare with, smooth and with noise."""
    r = np.random.default_rng(seed)
    y, x = np.mgrid[0 : of.height, 0 : of.width]
    smooth = 0.5 + 0.3 * np.sin(np.stack([x / 7, y / 9, (x + y) / 11], axis=-1))
    return np.clip(255 * (smooth + r.normal(0, 0.05, smooth.shape)), 0, 255).astype(np.uint8)
