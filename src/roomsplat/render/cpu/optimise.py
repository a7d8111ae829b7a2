"""From the slots' moments to parameters: gather, backward of the projection, Adam and statistics in one pass.

Gradients exist for one block at a time, in first-level cache. Blocks that the view does not see cost one word; rows of
harmonics that are not yet trained are not touched.
"""

# pyright: basic
import numpy as np
from numba import njit, prange

from roomsplat.render import view_array as c
from roomsplat.render.cpu.blending_backward import (
    ABS_X,
    ABS_Y,
    K_X,
    K_XX,
    K_XY,
    K_Y,
    K_YY,
    W_BLUE,
    W_DEPTH,
    W_GREEN,
    W_RED,
    K,
)
from roomsplat.render.cpu.elementary import INLINE, PARALLEL, WORKER, exp, log, rotation_backward, sigmoid
from roomsplat.render.cpu.geometry import (
    axes_on_screen,
    camera_position,
    clamped_slopes,
    low_pass,
    own_axes,
    screen_covariance,
    screen_from_world,
)
from roomsplat.render.cpu.harmonics import colour_backward
from roomsplat.render.cpu.layout import LOGIT, MEAN, QUAT, SCALE, SH
from roomsplat.render.cpu.memory import load, store, take_next, totals, transpose
from roomsplat.render.cpu.projection import CHUNK
from roomsplat.render.cpu.vectors import everywhere, mask_of, maximum, select, sqrt

SUMS, CAMERA, GRADIENT = 0, 16, 32
"""Rows of a thread's scratch: a block's moments, its terms of the camera's gradient and its parameters' gradients."""
CAMERA_TERMS = 7
"""A twist and the focal length's logarithm."""
SCRATCH_ROWS = 96
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-15
"""Adam's decay rates and the term that keeps it from dividing by zero (Kerbl et al. 2023)."""
_R = c.ROTATION


@njit(**INLINE)
def _gather(slots, starts, counts, block, seen, sums):
    """Sum each seen Gaussian's slots, lane by lane, and transpose: row = moment, lane = Gaussian."""
    for lane in range(16):
        total = everywhere(0.0)
        if (seen >> np.uint64(lane)) & np.uint64(1):
            first = np.int64(starts[block * 16 + lane])
            for slot in range(first, first + np.int64(counts[block * 16 + lane])):
                total += load(slots, slot)
        store(sums, lane, total)
    transpose(sums)


@njit(**INLINE)
def _covariance_gradient(sums, conic, before, opacity_gain):
    """dL/d(covariance) as xx, xy (of each of the two entries), yy.

    Through the conic, its inverse: -conic · G · conic with G from the second moments; with antialiasing also through
    the opacity's factor sqrt(det before / det after), whose logarithm has half the difference of the two inverses as
    its derivative.
    """
    a, b, cc = conic
    xx, xy, yy, covariance = before
    h = -0.5 * load(sums, K_XY)
    ga, gc = -0.5 * load(sums, K_XX), -0.5 * load(sums, K_YY)
    y00, y01, y10, y11 = ga * a + h * b, ga * b + h * cc, h * a + gc * b, h * b + gc * cc
    factor = 0.5 * opacity_gain
    inverse = 1.0 / maximum(covariance, 1e-30)
    d_xx = factor * (yy * inverse - a) - (a * y00 + b * y10)
    d_xy = factor * (-xy * inverse - b) - (a * y01 + b * y11)
    d_yy = factor * (xx * inverse - cc) - (b * y01 + cc * y11)
    return d_xx, d_xy, d_yy


