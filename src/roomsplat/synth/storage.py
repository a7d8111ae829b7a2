"""Shelves, cabinets and what stands on them. Local axes as in ``seating``."""

import math
from dataclasses import replace

import numpy as np

from roomsplat.synth.dice import Dice
from roomsplat.synth.materials import (
    BOOK_PAGES,
    BOOK_SPINE,
    CARDBOARD,
    CERAMIC,
    LEAF,
    PAINTING,
    PLAIN,
    SHADE,
    WICKER,
)
from roomsplat.synth.patches import (
    Color,
    Material,
    Patch,
    box,
    color,
    cushion,
    grid_patch,
    lathe,
    place,
    quad,
    tube,
)
from roomsplat.synth.seating import ACCENTS, FABRICS, cloth, lying_book, timber

SPINES = (
    "#7d2a26",
    "#2c4a63",
    "#3f5a3a",
    "#caa74d",
    "#d9cfb8",
    "#22262b",
    "#8a5a2e",
    "#5d3a5e",
    "#b5633a",
    "#3d6f73",
    "#9a8f7a",
)
VASES = (
    [
        (0.0, 0.0),
        (0.05, 0.0),
        (0.085, 0.06),
        (0.095, 0.13),
        (0.07, 0.21),
        (0.035, 0.26),
        (0.03, 0.30),
        (0.045, 0.33),
        (0.036, 0.33),
        (0.0, 0.27),
    ],
    [
        (0.0, 0.0),
        (0.06, 0.0),
        (0.066, 0.03),
        (0.06, 0.12),
        (0.075, 0.20),
        (0.08, 0.24),
        (0.07, 0.24),
        (0.0, 0.18),
    ],
    [
        (0.0, 0.0),
        (0.04, 0.0),
        (0.07, 0.03),
        (0.1, 0.09),
        (0.085, 0.15),
        (0.05, 0.175),
        (0.055, 0.19),
        (0.045, 0.19),
        (0.0, 0.16),
    ],
)


def vase(dice: Dice, scale: float) -> list[Patch]:
    """A glazed vase, about 0.3 m · ``scale`` high."""
    glaze = Material(
        kind=CERAMIC,
        a=color(dice.pick((*ACCENTS, "#e3dccb"))),
        b=color(dice.pick(("#efe6d2", "#2c4a63", "#40302a"))),
        seed=dice.seed(),
        style=dice.whole(4),
    )
    return [lathe((0, 0, 0), [(r * scale, h * scale) for r, h in dice.pick(VASES)], glaze)]


def _book(dice: Dice, x: float, size: tuple[float, float, float], lean: float) -> list[Patch]:
    """A standing book whose spine faces +y at y = 0; ``size`` is thickness, depth, height."""
    thick, depth, high = size
    a, b = color(dice.pick(SPINES)), color(dice.pick(("#e8dcc0", "#d0a040", "#23252b", "#b0472f")))
    seed = dice.seed()
    spine = Material(kind=BOOK_SPINE, a=a, b=b, seed=seed)
    side = Material(kind=PLAIN, a=a, seed=seed)
    patches = [quad((thick / 2, 0, 0), (-thick, 0, 0), (0, 0, high), spine)]
    patches += box((0, -depth / 2, high / 2), (thick, depth, high), side, skip="nstb", detail=0.4)
    patches.append(
        quad(
            (-thick / 2, -depth, high - 0.004),
            (thick, 0, 0),
            (0, depth, 0),
            Material(kind=BOOK_PAGES, a=a, seed=seed),
        )
    )
    turn = np.array([[math.cos(lean), 0, math.sin(lean)], [0, 1, 0], [-math.sin(lean), 0, math.cos(lean)]])
    shift = np.array([x, 0, max(0.0, thick / 2 * math.sin(abs(lean)))])
    return [replace(p, vertices=p.vertices @ turn.T + shift, normals=p.normals @ turn.T) for p in patches]


