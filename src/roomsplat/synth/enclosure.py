"""Plain enclosures: four walls with doorways and windows, floor, ceiling; and what belongs to their walls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from roomsplat.synth.dice import Dice
from roomsplat.synth.lighting import Lights
from roomsplat.synth.materials import DOOR, OUTDOORS, PLAIN, POSTER
from roomsplat.synth.patches import Material, Patch, box, color, lathe, place, quad, tube
from roomsplat.synth.seating import timber
from roomsplat.synth.shell import REVEAL, Rectangle, wall

Side = Literal["w", "e", "s", "n"]
"""Walls by where they stand: x = 0, x = width, y = 0, y = depth."""
DOORWAY = (0.92, 2.06)
"""Width and height in m."""
FACING: Mapping[Side, float] = {"s": 0.0, "n": np.pi, "w": -np.pi / 2, "e": np.pi / 2}
"""How a thing that faces +y is turned to stand with its back to a wall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """Where an enclosure is, how large, and which walls have holes. Metres."""

    width: float
    depth: float
    height: float
    x: float = 0.0
    y: float = 0.0
    doorways: Mapping[Side, float] = field(default_factory=dict[Side, float])
    """Open doorways: x of the middle (walls s and n) or y (w and e), from the enclosure's corner."""
    windows: tuple[Rectangle, ...] = ()
    """x0, z0, x1, z1 in the wall n."""

    def at(self, side: Side, along: float) -> tuple[float, float, float]:
        """x, y and turn of a thing that hangs or stands at a wall, ``along`` m from the enclosure's corner."""
        x = {"w": 0.0, "e": self.width}.get(side, along)
        y = {"s": 0.0, "n": self.depth}.get(side, along)
        return self.x + x, self.y + y, FACING[side]

    def surfaces(self, paint: Mapping[Side, Material], floor: Material, ceiling: Material) -> list[Patch]:
        """Walls with their holes, floor and ceiling."""
        w, d, h = self.width, self.depth, self.height
        wide, high = DOORWAY
        # Every wall runs to the right as one looks at it from outside: its own axis may run against x or y.
        runs: dict[Side, tuple[Sequence[float], Sequence[float], float, bool]] = {
            "w": ((0, 0, 0), (0, 1, 0), d, False), "e": ((w, d, 0), (0, -1, 0), d, True),
            "s": ((w, 0, 0), (-1, 0, 0), w, True), "n": ((0, d, 0), (1, 0, 0), w, False),
        }  # fmt: skip
        patches = list[Patch]()
        for side, (corner, along, length, backwards) in runs.items():
            holes = list(self.windows) if side == "n" else []
            if side in self.doorways:
                middle = self.doorways[side]
                middle = length - middle if backwards else middle
                holes.append((middle - wide / 2, 0.0, middle + wide / 2, high))
            patches += wall(corner, along, length, h, paint[side], holes)
        patches.append(quad((0, 0, 0), (w, 0, 0), (0, d, 0), floor))
        patches.append(quad((0, 0, h), (0, d, 0), (w, 0, 0), ceiling, detail=0.5))
        return place(patches, self.x, self.y)

    def skirting(self, material: Material) -> list[Patch]:
        """Boards at the foot of the walls, interrupted by doorways."""
        patches, gap = list[Patch](), DOORWAY[0] / 2
        for side in FACING:
            length = self.width if side in "sn" else self.depth
            middle = self.doorways.get(side)
            parts = [(0.0, length)] if middle is None else [(0.0, middle - gap), (middle + gap, length)]
            for start, end in parts:
                x, y, angle = self.at(side, (start + end) / 2)
                board = box((0, 0.008, 0.05), (end - start, 0.016, 0.10), material, skip="bs")
                patches += place(board, x, y, angle)
        return patches


def doorframe(dice: Dice, x: float, y: float, angle: float, thickness: float) -> list[Patch]:
    """The lining of an open doorway through a wall: jambs, head and sill, centred at (x, y)."""
    trim = timber(dice, ("#e6e0d4", "#d2cab9"), 1)
    wide, high = DOORWAY
    deep = thickness + 0.06
    patches = list[Patch]()
    for side in (-1, 1):
        patches += box((side * (wide / 2 + 0.01), 0, high / 2), (0.09, deep, high), trim, skip="b")
    patches += box((0, 0, high + 0.02), (wide + 0.11, deep, 0.1), trim)
    patches += box((0, 0, -0.005), (wide + 0.1, deep, 0.014), trim, skip="b")
    return place(patches, x, y, angle)


def closed_door(dice: Dice, paint: str) -> list[Patch]:
    """A panelled door in its frame, on a wall behind it, facing +y."""
    leaf = Material(kind=DOOR, a=color(paint), seed=dice.seed())
    trim = timber(dice, ("#e6e0d4", "#d2cab9"), 1)
    metal = Material(kind=PLAIN, a=color("#9a8455"), seed=dice.seed(), style=1)
    patches = [quad((0.41, 0.012, 0.003), (-0.82, 0, 0), (0, 0, 2.007), leaf)]
    for side in (-1, 1):
        patches += box((side * 0.46, 0.015, 1.04), (0.10, 0.03, 2.08), trim, skip="bs")
    patches += box((0, 0.015, 2.06), (1.02, 0.03, 0.10), trim, skip="s")
    handle = [(-0.34, 0.0, 1.06), (-0.34, 0.06, 1.06), (-0.33, 0.07, 1.06), (-0.22, 0.07, 1.06)]
    patches.append(tube(handle, [0.009] * 4, metal))
    return patches


