"""How Gaussians lie in memory: blocks of sixteen, in each one row of sixteen lanes per parameter (AoSoA).

A kernel works on one block: every load is one aligned cache line, and a block that the camera does not see costs one
word. Neighbours in space are neighbours in memory (Morton order), so the unseen fill whole blocks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.morton import morton_order
from roomsplat.render.base import LearningRates, SplatArrays
from roomsplat.render.cpu.memory import aligned_zeros
from roomsplat.render.cpu.vectors import LANES

Float = NDArray[np.float32]

MEAN, QUAT, SCALE, LOGIT, SH = 0, 3, 7, 10, 11
"""First row of each parameter in a block; harmonics follow coefficient by coefficient, three channels each, so that
the coefficients up to a degree are the first rows."""
FIELDS = {"means": (MEAN, 3), "quats": (QUAT, 4), "log_scales": (SCALE, 3), "opacity_logits": (LOGIT, 1)}
STATISTICS = ("screen_gradient", "abs_screen_gradient", "views", "max_radius")
HIDDEN_LOGIT = -30.0
"""Opacity of the lanes that pad the last block: far below what is drawn."""


def num_rows(sh_degree: int) -> int:
    """Rows of a block whose harmonics reach a degree."""
    return SH + 3 * (sh_degree + 1) ** 2


@dataclass(slots=True, kw_only=True)
class CpuSplats:
    """The CPU engine's Gaussians. Blocks are (blocks, rows, 16), see ``num_rows``."""

    num_gaussians: int
    """How many are real; the rest of the last block is padding."""
    sh_degree: int
    """Highest degree that there is room for."""
    params: Float
    """Blocks of the parameters."""
    first_moments: Float
    """Blocks of Adam's m."""
    second_moments: Float
    """Blocks of Adam's v."""
    statistics: Float
    """(blocks, 4, 16) in the order of ``STATISTICS``."""


def blocks_from_rows(values: Float, blocks: Float, first: int) -> None:
    """Copy plain (n, r) values into rows ``first`` to ``first + r`` of the blocks."""
    count, rows = values.shape
    padded = np.zeros((len(blocks) * LANES, rows), np.float32)
    padded[:count] = values
    blocks[:, first : first + rows] = padded.reshape(len(blocks), LANES, rows).transpose(0, 2, 1)


def rows_from_blocks(blocks: Float, first: int, rows: int, count: int) -> Float:
    """The reverse: a plain (count, rows) copy."""
    return np.ascontiguousarray(
        blocks[:, first : first + rows].transpose(0, 2, 1).reshape(len(blocks) * LANES, rows)[:count]
    )


def fields_from_blocks(blocks: Float, count: int) -> dict[str, Float]:
    """All five parameter fields as plain arrays of the shapes of ``SplatArrays``."""
    plain = {name: rows_from_blocks(blocks, first, rows, count) for name, (first, rows) in FIELDS.items()}
    plain["opacity_logits"] = plain["opacity_logits"][:, 0]
    plain["sh"] = rows_from_blocks(blocks, SH, blocks.shape[1] - SH, count)
    plain["sh"] = plain["sh"].reshape(count, (blocks.shape[1] - SH) // 3, 3)
    return plain


def blocks_from_fields(fields: dict[str, Float], order: NDArray[np.intp]) -> Float:
    """Blocks of the five parameter fields, Gaussian ``order[i]`` in place i."""
    count, coefficients = fields["sh"].shape[:2]
    blocks = aligned_zeros((-(-count // LANES), SH + 3 * coefficients, LANES))
    for name, (first, rows) in FIELDS.items():
        blocks_from_rows(fields[name].reshape(count, rows)[order], blocks, first)
    blocks_from_rows(fields["sh"].reshape(count, 3 * coefficients)[order], blocks, SH)
    return blocks


def splats_from_arrays(arrays: SplatArrays) -> CpuSplats:
    """Take plain arrays in, sorted along the Morton curve, statistics at zero."""
    count = len(arrays.means)
    order = morton_order(np, arrays.means)
    names = (*FIELDS, "sh")
    params = blocks_from_fields({name: getattr(arrays, name) for name in names}, order)
    _hide_padding(params, count)
    return CpuSplats(
        num_gaussians=count,
        sh_degree=round(arrays.sh.shape[1] ** 0.5) - 1,
        params=params,
        first_moments=blocks_from_fields({name: arrays.first_moments[name] for name in names}, order),
        second_moments=blocks_from_fields({name: arrays.second_moments[name] for name in names}, order),
        statistics=aligned_zeros((len(params), len(STATISTICS), LANES)),
    )


def _hide_padding(params: Float, count: int) -> None:
    """Give the unused lanes of the last block values that are harmless and never drawn."""
    used = count % LANES
    if used:
        params[-1, QUAT, used:] = 1.0
        params[-1, LOGIT, used:] = HIDDEN_LOGIT


def arrays_from_splats(splats: CpuSplats) -> SplatArrays:
    """A plain copy of everything, in the engine's order."""
    count = splats.num_gaussians
    statistics = rows_from_blocks(splats.statistics, 0, len(STATISTICS), count)
    return SplatArrays(
        **fields_from_blocks(splats.params, count),
        first_moments=fields_from_blocks(splats.first_moments, count),
        second_moments=fields_from_blocks(splats.second_moments, count),
        statistics={name: np.ascontiguousarray(statistics[:, i]) for i, name in enumerate(STATISTICS)},
    )


def rate_per_row(rates: LearningRates, rows: int) -> Float:
    """Adam's step size of every row of a block."""
    table = np.full(rows, rates.sh_rest, np.float32)
    table[MEAN:QUAT], table[QUAT:SCALE], table[SCALE:LOGIT] = rates.means, rates.quats, rates.log_scales
    table[LOGIT], table[SH : SH + 3] = rates.opacity_logits, rates.sh_dc
    return table


def pulls_of(rates: LearningRates) -> Float:
    """(3,) on opacities, scales and harmonics."""
    return np.array([rates.opacity_pull, rates.scale_pull, rates.sh_pull], np.float32)