def row_of_books(dice: Dice, width: float, height: float) -> list[Patch]:
    """Books side by side from x = 0 to about ``width``, under ``height``; some lie, some lean, some space is left."""
    patches, x = list[Patch](), 0.0
    while x < width - 0.06:
        chance = dice.between(0, 1)
        if chance < 0.06 and width - x > 0.34:
            base = 0.0
            for _ in range(2 + dice.whole(3)):
                thick = dice.between(0.02, 0.04)
                patches += place(
                    lying_book(dice, (0.15, dice.between(0.19, 0.22), thick), base), x + 0.12, -0.12
                )
                base += thick
            x += 0.27
        elif chance < 0.12 and width - x > 0.3:
            patches += place(vase(dice, min(0.7, height / 0.42)), x + 0.11, -0.11)
            x += 0.23
        elif chance < 0.16:
            x += dice.between(0.04, 0.12)
        else:
            thick, tall = dice.between(0.016, 0.052), dice.between(0.62, 0.93) * height
            lean = dice.between(0.05, 0.13) if dice.between(0, 1) < 0.07 else 0.0
            patches += place(
                _book(dice, 0.0, (thick, dice.between(0.13, 0.19), tall), lean),
                x + thick / 2 + tall * lean / 2,
                -dice.between(0.0, 0.02),
            )
            x += thick + 0.0015 + tall * lean
    return patches


def bookcase(dice: Dice, width: float, height: float, tone: tuple[str, str]) -> list[Patch]:
    """An open case 0.3 m deep, its boards filled with books and things."""
    wood = timber(dice, tone)
    depth, board, shelves = 0.3, 0.024, 5
    patches = box((0, 0.008, height / 2), (width, 0.012, height), timber(dice, tone), skip="s")
    for side in (-1, 1):
        patches += box((side * (width - board) / 2, depth / 2, height / 2), (board, depth, height), wood)
    gap = (height - 0.08 - board) / shelves
    for i in range(shelves + 1):
        z = 0.08 + i * gap
        patches += box((0, depth / 2, z), (width - 2 * board, depth - 0.004, board), timber(dice, tone))
        if i < shelves:
            for half in (0, 1):
                books = row_of_books(dice, width / 2 - 1.5 * board, gap - 0.05)
                start = -width / 2 + board + 0.004 + half * (width / 2 - 0.5 * board)
                patches += place(books, start, depth - 0.03, 0.0, z + board / 2)
    patches += box((0, depth / 2, height / 2 + 0.04), (board, depth - 0.006, height - 0.1), wood, skip="bt")
    patches += box((0, depth - 0.02, 0.04), (width - 2 * board, 0.02, 0.08), wood)
    patches += place(vase(dice, 0.9), -width * 0.3, 0.15, 0.0, height)
    return patches + place(basket(dice, 0.16, 0.2), width * 0.28, 0.15, 0.0, height)


def sideboard(dice: Dice, width: float, tone: tuple[str, str]) -> list[Patch]:
    """A low cabinet 0.42 m deep and 0.78 m high with doors and knobs, things on top."""
    wood, high, depth = timber(dice, tone), 0.78, 0.42
    patches = box((0, depth / 2, 0.45), (width, depth - 0.03, 0.62), wood, skip="b")
    patches += cushion(
        (0, depth / 2, high - 0.015), (width + 0.03, depth + 0.01, 0.03), 0.01, timber(dice, tone)
    )
    doors = max(2, round(width / 0.45))
    brass = Material(kind=PLAIN, a=color("#b08d4f"), seed=dice.seed())
    for i in range(doors):
        x, wide = (i - (doors - 1) / 2) * (width - 0.04) / doors, (width - 0.04) / doors - 0.008
        patches += box((x, depth - 0.012, 0.45), (wide, 0.02, 0.58), timber(dice, tone), skip="s")
        knob = lathe(
            (0, 0, 0),
            [(0.008, 0.0), (0.008, 0.012), (0.016, 0.018), (0.014, 0.03), (0.0, 0.032)],
            brass,
            segments=12,
        )
        turned = replace(
            knob,
            vertices=knob.vertices[..., [0, 2, 1]] * [-1, 1, 1],
            normals=knob.normals[..., [0, 2, 1]] * [-1, 1, 1],
        )
        patches += place([turned], x + (wide / 2 - 0.05) * (1 if i % 2 == 0 else -1), depth - 0.002, 0.0, 0.5)
    for x in (-1, 1):
        for y in (0.06, depth - 0.06):
            patches.append(
                tube([(x * (width / 2 - 0.1), y, 0), (x * (width / 2 - 0.12), y, 0.15)], [0.014, 0.024], wood)
            )
    patches += place(vase(dice, 1.05), -width * 0.36, 0.2, 0.0, high)
    patches += place(standing_photo(dice, 0.2, 0.26), -width * 0.12, 0.16, dice.between(-0.2, 0.2), high)
    patches += place(standing_photo(dice, 0.16, 0.13), width * 0.06, 0.24, dice.between(-0.4, 0.1), high)
    base = high
    for thick in (0.035, 0.03, 0.028):
        patches += place(lying_book(dice, (0.24, 0.17, thick), base), width * 0.22, 0.2)
        base += thick
    return patches


