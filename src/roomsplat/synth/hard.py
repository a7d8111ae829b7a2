"""Films that are hard on structure from motion, by name, each with its exact cameras.

A film is a folder of pictures, every one of which counts. The room, the way through it, the light and the noise of the
sensor follow from the name alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras
from roomsplat.core.progress import Progress, ReportProgress, silent
from roomsplat.errors import InvalidSettingError, OutputError
from roomsplat.media.images import write_image
from roomsplat.synth.camera_path import camera_poses
from roomsplat.synth.develop import develop, jumping_gains
from roomsplat.synth.film import Film, FilmConfig, PosesAt, bake_for, cameras_at, through_shutter
from roomsplat.synth.hard_rooms import bare_room, classroom, corridor
from roomsplat.synth.house import house, house_route
from roomsplat.synth.room import Room, design_room
from roomsplat.synth.route import route_along, route_of_stops

Double = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What is filmed, from where, and with which exposure."""

    design: Callable[[], Room]
    """Makes the room."""
    config: FilmConfig
    """Size, lens, rate, length, noise and shutter; what it says of the room is not used."""
    poses_at: PosesAt
    """Where the camera is."""
    times: Double
    """(n,) seconds of the frames."""
    gains: Double
    """(n,) by how much each frame is brighter than the room's own exposure."""

    @property
    def cameras(self) -> Cameras:
        """Every frame's camera, exact: the pose at the middle of its exposure; metres, +z up."""
        return cameras_at(self.poses_at(self.times), self.config)

    def part(self, frames: slice) -> Self:
        """Only these of the frames."""
        return replace(self, times=self.times[frames], gains=self.gains[frames])

    def smaller(self, width: int, height: int) -> Self:
        """The same film with pictures of another size."""
        return replace(self, config=replace(self.config, width=width, height=height))


def hard_shot(name: str) -> Shot:
    """The film of that name.

    Raises:
        InvalidSettingError: there is none.
    """
    if name not in HARD_SHOTS:
        raise InvalidSettingError(
            f"There is no hard film {name!r}.", hint=f"Choose one of {', '.join(HARD_SHOTS)}."
        )
    return HARD_SHOTS[name]()


def shoot(shot: Shot, folder: Path, report: ReportProgress = silent) -> Film:
    """Render ``shot`` into ``folder``, which exists, as ``0000.jpg`` and so on.

    Raises:
        OutputError: ``folder`` cannot be written.
    """
    if not folder.is_dir():
        raise OutputError(f"{folder} is no folder.", hint="Make it first, or choose another one.")
    report(Progress(fraction=0.0, message="lighting the room"))
    baked, cameras, count = bake_for(shot.design(), shot.config), shot.cameras, len(shot.times)
    for i in range(count):
        light = through_shutter(baked, shot.config, cameras.pinhole(i), shot.times[i], shot.poses_at)
        seed = shot.config.seed * 100003 + i
        picture = develop(light, gain=float(shot.gains[i]), noise=shot.config.noise, seed=seed)
        write_image(folder / f"{i:04d}.jpg", picture)
        report(Progress(fraction=0.1 + 0.9 * (i + 1) / count, message=f"filming frame {i + 1} of {count}"))
    return Film(cameras=cameras, timestamps_s=shot.times)


def _shot(
    design: Callable[[], Room], poses_at: PosesAt, config: FilmConfig, gains: Double | None = None
) -> Shot:
    count = round(config.duration_s * config.fps)
    return Shot(
        design=design,
        config=config,
        poses_at=poses_at,
        times=np.arange(count) / config.fps,
        gains=np.ones(count) if gains is None else gains,
    )


def bare_walls() -> Shot:
    """From the middle of a nearly empty room, outwards, once round and a little more."""
    config = FilmConfig(seed=11, duration_s=20.0, fps=6.0, noise=0.006)
    turn = np.linspace(0, 2 * np.pi * 1.08, 60)
    # The feet go round on the far side of the middle from what is looked at: further off, and with some parallax.
    places = np.array([2.2, 1.9]) + np.stack([-0.75 * np.cos(turn + 0.4), -0.55 * np.sin(turn + 0.4)], axis=1)
    gaze = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    pitch = -0.12 + 0.1 * np.sin(3 * turn)
    route = route_along(places, gaze, config.duration_s, config.seed, pitch=pitch)
    return _shot(lambda: bare_room(config.seed), route.poses, config)


