"""Rooms that are hard on structure from motion: little to hold on to, a long way, the same thing over again."""

from roomsplat.synth.dice import Dice
from roomsplat.synth.enclosure import (
    Enclosure,
    Side,
    ceiling_globe,
    closed_door,
    hung_poster,
    lights_of,
    outlook,
    window_panes,
)
from roomsplat.synth.materials import PLAIN, PLANKS, POSTER
from roomsplat.synth.patches import Material, Patch, color, place, quad
from roomsplat.synth.room import Room
from roomsplat.synth.seating import WOODS, chair, mug, table, timber
from roomsplat.synth.storage import bookcase, cardboard_boxes, framed_picture, plant, pouffe

WHITE = "#d8d4cb"


def _even(dice: Dice, paint: str) -> Material:
    return Material(kind=PLAIN, a=color(paint), seed=dice.seed(), style=2)


def _room(outline: Enclosure, patches: list[Patch], lamps: list[tuple[float, float, float, float]]) -> Room:
    return Room(
        patches=tuple(patches),
        lights=lights_of([outline], lamps),
        size=(outline.width, outline.depth, outline.height),
        walk=(outline.width / 2, outline.depth / 2, outline.width / 4, outline.depth / 4),
    )


def bare_room(seed: int) -> Room:
    """Even walls and floor, one window, a door, six posters, two things on the floor: 4.4 × 3.8 m."""
    dice = Dice(seed)
    outline = Enclosure(width=4.4, depth=3.8, height=2.5, windows=((1.5, 0.9, 2.8, 2.1),))
    paint = _even(dice, WHITE)
    walls: dict[Side, Material] = {"w": paint, "e": paint, "s": paint, "n": paint}
    patches = outline.surfaces(walls, _even(dice, "#8d8578"), _even(dice, "#e3ded2"))
    patches += outline.skirting(timber(dice, ("#e6e0d4", "#d2cab9"), 1)) + window_panes(dice, outline)
    patches += outlook(dice, outline.width / 2, outline.depth)
    hung: list[tuple[Side, float, float]] = [
        ("w", 1.0, 1.5), ("w", 2.7, 1.35), ("e", 0.8, 1.4), ("e", 2.4, 1.55), ("s", 1.1, 1.45), ("n", 3.6, 1.45),
    ]  # fmt: skip
    for side, along, z in hung:
        patches += place(hung_poster(dice), *outline.at(side, along), z)
    patches += place(closed_door(dice, "#d5cebf"), *outline.at("s", 3.0))
    patches += place(chair(dice, WOODS[1]), 0.5, 3.2, -2.2)
    patches += place(cardboard_boxes(dice), 4.0, 3.3, 0.4)
    return _room(outline, patches, [(2.2, 1.9, 2.2, 0.8)])


def corridor(seed: int) -> Room:
    """15 × 1.9 m, the same door eleven times, a few pictures, a window in the long wall near one end."""
    dice = Dice(seed)
    outline = Enclosure(width=15.0, depth=1.9, height=2.5, windows=((12.6, 0.9, 14.0, 2.1),))
    paint = _even(dice, WHITE)
    walls: dict[Side, Material] = {"w": paint, "e": paint, "s": paint, "n": paint}
    boards = Material(kind=PLANKS, a=color("#a87b4c"), b=color("#7a5231"), seed=dice.seed())
    patches = outline.surfaces(walls, boards, _even(dice, "#e3ded2"))
    patches += outline.skirting(timber(dice, ("#e6e0d4", "#d2cab9"), 1)) + window_panes(dice, outline)
    patches += outlook(dice, outline.width / 2, outline.depth)
    same = dice.seed()
    sides: list[tuple[Side, list[float]]] = [
        ("s", [1.6 + 2.4 * i for i in range(6)]),
        ("n", [2.8 + 2.4 * i for i in range(4)]),
        ("e", [0.95]),
    ]
    for side, places in sides:
        for along in places:
            patches += place(closed_door(Dice(same), "#8fa08f"), *outline.at(side, along))
    hung: list[tuple[Side, float]] = [("s", 2.8), ("n", 4.0), ("s", 7.6), ("n", 8.8), ("s", 12.4)]
    for side, along in hung:
        patches += place(framed_picture(dice, 0.5, 0.4, dice.whole(6)), *outline.at(side, along), 1.55)
    patches += place(framed_picture(dice, 0.9, 0.6, 0), *outline.at("w", 0.95), 1.5)
    patches += place(plant(dice, 1.1), 11.8, 1.62) + place(cardboard_boxes(dice), 5.2, 0.3, 0.3)
    patches += place(chair(dice, WOODS[2]), 0.4, 1.55, -1.2) + place(plant(dice, 0.9), 14.6, 0.35)
    lamps = [(1.9 + 3.7 * i, 0.95, 2.2, 0.75) for i in range(4)]
    for x, y, _, _ in lamps:
        patches += place(ceiling_globe(dice, 2.5), x, y)
    return _room(outline, patches, lamps)