def standing_photo(dice: Dice, width: float, height: float) -> list[Patch]:
    """A framed photograph that leans on its stand, facing +y."""
    parts = framed_picture(dice, width, height, 5 if dice.between(0, 1) < 0.5 else 0)
    lean = 0.175
    turn = np.array([[1, 0, 0], [0, math.cos(lean), -math.sin(lean)], [0, math.sin(lean), math.cos(lean)]])
    return [
        replace(p, vertices=(p.vertices + np.array([0, 0, height / 2])) @ turn.T, normals=p.normals @ turn.T)
        for p in parts
    ]


def framed_picture(dice: Dice, width: float, height: float, style: int) -> list[Patch]:
    """A picture that faces +y, centred at the origin, its back at y = 0."""
    a, b = color(dice.pick(ACCENTS + FABRICS)), color(dice.pick(ACCENTS))
    wood = timber(
        dice, (("#3a2a20", "#1d1612"), ("#b08d4f", "#7d6030"), ("#ddd6c8", "#c4bba8"))[dice.whole(3)]
    )
    bar = 0.018 + 0.025 * min(width, height)
    patches = [
        quad(
            (width / 2, 0.012, -height / 2),
            (-width, 0, 0),
            (0, 0, height),
            Material(kind=PAINTING, a=a, b=b, seed=dice.seed(), style=style),
            detail=1.3,
        )
    ]
    for side in (-1, 1):
        patches += box((0, 0.014, side * (height + bar) / 2), (width + 2 * bar, 0.028, bar), wood, skip="s")
        patches += box((side * (width + bar) / 2, 0.0135, 0), (bar, 0.027, height), wood, skip="sbt")
    return patches


def floor_lamp(dice: Dice) -> list[Patch]:
    """A lamp on a pole; its bulb is at (0, 0, 1.5)."""
    metal = Material(kind=PLAIN, a=color("#4a4038"), seed=dice.seed(), style=0)
    glow = Material(kind=SHADE, a=(1.0, 0.70, 0.38), seed=dice.seed(), glow=2.8)
    patches = [lathe((0, 0, 0), [(0.0, 0.03), (0.02, 0.03), (0.13, 0.018), (0.14, 0.0)][::-1], metal)]
    patches.append(tube([(0, 0, 0.02), (0, 0, 1.45)], [0.013, 0.011], metal))
    patches.append(
        lathe(
            (0, 0, 0),
            [(0.22, 1.34), (0.215, 1.36), (0.15, 1.66)],
            glow,
            segments=32,
            two_sided=True,
            casts_shadow=False,
        )
    )
    return patches


def pendant_lamp(dice: Dice, ceiling: float) -> list[Patch]:
    """A lamp that hangs on a cord 0.55 m below ``ceiling``."""
    metal = Material(kind=PLAIN, a=color("#39342f"), seed=dice.seed())
    shade = Material(kind=WICKER, a=color("#c79a5e"), b=color("#8d6437"), seed=dice.seed())
    profile = [
        (0.24, ceiling - 0.60),
        (0.22, ceiling - 0.50),
        (0.14, ceiling - 0.40),
        (0.05, ceiling - 0.36),
        (0.0, ceiling - 0.355),
    ]
    patches = [lathe((0, 0, 0), profile, shade, segments=36, two_sided=True)]
    patches.append(tube([(0, 0, ceiling - 0.36), (0, 0, ceiling)], [0.006, 0.006], metal, segments=6))
    patches.append(lathe((0, 0, 0), [(0.06, ceiling - 0.03), (0.05, ceiling)], metal))
    return patches


