"""Between an engine's arrays and the host's."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import Array, SplatArrays

PARAMETERS = ("means", "quats", "log_scales", "opacity_logits", "sh")
"""The fields of ``SplatArrays`` that are trained."""

Watch = Callable[[int, Callable[[], Gaussians]], None]
"""Is shown the scene where training pauses anyway: the steps done, and a way to look at it. Who does not look costs
nothing, and looking changes nothing."""


def unwatched(step: int, look: Callable[[], Gaussians]) -> None:
    """For callers that do not watch."""
    del step, look


def base_colours(arrays: SplatArrays) -> Gaussians:
    """The scene on the host with harmonics of degree 0; nothing else is copied from the device."""
    parts = {name: getattr(arrays, name) for name in PARAMETERS}
    parts["sh"] = arrays.sh[:, :1].copy()
    return Gaussians(**{name: on_host(array) for name, array in parts.items()})


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
