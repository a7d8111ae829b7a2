"""L1 and structural similarity with their gradient in one streaming pass over the picture (Wang et al. 2004, eq. 13).

Three steps follow each other down the picture, five rows apart, so that nothing but two rings of eleven rows is kept:

1. the row's x, x² and x·y (x the render, y the target) are filtered across into the first ring;
2. five rows higher that ring is complete: filtered down, it gives SSIM and its derivatives with respect to the three
   filtered maps, which are filtered across (the window is symmetric) into the second ring;
3. five rows higher again the second ring is complete: filtered down, it gives the gradient, to which L1's is added.

The target's own filtered maps (y, y²) are computed once per picture. Work is shared out in bands of rows whose number
depends on the picture alone, so that sums do not depend on the number of threads.
"""

# pyright: basic
import numpy as np
from numba import njit, prange

from roomsplat.render.cpu.elementary import INLINE, KERNEL, PARALLEL
from roomsplat.render.cpu.memory import first_lanes, load_at, load_bytes, store_at, take_next
from roomsplat.render.cpu.vectors import absolute, everywhere, select, total
from roomsplat.render.cpu.window import HALF, TAPS, filter_across, filter_down, ring_places

C1, C2 = 0.01**2, 0.03**2
BAND = 128
"""Rows per band, at least: each band filters twenty rows more than it yields."""
FROM_BYTE = 1 / 255


