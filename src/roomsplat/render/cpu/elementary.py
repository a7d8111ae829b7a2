"""Functions of vectors: exponential, logarithm, rotation matrices. All are inlined into the kernels that call them.

Polynomials, because ``numpy.exp`` in a kernel is a scalar call into libm: 16 calls instead of about 10 instructions.
"""

# pyright: basic
from typing import Any

import numpy as np
from numba import njit

from roomsplat.render.cpu.vectors import floor, maximum, minimum, power_of_two, split_exponent, sqrt

MATH: Any = {"error_model": "numpy"}
"""IEEE arithmetic, no fastmath. Numba optimises a worker for itself and again in each library that it is linked into.
The process that compiles runs the first copy, one that loads from the cache the last. Allowed to reassociate, the two
rounded differently: quaternion gradients that should be zero, of which Adam made 0.02 dB in 300 steps. Vectors fuse
products with sums themselves (``vectors.multiply_add``); that costs 1 to 2 % of a step, no fusing at all a fifth.
"""
BARE: Any = {**MATH, "_nrt": False}
"""Without reference counting of array views, which kernels never keep: it was 213 calls in the loss, half its time."""
_INNER: Any = {**BARE, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
INLINE: Any = {**_INNER, "forceinline": True}
"""For helpers: always part of the kernel that calls them."""
WORKER: Any = {**_INNER, "nogil": True}
"""For what one thread does. Never called from Python, so no wrappers are compiled (a third of the cold start)."""
SERIAL: Any = {**BARE, "cache": True, "nogil": True}
"""For kernels that Python calls and one thread runs."""
PARALLEL: Any = {**MATH, "cache": True, "nogil": True, "parallel": True}
"""For the thin loops that hand work to threads: small, because Numba's parallel pass is slow on large functions."""

MAX_EXPONENT = 5.55
"""ln(255 · 0.99…): beyond it opacity · exp(-x) is below 1/255 whatever the opacity."""


def _decay_coefficients() -> tuple[float, ...]:
    """p with exp(-x) ≈ p(x)^8 for 0 ≤ x ≤ MAX_EXPONENT: degree 5, weighted least squares at Chebyshev points.

    The relative error is below 2e-6. Squaring three times costs less than the range reduction of a full exponential.
    """
    nodes = np.cos(np.pi * (np.arange(400) + 0.5) / 400)
    y = 0.5 * MAX_EXPONENT / 8 * (1 + nodes)
    fit = np.polynomial.polynomial.polyfit(y, np.exp(-y), 5, w=np.exp(y))
    return tuple(float(np.float32(c / 8.0**power)) for power, c in enumerate(fit))


_D0, _D1, _D2, _D3, _D4, _D5 = _decay_coefficients()
_LOG2_E = 1.4426950408889634
_LN_2 = 0.6931471805599453
_PER_BYTE = float(np.float32(1 / 255))
_PER_BYTE_REST = 1 / 255 - _PER_BYTE


@njit(**INLINE)
def decay(x):
    """exp(-x) for 0 ≤ x ≤ MAX_EXPONENT; finite or +inf, never NaN, beyond."""
    p = _D0 + x * (_D1 + x * (_D2 + x * (_D3 + x * (_D4 + x * _D5))))
    p = p * p
    p = p * p
    return p * p


@njit(**INLINE)
def exp(x):
    """The exponential, exact to 6e-7 relative, saturating at 2^±126."""
    t = minimum(maximum(x * _LOG2_E, -126.0), 126.0)
    whole = floor(t + 0.5)
    f = (t - whole) * _LN_2
    p = 1 + f * (1 + f * (1 / 2 + f * (1 / 6 + f * (1 / 24 + f * (1 / 120 + f * (1 / 720))))))
    return p * power_of_two(whole)


@njit(**INLINE)
def log(x):
    """Natural logarithm of x > 0 (the series of artanh around sqrt(2)-centred mantissas), exact to 2e-7."""
    exponent, mantissa = split_exponent(x)
    f = mantissa - 1
    s = f / (2 + f)
    z = s * s
    return exponent * _LN_2 + 2 * s * (1 + z * (1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9)))))


@njit(**INLINE)
def of_byte(x):
    """x / 255, the nearest float32 for each of the 256 whole numbers.

    With the first product alone 126 of them are the next one, and SSIM of a flat area with itself is off by up to 5e-5:
    its variances are what rounding left.
    """
    return x * _PER_BYTE + x * _PER_BYTE_REST


@njit(**INLINE)
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + exp(-x))


@njit(**INLINE)
def unit_quaternion(w, x, y, z):
    """The quaternion at length one, and 1 / its length before."""
    inverse = 1.0 / sqrt(w * w + x * x + y * y + z * z)
    return w * inverse, x * inverse, y * inverse, z * inverse, inverse


@njit(**INLINE)
def rotation_matrix(w, x, y, z):
    """Nine entries, row by row, of a unit quaternion's matrix."""
    return (
        1 - 2 * (y * y + z * z),
        2 * (x * y - w * z),
        2 * (x * z + w * y),
        2 * (x * y + w * z),
        1 - 2 * (x * x + z * z),
        2 * (y * z - w * x),
        2 * (x * z - w * y),
        2 * (y * z + w * x),
        1 - 2 * (x * x + y * y),
    )


@njit(**INLINE)
def rotation_backward(w, x, y, z, inverse, d):
    """Gradient of the stored quaternion from that of its matrix ``d`` (nine, row by row).

    The part along the quaternion is removed (its length does not matter) and the rest divided by the length.
    """
    d00, d01, d02, d10, d11, d12, d20, d21, d22 = d
    gw = 2 * (-z * d01 + y * d02 + z * d10 - x * d12 - y * d20 + x * d21)
    gx = 2 * (y * d01 + z * d02 + y * d10 - 2 * x * d11 - w * d12 + z * d20 + w * d21 - 2 * x * d22)
    gy = 2 * (-2 * y * d00 + x * d01 + w * d02 + x * d10 + z * d12 - w * d20 + z * d21 - 2 * y * d22)
    gz = 2 * (-2 * z * d00 - w * d01 + x * d02 + w * d10 - 2 * z * d11 + y * d12 + x * d20 + y * d21)
    along = gw * w + gx * x + gy * y + gz * z
    return (
        (gw - along * w) * inverse,
        (gx - along * x) * inverse,
        (gy - along * y) * inverse,
        (gz - along * z) * inverse,
    )
