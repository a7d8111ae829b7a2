"""L1 and structural similarity with their gradient in one streaming pass over the picture (Wang et al. 2004, eq. 13).

Three steps follow each other down the picture, five rows apart, so that nothing but two rings of eleven rows is kept:

1. the row's x, x² and x·y (x the render, y the target) are filtered across into the first ring;
2. five rows higher that ring is complete: filtered down, it gives SSIM and its derivatives with respect to the three
   filtered maps, which are filtered across (the window is symmetric) into the second ring;
3. five rows higher again the second ring is complete: filtered down, it gives the gradient, to which L1's is added.

The target's own filtered maps (y, y²) are computed once per picture. The picture is cut into strips of eight vectors'
width, so that the rings (38 kB) stay in first-level cache: filtering down from there takes 1.5 ns per vector, from the
second level 4.1 ns. A strip computes one more vector on either side, which is what the two windows reach over.
"""

# pyright: basic
from numba import njit, prange

from roomsplat.render.cpu.elementary import INLINE, PARALLEL, WORKER, of_byte
from roomsplat.render.cpu.memory import (
    first_lanes,
    load_at,
    load_bytes,
    prefetch_at,
    store_at,
    store_first,
    take_next,
)
from roomsplat.render.cpu.vectors import absolute, everywhere, select, total
from roomsplat.render.cpu.window import HALF, TAPS, filter_across, filter_down, ring_places

C1, C2 = 0.01**2, 0.03**2
STRIP = 128
"""Width of a strip in px, at most; a multiple of 16."""
EDGE = 16
"""What a strip computes more on either side: one vector, for a window that reaches over 5 px."""
SPAN = STRIP + 2 * EDGE
"""Length of a map's row in a ring. Position 0 is EDGE px left of the strip."""
ROW = 3 * SPAN
"""A ring's row: three maps behind each other."""
SCRATCH = 2 * TAPS * ROW
"""Floats of scratch that one thread needs: two rings."""
AHEAD = 2
"""Rows that are asked for in advance: a strip reads eight lines of a row, too few for the processor to see the pattern.
At 1920×1080 the whole loss takes 8.9 ms with it, 13.7 without."""


