"""The backward pass of blending: front to back again, with what is left of the colour carried along.

With L the loss and g = dL/d(rgb) of a pixel, the pass keeps T (transmittance) and M = g · (colour still to come), so
that dL/d(alpha) = T · g·c - M / (1 - alpha) after M has lost this splat's part: nothing is divided back out of T, and
no order is reversed. A Gaussian's sums over its blocks live in registers; one tree adds their lanes, and one cache line
goes to the pair's own slot. No atomics, nothing to clear, the same bits for any number of threads.

A slot holds moments: with k = alpha · dL/d(alpha) and (dx, dy) = centre - pixel, the sums of k, k dx, k dy, k dx²,
k dx dy, k dy² and of weight · g per channel. The conic's algebra is done once per Gaussian (``optimise.py``).
"""

# pyright: basic
import numpy as np
from numba import njit, prange

from roomsplat.render.cpu.binning import TILE
from roomsplat.render.cpu.blending import (
    BLOCKS,
    MAX_ALPHA,
    MIN_TRANSMITTANCE,
    ellipse_of,
    prepare_scratch,
)
from roomsplat.render.cpu.elementary import INLINE, PARALLEL, WORKER, decay
from roomsplat.render.cpu.memory import load, load_4x4, lowest_bit, prefetch, store, take_next, totals
from roomsplat.render.cpu.projection import BLUE, GREEN, RED
from roomsplat.render.cpu.vectors import absolute, everywhere, minimum, select

T, REST, GR, GG, GB, X, Y = (plane * BLOCKS for plane in range(7))
"""Planes of a tile's state: transmittance, M, the three gradients, pixel coordinates."""
LEFT = 112
PREFETCH_DISTANCE = 8

K, K_X, K_Y, K_XX, K_XY, K_YY, W_RED, W_GREEN, W_BLUE, ABS_X, ABS_Y, W_DEPTH = range(12)
"""Columns of a slot. The ABS ones are filled only when asked for, W_DEPTH only by a depth gradient."""


@njit(**INLINE)
def _block_backward(scratch, block, ellipse, red, green, blue):
    """One Gaussian over one block: k, weight, the block's gradients and offsets."""
    u, v, half_a, b, half_c, opacity, tau = ellipse
    dx, dy = u - load(scratch, X + block), v - load(scratch, Y + block)
    q = dx * (half_a * dx + b * dy) + half_c * dy * dy
    transmittance = load(scratch, T + block)
    raw = opacity * decay(q)
    taken = (q <= tau) & (transmittance > MIN_TRANSMITTANCE)
    alpha = select(taken, minimum(raw, MAX_ALPHA), 0.0)
    weight = alpha * transmittance
    g_red, g_green, g_blue = load(scratch, GR + block), load(scratch, GG + block), load(scratch, GB + block)
    along = g_red * red + g_green * green + g_blue * blue
    rest = load(scratch, REST + block) - weight * along
    store(scratch, REST + block, rest)
    store(scratch, T + block, transmittance - weight)
    k = alpha * (transmittance * along - rest / (1.0 - alpha))
    k = select(raw < MAX_ALPHA, k, 0.0)
    return k, weight, g_red, g_green, g_blue, dx, dy


@njit(**INLINE)
def _pair_backward(scratch, r, bits, left, top, absolutes):
    """One Gaussian over its blocks: its slot.

    ``absolutes`` adds the sums of |dL/d(centre)| per pixel (AbsGS, Ye et al. 2024, section 3.2). It is a constant where
    this is called: the compiler makes two loops of one text.
    """
    ellipse, red, green, blue = ellipse_of(r, left, top), r[RED], r[GREEN], r[BLUE]
    _, _, half_a, b, half_c, _, _ = ellipse
    zero = everywhere(0.0)
    s, sx, sy, sxx, sxy, syy, s_red, s_green, s_blue = zero, zero, zero, zero, zero, zero, zero, zero, zero
    abs_x, abs_y = zero, zero
    while bits != np.uint64(0):
        block = lowest_bit(bits)
        bits &= bits - np.uint64(1)
        k, weight, g_red, g_green, g_blue, dx, dy = _block_backward(scratch, block, ellipse, red, green, blue)
        kx, ky = k * dx, k * dy
        s, sx, sy = s + k, sx + kx, sy + ky
        sxx, sxy, syy = sxx + kx * dx, sxy + kx * dy, syy + ky * dy
        s_red, s_green, s_blue = s_red + weight * g_red, s_green + weight * g_green, s_blue + weight * g_blue
        if absolutes:
            abs_x += absolute(2.0 * half_a * kx + b * ky)
            abs_y += absolute(b * kx + 2.0 * half_c * ky)
    return totals((s, sx, sy, sxx, sxy, syy, s_red, s_green, s_blue, abs_x, abs_y))


