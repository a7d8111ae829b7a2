"""How the camera bent each picture's tones, read off the sparse points before training starts.

A point has a colour b (per channel), a picture gains g (per channel) and one curve r, and the point shows in the
picture as g (b + r (b² - ``MID_GREY`` b)): a shoulder that leaves mid grey alone. Solved by reweighted least
squares in turn for the points' colours, the gains and the curves, from the gains of ``drift.picture_gains``.

Squares that start at nothing are learned to two thirds in a run of 2,500 steps; the rest is explained by view-dependent
colour, as one place is mostly seen at one exposure (docs/lab-notebook.md, "Exposure and what passes").
"""

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]
MID_GREY = 0.45
"""Mean sRGB colour of a room."""
_ROUNDS = 15
_RESIDUAL_FLOOR = 0.01
"""Residuals below it weigh alike."""
_RIDGE = 0.5
"""Holds curves near 0, in units of a point's weight times its (b² - ``MID_GREY`` b)². With 0.1 `office` lost up to
0.5 dB on the way from 0.5."""
_GAIN_RIDGE = 0.01
"""Holds gains near 1, in units of a point's weight times its b²."""
_STEEPEST = 0.5
"""Largest curve: with it a picture still rises up to colours of 1.2."""
_BRIGHTEST = 1.5
"""No point is brighter: pictures of dark rooms alone say nothing about it."""


def picture_responses(colors: Double, gains: Double, weights: Double) -> tuple[Double, Double]:
    """Gains at mid grey (c, 3) and squares (c, 3) of pictures: how colour transforms start.

    Args:
        colors: (c, p, 3) of sparse points in each picture, 0 to 1; NaN where a point is not in view or is clipped.
        gains: (c, 3) first guess.
        weights: (c,) of sum 1 in the mean that is the identity.

    Returns:
        Gains of mean 1 and squares of mean 0: channel k of a picture is (g_k - ``MID_GREY`` q_k) b + q_k b².
    """
    known = np.isfinite(colors).all(axis=2)
    known &= known.sum(axis=0) >= 2
    seen = np.where(known[..., None], colors, 0.0)
    gains, curves = gains / (weights @ gains), np.zeros(len(gains))
    trust = known[..., None] * np.ones(3)
    points = _share((trust * seen).sum(axis=0), (trust * gains[:, None]).sum(axis=0))
    for _ in range(_ROUNDS):
        points = _refit_points(seen, trust, points, gains, curves)
        curves = _refit_curves(seen, trust, points, gains)
        shaped = _shaped(points, curves)
        gains = ((trust * shaped * seen).sum(axis=1) + _GAIN_RIDGE) / (
            (trust * shaped**2).sum(axis=1) + _GAIN_RIDGE
        )
        curves, gains = curves - weights @ curves, gains / (weights @ gains)
        residuals = np.abs(seen - gains[:, None] * _shaped(points, curves))
        trust = known[..., None] * _RESIDUAL_FLOOR / np.maximum(residuals, _RESIDUAL_FLOOR)
    squares = np.clip(curves[:, None], -_STEEPEST, _STEEPEST) * gains
    return gains, squares - weights @ squares


def _share(total: Double, weight: Double) -> Double:
    return total / np.maximum(weight, 1e-9)


def _bend(points: Double) -> Double:
    return points**2 - MID_GREY * points


def _shaped(points: Double, curves: Double) -> Double:
    """(c, p, 3) the points' colours through the pictures' curves, without gains."""
    return points + curves[:, None, None] * _bend(points)


def _refit_points(seen: Double, trust: Double, points: Double, gains: Double, curves: Double) -> Double:
    """(p, 3) one Gauss-Newton step of the points' colours."""
    shown = gains[:, None] * _shaped(points, curves)
    slope = gains[:, None] * np.maximum(1 + curves[:, None, None] * (2 * points - MID_GREY), 0.1)
    step = _share((trust * slope * (seen - shown)).sum(axis=0), (trust * slope**2).sum(axis=0))
    return np.clip(points + step, 0, _BRIGHTEST)


def _refit_curves(seen: Double, trust: Double, points: Double, gains: Double) -> Double:
    """(c,) what the bend explains that no other gain would."""
    bend = gains[:, None] * _bend(points)
    along = _share((trust * bend * points).sum(axis=1), (trust * points**2).sum(axis=1))
    own = bend - along[:, None] * points
    return (trust * own * seen).sum(axis=(1, 2)) / ((trust * own * bend).sum(axis=(1, 2)) + _RIDGE)
