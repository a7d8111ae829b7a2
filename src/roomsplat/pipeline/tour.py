"""A fly-through along the film's path, steadier than the hand that held the phone."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation, RotationSpline

from roomsplat.core.cameras import Cameras
from roomsplat.core.progress import Progress, ReportProgress, silent
from roomsplat.core.scene import SplatScene
from roomsplat.media.video import Preset, VideoWriter
from roomsplat.render.base import Engine
from roomsplat.render.view import prepare_scene, render_8bit

TOUR_FPS = 24.0
TOUR_MAX_SIDE = 1280
"""px; a tour of 8 s at 1080 × 1920 took 24 s on two cores, longer than finding out what it shows."""
TOUR_PRESET: Preset = "veryfast"
"""Of x264: 192 frames of 720x1280 px take 3.6 CPU s, 5.2 MB and 41.8 dB; as ``medium`` 8.8 s, 4.8 MB and 42.4 dB."""
MIN_SIDE = 16
"""px; a longer side below this is no picture."""
SMOOTHING_FRAMES = 1.5
"""Standard deviation, in captured frames, of the filter over the path: removes steps and sway, keeps the walk."""


def tour_cameras(cameras: Cameras, *, seconds: float, fps: float = TOUR_FPS) -> Cameras:
    """Cameras along the smoothed path of ``cameras`` (c,), evenly spaced in captured frames.

    Positions are filtered and joined by a monotone cubic, rotations are filtered as quaternions of one sign and joined
    by a spline, so that the view neither overshoots nor jerks at a captured frame.
    """
    count = max(round(seconds * fps), 2)
    if len(cameras) == 1:
        return cameras[np.zeros(count, np.int64)]
    knots = np.arange(len(cameras), dtype=np.float64)
    times: NDArray[np.float64] = np.linspace(0.0, float(knots[-1]), count)
    centers = gaussian_filter1d(cameras.centers.astype(np.float64), SMOOTHING_FRAMES, axis=0, mode="nearest")
    quats = _same_sign(Rotation.from_matrix(cameras.cam_from_world[:, :3, :3].astype(np.float64)).as_quat())
    smooth = gaussian_filter1d(quats, SMOOTHING_FRAMES, axis=0, mode="nearest")
    rotations: NDArray[np.float64] = RotationSpline(knots, Rotation.from_quat(smooth))(times).as_matrix()
    positions = PchipInterpolator(knots, centers, axis=0)(times)
    cam_from_world = np.tile(np.eye(4), (count, 1, 1))
    cam_from_world[:, :3, :3] = rotations
    cam_from_world[:, :3, 3] = -np.einsum("cij,cj->ci", rotations, positions)
    return Cameras(
        intrinsics=np.repeat(np.median(cameras.intrinsics, axis=0)[None], count, axis=0).astype(np.float32),
        cam_from_world=cam_from_world.astype(np.float32),
        width=cameras.width,
        height=cameras.height,
    )


def write_tour(
    path: Path,
    engine: Engine,
    scene: SplatScene,
    cameras: Cameras,
    *,
    fps: float = TOUR_FPS,
    report: ReportProgress = silent,
) -> None:
    """Render ``cameras`` one after another into an mp4 at ``path``."""
    splats, settings = prepare_scene(engine, scene)
    with VideoWriter(path, fps=fps, preset=TOUR_PRESET) as video:
        for index in range(len(cameras)):
            video.write(render_8bit(engine, splats, cameras.pinhole(index), settings))
            report(
                Progress(
                    fraction=(index + 1) / len(cameras), message=f"tour frame {index + 1} of {len(cameras)}"
                )
            )


def within(cameras: Cameras, max_side: int | None) -> Cameras:
    """The same views with the longer side at most ``max_side`` px; ``None`` leaves them."""
    longer = max(cameras.width, cameras.height)
    if max_side is None or max_side >= longer:
        return cameras
    return cameras.resized(
        max(round(cameras.width * max_side / longer), 2), max(round(cameras.height * max_side / longer), 2)
    )


def _same_sign(quats: NDArray[np.float64]) -> NDArray[np.float64]:
    """Flip signs so that neighbours lie on the same side: q and -q are one rotation but not one average."""
    flips = np.sign(np.sum(quats[1:] * quats[:-1], axis=1))
    signs = np.concatenate([[1.0], np.cumprod(np.where(flips == 0, 1.0, flips))])
    return quats * signs[:, None]
