"""roomsplat: a phone video of a room in, a 3D Gaussian splat out, on any computer."""

import os

# The sub-package first, then the function of the same name: Python binds a sub-package to its parent when it is first
# imported, and an engine loaded later would otherwise put the package in the function's place.
import roomsplat.render  # isort: skip  # noqa: F401 - for its effect  # pyright: ignore[reportUnusedImport] - the same
from roomsplat._version import __version__
from roomsplat.api import load, reconstruct, render, save
from roomsplat.errors import RoomsplatError

__all__ = ["RoomsplatError", "__version__", "load", "reconstruct", "render", "save"]

# Idle OpenMP threads of the Numba kernels shall sleep soon instead of spinning: one step of training beside other busy
# programs takes 28 ms with this value and 107 ms with libgomp's own, for 0.2 of 7 ms on an idle computer. Read by
# libgomp when the first kernel runs; what the user has set stays.
os.environ.setdefault("GOMP_SPINCOUNT", "2000")
