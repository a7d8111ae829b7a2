"""Buffers that an engine keeps between steps: named, grown on demand, given back all at once."""

from typing import Any

import numpy as np

from roomsplat.render.cuda.device import Array, Device

GROWTH = 1.25
"""A small buffer that is too small is made this much larger than asked for, so that slow growth allocates rarely."""
SMALL_BYTES = 1 << 23
"""Larger ones are made as asked: who needs them to grow (``listing.py``) asks for more itself."""


class Buffers:
    """One engine's scratch memory; what a name holds is undefined until it is written."""

    def __init__(self, device: Device) -> None:
        """Args: ``device``: where the memory lies."""
        self._device = device
        self._kept: dict[str, Array] = {}

    def get(self, name: str, count: int, dtype: Any = np.float32) -> Array:
        """A flat array of ``count`` elements (one at least); the same memory as before if it fits."""
        count = max(count, 1)
        kept = self._kept.get(name)
        if kept is None or kept.size < count or kept.dtype != dtype:
            grown = kept is not None and count * np.dtype(dtype).itemsize < SMALL_BYTES
            self._kept.pop(name, None)
            kept = None  # give the old one back before the new one is asked for
            kept = self._device.xp.empty(int(count * GROWTH) if grown else count, dtype)
            self._kept[name] = kept
        return kept[:count]

    def release(self) -> None:
        """Forget all buffers: their memory is free as soon as nobody else holds them."""
        self._kept.clear()
