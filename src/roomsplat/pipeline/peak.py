"""How much memory a run took, as the operating system counts it."""

import sys
from typing import Protocol, runtime_checkable

from roomsplat.render.base import Engine

try:
    import resource
except ImportError:  # Windows keeps no such account
    resource = None

UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes per unit of ``ru_maxrss``: bytes on macOS, kilobytes elsewhere (getrusage(2))."""


@runtime_checkable
class OnDevice(Protocol):
    """An engine with memory of its own."""

    def device_memory(self) -> tuple[int, int] | None:
        """Bytes in use on the device, by whomever, and bytes that it has."""
        ...


def peak_memory(engine: Engine) -> dict[str, float]:
    """Figures in MB; what cannot be known is left out.

    ``process``: the most that this process has held at once. ``largest_child``: the same of the largest process that
    it waited for (the cameras are solved in one). ``device`` and ``device_total``: in use on the GPU now, and its
    size. Stages that an earlier run finished have no part in these.
    """
    found: dict[str, float] = {}
    if resource is not None:
        found["process"] = _mb(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT)
        child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * UNIT
        if child:
            found["largest_child"] = _mb(child)
    on_device = engine.device_memory() if isinstance(engine, OnDevice) else None
    if on_device is not None:
        found["device"], found["device_total"] = (_mb(count) for count in on_device)
    return found


def _mb(count: int) -> float:
    return round(count / 1e6, 1)
