"""From the picture's gradient to the parameters: what the kernels of the backward pass are given."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.render.base import Gradients, LearningRates
from roomsplat.render.cpu.blending_backward import W_DEPTH, W_RED, blend_backward
from roomsplat.render.cpu.buffers import Float
from roomsplat.render.cpu.drawing import CpuRendering, depth_records
from roomsplat.render.cpu.layout import CpuSplats, fields_from_blocks, pulls_of, rate_per_row
from roomsplat.render.cpu.memory import aligned_zeros
from roomsplat.render.cpu.optimise import BETA1, BETA2, CAMERA_TERMS, step
from roomsplat.render.cpu.workspace import Workspace


def blend_gradient(
    work: Workspace,
    rendering: CpuRendering,
    grad_rgb: Float,
    grad_alpha: Float | None,
    grad_depth: Float | None,
    *,
    absolutes: bool,
) -> None:
    """Fill the moments of every pair from the pictures' gradients."""
    flat = np.ascontiguousarray(grad_rgb, np.float32).ravel()
    assert flat.size == rendering.rgb.size, "the gradient has not the picture's size"
    _blend_gradient(
        work,
        rendering,
        rendering.gaussians.records,
        rendering.picture,
        flat,
        rendering.pairs.moments,
        absolutes,
    )
    if grad_alpha is not None or grad_depth is not None:
        _add_alpha_and_depth(work, rendering, grad_alpha, grad_depth)


def _blend_gradient(
    work: Workspace,
    rendering: CpuRendering,
    records: Float,
    picture: Float,
    gradient: Float,
    moments: Float,
    absolutes: bool,  # noqa: FBT001 - the same
) -> None:
    tiles, pairs, camera = rendering.tiles, rendering.pairs, rendering.camera
    with work.phase("backward") as counter:
        blend_backward(
            records, pairs.ids, pairs.slots, pairs.masks, tiles.starts, tiles.ends, work.vectors(), picture, gradient,
            camera.width, camera.height, moments, absolutes, counter, work.threads,
        )  # fmt: skip


def _add_alpha_and_depth(
    work: Workspace, rendering: CpuRendering, grad_alpha: Float | None, grad_depth: Float | None
) -> None:
    """The backward pass of the second picture (depth, alpha, nothing), added to the first one's moments."""
    assert grad_depth is None or rendering.settings.with_depth, (
        "a depth gradient needs a rendering with depth"
    )
    size, count = rendering.alpha.size, rendering.pairs.count
    gradient, picture = np.zeros((3, size), np.float32), np.zeros((3, size), np.float32)
    if grad_depth is not None:
        gradient[0], picture[0] = np.asarray(grad_depth).ravel(), rendering.depth.ravel()
    if grad_alpha is not None:
        gradient[1], picture[1] = np.asarray(grad_alpha).ravel(), rendering.alpha.ravel()
    second = work.pool.rows("depth_moments", max(count, 1))
    records = depth_records(work, rendering)
    _blend_gradient(work, rendering, records, picture.ravel(), gradient.ravel(), second, absolutes=False)
    first = rendering.pairs.moments
    first[:count, :W_RED] += second[:count, :W_RED]
    first[:count, W_DEPTH] += second[:count, W_RED]


def plain_gradients(
    work: Workspace,
    splats: CpuSplats,
    rendering: CpuRendering,
    grad_rgb: Float,
    grad_alpha: Float | None,
    grad_depth: Float | None,
) -> Gradients:
    """Gradients of every parameter and of the camera pose; changes nothing."""
    blend_gradient(work, rendering, grad_rgb, grad_alpha, grad_depth, absolutes=False)
    gradients = aligned_zeros(splats.params.shape)
    rates, corrections = np.zeros(splats.params.shape[1], np.float32), np.ones(2, np.float32)
    modes, pulls = np.array([0, 0, 1, 0]), np.zeros(3, np.float32)
    camera = _run_step(work, splats, rendering, gradients, (rates, corrections, pulls), modes)
    fields = fields_from_blocks(gradients, splats.num_gaussians)
    return Gradients(**fields, pose=camera[:6], focal=float(camera[6]))


def adam_update(
    work: Workspace,
    splats: CpuSplats,
    rendering: CpuRendering,
    rates: LearningRates,
    step_number: int,
    *,
    collect: bool,
    with_camera: bool,
) -> NDArray[np.float64]:
    """One Adam step from the moments that ``blend_gradient`` left; returns the camera's gradient (7,)."""
    pulls = pulls_of(rates)
    modes = np.array([True, collect, with_camera, pulls.any()]).astype(np.int64)
    table = rate_per_row(rates, splats.params.shape[1])
    corrections = np.array([1 / (1 - BETA1**step_number), 1 / (1 - BETA2**step_number)], np.float32)
    return _run_step(work, splats, rendering, splats.params, (table, corrections, pulls), modes)


def _run_step(
    work: Workspace,
    splats: CpuSplats,
    rendering: CpuRendering,
    gradients: Float,
    adam: tuple[Float, Float, Float],
    modes: NDArray[np.int64],
) -> NDArray[np.float64]:
    """``adam``: rates per row, corrections, pulls."""
    seen = rendering.gaussians
    with work.phase("step") as counter:
        step(
            splats.params, splats.first_moments, splats.second_moments, splats.statistics, gradients, rendering.view,
            rendering.degree, seen.flags, seen.slot_starts, seen.slot_counts, rendering.pairs.moments, *adam,
            modes, work.vectors(), seen.camera_sums, counter, work.threads,
        )  # fmt: skip
    return seen.camera_sums[:, :CAMERA_TERMS].sum(axis=0, dtype=np.float64)
