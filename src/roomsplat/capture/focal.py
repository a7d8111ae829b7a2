"""The lens's focal length as a file tells it: where solving the cameras begins; they refine it.

Cameras write it as the focal length that gives the same picture on 35 mm film ("26 mm"), by the diagonal of a film
frame, 43.27 mm (CIPA DC-008, annex G), so it holds for pictures of any size as long as nothing was cropped.
"""

import math
from collections.abc import Iterable, Mapping

import numpy as np

DIAGONAL_MM = math.hypot(36, 24)
# Films say it in QuickTime's own metadata: the first is written by iPhones, the second by some converters.
FILM_TAGS = (
    "com.apple.quicktime.camera.focal_length.35mm_equivalent",
    "com.apple.quicktime.camera.focal-length.35mm-equivalent",
    "focal_length_35mm",
)
RATIOS = (0.35, 2.5)
"""Focal length over the picture's longer side: 110° to 23°. What lies outside is no phone's lens, and not believed."""
SAME_LENS = 0.05
"""Pictures whose focal lengths differ by more than this share were taken with several lenses, or zoomed."""


def film_equivalent(tags: Mapping[str, str]) -> float | None:
    """What a film's metadata says, in mm on 35 mm film; ``None`` where it says nothing, or no number."""
    for name in FILM_TAGS:
        try:
            return float(tags[name].split()[0])
        except (KeyError, ValueError, IndexError):
            continue
    return None


def common_equivalent(equivalents: Iterable[float | None]) -> float | None:
    """The focal length of a folder's pictures, in mm; ``None`` unless all that tell it, at least half, agree."""
    values = list(equivalents)
    told = np.array([value for value in values if value is not None])
    if not len(told) or 2 * len(told) < len(values):
        return None
    middle = float(np.median(told))
    return middle if np.all(np.abs(told - middle) <= SAME_LENS * middle) else None


def focal_ratio(equivalent_mm: float | None, width: int, height: int) -> float | None:
    """Focal length over the longer side of a ``width`` × ``height`` picture; ``None`` for what no lens has."""
    if equivalent_mm is None or not math.isfinite(equivalent_mm) or min(width, height) < 1:
        return None
    ratio = equivalent_mm / DIAGONAL_MM * math.hypot(width, height) / max(width, height)
    return ratio if RATIOS[0] <= ratio <= RATIOS[1] else None