@njit(**INLINE)
def _axes_gradient(d, v, s, gradient):
    """From dL/d(covariance) to the screen axes V (2, 3), and to the log scales' rows of ``gradient``."""
    d_xx, d_xy, d_yy = d
    e0, e1, e2 = 2.0 * s[0] * s[0], 2.0 * s[1] * s[1], 2.0 * s[2] * s[2]
    v00, v10 = e0 * (d_xx * v[0] + d_xy * v[3]), e0 * (d_xy * v[0] + d_yy * v[3])
    v01, v11 = e1 * (d_xx * v[1] + d_xy * v[4]), e1 * (d_xy * v[1] + d_yy * v[4])
    v02, v12 = e2 * (d_xx * v[2] + d_xy * v[5]), e2 * (d_xy * v[2] + d_yy * v[5])
    store(gradient, SCALE, v00 * v[0] + v10 * v[3])
    store(gradient, SCALE + 1, v01 * v[1] + v11 * v[4])
    store(gradient, SCALE + 2, v02 * v[2] + v12 * v[5])
    return v00, v01, v02, v10, v11, v12


@njit(**INLINE)
def _quaternion_gradient(u, dv, q, gradient):
    """dL/d(rotation) = Uᵀ · dV, then to the quaternion's rows."""
    d = (
        u[0] * dv[0] + u[3] * dv[3],
        u[0] * dv[1] + u[3] * dv[4],
        u[0] * dv[2] + u[3] * dv[5],
        u[1] * dv[0] + u[4] * dv[3],
        u[1] * dv[1] + u[4] * dv[4],
        u[1] * dv[2] + u[4] * dv[5],
        u[2] * dv[0] + u[5] * dv[3],
        u[2] * dv[1] + u[5] * dv[4],
        u[2] * dv[2] + u[5] * dv[5],
    )
    w, x, y, z = rotation_backward(q[0], q[1], q[2], q[3], q[4], d)
    store(gradient, QUAT, w)
    store(gradient, QUAT + 1, x)
    store(gradient, QUAT + 2, y)
    store(gradient, QUAT + 3, z)


@njit(**INLINE)
def _jacobian_gradient(dv, r, view):
    """dV to U = J·R (dU = dV · rᵀ), then dU · Rᵀ: the gradient of J·(camera axes), two rows of three."""
    u0 = dv[0] * r[0] + dv[1] * r[1] + dv[2] * r[2]
    u1 = dv[0] * r[3] + dv[1] * r[4] + dv[2] * r[5]
    u2 = dv[0] * r[6] + dv[1] * r[7] + dv[2] * r[8]
    u3 = dv[3] * r[0] + dv[4] * r[1] + dv[5] * r[2]
    u4 = dv[3] * r[3] + dv[4] * r[4] + dv[5] * r[5]
    u5 = dv[3] * r[6] + dv[4] * r[7] + dv[5] * r[8]
    return (
        u0 * view[_R] + u1 * view[_R + 1] + u2 * view[_R + 2],
        u0 * view[_R + 3] + u1 * view[_R + 4] + u2 * view[_R + 5],
        u0 * view[_R + 6] + u1 * view[_R + 7] + u2 * view[_R + 8],
        u3 * view[_R] + u4 * view[_R + 1] + u5 * view[_R + 2],
        u3 * view[_R + 3] + u4 * view[_R + 4] + u5 * view[_R + 5],
        u3 * view[_R + 6] + u4 * view[_R + 7] + u5 * view[_R + 8],
    )


@njit(**INLINE)
def _position_gradient(view, slopes, clamped, inverse_z, screen, dj):
    """dL/d(mean in camera axes) from the screen position's gradient and from the Jacobian's."""
    x_slope, y_slope = slopes
    x_held, y_held = clamped
    gu, gv = screen
    fx, fy = view[c.FX], view[c.FY]
    free_x, free_y = (x_slope <= x_held) & (x_slope >= x_held), (y_slope <= y_held) & (y_slope >= y_held)
    square = inverse_z * inverse_z
    across_x, across_y = fx * square * dj[2], fy * square * dj[5]
    gx = gu * fx * inverse_z - select(free_x, across_x, 0.0)
    gy = gv * fy * inverse_z - select(free_y, across_y, 0.0)
    gz = -(gu * fx * x_slope + gv * fy * y_slope) * inverse_z - (dj[0] * fx + dj[4] * fy) * square
    gz += x_held * across_x * select(free_x, 2.0, 1.0) + y_held * across_y * select(free_y, 2.0, 1.0)
    return gx, gy, gz


