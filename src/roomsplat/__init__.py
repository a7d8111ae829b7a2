"""roomsplat: a phone video of a room in, a 3D Gaussian splat out, on any computer."""

# The sub-package first, then the function of the same name: Python binds a sub-package to its parent when it is first
# imported, and an engine loaded later would otherwise put the package in the function's place.
import roomsplat.render  # isort: skip  # noqa: F401 - for its effect  # pyright: ignore[reportUnusedImport] - the same
from roomsplat._version import __version__
from roomsplat.api import load, reconstruct, render, save
from roomsplat.errors import RoomsplatError

__all__ = ["RoomsplatError", "__version__", "load", "reconstruct", "render", "save"]