def fast_turn() -> Shot:
    """A furnished room; twice the camera whips round by 150 degrees in 1.3 s with the shutter open for 12 ms."""
    config = FilmConfig(seed=1, duration_s=10.0, fps=12.0, noise=0.006, motion_blur=0.15)
    stops = [
        (0.0, 1.75, 1.65, 20, -14), (1.6, 2.15, 1.4, 45, -10), (3.2, 2.8, 1.35, 62, -14),
        (4.5, 3.3, 1.5, 212, -12), (5.8, 3.75, 1.9, 196, -10), (7.0, 3.7, 2.4, 182, -14),
        (8.3, 3.3, 2.75, 332, -12), (10.0, 2.75, 2.85, 318, -14),
    ]  # fmt: skip
    return _shot(lambda: design_room(config.seed), route_of_stops(stops, config.seed).poses, config)


def there_and_back() -> Shot:
    """Down a long corridor, round at its end, and back to where it began."""
    config = FilmConfig(seed=12, duration_s=40.0, fps=5.0, noise=0.005)
    stops = [(0.0, 0.9, 0.9, 0, -8)]
    stops += [
        (18.0 * i / 6, 0.9 + 12.6 * i / 6, 0.95 + 0.15 * (-1) ** i, 9 * (-1) ** i, -8) for i in range(1, 7)
    ]
    stops += [(20.0, 13.7, 0.95, 90, -6), (22.0, 13.5, 0.9, 180, -8)]
    stops += [
        (22.0 + 17.0 * i / 6, 13.5 - 12.4 * i / 6, 0.95 - 0.15 * (-1) ** i, 180 + 9 * (-1) ** i, -8)
        for i in range(1, 7)
    ]
    return _shot(lambda: corridor(config.seed), route_of_stops(stops, config.seed).poses, config)


def exposure_jumps() -> Shot:
    """A furnished room whose exposure jumps by up to two and a half stops, every second or so."""
    config = FilmConfig(seed=2, duration_s=24.0, fps=5.0, noise=0.008)
    room = design_room(config.seed)

    def poses_at(times: Double) -> Double:
        progress = np.clip(times / config.duration_s, 0, 1)
        return camera_poses(room, progress, config.duration_s, config.seed)

    gains = jumping_gains(round(config.duration_s * config.fps))
    return _shot(lambda: room, poses_at, config, gains)


def repeated_furniture() -> Shot:
    """A classroom, from a walk around it: the same desk twelve times, the same poster five times."""
    config = FilmConfig(seed=13, duration_s=32.0, fps=5.0, noise=0.005)
    turn = np.linspace(0, 2 * np.pi * 1.05, 64) + 3.9
    places = np.array([4.1, 3.2]) + np.stack([3.1 * np.cos(turn), 2.2 * np.sin(turn)], axis=1)
    look_at = turn + np.pi + 0.45 * np.sin(3 * turn)
    gaze = np.stack([np.cos(look_at), np.sin(look_at)], axis=1)
    pitch = np.full(64, -0.28) + 0.06 * np.sin(5 * turn)
    route = route_along(places, gaze, config.duration_s, config.seed, pitch=pitch)
    return _shot(lambda: classroom(config.seed), route.poses, config)


def whole_house() -> Shot:
    """Eight rooms, 2,400 frames, one way through all of them and back."""
    config = FilmConfig(
        seed=14, width=320, height=240, duration_s=400.0, fps=6.0, noise=0.005, field_of_view_deg=72.0
    )
    route = house_route(config.duration_s, config.seed)
    return _shot(lambda: house(config.seed), route.poses, config)


HARD_SHOTS: Mapping[str, Callable[[], Shot]] = {
    "bare_walls": bare_walls,
    "fast_turn": fast_turn,
    "there_and_back": there_and_back,
    "exposure_jumps": exposure_jumps,
    "repeated_furniture": repeated_furniture,
    "house": whole_house,
}
"""All films."""
