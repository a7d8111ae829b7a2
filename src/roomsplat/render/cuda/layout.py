"""How Gaussians lie in a GPU's memory: one plane per parameter, (rows, stride), so that a warp's loads are one line.

Neighbours in space are neighbours in memory (``render/morton.py``): whole warps are unseen, and leave at once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.morton import morton_order
from roomsplat.render.base import LearningRates, SplatArrays
from roomsplat.render.cuda.device import Array
from roomsplat.render.host import padded_harmonics

PIXELS = 2
"""Of a tile's column that one lane of a warp blends: the define of that name in the kernels."""
TILE_WIDTH, TILE_HEIGHT = 8, 4 * PIXELS
"""Of a tile, in px; a warp blends one."""
RECORD_FLOATS = 12
"""``Record`` of ``prelude.cuh``."""
MEAN, QUAT, SCALE, LOGIT, SH = 0, 3, 7, 10, 11
"""First row of each parameter, as in ``prelude.cuh``; harmonics follow coefficient by coefficient."""
FIELDS = {"means": (MEAN, 3), "quats": (QUAT, 4), "log_scales": (SCALE, 3), "opacity_logits": (LOGIT, 1)}
STATISTICS = ("screen_gradient", "abs_screen_gradient", "views", "max_radius")
WARP = 32


def stride_of(count: int) -> int:
    """Floats from one plane to the next: a multiple of a warp, so that each plane begins at a cache line.

    Kernels compute the same from the count (``geometry.cuh``).
    """
    return -(-count // WARP) * WARP


def num_rows(sh_degree: int) -> int:
    """Planes of Gaussians whose harmonics reach a degree."""
    return SH + 3 * (sh_degree + 1) ** 2


@dataclass(slots=True, kw_only=True, eq=False)
class CudaSplats:
    """The CUDA engine's Gaussians. Planes are (rows, ``stride_of(num_gaussians)``) float32 on the device."""

    num_gaussians: int
    """How many are real; what lies behind them in a plane is never read."""
    sh_degree: int
    """Highest degree that there is room for."""
    params: Array
    """Planes of the parameters."""
    first_moments: Array
    """Planes of Adam's m."""
    second_moments: Array
    """Planes of Adam's v."""
    statistics: Array
    """(4, stride) in the order of ``STATISTICS``."""


def planes_from_fields(xp: Any, fields: dict[str, Array], order: Array) -> Array:
    """Planes of the five parameter fields, Gaussian ``order[i]`` in place i.

    Coefficient by coefficient: beside the fields and the planes there is never more than four floats a Gaussian.
    """
    count, coefficients = fields["sh"].shape[:2]
    planes = xp.empty((SH + 3 * coefficients, stride_of(count)), np.float32)
    for name, (first, rows) in FIELDS.items():
        planes[first : first + rows, :count] = fields[name].reshape(count, rows).T[:, order]
    for k in range(coefficients):
        planes[SH + 3 * k : SH + 3 * k + 3, :count] = fields["sh"][:, k].T[:, order]
    return planes


def fields_from_planes(planes: Array, count: int) -> dict[str, Array]:
    """All five parameter fields in the shapes of ``SplatArrays``: views, nothing is copied."""
    fields = {name: planes[first : first + rows, :count].T for name, (first, rows) in FIELDS.items()}
    fields["opacity_logits"] = fields["opacity_logits"][:, 0]
    harmonics = planes[SH:, :count].reshape((len(planes) - SH) // 3, 3, count)
    return fields | {"sh": harmonics.transpose(2, 0, 1)}


def create(xp: Any, gaussians: Gaussians, sh_degree: int) -> CudaSplats:
    """Take parameters in from the host, harmonics cut or zero-padded to ``sh_degree``; moments and statistics zero.

    The order is found on the host, where the means are: on a GPU it takes two dozen small kernels of CuPy's, which an
    empty cache would compile for seconds before the first step.
    """
    sh = padded_harmonics(gaussians, sh_degree)
    fields = {name: xp.asarray(getattr(gaussians, name)) for name in FIELDS} | {"sh": xp.asarray(sh)}
    params = planes_from_fields(xp, fields, xp.asarray(morton_order(np, gaussians.means)))
    del fields  # the moments below must not stand beside both copies
    return CudaSplats(
        num_gaussians=len(gaussians),
        sh_degree=sh_degree,
        params=params,
        first_moments=xp.zeros_like(params),
        second_moments=xp.zeros_like(params),
        statistics=xp.zeros((len(STATISTICS), params.shape[1]), np.float32),
    )


def splats_from_arrays(xp: Any, arrays: SplatArrays) -> CudaSplats:
    """Take plain arrays in, sorted along the Morton curve, statistics at zero."""
    order = morton_order(xp, arrays.means)
    names = (*FIELDS, "sh")
    params = planes_from_fields(xp, {name: getattr(arrays, name) for name in names}, order)
    return CudaSplats(
        num_gaussians=len(arrays.means),
        sh_degree=round(arrays.sh.shape[1] ** 0.5) - 1,
        params=params,
        first_moments=planes_from_fields(xp, arrays.first_moments, order),
        second_moments=planes_from_fields(xp, arrays.second_moments, order),
        statistics=xp.zeros((len(STATISTICS), params.shape[1]), np.float32),
    )


def arrays_from_splats(splats: CudaSplats) -> SplatArrays:
    """A copy of everything, in the engine's order: one copy of each set of planes, of which the fields are views."""
    count = splats.num_gaussians

    def copied(planes: Array) -> dict[str, Array]:
        return fields_from_planes(planes[:, :count].copy(), count)

    statistics = splats.statistics[:, :count].copy()
    return SplatArrays(
        **copied(splats.params),
        first_moments=copied(splats.first_moments),
        second_moments=copied(splats.second_moments),
        statistics={name: statistics[i] for i, name in enumerate(STATISTICS)},
    )


_ADAM_FIELDS = ("means", "quats", "scales", "logits", "dc", "rest", "correction")
_PULLS = ("opacity_pull", "scale_pull", "sh_pull")
ADAM = np.dtype([(name, np.float32) for name in (*_ADAM_FIELDS, *_PULLS)])
"""``Adam`` of ``update.cu``."""
BETA1, BETA2 = 0.9, 0.999
"""Adam's decay rates (Kerbl et al. 2023); ``update.cu`` has the same."""


def adam_struct(rates: LearningRates, step: int) -> Any:
    """The rates, with the correction of the first moment's bias in them, and the correction of the second's."""
    first = 1 / (1 - BETA1**step)
    values = (
        rates.means * first,
        rates.quats * first,
        rates.log_scales * first,
        rates.opacity_logits * first,
        rates.sh_dc * first,
        rates.sh_rest * first,
        1 / (1 - BETA2**step),
        *(getattr(rates, name) for name in _PULLS),
    )
    return np.array(values, ADAM)[()]
