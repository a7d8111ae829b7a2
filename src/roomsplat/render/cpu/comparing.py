"""Targets and the photometric loss: what the kernels of ``similarity`` and ``exposure`` are given."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.media.images import resize_image
from roomsplat.media.masks import shrink_mask
from roomsplat.render.base import KnownLoss
from roomsplat.render.cpu.buffers import Float
from roomsplat.render.cpu.drawing import CpuRendering
from roomsplat.render.cpu.exposure import CHUNK, chain_through_transform, compared_picture
from roomsplat.render.cpu.similarity import compare, filter_target, num_strips, padded_width
from roomsplat.render.cpu.targets import CpuTarget, MomentBudget, mask_bytes, planes_of
from roomsplat.render.cpu.workspace import Workspace


def prepare_target(image: NDArray[np.uint8], mask: NDArray[np.bool_] | None) -> CpuTarget:
    """(h, w, 3) sRGB to a target."""
    height, width = image.shape[:2]
    return CpuTarget(
        width=width,
        height=height,
        planes=planes_of(image),
        mask=mask_bytes(mask),
        num_used=width * height if mask is None else int(mask.sum()),
    )


def reduce_target(target: CpuTarget, width: int, height: int) -> CpuTarget:
    """The same picture at a smaller size in px."""
    if (target.width, target.height) == (width, height):
        return target
    used = target.used
    image = resize_image(np.ascontiguousarray(target.pixels), width, height)
    return prepare_target(image, None if used is None else shrink_mask(used, width, height))


def _moments(work: Workspace, budget: MomentBudget, target: CpuTarget) -> tuple[Float, Float]:
    """The target's moments: those it keeps, or computed now, and kept if the budget has room."""
    if target.moments is not None:
        return target.moments
    floats = 3 * target.height * padded_width(target.width)
    target.moments = budget.reserve(target.width, target.height)
    budget.release_with(target)
    mean, square = target.moments or (work.floats("mean", floats), work.floats("square", floats))
    with work.phase("target") as counter:
        filter_target(
            target.planes, target.width, target.height, mean, square, work.rings(), counter, work.threads
        )
    return mean, square


def photometric_loss(
    work: Workspace,
    budget: MomentBudget,
    rendering: CpuRendering,
    target: CpuTarget,
    ssim_weight: float,
    colour: Float | None,
) -> KnownLoss:
    """Compare; ``grad_rgb`` is valid until the next call."""
    width, height = target.width, target.height
    size = width * height
    transform = np.ascontiguousarray(np.eye(3, 5) if colour is None else colour, np.float32)
    picture, plane = rendering.picture, size
    if colour is not None or target.mask.size:
        picture, plane = _compared(work, rendering, target, transform)
    mean, square = _moments(work, budget, target)
    gradient, sums = work.floats("gradient", 3 * size), np.zeros((3 * num_strips(width), 2))
    values = 3 * max(target.num_used, 1)
    l1_weight, ssim_share = np.float32((1 - ssim_weight) / values), np.float32(-ssim_weight / values)
    with work.phase("loss") as counter:
        compare(
            picture, plane, target.planes, width, height, target.mask, mean, square, l1_weight, ssim_share, gradient,
            sums, work.rings(), counter, work.threads,
        )  # fmt: skip
    ssim, l1 = sums.sum(axis=0) / values
    value = (1 - ssim_weight) * l1 + ssim_weight * (1 - ssim) if target.num_used else 0.0
    return KnownLoss(
        value=float(value),
        grad_rgb=gradient[: 3 * size].reshape(3, height, width),
        grad_colour=None
        if colour is None
        else _through_transform(work, rendering, gradient, size, transform),
    )


def _compared(
    work: Workspace, rendering: CpuRendering, target: CpuTarget, transform: Float
) -> tuple[Float, int]:
    """The picture that is compared, and the distance between its planes."""
    size = target.width * target.height
    plane = padded_width(size)
    out = work.floats("compared", 3 * plane)
    with work.phase("loss") as counter:
        compared_picture(
            rendering.picture, size, target.planes, target.mask, transform, out, plane, counter, work.threads
        )
    return out, plane


def _through_transform(
    work: Workspace, rendering: CpuRendering, gradient: Float, size: int, transform: Float
) -> NDArray[np.float64]:
    """Turn ``gradient`` into the render's, in place; returns the transform's (3, 5)."""
    sums = work.pool.rows("transform_sums", -(-size // CHUNK))
    with work.phase("loss") as counter:
        chain_through_transform(rendering.picture, size, gradient, transform, sums, counter, work.threads)
    return sums[:, :15].sum(axis=0, dtype=np.float64).reshape(3, 5)
