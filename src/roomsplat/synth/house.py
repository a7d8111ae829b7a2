"""A house of eight furnished rooms in two rows of four, and a way through all of them back to the first."""

import math

import numpy as np
from numpy.typing import NDArray

from roomsplat.synth.dice import Dice
from roomsplat.synth.enclosure import (
    Enclosure,
    Side,
    ceiling_globe,
    doorframe,
    lights_of,
    outlook,
    window_panes,
)
from roomsplat.synth.materials import BRICK, PLANKS, PLASTER, RUG, WALLPAPER
from roomsplat.synth.patches import Material, Patch, color, place, quad
from roomsplat.synth.room import Room
from roomsplat.synth.route import Route, route_along
from roomsplat.synth.seating import WOODS, coffee_table, sofa, table, timber
from roomsplat.synth.storage import (
    basket,
    bookcase,
    cardboard_boxes,
    floor_lamp,
    framed_picture,
    plant,
    pouffe,
    sideboard,
)

COLUMNS, WIDTH, DEPTH, HEIGHT, THICKNESS = 4, 4.8, 4.4, 2.5, 0.14
HALF_WALK = (1.15, 1.0)
"""Half axes of the walk around the middle of a room, m."""
ORDER = ((0, 0), (1, 0), (2, 0), (3, 0), (3, 1), (2, 1), (1, 1), (0, 1))
"""Column and row of the rooms as they are walked through; from the last a doorway leads back to the first."""
STEP = 0.3


def house(seed: int) -> Room:
    """The design; rooms of the upper row have windows."""
    dice = Dice(seed)
    rooms = [_outline(number) for number in range(len(ORDER))]
    patches, lamps = list[Patch](), list[tuple[float, float, float, float]]()
    for number, outline in enumerate(rooms):
        patches += _furnished(dice, outline)
        x, y = outline.x + WIDTH / 2, outline.y + DEPTH / 2
        patches += place(ceiling_globe(dice, HEIGHT), x, y)
        lamps.append((x, y, HEIGHT - 0.3, 1.6))
        door_x, door_y = _between(number)
        turned = abs(ORDER[number][0] - ORDER[(number + 1) % len(ORDER)][0]) == 1
        patches += doorframe(dice, door_x, door_y, math.pi / 2 if turned else 0.0, THICKNESS)
    size = (COLUMNS * (WIDTH + THICKNESS), 2 * (DEPTH + THICKNESS), HEIGHT)
    patches += outlook(dice, size[0] / 2, rooms[-1].y + DEPTH)
    return Room(
        patches=tuple(patches),
        lights=lights_of(rooms, lamps),
        size=size,
        walk=(size[0] / 2, size[1] / 2, 1, 1),
    )


def _corner(number: int) -> tuple[float, float]:
    column, row = ORDER[number % len(ORDER)]
    return column * (WIDTH + THICKNESS), row * (DEPTH + THICKNESS)


def _between(number: int) -> tuple[float, float]:
    """The middle of the doorway from a room to the next."""
    x, y = _corner(number)
    next_x, next_y = _corner(number + 1)
    return (x + next_x + WIDTH) / 2, (y + next_y + DEPTH) / 2


def _side_of(number: int, other: int) -> Side:
    """The wall of a room that its doorway to another is in."""
    column, row = ORDER[number % len(ORDER)]
    to_column, to_row = ORDER[other % len(ORDER)]
    across: Side = "n" if to_row > row else "s"
    along: Side = "e" if to_column > column else "w"
    return across if to_row != row else along


def _outline(number: int) -> Enclosure:
    x, y = _corner(number)
    middle: dict[Side, float] = {"w": DEPTH / 2, "e": DEPTH / 2, "s": WIDTH / 2, "n": WIDTH / 2}
    sides: list[Side] = [_side_of(number, number - 1 + len(ORDER)), _side_of(number, number + 1)]
    windows = ((0.7, 0.9, 1.9, 2.1), (2.9, 0.9, 4.1, 2.1)) if ORDER[number][1] == 1 else ()
    return Enclosure(
        x=x, y=y, width=WIDTH, depth=DEPTH, height=HEIGHT, doorways={side: middle[side] for side in sides},
        windows=windows,
    )  # fmt: skip


