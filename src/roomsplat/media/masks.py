"""Masks: which pixels of a picture count. Where a user gave some, every stage keeps them beside its pictures.

A picture ``images/NAME`` has its mask in ``masks/NAME.png``, COLMAP's convention (``ImageReader.mask_path``).
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from roomsplat.media.images import read_image, warp_image, write_image

Mask = NDArray[np.bool_]
MASKS = "masks"
_WHITE = 255


def place_of_mask(picture: Path) -> Path:
    """Where the mask of a stage's picture lies, if it has one."""
    return picture.parent.parent / MASKS / f"{picture.name}.png"


def mask_of(picture: Path) -> Path | None:
    """The mask of a stage's picture, ``None`` if it has none: all of it counts."""
    path = place_of_mask(picture)
    return path if path.is_file() else None


def read_mask(path: Path) -> Mask:
    """(h, w), True where the pixel counts (any value but 0).

    Raises:
        InvalidFileError: the file is no picture that Pillow can read.
    """
    return read_image(path).max(axis=2) > 0


def write_mask(path: Path, mask: Mask) -> None:
    """Write (h, w) as black and white, PNG.

    Raises:
        OutputError: the file cannot be written.
    """
    path.parent.mkdir(exist_ok=True)
    write_image(path, np.repeat(mask.astype(np.uint8)[..., None] * np.uint8(_WHITE), 3, axis=2))


def warp_mask(mask: Mask, source_grid: NDArray[np.floating]) -> Mask:
    """As ``warp_image`` warps the picture; a pixel counts where more than half of what it is made of does."""
    grey = np.repeat(mask.astype(np.uint8)[..., None] * np.uint8(_WHITE), 3, axis=2)
    return warp_image(grey, source_grid)[..., 0] > _WHITE // 2


def shrink_mask(mask: Mask, width: int, height: int) -> Mask:
    """At another size; a pixel counts only if every pixel that it covers does, so that nothing masked leaks in."""
    if mask.shape == (height, width):
        return mask
    grown = Image.fromarray(mask.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BOX)
    return np.asarray(grown) == 255
