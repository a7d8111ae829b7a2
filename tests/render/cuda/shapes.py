"""Gaussians on the emulated device, and sums of pairs made from any gradient on the screen."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import RenderSettings
from roomsplat.render.cuda.derivatives import PairSums
from roomsplat.render.cuda.layout import RECORD_FLOATS, CudaSplats, create, fields_from_planes
from roomsplat.render.cuda.views import Views
from tests.contracts.scenes import scatter
from tests.emulator.device import EmulatedDevice
from tests.reference.gradients import ScreenGradients
from tests.reference.projection import (
    BLUE,
    CONIC_XX,
    CONIC_XY,
    CONIC_YY,
    DEPTH,
    OPACITY,
    RED,
    Double,
    Parameters,
    Records,
    U,
    project,
)

K, KX, KY, KXX, KXY, KYY, SUM_RED, SUM_Z, ABS_X, ABS_Y, SUMS = 0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 12
"""Columns of a slot, as in ``prelude.cuh``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Projected:
    """What ``project.cu`` and the reference make of the same Gaussians, in the order of the device."""

    splats: CudaSplats
    parameters: Parameters
    camera: PinholeCamera
    settings: RenderSettings
    records: NDArray[np.float32]
    keys: NDArray[np.uint32]
    flags: NDArray[np.uint8]
    wanted: Records

    @property
    def seen(self) -> NDArray[np.bool_]:
        """What the kernel says is drawn."""
        return (self.flags & 1) > 0

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Gaussians whose colours are not so near to their clamp that rounding decides."""
        colours = self.wanted.values[:, RED : BLUE + 1]
        return np.all((colours == 0) | (colours > 1e-5), axis=1)


def parameters_of(splats: CudaSplats) -> Parameters:
    """The fields in float64, in the order of the device."""
    fields = fields_from_planes(splats.params, splats.num_gaussians)
    return {name: np.array(value, np.float64) for name, value in fields.items()}


def projected(
    device: EmulatedDevice, gaussians: Gaussians, camera: PinholeCamera, settings: RenderSettings
) -> Projected:
    """Run ``project.cu`` and the reference."""
    splats = create(device.xp, gaussians, max(gaussians.sh_degree, settings.sh_degree))
    count = len(gaussians)
    records = np.full((count, RECORD_FLOATS), np.nan, np.float32)
    keys, flags = np.full(count, 7, np.uint32), np.full(count, 7, np.uint8)
    device.kernel("project.cu", "project", DEGREE=settings.sh_degree)(
        (-(-count // 128),),
        (128,),
        (splats.params, np.int32(count), Views().packed(camera, settings), records, keys, flags),
    )
    parameters = parameters_of(splats)
    with np.errstate(all="ignore"):  # scenes hold values that are not numbers, on purpose
        wanted = project(parameters, camera.cam_from_world.astype(np.float64), camera, settings)
    return Projected(
        splats=splats,
        parameters=parameters,
        camera=camera,
        settings=settings,
        records=records,
        keys=keys,
        flags=flags,
        wanted=wanted,
    )


def wide_scatter(seed: int, count: int, degree: int, camera: PinholeCamera) -> Gaussians:
    """Gaussians before, behind, astride and far beside the camera; needles, dots and some that fill the screen."""
    base = scatter(seed, count, degree, camera)
    rng = np.random.default_rng(seed)
    means = base.means + rng.normal(0, 1.5, base.means.shape) * (rng.random((count, 1)) < 0.4)
    scales = base.log_scales + rng.normal(0, 1.2, (count, 3))
    return replace(base, means=means.astype(np.float32), log_scales=scales.astype(np.float32))


def random_screen_gradients(view: Projected, seed: int) -> ScreenGradients:
    """Any dL/d(record) of what is seen. Conics get one as large as the conic is small, as a picture's would be."""
    rng = np.random.default_rng(seed)
    records = rng.normal(size=(len(view.flags), 10))
    values = view.wanted.values
    trace = np.abs(values[:, CONIC_XX] + values[:, CONIC_YY])
    records[:, [CONIC_XX, CONIC_XY, CONIC_YY]] /= np.maximum(trace, 1e-9)[:, None]
    records[:, : U + 2] *= np.sqrt(np.maximum(trace, 1e-9))[:, None]
    records[~(view.seen & view.wanted.visible)] = 0
    mean_abs = np.abs(records[:, :2]) * rng.uniform(1, 3, (len(records), 2))
    return ScreenGradients(records=records, mean_abs=mean_abs)


def pair_sums(view: Projected, screen: ScreenGradients, seed: int) -> PairSums:
    """The sums that blending would leave for this gradient, spread over slots at random."""
    rng = np.random.default_rng(seed)
    count = len(view.flags)
    counts = np.where(view.seen, rng.integers(1, 9, count), 0).astype(np.int32)
    order = rng.permutation(count)  # slots lie in the order of depth, not of storage
    starts = np.zeros(count, np.int32)
    starts[order] = np.cumsum(counts[order]) - counts[order]
    slots = np.zeros((max(1, int(counts.sum())), SUMS), np.float32)
    for index, total in enumerate(slot_totals(view, screen)):
        share = rng.dirichlet(np.ones(counts[index])) if counts[index] else np.zeros(0)
        slots[starts[index] : starts[index] + counts[index]] = share[:, None] * total
    return PairSums(
        view=Views().packed(view.camera, view.settings),
        degree=view.settings.sh_degree,
        flags=view.flags,
        slots=slots,
        slot_starts=starts,
        slot_counts=counts,
    )


def slot_totals(view: Projected, screen: ScreenGradients) -> Double:
    """(n, 12): alpha = opacity · exp(-q/2) turns each gradient of a record into a sum of k and of d."""
    values, slopes = view.wanted.values, screen.records
    total = np.zeros((len(values), SUMS))
    total[:, K] = values[:, OPACITY] * slopes[:, OPACITY]
    xx, xy, yy = values[:, CONIC_XX], values[:, CONIC_XY], values[:, CONIC_YY]
    determinant = xx * yy - xy * xy
    total[:, KX] = (yy * slopes[:, 0] - xy * slopes[:, 1]) / determinant
    total[:, KY] = (xx * slopes[:, 1] - xy * slopes[:, 0]) / determinant
    total[:, KXX], total[:, KYY] = -2 * slopes[:, CONIC_XX], -2 * slopes[:, CONIC_YY]
    total[:, KXY] = -slopes[:, CONIC_XY]
    total[:, SUM_RED:SUM_Z], total[:, SUM_Z] = slopes[:, RED : BLUE + 1], slopes[:, DEPTH]
    total[:, ABS_X : ABS_Y + 1] = screen.mean_abs
    return np.where(view.seen[:, None], total, 0)
