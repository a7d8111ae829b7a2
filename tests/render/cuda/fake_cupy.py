"""A CuPy of NumPy's making: the few functions that ``cupy_device`` calls, for a computer without a GPU.

Copies "to the host" happen only when an event is waited for, so that a value read too early shows.
"""

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

POISON = 0xFE


class CUDARuntimeError(RuntimeError):
    """As CuPy names it."""


class FakeArray:
    """An array "on the device": only what ``fetch_later`` asks of it."""

    def __init__(self, cupy: "FakeCupy", values: NDArray[Any]) -> None:
        self.cupy, self.values = cupy, values
        self.shape, self.dtype, self.nbytes = values.shape, values.dtype, values.nbytes

    def get(self, *, out: NDArray[Any], blocking: bool) -> None:
        """Queue the copy."""
        assert not blocking
        assert out.flags.c_contiguous
        assert (out.shape, out.dtype) == (self.shape, self.dtype)
        frozen = self.values.copy()
        self.cupy.queue.append(lambda: np.copyto(out, frozen))


class FakeCupy(ModuleType):
    """``import cupy``."""

    def __init__(self, num_gpus: int = 2) -> None:
        super().__init__("cupy")
        self.queue: list[Callable[[], None]] = []
        self.used: list[int] = []
        self.compiled: list[tuple[str, tuple[str, ...]]] = []
        self.pinned: list[int] = []
        self.failure: Exception | None = None
        self.cuda = SimpleNamespace(
            runtime=SimpleNamespace(
                getDeviceCount=lambda: num_gpus,
                getDeviceProperties=lambda index: {
                    "name": f"Fake {index}".encode(),
                    "major": 9,
                    "minor": index,
                },
                memGetInfo=lambda: (3, 10),
            ),
            nvrtc=SimpleNamespace(getVersion=lambda: (13, 0)),
            Device=lambda index: SimpleNamespace(use=lambda: self.used.append(index)),
            Event=self._event,
            alloc_pinned_memory=self._pinned,
        )

    def RawModule(self, *, code: str, options: tuple[str, ...]) -> Any:  # noqa: N802 - CuPy's name
        """Compile, or fail."""
        if self.failure is not None:
            raise self.failure
        self.compiled.append((code, options))
        return SimpleNamespace(
            get_function=lambda name: SimpleNamespace(kernel=("loaded", name, len(self.compiled)))
        )

    def _pinned(self, nbytes: int) -> bytearray:
        self.pinned.append(nbytes)
        return bytearray([POISON]) * nbytes

    def _event(self, *, disable_timing: bool) -> Any:
        assert disable_timing

        def synchronize() -> None:
            if self.failure is not None:
                raise self.failure
            while self.queue:
                self.queue.pop(0)()

        return SimpleNamespace(record=lambda: None, synchronize=synchronize)
