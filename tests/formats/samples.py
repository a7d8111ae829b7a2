"""Small scenes and cameras that every format must carry."""

import numpy as np

from roomsplat.core.cameras import CameraModel, Cameras, look_at
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.point_cloud import PointCloud
from roomsplat.core.scene import SplatScene

GAUSSIAN_FIELDS = ("means", "quats", "log_scales", "opacity_logits", "sh")


def make_gaussians(count: int = 5, degree: int = 1, seed: int = 0) -> Gaussians:
    """Gaussians whose every value is different."""
    rng = np.random.default_rng(seed)
    return Gaussians(
        means=rng.normal(size=(count, 3)),
        quats=rng.normal(size=(count, 4)),
        log_scales=rng.normal(size=(count, 3)),
        opacity_logits=rng.normal(size=count),
        sh=rng.normal(size=(count, (degree + 1) ** 2, 3)),
    )


def make_scene(count: int = 5, degree: int = 1) -> SplatScene:
    """A scene where no field has its default."""
    return SplatScene(
        gaussians=make_gaussians(count, degree),
        splat_model="antialiased",
        scale="metric",
        provenance={"source": "küche.mp4", "note": 'two\nlines, "quotes" and end_header'},
    )


def make_cameras(
    count: int = 4, model: CameraModel = "opencv", *, shared: bool = False, seed: int = 0
) -> Cameras:
    """Cameras around the origin, with one lens or a lens each."""
    rng = np.random.default_rng(seed)
    lenses = 1 if shared else count
    intrinsics = rng.uniform((400, 410, 310, 230), (500, 510, 330, 250), size=(lenses, 4))
    distortion = rng.uniform(-0.05, 0.05, size=(lenses, 4 if model == "opencv" else 0))
    poses = [look_at(rng.normal((0, -4, 1)), rng.normal(size=3) / 4) for _ in range(count)]
    return Cameras(
        intrinsics=np.tile(intrinsics, (count // lenses, 1)),
        cam_from_world=np.stack(poses),
        width=640,
        height=480,
        model=model,
        distortion=np.tile(distortion, (count // lenses, 1)).astype(np.float32),
    )


def make_points(count: int = 6) -> PointCloud:
    """Points with colours and errors."""
    rng = np.random.default_rng(count)
    return PointCloud(
        positions=rng.normal(size=(count, 3)),
        colors=rng.integers(0, 256, size=(count, 3), dtype=np.uint8),
        errors=rng.uniform(0.1, 1, size=count),
        track_lengths=np.zeros(count, np.int32),
    )


def assert_same_gaussians(found: Gaussians, expected: Gaussians) -> None:
    """Every field, bit for bit."""
    for name in GAUSSIAN_FIELDS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
