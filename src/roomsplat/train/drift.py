"""How much brighter or darker the camera made each picture, read off the sparse points before training starts.

A point has one colour b and a picture one gain a per channel, so log colour(picture, point) = a + b. Solved by least
absolute deviations (iteratively reweighted least squares, points eliminated): points that are hidden in a picture, and
highlights, are outliers among many.

Transforms that are learned from nothing wander off along what view-dependent colour can undo: the fox film's training
pictures are fitted no better, and held-out ones lose 3 dB. These gains are where they start and what they are pulled to
(docs/lab-notebook.md, "Training").
"""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.projection import project_with
from roomsplat.train.pictures import Pictures

Double = NDArray[np.float64]
_MAX_POINTS = 3000
_MIN_SHARED = 30
"""Fewer points than this seen by a picture say nothing about it."""
_ROUNDS = 12
_RESIDUAL_FLOOR = 0.02
"""In log colour; residuals below it weigh alike."""
_RIDGE = 1.0
"""Holds gains near 1 where few points speak, in units of points' weights."""
_DARKEST, _BRIGHTEST = 12, 243
"""Colours outside are clipped or noise, and say nothing about a gain."""
_SAMPLED_DIVISOR = 4
"""Colours are read from reduced pictures, where a pixel is a mean and a misplaced point matters less."""


def picture_gains(colors: Double) -> Double:
    """(c, 3) gain per channel, relative to the mean, of pictures with ``sampled_colors``; 1 where nothing is known."""
    gains = np.stack([np.exp(log_gains(np.log(colors[..., channel]))) for channel in range(3)], axis=1)
    return gains / gains.mean(axis=0)


def spread(gains: Double) -> float:
    """Root mean square of the logarithms of (c, 3) gains: by how much the film's brightness drifts."""
    return float(np.log(gains).mean(axis=1).std())


def sampled_colors(model: SparseModel, pictures: Pictures, indices: NDArray[np.integer]) -> Double:
    """(c, p, 3) colours of sparse points in pictures ``indices``, 0 to 1; NaN: not in view, or clipped."""
    cameras, points = model.posed_images.cameras, model.points.positions
    points = points[np.isfinite(points).all(axis=1)]
    points = points[:: max(1, -(-len(points) // _MAX_POINTS))]
    pictures.expect(int(index) for index in indices)
    result = np.full((len(indices), len(points), 3), np.nan)
    for place, index in enumerate(int(i) for i in indices):
        pixels, depth = project_with(cameras, index, points)
        image = pictures.image(index, _SAMPLED_DIVISOR)
        shares = np.nan_to_num(pixels, nan=-1.0) / (cameras.width, cameras.height)
        seen = np.flatnonzero((depth > 0) & (shares >= 0).all(axis=1) & (shares < 1).all(axis=1))
        column, row = (shares[seen] * (image.shape[1], image.shape[0])).astype(np.int64).T
        colors = image[row, column].astype(np.float64)
        usable = ((colors > _DARKEST) & (colors < _BRIGHTEST)).all(axis=1)
        result[place, seen[usable]] = colors[usable] / 255
    return result


def log_gains(values: Double) -> Double:
    """(c,) a of values (c, p) = a + b with least absolute deviations; NaN = unknown; mean of a near zero."""
    known = np.isfinite(values)
    known &= known.sum(axis=1, keepdims=True) >= _MIN_SHARED
    known &= known.sum(axis=0, keepdims=True) >= 2
    filled, weights = np.where(known, values, 0.0), known.astype(np.float64)
    gains: Double = np.zeros(len(values))
    for _ in range(_ROUNDS):
        total = np.maximum(weights.sum(axis=0), 1e-12)
        centred = filled - (weights * filled).sum(axis=0) / total
        system = np.diag(weights.sum(axis=1) + _RIDGE) - (weights / total) @ weights.T
        gains = np.asarray(np.linalg.solve(system, (weights * centred).sum(axis=1)), np.float64)
        left: Double = filled - gains[:, None]
        residuals = left - (weights * left).sum(axis=0) / total
        weights = known * _RESIDUAL_FLOOR / np.maximum(np.abs(residuals), _RESIDUAL_FLOOR)
    return gains
