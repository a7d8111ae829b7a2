"""How sharp is a frame, and is it the same as another? Judged on a small grey copy."""

from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

# Sharpness is judged here: half of full HD. Known motion blur on real frames, mean blur of the chosen frame above the
# best one of ten: 0.6 px here, 0.5 px at full size and 4× the time, 0.9 px at a quarter (lab notebook, Capture).
_JUDGED_SIDE = 960
# Sameness and darkness are judged here: a cell averages over 200 pixels and more, which leaves no noise.
_THUMBNAIL_SIDE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Impression:
    """What selection knows of a frame."""

    sharpness: float
    """Mean squared Laplacian of the grey copy; larger is sharper, comparable within one film."""
    thumbnail: NDArray[np.float32]
    """(h, w) grey levels 0 to 255, longer side 64."""


class Judge:
    """Looks at frames; keeps the scalers, which cost more to make than to use."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._scaler, self._thumbnail_scaler = VideoReformatter(), VideoReformatter()

    def look(self, frame: VideoFrame) -> Impression:
        """One frame's impression; the frame may be of any pixel format and is left as it was."""
        grey = _shrink(self._scaler, frame, _JUDGED_SIDE)
        thumbnail = _shrink(self._thumbnail_scaler, grey, _THUMBNAIL_SIDE).to_ndarray()
        return Impression(
            sharpness=sharpness(np.asarray(grey.to_ndarray(), np.uint8)),
            thumbnail=thumbnail.astype(np.float32),
        )


def sharpness(grey: NDArray[np.integer]) -> float:
    """Mean squared Laplacian of an (h, w) picture (Pech-Pacheco et al. 2000, there less its mean, which is nearly 0).

    Not divided by contrast: that chose blurrier frames in the same trial (1.2 px instead of 0.6), because a window's
    frames show nearly the same things and the division only adds noise.
    """
    if min(grey.shape) < 3:
        return 0.0
    levels = grey.astype(np.int16)
    laplacian = levels[1:-1, :-2] + levels[1:-1, 2:]
    laplacian += levels[:-2, 1:-1]
    laplacian += levels[2:, 1:-1]
    laplacian -= levels[1:-1, 1:-1] * 4
    values = laplacian.ravel().astype(np.float32)
    return float(np.dot(values, values)) / values.size


def difference(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Root mean square difference of two thumbnails in grey levels, a change of overall brightness aside."""
    change = first - second
    return float(np.sqrt(np.mean((change - change.mean()) ** 2)))


def _shrink(scaler: VideoReformatter, frame: VideoFrame, side: int) -> VideoFrame:
    scale = min(1.0, side / max(frame.width, frame.height))
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    # One thread: handing half a millisecond of work to swscale's own threads took 3× longer in a busy process.
    return scaler.reformat(frame, width, height, "gray", interpolation=Interpolation.AREA, threads=1)
