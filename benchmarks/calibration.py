"""A fixed kernel whose time says how fast this machine is right now.

It does what a training step mostly does: polynomials of float32 over blocks that lie in the nearest cache (three
quarters of the time), and a pass over more memory than the caches hold, on the same number of threads. It must never
change: baselines are measured in its units.
"""

import os
import time
from typing import Any

import numba
import numpy as np

BLOCK = 4096
REPEATS = 1500


@numba.njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
def _work(blocks: Any, memory: Any) -> None:
    for block in numba.prange(blocks.shape[0]):
        row = blocks[block]
        for _ in range(REPEATS):
            for i in range(BLOCK):
                x = row[i]
                row[i] = np.float32(0.5) + x * (
                    np.float32(0.25) - x * (np.float32(0.125) - x * np.float32(0.0625))
                )
    for part in numba.prange(memory.shape[0]):
        line = memory[part]
        for i in range(line.shape[0]):
            line[i] = line[i] * np.float32(0.5) + np.float32(0.25)


def calibrate(threads: int, repeats: int = 25) -> float:
    """Milliseconds of the kernel, the best of ``repeats``."""
    numba.set_num_threads(min(threads, os.cpu_count() or 1))
    blocks = np.full((16 * threads, BLOCK), 0.5, np.float32)
    memory = np.full((threads, 8 << 20), 0.5, np.float32)
    best = float("inf")
    for _ in range(repeats):
        begun = time.perf_counter()
        _work(blocks, memory)
        best = min(best, time.perf_counter() - begun)
    return 1e3 * best
