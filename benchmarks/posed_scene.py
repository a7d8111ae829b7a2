"""A real scene whose cameras are already known: what every splat trainer is given, without structure from motion.

The folder holds undistorted pictures and ``scene.npz``: ``V`` (c, 4, 4) camera-from-world, ``names`` (c,), ``K`` = fx
fy cx cy, ``wh``, ``P`` (p, 3) points, ``C`` (p, 3) colours 0 to 255. Pictures are reduced by an integer factor with
Lanczos and every eighth is held out, as gsplat's simple_trainer does it, so that figures can be put side by side.
"""

from pathlib import Path

import numpy as np

from roomsplat.core.cameras import Cameras
from roomsplat.core.images import PosedImages
from roomsplat.core.point_cloud import PointCloud, SparseModel
from roomsplat.media.images import read_image, resize_image, write_image

EVAL_EVERY = 8


def load_fox_posed(folder: Path, factor: int, out_dir: Path) -> SparseModel:
    """Read the scene at 1/``factor`` of its size; reduced pictures are written to ``out_dir`` as PNG (once).

    The world keeps the axes of the file, so +z need not be up; training does not care.

    Raises:
        FileNotFoundError: ``folder`` holds no ``scene.npz``.
    """
    with np.load(folder / "scene.npz") as scene:
        arrays = {name: scene[name] for name in scene.files}
    count = len(arrays["V"])
    width, height = (int(side) // factor for side in arrays["wh"])
    paths = tuple(folder / str(name) for name in arrays["names"])
    if factor > 1:
        paths = tuple(reduced(path, out_dir, width, height) for path in paths)
    return SparseModel(
        posed_images=PosedImages(
            cameras=Cameras(
                intrinsics=np.tile(arrays["K"] / factor, (count, 1)).astype(np.float32),
                cam_from_world=arrays["V"].astype(np.float32),
                width=width,
                height=height,
            ),
            image_paths=paths,
            mask_paths=(None,) * count,
            is_eval=np.arange(count) % EVAL_EVERY == 0,
        ),
        points=PointCloud(
            positions=arrays["P"].astype(np.float32),
            colors=arrays["C"],
            errors=np.zeros(len(arrays["P"]), np.float32),
            track_lengths=np.zeros(len(arrays["P"]), np.int32),
        ),
        scale="arbitrary",
        num_input_images=count,
    )


def reduced(path: Path, out_dir: Path, width: int, height: int) -> Path:
    """``path`` at ``width`` × ``height`` px in ``out_dir``, made if it is not there yet."""
    result = out_dir / f"{path.stem}-{width}x{height}.png"
    if not result.exists():
        out_dir.mkdir(parents=True, exist_ok=True)
        write_image(result, resize_image(read_image(path), width, height))
    return result
