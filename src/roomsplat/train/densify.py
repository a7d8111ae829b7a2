"""Where Gaussians are added and removed: a budget that grows to the cap, spent where the picture asks for detail.

Written once against the engine's namespace ``xp``; runs a few dozen times per run. A round first decides who stays and
who is split, from the few numbers that this takes, then rebuilds one array after the other: on a GPU the Gaussians and
their moments are the largest things there are, and never lie there a second time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from roomsplat.render.base import Array, SplatArrays
from roomsplat.train.config import DensifyConfig, TrainConfig
from roomsplat.train.host import PARAMETERS
from roomsplat.train.schedule import densify_rounds

SPLIT_OFFSET = 0.5
"""Halves sit this many standard deviations of the parent's longest axis from its mean."""
SPLIT_LONGEST, SPLIT_OTHER = 0.6, 0.85
"""Factors on the longest axis and on the other two."""
SPLIT_OPACITY = 0.8
"""Factor on the opacity. Halves that keep the parent's opacity and width lose 0.45 dB (30.68 for 31.13 on fox)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round does, as places in the arrays before it."""

    bystanders: Array
    """Gaussians that stay as they are, ascending."""
    parents: Array
    """Gaussians that are replaced by two halves, ascending. Everything else is removed."""


def budget(config: TrainConfig, step: int, first: int) -> int:
    """How many Gaussians there may be after the round at ``step``; ``first``: how many the run began with."""
    rounds = densify_rounds(config)
    share = (rounds.index(step) + 1) / len(rounds)
    cap = config.max_gaussians
    return min(cap, round(min(first, cap) + (cap - min(first, cap)) * share))


def densify(xp: Any, arrays: SplatArrays, *, allowed: int, config: DensifyConfig) -> None:
    """Remove what is invisible, then split the Gaussians that need it most, up to ``allowed`` in all.

    ``arrays`` are changed in place: bystanders first, then all first halves, then all second ones. The moments of
    halves are zero. Statistics are gone: they are about the Gaussians before.
    """
    rebuild(xp, arrays, plan(xp, arrays, allowed=allowed, config=config))


def plan(xp: Any, arrays: SplatArrays, *, allowed: int, config: DensifyConfig) -> Round:
    """Decide who is removed and who is split."""
    kept = xp.flatnonzero(visible(xp, arrays, config))
    splits = xp.zeros(len(kept), bool)
    room = max(0, min(allowed - len(kept), len(kept)))
    if room:
        scores = split_scores(xp, arrays)[kept]
        neediest = xp.argsort(-scores, kind="stable")[:room]
        splits[neediest] = scores[neediest] > 0
    return Round(bystanders=kept[~splits], parents=kept[splits])


def visible(xp: Any, arrays: SplatArrays, config: DensifyConfig) -> Array:
    """(n,) False for Gaussians that are too faint to be seen or are not finite."""
    logit = float(np.log(config.min_opacity / (1 - config.min_opacity)))
    return (arrays.opacity_logits > logit) & xp.isfinite(arrays.means).all(axis=1)


def split_scores(xp: Any, arrays: SplatArrays) -> Array:
    """(n,) how much each Gaussian asks to be split: its mean absolute screen gradient (AbsGS, Ye et al. 2024)."""
    statistics = arrays.statistics
    return statistics["abs_screen_gradient"] / xp.maximum(statistics["views"], 1)


def rebuild(xp: Any, arrays: SplatArrays, changes: Round) -> None:
    """Carry a round out, one array at a time; each old array is let go as soon as the new one is there."""
    arrays.statistics = {}
    halves = halves_of(xp, arrays, changes.parents) if len(changes.parents) else {}
    source = xp.concatenate([changes.bystanders, changes.parents, changes.parents])
    first, count = len(changes.bystanders), len(changes.parents)
    for name in PARAMETERS:
        array = getattr(arrays, name)[source]
        if name in halves:
            array[first : first + count], array[first + count :] = halves[name]
        setattr(arrays, name, array)
    for moments in (arrays.first_moments, arrays.second_moments):
        for name in moments:
            array = moments[name][source]
            array[first:] = 0
            moments[name] = array


def halves_of(xp: Any, arrays: SplatArrays, parents: Array) -> dict[str, tuple[Array, Array]]:
    """What is new about the two halves of each Gaussian of ``parents``, split along its longest axis."""
    means, scales = arrays.means[parents], xp.exp(arrays.log_scales[parents])
    axis = xp.argmax(scales, axis=1)[:, None]
    longest = xp.take_along_axis(scales, axis, axis=1)
    columns = rotation_columns(xp, arrays.quats[parents])
    direction = xp.take_along_axis(columns, axis[:, None], axis=2)[:, :, 0]
    offset = SPLIT_OFFSET * longest * direction
    halved = xp.where(
        xp.arange(3) == axis,
        xp.log(longest) + np.float32(np.log(SPLIT_LONGEST)),
        xp.log(scales) + np.float32(np.log(SPLIT_OTHER)),
    )
    opacity = 1 / (1 + xp.exp(-arrays.opacity_logits[parents]))
    opacity = xp.clip(SPLIT_OPACITY * opacity, 1e-4, 1 - 1e-4)
    logits = xp.log(opacity / (1 - opacity))
    return {
        "means": (means + offset, means - offset),
        "log_scales": (halved, halved),
        "opacity_logits": (logits, logits),
    }


def rotation_columns(xp: Any, quats: Array) -> Array:
    """(n, 4) quaternions wxyz to (n, 3, 3) rotations; column j is the Gaussian's axis j in the world."""
    length = xp.sqrt(
        (quats * quats).sum(axis=1, keepdims=True)
    )  # xp.linalg would load a library of CUDA's for it
    w, x, y, z = (quats / length).T
    entries = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return xp.stack(entries, axis=1).reshape(-1, 3, 3)