def num_bands(height: int) -> int:
    """Bands of one channel."""
    return max(2, height // BAND)


def padded_width(width: int) -> int:
    """Length of a row in whole vectors."""
    return -(-width // 16) * 16


def scratch_size(width: int) -> int:
    """Floats of scratch that one thread needs: two times three rings."""
    return 6 * TAPS * padded_width(width)


@njit(**INLINE)
def _rings(scratch, stride):
    """The six rings in a thread's scratch."""
    size = TAPS * stride
    return (
        scratch[:size],
        scratch[size : 2 * size],
        scratch[2 * size : 3 * size],
        scratch[3 * size : 4 * size],
        scratch[4 * size : 5 * size],
        scratch[5 * size : 6 * size],
    )


@njit(**INLINE)
def _clear_row(a, b, c, place, stride):
    """Zeros in one row of three rings: outside the picture."""
    for x in range(place, place + stride, 16):
        store_at(a, x, 0.0)
        store_at(b, x, 0.0)
        store_at(c, x, 0.0)


@njit(**INLINE)
def _pixels(picture, start, x, width):
    """16 px of a row of a float picture, zero behind its end."""
    value = load_at(picture, start + x)
    if x + 16 > width:
        value = select(first_lanes(width - x), value, 0.0)
    return value


@njit(**INLINE)
def _byte_pixels(picture, start, x, width):
    """16 px of a row of a uint8 picture, 255 becoming 1, zero behind its end."""
    value = load_bytes(picture, start + x) * FROM_BYTE
    if x + 16 > width:
        value = select(first_lanes(width - x), value, 0.0)
    return value


@njit(**INLINE)
def _filter_products(picture, start, target, target_start, width, stride, rings, place):
    """Step 1: one row of x, x² and x·y, filtered across. The filter trails the reading by one vector."""
    zero = everywhere(0.0)
    a0, aa0, ab0, a1, aa1, ab1 = zero, zero, zero, zero, zero, zero
    for x in range(0, stride + 16, 16):
        a2, aa2, ab2 = zero, zero, zero
        if x < stride:
            a2, b2 = _pixels(picture, start, x, width), _byte_pixels(target, target_start, x, width)
            aa2, ab2 = a2 * a2, a2 * b2
        if x > 0:
            store_at(rings[0], place + x - 16, filter_across(a0, a1, a2))
            store_at(rings[1], place + x - 16, filter_across(aa0, aa1, aa2))
            store_at(rings[2], place + x - 16, filter_across(ab0, ab1, ab2))
        a0, aa0, ab0, a1, aa1, ab1 = a1, aa1, ab1, a2, aa2, ab2


@njit(**INLINE)
def _derivatives(m1, e11, e12, m2, e22):
    """SSIM and its derivatives with respect to the filtered x, x² and x·y."""
    cross = m1 * m2
    square1, square2 = m1 * m1, m2 * m2
    a1, a2 = 2.0 * cross + C1, 2.0 * (e12 - cross) + C2
    b1, b2 = square1 + square2 + C1, (e11 - square1) + (e22 - square2) + C2
    inverse = 1.0 / (b1 * b2)
    value = a1 * a2 * inverse
    d11 = -value * b1 * inverse
    d12 = 2.0 * a1 * inverse
    d1 = 2.0 * inverse * (m2 * a2 - m1 * value * b2) - 2.0 * m1 * d11 - m2 * d12
    return value, d1, d11, d12


@njit(**INLINE)
def _filter_derivatives(rings, places, place, width, stride, mask, mask_start, mean, square, at):
    """Step 2: one row of the derivatives, filtered across. Returns the row's sum of SSIM."""
    zero = everywhere(0.0)
    row_sum, p0, q0, r0, p1, q1, r1 = zero, zero, zero, zero, zero, zero, zero
    for x in range(0, stride + 16, 16):
        p2, q2, r2 = zero, zero, zero
        if x < stride:
            m1, e11 = filter_down(rings[0], places, x), filter_down(rings[1], places, x)
            e12 = filter_down(rings[2], places, x)
            value, p2, q2, r2 = _derivatives(m1, e11, e12, load_at(mean, at + x), load_at(square, at + x))
            if len(mask) > 0:
                inside = load_bytes(mask, mask_start + x) > 0
                value, p2 = select(inside, value, 0.0), select(inside, p2, 0.0)
                q2, r2 = select(inside, q2, 0.0), select(inside, r2, 0.0)
            if x + 16 > width:
                inside = first_lanes(width - x)
                value, p2 = select(inside, value, 0.0), select(inside, p2, 0.0)
                q2, r2 = select(inside, q2, 0.0), select(inside, r2, 0.0)
            row_sum += value
        if x > 0:
            store_at(rings[3], place + x - 16, filter_across(p0, p1, p2))
            store_at(rings[4], place + x - 16, filter_across(q0, q1, q2))
            store_at(rings[5], place + x - 16, filter_across(r0, r1, r2))
        p0, q0, r0, p1, q1, r1 = p1, q1, r1, p2, q2, r2
    return total(row_sum)


@njit(**INLINE)
def _write_gradient(
    rings, places, picture, start, target, target_start, width, stride, mask, mask_start, l1, ssim, gradient, out
):
    """Step 3: one row of the gradient. Returns the row's sum of absolute differences."""
    row_sum = everywhere(0.0)
    for x in range(0, stride, 16):
        a, b = _pixels(picture, start, x, width), _byte_pixels(target, target_start, x, width)
        f1, f11 = filter_down(rings[3], places, x), filter_down(rings[4], places, x)
        f12 = filter_down(rings[5], places, x)
        difference = a - b
        row_sum += absolute(difference)
        sign = select(difference > 0, l1, select(difference < 0, -l1, 0.0))
        slope = sign + ssim * (f1 + 2.0 * a * f11 + b * f12)
        if len(mask) > 0:
            slope = select(load_bytes(mask, mask_start + x) > 0, slope, 0.0)
        if x + 16 <= width:
            store_at(gradient, out + x, slope)
        else:
            spent = places[HALF]  # in ring 0 this slot is the next to be overwritten, ten rows further down
            store_at(rings[0], spent, slope)
            for i in range(width - x):
                gradient[out + x + i] = rings[0][spent + i]
    return total(row_sum)


@njit(**KERNEL)
def _band(
    picture, plane, target, width, height, stride, mask, mean, square, l1, ssim, gradient, channel, first, last, scratch
):
    """Rows ``first`` to ``last`` of one channel; returns the sums of SSIM and of absolute differences."""
    rings, size = _rings(scratch, stride), width * height
    ssim_sum, l1_sum = 0.0, 0.0
    for y in range(first - 2 * HALF, last + 2 * HALF):
        place = (y + TAPS) % TAPS * stride
        if 0 <= y < height:
            start, target_start = channel * plane + y * width, channel * size + y * width
            _filter_products(picture, start, target, target_start, width, stride, rings, place)
        else:
            _clear_row(rings[0], rings[1], rings[2], place, stride)
        row = y - HALF
        if row >= first - HALF:
            place = (row + TAPS) % TAPS * stride
            if 0 <= row < height:
                at, places = (channel * height + row) * stride, ring_places(row, stride)
                row_sum = _filter_derivatives(
                    rings, places, place, width, stride, mask, row * width, mean, square, at
                )
                if first <= row < last:
                    ssim_sum += row_sum
            else:
                _clear_row(rings[3], rings[4], rings[5], place, stride)
        row = y - 2 * HALF
        if row >= first:
            start, target_start = channel * plane + row * width, channel * size + row * width
            l1_sum += _write_gradient(
                rings, ring_places(row, stride), picture, start, target, target_start, width, stride, mask,
                row * width, l1, ssim, gradient, target_start,
            )
    return ssim_sum, l1_sum


@njit(**PARALLEL)
def compare(
    picture, plane, target, width, height, stride, bands, mask, mean, square, l1, ssim, gradient, sums, scratch, counter,
    threads,
):
    """Loss and gradient of a picture.

    Args: ``picture`` flat planes, ``plane`` floats apart, and ``target`` flat uint8 planes, both readable 16 px past
    their end; ``stride`` the padded width; ``mask`` (pixels,) uint8, 0 outside, or empty; ``mean`` and ``square`` from
    ``filter_target``; ``l1`` and ``ssim`` the terms' weights per value; out: ``gradient`` (3 · pixels,) and ``sums``
    (3 · bands, 2): SSIM and absolute difference; ``scratch`` (threads, scratch_size).
    """
    for thread in prange(threads):
        while True:
            unit = take_next(counter)
            if unit >= 3 * bands:
                break
            channel, band = unit // bands, unit % bands
            first, last = height * band // bands, height * (band + 1) // bands
            sums[unit, 0], sums[unit, 1] = _band(
                picture, plane, target, width, height, stride, mask, mean, square, l1, ssim, gradient, channel, first,
                last, scratch[thread],
            )


@njit(**INLINE)
def _filter_squares(target, start, width, stride, rings, place):
    """One row of y and y², filtered across."""
    zero = everywhere(0.0)
    b0, bb0, b1, bb1 = zero, zero, zero, zero
    for x in range(0, stride + 16, 16):
        b2, bb2 = zero, zero
        if x < stride:
            b2 = _byte_pixels(target, start, x, width)
            bb2 = b2 * b2
        if x > 0:
            store_at(rings[0], place + x - 16, filter_across(b0, b1, b2))
            store_at(rings[1], place + x - 16, filter_across(bb0, bb1, bb2))
        b0, bb0, b1, bb1 = b1, bb1, b2, bb2


@njit(**KERNEL)
def _target_band(target, width, height, stride, mean, square, channel, first, last, scratch):
    """Rows ``first`` to ``last`` of one channel of the target's moments."""
    rings = _rings(scratch, stride)
    for y in range(first - HALF, last + HALF):
        place = (y + TAPS) % TAPS * stride
        if 0 <= y < height:
            _filter_squares(target, (channel * height + y) * width, width, stride, rings, place)
        else:
            _clear_row(rings[0], rings[1], rings[2], place, stride)
        row = y - HALF
        if row >= first:
            places, at = ring_places(row, stride), (channel * height + row) * stride
            for x in range(0, stride, 16):
                store_at(mean, at + x, filter_down(rings[0], places, x))
                store_at(square, at + x, filter_down(rings[1], places, x))


@njit(**PARALLEL)
def filter_target(target, width, height, stride, bands, mean, square, scratch, counter, threads):
    """A target's moments: out: ``mean`` and ``square``, (3 · height · stride,) each; the rest as in ``compare``."""
    for thread in prange(threads):
        while True:
            unit = take_next(counter)
            if unit >= 3 * bands:
                break
            channel, band = unit // bands, unit % bands
            first, last = height * band // bands, height * (band + 1) // bands
            _target_band(target, width, height, stride, mean, square, channel, first, last, scratch[thread])
