"""Targets and the photometric loss: what the kernels of ``similarity`` and ``exposure`` are given."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.render.base import PhotometricLoss
from roomsplat.render.cpu.buffers import Float
from roomsplat.render.cpu.drawing import CpuRendering
from roomsplat.render.cpu.exposure import CHUNK, chain_through_transform, compared_picture
from roomsplat.render.cpu.similarity import compare, filter_target, num_strips, padded_width
from roomsplat.render.cpu.targets import CpuTarget, MomentBudget, mask_bytes, planes_of
from roomsplat.render.cpu.workspace import Workspace


def prepare_target(
    work: Workspace, budget: MomentBudget, image: NDArray[np.uint8], mask: NDArray[np.bool_] | None
) -> CpuTarget:
    """(h, w, 3) sRGB to a target; its moments are kept while the budget lasts."""
    height, width = image.shape[:2]
    flat_mask = mask_bytes(mask)
    target = CpuTarget(
        width=width,
        height=height,
        pixels=planes_of(image),
        mask=flat_mask,
        num_used=width * height if mask is None else int(mask.sum()),
        moments=budget.reserve(width, height),
    )
    budget.release_with(target)
    if target.moments is not None:
        _filter_target(work, target, *target.moments)
    return target


def _filter_target(work: Workspace, target: CpuTarget, mean: Float, square: Float) -> None:
    with work.phase("target") as counter:
        filter_target(
            target.pixels, target.width, target.height, mean, square, work.rings(), counter, work.threads
        )


def _moments(work: Workspace, target: CpuTarget) -> tuple[Float, Float]:
    """The target's kept moments, or freshly computed ones."""
    if target.moments is not None:
        return target.moments
    floats = 3 * target.height * padded_width(target.width)
    mean, square = work.floats("mean", floats), work.floats("square", floats)
    _filter_target(work, target, mean, square)
    return mean, square


def photometric_loss(
    work: Workspace, rendering: CpuRendering, target: CpuTarget, ssim_weight: float, colour: Float | None
) -> PhotometricLoss:
    """Compare; ``grad_rgb`` is valid until the next call."""
    width, height = target.width, target.height
    size = width * height
    transform = np.ascontiguousarray(np.eye(3, 4) if colour is None else colour, np.float32)
    picture, plane = rendering.picture, size
    if colour is not None or target.mask.size:
        picture, plane = _compared(work, rendering, target, transform)
    mean, square = _moments(work, target)
    gradient, sums = work.floats("gradient", 3 * size), np.zeros((3 * num_strips(width), 2))
    values = 3 * max(target.num_used, 1)
    l1_weight, ssim_share = np.float32((1 - ssim_weight) / values), np.float32(-ssim_weight / values)
    with work.phase("loss") as counter:
        compare(
            picture, plane, target.pixels, width, height, target.mask, mean, square, l1_weight, ssim_share, gradient,
            sums, work.rings(), counter, work.threads,
        )  # fmt: skip
    ssim, l1 = sums.sum(axis=0) / values
    value = (1 - ssim_weight) * l1 + ssim_weight * (1 - ssim) if target.num_used else 0.0
    return PhotometricLoss(
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
            rendering.picture, size, target.pixels, target.mask, transform, out, plane, counter, work.threads
        )
    return out, plane


def _through_transform(
    work: Workspace, rendering: CpuRendering, gradient: Float, size: int, transform: Float
) -> NDArray[np.float64]:
    """Turn ``gradient`` into the render's, in place; returns the transform's (3, 4)."""
    sums = work.pool.rows("transform_sums", -(-size // CHUNK))
    with work.phase("loss") as counter:
        chain_through_transform(rendering.picture, size, gradient, transform, sums, counter, work.threads)
    return sums[:, :12].sum(axis=0, dtype=np.float64).reshape(3, 4)
