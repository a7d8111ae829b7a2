"""L1 and structural similarity with their gradient, fused: two streaming passes over the picture.

The window (11 px, sigma 1.5) is separable. A pass keeps the last eleven rows, filtered across, in a ring that stays in
cache, and filters down as soon as a row is complete. The first pass turns the three filtered maps of the render (x, x²,
x·y; those of the target alone are computed once per picture) into the derivative of SSIM with respect to each; the
second filters those derivatives back (the window is symmetric) and adds L1's part. Wang et al. 2004, equation 13.

Work is shared out in bands of rows whose number depends on the picture alone, so that sums do not depend on threads.
Rows of scratch are padded to whole vectors; a row begins at PAD, so that the window finds zeros outside the picture.
"""

# pyright: basic
import numpy as np
from numba import njit, prange

from roomsplat.render.cpu.elementary import INLINE, KERNEL, PARALLEL
from roomsplat.render.cpu.memory import load_at, load_bytes, store_at, take_next
from roomsplat.render.cpu.vectors import absolute, everywhere, select, total

TAPS, HALF, PAD = 11, 5, 16
C1, C2 = 0.01**2, 0.03**2
BAND = 128
"""Rows per band, at least: each band filters ten rows more than it needs."""


def _window() -> tuple[float, ...]:
    weights = np.exp(-((np.arange(TAPS) - HALF) ** 2) / (2 * 1.5**2))
    return tuple(float(np.float32(w)) for w in weights / weights.sum())


W0, W1, W2, W3, W4, W5 = _window()[: HALF + 1]


