"""Where a model goes on at another scale: what matches do not tell, for two frames do not know how long a step is.

Where little is in view (a poster, the prospect from a window) a mapper may go on with all that is new many times too
near, and with steps that are shorter by as much. Every pair of frames is then explained, and the path looks as if the
camera stood. The first 40 frames of ``bare_walls`` at 320 px: all registered, a support of 0.89 at the worst cut, 8.5 %
of the path off, and at one frame what is new comes nearer by 2^22 while the steps become shorter by 2^18.
"""

import numpy as np
from numpy.typing import NDArray

from roomsplat.sfm.model import MappedModel

WINDOW = 6
"""Frames on each side of a cut that are compared."""
MAX_LEAP = 8.0
"""Of the pace and of the depth of what is new, both at once: less than 3 on eight right models, 2^4.1 to 2^18 on three
wrong ones."""
MIN_POINTS = 10
"""Observations on either side, of points that the other side does not see."""


def scale_leaps(model: MappedModel) -> NDArray[np.int64]:
    """Rows of ``model.frames`` from which on the model is at another scale, right to half of ``WINDOW``.

    Who walks may stop, and near things may come into view; both at the same frame, and both by more than ``MAX_LEAP``,
    is a mistake. Films of fewer than twice ``WINDOW`` frames have none.
    """
    strength = np.zeros(len(model.frames))
    steps = np.linalg.norm(np.diff(model.centers, axis=0), axis=1) / np.diff(model.frames)
    for row in range(WINDOW, len(model.frames) - WINDOW + 1):
        # Without the step across: where the scale breaks it is of neither side.
        before, after = np.median(steps[row - WINDOW : row - 1]), np.median(steps[row : row + WINDOW - 1])
        pace = _leap(float(before), float(after))
        if abs(pace) > np.log(MAX_LEAP):
            depth = _leap(*_new_depths(model, row))
            strength[row] = min(abs(pace), abs(depth)) if pace * depth > 0 else 0.0
    rows = list[int]()
    while strength.max(initial=0) > np.log(MAX_LEAP):
        rows.append(int(np.argmax(strength)))
        strength[max(0, rows[-1] - WINDOW) : rows[-1] + WINDOW + 1] = 0
    return np.array(sorted(rows), np.int64)


def _leap(before: float, after: float) -> float:
    """Logarithm of how many times ``after`` is less; no leap where either is nothing."""
    return float(np.log(before / after)) if before > 0 and after > 0 else 0.0


def _new_depths(model: MappedModel, row: int) -> tuple[float, float]:
    """Median distance of what only frames before ``row`` see, from those next to it; and the same of those after."""
    rows, points = model.observation_frames, model.observation_points
    is_behind = np.zeros(len(model.points), np.bool_)
    is_ahead = is_behind.copy()
    is_behind[points[rows < row]] = True
    is_ahead[points[rows >= row]] = True
    alone = (is_behind != is_ahead)[points] & ~model.is_assumed[points]
    found = list[float]()
    for near in ((rows >= row - WINDOW) & (rows < row), (rows >= row) & (rows < row + WINDOW)):
        seen = near & alone
        if np.count_nonzero(seen) < MIN_POINTS:
            return 0.0, 0.0
        offsets = model.points[points[seen]] - model.centers[rows[seen]]
        found.append(float(np.median(np.linalg.norm(offsets, axis=1))))
    return found[0], found[1]