@njit(**INLINE)
def _store_camera_terms(camera, view, position, g, towards, clamped, inverse_z, dj):
    """The six terms of dL/d(twist) per Gaussian: rotation vector, then translation, in camera axes.

    Turning the camera moves the mean (cross product) and turns the covariance: with M = Jᵀ · dJ the antisymmetric part
    of M. Colour's direction depends on the camera's centre only: ``towards`` (in world axes) adds to the translation.
    """
    x, y, z = position
    gx, gy, gz = g
    tx, ty, tz = towards
    fx, fy = view[c.FX] * inverse_z, view[c.FY] * inverse_z
    m01, m02 = fx * dj[1], fx * dj[2]
    m10, m12 = fy * dj[3], fy * dj[5]
    m20 = -clamped[0] * fx * dj[0] - clamped[1] * fy * dj[3]
    m21 = -clamped[0] * fx * dj[1] - clamped[1] * fy * dj[4]
    store(camera, 0, y * gz - z * gy + m21 - m12)
    store(camera, 1, z * gx - x * gz + m02 - m20)
    store(camera, 2, x * gy - y * gx + m10 - m01)
    store(camera, 3, gx + view[_R] * tx + view[_R + 1] * ty + view[_R + 2] * tz)
    store(camera, 4, gy + view[_R + 3] * tx + view[_R + 4] * ty + view[_R + 5] * tz)
    store(camera, 5, gz + view[_R + 6] * tx + view[_R + 7] * ty + view[_R + 8] * tz)


@njit(**INLINE)
def _store_focal_term(camera, view, slopes, clamped, screen, inverse_z, dj):
    """The last term: dL/d(log of the focal length). The screen's position and the Jacobian grow with it.

    Where the slope is clamped, to a limit that falls as the focal length grows, the Jacobian's last column stays.
    """
    fx, fy = view[c.FX], view[c.FY]
    free_x = (slopes[0] <= clamped[0]) & (slopes[0] >= clamped[0])
    free_y = (slopes[1] <= clamped[1]) & (slopes[1] >= clamped[1])
    across = screen[0] * slopes[0] + inverse_z * (dj[0] - select(free_x, dj[2] * slopes[0], 0.0))
    down = screen[1] * slopes[1] + inverse_z * (dj[4] - select(free_y, dj[5] * slopes[1], 0.0))
    store(camera, 6, fx * across + fy * down)


@njit(**INLINE)
def _opacity_gradient(p, sums, gradient):
    """Row of the logit: the sum of k is opacity · dL/d(opacity), whatever antialiasing made of the opacity."""
    store(gradient, LOGIT, load(sums, K) * (1.0 - sigmoid(load(p, LOGIT))))


