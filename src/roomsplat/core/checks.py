"""Checks of array shape and type, made once, where a value is made."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LARGEST = float(np.finfo(np.float32).max)


def float_array(name: str, value: object, shape: tuple[int | None, ...]) -> NDArray[np.float32]:
    """Return ``value`` as a C-contiguous float32 array of ``shape`` (``None`` matches any length).

    Raises:
        ValueError: the shape differs.
    """
    array = np.ascontiguousarray(value, dtype=np.float32)
    if array.ndim != len(shape) or any(
        want not in (None, got) for want, got in zip(shape, array.shape, strict=True)
    ):
        wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
        raise ValueError(f"{name} has shape {array.shape}, expected {wanted}")
    return array


def fits_float32(values: ArrayLike) -> bool:
    """Every value is a finite number that float32 can hold; NaN, which compares false with everything, is not."""
    return bool(np.all(np.abs(np.asarray(values, np.float64)) <= _LARGEST))
