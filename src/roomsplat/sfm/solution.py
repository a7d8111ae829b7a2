"""What the solver found, as plain arrays: the one thing that travels from the solving process to ours."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """A pinhole with one term of radial distortion: r ↦ r · (1 + k r²) on the plane z = 1 (COLMAP's SIMPLE_RADIAL)."""

    focal: float
    """In px."""
    cx: float
    """Principal point in px; the centre of the first pixel is at 0.5."""
    cy: float
    """Principal point in px."""
    k: float
    """Radial distortion; below 0 bends lines outwards (barrel)."""
    width: int
    """Picture width in px."""
    height: int
    """Picture height in px."""

    def resized(self, width: int, height: int) -> Self:
        """The same lens for pictures of another size (same shape up to rounding)."""
        scale = max(width, height) / max(self.width, self.height)
        return type(self)(
            focal=self.focal * scale,
            cx=self.cx * width / self.width,
            cy=self.cy * height / self.height,
            k=self.k,
            width=width,
            height=height,
        )

    def rays(self, pixels: NDArray[np.floating]) -> NDArray[np.float64]:
        """(n, 2) px to (n, 2) points on the plane z = 1, distortion removed by fixed-point iteration.

        Ten rounds leave less than 1e-6 px for |k| r² < 0.2; beyond that a phone's lens does not go.
        """
        distorted = (np.asarray(pixels, np.float64) - (self.cx, self.cy)) / self.focal
        ideal = distorted.copy()
        for _ in range(10):
            ideal = distorted / (1 + self.k * (ideal**2).sum(axis=1, keepdims=True))
        return ideal

    def pixels(self, rays: NDArray[np.floating]) -> NDArray[np.float64]:
        """(n, 2) points on the plane z = 1 to (n, 2) px, distortion applied."""
        radius2 = (rays**2).sum(axis=-1, keepdims=True)
        return np.asarray(rays * (1 + self.k * radius2) * self.focal + (self.cx, self.cy), np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """Cameras and points in the solver's own world: any orientation, any scale."""

    lens: NDArray[np.float64]
    """(6,) the shared lens of the reduced pictures: focal, cx, cy, k, width, height."""
    frames: NDArray[np.int64]
    """(c,) which of the given frames were registered, ascending."""
    cam_from_world: NDArray[np.float64]
    """(c, 4, 4)."""
    points: NDArray[np.float64]
    """(p, 3)."""
    colors: NDArray[np.uint8]
    """(p, 3) sRGB, mean over the pictures that saw the point."""
    errors: NDArray[np.float64]
    """(p,) mean reprojection error in px of the reduced pictures."""
    track_lengths: NDArray[np.int64]
    """(p,) pictures that saw the point."""
    angles: NDArray[np.float64]
    """(p,) largest angle in degrees between two rays that saw the point."""
    is_assumed: NDArray[np.bool_]
    """(p,) the distance is only assumed (``turns.py``): fit to start training from, not to measure with."""
    observation_frames: NDArray[np.int64]
    """(o,) row of ``frames`` for each observation of a point."""
    observation_points: NDArray[np.int64]
    """(o,) row of ``points``."""
    support: NDArray[np.float64]
    """(c - 1,) between frames i and i + 1: share of the verified matches across that cut that the cameras explain."""
    other_models: NDArray[np.int64]
    """Sizes of the other, smaller solutions."""

    @property
    def frame_numbers(self) -> list[int]:
        """``frames`` as plain numbers."""
        return [int(frame) for frame in self.frames]

    @property
    def camera(self) -> Lens:
        """The shared lens of the reduced pictures."""
        focal, cx, cy, k, width, height = (float(v) for v in self.lens)
        return Lens(focal=focal, cx=cx, cy=cy, k=k, width=int(width), height=int(height))

    @property
    def centers(self) -> NDArray[np.float64]:
        """(c, 3) camera positions."""
        return -np.einsum("cji,cj->ci", self.cam_from_world[:, :3, :3], self.cam_from_world[:, :3, 3])

    def save(self, path: Path) -> None:
        """Write as .npz."""
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})  # pyright: ignore[reportArgumentType] - np.savez's stub mixes arrays and its own flag in **kwds

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote."""
        with np.load(path) as stored:
            return cls(**{field.name: stored[field.name] for field in fields(cls)})


def widest_angles(
    points: NDArray[np.float64],
    centers: NDArray[np.float64],
    observation_frames: NDArray[np.int64],
    observation_points: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(p,) degrees between the mean ray and the ray farthest from it, doubled: the widest angle up to a few percent.

    Of (p, 3) points seen from (c, 3) centers; (o,) which of either is whose in each observation.
    """
    rays = points[observation_points] - centers[observation_frames]
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    mean = np.zeros_like(points)
    np.add.at(mean, observation_points, rays)
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    cosine = np.clip((rays * mean[observation_points]).sum(axis=1), -1, 1)
    widest = np.zeros(len(points))
    np.maximum.at(widest, observation_points, np.degrees(np.arccos(cosine)))
    return 2 * widest
