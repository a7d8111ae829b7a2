"""The picture that is compared: the render through a colour transform, and the target's own pixels outside the mask.

Only for steps that have a transform or a mask; the others compare the render itself.
"""

# pyright: basic
from numba import njit, prange

from roomsplat.render.cpu.elementary import INLINE, PARALLEL, WORKER, of_byte
from roomsplat.render.cpu.memory import load_at, load_bytes, store, store_at, take_next, totals
from roomsplat.render.cpu.vectors import everywhere, select

CHUNK = 4096
"""Pixels that a thread takes at a time; a multiple of 16."""


@njit(**INLINE)
def _transformed(m, row, red, green, blue, own):
    """One output channel of the transform; ``own``: the same channel of the input."""
    return m[row, 0] * red + m[row, 1] * green + m[row, 2] * blue + m[row, 3] + m[row, 4] * own * own


@njit(**WORKER)
def _compare_chunk(picture, size, target, mask, transform, out, plane, first, last):
    """Pixels ``first`` to ``last``; reads and writes up to 15 floats past them, into the planes' padding."""
    for i in range(first, last, 16):
        red, green, blue = load_at(picture, i), load_at(picture, size + i), load_at(picture, 2 * size + i)
        x, y, z = (
            _transformed(transform, 0, red, green, blue, red),
            _transformed(transform, 1, red, green, blue, green),
            _transformed(transform, 2, red, green, blue, blue),
        )
        if len(mask) > 0:
            inside = load_bytes(mask, i) > 0
            x = select(inside, x, of_byte(load_bytes(target, i)))
            y = select(inside, y, of_byte(load_bytes(target, size + i)))
            z = select(inside, z, of_byte(load_bytes(target, 2 * size + i)))
        store_at(out, i, x)
        store_at(out, plane + i, y)
        store_at(out, 2 * plane + i, z)


@njit(**PARALLEL)
def compared_picture(picture, size, target, mask, transform, out, plane, counter, threads):
    """Fill ``out``.

    Args: ``picture`` flat planes of ``size`` pixels (four of them, so that reading on is harmless); ``target`` and
    ``mask`` as in ``ssim_forward``; ``transform`` (3, 5); out: ``out`` flat planes, ``plane`` (a multiple of 16) apart.
    """
    for _ in prange(threads):
        while True:
            first = take_next(counter) * CHUNK
            if first >= size:
                break
            _compare_chunk(
                picture, size, target, mask, transform, out, plane, first, min(first + CHUNK, size)
            )


@njit(**WORKER)
def _chain_tail(picture, size, gradient, transform, sums, first, last):
    """Pixel by pixel what ``_chain_chunk`` does by sixteen."""
    for i in range(first, last):
        given = gradient[i], gradient[size + i], gradient[2 * size + i]
        for c in range(3):
            for k in range(3):
                sums[5 * c + k] += given[c] * picture[k * size + i]
            sums[5 * c + 3] += given[c]
            sums[5 * c + 4] += given[c] * picture[c * size + i] ** 2
        for k in range(3):
            slope = 2 * transform[k, 4] * picture[k * size + i]
            gradient[k * size + i] = (
                transform[0, k] * given[0]
                + transform[1, k] * given[1]
                + transform[2, k] * given[2]
                + slope * given[k]
            )


@njit(**WORKER)
def _chain_chunk(picture, size, gradient, transform, sums, chunk, first, last):
    """Pixels ``first`` to ``last`` (a multiple of 16 of them) in place, and the transform's fifteen sums."""
    zero = everywhere(0.0)
    s00, s01, s02, s03, s04 = zero, zero, zero, zero, zero
    s10, s11, s12, s13, s14 = zero, zero, zero, zero, zero
    s20, s21, s22, s23, s24 = zero, zero, zero, zero, zero
    twice_red, twice_green, twice_blue = 2 * transform[0, 4], 2 * transform[1, 4], 2 * transform[2, 4]
    for i in range(first, last, 16):
        red, green, blue = load_at(picture, i), load_at(picture, size + i), load_at(picture, 2 * size + i)
        a, b, c = load_at(gradient, i), load_at(gradient, size + i), load_at(gradient, 2 * size + i)
        ared, bgreen, cblue = a * red, b * green, c * blue
        s00, s01, s02, s03, s04 = s00 + ared, s01 + a * green, s02 + a * blue, s03 + a, s04 + ared * red
        s10, s11, s12, s13, s14 = s10 + b * red, s11 + bgreen, s12 + b * blue, s13 + b, s14 + bgreen * green
        s20, s21, s22, s23, s24 = s20 + c * red, s21 + c * green, s22 + cblue, s23 + c, s24 + cblue * blue
        to_red = transform[0, 0] * a + transform[1, 0] * b + transform[2, 0] * c + twice_red * ared
        to_green = transform[0, 1] * a + transform[1, 1] * b + transform[2, 1] * c + twice_green * bgreen
        to_blue = transform[0, 2] * a + transform[1, 2] * b + transform[2, 2] * c + twice_blue * cblue
        store_at(gradient, i, to_red)
        store_at(gradient, size + i, to_green)
        store_at(gradient, 2 * size + i, to_blue)
    sums_of_all = s00, s01, s02, s03, s04, s10, s11, s12, s13, s14, s20, s21, s22, s23, s24
    store(sums, chunk, totals(sums_of_all))


@njit(**PARALLEL)
def chain_through_transform(picture, size, gradient, transform, sums, counter, threads):
    """Turn dL/d(compared picture) into dL/d(render), in place.

    Args: ``gradient`` (3 · size,) flat; out: ``sums`` (chunks, 16), whose total's first fifteen are dL/d(transform).
    """
    whole = size // 16 * 16
    for _ in prange(threads):
        while True:
            chunk = take_next(counter)
            if chunk * CHUNK >= size:
                break
            first, last = chunk * CHUNK, min((chunk + 1) * CHUNK, whole)
            _chain_chunk(picture, size, gradient, transform, sums, chunk, first, last)
            if last == whole:
                _chain_tail(picture, size, gradient, transform, sums[chunk], whole, size)