def _furnished(dice: Dice, outline: Enclosure) -> list[Patch]:
    tint = dice.pick(("#d9cfbd", "#cfd3c6", "#d8c8b4", "#c9ced2", "#d6c3bd"))
    plaster = Material(kind=PLASTER, a=color(tint), b=color("#b9ab94"), seed=dice.seed())
    paper = Material(
        kind=WALLPAPER, a=color("#d9d2bb"), b=color(dice.pick(("#56745a", "#4c6a82", "#8a5a48"))), seed=dice.seed()
    )  # fmt: skip
    bricks = Material(
        kind=BRICK, a=color("#8a5140"), b=color("#6a4638"), seed=dice.seed(), style=dice.whole(2)
    )
    feature = dice.pick((paper, bricks, plaster))
    paint: dict[Side, Material] = {"w": plaster, "e": feature, "s": plaster, "n": plaster}
    boards = Material(
        kind=PLANKS, a=color(dice.pick(("#b58a5a", "#a87b4c", "#c2a077"))), b=color("#7a5231"), seed=dice.seed()
    )  # fmt: skip
    white = Material(kind=PLASTER, a=color("#e3ded2"), b=color("#d2cab8"), seed=dice.seed())
    patches = outline.surfaces(paint, boards, white)
    patches += outline.skirting(timber(dice, ("#e6e0d4", "#d2cab9"), 1))
    if outline.windows:
        patches += window_panes(dice, outline)
    rug = Material(
        kind=RUG, a=color(dice.pick(("#8c2f28", "#2f4a6b", "#6b4a2f"))), b=color("#c7963f"), seed=dice.seed()
    )  # fmt: skip
    x, y = outline.x + WIDTH / 2, outline.y + DEPTH / 2
    patches.append(quad((x - 0.9, y - 0.6, 0.008), (1.8, 0, 0), (0, 1.2, 0), rug))
    patches += place(coffee_table(dice, dice.pick(WOODS)), x, y, dice.between(0, 3))
    return patches + _at_walls(dice, outline) + _in_corners(dice, outline)


def _at_walls(dice: Dice, outline: Enclosure) -> list[Patch]:
    """A large piece at every wall that has no doorway, a picture over it or, at a door, beside it."""
    patches = list[Patch]()
    sides: list[Side] = ["w", "e", "s", "n"]
    for side in sides:
        length = WIDTH if side in "sn" else DEPTH
        x, y, angle = outline.at(side, length / 2)
        beside = 0.85 if dice.whole(2) else length - 0.85
        if side in outline.doorways:
            picture = framed_picture(dice, dice.between(0.4, 0.6), dice.between(0.4, 0.6), dice.whole(6))
            patches += place(picture, *outline.at(side, beside), 1.55)
            continue
        tone, kind = dice.pick(WOODS), dice.whole(4)
        if kind == 0:
            patches += place(sofa(dice, 2), x, y, angle)
        elif kind == 1:
            patches += place(sideboard(dice, 1.4, tone), x, y, angle)
        elif kind == 2 and not (side == "n" and outline.windows):
            patches += place(bookcase(dice, 1.4, 1.9, tone), x, y, angle)
        else:
            patches += place(table(dice, 1.2, 0.5, 0.74, tone), x, y, angle)
        if kind != 2 and not (side == "n" and outline.windows):
            picture = framed_picture(dice, dice.between(0.6, 1.0), dice.between(0.4, 0.7), dice.whole(6))
            patches += place(picture, x, y, angle, 1.6)
    return patches


def _in_corners(dice: Dice, outline: Enclosure) -> list[Patch]:
    patches = list[Patch]()
    for across in (0.35, WIDTH - 0.35):
        for along in (0.35, DEPTH - 0.35):
            makers = (
                lambda: plant(dice, dice.between(0.8, 1.4)),
                lambda: floor_lamp(dice),
                lambda: cardboard_boxes(dice),
                lambda: basket(dice, 0.2, 0.35),
                lambda: pouffe(dice, color(dice.pick(("#a65f3f", "#2f5e6b", "#7d3f4e")))),
            )
            patches += place(dice.pick(makers)(), outline.x + across, outline.y + along, dice.between(0, 6))
    return patches


def house_route(duration_s: float, seed: int) -> Route:
    """Through every room: in by one doorway, once around its middle with the gaze across, out by the other."""
    places, gazes = list[NDArray[np.float64]](), list[NDArray[np.float64]]()
    for number in range(len(ORDER)):
        x, y = _corner(number)
        middle = np.array([x + WIDTH / 2, y + DEPTH / 2])
        enter, leave = np.array(_between(number - 1 + len(ORDER))), np.array(_between(number))
        start, end = (math.atan2(*((p - middle) / HALF_WALK)[::-1]) for p in (enter, leave))
        turn = (end - start) % (2 * math.pi) + 2 * math.pi  # once around, and on to the way out
        angles = np.linspace(start, start + turn, round(turn * sum(HALF_WALK) / 2 / STEP))
        ring = middle + np.stack([HALF_WALK[0] * np.cos(angles), HALF_WALK[1] * np.sin(angles)], axis=1)
        places += [enter[None], (enter[None] + ring[:1]) / 2, ring, (leave[None] + ring[-1:]) / 2]
        # Across the room at first; over the last two fifths of the round the gaze turns through the way ahead to the
        # doorway, so that nobody spins on the spot.
        turning = np.clip((np.linspace(0, 1, len(angles)) - 0.6) / 0.4, 0, 1)
        gaze_angle = angles + math.pi * (1 - turning**2 * (3 - 2 * turning))
        across = np.stack([np.cos(gaze_angle), np.sin(gaze_angle)], axis=1)
        gazes += [(middle - enter)[None], (middle - enter)[None], across, (leave - middle)[None]]
    path, gaze = np.concatenate(places), np.concatenate(gazes)
    gaze /= np.linalg.norm(gaze, axis=1, keepdims=True)
    wave = 0.12 * np.sin(np.arange(len(path)) * 0.7) - 0.15
    return route_along(path, gaze, duration_s, seed, pitch=wave)
