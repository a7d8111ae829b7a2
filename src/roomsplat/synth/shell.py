"""The room itself: walls, floor, ceiling, windows with curtains and a radiator, the door."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roomsplat.synth.dice import Dice
from roomsplat.synth.materials import BRICK, DOOR, OUTDOORS, PLAIN, PLANKS, PLASTER, RUG, WALLPAPER
from roomsplat.synth.patches import Material, Patch, box, color, cushion, grid_patch, quad, tube
from roomsplat.synth.seating import cloth, timber

REVEAL = 0.22  # m, depth of the window openings
Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
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


def wall(
    corner: Sequence[float],
    u: Sequence[float],
    width: float,
    height: float,
    material: Material,
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


def walls(s: Shell) -> list[Patch]:
    """Four walls: one of bricks, one papered, two plastered, with holes for the windows and the door."""
    paint = s.dice.pick(("#d9cfbd", "#cfd3c6", "#d8c8b4", "#c9ced2"))
    dirt = color("#b9ab94")
    plaster = [Material(kind=PLASTER, a=color(paint), b=dirt, seed=s.dice.seed()) for _ in range(4)]
    bricks = Material(
        kind=BRICK, a=color("#8a5140"), b=color("#6a4638"), seed=s.dice.seed(), style=s.dice.whole(2)
    )
    paper = Material(
        kind=WALLPAPER,
        a=color(s.dice.pick(("#d9d2bb", "#c8d0c8", "#dccab8"))),
        b=color(s.dice.pick(("#56745a", "#4c6a82", "#8a5a48"))),
        seed=s.dice.seed(),
    )
    if s.bare:
        even = Material(kind=PLAIN, a=color(paint), seed=s.dice.seed(), style=2)
        plaster, bricks, paper = [even] * 4, even, even
    swap = s.dice.between(0, 1) < 0.4
    w, d, h = s.width, s.depth, s.height
    doorway = (w - s.door_x - 0.45, 0.0, w - s.door_x + 0.45, 2.04)
    patches = wall((0, 0, 0), (0, 1, 0), d, h, paper if swap else bricks)
    patches += wall((w, d, 0), (0, -1, 0), d, h, bricks if swap else paper)
    patches += wall((w, 0, 0), (-1, 0, 0), w, h, plaster[0], [doorway])
    return patches + wall((0, d, 0), (1, 0, 0), w, h, plaster[1], s.windows)


def floor_and_ceiling(s: Shell) -> list[Patch]:
    """Boards, beams, skirting and the rug."""
    w, d, h = s.width, s.depth, s.height
    boards = Material(
        kind=PLANKS,
        a=color(s.dice.pick(("#b58a5a", "#a87b4c", "#c2a077"))),
        b=color("#7a5231"),
        seed=s.dice.seed(),
    )
    white = Material(kind=PLASTER, a=color("#e3ded2"), b=color("#d2cab8"), seed=s.dice.seed())
    patches = [
        quad((0, 0, 0), (w, 0, 0), (0, d, 0), boards),
        quad((0, 0, h), (0, d, 0), (w, 0, 0), white, detail=0.6),
    ]
    for i in range(4):
        patches += box(
            (w * (i + 0.5) / 4, d / 2, h - 0.07), (0.13, d, 0.14), timber(s.dice, s.tone), skip="nst"
        )
    skirting = timber(s.dice, ("#e6e0d4", "#d2cab9"), 1)
    for y, x0, x1 in ((d - 0.008, 0.0, w), (0.008, 0.0, s.door_x - 0.53), (0.008, s.door_x + 0.53, w)):
        patches += box(((x0 + x1) / 2, y, 0.05), (x1 - x0, 0.016, 0.10), skirting, skip="b")
    for x in (0.008, w - 0.008):
        patches += box((x, d / 2, 0.05), (0.016, d, 0.10), skirting, skip="b")
    rug_w, rug_d = 2.3, 1.6
    rug = Material(
        kind=RUG,
        a=color(s.dice.pick(("#8c2f28", "#2f4a6b", "#6b4a2f"))),
        b=color(s.dice.pick(("#c7963f", "#39586e", "#b3573a"))),
        seed=s.dice.seed(),
    )
    cx, cy = w / 2 + 0.08, d / 2 - 0.16
    patches.append(quad((cx - rug_w / 2, cy - rug_d / 2, 0.011), (rug_w, 0, 0), (0, rug_d, 0), rug))
    edge = cloth(s.dice, color("#c9b99a"))
    return patches + box((cx, cy, 0.005), (rug_w, rug_d, 0.01), edge, skip="tb")


def glazing(s: Shell) -> list[Patch]:
    """The view outside, frames, sills, curtains."""
    view = Material(kind=OUTDOORS, a=(1.0, 1.0, 1.0), seed=s.dice.seed(), glow=2.6)
    middle = s.width / 2
    patches = [
        quad((middle - 32, s.depth + 13, -5.0), (64, 0, 0), (0, 0, 22), view, detail=0.10, casts_shadow=False)
    ]
    white = timber(s.dice, ("#ece8df", "#dcd6c8"), 1)
    plaster = Material(kind=PLASTER, a=color("#ddd6c8"), b=color("#c9bfae"), seed=s.dice.seed())
    curtain = cloth(
        s.dice,
        color(s.dice.pick(("#c9b48c", "#9aa58a", "#b8a79a", "#8fa0ad"))),
        color("#e9e0cc"),
        s.dice.whole(2),
    )
    for x0, z0, x1, z1 in s.windows:
        y0, y1, w, h = s.depth, s.depth + REVEAL, x1 - x0, z1 - z0
        patches += [
            quad((x0, y0, z0), (0, REVEAL, 0), (0, 0, h), plaster),
            quad((x1, y1, z0), (0, -REVEAL, 0), (0, 0, h), plaster),
            quad((x0, y0, z1), (0, REVEAL, 0), (w, 0, 0), plaster),
        ]
        patches += cushion(
            ((x0 + x1) / 2, y0 + REVEAL / 2 - 0.045, z0 - 0.002), (w + 0.1, REVEAL + 0.09, 0.034), 0.01, white
        )
        y, bar = y0 + 0.13, 0.055
        for x in (x0 + bar / 2, (x0 + x1) / 2, x1 - bar / 2):
            patches += box((x, y, (z0 + z1) / 2), (bar, 0.05, h), white)
        for z in (z0 + bar / 2 + 0.01, z0 + 0.68 * h, z1 - bar / 2):
            patches += box(((x0 + x1) / 2, y, z), (w, 0.046, bar if z != z0 + 0.68 * h else 0.04), white)
        for side, x in ((-1, x0), (1, x1)):
            patches.append(_curtain(s.dice, curtain, x + side * 0.13 - 0.21, s.depth - 0.085, z1 + 0.17))
        rod = Material(kind=PLAIN, a=color("#4d3b2c"), seed=s.dice.seed())
        patches.append(
            tube(
                [(x0 - 0.42, s.depth - 0.085, z1 + 0.19), (x1 + 0.42, s.depth - 0.085, z1 + 0.19)],
                [0.013, 0.013],
                rod,
            )
        )
    return patches + radiator(s)


def _curtain(dice: Dice, material: Material, x: float, y: float, top: float) -> Patch:
    """A hanging curtain 0.42 m wide in folds, wider apart at its foot."""
    columns, rows = 45, 5
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    phase = dice.between(0, 6)
    fold = 0.035 * np.sin(u * 6 * 2 * np.pi + phase + 0.8 * np.sin(v * 2 + phase)) * (1.15 - 0.4 * v)
    spread = (1.06 - 0.12 * v) * (u - 0.5) * 0.42
    vertices = np.stack([x + 0.21 + spread, y + fold + 0.01 * np.sin(3 * v), 0.03 + v * (top - 0.03)], axis=2)
    return grid_patch(vertices, material, two_sided=True)


def radiator(s: Shell) -> list[Patch]:
    """A ribbed radiator under the second window."""
    x0, z0, x1, _ = s.windows[1]
    paint = Material(kind=PLAIN, a=color("#dedad0"), seed=s.dice.seed())
    patches, x = list[Patch](), x0 + 0.08
    while x < x1 - 0.08:
        patches += cushion(
            (x, s.depth - 0.075, (z0 - 0.12 + 0.14) / 2), (0.052, 0.09, z0 - 0.30), 0.02, paint
        )
        x += 0.066
    for z in (0.2, z0 - 0.22):
        patches.append(
            tube([(x0 + 0.06, s.depth - 0.075, z), (x1 - 0.08, s.depth - 0.075, z)], [0.018, 0.018], paint)
        )
    return patches


def door(s: Shell) -> list[Patch]:
    """A panelled door in its frame, in the wall at y = 0."""
    leaf = Material(kind=DOOR, a=color(s.dice.pick(("#d5cebf", "#8fa08f", "#a9b3b8"))), seed=s.dice.seed())
    trim = timber(s.dice, ("#e6e0d4", "#d2cab9"), 1)
    metal = Material(kind=PLAIN, a=color("#9a8455"), seed=s.dice.seed(), style=1)
    x, patches = s.door_x, list[Patch]()
    patches.append(quad((x + 0.41, -0.02, 0.003), (-0.82, 0, 0), (0, 0, 2.007), leaf))
    patches.append(quad((x - 0.45, -0.15, 0.0), (0.9, 0, 0), (0, 0.15, 0), trim))
    for side in (-1, 1):
        patches += box((x + side * 0.47, 0.0, 1.04), (0.10, 0.05, 2.08), trim, skip="bs")
        patches += box((x + side * 0.43, -0.04, 1.02), (0.04, 0.08, 2.04), trim, skip="bs")
    patches += box((x, 0.0, 2.09), (1.04, 0.05, 0.10), trim, skip="s")
    patches += box((x, -0.04, 2.03), (0.9, 0.08, 0.04), trim, skip="s")
    patches += box((x - 0.34, -0.017, 1.03), (0.04, 0.006, 0.2), metal)
    handle = [
        (x - 0.34, -0.02, 1.06),
        (x - 0.34, 0.035, 1.06),
        (x - 0.33, 0.045, 1.06),
        (x - 0.22, 0.045, 1.06),
    ]
    patches.append(tube(handle, [0.009] * 4, metal))
    return patches
