"""A training picture in 8 bits, and its SSIM moments for as long as there is room to keep them."""

import weakref
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from roomsplat.render.cpu.memory import aligned_zeros
from roomsplat.render.cpu.similarity import padded_width

Float = NDArray[np.float32]
Bytes = NDArray[np.uint8]
SLACK = 64
"""Bytes behind the last pixel that a vector load may touch."""


@dataclass(slots=True, kw_only=True, weakref_slot=True, eq=False)
class CpuTarget:
    """See ``Target``."""

    width: int
    """In px."""
    height: int
    """In px."""
    planes: Bytes
    """Flat planes, red, green, blue, and SLACK."""
    mask: Bytes
    """Flat, 255 inside and 0 outside, and SLACK; empty without a mask."""
    num_used: int
    """Pixels inside the mask."""
    moments: tuple[Float, Float] | None = None
    """Filtered target and filtered square, (3 · height · padded width,) each, from the first loss on; ``None``: not
    compared yet, or computed at each use. A target that is only reduced to smaller ones never needs any."""

    @property
    def pixels(self) -> Bytes:
        """(h, w, 3), a view."""
        size = 3 * self.height * self.width
        return self.planes[:size].reshape(3, self.height, self.width).transpose(1, 2, 0)

    @property
    def used(self) -> NDArray[np.bool_] | None:
        """(h, w), True where a pixel counts; ``None``: all do."""
        if not self.mask.size:
            return None
        return self.mask[: self.height * self.width].reshape(self.height, self.width) > 0


class MomentBudget:
    """Counts the bytes of kept moments. 24 bytes a pixel: 60 pictures of 640×480 take 0.44 GB, of 1920×1080 3 GB."""

    def __init__(self, limit: int) -> None:
        """Args: ``limit``: bytes."""
        self.limit = limit
        self.used = 0

    def reserve(self, width: int, height: int) -> tuple[Float, Float] | None:
        """Two arrays for a picture's moments, or ``None`` when they would not fit."""
        floats = 3 * height * padded_width(width)
        if self.used + 8 * floats > self.limit:
            return None
        self.used += 8 * floats
        return aligned_zeros(floats), aligned_zeros(floats)

    def release_with(self, target: CpuTarget) -> None:
        """Give the bytes back when the target is collected."""
        if target.moments is not None:
            weakref.finalize(target, self._release, sum(m.nbytes for m in target.moments))

    def _release(self, size: int) -> None:
        self.used -= size


def planes_of(image: Bytes) -> Bytes:
    """(h, w, 3) to flat planes with slack."""
    planes = aligned_zeros(image.size + SLACK, np.uint8)
    planes[: image.size] = np.ascontiguousarray(image.transpose(2, 0, 1)).ravel()
    return planes


def mask_bytes(mask: NDArray[np.bool_] | None) -> Bytes:
    """(h, w) to flat bytes with slack, empty when everything is used."""
    if mask is None or bool(mask.all()):
        return np.zeros(0, np.uint8)
    flat = aligned_zeros(mask.size + SLACK, np.uint8)
    flat[: mask.size] = mask.ravel() * np.uint8(255)
    return flat


def hide_pixels(target: CpuTarget, shown: NDArray[np.bool_]) -> CpuTarget:
    """The same picture with fewer pixels that count. It shares the pixels, and the moments if they are there."""
    used = shown if target.used is None else shown & target.used
    return replace(target, mask=mask_bytes(used), num_used=int(used.sum()))
