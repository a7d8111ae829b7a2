"""The slow engine: the whole contract of ``render/base.py`` in float64 NumPy, with gradients by differences.

It is what the fast engines are compared with, and what a test of the trainer may use in their place on tiny pictures.
"""

import dataclasses
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.media.images import resize_image
from roomsplat.media.masks import shrink_mask
from roomsplat.render.base import (
    Gradients,
    KnownCameraSlope,
    KnownLoss,
    LearningRates,
    RenderSettings,
    SplatArrays,
)
from tests.reference.adam import adam_step
from tests.reference.blending import Decisions, blend, decide
from tests.reference.gradients import (
    PictureGradient,
    ScreenGradients,
    focal_gradient,
    parameter_gradients,
    pose_gradient,
    screen_gradients,
)
from tests.reference.loss import photometric_loss
from tests.reference.projection import PARAMETERS, Double, Parameters, Records, project

STATISTICS = ("screen_gradient", "abs_screen_gradient", "views", "max_radius")


@dataclass(slots=True, kw_only=True)
class ReferenceSplats:
    """Float64 copies of everything."""

    arrays: SplatArrays

    @property
    def num_gaussians(self) -> int:
        """How many there are."""
        return len(self.arrays.means)

    @property
    def parameters(self) -> Parameters:
        """By name."""
        return {name: getattr(self.arrays, name) for name in PARAMETERS}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRendering:
    """A picture and how it came about."""

    rgb: Double
    alpha: Double
    depth: Double
    records: Records
    decisions: Decisions
    camera: PinholeCamera
    settings: RenderSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceTarget:
    """A picture to come close to."""

    image: Double
    """(3, h, w) in [0, 1]."""
    mask: NDArray[np.bool_]
    """(h, w)."""

    @property
    def width(self) -> int:
        """In px."""
        return self.image.shape[2]

    @property
    def height(self) -> int:
        """In px."""
        return self.image.shape[1]

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """(h, w, 3)."""
        return (self.image * 255).round().astype(np.uint8).transpose(1, 2, 0)


def fresh_arrays(parameters: Parameters) -> SplatArrays:
    """Zero moments and statistics around the given parameters."""
    count = len(parameters["means"])
    return SplatArrays(
        **parameters,
        first_moments={name: np.zeros_like(value) for name, value in parameters.items()},
        second_moments={name: np.zeros_like(value) for name, value in parameters.items()},
        statistics={name: np.zeros(count) for name in STATISTICS},
    )


