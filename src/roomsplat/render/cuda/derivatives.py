"""From the sums of every pair to the parameters: their gradients, or Adam's step with the gradients never in memory."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.render.base import Gradients, LearningRates
from roomsplat.render.cuda.device import Array, Device, Kernel, Pending
from roomsplat.render.cuda.layout import CudaSplats, adam_struct, fields_from_planes
from roomsplat.render.cuda.memory import Buffers

THREADS, GATHER_THREADS, CAMERA_THREADS = 128, 512, 224
"""Blocks of ``update`` and ``gather`` (a Gaussian a thread) and of ``sum_camera``."""
SUMS, TERMS = 12, 7
_NO_RATES = LearningRates(means=0, quats=0, log_scales=0, opacity_logits=0, sh_dc=0, sh_rest=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSums:
    """What ``blend_backward`` left of a view: arrays of the device, see ``prelude.cuh``."""

    view: Any
    """``View``, as a structured NumPy scalar."""
    degree: int
    """Of the harmonics that were evaluated."""
    flags: Array
    """(n,) uint8 of ``project.cu``."""
    slots: Array
    """(pairs, 12) float32 sums in the order of emission."""
    slot_starts: Array
    """(n,) int32 first slot of each Gaussian."""
    slot_counts: Array
    """(n,) int32 how many slots it has."""


class LateCameraSlope:
    """A view's camera gradient on its way to the host."""

    __slots__ = ("_pending",)

    def __init__(self, pending: Pending) -> None:
        self._pending = pending

    @property
    def values(self) -> NDArray[np.float64]:
        """(7,) after waiting for it if need be."""
        return self._pending.value()


class Derivatives:
    """The last part of the backward pass; keeps kernels and scratch memory between steps."""

    def __init__(self, device: Device, buffers: Buffers) -> None:
        """Args: where to work, and scratch memory."""
        self._device, self._buffers = device, buffers
        self._kernels: dict[tuple[int, bool, bool, bool], Kernel] = {}
        self._gather: Kernel | None = None
        self._sum_camera: Kernel | None = None
        self._adam: tuple[LearningRates, int, Any] = (_NO_RATES, 1, adam_struct(_NO_RATES, 1))

    def plain_gradients(self, splats: CudaSplats, sums: PairSums) -> Gradients:
        """Gradients of every parameter and of the camera pose; changes nothing. Waits for the camera's."""
        gradients = self._device.xp.zeros_like(splats.params)
        pending = self._run(splats, sums, adam_struct(_NO_RATES, 1), (False, False, True), gradients)
        assert pending is not None
        fields, camera = fields_from_planes(gradients, splats.num_gaussians), pending.value()
        return Gradients(**fields, pose=camera[:6], focal=float(camera[6]))

    def adam_update(
        self,
        splats: CudaSplats,
        sums: PairSums,
        *,
        rates: LearningRates,
        step: int,
        collect: bool,
        with_camera: bool,
    ) -> Pending | None:
        """One Adam step of what was seen; the camera's gradient (7,), on its way to the host, if asked for."""
        kept_rates, kept_step, adam = self._adam
        if kept_step != step or kept_rates is not rates:
            adam = adam_struct(rates, step)
            self._adam = rates, step, adam
        return self._run(splats, sums, adam, (True, collect, with_camera), splats.first_moments)

    def _run(
        self,
        splats: CudaSplats,
        sums: PairSums,
        adam: Any,
        modes: tuple[bool, bool, bool],
        first: Array,
    ) -> Pending | None:
        """``modes``: apply Adam, collect statistics, sum the camera's terms; ``first``: first moments, or gradients."""
        count, buffers = splats.num_gaussians, self._buffers
        blocks = -(-count // THREADS)
        with_camera = modes[2]
        if count:
            totals = buffers.get("gaussian_sums", SUMS * count)
            partials = buffers.get("camera_partials", TERMS * blocks) if with_camera else totals
            if self._gather is None:
                self._gather = self._device.kernel("gather.cu", "gather")
            size = np.int32(count)
            self._gather(
                (-(-count // GATHER_THREADS),),
                (GATHER_THREADS,),
                (sums.slots, sums.slot_starts, sums.slot_counts, sums.flags, size, totals),
            )
            self._kernel((sums.degree, *modes))(
                (blocks,),
                (THREADS,),
                (
                    splats.params, first, splats.second_moments, splats.statistics, size, sums.view, adam, sums.flags,
                    totals, partials,
                ),
            )  # fmt: skip
        return self._camera(blocks) if with_camera else None

    def _kernel(self, variant: tuple[int, bool, bool, bool]) -> Kernel:
        kept = self._kernels.get(variant)
        if kept is None:
            defines = dict(zip(("DEGREE", "ADAM", "COLLECT", "CAMERA"), map(int, variant), strict=True))
            kept = self._kernels[variant] = self._device.kernel("update.cu", "update", **defines)
        return kept

    def _camera(self, blocks: int) -> Pending:
        """The sum of the blocks' partial sums, on its way to the host."""
        camera = self._buffers.get("camera", TERMS, np.float64)
        partials = self._buffers.get("camera_partials", TERMS * blocks)
        if self._sum_camera is None:
            self._sum_camera = self._device.kernel("camera.cu", "sum_camera")
        self._sum_camera((1,), (CAMERA_THREADS,), (partials, np.int32(blocks), camera))
        return self._device.fetch_later(camera)