def num_strips(width: int) -> int:
    """Strips of one channel."""
    return -(-width // STRIP)


def padded_width(width: int) -> int:
    """Length of a row in whole vectors."""
    return -(-width // 16) * 16


@njit(**INLINE)
def _clear_row(ring, place):
    """Zeros in one row of a ring: outside the picture."""
    for x in range(place, place + ROW, 16):
        store_at(ring, x, 0.0)


@njit(**INLINE)
def _filter_into(ring, at, before, here, after):
    """Filter three maps across, 16 px each, into a ring's row."""
    store_at(ring, at, filter_across(before[0], here[0], after[0]))
    store_at(ring, at + SPAN, filter_across(before[1], here[1], after[1]))
    store_at(ring, at + 2 * SPAN, filter_across(before[2], here[2], after[2]))


@njit(**INLINE)
def _filter_out(ring, places, x):
    """The three maps at 16 px, filtered down."""
    return (
        filter_down(ring, places, x),
        filter_down(ring, places, x + SPAN),
        filter_down(ring, places, x + 2 * SPAN),
    )


@njit(**INLINE)
def _pixels(picture, start, x, width):
    """16 px of a row of a float picture, zero outside it."""
    value = everywhere(0.0)
    if 0 <= x < width:
        value = load_at(picture, start + x)
        if x + 16 > width:
            value = select(first_lanes(width - x), value, 0.0)
    return value


@njit(**INLINE)
def _byte_pixels(picture, start, x, width):
    """16 px of a row of a uint8 picture, 255 becoming 1, zero outside it."""
    value = everywhere(0.0)
    if 0 <= x < width:
        value = of_byte(load_bytes(picture, start + x))
        if x + 16 > width:
            value = select(first_lanes(width - x), value, 0.0)
    return value


@njit(**INLINE)
def _filter_products(picture, start, target, target_start, width, left, right, ring, place):
    """Step 1: one row of x, x² and x·y, filtered across. The filter trails the reading by one vector."""
    zero = everywhere(0.0)
    before, here = (zero, zero, zero), (zero, zero, zero)
    at = place - 2 * EDGE
    for x in range(left - 2 * EDGE, right + 2 * EDGE, 16):
        prefetch_at(picture, start + x + AHEAD * width)
        prefetch_at(target, target_start + x + AHEAD * width)
        a, b = _pixels(picture, start, x, width), _byte_pixels(target, target_start, x, width)
        after = a, a * a, a * b
        if x >= left:
            _filter_into(ring, at, before, here, after)
        before, here = here, after
        at += 16


@njit(**INLINE)
def _rounded_products(m1, m2):
    """m1 · m2, m1² and m2². What a helper returns is not fused with what follows.

    Where x is y, all three are the same bits, and so are SSIM's numerator and denominator.
    """
    return m1 * m2, m1 * m1, m2 * m2


@njit(**INLINE)
def _derivatives(m1, e11, e12, m2, e22):
    """SSIM and its derivatives with respect to the filtered x, x² and x·y."""
    cross, square1, square2 = _rounded_products(m1, m2)
    a1, a2 = 2.0 * cross + C1, 2.0 * (e12 - cross) + C2
    b1, b2 = square1 + square2 + C1, (e11 - square1) + (e22 - square2) + C2
    inverse = 1.0 / (b1 * b2)
    value = a1 * a2 * inverse
    d11 = -value * b1 * inverse
    d12 = 2.0 * a1 * inverse
    d1 = 2.0 * inverse * (m2 * a2 - m1 * value * b2) - 2.0 * m1 * d11 - m2 * d12
    return value, d1, d11, d12


@njit(**INLINE)
def _derivatives_at(ring, places, offset, x, width, mask, mask_start, mean, square, at):
    """SSIM and its derivatives of 16 px at ``x``, zero outside the picture and the mask."""
    zero = everywhere(0.0)
    value, d1, d11, d12 = zero, zero, zero, zero
    if 0 <= x < width:
        m1, e11, e12 = _filter_out(ring, places, offset)
        value, d1, d11, d12 = _derivatives(m1, e11, e12, load_at(mean, at + x), load_at(square, at + x))
        if len(mask) > 0:
            inside = load_bytes(mask, mask_start + x) > 0
            value, d1 = select(inside, value, 0.0), select(inside, d1, 0.0)
            d11, d12 = select(inside, d11, 0.0), select(inside, d12, 0.0)
        if x + 16 > width:
            inside = first_lanes(width - x)
            value, d1 = select(inside, value, 0.0), select(inside, d1, 0.0)
            d11, d12 = select(inside, d11, 0.0), select(inside, d12, 0.0)
    return value, d1, d11, d12


@njit(**INLINE)
def _filter_derivatives(ring, places, out, place, width, left, right, mask, mask_start, mean, square, at):
    """Step 2: one row of the derivatives, filtered across. Returns the row's sum of SSIM."""
    zero, stride = everywhere(0.0), (width + 15) // 16 * 16
    row_sum, before, here = zero, (zero, zero, zero), (zero, zero, zero)
    for x in range(left - EDGE, right + EDGE, 16):
        offset = x - left + EDGE
        prefetch_at(mean, at + x + AHEAD * stride)
        prefetch_at(square, at + x + AHEAD * stride)
        value, d1, d11, d12 = _derivatives_at(
            ring, places, offset, x, width, mask, mask_start, mean, square, at
        )
        after = d1, d11, d12
        if left <= x < right:
            row_sum += value
        if x > left:
            _filter_into(out, place + offset - 16, before, here, after)
        before, here = here, after
    return total(row_sum)


@njit(**INLINE)
def _write_gradient(
    ring,
    places,
    picture,
    start,
    target,
    target_start,
    width,
    left,
    right,
    mask,
    mask_start,
    l1,
    ssim,
    gradient,
):
    """Step 3: one row of the gradient. Returns the row's sum of absolute differences."""
    row_sum = everywhere(0.0)
    for x in range(left, right, 16):
        a, b = _pixels(picture, start, x, width), _byte_pixels(target, target_start, x, width)
        prefetch_at(gradient, target_start + x + AHEAD * width)
        f1, f11, f12 = _filter_out(ring, places, x - left + EDGE)
        difference = a - b
        row_sum += absolute(difference)
        sign = select(difference > 0, l1, select(difference < 0, -l1, 0.0))
        slope = sign + ssim * (f1 + 2.0 * a * f11 + b * f12)
        if len(mask) > 0:
            slope = select(load_bytes(mask, mask_start + x) > 0, slope, 0.0)
        if x + 16 <= width:
            store_at(gradient, target_start + x, slope)
        else:
            store_first(gradient, target_start + x, slope, width - x)
    return total(row_sum)


@njit(**WORKER)
def _strip(
    picture,
    plane,
    target,
    width,
    height,
    mask,
    mean,
    square,
    l1,
    ssim,
    gradient,
    channel,
    left,
    right,
    scratch,
):
    """Columns ``left`` to ``right`` of one channel; returns the sums of SSIM and of absolute differences."""
    first_ring, second_ring, stride = scratch[: TAPS * ROW], scratch[TAPS * ROW :], (width + 15) // 16 * 16
    ssim_sum, l1_sum = 0.0, 0.0
    for y in range(-2 * HALF, height + 2 * HALF):
        place = (y + TAPS) % TAPS * ROW
        if 0 <= y < height:
            start, target_start = channel * plane + y * width, (channel * height + y) * width
            _filter_products(picture, start, target, target_start, width, left, right, first_ring, place)
        else:
            _clear_row(first_ring, place)
        row = y - HALF
        if row >= -HALF:
            place = (row + TAPS) % TAPS * ROW
            if 0 <= row < height:
                at, places = (channel * height + row) * stride, ring_places(row, ROW)
                ssim_sum += _filter_derivatives(
                    first_ring, places, second_ring, place, width, left, right, mask, row * width, mean, square, at
                )  # fmt: skip
            else:
                _clear_row(second_ring, place)
        row = y - 2 * HALF
        if row >= 0:
            start, target_start = channel * plane + row * width, (channel * height + row) * width
            places = ring_places(row, ROW)
            l1_sum += _write_gradient(
                second_ring, places, picture, start, target, target_start, width, left, right, mask, row * width, l1,
                ssim, gradient,
            )  # fmt: skip
    return ssim_sum, l1_sum


@njit(**INLINE)
def _strip_edges(strip, width):
    """First and end column of a strip: whole vectors, shared out evenly."""
    vectors, strips = (width + 15) // 16, (width + STRIP - 1) // STRIP
    return vectors * strip // strips * 16, vectors * (strip + 1) // strips * 16


@njit(**PARALLEL)
def compare(
    picture,
    plane,
    target,
    width,
    height,
    mask,
    mean,
    square,
    l1,
    ssim,
    gradient,
    sums,
    scratch,
    counter,
    threads,
):
    """Loss and gradient of a picture.

    Args: ``picture`` flat planes, ``plane`` floats apart, and ``target`` flat uint8 planes, both readable 16 px past
    their end; ``mask`` (pixels,) uint8, 0 outside, or empty; ``mean`` and ``square`` from ``filter_target``; ``l1`` and
    ``ssim`` the terms' weights per value; out: ``gradient`` (3 · pixels,) and ``sums`` (3 · strips, 2): SSIM and
    absolute difference; ``scratch`` (threads, SCRATCH).
    """
    strips = len(sums) // 3
    for thread in prange(threads):
        while True:
            unit = take_next(counter)
            if unit >= len(sums):
                break
            left, right = _strip_edges(unit % strips, width)
            sums[unit, 0], sums[unit, 1] = _strip(
                picture,
                plane,
                target,
                width,
                height,
                mask,
                mean,
                square,
                l1,
                ssim,
                gradient,
                unit // strips,
                left,
                right,
                scratch[thread],
            )


@njit(**INLINE)
def _filter_squares(target, start, width, left, right, ring, place):
    """One row of y and y², filtered across."""
    zero = everywhere(0.0)
    before, here = (zero, zero), (zero, zero)
    for x in range(left - EDGE, right + EDGE, 16):
        b = _byte_pixels(target, start, x, width)
        after = b, b * b
        if x > left:
            at = place + x - left - 16
            store_at(ring, at, filter_across(before[0], here[0], after[0]))
            store_at(ring, at + SPAN, filter_across(before[1], here[1], after[1]))
        before, here = here, after


@njit(**WORKER)
def _target_strip(target, width, height, mean, square, channel, left, right, ring):
    """Columns ``left`` to ``right`` of one channel of the target's moments."""
    stride = (width + 15) // 16 * 16
    for y in range(-HALF, height + HALF):
        place = (y + TAPS) % TAPS * ROW
        if 0 <= y < height:
            _filter_squares(target, (channel * height + y) * width, width, left, right, ring, place)
        else:
            _clear_row(ring, place)
        row = y - HALF
        if row >= 0:
            places, at = ring_places(row, ROW), (channel * height + row) * stride
            for x in range(left, right, 16):
                store_at(mean, at + x, filter_down(ring, places, x - left))
                store_at(square, at + x, filter_down(ring, places, x - left + SPAN))


@njit(**PARALLEL)
def filter_target(target, width, height, mean, square, scratch, counter, threads):
    """A target's moments: out: ``mean`` and ``square``, (3 · height · padded width,) each."""
    strips = (width + STRIP - 1) // STRIP
    for thread in prange(threads):
        while True:
            unit = take_next(counter)
            if unit >= 3 * strips:
                break
            left, right = _strip_edges(unit % strips, width)
            _target_strip(target, width, height, mean, square, unit // strips, left, right, scratch[thread])
