"""The CPU engine: the contract of ``render/base.py``, kept by the modules beside this one."""

from collections import defaultdict
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType

import numba
import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import (
    Gradients,
    KnownCameraSlope,
    KnownLoss,
    LearningRates,
    Rendering,
    RenderSettings,
    SplatArrays,
    Splats,
    Target,
)
from roomsplat.render.cpu import comparing, derivatives
from roomsplat.render.cpu.buffers import Float
from roomsplat.render.cpu.drawing import CpuRendering, draw
from roomsplat.render.cpu.layout import FIELDS, CpuSplats, arrays_from_splats, splats_from_arrays
from roomsplat.render.cpu.targets import CpuTarget, MomentBudget, hide_pixels
from roomsplat.render.cpu.workspace import Workspace
from roomsplat.render.host import nearest_distances, padded_harmonics

MOMENT_BYTES = 1_500_000_000
"""Room for the targets' moments; pictures beyond it are filtered again at each use."""


class CpuEngine:
    """Draws and trains on the processor's cores, with Numba. The methods are explained in ``render/base.py``."""

    name: str = "cpu"
    xp: ModuleType = np
    guard: AbstractContextManager[None] = nullcontext()

    def __init__(self, threads: int | None = None) -> None:
        """Args: ``threads``: how many to use, ``None`` = all that Numba may. Results do not depend on it."""
        most = numba.get_num_threads()
        self._work = Workspace(most if threads is None else max(1, min(threads, most)))
        self._budget = MomentBudget(MOMENT_BYTES)
        self._serial = 0

    @property
    def threads(self) -> int:
        """How many threads share the work."""
        return self._work.threads

    @property
    def seconds(self) -> defaultdict[str, float]:
        """Wall time by phase since it was last cleared: project, sort, bin, forward, loss, backward, step, target."""
        return self._work.seconds

    def create(self, gaussians: Gaussians, *, sh_degree: int) -> CpuSplats:
        """Take parameters in, with zero moments."""
        sh = padded_harmonics(gaussians, sh_degree)
        values = {name: getattr(gaussians, name) for name in FIELDS} | {"sh": sh}
        zeros = {name: np.zeros_like(value) for name, value in values.items()}
        return self.write(SplatArrays(**values, first_moments=zeros, second_moments=zeros, statistics={}))

    def read(self, splats: Splats) -> SplatArrays:
        """A copy of everything, in the engine's order."""
        return arrays_from_splats(_own_splats(splats))

    def write(self, arrays: SplatArrays) -> CpuSplats:
        """Take arrays back in; they are stored along a Morton curve."""
        return splats_from_arrays(arrays)

    def rasterize(self, splats: Splats, camera: PinholeCamera, settings: RenderSettings) -> CpuRendering:
        """Render one view."""
        self._serial += 1
        return draw(self._work, _own_splats(splats), camera, settings, self._serial)

    def prepare_target(self, image: NDArray[np.uint8], mask: NDArray[np.bool_] | None = None) -> CpuTarget:
        """(h, w, 3) sRGB to a target."""
        return comparing.prepare_target(image, mask)

    def reduce_target(self, target: Target, width: int, height: int) -> CpuTarget:
        """The same picture at a smaller size in px."""
        return comparing.reduce_target(_own_target(target), width, height)

    def hide_pixels(self, target: Target, shown: NDArray[np.bool_]) -> CpuTarget:
        """The same picture with fewer pixels that count."""
        return hide_pixels(_own_target(target), shown)

    def photometric_loss(
        self,
        rendering: Rendering,
        target: Target,
        *,
        ssim_weight: float,
        colour: NDArray[np.float32] | None = None,
    ) -> KnownLoss:
        """Compare; ``grad_rgb`` is valid until the next call."""
        drawn = self._own_rendering(rendering)
        wanted = _own_target(target)
        same = (wanted.width, wanted.height) == (drawn.camera.width, drawn.camera.height)
        assert same, "the target has not the picture's size"
        return comparing.photometric_loss(self._work, self._budget, drawn, wanted, ssim_weight, colour)

    def backward(
        self,
        splats: Splats,
        rendering: Rendering,
        grad_rgb: Float,
        grad_alpha: Float | None = None,
        grad_depth: Float | None = None,
    ) -> Gradients:
        """Gradients of every parameter and of the camera pose; changes nothing."""
        drawn = self._own_rendering(rendering)
        return derivatives.plain_gradients(
            self._work, _own_splats(splats), drawn, grad_rgb, grad_alpha, grad_depth
        )

    def update(
        self,
        splats: Splats,
        rendering: Rendering,
        grad_rgb: Float,
        *,
        rates: LearningRates,
        step: int,
        collect: bool = False,
        with_camera: bool = False,
        grad_alpha: Float | None = None,
        grad_depth: Float | None = None,
    ) -> KnownCameraSlope | None:
        """Backward and one Adam step, fused. Collecting makes the backward pass a quarter slower (2.8 for 2.2 ms)."""
        drawn = self._own_rendering(rendering)
        derivatives.blend_gradient(self._work, drawn, grad_rgb, grad_alpha, grad_depth, absolutes=collect)
        slope = derivatives.adam_update(
            self._work, _own_splats(splats), drawn, rates, step, collect=collect, with_camera=with_camera
        )
        return KnownCameraSlope(values=slope) if with_camera else None

    def nearest_distances(self, points: NDArray[np.float32], k: int) -> NDArray[np.float32]:
        """(n, k) distances to the k nearest other points, ascending; infinite where there are fewer."""
        return nearest_distances(points, k, workers=self.threads)

    def _own_rendering(self, rendering: Rendering) -> CpuRendering:
        """The last view that this engine drew: older ones are overwritten."""
        assert isinstance(rendering, CpuRendering), "the rendering is another engine's"
        assert rendering.serial == self._serial, (
            "the rendering is no longer valid: the engine has drawn another view"
        )
        return rendering


def _own_splats(splats: Splats) -> CpuSplats:
    assert isinstance(splats, CpuSplats), "the Gaussians are another engine's"
    return splats


def _own_target(target: Target) -> CpuTarget:
    assert isinstance(target, CpuTarget), "the target is another engine's"
    return target
