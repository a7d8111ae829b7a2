"""Frames of a film, images with poses, and what a renderer gives back."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras
from roomsplat.core.checks import float_array

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture that was kept from the input."""

    index: int
    """Its number in the input: the frame of the film, or the place among the folder's sorted images."""
    timestamp_s: float
    """Seconds from the start of the film; for a folder of images the place itself."""
    name: str
    """What the input calls it: the image's file name in its folder; for a film its time, such as ``12.480s``."""
    path: Path
    """The picture on disk."""
    sharpness: float
    """Larger is sharper; comparable within one film only."""
    acceleration: tuple[float, float, float] | None = None
    """Mean of the film's own accelerometer around this moment, in the sensor's axes, which are not the picture's; any
    unit. ``None``: the file holds none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PosedImages:
    """Images whose cameras are known."""

    cameras: Cameras
    """c cameras, all pinhole once the images are undistorted."""
    image_paths: tuple[Path, ...]
    """c pictures of ``cameras.width`` × ``cameras.height`` px."""
    mask_paths: tuple[Path | None, ...]
    """c masks of the same size, 0 = ignore this pixel; ``None`` = use all."""
    is_eval: NDArray[np.bool_]
    """(c,) held out from training."""

    def __post_init__(self) -> None:
        """Check that all four speak of the same images."""
        count = len(self.cameras)
        if not len(self.image_paths) == len(self.mask_paths) == len(self.is_eval) == count:
            raise ValueError(
                f"{count} cameras, {len(self.image_paths)} images, {len(self.mask_paths)} masks, "
                f"{len(self.is_eval)} marks of held-out images"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthMap:
    """Depth along the camera's +z."""

    depth: Float
    """(h, w) in world units; 0 = unknown."""
    confidence: Float
    """(h, w) in [0, 1]."""

    def __post_init__(self) -> None:
        """Check the shapes."""
        object.__setattr__(self, "depth", float_array("depth", self.depth, (None, None)))
        object.__setattr__(self, "confidence", float_array("confidence", self.confidence, self.depth.shape))


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOutput:
    """One rendered view."""

    rgb: Float
    """(h, w, 3) sRGB in [0, 1]."""
    alpha: Float
    """(h, w) coverage in [0, 1]."""
    depth: Float
    """(h, w) expected depth along +z where alpha > 0, else 0."""

    def __post_init__(self) -> None:
        """Check the shapes."""
        object.__setattr__(self, "rgb", float_array("rgb", self.rgb, (None, None, 3)))
        object.__setattr__(self, "alpha", float_array("alpha", self.alpha, self.rgb.shape[:2]))
        object.__setattr__(self, "depth", float_array("depth", self.depth, self.rgb.shape[:2]))
