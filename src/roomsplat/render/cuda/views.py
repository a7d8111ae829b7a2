"""A camera and the settings of a picture, packed as the kernels take them: one struct, passed by value."""

from typing import Any

import numpy as np

from roomsplat.core.cameras import PinholeCamera
from roomsplat.render.base import RenderSettings
from roomsplat.render.view_array import SIZE, view_array

VIEW = np.dtype([("values", np.float32, (SIZE,))])
"""``View`` of ``prelude.cuh``."""
_MOST = 4096
"""Views that are kept; a training run shows a few hundred, at three sizes."""


class Views:
    """Packs each view once: packing takes 30 µs, a tenth of a coarse training step."""

    def __init__(self) -> None:
        """Nothing is packed yet."""
        self._kept: dict[tuple[int, RenderSettings], tuple[PinholeCamera, Any]] = {}

    def packed(self, camera: PinholeCamera, settings: RenderSettings) -> Any:
        """The struct, as a structured NumPy scalar."""
        key = id(camera), settings
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            # The camera is kept too, so that no other one gets its id.
            kept = camera, view_array(camera, settings).view(VIEW)[0]
            self._kept[key] = kept
        return kept[1]
