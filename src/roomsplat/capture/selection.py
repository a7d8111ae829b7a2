"""Which frames are kept: the film is cut into windows, each gives its sharpest frame that shows something new."""

from collections import Counter
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from roomsplat.capture.config import CaptureConfig
from roomsplat.capture.sharpness import Impression, difference

P = TypeVar("P")

# Grey levels of 255. No cell of the thumbnail above this: a covered lens, a fade. A dim room has one bright spot.
BLACK_LEVEL = 24.0
# Consecutive frames of real films at 58 and 30 frames a second differ by 1.2 and more at the first percentile, frames
# half a second apart by 7.7 and more; a repeated frame by 0.15, a still camera's noise and coding by under 0.5.
FROZEN_DIFFERENCE = 0.25
DUPLICATE_DIFFERENCE = 1.0

REASONS = ("black", "frozen", "duplicate", "less_sharp")


def plan_windows(times_s: NDArray[np.float64], config: CaptureConfig) -> NDArray[np.int64]:
    """The window of each frame: (n,) non-decreasing numbers, from ascending times in seconds.

    Windows are equal in time, so that a film of variable rate is covered evenly. Where that would leave fewer than
    ``min_frames`` of them filled although there are that many frames, they are equal in frames instead.
    """
    count = len(times_s)
    if count == 0:
        return np.zeros(0, np.int64)
    step = (times_s[-1] - times_s[0]) / max(count - 1, 1)
    duration = times_s[-1] - times_s[0] + step
    least = min(config.frames or config.min_frames, count)
    wanted = config.frames or round(config.fps * duration)
    windows = int(np.clip(wanted, least, max(least, min(config.frames or config.max_frames, count))))
    if duration > 0:
        by_time = np.minimum((times_s - times_s[0]) / duration * windows, windows - 1).astype(np.int64)
        if len(np.unique(by_time)) >= min(least, windows):
            return by_time
    return np.arange(count, dtype=np.int64) * windows // count


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Generic[P]):
    """A frame that may be kept."""

    index: int
    """Its number in the input."""
    window: int
    """From ``plan_windows``."""
    impression: Impression
    """What it looks like."""
    picture: P
    """Whatever is needed to write it."""


class Chooser(Generic[P]):
    """Takes frames in order, gives back the best of each window when the next one begins.

    It holds one candidate, so memory does not grow with the film. Every frame offered has exactly one fate: it is
    chosen, or counted in ``dropped`` under one of ``REASONS``.
    """

    def __init__(self) -> None:
        """Nothing is chosen yet."""
        self.dropped: Counter[str] = Counter(dict.fromkeys(REASONS, 0))
        self._best: Candidate[P] | None = None
        self._seen: Impression | None = None
        self._kept: Impression | None = None

    def offer(self, candidate: Candidate[P]) -> Candidate[P] | None:
        """Look at the next frame; the finished window's choice, if this frame begins another."""
        finished = self.finish() if self._best is not None and self._best.window != candidate.window else None
        reason = self._flaw(candidate.impression)
        if reason is None:
            best = self._best
            if best is None:
                self._best = candidate
                return finished
            reason = "less_sharp"
            if candidate.impression.sharpness > best.impression.sharpness:
                self._best = candidate
        self.dropped[reason] += 1
        return finished

    def finish(self) -> Candidate[P] | None:
        """The choice of the window that is open, if it has one."""
        best, self._best = self._best, None
        if best is not None:
            self._kept = best.impression
        return best

    def _flaw(self, impression: Impression) -> str | None:
        if impression.thumbnail.max() < BLACK_LEVEL:
            return "black"
        # Compared with the last frame that differed, not with the last one: a slow camera at 240 frames a second
        # moves less than the threshold per frame, and that must add up.
        if self._seen is not None and _same(impression, self._seen, FROZEN_DIFFERENCE):
            return "frozen"
        self._seen = impression
        if self._kept is not None and _same(impression, self._kept, DUPLICATE_DIFFERENCE):
            return "duplicate"
        return None


def _same(first: Impression, second: Impression, threshold: float) -> bool:
    return difference(first.thumbnail, second.thumbnail) < threshold
