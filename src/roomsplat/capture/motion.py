"""How far the picture has moved, measured on thumbnails: what a film's frames are spaced by, beside the clock.

The whole picture's shift by phase correlation (Kuglin and Hines 1975), refined below a pixel by least squares
(Lucas and Kanade 1981), and on top what a shift does not explain: walking forward, going around something.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Thumbnail = NDArray[np.float32]

# Ten times a second is enough: who turns by 120° in a second moves the picture by a sixth of its width in between.
INTERVAL_S = 0.09
# Steps are measured from the last frame that was this far away, as a share of the longer side, and not from frame to
# frame: a standing camera's noise would add up (a tenth of a thumbnail's pixel each time, 3 picture widths a minute).
_ANCHOR_SHARE = 0.03
_MAX_SHIFT = 0.4
"""Of a side: a larger shift is a chance likeness, as too little of the picture is seen in both."""
_MAX_REST = 0.15
"""Of the longer side: what is left after the shift cannot say more, since pictures that differ differ."""
_NOISE = 0.5
"""Grey levels by which thumbnails of a camera that stands still differ (noise and coding)."""


class MotionMeter:
    """The way that the picture has gone since the beginning of the film, in longer sides of it."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._anchor: Thumbnail | None = None
        self._spectrum = np.zeros((0, 0), np.complex64)
        self._measured_s = -np.inf
        self._before = self.way = 0.0

    def see(self, thumbnail: Thumbnail, time_s: float) -> float:
        """The way up to the next frame, which never falls; frames in between the measured ones keep it as it is."""
        if time_s - self._measured_s < INTERVAL_S:
            return self.way
        self._measured_s = time_s
        if self._anchor is None or self._anchor.shape != thumbnail.shape:
            self._anchor, self._spectrum = thumbnail, spectrum_of(thumbnail)
            return self.way
        spectrum = spectrum_of(thumbnail)
        moved = motion_between(self._anchor, thumbnail, self._spectrum, spectrum)
        self.way = max(self.way, self._before + moved)
        if moved > _ANCHOR_SHARE:
            self._anchor, self._spectrum, self._before = thumbnail, spectrum, self.way
        return self.way


def spectrum_of(thumbnail: Thumbnail) -> NDArray[np.complex64]:
    """The Fourier transform of an (h, w) thumbnail that fades to its mean towards the edges."""
    return np.fft.rfft2((thumbnail - thumbnail.mean()) * _fade(*thumbnail.shape)).astype(np.complex64)


@cache
def _fade(height: int, width: int) -> Thumbnail:
    """(h, w) 1 in the middle, 0 beyond the edges (Hann)."""
    return (np.hanning(height + 2)[1:-1, None] * np.hanning(width + 2)[1:-1]).astype(np.float32)


def motion_between(
    first: Thumbnail,
    second: Thumbnail,
    first_spectrum: NDArray[np.complex64],
    second_spectrum: NDArray[np.complex64],
) -> float:
    """How far the picture moved between two (h, w) thumbnails, in longer sides; ``*_spectrum`` by ``spectrum_of``."""
    height, width = first.shape
    cross = np.conj(first_spectrum) * second_spectrum
    # Divided by the root of its size, not by its size: blurred pictures have no fine detail but noise.
    cross /= np.sqrt(np.abs(cross)) + 1e-6
    likeness = np.fft.irfft2(cross, s=(height, width))
    down, right = (int(v) for v in np.unravel_index(int(likeness.argmax()), likeness.shape))
    down, right = down - height * (down > height // 2), right - width * (right > width // 2)
    if abs(down) > _MAX_SHIFT * height or abs(right) > _MAX_SHIFT * width:
        down = right = 0
    there = second[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)]
    here = first[max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)]
    more_down, more_right, rest = _refined(here, there)
    shift = float(np.hypot(down + more_down, right + more_right))
    longer = max(height, width)
    return shift / longer + min(rest / longer, _MAX_REST)


def _refined(first: Thumbnail, second: Thumbnail) -> tuple[float, float, float]:
    """The rest of the shift, at most a pixel each way, and by how many pixels the picture's parts still differ."""
    if min(first.shape) < 3:
        return 0.0, 0.0, 0.0
    mean = (first + second) * np.float32(0.5)
    slope_y = ((mean[2:, 1:-1] - mean[:-2, 1:-1]) * np.float32(0.5)).ravel()
    slope_x = ((mean[1:-1, 2:] - mean[1:-1, :-2]) * np.float32(0.5)).ravel()
    change = np.asarray((second - first)[1:-1, 1:-1], np.float64).ravel()
    change -= change.mean()
    slopes = np.stack([slope_y, slope_x]).astype(np.float64)
    matrix = slopes @ slopes.T
    steepness = float(np.trace(matrix))
    if steepness < 1e-6 * change.size:
        return 0.0, 0.0, 0.0
    damped = matrix + 1e-3 * steepness * np.eye(2)
    shift = np.clip(np.asarray(np.linalg.solve(damped, -(slopes @ change)), np.float64), -1, 1)
    left = np.asarray(change + shift @ slopes, np.float64)
    surplus = max(float(left @ left) - _NOISE**2 * change.size, 0.0)
    return float(shift[0]), float(shift[1]), float(np.sqrt(2 * surplus / steepness))
