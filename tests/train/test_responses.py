"""Laws of the response curves that sparse points show."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.train.responses import MID_GREY, picture_responses

PICTURES, POINTS = 8, 600
EVEN = np.full(PICTURES, 1 / PICTURES)


def filmed(
    gains: NDArray[np.float64], curves: NDArray[np.float64], *, hidden: float = 0.3, wrong: float = 0.0
) -> NDArray[np.float64]:
    """(c, p, 3) of points in pictures of these (c,) gains and curves, with noise; some hidden, some replaced."""
    rng = np.random.default_rng(2)
    points = rng.uniform(0.05, 0.75, (POINTS, 3))
    shaped = points + curves[:, None, None] * (points**2 - MID_GREY * points)
    colors = gains[:, None, None] * shaped + rng.normal(scale=0.004, size=(PICTURES, POINTS, 3))
    other = rng.random(colors.shape[:2]) < wrong
    colors[other] = rng.uniform(0.05, 0.95, (int(other.sum()), 3))
    colors[rng.random(colors.shape[:2]) < hidden] = np.nan
    return colors


def test_curves_are_found_among_outliers() -> None:
    """Three shoulders among straight pictures come out within a tenth of them, a tenth of the points being wrong."""
    gains = np.array([1.0, 1.0, 0.8, 1.0, 1.3, 1.35, 1.0, 1.2])
    curves = np.array([0.0, 0.0, 0.0, 0.0, -0.4, -0.45, 0.0, -0.2])
    colors = filmed(gains, curves, wrong=0.1)
    found, squares = picture_responses(colors, gains[:, None] * np.ones(3), EVEN)
    np.testing.assert_allclose(EVEN @ found, 1)
    np.testing.assert_allclose(EVEN @ squares, 0, atol=1e-12)
    bent = (squares / found).mean(axis=1)
    wanted = curves - curves.mean()
    np.testing.assert_allclose(bent - bent[0], wanted - wanted[0], atol=0.05)


def test_straight_pictures_stay_straight() -> None:
    """Gains alone bend nothing."""
    gains = np.linspace(0.7, 1.3, PICTURES)
    found, squares = picture_responses(filmed(gains, np.zeros(PICTURES)), gains[:, None] * np.ones(3), EVEN)
    np.testing.assert_allclose(found[:, 0] / found[0, 0], gains / gains[0], rtol=0.01)
    assert np.abs(squares).max() < 0.02


def test_nothing_seen_changes_nothing() -> None:
    """Pictures without points have no curve, and finite gains."""
    colors = filmed(np.ones(PICTURES), np.zeros(PICTURES))
    colors[3] = np.nan
    found, squares = picture_responses(colors, np.ones((PICTURES, 3)), EVEN)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(squares[3], squares.mean(axis=0), atol=0.01)
    nothing = np.full((PICTURES, 5, 3), np.nan)
    found, squares = picture_responses(nothing, np.ones((PICTURES, 3)), EVEN)
    np.testing.assert_allclose(found, 1)
    assert not squares.any()
