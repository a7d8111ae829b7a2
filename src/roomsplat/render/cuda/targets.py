"""Training pictures on the device, in 8 bits: taken in once at full size, made smaller there."""

from dataclasses import dataclass

import numpy as np

from roomsplat.render.cuda.device import Array, Device, Kernel
from roomsplat.render.cuda.resampling import BOX, LANCZOS, Window, window_table

FILE = "pictures.cu"
THREADS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaTarget:
    """See ``Target``. Three bytes a pixel, four with a mask."""

    width: int
    """In px."""
    height: int
    """In px."""
    planes: Array
    """(3, h, w) uint8: the loss reads one channel at a time."""
    mask: Array | None
    """(h, w) uint8, 255 where a pixel counts and 0 elsewhere; ``None``: all count."""
    used: Array | None
    """(1,) int32: how many pixels the mask leaves; on the device, so that nobody waits for it."""

    @property
    def pixels(self) -> Array:
        """(h, w, 3), a view."""
        return self.planes.transpose(1, 2, 0)


class Targets:
    """Makes targets; keeps the tables of the sizes that it has made."""

    def __init__(self, device: Device) -> None:
        """Args: ``device``: where they lie."""
        self._device = device
        self._kernels: dict[bool, Kernel] = {}
        self._tables: dict[tuple[Window, int, int], tuple[Array, Array]] = {}

    def prepare(self, image: Array, mask: Array | None) -> CudaTarget:
        """(h, w, 3) uint8 and (h, w) bool, of the host or the device."""
        xp = self._device.xp
        planes = xp.ascontiguousarray(xp.asarray(image, np.uint8).transpose(2, 0, 1))
        if mask is None or bool(mask.all()):
            return self._target(planes, None)
        return self._target(planes, xp.asarray(mask).astype(np.uint8) * np.uint8(255))

    def reduce(self, target: CudaTarget, width: int, height: int) -> CudaTarget:
        """At another size in px: the same numbers as Pillow's Lanczos gives, without a look at the host.

        A pixel counts only if every pixel that it covers does, as ``train/masks.py`` has it.
        """
        if (target.width, target.height) == (width, height):
            return target
        mask = None
        if target.mask is not None:
            covered = self._resampled(target.mask[None], BOX, width, height)[0]
            mask = covered // np.uint8(255) * np.uint8(255)
        return self._target(self._resampled(target.planes, LANCZOS, width, height), mask)

    def hide(self, target: CudaTarget, shown: Array) -> CudaTarget:
        """With only those pixels that ``shown``, (h, w) bool, leaves; the pixels themselves are shared."""
        mask = shown.astype(np.uint8) * np.uint8(255)
        return self._target(target.planes, mask if target.mask is None else mask & target.mask)

    def _target(self, planes: Array, mask: Array | None) -> CudaTarget:
        _, height, width = planes.shape
        used = None if mask is None else (mask != 0).sum(dtype=np.int32, keepdims=True).reshape(1)
        return CudaTarget(width=width, height=height, planes=planes, mask=mask, used=used)

    def _resampled(self, planes: Array, window: Window, width: int, height: int) -> Array:
        """Across first, then down, in 8 bits in between, as Pillow does."""
        _, old_height, old_width = planes.shape
        if width != old_width:
            planes = self._pass(planes, window, width, across=True)
        if height != old_height:
            planes = self._pass(planes, window, height, across=False)
        return planes

    def _pass(self, planes: Array, window: Window, length: int, *, across: bool) -> Array:
        """Along one axis."""
        channels, height, width = planes.shape
        firsts, weights = self._table(window, width if across else height, length)
        shape = (channels, height, length) if across else (channels, length, width)
        out = self._device.xp.empty(shape, np.uint8)
        self._kernel(across=across)(
            (-(-shape[2] // THREADS), shape[1], channels),
            (THREADS,),
            (
                planes, firsts, weights, np.int32(weights.shape[1]), np.int32(width), np.int32(height),
                np.int32(shape[2]), out,
            ),
        )  # fmt: skip
        return out

    def _kernel(self, *, across: bool) -> Kernel:
        if across not in self._kernels:
            self._kernels[across] = self._device.kernel(FILE, "resample", ACROSS=int(across))
        return self._kernels[across]

    def _table(self, window: Window, old: int, new: int) -> tuple[Array, Array]:
        """On the device."""
        if (window, old, new) not in self._tables:
            firsts, weights = window_table(window, old, new)
            asarray = self._device.xp.asarray
            self._tables[window, old, new] = asarray(firsts), asarray(weights)
        return self._tables[window, old, new]
