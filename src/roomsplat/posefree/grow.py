"""The scene where it had nothing yet: new Gaussians in a placed frame, and a short training of what is near them.

A frame that was placed by what the scene shows sees more than that. Its other pixels get Gaussians at the depth
of the nearest feature whose depth is known, and the scene is trained on for a few steps with the frame and those that
share its features: a window, so that time per frame does not grow with the film.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.projection import pixel_rays
from roomsplat.posefree.scene import Scene
from roomsplat.render.base import LearningRates, RenderSettings
from roomsplat.render.host import padded_harmonics
from roomsplat.train.config import RateConfig
from roomsplat.train.host import PARAMETERS, on_host
from roomsplat.train.initialise import gaussians_at

Double = NDArray[np.float64]

ENOUGH = 0.97
"""A frame that the scene shows to this share needs nothing new."""
STRIDE = 2
"""px between them, at the scene's size: 3 shows what is new 1.7 dB worse, an octree of as many no better."""
RATE_SHARE = 0.5
"""Of the ordinary training rates: the scene around is finished."""
NEIGHBOURS = 3
SSIM_WEIGHT = 0.2


def new_gaussians(
    is_open: NDArray[np.bool_],
    camera: PinholeCamera,
    picture: NDArray[np.uint8],
    pixels: Double,
    depths: Double,
) -> Gaussians | None:
    """Gaussians for the pixels of a placed frame that nobody showed; ``None``: there are none, or no depth is known.

    Args:
        is_open: (h, w) which pixels they are.
        camera: of the frame, at that size.
        picture: (h, w, 3) the photograph at that size.
        pixels: (n, 2) where features lie whose depth is known.
        depths: (n,) of them, along the camera's +z.
    """
    rows, columns = np.nonzero(is_open[::STRIDE, ::STRIDE])
    if len(rows) == 0 or len(pixels) < NEIGHBOURS:
        return None
    rows, columns = rows * STRIDE, columns * STRIDE
    _, nearest = cKDTree(pixels).query(np.column_stack([columns, rows]) + 0.5, k=NEIGHBOURS)
    depth = np.median(depths[nearest], axis=1)
    origin, directions = pixel_rays(camera)
    points = origin + directions[rows, columns] * depth[:, None]
    scales = depth * STRIDE / camera.fx / 2
    colors = (picture[rows, columns] / 255).astype(np.float32)
    return gaussians_at(points.astype(np.float32), colors, scales.astype(np.float32))


def grown(
    scene: Scene,
    new: Gaussians,
    window: Sequence[tuple[Path, PinholeCamera]],
    *,
    steps: int,
    extent: float,
    seed: int,
) -> Scene:
    """The scene with ``new`` in it, trained for ``steps`` on the pictures of ``window``; ``seed`` decides their order.

    ``extent``: what steps of the means are measured in, world units.
    """
    engine, degree = scene.engine, scene.gaussians.sh_degree
    new = replace(new, sh=padded_harmonics(new, degree))
    both = {name: np.concatenate([getattr(scene.gaussians, name), getattr(new, name)]) for name in PARAMETERS}
    splats = engine.create(Gaussians(**both), sh_degree=degree)
    cameras = [camera.resized(*scene.size) for _, camera in window]
    targets = [engine.prepare_target(scene.picture(path)) for path, _ in window]
    order, settings = np.random.default_rng(seed), RenderSettings(sh_degree=degree)
    for step in range(steps):
        place = int(order.integers(len(window)))
        drawn = engine.rasterize(splats, cameras[place], settings)
        loss = engine.photometric_loss(drawn, targets[place], ssim_weight=SSIM_WEIGHT)
        engine.update(splats, drawn, loss.grad_rgb, rates=_rates(extent), step=step + 1)
    arrays = engine.read(splats)
    return replace(
        scene, gaussians=Gaussians(**{name: on_host(getattr(arrays, name)) for name in PARAMETERS})
    )


def _rates(extent: float) -> LearningRates:
    rates = RateConfig()
    return LearningRates(
        means=RATE_SHARE * rates.means * extent,
        quats=RATE_SHARE * rates.quats,
        log_scales=RATE_SHARE * rates.log_scales,
        opacity_logits=RATE_SHARE * rates.opacity_logits,
        sh_dc=RATE_SHARE * rates.sh_dc,
        sh_rest=RATE_SHARE * rates.sh_rest,
    )
