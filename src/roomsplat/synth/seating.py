"""Sofas, armchairs, chairs and tables. Local axes: back at y = 0, front towards +y, feet at z = 0, centred in x."""

import math

from roomsplat.synth.dice import Dice
from roomsplat.synth.materials import BOOK_COVER, BOOK_PAGES, CERAMIC, FABRIC, PLAIN, WOOD
from roomsplat.synth.patches import Color, Material, Patch, box, color, cushion, lathe, place, quad, tube

FABRICS = ("#5b6d72", "#7a5c4a", "#8a8577", "#4d5f4a", "#59617d", "#96704b")
ACCENTS = ("#b5523b", "#d6a545", "#2f5e6b", "#c9bda4", "#7d3f4e", "#5e7b52")
WOODS = (("#a8774a", "#6e4526"), ("#7d5433", "#452c1a"), ("#c09a69", "#8d683f"))


def timber(dice: Dice, tone: tuple[str, str], style: int = 0) -> Material:
    """Wood of a tone, each piece with its own grain."""
    return Material(kind=WOOD, a=color(tone[0]), b=color(tone[1]), seed=dice.seed(), style=style)


def cloth(dice: Dice, a: Color, b: Color = (0.4, 0.35, 0.28), style: int = 0) -> Material:
    """Woven cloth."""
    return Material(kind=FABRIC, a=a, b=b, seed=dice.seed(), style=style)


def _pillow(dice: Dice, size: float) -> list[Patch]:
    """A thrown cushion standing on its edge, leaning back."""
    material = cloth(
        dice,
        color(dice.pick(ACCENTS)),
        color(dice.pick(("#e0d6c0", "#3a3a40", "#7b4a3a"))),
        1 + dice.whole(4),
    )
    patches = cushion((0, 0, 0), (size, 0.11, size), 0.05, material, bulge=0.035)
    lean, roll = dice.between(0.25, 0.45), dice.between(-0.15, 0.15)
    turned = list[Patch]()
    cos, sin, c, s = math.cos(lean), math.sin(lean), math.cos(roll), math.sin(roll)
    for patch in patches:
        for array in (patch.vertices, patch.normals):
            x, y, z = array[..., 0].copy(), array[..., 1].copy(), array[..., 2].copy()
            x, z = c * x - s * z, s * x + c * z
            array[..., 0], array[..., 1], array[..., 2] = x, cos * y - sin * z, sin * y + cos * z
        turned.append(patch)
    return turned


def sofa(dice: Dice, seats: int) -> list[Patch]:
    """An upholstered seat for ``seats`` people, 0.9 m deep, with loose cushions."""
    body, seat = cloth(dice, color(dice.pick(FABRICS))), 0.62
    width = seats * seat + 0.36
    patches = cushion((0, 0.47, 0.23), (width, 0.84, 0.22), 0.04, body, skip="b")
    for side in (-1, 1):
        patches += cushion((side * (width / 2 - 0.09), 0.45, 0.35), (0.2, 0.9, 0.46), 0.07, body, skip="b")
        for y in (0.1, 0.8):
            patches.append(
                tube(
                    [(side * (width / 2 - 0.12), y, 0.0), (side * (width / 2 - 0.12), y, 0.13)],
                    [0.016, 0.024],
                    timber(dice, WOODS[1]),
                )
            )
    patches += cushion((0, 0.12, 0.50), (width - 0.1, 0.22, 0.66), 0.08, body, skip="b")
    for i in range(seats):
        x = (i - (seats - 1) / 2) * seat
        patches += cushion((x, 0.57, 0.405), (seat - 0.012, 0.68, 0.16), 0.05, body, bulge=0.02, skip="b")
        patches += cushion((x, 0.29, 0.64), (seat - 0.015, 0.18, 0.42), 0.07, body, bulge=0.03)
    for i in range(seats):
        if seats == 1 or dice.between(0, 1) < 0.8:
            x = (i - (seats - 1) / 2) * seat + dice.between(-0.1, 0.1)
            patches += place(
                _pillow(dice, dice.between(0.36, 0.44)), x, 0.48, dice.between(-0.25, 0.25), 0.66
            )
    return patches


def throw(dice: Dice, x: float, y: float, z: float) -> list[Patch]:
    """A folded blanket."""
    material = cloth(dice, color(dice.pick(ACCENTS)), color("#e0d6c0"), 2)
    patches = list[Patch]()
    for i in range(3):
        patches += cushion((x, y, z + 0.02 + 0.036 * i), (0.46 - 0.01 * i, 0.34, 0.036), 0.017, material)
    return patches


def chair(dice: Dice, tone: tuple[str, str]) -> list[Patch]:
    """A wooden chair: 0.44 m wide and deep, seat at 0.46 m."""
    wood = timber(dice, tone)
    patches = cushion((0, 0.24, 0.45), (0.44, 0.44, 0.035), 0.012, wood)
    for side in (-1, 1):
        patches.append(tube([(side * 0.19, 0.43, 0), (side * 0.18, 0.41, 0.44)], [0.014, 0.021], wood))
        patches.append(
            tube(
                [(side * 0.2, 0.0, 0), (side * 0.18, 0.05, 0.44), (side * 0.18, 0.01, 0.92)],
                [0.014, 0.021, 0.016],
                wood,
            )
        )
        patches += box((side * 0.185, 0.23, 0.22), (0.02, 0.36, 0.025), wood)
    for z in (0.62, 0.74, 0.87):
        patches += cushion((0, 0.035 - 0.05 * (z - 0.5), z), (0.37, 0.022, 0.075), 0.01, wood)
    patches += cushion(
        (0, 0.25, 0.478),
        (0.38, 0.36, 0.035),
        0.016,
        cloth(dice, color(dice.pick(ACCENTS)), color("#e0d6c0"), dice.whole(5)),
        bulge=0.008,
        skip="b",
    )
    return patches


