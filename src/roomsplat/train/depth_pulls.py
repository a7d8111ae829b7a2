"""What pulls on the rendered depth beside the pictures: flat surfaces (``flatness``) and sparse points (``anchors``).

Neither can be put into an engine's fused step, so every fourth picture is drawn with its depth and pulled four times as
strongly: at every step the second output and its backward pass cost half a step of the CPU engine.
"""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.render.base import Array, Engine, Rendering
from roomsplat.train.anchors import Anchors, anchor_slopes
from roomsplat.train.config import RegulariseConfig
from roomsplat.train.flatness import flatness_slopes

EVERY = 4
"""Steps from one pull to the next, which is as much stronger."""


class DepthPulls:
    """The pulls of one run."""

    def __init__(
        self, config: RegulariseConfig, engine: Engine, positions: NDArray[np.float32], extent: float
    ) -> None:
        """``positions`` (n, 3) of the sparse points; ``extent`` of the scene in world units."""
        self._flatness, self._anchoring = EVERY * config.flatness, EVERY * config.anchors
        self._xp, self._extent = engine.xp, extent
        self._anchors = Anchors(engine.xp, positions)

    def is_due(self, step: int) -> bool:
        """Whether the picture of ``step`` is to be drawn with its depth."""
        return step % EVERY == 0 and (self._flatness > 0 or self._anchoring > 0)

    def slopes(
        self, place: int, camera: PinholeCamera, rendering: Rendering, pixels: Array
    ) -> tuple[Array, Array]:
        """dL/d(alpha) and dL/d(depth), (h, w) each, of training picture ``place`` with its ``pixels`` (h, w, 3).

        ``camera``: as structure from motion gave it, also where poses are learned: that is how the points were placed,
        and a resumed run asks the same.
        """
        xp, alpha, depth = self._xp, rendering.alpha, rendering.depth
        pulls = list[tuple[Array, Array]]()
        if self._flatness > 0:
            pulls.append(flatness_slopes(xp, alpha, depth, pixels, self._extent, self._flatness))
        if self._anchoring > 0:
            pulls.append(anchor_slopes(xp, alpha, depth, *self._anchors.seen(place, camera), self._anchoring))
        (by_alpha, by_depth), *others = (
            pulls  # one alone is not added to zeros: 33 MB of photographs of 2 Mpx
        )
        for one in others:
            by_alpha, by_depth = by_alpha + one[0], by_depth + one[1]
        return by_alpha, by_depth