@njit(**INLINE)
def _block_gradient(p, view, degree, flags, sums, camera, gradient):
    """Gradients of one block's parameters (rows of ``gradient``) and of the camera; lanes not seen hold anything.

    Returns the gradient of the centre on the screen (two vectors) and the covariance's xx and yy.
    """
    x, y, z = camera_position(p, view)
    inverse_z = 1.0 / z
    slopes = x * inverse_z, y * inverse_z
    clamped = clamped_slopes(view, slopes[0], slopes[1])
    q, r, s = own_axes(p)
    u = screen_from_world(view, clamped[0], clamped[1], inverse_z)
    v = axes_on_screen(u, r)
    before = screen_covariance(v, s)
    xx, yy, wider = low_pass(before[0], before[2], before[3])
    inverse = 1.0 / wider
    conic = yy * inverse, -before[1] * inverse, xx * inverse
    kx, ky = load(sums, K_X), load(sums, K_Y)
    screen = -(conic[0] * kx + conic[1] * ky), -(conic[1] * kx + conic[2] * ky)
    _opacity_gradient(p, sums, gradient)
    d = _covariance_gradient(sums, conic, before, load(sums, K) * view[c.ANTIALIASED])
    dv = _axes_gradient(d, v, s, gradient)
    _quaternion_gradient(u, dv, q, gradient)
    dj = _jacobian_gradient(dv, r, view)
    gx, gy, gz = _position_gradient(view, slopes, clamped, inverse_z, screen, dj)
    gz += load(sums, W_DEPTH)
    colour = (
        select(mask_of(flags >> np.uint64(16)), load(sums, W_RED), 0.0),
        select(mask_of(flags >> np.uint64(32)), load(sums, W_GREEN), 0.0),
        select(mask_of(flags >> np.uint64(48)), load(sums, W_BLUE), 0.0),
    )
    towards = colour_backward(p, gradient, degree, view, colour)
    store(gradient, MEAN, view[_R] * gx + view[_R + 3] * gy + view[_R + 6] * gz + towards[0])
    store(gradient, MEAN + 1, view[_R + 1] * gx + view[_R + 4] * gy + view[_R + 7] * gz + towards[1])
    store(gradient, MEAN + 2, view[_R + 2] * gx + view[_R + 5] * gy + view[_R + 8] * gz + towards[2])
    _store_camera_terms(camera, view, (x, y, z), (gx, gy, gz), towards, clamped, inverse_z, dj)
    _store_focal_term(camera, view, slopes, clamped, screen, inverse_z, dj)
    return screen[0], screen[1], xx, yy


@njit(**INLINE)
def _pull(p, gradient, rows, pulls):
    """Add what pulls beside the picture: on the opacity, the scales and the harmonics that depend on the direction."""
    opacity = sigmoid(load(p, LOGIT))
    store(gradient, LOGIT, load(gradient, LOGIT) + pulls[0] * opacity * (1.0 - opacity))
    for row in range(SCALE, SCALE + 3):
        store(gradient, row, load(gradient, row) + pulls[1] * exp(load(p, row)))
    for row in range(SH + 3, rows):
        store(gradient, row, load(gradient, row) + pulls[2] * load(p, row))


@njit(**INLINE)
def _adam(p, m, v, gradient, rates, rows, correction1, correction2, seen):
    """One step of Adam (Kingma & Ba 2015) for the seen lanes of the first ``rows`` rows."""
    for row in range(rows):
        g, m0, v0, value = load(gradient, row), load(m, row), load(v, row), load(p, row)
        m1 = BETA1 * m0 + (1 - BETA1) * g
        v1 = BETA2 * v0 + (1 - BETA2) * g * g
        moved = value - rates[row] * correction1 * m1 / (sqrt(v1 * correction2) + EPSILON)
        store(m, row, select(seen, m1, m0))
        store(v, row, select(seen, v1, v0))
        store(p, row, select(seen, moved, value))


@njit(**INLINE)
def _collect(statistics, p, sums, view, screen_x, screen_y, xx, yy, seen):
    """Let the statistics grow: screen gradients, views and the largest extent."""
    ax, ay = load(sums, ABS_X), load(sums, ABS_Y)
    store(
        statistics,
        0,
        load(statistics, 0) + select(seen, sqrt(screen_x * screen_x + screen_y * screen_y), 0.0),
    )
    store(statistics, 1, load(statistics, 1) + select(seen, sqrt(ax * ax + ay * ay), 0.0))
    store(statistics, 2, load(statistics, 2) + select(seen, 1.0, 0.0))
    reach = 2.0 * log(maximum(255.0 * sigmoid(load(p, LOGIT)), 1.0))
    extent = sqrt(reach * maximum(xx, yy)) / max(view[c.WIDTH], view[c.HEIGHT])
    store(statistics, 3, maximum(load(statistics, 3), select(seen, extent, 0.0)))


