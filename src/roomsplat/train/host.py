"""Between an engine's arrays and the host's."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.render.base import Array, SplatArrays

PARAMETERS = ("means", "quats", "log_scales", "opacity_logits", "sh")
"""The fields of ``SplatArrays`` that are trained."""


def on_host(array: Array) -> NDArray[Any]:
    """An engine's array as NumPy's (CuPy arrays know ``get``); NumPy's own is not copied."""
    return np.asarray(array.get() if hasattr(array, "get") else array)


def converted(arrays: SplatArrays, convert: Callable[[Array], Array], *, moments: bool = True) -> SplatArrays:
    """Every array but the statistics through ``convert``; without ``moments`` the parameters alone."""
    first, second = (arrays.first_moments, arrays.second_moments) if moments else ({}, {})
    return SplatArrays(
        **{name: convert(getattr(arrays, name)) for name in PARAMETERS},
        first_moments={name: convert(array) for name, array in first.items()},
        second_moments={name: convert(array) for name, array in second.items()},
        statistics={},
    )