class ReferenceEngine:
    """Implements ``roomsplat.render.base.Engine``."""

    name = "reference"
    xp = np
    guard = nullcontext()

    def create(self, gaussians: Gaussians, *, sh_degree: int) -> ReferenceSplats:
        """Float64 copies; ``sh`` is cut or zero-padded."""
        parameters = {name: getattr(gaussians, name).astype(np.float64) for name in PARAMETERS}
        wanted = np.zeros((len(gaussians), (sh_degree + 1) ** 2, 3))
        shared = min(wanted.shape[1], gaussians.sh.shape[1])
        wanted[:, :shared] = gaussians.sh[:, :shared]
        return ReferenceSplats(arrays=fresh_arrays(parameters | {"sh": wanted}))

    def read(self, splats: ReferenceSplats) -> SplatArrays:
        """A deep copy."""
        return copy_arrays(splats.arrays)

    def write(self, arrays: SplatArrays) -> ReferenceSplats:
        """A deep copy with zero statistics."""
        copied = copy_arrays(arrays)
        copied.statistics = {name: np.zeros(len(copied.means)) for name in STATISTICS}
        return ReferenceSplats(arrays=copied)

    def rasterize(
        self, splats: ReferenceSplats, camera: PinholeCamera, settings: RenderSettings
    ) -> ReferenceRendering:
        """Render one view."""
        pose = camera.cam_from_world.astype(np.float64)
        records = project(splats.parameters, pose, camera, settings)
        decisions = decide(records.values, records.visible, camera.height, camera.width)
        picture = blend(records.values, decisions, settings.background)
        depth = picture.depth if settings.with_depth else np.zeros_like(picture.depth)
        return ReferenceRendering(
            rgb=picture.rgb,
            alpha=picture.alpha,
            depth=depth,
            records=records,
            decisions=decisions,
            camera=camera,
            settings=settings,
        )

    def prepare_target(
        self, image: NDArray[np.uint8], mask: NDArray[np.bool_] | None = None
    ) -> ReferenceTarget:
        """To planes in [0, 1]."""
        planes = image.astype(np.float64).transpose(2, 0, 1) / 255
        return ReferenceTarget(image=planes, mask=np.ones(image.shape[:2], bool) if mask is None else mask)

    def reduce_target(self, target: ReferenceTarget, width: int, height: int) -> ReferenceTarget:
        """By Pillow."""
        image = resize_image(np.ascontiguousarray(target.pixels), width, height)
        return self.prepare_target(image, shrink_mask(target.mask, width, height))

    def hide_pixels(self, target: ReferenceTarget, shown: NDArray[np.bool_]) -> ReferenceTarget:
        """Both masks together."""
        return ReferenceTarget(image=target.image, mask=target.mask & shown)

    def photometric_loss(
        self,
        rendering: ReferenceRendering,
        target: ReferenceTarget,
        *,
        ssim_weight: float,
        colour: NDArray[np.float32] | None = None,
    ) -> KnownLoss:
        """Compare."""
        matrix = np.eye(3, 5) if colour is None else colour.astype(np.float64)
        result = photometric_loss(rendering.rgb, target.image, target.mask, ssim_weight, matrix)
        grad_colour = None if colour is None else result.grad_colour
        return KnownLoss(value=result.value, grad_rgb=result.grad_rgb, grad_colour=grad_colour)

    def backward(
        self,
        splats: ReferenceSplats,
        rendering: ReferenceRendering,
        grad_rgb: Double,
        grad_alpha: Double | None = None,
        grad_depth: Double | None = None,
    ) -> Gradients:
        """Gradients by differences."""
        screen = self.screen(rendering, PictureGradient(rgb=grad_rgb, alpha=grad_alpha, depth=grad_depth))
        context = splats.parameters, rendering.camera, rendering.settings, screen
        fields = parameter_gradients(*context)
        return Gradients(**fields, pose=pose_gradient(*context), focal=focal_gradient(*context))

    def screen(self, rendering: ReferenceRendering, gradient: PictureGradient) -> ScreenGradients:
        """Gradients of the screen-space records; not part of the contract, for tests of the statistics."""
        return screen_gradients(rendering.records.values, rendering.decisions, rendering.settings, gradient)

    def update(
        self,
        splats: ReferenceSplats,
        rendering: ReferenceRendering,
        grad_rgb: Double,
        *,
        rates: LearningRates,
        step: int,
        collect: bool = False,
        with_camera: bool = False,
        grad_alpha: Double | None = None,
        grad_depth: Double | None = None,
    ) -> KnownCameraSlope | None:
        """Backward, then Adam for the Gaussians that the view saw."""
        screen = self.screen(rendering, PictureGradient(rgb=grad_rgb, alpha=grad_alpha, depth=grad_depth))
        context = splats.parameters, rendering.camera, rendering.settings, screen
        gradients = parameter_gradients(*context)
        slope = None
        if with_camera:
            camera = np.append(pose_gradient(*context), focal_gradient(*context))
            slope = KnownCameraSlope(values=camera)
        visible = rendering.records.visible
        for name in PARAMETERS:
            rate = rates_of(rates, name, getattr(splats.arrays, name).shape)
            stored = splats.arrays.first_moments[name], splats.arrays.second_moments[name]
            value = getattr(splats.arrays, name)
            gradient = gradients[name] + pull_on(splats.parameters, name, rates, rendering.settings.sh_degree)
            new = adam_step(value, *stored, gradient, rate=rate, step=step)
            for old, fresh in zip((value, *stored), new, strict=True):
                old[visible] = fresh[visible]
        if collect:
            self.collect(splats.arrays.statistics, rendering, screen)
        return slope

    def collect(
        self, statistics: dict[str, Double], rendering: ReferenceRendering, screen: ScreenGradients
    ) -> None:
        """Add one view to the statistics."""
        visible, longer = rendering.records.visible, max(rendering.camera.width, rendering.camera.height)
        statistics["screen_gradient"] += np.linalg.norm(screen.records[:, :2], axis=1)
        statistics["abs_screen_gradient"] += np.linalg.norm(screen.mean_abs, axis=1)
        statistics["views"] += visible
        radius = np.where(visible, rendering.records.extents.max(axis=1, initial=0) / longer, 0)
        statistics["max_radius"][:] = np.maximum(statistics["max_radius"], radius)

    def nearest_distances(self, points: NDArray[np.float32], k: int) -> NDArray[np.float32]:
        """Every point against every other; infinite where there are fewer than ``k`` others."""
        exact = points.astype(np.float64)
        distances = np.linalg.norm(exact[:, None] - exact[None], axis=2)
        np.fill_diagonal(distances, np.inf)
        missing = np.full((len(points), max(k - len(points), 0)), np.inf)
        return np.sort(np.concatenate([distances, missing], axis=1), axis=1)[:, :k].astype(np.float32)


def rates_of(rates: LearningRates, name: str, shape: tuple[int, ...]) -> Double:
    """The step size of every entry of one parameter."""
    if name != "sh":
        return np.full(shape, getattr(rates, name))
    result = np.full(shape, rates.sh_rest)
    result[:, :1] = rates.sh_dc
    return result


def pull_on(parameters: Parameters, name: str, rates: LearningRates, degree: int) -> Double:
    """What is added to the gradient of one parameter: the slope of the pulls' terms (``LearningRates``)."""
    value = parameters[name]
    if name == "opacity_logits":
        return rates.opacity_pull * np.exp(-value) / (1 + np.exp(-value)) ** 2
    if name == "log_scales":
        return rates.scale_pull * np.exp(value)
    result = np.zeros_like(value)
    if name == "sh":
        trained = slice(1, (degree + 1) ** 2)
        result[:, trained] = rates.sh_pull * value[:, trained]
    return result


def copy_arrays(arrays: SplatArrays) -> SplatArrays:
    """Float64 copies of every array."""

    def copied(group: dict[str, Double]) -> dict[str, Double]:
        return {name: np.array(value, np.float64) for name, value in group.items()}

    return dataclasses.replace(
        arrays,
        **{name: np.array(getattr(arrays, name), np.float64) for name in PARAMETERS},
        first_moments=copied(arrays.first_moments),
        second_moments=copied(arrays.second_moments),
        statistics=copied(arrays.statistics),
    )
