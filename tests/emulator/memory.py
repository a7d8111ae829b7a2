"""NumPy as the emulated device's array namespace, with fresh memory that holds not-a-number instead of zeros."""

import os
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

WATCHED = os.environ.get("ROOMSPLAT_EMULATOR_ASAN", "") == "1"
ALIGNMENT = 1 if WATCHED else 256
"""Of what a GPU's allocator gives; with the address sanitizer nothing may lie behind an array but its red zone."""


def _empty(shape: Any, dtype: Any = float, order: str = "C") -> NDArray[Any]:
    """``numpy.empty``, aligned as on a GPU and filled with all bits set: what nobody wrote must not look like zeros."""
    assert order == "C"
    dtype = np.dtype(dtype)
    shape = (shape,) if np.isscalar(shape) else tuple(shape)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    raw = np.full(size + ALIGNMENT - 1, 0xFF, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def _zeros(shape: Any, dtype: Any = float, order: str = "C") -> NDArray[Any]:
    result = _empty(shape, dtype, order)
    result[...] = 0
    return result


def _empty_like(array: NDArray[Any], dtype: Any = None) -> NDArray[Any]:
    return _empty(array.shape, array.dtype if dtype is None else dtype)


def _zeros_like(array: NDArray[Any], dtype: Any = None) -> NDArray[Any]:
    return _zeros(array.shape, array.dtype if dtype is None else dtype)


class _Namespace(ModuleType):
    """``numpy``, but for what ``__init__`` replaces."""

    def __init__(self) -> None:
        super().__init__("poisoned_numpy")
        self.empty, self.zeros, self.empty_like, self.zeros_like = _empty, _zeros, _empty_like, _zeros_like

    def __getattr__(self, name: str) -> Any:
        """Everything else."""
        return getattr(np, name)


poisoned_numpy: Any = _Namespace()
