"""What all of the engine's steps share: threads, working memory, the work counter and the clock."""

import time
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from roomsplat.render.cpu import blending, optimise
from roomsplat.render.cpu.buffers import Float, Pool
from roomsplat.render.cpu.similarity import SCRATCH
from roomsplat.render.cpu.vectors import LANES


class Workspace:
    """One engine's memory and clock. ``seconds`` sums the wall time of each phase."""

    def __init__(self, threads: int) -> None:
        """Args: ``threads``: how many share the work of a kernel."""
        self.threads = threads
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.pool = Pool()
        self._counter = np.zeros(1, np.int64)

    @contextmanager
    def phase(self, name: str) -> Generator[NDArray[np.int64]]:
        """Time a phase; gives the kernels' work counter, at zero."""
        self._counter[0] = 0
        start = time.perf_counter()
        yield self._counter
        self.seconds[name] += time.perf_counter() - start

    def floats(self, name: str, size: int) -> Float:
        """A flat buffer with room for one vector past its end."""
        return self.pool.flat(name, size + LANES, np.float32)

    def vectors(self) -> Float:
        """(threads, rows, 16) of scratch that serves projection, blending and the optimiser in turn."""
        rows = max(blending.SCRATCH_ROWS, optimise.SCRATCH_ROWS)
        return self.pool.rows("vectors", self.threads * rows).reshape(self.threads, rows, LANES)

    def rings(self) -> Float:
        """(threads, SCRATCH) of scratch for the loss."""
        return self.pool.rows("rings", self.threads, SCRATCH)
