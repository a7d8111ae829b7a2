"""From the picture's gradient to the sums of every pair of Gaussian and tile: the backward of blending."""

import numpy as np

from roomsplat.render.cuda.device import Array, Device, Kernel
from roomsplat.render.cuda.drawing import CudaRendering
from roomsplat.render.cuda.layout import PIXELS
from roomsplat.render.cuda.memory import Buffers

SUMS = 12
"""Floats of a pair's slot, see ``prelude.cuh``."""
WARPS = 2
"""Tiles of a block of ``blend_backward.cu``."""
BATCH = 8
"""Gaussians that a warp takes at a time (412 µs on fox; with 16, and half as many warps at once, 449)."""
Variant = tuple[bool, bool, bool]


class PairSlopes:
    """Runs ``blend_backward.cu``; keeps its variants and the slots."""

    def __init__(self, device: Device, buffers: Buffers) -> None:
        """Args: where to run, and its scratch memory."""
        self._device, self._buffers = device, buffers
        self._kernels: dict[Variant, Kernel] = {}

    def fill(
        self,
        rendering: CudaRendering,
        grad_rgb: Array,
        grad_alpha: Array | None = None,
        grad_depth: Array | None = None,
        *,
        absolutes: bool,
    ) -> Array:
        """The slots, (pairs, 12) in the order in which the pairs were emitted; valid until the next call.

        Args: ``rendering`` with the gradients of its pictures, C-contiguous float32; ``absolutes``: also the sums of
        absolute screen gradients.
        """
        height, width = rendering.camera.height, rendering.camera.width
        assert grad_rgb.shape == (3, height, width), "the gradient has not the picture's size"
        assert grad_depth is None or rendering.depth_plane is not None, (
            "a depth gradient needs a rendering with depth"
        )
        lists, picture = rendering.lists, rendering.picture
        slots = self._buffers.get("slots", SUMS * lists.capacity)
        tiles = lists.columns * lists.rows
        variant = absolutes, grad_alpha is not None, grad_depth is not None
        unused = picture  # a variant without these slopes does not read them
        self._kernel(variant)(
            (-(-tiles // WARPS),),
            (32 * WARPS,),
            (
                rendering.records, lists.list_ids, lists.list_slots, lists.starts, lists.ends, rendering.processed,
                rendering.view, np.int32(lists.columns), np.int32(tiles), picture, picture[3],
                unused if grad_depth is None else rendering.depth_plane, grad_rgb,
                unused if grad_alpha is None else grad_alpha, unused if grad_depth is None else grad_depth, slots,
            ),
            shared_mem=WARPS * shared_bytes(variant),
        )  # fmt: skip
        return slots

    def _kernel(self, variant: Variant) -> Kernel:
        if variant not in self._kernels:
            absolutes, alpha, depth = (int(asked) for asked in variant)
            self._kernels[variant] = self._device.kernel(
                "blend_backward.cu",
                "blend_backward",
                PIXELS=PIXELS,
                BATCH=BATCH,
                COLLECT=absolutes,
                WITH_ALPHA=alpha,
                WITH_DEPTH=depth,
            )
        return self._kernels[variant]


def shared_bytes(variant: Variant) -> int:
    """Bytes of a warp's ``Matrices`` in ``blend_backward.cu``."""
    absolutes, _, depth = variant
    pixels = 32 * PIXELS
    floats = 2 * BATCH * (pixels + 4) + 12 * BATCH + (3 + depth) * pixels
    return 4 * (floats + (2 * BATCH * (32 + 4) if absolutes else 0))
