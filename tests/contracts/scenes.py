"""Small scenes on which a float32 engine and the float64 reference must take the same yes-or-no decisions."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import RenderSettings
from tests.reference.engine import ReferenceEngine

SAFE_MARGIN = 1e-4
"""Float32 gets alpha right to about 1e-6, relatively: no decision nearer than this hangs on rounding."""


def look(width: int = 40, height: int = 28) -> PinholeCamera:
    """A camera that is neither at the origin nor upright, with a principal point off the middle."""
    angle = np.array([0.10, -0.20, 0.15])
    x, y, z = angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    theta = np.linalg.norm(angle)
    rotation = np.eye(3) + np.sin(theta) / theta * cross + (1 - np.cos(theta)) / theta**2 * cross @ cross
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, [0.1, -0.2, 0.3]
    return PinholeCamera(
        fx=0.9 * width,
        fy=0.95 * width,
        cx=0.48 * width,
        cy=0.53 * height,
        width=width,
        height=height,
        cam_from_world=pose.astype(np.float32),
    )


def scatter(seed: int, count: int, degree: int, camera: PinholeCamera) -> Gaussians:
    """Gaussians of many shapes in front of (and a few beside) the camera, some faint, some nearly opaque."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(1.0, 6.0, count)
    pixel = rng.uniform(-0.2, 1.2, (count, 2)) * [camera.width, camera.height]
    seen = np.stack([(pixel[:, 0] - camera.cx) / camera.fx, (pixel[:, 1] - camera.cy) / camera.fy], axis=1)
    in_camera = np.concatenate([seen * depth[:, None], depth[:, None]], axis=1)
    rotation, translation = camera.cam_from_world[:3, :3], camera.cam_from_world[:3, 3]
    return Gaussians(
        means=(in_camera - translation) @ rotation,
        quats=rng.normal(size=(count, 4)) * rng.uniform(0.5, 2.0, (count, 1)),
        log_scales=rng.normal(np.log(0.08 * depth)[:, None], 0.6, (count, 3)),
        opacity_logits=rng.normal(0.8, 1.8, count),
        sh=np.concatenate(
            [rng.normal(0, 1.0, (count, 1, 3)), rng.normal(0, 0.15, (count, (degree + 1) ** 2 - 1, 3))],
            axis=1,
        ),
    )


def steady_scatter(
    seed: int, count: int, degree: int, camera: PinholeCamera, settings: RenderSettings | None = None
) -> Gaussians:
    """The first ``scatter`` from ``seed`` upwards on which no decision is closer than ``SAFE_MARGIN``."""
    engine = ReferenceEngine()
    for trial in range(seed, seed + 200):
        gaussians = scatter(trial, count, degree, camera)
        splats = engine.create(gaussians, sh_degree=degree)
        picture = engine.rasterize(splats, camera, settings or RenderSettings())
        clamped = np.abs(picture.records.values[:, 6:9]).min(axis=1)  # a colour at its clamp has two slopes
        if picture.decisions.margin > SAFE_MARGIN and not np.any((clamped > 0) & (clamped < SAFE_MARGIN)):
            return gaussians
    raise AssertionError("no steady scene among 200 seeds")


def opaque_wall(camera: PinholeCamera, layers: int) -> Gaussians:
    """Large, nearly opaque Gaussians one behind the other: every pixel ends before the last of them."""
    rng = np.random.default_rng(7)
    depth = np.linspace(1.5, 4.0, layers)
    rotation, translation = camera.cam_from_world[:3, :3], camera.cam_from_world[:3, 3]
    in_camera = np.stack([0.1 * rng.normal(size=layers), 0.1 * rng.normal(size=layers), depth], axis=1)
    return Gaussians(
        means=(in_camera - translation) @ rotation,
        quats=rng.normal(size=(layers, 4)),
        log_scales=rng.normal(np.log(depth)[:, None], 0.05, (layers, 3)),
        opacity_logits=np.full(layers, 3.0),
        sh=rng.normal(0, 0.7, (layers, 1, 3)),
    )


def photo(camera: PinholeCamera, seed: int = 5) -> NDArray[np.uint8]:
    """(h, w, 3) smooth colours with a little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: camera.height, : camera.width] / 9.0
    waves = np.stack([np.sin(x + phase) * np.cos(0.7 * y - phase) for phase in (0.3, 1.1, 2.9)], axis=-1)
    return np.clip(128 + 80 * waves + rng.normal(0, 12, waves.shape), 0, 255).astype(np.uint8)


def random_slopes(shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """Some dL/d(picture)."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)
