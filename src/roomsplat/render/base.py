"""The contract of an engine: what the trainer drives, and nothing about devices.

An engine owns how parameters, Adam moments and statistics lie in memory (``Splats`` is opaque). What runs every step
is a method here; what runs rarely (densification, pruning) goes through ``SplatArrays``, plain arrays of the engine's
namespace ``xp`` (NumPy or CuPy), so that it is written once. Pictures are planar, (3, h, w), because every engine's
loss filters one channel at a time.

What every engine draws (Kerbl et al. 2023, sections 4 to 6), so that engines and the reference agree to rounding:

* A Gaussian is drawn if its centre lies at z > ``near`` and within twice the widened view: with tan = 0.5 · width / fx,
  x/z between -(cx / fx + 0.3 tan) and (width - cx) / fx + 0.3 tan (y alike) are the limits; the Jacobian of the
  projection is taken at x/z clamped to the limits, and a centre beyond twice a limit is not drawn.
* Covariance in px: J R S Rᵀ Jᵀ + 0.3 on the diagonal (EWA low-pass). With ``antialiased`` the opacity is scaled by
  sqrt(det before / det after) (Mip-Splatting, Yu et al. 2024). "Opacity" below is the scaled one.
* Colour: max(0, 0.5 + harmonics in the direction from the camera's centre to the Gaussian's). Its gradient reaches the
  means (and the pose) through the direction as well, and is zero where the max cut.
* alpha = min(0.99, opacity · exp(-q/2)), and 0 where opacity · exp(-q/2) < 1/255 (a Gaussian of opacity < 1.01/255 is
  not drawn at all); the gradient of alpha is zero where the 0.99 cut.
* Front to back by z: a pixel takes a splat while the transmittance before it is above 1e-4, then takes no more.
* rgb = sum of weight · colour + transmittance · background; alpha = 1 - transmittance; depth = sum of weight · z.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians

Array = Any  # an array of the engine's namespace: numpy.ndarray or cupy.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """How one picture is made."""

    sh_degree: int = 3
    """Harmonics up to this degree are evaluated (0 to 3); training raises it step by step."""
    background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Colour behind everything."""
    near: float = 0.01
    """Gaussians whose centre is nearer than this along +z, in world units, are not drawn."""
    antialiased: bool = False
    """Compensate opacity for the low-pass filter."""
    with_depth: bool = False
    """Also blend depth (``Rendering.depth``); costs time, so training without a depth loss leaves it off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRates:
    """Adam's step sizes, one per kind of parameter (Kerbl et al. 2023), and what pulls beside the picture.

    A pull is added to the gradient of each Gaussian that the view sees, before Adam: the slope of
    ``opacity_pull · opacity + scale_pull · (sum of the three scales) + sh_pull / 2 · (sum of squares of harmonics)``,
    the last over those of degree 1 and up that are trained. The first two are Kheradmand et al. 2024's (MCMC).
    """

    means: float
    quats: float
    log_scales: float
    opacity_logits: float
    sh_dc: float
    sh_rest: float
    opacity_pull: float = 0.0
    scale_pull: float = 0.0
    """Per world unit."""
    sh_pull: float = 0.0


@dataclass(slots=True, kw_only=True)
class SplatArrays:
    """Everything that training knows per Gaussian, as plain ``xp`` arrays in one shared order. Mutable on purpose."""

    means: Array
    """(n, 3)."""
    quats: Array
    """(n, 4) wxyz."""
    log_scales: Array
    """(n, 3)."""
    opacity_logits: Array
    """(n,)."""
    sh: Array
    """(n, k, 3); k of the highest degree that will be trained."""
    first_moments: dict[str, Array]
    """Adam's m per field above, same shapes."""
    second_moments: dict[str, Array]
    """Adam's v per field above, same shapes."""
    statistics: dict[str, Array]
    """(n,) each, summed by ``Engine.update`` while ``collect`` is on and zeroed by ``Engine.write``:
    ``screen_gradient`` (sum over views of the length of dL/d(mean in px)), ``abs_screen_gradient`` (the same with the
    absolute value taken per pixel before summing; AbsGS, Ye et al. 2024), ``views`` (times visible), ``max_radius``
    (largest extent in px seen, as a share of the longer image side)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gradients:
    """dL/d(parameter), plain ``xp`` arrays in the order of ``SplatArrays``. For tests and for pose-only alignment."""

    means: Array
    quats: Array
    log_scales: Array
    opacity_logits: Array
    sh: Array
    pose: NDArray[np.float64]
    """(6,) of a twist (rotation vector, then translation) multiplied from the left: exp(twist) @ cam_from_world."""
    focal: float
    """Of the focal length's logarithm: ``fx`` and ``fy`` times one factor, the principal point held."""


