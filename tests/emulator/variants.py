"""Every set of defines that the engine compiles a source with: what is compiled for every GPU, and run here."""

from collections.abc import Iterator
from itertools import product

from roomsplat.render.cuda.layout import PIXELS, TILE_HEIGHT
from roomsplat.render.cuda.slopes import BATCH
from roomsplat.render.cuda.sorting import ITEMS_FEW, ITEMS_MANY

Defines = dict[str, int]
EITHER = (0, 1)

CHOICES: dict[str, dict[str, tuple[int, ...]]] = {
    "blend.cu": {"PIXELS": (PIXELS,), "WITH_DEPTH": EITHER},
    "blend_backward.cu": {
        "PIXELS": (PIXELS,),
        "BATCH": (BATCH,),
        "COLLECT": EITHER,
        "WITH_ALPHA": EITHER,
        "WITH_DEPTH": EITHER,
    },
    "colour.cu": {},
    "gather.cu": {},
    "loss.cu": {"MASKED": EITHER, "COLOURED": EITHER},
    "pictures.cu": {"ACROSS": EITHER},
    "camera.cu": {},
    "project.cu": {"DEGREE": (0, 1, 2, 3)},
    "sort.cu": {"ITEMS": (ITEMS_FEW, ITEMS_MANY)},
    "tiles.cu": {"TILE_HEIGHT": (TILE_HEIGHT,)},
    "update.cu": {"DEGREE": (0, 1, 2, 3), "ADAM": EITHER, "COLLECT": EITHER, "CAMERA": EITHER},
}


def is_used(file: str, defines: Defines) -> bool:
    """Combinations that the engine never asks for: plain gradients come with the pose and without statistics."""
    plain_gradients = file == "update.cu" and not defines["ADAM"]
    return not plain_gradients or (bool(defines["CAMERA"]) and not defines["COLLECT"])


def variants(file: str) -> Iterator[Defines]:
    """All sets of defines of one source.

    Raises:
        KeyError: the source is not listed above.
    """
    choices = CHOICES[file]
    for values in product(*choices.values()):
        defines = dict(zip(choices, values, strict=True))
        if is_used(file, defines):
            yield defines
