"""The photometric loss on the device: what ``loss.cu`` and ``colour.cu`` are given, and a loss that is read late."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.render.cuda.device import Array, Device, Kernel, Pending
from roomsplat.render.cuda.memory import Buffers
from roomsplat.render.cuda.targets import CudaTarget

THREADS, STRIP = 128, 108
"""As in ``loss.cu``: threads of a block and the columns whose gradient it writes."""
BLOCKS = 528
"""As many as an H200 holds at once, four on each of its 132 processors: all work begins together and ends together."""
FEWEST_ROWS = 38
"""A block that does less would spend more than a quarter of its time on the ten rows of its halo."""
CHAIN_THREADS, CHAIN_BLOCKS = 256, 1056
_ENTRIES = 15
"""Of a colour transform."""
_COLOUR = np.dtype([("m", np.float32, _ENTRIES)])


class CudaLoss:
    """See ``PhotometricLoss``; what the host reads is on its way when the loss is made."""

    __slots__ = ("_pending", "_ssim_weight", "grad_rgb")

    def __init__(self, grad_rgb: Array, pending: Pending, ssim_weight: float) -> None:
        """Args: ``pending``: the sums as ``loss.cu`` leaves them."""
        self.grad_rgb = grad_rgb
        self._pending = pending
        self._ssim_weight = ssim_weight

    @property
    def value(self) -> float:
        """The loss."""
        lost, difference, used = self._pending.value()[:3]
        total = self._ssim_weight * lost + (1 - self._ssim_weight) * difference
        return float(total) / max(3 * float(used), 1.0)

    @property
    def grad_colour(self) -> NDArray[np.float64] | None:
        """(3, 5), when there was a colour transform."""
        sums = self._pending.value()
        return sums[3:].reshape(3, 5) if len(sums) > 3 else None


class Comparer:
    """Runs the kernels; keeps its variants, its grids by the picture's size and its sums."""

    def __init__(self, device: Device, buffers: Buffers) -> None:
        """Args: where to run, and its scratch memory."""
        self._device, self._buffers = device, buffers
        self._kernels: dict[tuple[bool, bool], Kernel] = {}
        self._grids: dict[tuple[int, int], tuple[tuple[int, int, int], np.int32]] = {}
        self._sums = device.xp.zeros(3 + _ENTRIES, np.float64)
        self._ticket = device.xp.zeros(1, np.uint32)

    def compare(
        self, picture: Array, target: CudaTarget, *, ssim_weight: float, colour: NDArray[np.float32] | None
    ) -> CudaLoss:
        """``picture`` (3, h, w), C-contiguous float32; the loss's ``grad_rgb`` is valid until the next call."""
        height, width = target.height, target.width
        grid, rows = self._grid(width, height)
        gradient = self._buffers.get("loss_gradient", 3 * width * height)
        partials = self._buffers.get("loss_partials", 2 * grid[0] * grid[1] * grid[2], np.float64)
        masking: tuple[Any, ...] = () if target.mask is None else (target.mask, target.used)
        colouring = () if colour is None else (_packed(colour),)
        self._kernel(masked=target.mask is not None, coloured=colour is not None)(
            grid,
            (THREADS,),
            (
                picture, target.planes, *masking, *colouring, np.int32(width), np.int32(height), rows,
                np.float32(ssim_weight), gradient, partials, self._ticket, self._sums,
            ),
        )  # fmt: skip
        if colour is not None:
            self._chain(picture, width * height, gradient, *colouring)
        sums = self._sums[:3] if colour is None else self._sums
        return CudaLoss(gradient.reshape(3, height, width), self._device.fetch_later(sums), ssim_weight)

    def _chain(self, picture: Array, size: int, gradient: Array, colour: np.void) -> None:
        """Turn ``gradient`` into the render's, in place."""
        blocks = min(CHAIN_BLOCKS, -(-size // CHAIN_THREADS))
        partials = self._buffers.get("colour_partials", _ENTRIES * blocks, np.float64)
        self._device.kernel("colour.cu", "chain_colour")(
            (blocks,),
            (CHAIN_THREADS,),
            (picture, colour, np.int32(size), gradient, partials, self._ticket, self._sums[3:]),
        )

    def _kernel(self, *, masked: bool, coloured: bool) -> Kernel:
        kept = self._kernels.get((masked, coloured))
        if kept is None:
            kept = self._device.kernel("loss.cu", "photometric", MASKED=int(masked), COLOURED=int(coloured))
            self._kernels[masked, coloured] = kept
        return kept

    def _grid(self, width: int, height: int) -> tuple[tuple[int, int, int], np.int32]:
        """Strips of columns, strips of rows and channels; rows of a strip."""
        kept = self._grids.get((width, height))
        if kept is None:
            across = -(-width // STRIP)
            down = max(1, min(BLOCKS // (3 * across), height // FEWEST_ROWS))
            rows = -(-height // down)
            kept = (across, -(-height // rows), 3), np.int32(rows)
            self._grids[width, height] = kept
        return kept


def _packed(colour: NDArray[np.float32]) -> np.void:
    """A colour transform as ``loss.cu`` takes it, by value."""
    packed = np.zeros(1, _COLOUR)
    packed["m"] = np.asarray(colour, np.float32).ravel()
    return packed[0]
