"""Projection: every Gaussian of a view to one record of sixteen floats, or to nothing.

Blocks outside the view end after the position; a block's harmonics (48 of 59 rows at degree 3) are read only if one of
its Gaussians is seen. The record is one cache line: what blending reads of a Gaussian.
"""

# pyright: basic
import numpy as np
from numba import njit, prange

from roomsplat.render import view_array as c
from roomsplat.render.cpu.elementary import INLINE, PARALLEL, WORKER, log, sigmoid
from roomsplat.render.cpu.geometry import (
    axes_on_screen,
    camera_position,
    clamped_slopes,
    low_pass,
    own_axes,
    screen_covariance,
    screen_from_world,
    within_guard_band,
)
from roomsplat.render.cpu.harmonics import colour_of, direction
from roomsplat.render.cpu.layout import LOGIT, SCALE
from roomsplat.render.cpu.memory import load, lowest_bit, store, store_at, take_next, transpose
from roomsplat.render.cpu.vectors import bits_of, maximum, sqrt

U, V, HALF_A, B, HALF_C, OPACITY, TAU, RED, GREEN, BLUE, DEPTH, EXTENT_X, EXTENT_Y, X_OF_Y, Y_OF_X = range(15)
"""Columns of a record. The ellipse is HALF_A · dx² + B · dx · dy + HALF_C · dy² ≤ TAU = ln(255 · opacity), its extents
from the centre are EXTENT_X and EXTENT_Y; on a row dy the smallest value is at dx = X_OF_Y · dy, and the reverse."""

MIN_OPACITY = 1.01 / 255
MAX_VARIANCE = 1e12
"""px²; more, and float32 runs out in the determinant. Catches scales that have run to infinity, too."""
FINITE = 1e30
CHUNK = 64
"""Blocks that a thread takes at a time."""


@njit(**INLINE)
def _is_number(p):
    """Whether logit and log scales are finite: the exponential's clamp would turn NaN into a tiny value."""
    values = load(p, LOGIT) + load(p, SCALE) + load(p, SCALE + 1) + load(p, SCALE + 2)
    return (values > -FINITE) & (values < FINITE)


@njit(**INLINE)
def _opacity(p, view, covariance, wider):
    """Opacity as drawn: with antialiasing scaled by sqrt(det before / det after)."""
    opacity = sigmoid(load(p, LOGIT))
    if view[c.ANTIALIASED] > 0:
        opacity = opacity * sqrt(maximum(covariance / wider, 0.0))
    return opacity


@njit(**INLINE)
def _store_ellipse(out, xx, xy, yy, determinant, opacity):
    """Conic, bounds and opacity into the rows of ``out``; returns the extents."""
    inverse = 1.0 / determinant
    tau = log(255.0 * maximum(opacity, 1e-6))
    reach = maximum(2.0 * tau, 0.0)
    extent_x, extent_y = sqrt(reach * xx), sqrt(reach * yy)
    store(out, HALF_A, 0.5 * yy * inverse)
    store(out, B, -xy * inverse)
    store(out, HALF_C, 0.5 * xx * inverse)
    store(out, OPACITY, opacity)
    store(out, TAU, tau)
    store(out, EXTENT_X, extent_x)
    store(out, EXTENT_Y, extent_y)
    store(out, X_OF_Y, xy / yy)
    store(out, Y_OF_X, xy / xx)
    return extent_x, extent_y


@njit(**INLINE)
def _project_shape(p, view, out):
    """Rows of ``out`` but the colours; the bits of the lanes that are seen."""
    x, y, z = camera_position(p, view)
    inverse_z = 1.0 / z
    x_slope, y_slope = x * inverse_z, y * inverse_z
    seen = (z > view[c.NEAR]) & within_guard_band(view, x_slope, y_slope)
    if bits_of(seen) == np.uint64(0):
        return np.uint64(0)
    u = view[c.FX] * x_slope + view[c.CX]
    v = view[c.FY] * y_slope + view[c.CY]
    x_slope, y_slope = clamped_slopes(view, x_slope, y_slope)
    _, rotation, scales = own_axes(p)
    axes = axes_on_screen(screen_from_world(view, x_slope, y_slope, inverse_z), rotation)
    xx, xy, yy, covariance = screen_covariance(axes, scales)
    xx, yy, wider = low_pass(xx, yy, covariance)
    opacity = _opacity(p, view, covariance, wider)
    extent_x, extent_y = _store_ellipse(out, xx, xy, yy, wider, opacity)
    seen = seen & (opacity > MIN_OPACITY) & (xx < MAX_VARIANCE) & (yy < MAX_VARIANCE)
    seen = seen & _is_number(p) & (u + extent_x > 0) & (u - extent_x < view[c.WIDTH])
    seen = seen & (v + extent_y > 0) & (v - extent_y < view[c.HEIGHT])
    store(out, U, u)
    store(out, V, v)
    store(out, DEPTH, z)
    return bits_of(seen)


@njit(**INLINE)
def _project_colour(p, view, degree, out):
    """Colour rows of ``out``; bits 16 to 63: which lanes' red, green and blue are above zero."""
    x, y, z, _ = direction(p, view)
    red, green, blue = colour_of(p, degree, x, y, z)
    store(out, RED, maximum(red, 0.0))
    store(out, GREEN, maximum(green, 0.0))
    store(out, BLUE, maximum(blue, 0.0))
    positive = bits_of(red > 0) << np.uint64(16)
    positive |= bits_of(green > 0) << np.uint64(32)
    return positive | (bits_of(blue > 0) << np.uint64(48))


@njit(**WORKER)
def project_blocks(params, view, degree, records, depths, flags, out, first, last):
    """Blocks ``first`` to ``last``; ``out`` is (16, 16) of scratch."""
    for block in range(first, last):
        p = params[block]
        seen = _project_shape(p, view, out)
        if seen == np.uint64(0):
            flags[block] = seen
            continue
        flags[block] = seen | _project_colour(p, view, degree, out)
        store_at(depths, block * 16, load(out, DEPTH))
        transpose(out)
        while seen != np.uint64(0):
            lane = lowest_bit(seen)
            seen &= seen - np.uint64(1)
            store(records, block * 16 + lane, load(out, lane))


@njit(**PARALLEL)
def project(params, view, degree, records, depths, flags, scratch, counter, threads):
    """All blocks.

    Args: ``params`` (blocks, rows, 16); ``view``; ``degree`` of the harmonics; out: ``records`` (blocks · 16, 16),
    ``depths`` (blocks · 16,), both written where seen; ``flags`` (blocks,) uint64: bits 0 to 15 seen, 16 to 31 red
    above zero, then green, blue; ``scratch`` (threads, rows, 16); ``counter`` (1,) int64 at zero.
    """
    for thread in prange(threads):
        while True:
            chunk = take_next(counter)
            if chunk * CHUNK >= len(flags):
                break
            last = min((chunk + 1) * CHUNK, len(flags))
            project_blocks(params, view, degree, records, depths, flags, scratch[thread], chunk * CHUNK, last)
