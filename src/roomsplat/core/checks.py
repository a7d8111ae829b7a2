"""Checks of array shape and type, made once, where a value is made."""

import numpy as np
from numpy.typing import NDArray


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