def outlook(dice: Dice, middle: float, wall_y: float) -> list[Patch]:
    """What is seen through windows in the wall at ``wall_y``: ahead, to both sides and below, however aslant."""
    view = Material(kind=OUTDOORS, a=(1.0, 1.0, 1.0), seed=dice.seed(), glow=2.6)
    lawn = Material(kind=PLAIN, a=(0.10, 0.17, 0.05), seed=dice.seed(), glow=2.6)
    far: dict[str, Any] = {"detail": 0.1, "casts_shadow": False}
    return [
        quad((middle - 32, wall_y + 13, -5.0), (64, 0, 0), (0, 0, 22), view, **far),
        quad((middle - 32, wall_y + 0.3, -5.0), (0, 12.7, 0), (0, 0, 22), view, **far),
        quad((middle + 32, wall_y + 13, -5.0), (0, -12.7, 0), (0, 0, 22), view, **far),
        quad((middle - 32, wall_y + 0.3, -4.99), (64, 0, 0), (0, 12.7, 0), lawn, **far),
    ]


def window_panes(dice: Dice, room: Enclosure) -> list[Patch]:
    """Reveals and bars of the windows in the wall n."""
    white = timber(dice, ("#ece8df", "#dcd6c8"), 1)
    plain = Material(kind=PLAIN, a=color("#ddd6c8"), seed=dice.seed())
    d, patches = room.depth, list[Patch]()
    for x0, z0, x1, z1 in room.windows:
        w, h, y, bar = x1 - x0, z1 - z0, d + 0.13, 0.055
        patches += [
            quad((x0, d, z0), (0, REVEAL, 0), (0, 0, h), plain),
            quad((x1, d + REVEAL, z0), (0, -REVEAL, 0), (0, 0, h), plain),
            quad((x0, d, z1), (0, REVEAL, 0), (w, 0, 0), plain),
        ]
        patches += box((x0 + w / 2, d + REVEAL / 2 - 0.03, z0), (w + 0.08, REVEAL + 0.08, 0.034), white)
        for x in (x0 + bar / 2, (x0 + x1) / 2, x1 - bar / 2):
            patches += box((x, y, (z0 + z1) / 2), (bar, 0.05, h), white)
        for z in (z0 + bar / 2 + 0.01, z1 - bar / 2):
            patches += box(((x0 + x1) / 2, y, z), (w, 0.046, bar), white)
    return place(patches, room.x, room.y)


def hung_poster(dice: Dice, width: float = 0.5, height: float = 0.72) -> list[Patch]:
    """An unframed printed sheet, centred at the origin, facing +y."""
    first = dice.pick(("#b5523b", "#2f5e6b", "#4d5f4a", "#7d3f4e"))
    second = dice.pick(("#d6a545", "#2b3142", "#5e7b52"))
    sheet = Material(kind=POSTER, a=color(first), b=color(second), seed=dice.seed())
    return [quad((width / 2, 0.004, -height / 2), (-width, 0, 0), (0, 0, height), sheet)]


def ceiling_globe(dice: Dice, ceiling: float) -> list[Patch]:
    """A white globe under the ceiling, 0.3 m across; lit by the lamp inside."""
    glass = Material(kind=PLAIN, a=(1.0, 0.96, 0.9), seed=dice.seed(), glow=2.2)
    steps = np.linspace(-np.pi / 2, np.pi / 2, 9)
    profile = [(0.15 * float(np.cos(a)), ceiling - 0.2 + 0.15 * float(np.sin(a))) for a in steps]
    return [lathe((0, 0, 0), profile, glass, casts_shadow=False)]


def lights_of(rooms: Sequence[Enclosure], lamps: Sequence[tuple[float, float, float, float]]) -> Lights:
    """Daylight through all windows, and warm white lamps: x, y, z and strength (1.5 lights a room of 20 m²)."""
    windows = [
        [r.x + x0, r.y + r.depth + REVEAL, z0, x1 - x0, 0, 0, 0, 0, z1 - z0]
        for r in rooms
        for x0, z0, x1, z1 in r.windows
    ]
    shining = [[x, y, z, 0.08, s, 0.92 * s, 0.8 * s] for x, y, z, s in lamps]
    return Lights(
        windows=np.array(windows, np.float32).reshape(-1, 9),
        sky=np.array([2.6, 2.9, 3.3], np.float32),
        ground=np.array([0.75, 0.78, 0.55], np.float32),
        lamps=np.array(shining, np.float32).reshape(-1, 7),
        sun=np.array([0.35, 0.62, 0.70, 4.9, 4.4, 3.6], np.float32),
    )
