"""From world to pixels and back: projection, viewing rays, and the lens distortion of OpenCV's model."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras, PinholeCamera

Double = NDArray[np.float64]

_MAX_ITERATIONS = 50
_TOLERANCE = 1e-12


def distort(points: NDArray[np.floating], coefficients: NDArray[np.floating]) -> Double:
    """Bend normalised image points as a lens does (Brown 1966; OpenCV's k1 k2 p1 p2).

    Args:
        points: (..., 2) x/z and y/z of an ideal camera.
        coefficients: (4,) k1 k2 p1 p2.
    """
    return _distort(np.asarray(points, np.float64), np.asarray(coefficients, np.float64))[0]


def undistort(points: NDArray[np.floating], coefficients: NDArray[np.floating]) -> Double:
    """The inverse of ``distort`` by Newton's method: (..., 2) bent points to (..., 2) ideal ones.

    Raises:
        ValueError: a point lies where the lens model folds over, so it has no inverse there.
    """
    bent = np.asarray(points, np.float64)
    ideal = bent.copy()
    for _ in range(_MAX_ITERATIONS):
        value, jacobian = _distort(ideal, np.asarray(coefficients, np.float64))
        residual = value - bent
        if np.max(np.abs(residual), initial=0.0) < _TOLERANCE:
            return ideal
        determinant = np.linalg.det(jacobian)
        if not np.all(determinant > 0):  # the lens model folds where this changes sign
            break
        ideal -= np.linalg.solve(jacobian, residual[..., None])[..., 0]
    raise ValueError(
        f"no ideal point belongs to some of the bent points: k1 k2 p1 p2 = {coefficients} fold over there"
    )


def project(camera: PinholeCamera, points: NDArray[np.floating]) -> tuple[Double, Double]:
    """World points (n, 3) to pixels (n, 2) and depth (n,) along +z; pixels mean nothing where depth ≤ 0."""
    focal = np.array([camera.fx, camera.fy])
    return _project(points, camera.cam_from_world, focal, np.array([camera.cx, camera.cy]), None)


def project_with(cameras: Cameras, index: int, points: NDArray[np.floating]) -> tuple[Double, Double]:
    """As ``project``, through camera ``index`` of many, with its lens distortion."""
    intrinsics = np.asarray(cameras.intrinsics[index], np.float64)
    coefficients = cameras.distortion[index] if cameras.model == "opencv" else None
    return _project(points, cameras.cam_from_world[index], intrinsics[:2], intrinsics[2:], coefficients)


def pixel_rays(camera: PinholeCamera) -> tuple[Double, Double]:
    """The viewing ray through every pixel's centre.

    Returns:
        origin (3,) and directions (h, w, 3) in the world. A direction is as long as it takes to go one unit deeper
        along the camera's +z, so that origin + depth · direction is the point that a depth map shows.
    """
    x = (np.arange(camera.width) + 0.5 - camera.cx) / camera.fx
    y = (np.arange(camera.height) + 0.5 - camera.cy) / camera.fy
    directions = np.ones((camera.height, camera.width, 3))
    directions[..., 0], directions[..., 1] = x, y[:, None]
    cam_from_world = np.asarray(camera.cam_from_world, np.float64)
    rotation = cam_from_world[:3, :3]
    return -rotation.T @ cam_from_world[:3, 3], directions @ rotation


def _project(
    points: NDArray[np.floating],
    cam_from_world: NDArray[np.floating],
    focal: Double,
    center: Double,
    coefficients: NDArray[np.floating] | None,
) -> tuple[Double, Double]:
    """Pixels and depth, in float64."""
    pose = np.asarray(cam_from_world, np.float64)
    local = np.asarray(points, np.float64) @ pose[:3, :3].T + pose[:3, 3]
    depth = local[..., 2]
    # A point in the camera's plane has no pixel: its depth of 0 says so, the division only must not warn.
    normalised = local[..., :2] / np.where(depth == 0, 1, depth)[..., None]
    if coefficients is not None:
        normalised = distort(normalised, coefficients)
    return focal * normalised + center, depth


def _distort(points: Double, coefficients: Double) -> tuple[Double, Double]:
    """(..., 2) bent points and the (..., 2, 2) Jacobian."""
    k1, k2, p1, p2 = coefficients
    x, y = points[..., 0], points[..., 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * k2)
    slope = 2 * (k1 + 2 * r2 * k2)  # d radial / dx = slope · x
    bent = np.stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        ],
        axis=-1,
    )
    mixed = slope * x * y + 2 * p1 * x + 2 * p2 * y
    jacobian = np.stack(
        [
            np.stack([radial + slope * x * x + 2 * p1 * y + 6 * p2 * x, mixed], axis=-1),
            np.stack([mixed, radial + slope * y * y + 6 * p1 * y + 2 * p2 * x], axis=-1),
        ],
        axis=-2,
    )
    return bent, jacobian
