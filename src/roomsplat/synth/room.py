"""One furnished room, designed by a seed: where things stand, what they are made of, what lights them.

The room stands on z = 0 with a corner at the origin; its windows look towards +y. Units are metres.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roomsplat.synth.dice import Dice
from roomsplat.synth.lighting import Lights
from roomsplat.synth.materials import (
    BRICK,
    CERAMIC,
    CLOCK,
    DOOR,
    OUTDOORS,
    PLAIN,
    PLANKS,
    PLASTER,
    POSTER,
    RUG,
    WALLPAPER,
)
from roomsplat.synth.patches import Color, Material, Patch, box, color, cushion, grid_patch, lathe, place, quad, tube
from roomsplat.synth.seating import WOODS, chair, coffee_table, cloth, lying_book, mug, sofa, table, throw, timber
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

REVEAL = 0.22  # depth of the window openings
Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The design of a room, ready to be baked."""

    patches: tuple[Patch, ...]
    lights: Lights
    size: tuple[float, float, float]
    """Width (x), depth (y), height (z)."""
    walk: Rectangle
    """Centre x, y and half axes of the ellipse in which a camera may walk at eye height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shell:
    """What the builders of a room share."""

    dice: Dice
    width: float
    depth: float
    height: float
    windows: tuple[Rectangle, ...]
    """x0, z0, x1, z1 of each opening in the wall at y = depth."""
    door_x: float
    tone: tuple[str, str]
    bare: bool


def design_room(seed: int, *, bare_walls: bool = False) -> Room:
    """The room of ``seed``; with ``bare_walls`` the walls are evenly painted and nothing hangs on them."""
    dice = Dice(seed)
    width, depth, height = dice.between(5.2, 5.7), dice.between(4.3, 4.7), dice.between(2.5, 2.7)
    left, right, wide = dice.between(0.85, 1.05), width - dice.between(1.0, 1.2), dice.between(1.15, 1.35)
    sill, top = dice.between(0.82, 0.92), 2.12
    windows = ((left, sill, left + wide, top), (right - wide, sill, right, top))
    shell = _Shell(
        dice=dice, width=width, depth=depth, height=height, windows=windows, door_x=width - dice.between(1.15, 1.3),
        tone=dice.pick(WOODS), bare=bare_walls,
    )  # fmt: skip
    patches = _walls(shell) + _floor_and_ceiling(shell) + _windows(shell) + _door(shell)
    patches += _furniture(shell)
    if not bare_walls:
        patches += _hangings(shell)
    return Room(
        patches=tuple(patches),
        lights=_lights(shell),
        size=(width, depth, height),
        walk=(width / 2 + 0.08, depth / 2 - 0.16, width / 2 - 1.5, depth / 2 - 1.38),
    )


def _wall(
    corner: Sequence[float], u: Sequence[float], width: float, height: float, material: Material,
    openings: Sequence[Rectangle] = (),
) -> list[Patch]:
    """A wall with rectangular openings (u0, v0, u1, v1), cut into strips of one continuous texture."""
    start, along = np.asarray(corner, np.float64), np.asarray(u, np.float64)
    patches = list[Patch]()

    def piece(u0: float, v0: float, u1: float, v1: float) -> None:
        if u1 - u0 > 1e-6 and v1 - v0 > 1e-6:
            at = start + along * u0 + np.array([0, 0, v0])
            patches.append(quad(at, along * (u1 - u0), (0, 0, v1 - v0), material, origin=(u0, v0)))

    at = 0.0
    for u0, v0, u1, v1 in sorted(openings):
        piece(at, 0, u0, height)
        piece(u0, 0, u1, v0)
        piece(u0, v1, u1, height)
        at = u1
    piece(at, 0, width, height)
    return patches


def _walls(s: _Shell) -> list[Patch]:
    paint = s.dice.pick(("#d9cfbd", "#cfd3c6", "#d8c8b4", "#c9ced2"))
    dirt = color("#b9ab94")
    plaster = [Material(kind=PLASTER, a=color(paint), b=dirt, seed=s.dice.seed()) for _ in range(4)]
    bricks = Material(kind=BRICK, a=color("#8a5140"), b=color("#6a4638"), seed=s.dice.seed(), style=s.dice.whole(2))
    paper = Material(kind=WALLPAPER, a=color(s.dice.pick(("#d9d2bb", "#c8d0c8", "#dccab8"))),
                     b=color(s.dice.pick(("#56745a", "#4c6a82", "#8a5a48"))), seed=s.dice.seed())
    if s.bare:
        even = Material(kind=PLAIN, a=color(paint), seed=s.dice.seed(), style=2)
        plaster, bricks, paper = [even] * 4, even, even
    swap = s.dice.between(0, 1) < 0.4
    w, d, h = s.width, s.depth, s.height
    doorway = (w - s.door_x - 0.45, 0.0, w - s.door_x + 0.45, 2.04)
    patches = _wall((0, 0, 0), (0, 1, 0), d, h, paper if swap else bricks)
    patches += _wall((w, d, 0), (0, -1, 0), d, h, bricks if swap else paper)
    patches += _wall((w, 0, 0), (-1, 0, 0), w, h, plaster[0], [doorway])
    return patches + _wall((0, d, 0), (1, 0, 0), w, h, plaster[1], s.windows)


def _floor_and_ceiling(s: _Shell) -> list[Patch]:
    w, d, h = s.width, s.depth, s.height
    boards = Material(kind=PLANKS, a=color(s.dice.pick(("#b58a5a", "#a87b4c", "#c2a077"))), b=color("#7a5231"), seed=s.dice.seed())
    white = Material(kind=PLASTER, a=color("#e3ded2"), b=color("#d2cab8"), seed=s.dice.seed())
    patches = [quad((0, 0, 0), (w, 0, 0), (0, d, 0), boards), quad((0, 0, h), (0, d, 0), (w, 0, 0), white, detail=0.6)]
    for i in range(4):
        patches += box((w * (i + 0.5) / 4, d / 2, h - 0.07), (0.13, d, 0.14), timber(s.dice, s.tone), skip="nst")
    skirting = timber(s.dice, ("#e6e0d4", "#d2cab9"), 1)
    for y, x0, x1 in ((d - 0.008, 0.0, w), (0.008, 0.0, s.door_x - 0.53), (0.008, s.door_x + 0.53, w)):
        patches += box(((x0 + x1) / 2, y, 0.05), (x1 - x0, 0.016, 0.10), skirting, skip="b")
    for x in (0.008, w - 0.008):
        patches += box((x, d / 2, 0.05), (0.016, d, 0.10), skirting, skip="b")
    rug_w, rug_d = 2.3, 1.6
    rug = Material(kind=RUG, a=color(s.dice.pick(("#8c2f28", "#2f4a6b", "#6b4a2f"))), b=color(s.dice.pick(("#c7963f", "#39586e", "#b3573a"))), seed=s.dice.seed())
    cx, cy = w / 2 + 0.08, d / 2 - 0.16
    patches.append(quad((cx - rug_w / 2, cy - rug_d / 2, 0.011), (rug_w, 0, 0), (0, rug_d, 0), rug))
    edge = cloth(s.dice, color("#c9b99a"))
    return patches + box((cx, cy, 0.005), (rug_w, rug_d, 0.01), edge, skip="tb")


def _windows(s: _Shell) -> list[Patch]:
    view = Material(kind=OUTDOORS, a=(1.0, 1.0, 1.0), seed=s.dice.seed(), glow=2.6)
    middle = s.width / 2
    patches = [quad((middle - 32, s.depth + 13, -5.0), (64, 0, 0), (0, 0, 22), view, detail=0.10, casts_shadow=False)]
    white = timber(s.dice, ("#ece8df", "#dcd6c8"), 1)
    plaster = Material(kind=PLASTER, a=color("#ddd6c8"), b=color("#c9bfae"), seed=s.dice.seed())
    curtain = cloth(s.dice, color(s.dice.pick(("#c9b48c", "#9aa58a", "#b8a79a", "#8fa0ad"))), color("#e9e0cc"), s.dice.whole(2))
    for x0, z0, x1, z1 in s.windows:
        y0, y1, w, h = s.depth, s.depth + REVEAL, x1 - x0, z1 - z0
        patches += [
            quad((x0, y0, z0), (0, REVEAL, 0), (0, 0, h), plaster),
            quad((x1, y1, z0), (0, -REVEAL, 0), (0, 0, h), plaster),
            quad((x0, y0, z1), (0, REVEAL, 0), (w, 0, 0), plaster),
        ]
        patches += cushion(((x0 + x1) / 2, y0 + REVEAL / 2 - 0.045, z0 - 0.002), (w + 0.1, REVEAL + 0.09, 0.034), 0.01, white)
        y, bar = y0 + 0.13, 0.055
        for x in (x0 + bar / 2, (x0 + x1) / 2, x1 - bar / 2):
            patches += box((x, y, (z0 + z1) / 2), (bar, 0.05, h), white)
        for z in (z0 + bar / 2 + 0.01, z0 + 0.68 * h, z1 - bar / 2):
            patches += box(((x0 + x1) / 2, y, z), (w, 0.046, bar if z != z0 + 0.68 * h else 0.04), white)
        for side, x in ((-1, x0), (1, x1)):
            patches.append(_curtain(s.dice, curtain, x + side * 0.13 - 0.21, s.depth - 0.085, z1 + 0.17))
        rod = Material(kind=PLAIN, a=color("#4d3b2c"), seed=s.dice.seed())
        patches.append(tube([(x0 - 0.42, s.depth - 0.085, z1 + 0.19), (x1 + 0.42, s.depth - 0.085, z1 + 0.19)], [0.013, 0.013], rod))
    return patches + _radiator(s) + _sill_things(s)


def _curtain(dice: Dice, material: Material, x: float, y: float, top: float) -> Patch:
    """A hanging curtain 0.42 m wide in folds, wider apart at its foot."""
    columns, rows = 45, 5
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    phase = dice.between(0, 6)
    fold = 0.035 * np.sin(u * 6 * 2 * np.pi + phase + 0.8 * np.sin(v * 2 + phase)) * (1.15 - 0.4 * v)
    spread = (1.06 - 0.12 * v) * (u - 0.5) * 0.42
    vertices = np.stack([x + 0.21 + spread, y + fold + 0.01 * np.sin(3 * v), 0.03 + v * (top - 0.03)], axis=2)
    return grid_patch(vertices, material, two_sided=True)


def _radiator(s: _Shell) -> list[Patch]:
    x0, z0, x1, _ = s.windows[1]
    paint = Material(kind=PLAIN, a=color("#dedad0"), seed=s.dice.seed())
    patches, x = list[Patch](), x0 + 0.08
    while x < x1 - 0.08:
        patches += cushion((x, s.depth - 0.075, (z0 - 0.12 + 0.14) / 2), (0.052, 0.09, z0 - 0.30), 0.02, paint)
        x += 0.066
    for z in (0.2, z0 - 0.22):
        patches.append(tube([(x0 + 0.06, s.depth - 0.075, z), (x1 - 0.08, s.depth - 0.075, z)], [0.018, 0.018], paint))
    return patches


def _sill_things(s: _Shell) -> list[Patch]:
    x0, z0, x1, _ = s.windows[1]
    y, z = s.depth + 0.02, z0 + 0.015
    patches = place(plant(s.dice, 0.36), x0 + 0.25, y, 0.0, z)
    patches += place(vase(s.dice, 0.7), x1 - 0.22, y, 0.0, z)
    x0, z0, x1, _ = s.windows[0]
    return patches + place(plant(s.dice, 0.3), x1 - 0.2, y, 0.0, z0 + 0.015)


def _door(s: _Shell) -> list[Patch]:
    leaf = Material(kind=DOOR, a=color(s.dice.pick(("#d5cebf", "#8fa08f", "#a9b3b8"))), seed=s.dice.seed())
    trim = timber(s.dice, ("#e6e0d4", "#d2cab9"), 1)
    metal = Material(kind=PLAIN, a=color("#9a8455"), seed=s.dice.seed(), style=1)
    x, patches = s.door_x, list[Patch]()
    patches.append(quad((x + 0.41, -0.02, 0.01), (-0.82, 0, 0), (0, 0, 2.0), leaf))
    for side in (-1, 1):
        patches += box((x + side * 0.47, 0.0, 1.04), (0.10, 0.05, 2.08), trim, skip="bs")
        patches += box((x + side * 0.43, -0.04, 1.02), (0.04, 0.08, 2.04), trim, skip="bs")
    patches += box((x, 0.0, 2.09), (1.04, 0.05, 0.10), trim, skip="s")
    patches += box((x, -0.04, 2.03), (0.9, 0.08, 0.04), trim, skip="s")
    patches += box((x - 0.34, -0.017, 1.03), (0.04, 0.006, 0.2), metal)
    return patches + [tube([(x - 0.34, -0.02, 1.06), (x - 0.34, 0.035, 1.06), (x - 0.33, 0.045, 1.06), (x - 0.22, 0.045, 1.06)], [0.009] * 4, metal)]


def _furniture(s: _Shell) -> list[Patch]:
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


def _desk(s: _Shell) -> list[Patch]:
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
    patches += place([quad((-0.105, -0.148, 0.742), (0.21, 0, 0), (0, 0.297, 0), sheet)], x + 0.2, y - 0.4, -0.3)
    cup = Material(kind=CERAMIC, a=color("#c9bda4"), b=color("#2f5e6b"), seed=dice.seed(), style=1)
    patches += place([lathe((0, 0, 0), [(0.0, 0.0), (0.04, 0.0), (0.04, 0.1), (0.036, 0.1), (0.036, 0.02), (0.0, 0.02)], cup)], x - 0.45, y - 0.2, 0.0, 0.74)
    for i, tone in enumerate(("#b5523b", "#2f5e6b", "#d6a545")):
        pen = Material(kind=PLAIN, a=color(tone), seed=dice.seed())
        patches += place([tube([(0.01 * i - 0.01, 0, 0.03), (0.02 * i - 0.02, 0.02 - 0.02 * i, 0.17)], [0.004, 0.004], pen, segments=6)], x - 0.45, y - 0.2, 0.0, 0.74)
    return patches + mug(dice, x - 0.36, y - 0.42, 0.74)


def _hangings(s: _Shell) -> list[Patch]:
    """Pictures, a poster and a clock."""
    w, d, dice, quarter = s.width, s.depth, s.dice, math.pi / 2
    patches = place(framed_picture(dice, 1.15, 0.75, dice.pick((0, 3))), 0.0, d / 2 - 0.1, -quarter, 1.62)
    patches += place(framed_picture(dice, 0.42, 0.56, 2), 0.0, d / 2 + 1.05, -quarter, 1.6)
    for i, (dy, z, size, style) in enumerate(((-0.62, 1.6, (0.44, 0.56), 5), (0.02, 1.72, (0.6, 0.44), 4), (0.03, 1.22, (0.34, 0.26), 0), (0.66, 1.55, (0.46, 0.6), 1))):
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


def _lights(s: _Shell) -> Lights:
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
