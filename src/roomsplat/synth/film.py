"""A film of a synthetic room, with the truth about its cameras."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras, PinholeCamera
from roomsplat.core.progress import Progress, ReportProgress, silent
from roomsplat.errors import InvalidSettingError
from roomsplat.media.video import VideoWriter
from roomsplat.synth.bake import BakedRoom, bake_room, with_moving
from roomsplat.synth.camera_path import camera_poses
from roomsplat.synth.develop import develop
from roomsplat.synth.dice import Dice
from roomsplat.synth.figure import figure_patches
from roomsplat.synth.room import Room, design_room
from roomsplat.synth.trace import render_light

BLUR_SAMPLES = 6
PosesAt = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From (n,) seconds to (n, 4, 4) cam_from_world."""
PIXELS_PER_TEXEL = (
    2.2  # a texel at 1 m from the camera covers this many px: finer is filtered away by most views
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmConfig:
    """What is filmed and how. The defaults are the demo: sharp, steady light, a little noise."""

    seed: int = 0
    """Names the room, the walk and the noise."""
    width: int = 640
    """px, even."""
    height: int = 480
    """px, even."""
    duration_s: float = 30.0
    fps: float = 8.0
    """Frames per second; few, because each is rendered and only the sharpest two a second are used."""
    field_of_view_deg: float = 68.0
    """Horizontal, as a phone's main camera held level."""
    noise: float = 0.004
    """Standard deviation of the sensor noise at mid grey, sRGB in [0, 1]."""
    exposure_drift: float = 0.0
    """Largest relative change of the gain over the film, as automatic exposure does; 0.25 is strong."""
    motion_blur: float = 0.0
    """Time that the shutter is open, as a share of 1 / fps; 0.15 is a dim room."""
    rolling_shutter: float = 0.0
    """Time from the first row's exposure to the last's, as a share of 1 / fps."""
    bare_walls: bool = False
    """Evenly painted walls with nothing on them."""
    walking_figure: bool = False
    """A person walks through the room while it is filmed."""

    def __post_init__(self) -> None:
        """Refuse what cannot be filmed.

        Raises:
            InvalidSettingError: a value is out of its range.
        """
        ranges = {
            "width": (16, 4096), "height": (16, 4096), "duration_s": (0.1, 600), "fps": (1, 120), "noise": (0, 0.2),
            "rolling_shutter": (0, 1), "field_of_view_deg": (20, 120), "exposure_drift": (0, 0.5),
            "motion_blur": (0, 1), "seed": (0, 2**31 - 1),
        }  # fmt: skip
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InvalidSettingError(
                    f"film setting {name} is {value}.", hint=f"Choose {name} between {low} and {high}."
                )
        if self.width % 2 or self.height % 2:
            raise InvalidSettingError(
                f"a film of {self.width} × {self.height} px cannot be stored as H.264.",
                hint="Choose an even size.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """The truth about a film."""

    cameras: Cameras
    """Every frame's camera, exact: the pose at the middle of its exposure; metres, +z up."""
    timestamps_s: NDArray[np.float64]
    """(c,) seconds from the start."""


def make_film(path: Path, config: FilmConfig, report: ReportProgress = silent) -> Film:
    """Render the film of ``config`` and write it as H.264 mp4.

    Raises:
        OutputError: ``path`` cannot be written.
    """
    report(Progress(fraction=0.0, message="lighting the room"))
    with VideoWriter(path, fps=config.fps) as writer:  # first, so that a wrong place is told at once
        room = design_room(config.seed, bare_walls=config.bare_walls)
        baked = bake_for(room, config)
        count = max(1, round(config.duration_s * config.fps))
        times = np.arange(count) / config.fps
        gains = _gains(config, times)
        cameras = film_cameras(room, config, times)
        for i in range(count):
            light = _expose(room, baked, config, cameras.pinhole(i), times[i])
            seed = config.seed * 100003 + i
            writer.write(develop(light, gain=float(gains[i]), noise=config.noise, seed=seed))
            done = 0.2 + 0.8 * ((i + 1) / count)
            report(Progress(fraction=done, message=f"filming frame {i + 1} of {count}"))
    return Film(cameras=cameras, timestamps_s=times)


def bake_for(room: Room, config: FilmConfig) -> BakedRoom:
    """The room with textures as fine as the pictures of ``config`` need them, at least 3 mm and at most 16 mm."""
    texel = float(np.clip(PIXELS_PER_TEXEL / _focal(config), 0.003, 0.016))
    return bake_room(
        room.patches,
        room.lights,
        texel=texel,
        light_step=max(0.05, 6 * texel),  # small pictures show no fine shadow
        samples=100 if texel < 0.008 else 36,
        moving=figure_patches(room, 0.0, config.seed) if config.walking_figure else (),
    )


def _focal(config: FilmConfig) -> float:
    return config.width / 2 / math.tan(math.radians(config.field_of_view_deg) / 2)


def film_cameras(room: Room, config: FilmConfig, times: NDArray[np.float64]) -> Cameras:
    """The cameras of ``config`` at ``times`` (s)."""
    return cameras_at(_walk(room, config)(times), config)


def cameras_at(poses: NDArray[np.float64], config: FilmConfig) -> Cameras:
    """Cameras of the lens of ``config`` at (n, 4, 4) ``poses``, cam_from_world."""
    focal = _focal(config)
    intrinsics = np.tile([focal, focal, config.width / 2, config.height / 2], (len(poses), 1))
    return Cameras(
        intrinsics=intrinsics.astype(np.float32),
        cam_from_world=poses.astype(np.float32),
        width=config.width,
        height=config.height,
    )


def _walk(room: Room, config: FilmConfig) -> PosesAt:
    def poses_at(times: NDArray[np.float64]) -> NDArray[np.float64]:
        return camera_poses(room, np.clip(times / config.duration_s, 0, 1), config.duration_s, config.seed)

    return poses_at


def _expose(
    room: Room, baked: BakedRoom, config: FilmConfig, camera: PinholeCamera, time: float
) -> NDArray[np.float32]:
    """Display light of one frame, with whoever walks there."""
    if config.walking_figure:
        baked = with_moving(baked, figure_patches(room, time, config.seed))
    return through_shutter(baked, config, camera, time, _walk(room, config))


def through_shutter(
    baked: BakedRoom, config: FilmConfig, camera: PinholeCamera, time: float, poses_at: PosesAt
) -> NDArray[np.float32]:
    """Display light of one frame; blur and rolling shutter from poses at the times when rows see light."""
    if config.motion_blur == 0 and config.rolling_shutter == 0:
        return render_light(baked, camera)
    samples = BLUR_SAMPLES if config.motion_blur > 0 else 1
    row_time = ((np.arange(config.height) + 0.5) / config.height - 0.5) * config.rolling_shutter / config.fps
    total = np.zeros((config.height, config.width, 3), np.float32)
    for i in range(samples):
        shift = ((i + 0.5) / samples - 0.5) * config.motion_blur / config.fps
        total += render_light(baked, camera, poses=poses_at(time + row_time + shift))
    return total / np.float32(samples)


def _gains(config: FilmConfig, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) gain of each frame: two slow waves, never further from 1 than ``exposure_drift``."""
    dice = Dice(config.seed * 31 + 5)
    waves = [
        np.sin(2 * math.pi * (times / period + dice.between(0, 1)))
        for period in (0.6 * config.duration_s, 5.0)
    ]
    return 1 + config.exposure_drift * (0.6 * waves[0] + 0.4 * waves[1])
