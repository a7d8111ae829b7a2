"""A tiny scene for laws of training: pictures rendered from known Gaussians, points near their centres."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.images import PosedImages
from roomsplat.core.point_cloud import PointCloud, SparseModel
from roomsplat.media.images import write_image
from roomsplat.render.base import RenderSettings
from roomsplat.render.cpu.engine import CpuEngine

WIDTH, HEIGHT, COUNT = 64, 48, 9


def blobs(count: int = 120, seed: int = 0) -> Gaussians:
    """Opaque coloured blobs in a ball of radius 1."""
    rng = np.random.default_rng(seed)
    return Gaussians(
        means=rng.uniform(-1, 1, (count, 3)),
        quats=rng.normal(size=(count, 4)),
        log_scales=rng.uniform(np.log(0.08), np.log(0.2), (count, 3)),
        opacity_logits=np.full(count, 3.0),
        sh=rng.uniform(-1.2, 1.2, (count, 1, 3)),
    )


def ring_of_cameras(count: int = COUNT) -> Cameras:
    """Around the ball at distance 4, all looking at its centre."""
    poses = np.tile(np.eye(4, dtype=np.float32), (count, 1, 1))
    for pose, angle in zip(poses, np.linspace(0, 1.5, count), strict=True):
        forward = -np.array([np.sin(angle), 0.2, -np.cos(angle)])
        forward /= np.linalg.norm(forward)
        right = np.cross((0, 1, 0), forward)
        right /= np.linalg.norm(right)
        pose[:3, :3] = [right, np.cross(forward, right), forward]
        pose[:3, 3] = pose[:3, :3] @ (4 * forward)
    intrinsics = np.tile(np.float32([70, 70, WIDTH / 2, HEIGHT / 2]), (count, 1))
    return Cameras(intrinsics=intrinsics, cam_from_world=poses, width=WIDTH, height=HEIGHT)


def render_pictures(engine: CpuEngine, gaussians: Gaussians, cameras: Cameras) -> list[NDArray[np.uint8]]:
    """(h, w, 3) of every camera."""
    splats = engine.create(gaussians, sh_degree=0)
    pictures: list[NDArray[np.uint8]] = []
    for index in range(len(cameras)):
        rgb = engine.rasterize(splats, cameras.pinhole(index), RenderSettings(sh_degree=0)).rgb
        pictures.append((np.clip(np.moveaxis(rgb, 0, 2), 0, 1) * 255).round().astype(np.uint8))
    return pictures


def tiny_model(engine: CpuEngine, folder: Path, *, num_points: int = 100) -> SparseModel:
    """Nine views, the first held out, with ``num_points`` rough points."""
    rng, truth, cameras = np.random.default_rng(5), blobs(), ring_of_cameras()
    paths: list[Path] = []
    for index, picture in enumerate(render_pictures(engine, truth, cameras)):
        paths.append(folder / f"{index:02d}.png")
        write_image(paths[-1], picture)
    means = truth.means[:num_points]
    points = PointCloud(
        positions=means + rng.normal(0, 0.03, means.shape),
        colors=rng.integers(0, 256, means.shape, np.uint8),
        errors=np.zeros(len(means), np.float32),
        track_lengths=np.zeros(len(means), np.int32),
    )
    posed = PosedImages(
        cameras=cameras,
        image_paths=tuple(paths),
        mask_paths=(None,) * COUNT,
        is_eval=np.arange(COUNT) == 0,
    )
    return SparseModel(posed_images=posed, points=points, scale="arbitrary", num_input_images=COUNT)
