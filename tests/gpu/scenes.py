"""Scenes with everything in them that a projection can stumble over."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import RenderSettings
from tests.contracts.scenes import SAFE_MARGIN
from tests.reference.engine import ReferenceEngine

KINDS = ("ordinary", "behind", "astride", "edge", "beyond", "sub-pixel", "screen-filling", "needle", "opaque")


def wild(seed: int, each: int, camera: PinholeCamera, degree: int = 1) -> Gaussians:
    """``each`` Gaussians of every kind in ``KINDS``, for one camera.

    Behind the camera, astride its plane, at the edge of the view and beyond it, far smaller than a pixel, larger than
    the picture, a hundred times longer than wide, nearly opaque in a stack.
    """
    rng = np.random.default_rng(seed)
    depth, pixel, size, logit = (list[NDArray[np.float64]]() for _ in range(4))
    screen = np.array([camera.width, camera.height], np.float64)
    for kind in KINDS:
        z = rng.uniform(1, 6, each)
        where = rng.uniform(0, 1, (each, 2)) * screen
        spread = np.exp(rng.normal(np.log(0.04), 0.5, (each, 3))) * z[:, None]
        opacity = rng.normal(0.5, 1.5, each)
        if kind == "behind":
            z = -z
        elif (
            kind == "astride"
        ):  # the centre just before the near plane or just behind, the rest on both sides
            z = rng.uniform(-0.02, 0.06, each)
            spread = np.full((each, 3), 0.05) * rng.uniform(0.5, 1.5, (each, 3))
        elif kind == "edge":
            side = rng.integers(0, 2, (each, 2))
            where = np.where(rng.random((each, 1)) < 0.5, side, rng.uniform(0, 1, (each, 2))) * screen
        elif kind == "beyond":  # up to and past twice the guard band, where centres are no longer drawn
            where = (0.5 + rng.choice([-1, 1], (each, 2)) * rng.uniform(0.6, 2.0, (each, 2))) * screen
            spread *= 8
        elif kind == "sub-pixel":
            spread *= 1e-2
        elif kind == "screen-filling":
            spread, opacity = spread * 40, opacity - 3
        elif kind == "needle":
            spread *= np.array([10, 0.1, 0.1])
        elif kind == "opaque":
            z = np.linspace(2, 3, each)
            where = (0.5 + rng.normal(0, 0.05, (each, 2))) * screen
            spread, opacity = spread * 4, np.full(each, 6.0)
        depth.append(z)
        pixel.append(where)
        size.append(spread)
        logit.append(opacity)
    z, where = np.concatenate(depth), np.concatenate(pixel)
    seen = (where - [camera.cx, camera.cy]) / [camera.fx, camera.fy] * np.abs(z)[:, None]
    rotation, translation = camera.cam_from_world[:3, :3], camera.cam_from_world[:3, 3]
    count = len(z)
    return Gaussians(
        means=((np.column_stack([seen, z]) - translation) @ rotation).astype(np.float32),
        quats=rng.normal(size=(count, 4)).astype(np.float32),
        log_scales=np.log(np.concatenate(size)).astype(np.float32),
        opacity_logits=np.concatenate(logit).astype(np.float32),
        sh=rng.normal(0, 0.4, (count, (degree + 1) ** 2, 3)).astype(np.float32),
    )


def steady_wild(seed: int, each: int, camera: PinholeCamera, settings: RenderSettings) -> Gaussians:
    """The first ``wild`` from ``seed`` upwards on which no decision hangs on rounding."""
    engine = ReferenceEngine()
    for trial in range(seed, seed + 400):
        gaussians = wild(trial, each, camera)
        picture = engine.rasterize(engine.create(gaussians, sh_degree=1), camera, settings)
        clamped = np.abs(picture.records.values[:, 6:9]).min(axis=1)
        near = (clamped > 0) & (clamped < SAFE_MARGIN)
        if picture.decisions.margin > SAFE_MARGIN and not near.any():
            return gaussians
    raise AssertionError("no steady scene among 400 seeds")
