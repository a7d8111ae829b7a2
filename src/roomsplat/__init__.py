"""roomsplat: a phone video of a room in, a 3D Gaussian splat out, on any computer."""

from roomsplat._version import __version__
from roomsplat.api import load, reconstruct, render, save
from roomsplat.errors import RoomsplatError

__all__ = ["RoomsplatError", "__version__", "load", "reconstruct", "render", "save"]
