"""The training pictures as the engine's targets, at the sizes that a run needs, within a memory budget."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.images import PosedImages
from roomsplat.media.images import reduced_size
from roomsplat.media.masks import Mask
from roomsplat.render.base import Array, Engine, Target
from roomsplat.train.host import on_host
from roomsplat.train.reading import RGB8, PictureFiles, ReadAhead

_BYTES_PER_PIXEL = 3
"""Eight bits a channel; a mask takes one more. What an engine derives from a target it budgets by itself."""
_FULL_SHARE = 0.8
"""Of the budget for full size, the rest for the current coarse level: half the width and height are a quarter."""


class Pictures:
    """Pictures as an engine's targets, kept in its memory until the budget is full, then read again at each use.

    A picture goes to the engine once, at full size; coarse levels are made there. What is kept stays: every picture is
    shown once per pass, so throwing out the oldest would never hit.
    """

    def __init__(self, engine: Engine, posed: PosedImages, *, max_side: int | None, budget_mb: int) -> None:
        """``max_side``: longer side in px of the largest size, ``None`` for the pictures' own.

        ``budget_mb``: megabytes for full size and one coarse level together.
        """
        self._engine, self._posed = engine, posed
        self.width, self.height = reduced_size(posed.cameras.width, posed.cameras.height, max_side)
        self._files = PictureFiles(posed=posed, width=self.width, height=self.height)
        self._ahead = ReadAhead(self._files.read)
        self._cameras: dict[tuple[int, int], PinholeCamera] = {}
        self._full = _Kept(budget_mb * 1e6 * _FULL_SHARE)
        self._reduced = _Kept(budget_mb * 1e6 * (1 - _FULL_SHARE))
        self._level = 1
        self._shown: dict[int, NDArray[np.bool_]] = {}
        self._masked: dict[tuple[int, int], Target] = {}

    def size(self, divisor: int) -> tuple[int, int]:
        """(width, height) in px of level ``divisor``."""
        return max(1, round(self.width / divisor)), max(1, round(self.height / divisor))

    def camera(self, index: int, divisor: int = 1) -> PinholeCamera:
        """The camera of picture ``index`` at level ``divisor``; the same object each time."""
        camera = self._cameras.get((index, divisor))
        if camera is None:
            camera = self._posed.cameras.pinhole(index).resized(*self.size(divisor))
            self._cameras[index, divisor] = camera
        return camera

    def expect(self, indices: Iterable[int]) -> None:
        """Say which pictures will be asked for next, in which order: those not kept are read ahead."""
        known = self._full.targets.keys() | self._reduced.targets.keys()
        self._ahead.expect(index for index in indices if index not in known)

    def hide(self, index: int, hidden: NDArray[np.bool_]) -> None:
        """Let blocks of picture ``index`` count no more: ``hidden`` (rows, columns) covers the picture evenly.

        Anew each time: what was hidden before and is not now counts again. The pixels of its own mask never count.
        """
        for key in [key for key in self._masked if key[0] == index]:
            del self._masked[key]
        self._shown.pop(index, None)
        if hidden.any():
            self._shown[index] = ~hidden

    def target(self, index: int, divisor: int = 1, *, whole: bool = False) -> Target:
        """Picture ``index`` at level ``divisor`` as the engine keeps it; ``whole``: whatever ``hide`` was told.

        Raises:
            InvalidFileError: its file or its mask's is unreadable or has not its camera's size.
        """
        if whole or index not in self._shown:
            return self._given(index, divisor)
        masked = self._masked.get((index, divisor))
        if masked is None:
            given, shown = self._given(index, divisor), self._engine.xp.asarray(self._shown[index])
            masked = self._engine.hide_pixels(
                given, spread(self._engine.xp, shown, given.width, given.height)
            )
            if index in self._full.targets:  # else it was too much to keep, and so is this
                self._masked = {key: one for key, one in self._masked.items() if key[1] == divisor}
                self._masked[index, divisor] = masked
        return masked

    def _given(self, index: int, divisor: int) -> Target:
        """Without what ``hide`` was told."""
        if divisor != self._level:
            self._reduced.clear()
            self._level = divisor
        if divisor == 1:
            return self._full_target(index)[0]
        kept = self._reduced.targets.get(index)
        if kept is not None:
            return kept[0]
        full, depth = self._full_target(index)
        made = self._engine.reduce_target(full, *self.size(divisor))
        self._reduced.offer(index, made, depth)
        return made

    def image(self, index: int, divisor: int = 1) -> RGB8:
        """(h, w, 3) of picture ``index`` at level ``divisor``, on the host."""
        return np.ascontiguousarray(on_host(self.target(index, divisor).pixels))

    def mask(self, index: int) -> Mask | None:
        """(h, w) of picture ``index`` at full size, from its file, True where a pixel counts; ``None``: all do."""
        return self._files.read_mask(index)

    def close(self) -> None:
        """Read nothing ahead any more."""
        self._ahead.close()

    def _full_target(self, index: int) -> tuple[Target, int]:
        """At full size, and its bytes a pixel."""
        kept = self._full.targets.get(index)
        if kept is not None:
            return kept
        image, mask = self._ahead.get(index)
        target = self._engine.prepare_target(image, mask)
        depth = _BYTES_PER_PIXEL + (mask is not None)
        self._full.offer(index, target, depth)
        return target, depth


def spread(xp: Any, blocks: Array, width: int, height: int) -> Array:
    """(height, width) of (rows, columns): each pixel's block."""
    rows, columns = blocks.shape
    return blocks[xp.arange(height) * rows // height][:, xp.arange(width) * columns // width]


class _Kept:
    """Targets and their bytes a pixel, as many as fit."""

    def __init__(self, limit: float) -> None:
        self._limit, self._used = limit, 0
        self.targets: dict[int, tuple[Target, int]] = {}

    def offer(self, index: int, target: Target, depth: int) -> None:
        size = target.width * target.height * depth
        if self._used + size <= self._limit:
            self._used += size
            self.targets[index] = target, depth

    def clear(self) -> None:
        self.targets.clear()
        self._used = 0
