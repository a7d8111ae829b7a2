"""How blurred a picture is, whatever it shows: the width of its edges.

Sharpness as capture measures it (energy of fine detail) compares pictures of one moment. Over a whole film it says
what was filmed: on `office` the pictures with the least are sharp pictures of white walls. An edge has a width of its
own.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Float = NDArray[np.float32]

SIDE = 640
"""px of the longer side at which edges are measured: what ``preview`` trains on."""
REBLUR = 1.5
"""px, standard deviation: the picture is blurred once more by so much."""
EDGES = 0.03
"""Share of the pixels that are edges, the steepest ones …"""
MIN_SLOPE = 4.0
"""… of at least so many grey levels a pixel, and at least ``MIN_EDGES`` of them."""
MIN_EDGES = 500
REACH = 2
"""px around an edge pixel within which its crest is looked for."""
QUANTILE = 0.7
"""Over the edges. Blur by motion widens those across it only: at the median a turn of 100° a second is 1.2 times the
film's usual width, here 1.4, and sharp films stay within 1.2 (docs/lab-notebook.md, "The report")."""


def edge_width(grey: Float) -> float:
    """Standard deviation in px of the blur of a picture's edges; NaN where it has too few.

    An edge of width s that is blurred once more by r loses slope by the factor R = sqrt(s² + r²) / s, so that
    s = r / sqrt(R² - 1) (Zhuo and Sim, "Defocus map estimation from a single image", 2011, section 2.1).

    Args:
        grey: (h, w) levels 0 to 255.
    """
    if min(grey.shape) < 4 * REACH + 4:
        return float("nan")
    again = _slope(gaussian_filter(grey, REBLUR, truncate=2.5))
    margin = 2 * REACH
    inner = np.zeros_like(again)
    inner[margin:-margin, margin:-margin] = again[margin:-margin, margin:-margin]
    count = max(int(EDGES * inner.size), 1)
    edges = np.argpartition(inner.ravel(), -count)[-count:]
    edges = edges[inner.ravel()[edges] > MIN_SLOPE]
    if len(edges) < MIN_EDGES:
        return float("nan")
    row, column = np.divmod(edges, grey.shape[1])
    once = _slope(grey)
    loss = _crest(once, row, column) / _crest(again, row, column)
    return float(np.quantile(REBLUR / np.sqrt(np.maximum(loss**2 - 1, 1e-2)), QUANTILE))


def _slope(grey: Float) -> Float:
    """(h, w) length of the gradient by central differences, 0 at the border."""
    result = np.zeros_like(grey)
    across, down = grey[1:-1, 2:] - grey[1:-1, :-2], grey[2:, 1:-1] - grey[:-2, 1:-1]
    result[1:-1, 1:-1] = np.sqrt(across * across + down * down) / 2
    return result


def _crest(slope: Float, row: NDArray[np.int64], column: NDArray[np.int64]) -> Float:
    """(n,) the steepest slope within ``REACH``."""
    found = np.zeros(len(row), np.float32)
    for down in range(-REACH, REACH + 1):
        for across in range(-REACH, REACH + 1):
            np.maximum(found, slope[row + down, column + across], out=found)
    return found
