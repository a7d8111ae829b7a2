"""Points that structure from motion saw, and the sparse model that holds them."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.checks import float_array
from roomsplat.core.images import PosedImages

Float = NDArray[np.float32]
SceneScale = Literal["metric", "arbitrary"]
VerticalFrom = Literal["edges", "gravity", "floor", "cameras", "elsewhere"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointCloud:
    """Coloured points with what is known of their quality."""

    positions: Float
    """(p, 3) in world units."""
    colors: NDArray[np.uint8]
    """(p, 3) sRGB, 0 to 255."""
    errors: Float
    """(p,) mean reprojection error in px; 0 = unknown."""
    track_lengths: NDArray[np.int32]
    """(p,) the number of images that saw the point; 0 = unknown."""

    def __post_init__(self) -> None:
        """Check every shape once, here."""
        count = len(self.positions)
        object.__setattr__(self, "positions", float_array("positions", self.positions, (count, 3)))
        object.__setattr__(self, "errors", float_array("errors", self.errors, (count,)))
        if self.colors.shape != (count, 3) or self.track_lengths.shape != (count,):
            raise ValueError(
                f"{count} positions, colors {self.colors.shape}, tracks {self.track_lengths.shape}"
            )

    def __len__(self) -> int:
        """The number of points."""
        return len(self.positions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stance:
    """How the world of a model stands, and how far that may be relied on."""

    vertical: VerticalFrom = "elsewhere"
    """What told which way is up: straight edges and the floor to a fraction of a degree, the film's own accelerometer
    to about one (``gravity``), the cameras' own up to several degrees; ``elsewhere`` for cameras that were given."""
    walls_along_axes: bool = False
    """The walls run along x and y."""
    floor_at_zero: bool = False
    """The floor was seen, and lies at z = 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseModel:
    """What training starts from: posed images and the points they share. World +z is up."""

    posed_images: PosedImages
    """The registered, undistorted images."""
    points: PointCloud
    """Triangulated points."""
    scale: SceneScale
    """``metric`` when one unit is one metre, else ``arbitrary``."""
    num_input_images: int
    """How many images were offered; ``len(posed_images.cameras)`` of them were registered."""
    stance: Stance = field(default_factory=Stance)
    """Which way is up, and how it was found."""
