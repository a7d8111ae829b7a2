"""The training pictures at the sizes that a run needs, within a memory budget."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.images import PosedImages
from roomsplat.errors import InvalidFileError
from roomsplat.media.images import read_image, reduced_size, resize_image
from roomsplat.render.base import Engine, Target
from roomsplat.media.masks import Mask, read_mask, shrink_mask

RGB8 = NDArray[np.uint8]
_BYTES_PER_PIXEL = 4
"""Three channels of 8 bits and a mask. What an engine derives from a target (SSIM moments) it budgets by itself."""


class Pictures:
    """Pictures as 8-bit arrays and as an engine's targets; both are kept until the budget is full, then made anew.

    What is kept stays: every picture is shown once per pass, so throwing out the oldest would never hit.
    """

    def __init__(self, engine: Engine, posed: PosedImages, *, max_side: int | None, budget_mb: int) -> None:
        """``max_side``: longer side in px of the largest size, ``None`` for the pictures' own.

        ``budget_mb``: megabytes for both kinds, half each.
        """
        self._engine, self._posed = engine, posed
        self.width, self.height = reduced_size(posed.cameras.width, posed.cameras.height, max_side)
        self._budget = budget_mb * 500_000
        self._images: dict[int, tuple[RGB8, Mask | None]] = {}
        self._targets: dict[int, Target] = {}
        self._level = 1

    def size(self, divisor: int) -> tuple[int, int]:
        """(width, height) in px of level ``divisor``."""
        return max(1, round(self.width / divisor)), max(1, round(self.height / divisor))

    def camera(self, index: int, divisor: int = 1) -> PinholeCamera:
        """The camera of picture ``index`` at level ``divisor``."""
        return self._posed.cameras.pinhole(index).resized(*self.size(divisor))

    def image(self, index: int, divisor: int = 1) -> RGB8:
        """(h, w, 3) of picture ``index`` at level ``divisor``."""
        return resize_image(self._full(index)[0], *self.size(divisor))

    def mask(self, index: int) -> Mask | None:
        """(h, w) of picture ``index`` at full size, True where a pixel counts; ``None``: all do."""
        return self._full(index)[1]

    def target(self, index: int, divisor: int = 1) -> Target:
        """Picture ``index`` at level ``divisor`` as the engine keeps it."""
        if divisor != self._level:
            self._targets.clear()
            self._level = divisor
        kept = self._targets.get(index)
        if kept is not None:
            return kept
        mask = self._full(index)[1]
        shrunk = None if mask is None else shrink_mask(mask, *self.size(divisor))
        target = self._engine.prepare_target(self.image(index, divisor), shrunk)
        if (len(self._targets) + 1) * target.width * target.height * _BYTES_PER_PIXEL <= self._budget:
            self._targets[index] = target
        return target

    def _full(self, index: int) -> tuple[RGB8, Mask | None]:
        kept = self._images.get(index)
        if kept is not None:
            return kept
        made = self._read(index)
        if (len(self._images) + 1) * self.width * self.height * _BYTES_PER_PIXEL <= self._budget:
            self._images[index] = made
        return made

    def _read(self, index: int) -> tuple[RGB8, Mask | None]:
        path, mask_path = self._posed.image_paths[index], self._posed.mask_paths[index]
        image, mask = read_image(path), None if mask_path is None else read_mask(mask_path)
        wanted = (self._posed.cameras.height, self._posed.cameras.width)
        for name, shape in ((path, image.shape[:2]), (mask_path, None if mask is None else mask.shape)):
            if shape is not None and shape != wanted:
                raise InvalidFileError(
                    f"{name} is {shape[1]}x{shape[0]} px, but its camera has {wanted[1]}x{wanted[0]}.",
                    hint="Use the undistorted pictures that the cameras were solved for.",
                )
        shrunk = None if mask is None else shrink_mask(mask, self.width, self.height)
        return resize_image(image, self.width, self.height), shrunk
