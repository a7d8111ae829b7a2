"""How this package compiles its kernels, and how it runs them on all cores.

Plain IEEE arithmetic, no fastmath: the same pixels on every machine. All are cached on disk; Numba sees a change in the
file of a function but not in files that it calls into: delete ``__pycache__/*.nbi`` after editing an inner function.

Work is split over Python threads by ``in_threads`` rather than by Numba's ``prange``: the kernels release the lock, and
a first start compiles a third faster.
"""

# pyright: basic
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from numba import get_num_threads, njit

SHARES = 8  # pieces of work per thread, so that no thread waits long for another

# Called from Python.
kernel = njit(cache=True, error_model="numpy", nogil=True)
# Called from kernels only: without the wrappers for Python and C the first start compiles a fifth faster.
inner = njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)  # pyright: ignore[reportCallIssue] - missing in its stubs


def in_threads(function: Callable[..., None], count: int, *arguments: Any) -> None:
    """Call ``function(start, stop, *arguments)`` for pieces of range(count), on as many threads as Numba would use.

    Each piece writes only what belongs to it, so the result does not depend on the number of threads.
    """
    workers = get_num_threads()
    if workers == 1 or count < 2:
        function(0, count, *arguments)
        return
    step = -(-count // (workers * SHARES))
    with ThreadPoolExecutor(workers) as pool:
        pieces = [pool.submit(function, i, min(i + step, count), *arguments) for i in range(0, count, step)]
        for piece in pieces:
            piece.result()
