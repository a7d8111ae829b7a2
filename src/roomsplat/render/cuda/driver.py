"""Which GPUs the NVIDIA driver shows. Asked through its own library, so that nothing is imported to choose an engine.

Without a driver the answer takes less than a millisecond; with one it takes what starting the driver takes, which the
engine does not have to pay again.
"""

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MIN_COMPUTE = (7, 5)
"""Turing (2018), the oldest that CUDA 13 knows; the tests compile every kernel for it."""

_LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_COMPUTE_MAJOR, _COMPUTE_MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One NVIDIA GPU."""

    index: int
    """As CUDA counts: the first of ``CUDA_VISIBLE_DEVICES`` is 0."""
    name: str
    """As its maker calls it."""
    memory_bytes: int
    """All that it has."""
    compute: tuple[int, int]
    """Compute capability, major and minor."""

    @property
    def is_usable(self) -> bool:
        """Whether the kernels run on it."""
        return self.compute >= MIN_COMPUTE

    def __str__(self) -> str:
        """Such as ``NVIDIA H200 (140 GB, compute 9.0)``; GB as makers of memory count them, 2^30 bytes."""
        major, minor = self.compute
        return f"{self.name} ({self.memory_bytes / 2**30:.0f} GB, compute {major}.{minor})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """What the driver says."""

    cuda: tuple[int, int] | None = None
    """The newest CUDA that it runs, major and minor; ``None`` without a driver."""
    gpus: tuple[Gpu, ...] = ()
    """All that it shows, usable or not."""
    trouble: str | None = None
    """Why there are none, as the end of "because …"."""


def read_driver(load: Callable[[str], Any] = ctypes.CDLL) -> Driver:
    """Ask the driver of this computer. Never raises: no driver is an answer too.

    ``load``: opens a shared library by its name.
    """
    try:
        library = load(_LIBRARY)
    except OSError:
        return Driver(trouble=f"no NVIDIA driver is installed ({_LIBRARY} not found)")
    try:
        code = library.cuInit(0)
        version = _read_int(library.cuDriverGetVersion)
        cuda = (version // 1000, version % 1000 // 10)
        if code:
            return Driver(cuda=cuda, trouble=f"no NVIDIA GPU answers ({_name_of(library, code)})")
        count = _read_int(library.cuDeviceGetCount)
        gpus = tuple(_read_gpu(library, index) for index in range(count))
    except (_DriverError, AttributeError) as error:
        return Driver(trouble=f"the NVIDIA driver does not answer ({error})")
    return Driver(cuda=cuda, gpus=gpus, trouble=None if gpus else "the NVIDIA driver shows no GPU")


class _DriverError(Exception):
    """A call of the driver that failed."""


def _read_gpu(library: Any, index: int) -> Gpu:
    handle = _read_int(library.cuDeviceGet, index)
    name = ctypes.create_string_buffer(256)
    _checked(library.cuDeviceGetName, library.cuDeviceGetName(name, len(name), handle))
    size = ctypes.c_size_t()
    _checked(library.cuDeviceTotalMem_v2, library.cuDeviceTotalMem_v2(ctypes.byref(size), handle))
    major, minor = (
        _read_int(library.cuDeviceGetAttribute, attribute, handle)
        for attribute in (_COMPUTE_MAJOR, _COMPUTE_MINOR)
    )
    return Gpu(
        index=index,
        name=name.value.decode("utf-8", "replace"),
        memory_bytes=size.value,
        compute=(major, minor),
    )


def _read_int(function: Any, *arguments: int) -> int:
    """What a function of the driver writes into its first argument."""
    result = ctypes.c_int()
    _checked(function, function(ctypes.byref(result), *arguments))
    return result.value


def _checked(function: Any, code: int) -> None:
    if code:
        raise _DriverError(f"{function.__name__} gives error {code}")


def _name_of(library: Any, code: int) -> str:
    """``CUDA_ERROR_NO_DEVICE`` for 100, and so on."""
    text = ctypes.c_char_p()
    if library.cuGetErrorName(code, ctypes.byref(text)) or not text.value:
        return f"error {code}"
    return text.value.decode("utf-8", "replace")
