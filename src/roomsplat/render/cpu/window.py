"""SSIM's window (11 px, sigma 1.5) on rows of vectors: across in registers, down over a ring of eleven rows.

Across takes three neighbouring vectors and shuffles: a load at each of eleven offsets would straddle two cache lines
and wait for the stores before it. Down reads a ring of the last eleven filtered rows, which stays in cache.
"""

# pyright: basic
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit

from roomsplat.render.cpu.elementary import INLINE
from roomsplat.render.cpu.memory import load_at
from roomsplat.render.cpu.vectors import (
    FLOATS,
    INTS,
    LANES,
    F32x16,
    constant,
    function_for_kernels,
    multiply_add,
)

TAPS, HALF = 11, 5


def _window() -> tuple[float, ...]:
    weights = np.exp(-((np.arange(TAPS) - HALF) ** 2) / (2 * 1.5**2))
    return tuple(float(np.float32(w)) for w in weights / weights.sum())


WINDOW = _window()
W0, W1, W2, W3, W4, W5 = WINDOW[: HALF + 1]


@function_for_kernels
def filter_across(typing_context: Any, before: Any, here: Any, after: Any) -> Any:
    """The window over 16 px: ``here`` and its neighbours on the left and on the right."""
    del typing_context

    def shifted(builder: Any, a: Any, b: Any, start: int) -> Any:
        order = ir.Constant(INTS, [start + i for i in range(LANES)])
        return builder.bitcast(builder.shuffle_vector(a, b, order), FLOATS)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context, sig
        total = builder.fmul(constant(WINDOW[HALF]), args[1])
        left, middle, right = (
            builder.bitcast(a, INTS) for a in args
        )  # as integers LLVM shifts by one valignd
        for distance in range(1, HALF + 1):
            one = shifted(builder, left, middle, LANES - distance)
            other = shifted(builder, middle, right, distance)
            weight = constant(WINDOW[HALF + distance])
            total = multiply_add(builder, weight, builder.fadd(one, other), total)
        return total

    kinds = (before, here, after)
    return (F32x16(*kinds), codegen) if kinds == (F32x16,) * 3 and FLOATS.count == LANES else None


@njit(**INLINE)
def ring_places(y, stride):
    """Where rows y - 5 … y + 5 begin in a ring of eleven rows of ``stride`` floats; y ≥ -6."""
    return (
        (y + 6) % TAPS * stride,
        (y + 7) % TAPS * stride,
        (y + 8) % TAPS * stride,
        (y + 9) % TAPS * stride,
        (y + 10) % TAPS * stride,
        (y + 11) % TAPS * stride,
        (y + 12) % TAPS * stride,
        (y + 13) % TAPS * stride,
        (y + 14) % TAPS * stride,
        (y + 15) % TAPS * stride,
        (y + 16) % TAPS * stride,
    )


@njit(**INLINE)
def filter_down(ring, places, x):
    """The window over the eleven rows of a ring that begin at ``places``.

    Maps that are filtered together lie in one row behind each other (``x`` then holds a constant), so that eleven
    addresses serve them all; with a ring for each, the addresses did not fit the registers.
    """
    p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10 = places
    middle = W5 * load_at(ring, p5 + x) + W4 * (load_at(ring, p4 + x) + load_at(ring, p6 + x))
    near = W3 * (load_at(ring, p3 + x) + load_at(ring, p7 + x))
    near += W2 * (load_at(ring, p2 + x) + load_at(ring, p8 + x))
    far = W1 * (load_at(ring, p1 + x) + load_at(ring, p9 + x))
    far += W0 * (load_at(ring, p0 + x) + load_at(ring, p10 + x))
    return middle + near + far