@njit(**WORKER)
def _tile_backward(scratch, records, pair_ids, pair_slots, masks, slots, first, end, left, top, absolutes):
    """All pairs of a tile that were blended."""
    for j in range(first, end):
        if j + PREFETCH_DISTANCE < end:
            prefetch(records, pair_ids[j + PREFETCH_DISTANCE])
            prefetch(slots, pair_slots[j + PREFETCH_DISTANCE])
        r, bits = records[pair_ids[j]], np.uint64(masks[j])
        if absolutes:
            store(slots, pair_slots[j], _pair_backward(scratch, r, bits, left, top, absolutes=True))
        else:
            store(slots, pair_slots[j], _pair_backward(scratch, r, bits, left, top, absolutes=False))


@njit(**WORKER)
def _open_tile(scratch, picture, gradient, size, start, stride, width, height):
    """Read the tile's colours and gradients: whole blocks, or pixel by pixel at the picture's edge."""
    for block in range(BLOCKS):
        x, y = (block % 4) * 4, (block // 4) * 4
        corner = start + y * stride + x
        if x + 4 <= width and y + 4 <= height:
            red = load_4x4(gradient, corner, stride)
            green = load_4x4(gradient, corner + size, stride)
            blue = load_4x4(gradient, corner + 2 * size, stride)
            rest = red * load_4x4(picture, corner, stride)
            rest += green * load_4x4(picture, corner + size, stride)
            rest += blue * load_4x4(picture, corner + 2 * size, stride)
            store(scratch, T + block, 1.0)
            store(scratch, REST + block, rest)
            store(scratch, GR + block, red)
            store(scratch, GG + block, green)
            store(scratch, GB + block, blue)
            continue
        for plane in (T, REST, GR, GG, GB):
            store(scratch, plane + block, 0.0)
        for row in range(min(4, height - y)):
            for column in range(min(4, width - x)):
                pixel, lane = corner + row * stride + column, row * 4 + column
                scratch[T + block, lane] = np.float32(1)
                rest = np.float32(0)
                for channel, plane in enumerate((GR, GG, GB)):
                    value = gradient[pixel + channel * size]
                    scratch[plane + block, lane] = value
                    rest += value * picture[pixel + channel * size]
                scratch[REST + block, lane] = rest


@njit(**WORKER)
def one_tile_backward(
    tile,
    records,
    pair_ids,
    pair_slots,
    masks,
    starts,
    ends,
    scratch,
    picture,
    gradient,
    width,
    height,
    slots,
    absolutes,
):
    """Fill the slots of tile number ``tile``; pairs behind the last blended one get zeros."""
    columns = (width + TILE - 1) // TILE
    row = tile // columns
    x, y = (tile - row * columns) * TILE, row * TILE
    _open_tile(scratch, picture, gradient, width * height, y * width + x, width, width - x, height - y)
    left, top = np.float32(x) + np.float32(0.5), np.float32(y) + np.float32(0.5)
    first, end = np.int64(starts[tile]), np.int64(ends[tile])
    _tile_backward(scratch, records, pair_ids, pair_slots, masks, slots, first, end, left, top, absolutes)
    for j in range(end, np.int64(starts[tile + 1])):
        store(slots, pair_slots[j], 0.0)


@njit(**PARALLEL)
def blend_backward(
    records,
    pair_ids,
    pair_slots,
    masks,
    starts,
    ends,
    scratch,
    picture,
    gradient,
    width,
    height,
    slots,
    absolutes,
    counter,
    threads,
):
    """All tiles; the arguments are those of ``blend``.

    Args: ``pair_slots`` (pairs,); ``picture`` and ``gradient`` (flat, red, green, blue planes); out: ``slots``
    (pairs, 16); ``absolutes``: also fill ABS_X and ABS_Y.
    """
    for thread in prange(threads):
        prepare_scratch(scratch[thread], X, Y, LEFT)
        while True:
            tile = take_next(counter)
            if tile >= len(ends):
                break
            one_tile_backward(
                tile,
                records,
                pair_ids,
                pair_slots,
                masks,
                starts,
                ends,
                scratch[thread],
                picture,
                gradient,
                width,
                height,
                slots,
                absolutes,
            )
