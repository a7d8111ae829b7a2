"""An engine that is watched while a trainer drives it: when each step was submitted, and how much memory was in use."""

import gc
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from roomsplat.render.base import Engine


class WatchedEngine:
    """Does everything as the engine it is given, and notes the time of every ``rasterize`` and ``update``.

    Python runs ahead of a GPU, but never by more than its queue; over hundreds of steps the times of submission
    grow as the GPU works, so no waiting is needed and none is added.
    """

    def __init__(self, engine: Engine) -> None:
        """``engine``: who does the work."""
        self._engine: Any = engine
        self.name: str = engine.name
        self.xp: Any = engine.xp
        self.started: float | None = None
        """When the first picture was rendered: Gaussians and pictures are ready, training begins."""
        self.steps: list[float] = []
        """When each update returned, by ``time.perf_counter``."""

    def rasterize(self, *args: Any, **kwargs: Any) -> Any:
        """As the engine does."""
        if self.started is None:
            self.started = time.perf_counter()
        return self._engine.rasterize(*args, **kwargs)

    def update(self, *args: Any, **kwargs: Any) -> Any:
        """As the engine does."""
        result = self._engine.update(*args, **kwargs)
        self.steps.append(time.perf_counter())
        return result

    def __getattr__(self, name: str) -> Any:
        """Whatever else an engine can do."""
        return getattr(self._engine, name)

    def milliseconds_per_step(self, share: float) -> float:
        """Mean over the last ``share`` of the steps: everything that a step costs, of whatever kind."""
        last = max(1, round(share * len(self.steps)))
        return 1e3 * (self.steps[-1] - self.steps[-1 - last]) / last


class Memory:
    """The most that CuPy's pool held, in GB of 2^30 bytes, as torch's ``max_memory_allocated`` counts."""

    peak_gb: float | None = None
    """Largest sum of arrays alive at one time; ``None`` where the namespace has no pool (NumPy)."""
    held_gb: float | None = None
    """What the pool kept from the driver at the end: with holes and blocks to use again."""


@contextmanager
def watched_memory(xp: Any) -> Generator[Memory]:
    """Measure what is alive inside, an engine's buffers from before included.

    The hook is called at every allocation of this thread, so no peak falls between two looks.
    """
    memory = Memory()
    cuda = getattr(xp, "cuda", None)
    if cuda is None:
        yield memory
        return
    pool = xp.get_default_memory_pool()
    gc.collect()
    pool.free_all_blocks()
    memory.peak_gb = 0.0

    class Hook(cuda.MemoryHook):  # pyright: ignore[reportUntypedBaseClass] - CuPy has no types
        """Looks at the pool after every allocation."""

        name = "roomsplat-benchmark"

        def malloc_postprocess(self, **_kwargs: Any) -> None:
            memory.peak_gb = max(memory.peak_gb or 0.0, pool.used_bytes() / 2**30)

    with Hook():
        yield memory
    memory.held_gb = pool.total_bytes() / 2**30