class CameraSlope(Protocol):
    """dL/d(camera) of one view. As with ``PhotometricLoss``, reading may wait for the device, and may come later."""

    @property
    def values(self) -> NDArray[np.float64]:
        """(7,) ``Gradients.pose``, then ``Gradients.focal``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCameraSlope:
    """The ``CameraSlope`` of an engine that has computed everything when it returns."""

    values: NDArray[np.float64]


class PhotometricLoss(Protocol):
    """(1 - w) · mean |difference| + w · (1 - mean SSIM), with its gradients.

    SSIM (Wang et al. 2004): Gaussian window of 11 px with sigma 1.5, zeros outside the picture, C1 = 0.01², C2 = 0.03²,
    per channel. Where the target has a mask, pixels outside it are first replaced by the target's (so they differ by
    nothing), both means run over the pixels inside, and the gradient outside is zero.

    A device runs ahead of the program: ``grad_rgb`` is there at once, for the engine's own backward, but reading
    ``value`` or ``grad_colour`` may wait until the device has come that far. They stay readable when later losses have
    been computed, so a trainer reads them a step late.
    """

    @property
    def value(self) -> float:
        """The loss."""
        ...

    @property
    def grad_rgb(self) -> Array:
        """(3, h, w) with respect to the rendered picture, before the colour transform; until the next loss."""
        ...

    @property
    def grad_colour(self) -> NDArray[np.float64] | None:
        """(3, 5) with respect to the colour transform, when one was given."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLoss:
    """The ``PhotometricLoss`` of an engine that has computed everything when it returns."""

    value: float
    grad_rgb: Array
    grad_colour: NDArray[np.float64] | None


class Splats(Protocol):
    """An engine's own trainable Gaussians (parameters, Adam moments, statistics)."""

    @property
    def num_gaussians(self) -> int:
        """How many there are."""
        ...


class Rendering(Protocol):
    """A picture and whatever the engine's backward needs. Valid until the next ``rasterize`` of the same engine."""

    @property
    def rgb(self) -> Array:
        """(3, h, w), not clamped."""
        ...

    @property
    def alpha(self) -> Array:
        """(h, w) coverage."""
        ...

    @property
    def depth(self) -> Array:
        """(h, w) sum of weight · z (not divided by alpha); zeros unless ``with_depth``."""
        ...


class Target(Protocol):
    """A training picture as the engine likes to keep it, with what its SSIM needs computed once."""

    @property
    def width(self) -> int:
        """In px."""
        ...

    @property
    def height(self) -> int:
        """In px."""
        ...

    @property
    def pixels(self) -> Array:
        """(h, w, 3) sRGB in 8 bits, an array of the engine's namespace in any strides; not to be written to."""
        ...


class Engine(Protocol):
    """What a trainer needs of a device."""

    name: str
    """``cpu`` or ``cuda``."""
    xp: Any
    """The array namespace."""
    guard: AbstractContextManager[None]
    """Whoever works on arrays of ``xp`` does it inside: what the device raises there comes out as a ``RoomsplatError``.
    It may be entered again and again, also inside itself."""

    def create(self, gaussians: Gaussians, *, sh_degree: int) -> Splats:
        """Take parameters in, with zero moments; ``sh`` is cut or zero-padded to ``sh_degree``."""
        ...

    def read(self, splats: Splats) -> SplatArrays:
        """A copy of everything, as plain arrays."""
        ...

    def write(self, arrays: SplatArrays) -> Splats:
        """Take arrays back in (any count); statistics start at zero. The engine may store them in another order."""
        ...

    def rasterize(self, splats: Splats, camera: PinholeCamera, settings: RenderSettings) -> Rendering:
        """Render one view."""
        ...

    def prepare_target(self, image: NDArray[np.uint8], mask: NDArray[np.bool_] | None = None) -> Target:
        """(h, w, 3) sRGB to a target; pixels where ``mask`` is False are ignored by the loss."""
        ...

    def reduce_target(self, target: Target, width: int, height: int) -> Target:
        """The same picture at a smaller size in px, within one grey level of what ``media/images.py`` makes of it.

        The mask shrinks with it: a pixel counts only if every pixel that it covers does.
        """
        ...

    def hide_pixels(self, target: Target, shown: Array) -> Target:
        """The same picture, of which only pixels count that did so far and are True in ``shown``, (h, w) of ``xp``."""
        ...

    def photometric_loss(
        self,
        rendering: Rendering,
        target: Target,
        *,
        ssim_weight: float,
        colour: NDArray[np.float32] | None = None,
    ) -> PhotometricLoss:
        """Compare; the rendered colours first go through ``colour``, (3, 5), the picture's exposure and response.

        Its columns are [A | b | q]: channel k becomes the sum over j of A_kj c_j, plus b_k + q_k c_k².
        """
        ...

    def backward(
        self,
        splats: Splats,
        rendering: Rendering,
        grad_rgb: Array,
        grad_alpha: Array | None = None,
        grad_depth: Array | None = None,
    ) -> Gradients:
        """Gradients of every parameter and of the camera pose; changes nothing."""
        ...

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
    ) -> CameraSlope | None:
        """Backward and one Adam step, fused: gradients never reach memory. ``step`` counts from 1 (bias correction).

        Gaussians that the view did not see keep their parameters and moments. With ``collect`` the statistics of
        ``SplatArrays`` grow. Returns the camera's gradient if ``with_camera``, else ``None``.
        """
        ...

    def nearest_distances(self, points: NDArray[np.float32], k: int) -> NDArray[np.float32]:
        """(n, k) distances to the k nearest other points, ascending."""
        ...
