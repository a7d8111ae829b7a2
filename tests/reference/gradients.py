"""Gradients of a picture by central differences in float64.

The chain is cut where it is thinnest: a Gaussian reaches the pixels only through its ten numbers on the screen. So the
picture is differenced with respect to those (20 pictures per Gaussian), the ten numbers with respect to the parameters
(all Gaussians at once, as each depends on its own parameters only), and the two are multiplied. The yes-or-no decisions
of blending (order, cut at 1/255, end at 1e-4) are held still: a step has no slope.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import expm

from roomsplat.core.cameras import PinholeCamera
from roomsplat.render.base import RenderSettings
from tests.reference.blending import Decisions, blend
from tests.reference.projection import PARAMETERS, RECORD, Double, Parameters, U, V, project

STEP = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureGradient:
    """dL/d(picture): L = sum of each of these times the picture's values."""

    rgb: Double
    """(3, h, w)."""
    alpha: Double | None = None
    """(h, w)."""
    depth: Double | None = None
    """(h, w)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenGradients:
    """dL/d(record), and what densification wants to know of it."""

    records: Double
    """(n, 10); zero where a Gaussian is not visible."""
    mean_abs: Double
    """(n, 2) sum over pixels of the absolute share of each pixel in dL/du and dL/dv (AbsGS, Ye et al. 2024)."""


def loss_per_pixel(
    values: Double, decisions: Decisions, settings: RenderSettings, gradient: PictureGradient
) -> Double:
    """(h, w) each pixel's share of L."""
    picture = blend(values, decisions, settings.background)
    share = (gradient.rgb * picture.rgb).sum(axis=0)
    if gradient.alpha is not None:
        share = share + gradient.alpha * picture.alpha
    if gradient.depth is not None:
        share = share + gradient.depth * picture.depth
    return share


def screen_gradients(
    values: Double, decisions: Decisions, settings: RenderSettings, gradient: PictureGradient
) -> ScreenGradients:
    """Nudge each number of each visible Gaussian and look at the picture."""
    result, mean_abs = np.zeros_like(values), np.zeros((len(values), 2))
    for index in decisions.order:
        for field in RECORD:
            step = STEP * max(1.0, abs(values[index, field]))
            both: list[Double] = []
            for sign in (1, -1):
                moved = values.copy()
                moved[index, field] += sign * step
                both.append(loss_per_pixel(moved, decisions, settings, gradient))
            slope = (both[0] - both[1]) / (2 * step)
            result[index, field] = slope.sum()
            if field in (U, V):
                mean_abs[index, field] = np.abs(slope).sum()
    return ScreenGradients(records=result, mean_abs=mean_abs)


def parameter_gradients(
    parameters: Parameters, camera: PinholeCamera, settings: RenderSettings, screen: ScreenGradients
) -> Parameters:
    """dL/d(parameter) of every Gaussian."""
    pose = camera.cam_from_world.astype(np.float64)
    seen = np.any(screen.records != 0, axis=1)
    result: Parameters = {}
    for name in PARAMETERS:
        original = parameters[name]
        result[name] = np.zeros_like(original)
        for entry in np.ndindex(original.shape[1:]):
            both: list[Double] = []
            for sign in (1, -1):
                moved = original.copy()
                moved[:, *entry] += sign * STEP
                both.append(project(parameters | {name: moved}, pose, camera, settings).values)
            slope = np.where(seen[:, None], both[0] - both[1], 0) / (2 * STEP)
            result[name][:, *entry] = (screen.records * slope).sum(axis=1)
    return result


def twisted(pose: Double, twist: Double) -> Double:
    """exp(twist) @ pose with ``twist`` = (rotation vector, translation)."""
    x, y, z, *translation = twist
    generator = np.zeros((4, 4))
    generator[:3, :3] = [[0, -z, y], [z, 0, -x], [-y, x, 0]]
    generator[:3, 3] = translation
    return expm(generator) @ pose


def pose_gradient(
    parameters: Parameters, camera: PinholeCamera, settings: RenderSettings, screen: ScreenGradients
) -> Double:
    """(6,) dL/d(twist)."""
    pose = camera.cam_from_world.astype(np.float64)
    seen = np.any(screen.records != 0, axis=1)
    result = np.zeros(6)
    for entry, direction in enumerate(np.eye(6)):
        ahead, behind = (
            project(parameters, twisted(pose, sign * STEP * direction), camera, settings).values
            for sign in (1, -1)
        )
        slope = np.where(seen[:, None], ahead - behind, 0) / (2 * STEP)
        result[entry] = (screen.records * slope).sum()
    return result


def focal_gradient(
    parameters: Parameters, camera: PinholeCamera, settings: RenderSettings, screen: ScreenGradients
) -> float:
    """dL/d(log of the focal length)."""
    pose = camera.cam_from_world.astype(np.float64)
    seen = np.any(screen.records != 0, axis=1)
    ahead, behind = (
        project(parameters, pose, replace(camera, fx=camera.fx * factor, fy=camera.fy * factor), settings)
        for factor in np.exp((STEP, -STEP))
    )
    slope = np.where(seen[:, None], ahead.values - behind.values, 0) / (2 * STEP)
    return float((screen.records * slope).sum())