def classroom(seed: int) -> Room:
    """8.2 × 6.4 m: twelve desks with chair, screen and mug that cannot be told apart; five of the same poster."""
    dice = Dice(seed)
    outline = Enclosure(
        width=8.2, depth=6.4, height=2.8, windows=((0.9, 0.9, 2.3, 2.2), (3.4, 0.9, 4.8, 2.2), (5.9, 0.9, 7.3, 2.2))
    )  # fmt: skip
    paint = _even(dice, WHITE)
    walls: dict[Side, Material] = {"w": paint, "e": paint, "s": paint, "n": paint}
    patches = outline.surfaces(walls, _even(dice, "#7f8a86"), _even(dice, "#e3ded2"))
    patches += outline.skirting(timber(dice, ("#e6e0d4", "#d2cab9"), 1)) + window_panes(dice, outline)
    patches += outlook(dice, outline.width / 2, outline.depth)
    same = dice.seed()
    for row in range(3):
        for column in range(4):
            patches += place(_desk(Dice(same)), 1.9 + 1.45 * column, 1.5 + 1.5 * row)
    for along in (1.2, 2.5, 3.8, 5.1, 6.4):
        patches += place(hung_poster(Dice(same + 1), 0.7, 0.95), *outline.at("s", along), 1.5)
    patches += place(closed_door(dice, "#8fa08f"), *outline.at("s", 7.5))
    patches += place(bookcase(dice, 1.4, 1.9, WOODS[0]), *outline.at("e", 3.2))
    board = Material(kind=POSTER, a=color("#2b3142"), b=color("#8d3b2f"), seed=dice.seed())
    patches += place([quad((1.2, 0.01, -0.6), (-2.4, 0, 0), (0, 0, 1.2), board)], *outline.at("w", 3.2), 1.5)
    patches += place(plant(dice, 1.4), 7.8, 6.0) + place(pouffe(dice, color("#a65f3f")), 7.7, 0.7)
    lamps = [(x, y, 2.4, 1.2) for x in (2.2, 6.0) for y in (1.8, 4.6)]
    for x, y, _, _ in lamps:
        patches += place(ceiling_globe(dice, 2.8), x, y)
    return _room(outline, patches, lamps)


def _desk(dice: Dice) -> list[Patch]:
    """A desk that faces −y, its chair, a screen and a mug on it."""
    patches = place(table(dice, 1.1, 0.55, 0.74, WOODS[0]), 0, 0)
    patches += place(chair(dice, WOODS[0]), 0.05, -0.62)
    screen = Material(kind=POSTER, a=color("#2f5e6b"), b=color("#b5523b"), seed=dice.seed())
    back = Material(kind=PLAIN, a=color("#3a3c40"), seed=dice.seed())
    patches.append(quad((-0.27, 0.38, 0.80), (0.54, 0, 0), (0, 0.02, 0.32), screen))
    patches.append(quad((0.27, 0.385, 0.80), (-0.54, 0, 0), (0, 0.02, 0.32), back))
    patches.append(quad((-0.1, 0.3, 0.742), (0.2, 0, 0), (0, 0.16, 0), back))
    return patches + mug(dice, 0.38, 0.2, 0.74)
