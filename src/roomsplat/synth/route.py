"""A hand-held camera along given places: where a person is, and where they look, at given moments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import Akima1DInterpolator, PchipInterpolator

from roomsplat.synth.camera_path import EYE_HEIGHT, STEP_HZ, TREMOR_RAD, look, tremor
from roomsplat.synth.dice import Dice

Double = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Stops of a walk; between them the path is smooth, and the gaze never swings past what it was to look at."""

    times: Double
    """(n,) rising seconds."""
    places: Double
    """(n, 2) m."""
    yaw: Double
    """(n,) rad about +z, continuous: 190° is not −170°."""
    pitch: Double
    """(n,) rad, up."""
    seed: int
    """Names the tremor of the hands."""

    def poses(self, time: Double) -> Double:
        """(n, 4, 4) cam_from_world at ``time`` (s); before the first stop and after the last the walker stands."""
        time = np.asarray(time, np.float64)
        dice = Dice(self.seed * 7919 + 17)
        clipped = np.clip(time, self.times[0], self.times[-1])
        x, y = Akima1DInterpolator(self.times, self.places)(clipped).T
        yaw, pitch = (PchipInterpolator(self.times, angle)(clipped) for angle in (self.yaw, self.pitch))
        shake = [tremor(time, 0.006, dice) for _ in range(3)]
        turn = [tremor(time, TREMOR_RAD, dice) for _ in range(3)]
        step = np.pi * STEP_HZ * time
        z = EYE_HEIGHT + 0.05 * np.sin(0.9 * time + dice.between(0, 6)) + 0.012 * np.cos(2 * step)
        position = np.stack([x + shake[0], y + shake[1], z + shake[2]], axis=1)
        return look(position, yaw + turn[0], pitch + turn[1], 0.015 * np.sin(step) + turn[2])


def route_of_stops(stops: Sequence[tuple[float, float, float, float, float]], seed: int) -> Route:
    """From rows of time (s), x, y (m), yaw (degrees, continuous) and pitch (degrees)."""
    table = np.asarray(stops, np.float64)
    return Route(
        times=table[:, 0],
        places=table[:, 1:3],
        yaw=np.radians(table[:, 3]),
        pitch=np.radians(table[:, 4]),
        seed=seed,
    )


def route_along(
    places: Double, gaze: Double, duration_s: float, seed: int, *, pitch: Double | None = None
) -> Route:
    """At one pace along (n, 2) ``places``, looking towards (n, 2) ``gaze`` (directions on the floor)."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1))])
    return Route(
        times=length / length[-1] * duration_s,
        places=places,
        yaw=np.unwrap(np.arctan2(gaze[:, 1], gaze[:, 0])),
        pitch=np.full(len(places), -0.12) if pitch is None else pitch,
        seed=seed,
    )
