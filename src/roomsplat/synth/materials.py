"""The list of materials, and the one function that paints them all."""

# pyright: basic

from roomsplat.synth import building_materials as building
from roomsplat.synth import object_materials as objects
from roomsplat.synth import picture_materials as pictures
from roomsplat.synth.jit import inner

PLASTER, BRICK, PLANKS, WOOD, DOOR, WALLPAPER, FABRIC, RUG, BOOK_SPINE, BOOK_PAGES, BOOK_COVER = range(11)
LEAF, CERAMIC, PLAIN, SHADE, CARDBOARD, WICKER, PAINTING, POSTER, CLOCK, OUTDOORS = range(11, 21)


@inner
def reflectance(kind, s, t, width, height, seed, style, a, b):  # noqa: PLR0911 - one line per kind
    """Linear reflectance of material ``kind`` at (s, t) m on a surface of ``width`` × ``height`` m."""
    if kind == PLASTER:
        return building.plaster(s, t, width, height, seed, style, a, b)
    if kind == BRICK:
        return building.brick(s, t, width, height, seed, style, a, b)
    if kind == PLANKS:
        return building.planks(s, t, width, height, seed, style, a, b)
    if kind == WOOD:
        return building.wood(s, t, width, height, seed, style, a, b)
    if kind == DOOR:
        return building.panelled_door(s, t, width, height, seed, style, a, b)
    if kind == WALLPAPER:
        return building.wallpaper(s, t, width, height, seed, style, a, b)
    if kind == FABRIC:
        return objects.fabric(s, t, width, height, seed, style, a, b)
    if kind == RUG:
        return objects.rug(s, t, width, height, seed, style, a, b)
    if kind == BOOK_SPINE:
        return objects.book_spine(s, t, width, height, seed, style, a, b)
    if kind == BOOK_PAGES:
        return objects.book_pages(s, t, width, height, seed, style, a, b)
    if kind == BOOK_COVER:
        return objects.book_cover(s, t, width, height, seed, style, a, b)
    if kind == LEAF:
        return objects.leaf(s, t, width, height, seed, style, a, b)
    if kind == CERAMIC:
        return objects.ceramic(s, t, width, height, seed, style, a, b)
    if kind == SHADE:
        return objects.shade(s, t, width, height, seed, style, a, b)
    if kind == CARDBOARD:
        return objects.cardboard(s, t, width, height, seed, style, a, b)
    if kind == WICKER:
        return objects.wicker(s, t, width, height, seed, style, a, b)
    if kind == PAINTING:
        return pictures.painting(s, t, width, height, seed, style, a, b)
    if kind == POSTER:
        return pictures.poster(s, t, width, height, seed, style, a, b)
    if kind == CLOCK:
        return pictures.clock_face(s, t, width, height, seed, style, a, b)
    if kind == OUTDOORS:
        return pictures.outdoors(s, t, width, height, seed, style, a, b)
    return objects.plain(s, t, width, height, seed, style, a, b)