def table(dice: Dice, width: float, depth: float, height: float, tone: tuple[str, str]) -> list[Patch]:
    """A table with tapered legs; its back edge at y = 0."""
    wood = timber(dice, tone)
    patches = cushion((0, depth / 2, height - 0.018), (width, depth, 0.036), 0.012, wood)
    for x in (-1, 1):
        for y in (0.07, depth - 0.07):
            patches.append(
                tube(
                    [(x * (width / 2 - 0.07), y, 0), (x * (width / 2 - 0.08), y, height - 0.03)],
                    [0.018, 0.032],
                    wood,
                )
            )
        patches += box(
            (x * (width / 2 - 0.075), depth / 2, height - 0.075), (0.022, depth - 0.16, 0.075), wood
        )
    for y in (0.075, depth - 0.075):
        patches += box((0, y, height - 0.075), (width - 0.16, 0.022, 0.075), wood)
    return patches


def mug(dice: Dice, x: float, y: float, z: float) -> list[Patch]:
    """A mug with a handle and something in it."""
    glaze = Material(
        kind=CERAMIC,
        a=color(dice.pick(ACCENTS)),
        b=color("#efe6d2"),
        seed=dice.seed(),
        style=1 + dice.whole(2),
    )
    profile = [
        (0.0, 0.0),
        (0.034, 0.0),
        (0.039, 0.012),
        (0.041, 0.09),
        (0.037, 0.09),
        (0.036, 0.075),
        (0.0, 0.075),
    ]
    loop = [(0.038 + 0.026 * math.sin(a), 0, 0.048 - 0.028 * math.cos(a)) for a in (0.1, 0.8, 1.57, 2.3, 3.0)]
    return place(
        [lathe((0, 0, 0), profile, glaze, segments=18), tube(loop, [0.006] * 5, glaze, segments=6)],
        x,
        y,
        dice.between(0, 6.2),
        z,
    )


def lying_book(dice: Dice, size: tuple[float, float, float], base: float) -> list[Patch]:
    """A book that lies flat on z = ``base``, cover up, turned a little."""
    a, b = color(dice.pick(ACCENTS + FABRICS)), color(dice.pick(("#e8dcc0", "#2b2b33", "#d0a040")))
    cover = Material(kind=BOOK_COVER, a=a, b=b, seed=dice.seed())
    back = Material(kind=PLAIN, a=a, seed=dice.seed())
    pages = Material(kind=BOOK_PAGES, a=a, seed=dice.seed())
    width, depth, height = size
    patches = box((0, 0, height / 2), (width - 0.008, depth - 0.008, height - 0.004), pages, skip="bt")
    patches += box((-width / 2 + 0.002, 0, height / 2), (0.004, depth, height), back)
    patches.append(quad((-width / 2, -depth / 2, height), (width, 0, 0), (0, depth, 0), cover))
    patches += box((0, 0, height - 0.0015), (width, depth, 0.003), back, skip="t")
    return place(patches, 0, 0, dice.between(-0.5, 0.5), base)


def coffee_table(dice: Dice, tone: tuple[str, str]) -> list[Patch]:
    """A low table, 1.0 × 0.55 m, centred, with books, a bowl of fruit and a mug."""
    patches = place(table(dice, 1.0, 0.55, 0.42, tone), 0, -0.275)
    patches += box((0, 0, 0.17), (0.86, 0.42, 0.018), timber(dice, tone))
    base = 0.42
    for size in ((0.30, 0.22, 0.03), (0.25, 0.18, 0.024), (0.21, 0.15, 0.03)):
        patches += place(lying_book(dice, size, base), -0.26, 0.02)
        base += size[2]
    patches += place(lying_book(dice, (0.22, 0.29, 0.008), 0.42), 0.36, -0.06)
    patches += place(lying_book(dice, (0.28, 0.21, 0.04), 0.179), -0.15, 0.0)
    glaze = Material(kind=CERAMIC, a=color("#d8cdb4"), b=color("#3d6075"), seed=dice.seed(), style=1)
    bowl = [
        (0.0, 0.0),
        (0.06, 0.0),
        (0.065, 0.012),
        (0.12, 0.05),
        (0.15, 0.085),
        (0.143, 0.085),
        (0.11, 0.05),
        (0.0, 0.025),
    ]
    patches.append(lathe((0.10, 0.04, 0.42), bowl, glaze, segments=28))
    for i, tone_code in enumerate(("#c2572b", "#b8902c", "#8c2f22", "#c26a2b", "#7d8c35")):
        angle = 1.26 * i
        patches += _fruit(
            dice, 0.10 + 0.062 * math.cos(angle), 0.04 + 0.062 * math.sin(angle), 0.495, color(tone_code)
        )
    patches += _fruit(dice, 0.10, 0.04, 0.54, color("#b03a26"))
    return patches + mug(dice, 0.33, 0.17, 0.42)


def _fruit(dice: Dice, x: float, y: float, z: float, tone: Color) -> list[Patch]:
    radius = dice.between(0.036, 0.043)
    skin = Material(kind=CERAMIC, a=tone, b=tone, seed=dice.seed(), style=0)
    steps = [-1.5708 + 3.1416 * i / 8 for i in range(9)]
    profile = [(radius * math.cos(a), 0.92 * radius * math.sin(a)) for a in steps]
    return [lathe((x, y, z), profile, skin, segments=14)]
