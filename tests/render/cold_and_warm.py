"""Run as a program: prints what one parallel kernel computes, and whether it was compiled now or came from the cache.

The kernel is the part of the optimiser in which processes that compile and processes that load once disagreed.
"""

import hashlib
import sys

import numpy as np
from numba import njit, prange

from roomsplat.render.cpu.elementary import PARALLEL, WORKER, rotation_backward
from roomsplat.render.cpu.geometry import axes_on_screen, own_axes, screen_covariance
from roomsplat.render.cpu.layout import QUAT, SCALE
from roomsplat.render.cpu.memory import load, store

BLOCKS, ROWS, THREADS = 64, 32, 2
FREE = 16
"""First of six rows that hold the projection's matrix."""


@njit(**WORKER)
def _turn(rows, out, first, last):
    for block in range(first, last):
        p, gradient = rows[block], out[block]
        q, r, s = own_axes(p)
        u0, u1, u2 = load(p, FREE), load(p, FREE + 1), load(p, FREE + 2)
        u3, u4, u5 = load(p, FREE + 3), load(p, FREE + 4), load(p, FREE + 5)
        v = axes_on_screen((u0, u1, u2, u3, u4, u5), r)
        xx, xy, yy, _ = screen_covariance(v, s)
        a0, b0 = s[0] * (xx * v[0] + xy * v[3]), s[0] * (xy * v[0] + yy * v[3])
        a1, b1 = s[1] * (xx * v[1] + xy * v[4]), s[1] * (xy * v[1] + yy * v[4])
        a2, b2 = s[2] * (xx * v[2] + xy * v[5]), s[2] * (xy * v[2] + yy * v[5])
        store(gradient, SCALE, a0 * v[0] + b0 * v[3])
        store(gradient, SCALE + 1, a1 * v[1] + b1 * v[4])
        store(gradient, SCALE + 2, a2 * v[2] + b2 * v[5])
        d = (
            u0 * a0 + u3 * b0, u0 * a1 + u3 * b1, u0 * a2 + u3 * b2,
            u1 * a0 + u4 * b0, u1 * a1 + u4 * b1, u1 * a2 + u4 * b2,
            u2 * a0 + u5 * b0, u2 * a1 + u5 * b1, u2 * a2 + u5 * b2,
        )  # fmt: skip
        w, x, y, z = rotation_backward(q[0], q[1], q[2], q[3], q[4], d)
        store(gradient, QUAT, w)
        store(gradient, QUAT + 1, x)
        store(gradient, QUAT + 2, y)
        store(gradient, QUAT + 3, z)


@njit(**PARALLEL)
def _turn_all(rows, out, threads):
    for thread in prange(threads):
        _turn(rows, out, BLOCKS * thread // threads, BLOCKS * (thread + 1) // threads)


if __name__ == "__main__":
    source = np.random.default_rng(0).standard_normal((BLOCKS, ROWS, 16)).astype(np.float32)
    result = np.zeros_like(source)
    _turn_all(source, result, THREADS)
    origin = "loaded" if _turn_all.stats.cache_hits else "compiled"
    sys.stdout.write(f"{origin} {hashlib.sha256(result.tobytes()).hexdigest()}\n")
