"""Time on a device that runs ahead of Python: events around every launch, behind a head start.

Events alone would measure Python: between the event before a kernel and the kernel itself an idle GPU waits for the
launch. So the GPU is first given something else to do (``Clock.hold``) until the whole step stands in its queue.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from roomsplat.render.cuda.device import Array, Device, Kernel, Pending

HOLD = """
extern "C" __global__ void hold(long long nanoseconds) {
    long long begun, now;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(begun));
    do asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now)); while (now - begun < nanoseconds);
}
"""
EVENT_US = 1.0
"""About what an event costs on the timeline of an H100 or H200: a launch is overstated by no more than this."""


class Clock:
    """Marks on the timeline of whatever computes: CUDA events where the namespace is CuPy, else the wall clock."""

    def __init__(self, xp: Any) -> None:
        """``xp``: the engine's namespace."""
        self._cuda: Any = getattr(xp, "cuda", None)
        self._hold: Any = None if self._cuda is None else xp.RawKernel(HOLD, "hold")

    @property
    def is_cuda(self) -> bool:
        """Whether marks are events of a GPU."""
        return self._cuda is not None

    def mark(self) -> Any:
        """This moment of the current stream, without waiting."""
        if self._cuda is None:
            return time.perf_counter()
        event = self._cuda.Event()
        event.record()
        return event

    def between(self, first: Any, second: Any) -> float:
        """Milliseconds between two marks that have passed."""
        if self._cuda is None:
            return 1e3 * (second - first)
        return float(self._cuda.get_elapsed_time(first, second))

    def wait(self) -> None:
        """Until everything that was submitted is done."""
        if self._cuda is not None:
            self._cuda.Device().synchronize()

    def hold(self, milliseconds: float) -> None:
        """Keep the GPU busy for so long, so that what is submitted meanwhile runs without gaps."""
        if self._hold is not None:
            self._hold((1,), (1,), (np.int64(1e6 * milliseconds),))


@dataclass(slots=True)
class Ledger:
    """Launches of one step after the other, in order."""

    clock: Clock
    on: bool = False
    launches: list[tuple[str, Any, Any]] = field(default_factory=list[tuple[str, Any, Any]])
    """(name, mark before, mark after) of the current step."""
    asked_s: float = 0.0
    """Seconds spent in ``Device.kernel``: compiling, or loading what was compiled earlier."""

    def milliseconds(self) -> list[tuple[str, float]]:
        """(name, ms) per launch since the last call; wait first. A repeated name is numbered from its second launch."""
        seen: dict[str, int] = defaultdict(int)
        rows: list[tuple[str, float]] = []
        for name, before, after in self.launches:
            seen[name] += 1
            label = name if seen[name] == 1 else f"{name} #{seen[name]}"
            rows.append((label, self.clock.between(before, after)))
        self.launches.clear()
        return rows


@dataclass(frozen=True, slots=True)
class TimedKernel:
    """A kernel that enters its launches in a ledger."""

    inner: Kernel
    name: str
    ledger: Ledger

    def __call__(
        self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...], *, shared_mem: int = 0
    ) -> None:
        """Launch; two marks around it while the ledger is on."""
        if not self.ledger.on:
            self.inner(grid, block, args, shared_mem=shared_mem)
            return
        before = self.ledger.clock.mark()
        self.inner(grid, block, args, shared_mem=shared_mem)
        self.ledger.launches.append((self.name, before, self.ledger.clock.mark()))


class TimedDevice:
    """A ``Device`` like the one it is given, which times every kernel by name."""

    def __init__(self, inner: Device) -> None:
        """``inner``: who does the work."""
        self._inner = inner
        self.name: str = inner.name
        self.xp: Any = inner.xp
        inner.use()
        self.ledger = Ledger(Clock(inner.xp))
        self._kernels: dict[tuple[Any, ...], Kernel] = {}

    def use(self) -> None:
        """Make it current."""
        self._inner.use()

    def kernel(self, file: str, name: str, **defines: int) -> Kernel:
        """The function, wrapped; one object for each set of defines."""
        key = (file, name, tuple(sorted(defines.items())))
        if key not in self._kernels:
            begun = time.perf_counter()
            inner = self._inner.kernel(file, name, **defines)
            self.ledger.asked_s += time.perf_counter() - begun
            self._kernels[key] = TimedKernel(inner, f"{file.removesuffix('.cu')}.{name}", self.ledger)
        return self._kernels[key]

    def give_back(self) -> None:
        """As the inner one."""
        self._inner.give_back()

    def fetch_later(self, array: Array) -> Pending:
        """As the inner one."""
        return self._inner.fetch_later(array)

    def __getattr__(self, name: str) -> Any:
        """Whatever else the inner device knows."""
        return getattr(self._inner, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTime:
    """One step, submitted while the GPU was held."""

    submit_ms: float
    """Python's part: from the first call to the return of the last one."""
    gpu_ms: float
    """From the GPU's first to its last work of the step."""
    launches: list[tuple[str, float]]
    """(name, ms), in order; empty without a ledger."""


def time_step(step: Callable[[], None], clock: Clock, ledger: Ledger | None = None) -> StepTime:
    """Run ``step`` behind a head start of 4 ms plus twice what submitting took the last time."""
    clock.wait()
    begun = time.perf_counter()
    step()
    submit = time.perf_counter() - begun
    clock.wait()
    if ledger is not None:
        ledger.launches.clear()
        ledger.on = True
    clock.hold(4.0 + 2e3 * submit)
    first = clock.mark()
    begun = time.perf_counter()
    step()
    submit = time.perf_counter() - begun
    last = clock.mark()
    clock.wait()
    if ledger is not None:
        ledger.on = False
    return StepTime(
        submit_ms=1e3 * submit,
        gpu_ms=clock.between(first, last),
        launches=[] if ledger is None else ledger.milliseconds(),
    )