def num_bands(height: int) -> int:
    """Bands of one channel."""
    return max(2, height // BAND)


def padded_width(width: int) -> int:
    """Length of a row in whole vectors."""
    return -(-width // 16) * 16


def scratch_size(width: int) -> int:
    """Floats of scratch that one thread needs: five padded rows and the ring."""
    return 5 * (padded_width(width) + 2 * PAD) + 3 * TAPS * padded_width(width)


@njit(**INLINE)
def _filter_across(row, x):
    """The window along a padded row."""
    x += PAD - HALF
    middle = W5 * load_at(row, x + 5) + W4 * (load_at(row, x + 4) + load_at(row, x + 6))
    near = W3 * (load_at(row, x + 3) + load_at(row, x + 7)) + W2 * (load_at(row, x + 2) + load_at(row, x + 8))
    far = W1 * (load_at(row, x + 1) + load_at(row, x + 9)) + W0 * (load_at(row, x) + load_at(row, x + 10))
    return middle + near + far


@njit(**INLINE)
def _filter_down(ring, places, x):
    """The window over eleven rows of a ring; ``places`` says where each begins."""
    p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10 = places
    middle = W5 * load_at(ring, p5 + x) + W4 * (load_at(ring, p4 + x) + load_at(ring, p6 + x))
    near = W3 * (load_at(ring, p3 + x) + load_at(ring, p7 + x)) + W2 * (
        load_at(ring, p2 + x) + load_at(ring, p8 + x)
    )
    far = W1 * (load_at(ring, p1 + x) + load_at(ring, p9 + x)) + W0 * (
        load_at(ring, p0 + x) + load_at(ring, p10 + x)
    )
    return middle + near + far


@njit(**INLINE)
def _ring_places(y, stride):
    """Where rows y - 5 … y + 5 lie in a ring of eleven."""
    return (
        (y + 6) % TAPS * stride,
        (y + 7) % TAPS * stride,
        (y + 8) % TAPS * stride,
        (y + 9) % TAPS * stride,
        (y + 10) % TAPS * stride,
        y % TAPS * stride,
        (y + 1) % TAPS * stride,
        (y + 2) % TAPS * stride,
        (y + 3) % TAPS * stride,
        (y + 4) % TAPS * stride,
        (y + 5) % TAPS * stride,
    )


@njit(**INLINE)
def _read_row(picture, start, width, row):
    """Copy a row of a flat float picture into a padded one."""
    whole = width // 16 * 16
    for x in range(0, whole, 16):
        store_at(row, PAD + x, load_at(picture, start + x))
    for x in range(whole, width):
        row[PAD + x] = picture[start + x]


@njit(**INLINE)
def _read_byte_row(picture, start, width, row):
    """Copy a row of a flat uint8 picture into a padded one, 255 becoming 1. Reads up to 15 bytes past the row."""
    for x in range(0, width, 16):
        store_at(row, PAD + x, load_bytes(picture, start + x) * (1 / 255))
    for x in range(width, (width + 15) // 16 * 16):
        row[PAD + x] = np.float32(0)


@njit(**INLINE)
def _clear(array):
    for i in range(0, len(array), 16):
        store_at(array, i, 0.0)


@njit(**INLINE)
def _parts(scratch, stride):
    """A thread's scratch: five padded rows and three rings."""
    row, ring = stride + 2 * PAD, TAPS * stride
    base = 5 * row
    rows = (
        scratch[:row],
        scratch[row : 2 * row],
        scratch[2 * row : 3 * row],
        scratch[3 * row : 4 * row],
        scratch[4 * row : 5 * row],
    )
    rings = (
        scratch[base : base + ring],
        scratch[base + ring : base + 2 * ring],
        scratch[base + 2 * ring : base + 3 * ring],
    )
    return rows, rings


@njit(**KERNEL)
def _target_band(target, start, width, height, stride, mean, square, first, last, scratch):
    """Filtered target and filtered square of rows ``first`` to ``last`` of one channel."""
    rows, rings = _parts(scratch, stride)
    _clear(scratch)
    for y in range(first - HALF, last + HALF):
        place = (y + TAPS) % TAPS * stride
        if 0 <= y < height:
            _read_byte_row(target, start + y * width, width, rows[0])
            for x in range(0, stride, 16):
                value = load_at(rows[0], PAD + x)
                store_at(rows[1], PAD + x, value * value)
        else:
            _clear(rows[0])
            _clear(rows[1])
        for x in range(0, stride, 16):
            store_at(rings[0], place + x, _filter_across(rows[0], x))
            store_at(rings[1], place + x, _filter_across(rows[1], x))
        done = y - HALF
        if done >= first:
            places = _ring_places(done, stride)
            for x in range(0, stride, 16):
                store_at(mean, done * stride + x, _filter_down(rings[0], places, x))
                store_at(square, done * stride + x, _filter_down(rings[1], places, x))


@njit(**INLINE)
def _derivatives(m1, e11, e12, m2, e22):
    """SSIM of a pixel and its derivatives with respect to the filtered x, x² and x·y."""
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
def _filter_pair(rows, rings, place, stride):
    """x in rows[0] and y in rows[1]: their products, and the three maps filtered across."""
    for x in range(0, stride, 16):
        a, b = load_at(rows[0], PAD + x), load_at(rows[1], PAD + x)
        store_at(rows[2], PAD + x, a * a)
        store_at(rows[3], PAD + x, a * b)
    for x in range(0, stride, 16):
        store_at(rings[0], place + x, _filter_across(rows[0], x))
        store_at(rings[1], place + x, _filter_across(rows[2], x))
        store_at(rings[2], place + x, _filter_across(rows[3], x))


@njit(**INLINE)
def _finish_row(rings, places, stride, width, weights, masked, maps, base, size, mean, square, at):
    """Filter down, differentiate, store the three derivatives; returns the row's sum of SSIM."""
    row_sum = everywhere(0.0)
    for x in range(0, stride, 16):
        m1, e11, e12 = (
            _filter_down(rings[0], places, x),
            _filter_down(rings[1], places, x),
            _filter_down(rings[2], places, x),
        )
        value, d1, d11, d12 = _derivatives(m1, e11, e12, load_at(mean, at + x), load_at(square, at + x))
        inside = load_at(weights, PAD + x)
        if masked or x + 16 > width:
            value, d1, d11, d12 = value * inside, d1 * inside, d11 * inside, d12 * inside
        store_at(maps, base + x, d1)
        store_at(maps, base + size + x, d11)
        store_at(maps, base + 2 * size + x, d12)
        row_sum += value
    return total(row_sum)


@njit(**KERNEL)
def _forward_band(
    picture,
    start,
    target,
    target_start,
    width,
    height,
    stride,
    mask,
    mean,
    square,
    at,
    maps,
    base,
    first,
    last,
    scratch,
):
    """SSIM's sum over rows ``first`` to ``last`` of one channel, and the derivative maps."""
    rows, rings = _parts(scratch, stride)
    _clear(scratch)
    masked = len(mask) > 0
    for x in range(width):
        rows[4][PAD + x] = np.float32(1)
    result = 0.0
    for y in range(first - HALF, last + HALF):
        place = (y + TAPS) % TAPS * stride
        if 0 <= y < height:
            _read_row(picture, start + y * width, width, rows[0])
            _read_byte_row(target, target_start + y * width, width, rows[1])
        else:
            _clear(rows[0])
            _clear(rows[1])
        _filter_pair(rows, rings, place, stride)
        done = y - HALF
        if done >= first:
            if masked:
                _read_byte_row(mask, done * width, width, rows[4])
            places, offset = _ring_places(done, stride), done * stride
            size = height * stride
            result += _finish_row(
                rings,
                places,
                stride,
                width,
                rows[4],
                masked,
                maps,
                base + offset,
                size,
                mean,
                square,
                at + offset,
            )
    return result


@njit(**KERNEL)
def _backward_band(
    picture,
    start,
    target,
    target_start,
    width,
    height,
    stride,
    mask,
    maps,
    base,
    l1,
    ssim,
    gradient,
    out,
    first,
    last,
    scratch,
):
    """Gradient of rows ``first`` to ``last`` of one channel; returns the sum of absolute differences.

    ``l1`` and ``ssim`` are the two terms' weights per pixel.
    """
    rows, rings = _parts(scratch, stride)
    _clear(scratch)
    size, masked, result = height * stride, len(mask) > 0, 0.0
    for y in range(first - HALF, last + HALF):
        place = (y + TAPS) % TAPS * stride
        for k in range(3):
            if 0 <= y < height:
                for x in range(0, stride, 16):
                    store_at(rows[k], PAD + x, load_at(maps, base + k * size + y * stride + x))
            else:
                _clear(rows[k])
        for x in range(0, stride, 16):
            store_at(rings[0], place + x, _filter_across(rows[0], x))
            store_at(rings[1], place + x, _filter_across(rows[1], x))
            store_at(rings[2], place + x, _filter_across(rows[2], x))
        done = y - HALF
        if done >= first:
            _read_row(picture, start + done * width, width, rows[3])
            _read_byte_row(target, target_start + done * width, width, rows[4])
            result += _gradient_row(rings, _ring_places(done, stride), stride, l1, ssim, rows[3], rows[4])
            if masked:
                for x in range(width):
                    rows[3][PAD + x] *= np.float32(mask[done * width + x] != 0)
            _write_row(rows[3], width, gradient, out + done * width)
            _clear(rows[3])
    return result


@njit(**INLINE)
def _gradient_row(rings, places, stride, l1, ssim, x_row, y_row):
    """Overwrite ``x_row`` with the gradient; returns the row's sum of absolute differences."""
    row_sum = everywhere(0.0)
    for x in range(0, stride, 16):
        a, b = load_at(x_row, PAD + x), load_at(y_row, PAD + x)
        f1, f11, f12 = (
            _filter_down(rings[0], places, x),
            _filter_down(rings[1], places, x),
            _filter_down(rings[2], places, x),
        )
        difference = a - b
        row_sum += absolute(difference)
        sign = select(difference > 0, l1, select(difference < 0, -l1, 0.0))
        store_at(x_row, PAD + x, sign + ssim * (f1 + 2.0 * a * f11 + b * f12))
    return total(row_sum)


@njit(**INLINE)
def _write_row(row, width, gradient, start):
    """Copy a padded row out."""
    whole = width // 16 * 16
    for x in range(0, whole, 16):
        store_at(gradient, start + x, load_at(row, PAD + x))
    for x in range(whole, width):
        gradient[start + x] = row[PAD + x]


@njit(**PARALLEL)
def filter_target(target, width, height, stride, bands, mean, square, scratch, counter, threads):
    """Moments of a target: ``target`` flat uint8 planes; out: ``mean``, ``square`` (3 · height · stride,) flat."""
    for thread in prange(threads):
        while True:
            unit = take_next(counter)
            if unit >= 3 * bands:
                break
            channel, band = unit // bands, unit % bands
            first, last, at = height * band // bands, height * (band + 1) // bands, channel * height * stride
            _target_band(
                target,
                channel * width * height,
                width,
                height,
                stride,
                mean[at : at + height * stride],
                square[at : at + height * stride],
                first,
                last,
                scratch[thread],
            )


@njit(**PARALLEL)
def ssim_forward(
    picture,
    plane,
    target,
    width,
    height,
    stride,
    bands,
    mask,
    mean,
    square,
    maps,
    sums,
    scratch,
    counter,
    threads,
):
    """First pass.

    Args: ``picture`` flat planes, ``plane`` floats apart; ``target`` flat uint8; ``mask`` (pixels,) uint8 of 0 and 255
    or empty; ``mean`` and ``square`` of the target; out: ``maps`` (3 · 3 · height · stride,), ``sums`` (3 · bands,).
    """
    for thread in prange(threads):
        while True:
            unit = take_next(counter)
            if unit >= 3 * bands:
                break
            channel, band = unit // bands, unit % bands
            first, last, at = height * band // bands, height * (band + 1) // bands, channel * height * stride
            sums[unit] = _forward_band(
                picture,
                channel * plane,
                target,
                channel * width * height,
                width,
                height,
                stride,
                mask,
                mean,
                square,
                at,
                maps,
                3 * at,
                first,
                last,
                scratch[thread],
            )


@njit(**PARALLEL)
def ssim_backward(
    picture,
    plane,
    target,
    width,
    height,
    stride,
    bands,
    mask,
    maps,
    l1,
    ssim,
    gradient,
    sums,
    scratch,
    counter,
    threads,
):
    """Second pass: ``gradient`` (3 · pixels,) flat and ``sums`` (3 · bands,) of the absolute differences."""
    for thread in prange(threads):
        while True:
            unit = take_next(counter)
            if unit >= 3 * bands:
                break
            channel, band = unit // bands, unit % bands
            first, last = height * band // bands, height * (band + 1) // bands
            sums[unit] = _backward_band(
                picture,
                channel * plane,
                target,
                channel * width * height,
                width,
                height,
                stride,
                mask,
                maps,
                3 * channel * height * stride,
                l1,
                ssim,
                gradient,
                channel * width * height,
                first,
                last,
                scratch[thread],
            )
