"""The real device: kernels compiled by NVRTC and launched through CuPy. Only this file imports CuPy.

What is compiled is kept by CuPy in ``~/.cupy/kernel_cache`` (or ``CUPY_CACHE_DIR``), under a hash of the source, the
options, the architecture and the compiler's version; a second start compiles nothing. Importing CuPy costs 0.2 to
0.9 s, so nothing imports this module before an engine of this kind is wanted.
"""

from typing import Any

import cupy  # pyright: ignore[reportMissingModuleSource] - an extra, absent where types are checked; see typings/
import numpy as np
from numpy.typing import NDArray

from roomsplat.errors import EngineError
from roomsplat.render.cuda.device import Array, Kernel, Pending
from roomsplat.render.cuda.failures import Guard
from roomsplat.render.cuda.sources import OPTIONS, kernel_source

_GUARD = Guard()

BLOCK_BYTES = 1 << 16
"""Of page-locked host memory, at least: what a step fetches fits, so the few blocks in use go round for ever."""


class CupyDevice:
    """One NVIDIA GPU. Everything runs on CuPy's default stream, so that engines that share a GPU keep their order."""

    def __init__(self, index: int = 0) -> None:
        """Args: ``index``: which GPU, as CUDA counts them (0 is the first of ``CUDA_VISIBLE_DEVICES``).

        Raises:
            EngineError: there is no such GPU, or the driver does not answer.
        """
        with _GUARD:
            count = cupy.cuda.runtime.getDeviceCount()
            if not 0 <= index < count:
                raise EngineError(
                    f"There is no GPU number {index}: CUDA shows {count}.",
                    hint="Give --device 0, or see what roomsplat doctor lists.",
                )
            self.index = index
            cupy.cuda.nvrtc.getVersion()  # a missing compiler is told now, not in the first step
            self.xp: Any = cupy
            self._use = cupy.cuda.Device(index).use
            self._use()
            self.name: str = cupy.cuda.runtime.getDeviceProperties(index)["name"].decode()
        self._modules: dict[tuple[Any, ...], Any] = {}
        self._kernels: dict[tuple[Any, ...], Kernel] = {}
        self._free: list[_Block] = []

    def use(self) -> None:
        """Make it the current device of this thread; each method of the engine begins with this (0.2 µs)."""
        self._use()

    def kernel(self, file: str, name: str, **defines: int) -> Kernel:
        """The function ``name`` of ``file``, compiled for this GPU at the first call with ``defines``.

        Raises:
            EngineError: the source does not compile.
        """
        kept = self._kernels.get((file, name, *defines.items()))
        if kept is not None:
            return kept
        constants = tuple(sorted(defines.items()))
        with _GUARD:
            self._use()
            module = self._modules.get((file, constants))
            if module is None:
                module = cupy.RawModule(code=kernel_source(file, defines), options=OPTIONS)
                self._modules[file, constants] = module
            # The loaded function itself: CuPy's wrapper around it asks at every launch which device is current.
            loaded: Kernel = module.get_function(name).kernel
        self._kernels[file, name, *defines.items()] = loaded
        return loaded

    def give_back(self) -> None:
        """Return memory that no array uses to the driver: CuPy's pool would keep it."""
        cupy.get_default_memory_pool().free_all_blocks()

    def fetch_later(self, array: Array) -> Pending:
        """Start copying a small array to page-locked host memory, without waiting for anything."""
        with _GUARD:
            block = self._block(array.nbytes)
            view = block.view(array.shape, array.dtype)
            array.get(out=view, blocking=False)
            block.copied.record()
        return _Fetch(self._free, block, view)

    def memory(self) -> tuple[int, int]:
        """Bytes that are in use on the GPU, by whomever, and bytes that it has."""
        self._use()
        free, total = cupy.cuda.runtime.memGetInfo()
        return total - free, total

    def _block(self, nbytes: int) -> "_Block":
        """One that nobody waits for; a new one only if all that are large enough are under way."""
        for place, block in enumerate(self._free):
            if block.nbytes >= nbytes:
                return self._free.pop(place)
        return _Block(max(BLOCK_BYTES, nbytes))


class _Block:
    """Page-locked host memory, which a GPU can write while the processor goes on, and when it was last written."""

    __slots__ = ("copied", "memory", "nbytes")

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self.memory: Any = cupy.cuda.alloc_pinned_memory(nbytes)
        self.copied: Any = cupy.cuda.Event(disable_timing=True)

    def view(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Its beginning, as an array."""
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(self.memory, dtype, count).reshape(shape)


class _Fetch:
    """A copy under way into a block, which it gives back once read, or unread when nobody wants it any more.

    A block given back unread may still be written to: copies of one stream keep their order, so the next one wins.
    """

    __slots__ = ("_block", "_home", "_value", "_view")

    def __init__(self, home: list[_Block], block: _Block, view: NDArray[Any]) -> None:
        self._home = home
        self._block: _Block | None = block
        self._view = view
        self._value: NDArray[Any] | None = None

    def value(self) -> NDArray[Any]:
        """The array, after waiting for it if need be."""
        if self._value is None:
            assert self._block is not None
            with _GUARD:
                self._block.copied.synchronize()
            self._value = self._view.copy()
            self._give_back()
        return self._value

    def _give_back(self) -> None:
        if self._block is not None:
            self._home.append(self._block)
            self._block = None

    def __del__(self) -> None:
        self._give_back()
