"""The CUDA engine: the contract of ``render/base.py``, kept by the modules and kernels beside this one."""

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import (
    Gradients,
    LearningRates,
    PhotometricLoss,
    Rendering,
    RenderSettings,
    SplatArrays,
    Splats,
    Target,
)
from roomsplat.render.cuda.comparing import Comparer
from roomsplat.render.cuda.derivatives import Derivatives, LateCameraSlope, PairSums
from roomsplat.render.cuda.device import Array, Device
from roomsplat.render.cuda.drawing import CudaRendering, Painter
from roomsplat.render.cuda.failures import Guard, on_device
from roomsplat.render.cuda.layout import CudaSplats, arrays_from_splats, create, splats_from_arrays
from roomsplat.render.cuda.memory import Buffers
from roomsplat.render.cuda.slopes import PairSlopes
from roomsplat.render.cuda.targets import CudaTarget, Targets
from roomsplat.render.host import nearest_distances


class CudaEngine:
    """Draws and trains on one NVIDIA GPU. The methods are explained in ``render/base.py``.

    Each method submits its work and returns; only what reads a value on the host waits. Results are the same, bit for
    bit, from run to run. One thread at a time may use an engine; several engines, also on one GPU, do not disturb each
    other.
    """

    name: str = "cuda"

    def __init__(self, device: Device) -> None:
        """Args: ``device``: the GPU."""
        device.use()
        self.device = device
        self.xp: Any = device.xp
        self._task = _Task()  # of its own: a guard that held the engine would keep its memory alive
        self.guard: AbstractContextManager[None] = Guard(self._task.words, getattr(device, "memory", None))
        self._buffers = buffers = Buffers(device)
        self._painter = Painter(device, buffers)
        self._targets = Targets(device)
        self._comparer = Comparer(device, buffers)
        self._slopes = PairSlopes(device, buffers)
        self._derivatives = Derivatives(device, buffers)

    def doing(self) -> str:
        """What it was last at, for a sentence after "while"."""
        return self._task.words()

    def device_memory(self) -> tuple[int, int] | None:
        """Bytes in use on the GPU, by whomever, and bytes that it has; ``None`` where the device cannot tell."""
        asked = getattr(self.device, "memory", None)
        return None if asked is None else asked()

    @on_device
    def create(self, gaussians: Gaussians, *, sh_degree: int) -> CudaSplats:
        """Take parameters in, with zero moments."""
        return create(self.xp, gaussians, sh_degree)

    @on_device
    def read(self, splats: Splats) -> SplatArrays:
        """A copy of everything, in the engine's order.

        Scratch memory is given back first: 72 bytes a pair, 0.25 GB for 200,000 Gaussians at 1076x1915, would stand
        beside the copy.
        """
        self._painter.release()
        self._buffers.release()
        self.device.give_back()
        return arrays_from_splats(_own_splats(splats))

    @on_device
    def write(self, arrays: SplatArrays) -> CudaSplats:
        """Take arrays back in; they are stored along a Morton curve.

        Like ``read`` it forgets how long tile lists were: a resumed run begins here and knows nothing of them.
        """
        self._painter.release()
        return splats_from_arrays(self.xp, arrays)

    @on_device
    def rasterize(self, splats: Splats, camera: PinholeCamera, settings: RenderSettings) -> CudaRendering:
        """Render one view."""
        self._task.view = (splats.num_gaussians, camera.width, camera.height)
        return self._painter.draw(_own_splats(splats), camera, settings)

    @on_device
    def prepare_target(self, image: NDArray[np.uint8], mask: NDArray[np.bool_] | None = None) -> CudaTarget:
        """(h, w, 3) sRGB to a target."""
        return self._targets.prepare(image, mask)

    @on_device
    def reduce_target(self, target: Target, width: int, height: int) -> CudaTarget:
        """The same picture at a smaller size."""
        assert isinstance(target, CudaTarget), "the target is another engine's"
        return self._targets.reduce(target, width, height)

    @on_device
    def hide_pixels(self, target: Target, shown: Array) -> CudaTarget:
        """The same picture with fewer pixels that count."""
        assert isinstance(target, CudaTarget), "the target is another engine's"
        return self._targets.hide(target, shown)

    @on_device
    def photometric_loss(
        self,
        rendering: Rendering,
        target: Target,
        *,
        ssim_weight: float,
        colour: NDArray[np.float32] | None = None,
    ) -> PhotometricLoss:
        """Compare the picture as it is; from here on it is not drawn again, even if its lists were too short.

        ``grad_rgb`` is valid until the next call, the other values wait for the GPU when they are read.
        """
        drawn = self._own_rendering(rendering)
        assert isinstance(target, CudaTarget), "the target is another engine's"
        same = (target.width, target.height) == (drawn.camera.width, drawn.camera.height)
        assert same, "the target has not the picture's size"
        drawn.is_final = True
        return self._comparer.compare(drawn.picture[:3], target, ssim_weight=ssim_weight, colour=colour)

    @on_device
    def backward(
        self,
        splats: Splats,
        rendering: Rendering,
        grad_rgb: Array,
        grad_alpha: Array | None = None,
        grad_depth: Array | None = None,
    ) -> Gradients:
        """Gradients of every parameter and of the camera pose; changes nothing."""
        drawn = self._own_rendering(rendering)
        self._painter.complete(drawn)
        slots = self._slopes.fill(
            drawn, *map(self._plain, (grad_rgb, grad_alpha, grad_depth)), absolutes=False
        )
        return self._derivatives.plain_gradients(_own_splats(splats), _sums(drawn, slots))

    @on_device
    def update(
        self,
        splats: Splats,
        rendering: Rendering,
        grad_rgb: Array,
        *,
        rates: LearningRates,
        step: int,
        collect: bool = False,
        with_camera: bool = False,
        grad_alpha: Array | None = None,
        grad_depth: Array | None = None,
    ) -> LateCameraSlope | None:
        """Backward and one Adam step, fused."""
        drawn = self._own_rendering(rendering)
        slots = self._slopes.fill(
            drawn, *map(self._plain, (grad_rgb, grad_alpha, grad_depth)), absolutes=collect
        )
        slope = self._derivatives.adam_update(
            _own_splats(splats),
            _sums(drawn, slots),
            rates=rates,
            step=step,
            collect=collect,
            with_camera=with_camera,
        )
        return None if slope is None else LateCameraSlope(slope)

    def nearest_distances(self, points: NDArray[np.float32], k: int) -> NDArray[np.float32]:
        """(n, k) distances to the k nearest other points, ascending; infinite where there are fewer.

        On the host: it runs once per run, and 30,000 points take 40 ms.
        """
        return nearest_distances(points, k, workers=-1)

    def _plain(self, slopes: Array | None) -> Any:
        return None if slopes is None else self.xp.ascontiguousarray(slopes, np.float32)

    def _own_rendering(self, rendering: Rendering) -> CudaRendering:
        """The last view that this engine drew: older ones are overwritten."""
        assert isinstance(rendering, CudaRendering), "the rendering is another engine's"
        assert rendering.painter is self._painter, "the rendering is another engine's"
        assert rendering.serial == self._painter.serial, (
            "the rendering is no longer valid: the engine has drawn another view"
        )
        return rendering


class _Task:
    """What an engine was last at."""

    __slots__ = ("view",)

    def __init__(self) -> None:
        self.view: tuple[int, int, int] | None = None

    def words(self) -> str:
        """For a sentence after "while"."""
        if self.view is None:
            return "preparing"
        count, width, height = self.view
        return f"working on {count:,} Gaussians at {width}x{height}"


def _own_splats(splats: Splats) -> CudaSplats:
    assert isinstance(splats, CudaSplats), "the Gaussians are another engine's"
    return splats


def _sums(rendering: CudaRendering, slots: Array) -> PairSums:
    lists = rendering.lists
    return PairSums(
        view=rendering.view,
        degree=rendering.degree,
        flags=rendering.flags,
        slots=slots,
        slot_starts=lists.slot_starts,
        slot_counts=lists.slot_counts,
    )