@njit(**INLINE)
def _keep_gradient(target, gradient, rows, seen):
    """Write the block's gradients out, zero where not seen."""
    for row in range(rows):
        store(target, row, select(seen, load(gradient, row), 0.0))
    for row in range(rows, target.shape[0]):
        store(target, row, 0.0)


@njit(**WORKER)
def step_blocks(
    params,
    m,
    v,
    statistics,
    gradients,
    view,
    degree,
    flags,
    starts,
    counts,
    slots,
    rates,
    corrections,
    pulls,
    modes,
    scratch,
    camera_sums,
    first,
    last,
):
    """Blocks ``first`` to ``last``; ``modes``: Adam, collect statistics, sum the camera's gradient, pull (0 or 1)."""
    sums, camera, gradient = scratch[SUMS:CAMERA], scratch[CAMERA:GRADIENT], scratch[GRADIENT:SCRATCH_ROWS]
    zero = everywhere(0.0)
    p0, p1, p2, p3, p4, p5, p6 = zero, zero, zero, zero, zero, zero, zero
    rows = 11 + 3 * (degree + 1) * (degree + 1)
    for block in range(first, last):
        bits = flags[block]
        seen = mask_of(bits)
        if bits == np.uint64(0):
            if modes[0] == 0:
                _keep_gradient(gradients[block], gradient, rows, seen)
            continue
        _gather(slots, starts, counts, block, bits, sums)
        p = params[block]
        screen_x, screen_y, xx, yy = _block_gradient(p, view, degree, bits, sums, camera, gradient)
        if modes[1] != 0:
            _collect(statistics[block], p, sums, view, screen_x, screen_y, xx, yy, seen)
        if modes[2] != 0:
            p0, p1 = p0 + select(seen, load(camera, 0), 0.0), p1 + select(seen, load(camera, 1), 0.0)
            p2, p3 = p2 + select(seen, load(camera, 2), 0.0), p3 + select(seen, load(camera, 3), 0.0)
            p4, p5 = p4 + select(seen, load(camera, 4), 0.0), p5 + select(seen, load(camera, 5), 0.0)
            p6 = p6 + select(seen, load(camera, 6), 0.0)
        if modes[3] != 0:
            _pull(p, gradient, rows, pulls)
        if modes[0] != 0:
            _adam(p, m[block], v[block], gradient, rates, rows, corrections[0], corrections[1], seen)
        else:
            _keep_gradient(gradients[block], gradient, rows, seen)
    store(camera_sums, first // CHUNK, totals((p0, p1, p2, p3, p4, p5, p6)))


@njit(**PARALLEL)
def step(
    params,
    m,
    v,
    statistics,
    gradients,
    view,
    degree,
    flags,
    starts,
    counts,
    slots,
    rates,
    corrections,
    pulls,
    modes,
    scratch,
    camera_sums,
    counter,
    threads,
):
    """All blocks, in chunks that do not depend on the number of threads (so that the camera's sums do not either).

    Args: ``params``, ``m``, ``v`` (blocks, rows, 16); ``statistics`` (blocks, 4, 16); ``gradients`` like ``params``,
    written when Adam is not applied; ``flags`` as from ``project``; ``starts`` and ``counts`` of each Gaussian's slots;
    ``rates`` per row; ``corrections`` 1 / (1 - beta^step) of both moments; ``pulls`` of ``layout.pulls_of``; out:
    ``camera_sums`` (chunks, 16).
    """
    for thread in prange(threads):
        while True:
            chunk = take_next(counter)
            if chunk * CHUNK >= len(flags):
                break
            step_blocks(
                params, m, v, statistics, gradients, view, degree, flags, starts, counts, slots, rates, corrections,
                pulls, modes, scratch[thread], camera_sums, chunk * CHUNK, min((chunk + 1) * CHUNK, len(flags)),
            )  # fmt: skip