def plant(dice: Dice, height: float) -> list[Patch]:
    """A plant with broad leaves in a pot, ``height`` m in all."""
    pot_high, radius = 0.24 * height + 0.06, 0.13 * height + 0.06
    pot = Material(
        kind=CERAMIC,
        a=color(dice.pick(("#b5643f", "#d5cbb8", "#4a5a5e"))),
        b=color("#e8dcc0"),
        seed=dice.seed(),
        style=1 + dice.whole(3),
    )
    earth = Material(kind=CERAMIC, a=color("#3d2b1e"), b=color("#221610"), seed=dice.seed())
    profile = [
        (0.0, 0.0),
        (0.7 * radius, 0.0),
        (radius, pot_high),
        (radius * 1.06, pot_high),
        (radius * 1.06, pot_high + 0.02),
        (radius * 0.93, pot_high + 0.02),
        (radius * 0.9, pot_high - 0.02),
    ]
    patches = [
        lathe((0, 0, 0), profile, pot),
        lathe((0, 0, 0), [(radius * 0.92, pot_high - 0.015), (0.0, pot_high)], earth),
    ]
    green = Material(kind=PLAIN, a=color("#5d6e34"), seed=dice.seed())
    for i in range(15):
        angle, rise = 2.4 * i + dice.between(-0.3, 0.3), dice.between(0.45, 1.0)
        reach = (0.14 + 0.24 * (1.15 - rise)) * height
        top = pot_high + (height - pot_high) * rise * 0.82
        cos, sin = math.cos(angle), math.sin(angle)
        stem = [(0.02 * cos, 0.02 * sin, pot_high - 0.02)]
        bends = [(reach * k**1.7, pot_high + (top - pot_high) * k) for k in (0.35, 0.7, 1.0)]
        stem += [(out * cos, out * sin, z) for out, z in bends]
        patches.append(tube(stem, [0.007, 0.006, 0.005, 0.004], green, segments=6))
        patches.append(
            _leaf(dice, stem[-1], angle + dice.between(-0.3, 0.3), dice.between(0.22, 0.32) * height**0.5)
        )
    return patches


def _leaf(dice: Dice, base: tuple[float, float, float], angle: float, length: float) -> Patch:
    """A bent leaf that starts at ``base`` and points outwards."""
    material = Material(
        kind=LEAF, a=color(dice.pick(("#3e6b2f", "#4c7a36", "#2f5a33"))), b=color("#8fae5a"), seed=dice.seed()
    )
    tilt, droop = dice.between(0.1, 0.8), dice.between(0.8, 1.5)
    vertices, x, z = np.zeros((8, 5, 3)), 0.0, 0.0
    for row in range(8):
        k = row / 7
        half = 0.30 * length * (math.sin(math.pi * min(k**0.8, 0.999)) ** 0.9 + 0.02)
        pitch = tilt - droop * k
        across = np.linspace(-half, half, 5)
        vertices[row, :, 0] = x - 0.4 * np.abs(across) * math.sin(pitch)
        vertices[row, :, 1] = -across
        vertices[row, :, 2] = z + 0.4 * np.abs(across) * math.cos(pitch)
        x, z = x + length / 7 * math.cos(pitch), z + length / 7 * math.sin(pitch)
    patch = grid_patch(vertices, material, two_sided=True)
    return place([patch], base[0], base[1], angle, base[2])[0]


def basket(dice: Dice, radius: float, height: float) -> list[Patch]:
    """A wicker basket with a rim."""
    reed = Material(kind=WICKER, a=color("#b98d55"), b=color("#7d5730"), seed=dice.seed())
    profile = [
        (0.0, 0.0),
        (radius * 0.85, 0.0),
        (radius, height * 0.6),
        (radius * 0.95, height),
        (radius * 0.88, height),
        (radius * 0.9, height * 0.5),
        (0.0, height * 0.45),
    ]
    return [lathe((0, 0, 0), profile, reed, segments=28)]


def cardboard_boxes(dice: Dice) -> list[Patch]:
    """Two parcels, one on the other."""
    patches, base = list[Patch](), 0.0
    for size in ((0.46, 0.36, 0.30), (0.34, 0.28, 0.22)):
        material = Material(kind=CARDBOARD, a=color("#b08a5c"), seed=dice.seed())
        patches += place(
            box((0, 0, size[2] / 2), size, material, skip="b", origin=(0.0, 0.0)),
            dice.between(-0.03, 0.03),
            0,
            dice.between(-0.4, 0.4),
            base,
        )
        base += size[2]
    return patches


def pouffe(dice: Dice, tone: Color) -> list[Patch]:
    """A round footstool, 0.5 m across."""
    profile = [
        (0.20, 0.0),
        (0.25, 0.06),
        (0.27, 0.18),
        (0.25, 0.32),
        (0.19, 0.39),
        (0.08, 0.41),
        (0.0, 0.405),
    ]
    return [lathe((0, 0, 0), profile, cloth(dice, tone, color("#e0d6c0"), 1), segments=32)]
