"""Masks: which pixels of a training picture count."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from roomsplat.media.images import read_image

Mask = NDArray[np.bool_]


def read_mask(path: Path) -> Mask:
    """(h, w), True where the pixel counts (any value but 0).

    Raises:
        InvalidFileError: the file is no picture that Pillow can read.
    """
    return read_image(path).max(axis=2) > 0


def shrink_mask(mask: Mask, width: int, height: int) -> Mask:
    """At another size; a pixel counts only if every pixel that it covers does, so that nothing masked leaks in."""
    if mask.shape == (height, width):
        return mask
    grown = Image.fromarray(mask.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BOX)
    return np.asarray(grown) == 255
