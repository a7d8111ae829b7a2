"""The training cameras' places, learned with the Gaussians from the photometric loss.

Structure from motion leaves each camera a little wrong; the picture's gradient says where it should be (BARF, Lin et
al. 2021). A correction per training camera, exp(rotation) and a translation, multiplies ``cam_from_world`` from the
left; one factor of the focal length is shared. Pictures are undistorted before training, so distortion is not learned.

* **Units.** Translations are in parts of the scene's extent, so that a unit of each moves a picture alike.
* **Steps.** A camera is seen a few dozen times in a run, too seldom to know the size of its own gradients, and turning
  and shifting it look nearly the same. So the second moments are a matrix, shared by all cameras: each step is the
  camera's first moment divided by the matrix's square root, which is Adam along the axes that the pictures tell apart.
* **Gauge.** Moving, turning and scaling the world changes no picture. Corrections are kept orthogonal to these seven
  directions (to first order, which corrections of a few degrees obey), so that the world stays where it was, and with
  it the held-out cameras.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras, PinholeCamera
from roomsplat.core.rotations import matrix_from_rotation_vector

Double = NDArray[np.float64]
_BETA1, _BETA2 = 0.8, 0.99
_FLOOR = 1e-3
"""Of the largest eigenvalue of the second moments: directions that no picture tells apart stay."""
_DEGENERATE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraMotion:
    """How far training moved the cameras."""

    degrees: float
    """They were turned by, root mean square."""
    percent: float
    """Root mean square of their ways, in % of the scene's extent (the median depth of its points)."""
    focal_percent: float
    """By how much the focal length grew."""


class CameraCorrections:
    """The corrections of ``c`` training cameras with their moments."""

    def __init__(self, cameras: Cameras, extent: float, *, hold_gauge: bool = True) -> None:
        """``cameras``: of the training pictures; ``extent`` in world units.

        Without ``hold_gauge`` each camera goes where it likes: right for a scene that stays as it is.
        """
        count = len(cameras)
        self._extent = extent
        self._gauge = gauge_directions(cameras, extent) if hold_gauge else np.zeros((6 * count, 0))
        self.twists = np.zeros((count, 6))
        """Rotation vectors, then translations in parts of the extent, in camera axes."""
        self.log_focal = 0.0
        self._first, self._visits = np.zeros((count, 6)), np.zeros(count, np.int64)
        self._second, self._focal, self._steps = np.zeros((6, 6)), np.zeros(2), 0

    def moved(self, place: int, camera: PinholeCamera) -> PinholeCamera:
        """``camera`` of training picture ``place`` where it is now believed to be."""
        factor = float(np.exp(self.log_focal))
        pose = corrected(camera.cam_from_world, self.twists[place], self._extent)
        return replace(camera, fx=camera.fx * factor, fy=camera.fy * factor, cam_from_world=pose)

    def step(self, place: int, slope: Double, rate: float) -> None:
        """One step of picture ``place`` against dL/d(twist, log focal) (7,), then back to the gauge.

        ``rate`` is how far a camera goes at one visit, and the focal length in one pass over all.
        """
        gradient = slope[:6] * np.repeat((1.0, self._extent), 3)
        self._visits[place] += 1
        self._steps += 1
        unbiased = 1 - _BETA2**self._steps
        self._first[place] += (1 - _BETA1) * (gradient - self._first[place])
        self._second += (1 - _BETA2) * (np.outer(gradient, gradient) - self._second)
        mean = self._first[place] / (1 - _BETA1 ** int(self._visits[place]))
        self.twists[place] -= rate * divided_by_root(mean, self._second / unbiased)
        self.twists -= (self._gauge @ (self.twists.ravel() @ self._gauge)).reshape(-1, 6)
        self._focal += (1 - _BETA2) * (np.array((slope[6], slope[6] ** 2)) - self._focal)
        first, second = self._focal / unbiased
        self.log_focal -= rate / len(self.twists) * float(first / max(np.sqrt(second), 1e-30))

    def applied(self, cameras: Cameras, indices: NDArray[np.integer]) -> Cameras:
        """``cameras`` of all pictures, of which ``indices`` are the training pictures; all share the focal length."""
        poses, intrinsics = cameras.cam_from_world.copy(), cameras.intrinsics.copy()
        for twist, index in zip(self.twists, indices, strict=True):
            poses[index] = corrected(poses[index], twist, self._extent)
        intrinsics[:, :2] *= np.exp(self.log_focal)
        return replace(cameras, cam_from_world=poses, intrinsics=intrinsics)

    def motion(self) -> CameraMotion:
        """Of all training cameras together."""
        turned, shifted = (
            float(np.sqrt((part**2).sum(axis=1).mean())) for part in np.split(self.twists, 2, axis=1)
        )
        return CameraMotion(
            degrees=float(np.degrees(turned)),
            percent=100 * shifted,
            focal_percent=100 * float(np.expm1(self.log_focal)),
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Everything, for a checkpoint."""
        return {
            "twists": self.twists.copy(),
            "log_focal": np.array(self.log_focal),
            "first": self._first.copy(),
            "visits": self._visits.copy(),
            "second": self._second.copy(),
            "focal": self._focal.copy(),
            "steps": np.array(self._steps),
        }

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take back what ``arrays`` gave."""
        self.twists = np.array(arrays["twists"], np.float64)
        self.log_focal = float(arrays["log_focal"])
        self._first = np.array(arrays["first"], np.float64)
        self._visits = np.array(arrays["visits"], np.int64)
        self._second = np.array(arrays["second"], np.float64)
        self._focal = np.array(arrays["focal"], np.float64)
        self._steps = int(arrays["steps"])


def gauge_directions(cameras: Cameras, extent: float) -> Double:
    """(6 c, up to 7) orthonormal directions of all corrections together that only move, turn or scale the world."""
    rotations = cameras.cam_from_world[:, :3, :3].astype(np.float64)
    centers = cameras.centers.astype(np.float64)
    away = (centers - centers.mean(axis=0)) / extent
    directions: list[Double] = []
    for axis in np.eye(3):
        turned = np.cross(axis, away)
        directions.append(
            np.concatenate([rotations @ axis, np.einsum("cij,cj->ci", rotations, turned)], axis=1)
        )
        directions.append(np.concatenate([np.zeros_like(away), rotations @ axis], axis=1))
    grown = np.einsum("cij,cj->ci", rotations, away)
    directions.append(np.concatenate([np.zeros_like(away), grown], axis=1))
    basis, sizes, _ = np.linalg.svd(np.stack([d.ravel() for d in directions], axis=1), full_matrices=False)
    return basis[:, sizes > _DEGENERATE * sizes[0]]


def divided_by_root(vector: Double, matrix: Double) -> Double:
    """The matrix to the power of -1/2, times the vector; directions in which the matrix is zero come out as zero."""
    values, axes = np.linalg.eigh(matrix)
    roots = np.sqrt(np.maximum(values, _FLOOR * values[-1]))
    along = axes.T @ vector
    return axes @ np.divide(along, roots, out=np.zeros_like(along), where=roots > 0)


def corrected(pose: NDArray[np.floating], twist: Double, extent: float) -> NDArray[np.float32]:
    """(4, 4) ``cam_from_world`` after a correction; its translation in parts of ``extent``."""
    correction = np.eye(4)
    correction[:3, :3] = matrix_from_rotation_vector(twist[:3])
    correction[:3, 3] = twist[3:] * extent
    return (correction @ pose).astype(np.float32)
