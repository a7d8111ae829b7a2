"""How much brighter or darker the camera made each picture: as training learned it, else as the sparse points show."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.projection import project_with
from roomsplat.media.images import read_reduced
from roomsplat.train.drift import log_gains
from roomsplat.train.exposure import grey_gains

Double = NDArray[np.float64]

MAX_PICTURES = 200
"""Of which colours are read, evenly spread: 8 ms each, and the least squares grow with their square."""
MAX_POINTS = 3_000
SIDE = 320
"""px of the longer side: a pixel is a mean of some, so a point that is a little off still has its colour."""
DARKEST, BRIGHTEST = 12, 243
"""Levels outside are clipped or noise."""


def exposure_gains(model: SparseModel, learned: Double | None) -> Double:
    """(c,) factor on each picture's colours, 1 on average; NaN where nothing is known.

    ``learned``: (c, 3, 5) colour transforms of training.
    """
    if learned is not None:
        gains = grey_gains(learned).mean(axis=1)
        return gains / gains.mean()
    return _from_points(model)


def _from_points(model: SparseModel) -> Double:
    """Least absolute deviations over the points that pictures share (``train/drift.py``), on small pictures."""
    images, points = model.posed_images, model.points.positions
    count = len(images.cameras)
    rows = np.unique(np.linspace(0, count - 1, min(count, MAX_PICTURES)).round().astype(np.int64))
    points = points[:: max(1, -(-len(points) // MAX_POINTS))]
    values = np.full((len(rows), len(points)), np.nan)
    for place, row in enumerate(int(r) for r in rows):
        pixels, depth = project_with(images.cameras, row, points)
        grey = read_reduced(images.image_paths[row], SIDE).astype(np.float64).mean(axis=2)
        shares = np.nan_to_num(pixels, nan=-1.0) / (images.cameras.width, images.cameras.height)
        seen = np.flatnonzero((depth > 0) & (shares >= 0).all(axis=1) & (shares < 1).all(axis=1))
        column, line = (shares[seen] * (grey.shape[1], grey.shape[0])).astype(np.int64).T
        levels = grey[line, column]
        usable = (levels > DARKEST) & (levels < BRIGHTEST)
        values[place, seen[usable]] = np.log(levels[usable])
    known = np.exp(log_gains(values))
    gains = np.full(count, np.nan)
    gains[rows] = known / known.mean()
    return gains
