"""The scene that the known frames make, fitted briefly: what lost frames are placed against."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.images import RenderOutput
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import ReportProgress
from roomsplat.core.projection import pixel_rays, project
from roomsplat.media.images import read_image, reduced_size, resize_image
from roomsplat.posefree.config import PosefreeConfig
from roomsplat.render.base import Engine, RenderSettings
from roomsplat.render.view import render_view
from roomsplat.train.config import TrainConfig
from roomsplat.train.trainer import train

Double = NDArray[np.float64]

COVERED = 0.6
"""Where the scene's coverage is above this, its colour and depth are taken for the room's."""
EDGE = 0.08
"""Relative change of depth to a neighbouring pixel above which a pixel lies on an edge: its depth is a mixture."""
SH_DEGREE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Gaussians on their engine, and how they are drawn."""

    engine: Engine
    gaussians: Gaussians
    size: tuple[int, int]
    """(width, height) px of the pictures that it was fitted to."""

    def view(self, camera: PinholeCamera) -> RenderOutput:
        """Colour, coverage and depth at the scene's own size."""
        settings = RenderSettings(sh_degree=self.gaussians.sh_degree, with_depth=True)
        return render_view(self.engine, self.gaussians, camera.resized(*self.size), settings)

    def picture(self, path: Path) -> NDArray[np.uint8]:
        """A photograph at the scene's own size."""
        return resize_image(read_image(path), *self.size)


def fit_scene(model: SparseModel, engine: Engine, config: PosefreeConfig, report: ReportProgress) -> Scene:
    """An ordinary, short training on small pictures."""
    settings = TrainConfig(
        max_steps=config.scene_steps,
        max_gaussians=config.max_gaussians,
        max_side=config.max_side,
        sh_degree=SH_DEGREE,
        seed=config.seed,
        refine_poses=False,  # lost frames are placed in the world of the cameras that are known
    )
    images = model.posed_images
    all_used = replace(model, posed_images=replace(images, is_eval=np.zeros(len(images.cameras), np.bool_)))
    gaussians = train(all_used, engine, settings, report=report).gaussians
    size = reduced_size(images.cameras.width, images.cameras.height, config.max_side)
    return Scene(engine=engine, gaussians=gaussians, size=size)


def shown(
    depth: NDArray[np.floating],
    alpha: NDArray[np.floating],
    camera: PinholeCamera,
    witnesses: Sequence[PinholeCamera],
) -> NDArray[np.bool_]:
    """(h, w) where the scene may be believed: covered, and in the picture of one of the known ``witnesses`` at least.

    Beyond what they saw the scene is not empty: Gaussians at the edge of the known reach over it, and show anything.
    """
    origin, directions = pixel_rays(camera)
    mask = alpha > COVERED
    points = origin + directions[mask] * depth[mask, None]
    seen = np.zeros(len(points), np.bool_)
    for witness in witnesses:
        left = np.flatnonzero(~seen)
        pixels, distance = project(witness, points[left])
        inside = (pixels >= 0).all(axis=1) & (pixels < (witness.width, witness.height)).all(axis=1)
        seen[left] = inside & (distance > 0)
    mask[mask] = seen
    return mask


def lift(view: RenderOutput, camera: PinholeCamera, places: Double) -> tuple[Double, NDArray[np.bool_]]:
    """World points of (n, 2) places in a known picture, by the depth that the scene has there.

    Args:
        view: the scene from that picture's camera.
        camera: at the view's size.
        places: as shares of the width and height.

    Returns:
        (n, 3) points, and (n,) where they are worth something: covered, and not on an edge in depth.
    """
    height, width = view.depth.shape
    x = np.clip((places[:, 0] * width).astype(np.int64), 1, width - 2)
    y = np.clip((places[:, 1] * height).astype(np.int64), 1, height - 2)
    around = np.stack([view.depth[y + j, x + i] for j in (-1, 0, 1) for i in (-1, 0, 1)]).astype(np.float64)
    covered = np.min([view.alpha[y + j, x + i] for j in (-1, 0, 1) for i in (-1, 0, 1)], axis=0) > COVERED
    depth = np.median(around, axis=0)
    is_even = np.ptp(around, axis=0) < 2 * EDGE * np.maximum(depth, 1e-9)
    rays = rays_of(camera, places)
    local = np.column_stack([rays, np.ones(len(rays))]) * depth[:, None]
    pose = camera.cam_from_world.astype(np.float64)
    return (local - pose[:3, 3]) @ pose[:3, :3], covered & is_even & (depth > 0)


def rays_of(camera: PinholeCamera, places: Double) -> Double:
    """(n, 2) on the plane z = 1 of places as shares of the picture's width and height."""
    return (places * (camera.width, camera.height) - (camera.cx, camera.cy)) / (camera.fx, camera.fy)


def most_alike(mine: NDArray[np.float32], others: Sequence[NDArray[np.float32]], count: int) -> list[int]:
    """Which of the other thumbnails look most like this one."""
    if not others:
        return []
    return np.argsort(-(np.stack(others) @ mine), kind="stable")[:count].tolist()


def thumbnail(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(576,) a tiny grey picture of even brightness and contrast."""
    small = resize_image(picture, 24, 24).astype(np.float32).mean(axis=2).ravel()
    small -= small.mean()
    return small / max(float(np.linalg.norm(small)), 1e-6)
