"""A person who walks through the room while it is filmed: something that moves, which no static scene explains.

Built from the same surfaces as the furniture, posed anew for every frame and lit by the light map's average: the figure
is there to disturb, not to be admired.
"""

import math

import numpy as np
from numpy.typing import NDArray

from roomsplat.synth.dice import Dice
from roomsplat.synth.materials import FABRIC, PLAIN
from roomsplat.synth.patches import Material, Patch, color, lathe, place, tube
from roomsplat.synth.room import Room

Double = NDArray[np.float64]
PACE = 0.55  # m/s
STRIDE_HZ = 0.8  # full cycles of two steps
BALL = [(math.cos(a), math.sin(a)) for a in np.linspace(-math.pi / 2, math.pi / 2, 9)]


def figure_patches(room: Room, time: float, seed: int) -> list[Patch]:
    """The figure at ``time`` (s); the number and the layout of its patches never change."""
    x, y, heading = figure_place(room, time)
    return place(_body(2 * math.pi * STRIDE_HZ * time, seed), x, y, heading - math.pi / 2)


def figure_place(room: Room, time: float) -> tuple[float, float, float]:
    """Where the figure stands (x, y in m) and its heading (rad): to and fro along the wall with the windows.

    A lane between the camera's walk and the furniture, so that neither meets the figure.
    """
    low, high = 1.35, room.size[0] - 1.55
    length = high - low
    along = (PACE * time) % (2 * length)
    forth = along < length
    x = low + (along if forth else 2 * length - along)
    return x, room.size[1] - 1.28, 0.0 if forth else math.pi


def _body(phase: float, seed: int) -> list[Patch]:
    """A standing figure that faces +y at the origin, mid-step by ``phase`` (rad)."""
    dice = Dice(seed * 17 + 3)
    skin = Material(kind=PLAIN, a=color("#b98468"), seed=1)
    hair = Material(kind=FABRIC, a=color("#2f2018"), seed=2)
    shirt = Material(
        kind=FABRIC,
        a=color(dice.pick(("#2f5e6b", "#7d3f4e", "#4d5f4a"))),
        b=color("#e0d6c0"),
        seed=3,
        style=1,
    )
    trousers = Material(kind=FABRIC, a=color("#2b3142"), seed=4)
    shoe = Material(kind=PLAIN, a=color("#201c1a"), seed=5)
    patches = [
        lathe(
            (0, 0, 0),
            [(0.0, 0.86), (0.15, 0.88), (0.155, 1.05), (0.18, 1.3), (0.17, 1.4), (0.08, 1.47), (0.0, 1.48)],
            shirt,
        ),
        lathe((0, 0, 0), [(0.055, 1.45), (0.055, 1.54)], skin, segments=12),
        lathe((0, 0.01, 1.63), [(0.085 * r, 0.115 * h) for r, h in BALL], skin, segments=18),
        lathe((0, -0.018, 1.66), [(0.092 * r, 0.105 * h) for r, h in BALL], hair, segments=18),
    ]
    for side in (-1, 1):
        swing = math.sin(phase) * side
        hip, knee, foot = _limb(
            (0.085 * side, 0.0, 0.9), 0.5 * swing, 0.5 * swing - 0.5 * max(0.0, -swing), 0.43, 0.42
        )
        patches.append(tube([hip, knee, foot], [0.085, 0.062, 0.048], trousers))
        toe = (foot[0], foot[1] + 0.19, foot[2] - 0.02)
        patches.append(tube([(foot[0], foot[1] - 0.05, foot[2]), foot, toe], [0.03, 0.05, 0.03], shoe))
        shoulder, elbow, hand = _limb((0.2 * side, 0.0, 1.38), -0.4 * swing, -0.4 * swing + 0.35, 0.29, 0.26)
        patches.append(tube([shoulder, elbow], [0.055, 0.045], shirt))
        patches.append(tube([elbow, hand], [0.042, 0.034], skin))
    return patches


def _limb(
    start: tuple[float, float, float], upper: float, lower: float, first: float, second: float
) -> tuple[tuple[float, float, float], ...]:
    """Three joints of a limb that hangs from ``start``; angles are forward from straight down (rad)."""
    x, y, z = start
    middle = (x, y + first * math.sin(upper), z - first * math.cos(upper))
    end = (x, middle[1] + second * math.sin(lower), middle[2] - second * math.cos(lower))
    return start, middle, end
