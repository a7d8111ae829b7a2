"""One furnished room, designed by a seed: where things stand, what they are made of, what lights them.

The room stands on z = 0 with a corner at the origin; its windows look towards +y. Units are metres.
"""

import math
from dataclasses import dataclass

import numpy as np

from roomsplat.synth.dice import Dice
from roomsplat.synth.lighting import Lights
from roomsplat.synth.materials import (
    CERAMIC,
    CLOCK,
    PLAIN,
    POSTER,
)
from roomsplat.synth.patches import (
    Color,
    Material,
    Patch,
    box,
    color,
    grid_patch,
    lathe,
    place,
    quad,
    tube,
)
from roomsplat.synth.seating import (
    WOODS,
    chair,
    coffee_table,
    lying_book,
    mug,
    sofa,
    table,
    throw,
)
from roomsplat.synth.shell import REVEAL, Rectangle, Shell, door, floor_and_ceiling, glazing, walls
from roomsplat.synth.storage import (
    basket,
    bookcase,
    cardboard_boxes,
    floor_lamp,
    framed_picture,
    pendant_lamp,
    plant,
    pouffe,
    sideboard,
    vase,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The design of a room, ready to be baked."""

    patches: tuple[Patch, ...]
    lights: Lights
    size: tuple[float, float, float]
    """Width (x), depth (y), height (z)."""
    walk: Rectangle
    """Centre x, y and half axes of the ellipse in which a camera may walk at eye height."""


def design_room(seed: int, *, bare_walls: bool = False) -> Room:
    """The room of ``seed``; with ``bare_walls`` the walls are evenly painted and nothing hangs on them."""
    dice = Dice(seed)
    width, depth, height = dice.between(5.2, 5.7), dice.between(4.3, 4.7), dice.between(2.5, 2.7)
    left, right, wide = dice.between(0.85, 1.05), width - dice.between(1.0, 1.2), dice.between(1.15, 1.35)
    sill, top = dice.between(0.82, 0.92), 2.12
    windows = ((left, sill, left + wide, top), (right - wide, sill, right, top))
    shell = Shell(
        dice=dice, width=width, depth=depth, height=height, windows=windows, door_x=width - dice.between(1.15, 1.3),
        tone=dice.pick(WOODS), bare=bare_walls,
    )  # fmt: skip
    patches = walls(shell) + floor_and_ceiling(shell) + glazing(shell) + door(shell) + _sill_things(shell)
    patches += _furniture(shell)
    if not bare_walls:
        patches += _hangings(shell)
    return Room(
        patches=tuple(patches),
        lights=_lights(shell),
        size=(width, depth, height),
        walk=(width / 2 + 0.08, depth / 2 - 0.16, width / 2 - 1.5, depth / 2 - 1.38),
    )


def _sill_things(s: Shell) -> list[Patch]:
    x0, z0, x1, _ = s.windows[1]
    y, z = s.depth + 0.02, z0 + 0.015
    patches = place(plant(s.dice, 0.36), x0 + 0.25, y, 0.0, z)
    patches += place(vase(s.dice, 0.7), x1 - 0.22, y, 0.0, z)
    x0, z0, x1, _ = s.windows[0]
    return patches + place(plant(s.dice, 0.3), x1 - 0.2, y, 0.0, z0 + 0.015)


def _furniture(s: Shell) -> list[Patch]:
    w, d, dice = s.width, s.depth, s.dice
    quarter = math.pi / 2
    cx, cy = w / 2 + 0.08, d / 2 - 0.16
    patches = place(sofa(dice, 3), 0.04, d / 2 - 0.12, -quarter)
    patches += place(throw(dice, 0, 0, 0), 0.6, d / 2 - 0.86, 0.2, 0.485)
    patches += place(floor_lamp(dice), 0.36, 0.62)
    patches += place(bookcase(dice, 1.75, 2.02, s.tone), 1.72, 0.012)
    patches += place(coffee_table(dice, s.tone), cx, cy, 0.12)
    patches += place(sideboard(dice, 1.5, s.tone), w - 0.015, d / 2 - 0.35, quarter)
    patches += place(sofa(dice, 1), w - 0.30, d - 0.36, quarter + 0.75)
    patches += place(plant(dice, 1.45), w / 2 + 0.02, d - 0.36)
    patches += place(pendant_lamp(dice, s.height), cx, cy)
    patches += place(cardboard_boxes(dice), w - 0.34, 0.32, 0.1)
    patches += place(basket(dice, 0.21, 0.36), w - 0.26, d / 2 - 1.42)
    patches += place(pouffe(dice, color("#a65f3f")), 1.42, d / 2 - 1.35)
    return patches + _desk(s)


def _desk(s: Shell) -> list[Patch]:
    """A writing desk under the first window, a chair before it, work on it."""
    x0, _, x1, _ = s.windows[0]
    x, y, dice = (x0 + x1) / 2, s.depth - 0.12, s.dice
    patches = place(table(dice, 1.25, 0.58, 0.74, s.tone), x, y, math.pi)
    patches += place(chair(dice, s.tone), x - 0.1, s.depth - 1.0, 0.25)
    dark = Material(kind=PLAIN, a=color("#3a3c40"), seed=dice.seed())
    screen = Material(kind=POSTER, a=color("#2f5e6b"), b=color("#b5523b"), seed=dice.seed())
    patches += place(box((0, 0, 0.009), (0.33, 0.23, 0.018), dark), x - 0.1, y - 0.34, 0.1, 0.74)
    tilted = quad((-0.165, 0.115, 0.018), (0.33, 0, 0), (0, 0.06, 0.21), screen)
    patches += place([tilted], x - 0.1, y - 0.34, 0.1, 0.74)
    for i in range(3):
        patches += place(lying_book(dice, (0.16, 0.22, 0.03), 0.74 + 0.03 * i), x + 0.42, y - 0.22)
    sheet = Material(kind=POSTER, a=color("#3a3a40"), b=color("#96704b"), seed=dice.seed())
    patches += place(
        [quad((-0.105, -0.148, 0.742), (0.21, 0, 0), (0, 0.297, 0), sheet)], x + 0.2, y - 0.4, -0.3
    )
    cup = Material(kind=CERAMIC, a=color("#c9bda4"), b=color("#2f5e6b"), seed=dice.seed(), style=1)
    patches += place(
        [
            lathe(
                (0, 0, 0),
                [(0.0, 0.0), (0.04, 0.0), (0.04, 0.1), (0.036, 0.1), (0.036, 0.02), (0.0, 0.02)],
                cup,
            )
        ],
        x - 0.45,
        y - 0.2,
        0.0,
        0.74,
    )
    for i, tone in enumerate(("#b5523b", "#2f5e6b", "#d6a545")):
        pen = Material(kind=PLAIN, a=color(tone), seed=dice.seed())
        patches += place(
            [
                tube(
                    [(0.01 * i - 0.01, 0, 0.03), (0.02 * i - 0.02, 0.02 - 0.02 * i, 0.17)],
                    [0.004, 0.004],
                    pen,
                    segments=6,
                )
            ],
            x - 0.45,
            y - 0.2,
            0.0,
            0.74,
        )
    return patches + mug(dice, x - 0.36, y - 0.42, 0.74)


def _hangings(s: Shell) -> list[Patch]:
    """Pictures, a poster and a clock."""
    w, d, dice, quarter = s.width, s.depth, s.dice, math.pi / 2
    patches = place(framed_picture(dice, 1.15, 0.75, dice.pick((0, 3))), 0.0, d / 2 - 0.1, -quarter, 1.62)
    patches += place(framed_picture(dice, 0.42, 0.56, 2), 0.0, d / 2 + 1.05, -quarter, 1.6)
    for i, (dy, z, size, style) in enumerate(
        (
            (-0.62, 1.6, (0.44, 0.56), 5),
            (0.02, 1.72, (0.6, 0.44), 4),
            (0.03, 1.22, (0.34, 0.26), 0),
            (0.66, 1.55, (0.46, 0.6), 1),
        )
    ):
        del i
        patches += place(framed_picture(dice, *size, style), w, d / 2 - 0.35 + dy, quarter, z)
    patches += place(framed_picture(dice, 0.5, 0.66, 1 + dice.whole(2)), s.door_x - 0.9, 0.0, 0.0, 1.55)
    patches += place(framed_picture(dice, 0.36, 0.46, 3), w / 2 + 0.02, d, math.pi, 1.82)
    sheet = Material(kind=POSTER, a=color("#b5523b"), b=color("#2f5e6b"), seed=dice.seed())
    patches.append(quad((0.72, 0.004, 1.1), (-0.5, 0, 0), (0, 0, 0.72), sheet))
    return patches + place(_clock(dice, color("#3a2a20")), s.door_x + 0.72, 0.0, 0.0, 1.95)


def _clock(dice: Dice, tone: Color) -> list[Patch]:
    rim = Material(kind=PLAIN, a=tone, seed=dice.seed())
    face = Material(kind=CLOCK, a=tone, seed=dice.seed())
    ring = lathe((0, 0, 0), [(0.155, 0.0), (0.155, 0.03), (0.135, 0.035), (0.13, 0.02)], rim, segments=40)
    vertices = ring.vertices[..., [0, 2, 1]] * [-1, 1, 1]
    disc = quad((0.135, 0.018, -0.135), (-0.27, 0, 0), (0, 0, 0.27), face, detail=1.5)
    return [grid_patch(vertices, rim), disc]


def _lights(s: Shell) -> Lights:
    windows = [[x0, s.depth + REVEAL, z0, x1 - x0, 0, 0, 0, 0, z1 - z0] for x0, z0, x1, z1 in s.windows]
    azimuth, height = s.dice.between(0.35, 0.7) * s.dice.pick((-1, 1)), s.dice.between(0.62, 0.8)
    sun = [math.sin(azimuth) * math.cos(height), math.cos(azimuth) * math.cos(height), math.sin(height)]
    warm = (1.0, 0.72, 0.42)
    lamps = [
        [0.36, 0.62, 1.5, 0.05, *(0.55 * c for c in warm)],
        [s.width / 2 + 0.08, s.depth / 2 - 0.16, s.height - 0.52, 0.05, *(0.45 * c for c in warm)],
    ]
    return Lights(
        windows=np.array(windows, np.float32),
        sky=np.array([2.6, 2.9, 3.3], np.float32),
        ground=np.array([0.75, 0.78, 0.55], np.float32),
        lamps=np.array(lamps, np.float32),
        sun=np.array([*sun, 4.9, 4.4, 3.6], np.float32),
    )
