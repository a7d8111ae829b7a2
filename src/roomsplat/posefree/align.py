"""A camera moved until the scene looks like the photograph: coarse to fine, through the engine's pose gradient."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.transforms import RigidTransform
from roomsplat.media.images import resize_image
from roomsplat.posefree.scene import Scene, shown
from roomsplat.render.base import RenderSettings, Splats, Target
from roomsplat.render.view import render_view

Double = NDArray[np.float64]

LEVELS = ((4, 40), (2, 30), (1, 20))
"""(divisor of the picture's size, steps), coarse to fine."""
MIN_LEVEL_SIDE = 40
"""px; a coarser level is skipped."""
RATE = 4e-3
"""Adam's step at the coarsest level, along each way in which the pose may change: by how much the picture moves, as a
share of the focal length."""
SOFTEST = 1e-3
"""Ways along which the picture hardly changes are taken to change it by this much, squared, of the strongest one."""
RATE_FINAL = 0.1
"""Share of a level's rate that is left at its end; each level starts at half of the one before."""
SSIM_WEIGHT = 0.2
GAIN_RANGE = (0.4, 2.5)
"""Brightness of a photograph over the scene's, per channel; exposure drifts, a lamp is not switched on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aligned:
    """Where a camera came to rest."""

    cam_from_world: Double
    """(4, 4)."""
    loss: float
    """Over what the scene shows, at full size; infinite where it shows nothing."""


def align(
    scene: Scene,
    splats: Splats,
    picture: NDArray[np.uint8],
    camera: PinholeCamera,
    curvature: Double,
    witnesses: Sequence[PinholeCamera],
) -> Aligned:
    """Move ``camera`` until the scene looks like ``picture`` (at the scene's own size).

    ``curvature``: ``Resection.curvature``. A turn and a step aside look much alike: with steps along its axes, each as
    long as it takes to move the picture equally, the two are told apart in tens of steps.
    """
    pose, loss = camera.cam_from_world.astype(np.float64), float("inf")
    strength, ways = np.linalg.eigh(curvature)
    units = ways / np.sqrt(np.maximum(strength, SOFTEST * strength[-1]))
    for number, (divisor, steps) in enumerate(LEVELS):
        width, height = (max(1, round(side / divisor)) for side in scene.size)
        if divisor > 1 and min(width, height) < MIN_LEVEL_SIDE:
            continue
        small = resize_image(picture, width, height)
        here = replace(camera.resized(width, height), cam_from_world=pose.astype(np.float32))
        told = _comparison(scene, splats, small, here, witnesses)
        if told is None:
            return Aligned(cam_from_world=pose, loss=float("inf"))
        pose, loss = _descend(scene, splats, here, told, units, steps, RATE * 0.5**number)
    return Aligned(cam_from_world=pose, loss=loss)


def _comparison(
    scene: Scene,
    splats: Splats,
    picture: NDArray[np.uint8],
    camera: PinholeCamera,
    witnesses: Sequence[PinholeCamera],
) -> tuple[Target, NDArray[np.float32]] | None:
    """The photograph where the scene shows it, and the colour transform between them; ``None``: it shows nothing."""
    view = render_view(scene.engine, splats, camera, replace(_settings(scene), with_depth=True))
    rgb, mask = view.rgb.transpose(2, 0, 1), shown(view.depth, view.alpha, camera, witnesses)
    if mask.sum() < 50:
        return None
    colour = np.zeros((3, 5), np.float32)
    colour[:, :3] = np.diag(gains(rgb, picture, mask))
    return scene.engine.prepare_target(picture, mask), colour


def gains(
    rgb: NDArray[np.float32], picture: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """(3,) the photograph's brightness over the (3, h, w) scene's, in the median over covered pixels."""
    seen = picture[mask].astype(np.float32) / 255
    made = np.clip(rgb[:, mask].T, 0.02, 1)
    return np.clip(np.median(np.maximum(seen, 0.02) / made, axis=0), *GAIN_RANGE).astype(np.float32)


def _descend(
    scene: Scene,
    splats: Splats,
    camera: PinholeCamera,
    told: tuple[Target, NDArray[np.float32]],
    units: Double,
    steps: int,
    rate: float,
) -> tuple[Double, float]:
    """Adam (Kingma and Ba 2015) on the twist of one level; the best pose that was met, and its loss."""
    target, colour = told
    engine, settings = scene.engine, _settings(scene)
    pose, best, least = (
        camera.cam_from_world.astype(np.float64),
        camera.cam_from_world.astype(np.float64),
        np.inf,
    )
    mean, square = np.zeros(6), np.zeros(6)
    for step in range(1, steps + 1):
        here = replace(camera, cam_from_world=pose.astype(np.float32))
        drawn = engine.rasterize(splats, here, settings)
        loss = engine.photometric_loss(drawn, target, ssim_weight=SSIM_WEIGHT, colour=colour)
        if loss.value < least:
            best, least = pose, loss.value
        gradient = engine.backward(splats, drawn, loss.grad_rgb).pose @ units
        mean, square = 0.8 * mean + 0.2 * gradient, 0.95 * square + 0.05 * gradient**2
        scaled = (mean / (1 - 0.8**step)) / (np.sqrt(square / (1 - 0.95**step)) + 1e-12)
        now = rate * RATE_FINAL ** (step / steps)
        pose = RigidTransform.exp(-now * units @ scaled).matrix @ pose
    return best, float(least)


def _settings(scene: Scene) -> RenderSettings:
    return RenderSettings(sh_degree=scene.gaussians.sh_degree)
