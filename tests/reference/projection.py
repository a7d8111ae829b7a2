"""Gaussians to screen-space records in float64: EWA splatting, one plain formula after the other.

Zwicker et al. 2001 (EWA splatting), Kerbl et al. 2023 section 4, Yu et al. 2024 (Mip-Splatting) section 4.2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.render.base import RenderSettings
from tests.reference.spherical_harmonics import basis

Double = NDArray[np.float64]
Parameters = dict[str, Double]
"""``means quats log_scales opacity_logits sh``, shapes as in ``SplatArrays``."""

PARAMETERS = ("means", "quats", "log_scales", "opacity_logits", "sh")
U, V, CONIC_XX, CONIC_XY, CONIC_YY, OPACITY, RED, GREEN, BLUE, DEPTH = RECORD = range(10)

LOW_PASS = 0.3
WIDENING = 0.3
MIN_ALPHA = 1 / 255
MIN_OPACITY = 1.01 / 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What blending needs of each Gaussian."""

    values: Double
    """(n, 10): mean in px, conic (inverse covariance xx, xy, yy), opacity, colour, depth along +z."""
    visible: NDArray[np.bool_]
    """(n,) may touch a pixel."""
    extents: Double
    """(n, 2) half width and height in px of the ellipse on which alpha is 1/255."""


def rotations(quats: Double) -> Double:
    """(n, 4) wxyz to (n, 3, 3): R = I + 2w[v]× + 2[v]×², the formula of Rodrigues in half angles."""
    w, x, y, z = (quats / np.linalg.norm(quats, axis=1, keepdims=True)).T
    zero = np.zeros_like(w)
    cross = np.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]]).transpose(2, 0, 1)
    return np.eye(3) + 2 * w[:, None, None] * cross + 2 * cross @ cross


def project(parameters: Parameters, pose: Double, camera: PinholeCamera, settings: RenderSettings) -> Records:
    """Records of all Gaussians, seen by ``camera`` from the (4, 4) ``pose`` (cam_from_world)."""
    rotation, translation = pose[:3, :3], pose[:3, 3]
    x, y, z = (parameters["means"] @ rotation.T + translation).T
    z = np.where(z == 0, 1e-12, z)
    low, high = field_of_view(camera)
    slope = np.stack([x / z, y / z], axis=1)
    covariance, compensation = screen_covariance(parameters, rotation, z, np.clip(slope, low, high), camera)
    opacity = 1 / (1 + np.exp(-parameters["opacity_logits"]))
    if settings.antialiased:
        opacity = opacity * compensation
    conic = np.linalg.inv(covariance)
    u, v = camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy
    double_tau = 2 * np.log(np.maximum(255 * opacity, 1))
    extents = np.sqrt(double_tau[:, None] * np.stack([covariance[:, 0, 0], covariance[:, 1, 1]], axis=1))
    visible = (z > settings.near) & (opacity >= MIN_OPACITY)
    visible &= ((slope > 2 * low) & (slope < 2 * high)).all(axis=1)
    visible &= (u + extents[:, 0] > 0) & (u - extents[:, 0] < camera.width)
    visible &= (v + extents[:, 1] > 0) & (v - extents[:, 1] < camera.height)
    colour = colours(parameters, pose, settings.sh_degree)
    columns = [u, v, conic[:, 0, 0], conic[:, 0, 1], conic[:, 1, 1], opacity, *colour.T, z]
    return Records(values=np.stack(columns, axis=1), visible=visible, extents=extents)


def field_of_view(camera: PinholeCamera) -> tuple[Double, Double]:
    """(2,) lower and upper limits of x/z and y/z: the picture, widened on each side by 0.3 of half its width."""
    focal, principal = np.array([camera.fx, camera.fy]), np.array([camera.cx, camera.cy])
    size = np.array([camera.width, camera.height])
    margin = WIDENING * 0.5 * size / focal
    return -principal / focal - margin, (size - principal) / focal + margin


def screen_covariance(
    parameters: Parameters, rotation: Double, z: Double, slope: Double, camera: PinholeCamera
) -> tuple[Double, Double]:
    """(n, 2, 2) covariance in px² with the low-pass filter, and (n,) what the filter costs in opacity."""
    axes = rotations(parameters["quats"]) * np.exp(parameters["log_scales"])[:, None, :]
    jacobian = np.zeros((len(z), 2, 3))
    jacobian[:, 0, 0], jacobian[:, 0, 2] = camera.fx / z, -camera.fx * slope[:, 0] / z
    jacobian[:, 1, 1], jacobian[:, 1, 2] = camera.fy / z, -camera.fy * slope[:, 1] / z
    half = jacobian @ rotation @ axes
    sharp = half @ half.transpose(0, 2, 1)
    filtered = sharp + LOW_PASS * np.eye(2)
    return filtered, np.sqrt(np.maximum(np.linalg.det(sharp) / np.linalg.det(filtered), 0))


def colours(parameters: Parameters, pose: Double, degree: int) -> Double:
    """(n, 3) max(0, 0.5 + harmonics), seen along the line from the camera's centre to the Gaussian's mean."""
    stored = round(parameters["sh"].shape[1] ** 0.5) - 1
    count = (min(degree, stored) + 1) ** 2
    center = -pose[:3, :3].T @ pose[:3, 3]
    weights = basis(parameters["means"] - center, min(degree, stored))
    return np.maximum(0.5 + np.einsum("nk,nkc->nc", weights, parameters["sh"][:, :count]), 0)
