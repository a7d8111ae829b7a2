"""Records to a picture in float64: every Gaussian against every pixel, front to back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.reference.projection import (
    BLUE,
    CONIC_XX,
    CONIC_XY,
    CONIC_YY,
    DEPTH,
    MIN_ALPHA,
    OPACITY,
    RED,
    Double,
    U,
    V,
)

MAX_ALPHA = 0.99
MIN_TRANSMITTANCE = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Who is drawn where and in which order: the steps of the function, held still while a slope is measured."""

    order: NDArray[np.intp]
    """(m,) visible Gaussians, nearest first."""
    active: NDArray[np.bool_]
    """(m, h, w) this Gaussian is blended into this pixel."""
    margin: float
    """How near any of these decisions came to the other answer: relative distance of alpha from 1/255 and of the
    transmittance from 1e-4. A scene with a tiny margin cannot be compared with float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What blending gives."""

    rgb: Double
    """(3, h, w) over the background, not clamped."""
    alpha: Double
    """(h, w)."""
    depth: Double
    """(h, w) sum of weight · z."""


def exponent_and_alpha(record: Double, height: int, width: int) -> tuple[Double, Double]:
    """(h, w) opacity · exp(-q/2) without and with the clamp at 0.99."""
    dx = np.arange(width)[None, :] + 0.5 - record[U]
    dy = np.arange(height)[:, None] + 0.5 - record[V]
    q = record[CONIC_XX] * dx**2 + 2 * record[CONIC_XY] * dx * dy + record[CONIC_YY] * dy**2
    raw = record[OPACITY] * np.exp(-0.5 * q)
    return raw, np.minimum(raw, MAX_ALPHA)


def decide(values: Double, visible: NDArray[np.bool_], height: int, width: int) -> Decisions:
    """Sort by depth, drop alpha below 1/255, end a pixel when its transmittance is at most 1e-4."""
    indices = np.flatnonzero(visible)
    order = indices[np.argsort(values[indices, DEPTH], kind="stable")]
    active = np.zeros((len(order), height, width), bool)
    transmittance, margin = np.ones((height, width)), np.inf
    for place, index in enumerate(order):
        raw, alpha = exponent_and_alpha(values[index], height, width)
        active[place] = (raw >= MIN_ALPHA) & (transmittance > MIN_TRANSMITTANCE)
        margin = min(margin, float(np.abs(raw / MIN_ALPHA - 1).min()))
        margin = min(margin, float(np.abs(transmittance / MIN_TRANSMITTANCE - 1).min()))
        transmittance = np.where(active[place], transmittance * (1 - alpha), transmittance)
    return Decisions(order=order, active=active, margin=margin)


def blend(values: Double, decisions: Decisions, background: tuple[float, float, float]) -> Picture:
    """Blend front to back with the given decisions."""
    height, width = decisions.active.shape[1:]
    transmittance = np.ones((height, width))
    rgb, depth = np.zeros((3, height, width)), np.zeros((height, width))
    for index, active in zip(decisions.order, decisions.active, strict=True):
        record = values[index]
        alpha = np.where(active, exponent_and_alpha(record, height, width)[1], 0)
        weight = alpha * transmittance
        rgb += record[RED : BLUE + 1, None, None] * weight
        depth += record[DEPTH] * weight
        transmittance = transmittance - weight
    rgb += np.array(background)[:, None, None] * transmittance
    return Picture(rgb=rgb, alpha=1 - transmittance, depth=depth)
