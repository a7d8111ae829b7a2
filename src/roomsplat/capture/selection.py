"""Which frames are kept: the film is cut into windows, each gives its sharpest frame that shows something new."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from roomsplat.capture.config import DEFAULT_FPS, CaptureConfig
from roomsplat.capture.sharpness import Impression, difference

P = TypeVar("P")

# Grey levels of 255. No cell of the thumbnail above this: a covered lens, a fade. A dim room has one bright spot.
BLACK_LEVEL = 24.0
# Consecutive frames of real films at 58 and 30 frames a second differ by 1.3 and more at the first percentile, frames
# half a second apart by 7.7 and more; a repeated frame by 0.15, a still camera's noise and coding by under 0.5.
FROZEN_DIFFERENCE = 0.25
DUPLICATE_DIFFERENCE = 1.0

# What sharpness loses at the edge of a window. Without it neighbouring windows often choose neighbouring frames: gaps
# of 0.05 to 1.9 windows on two real films. With 0.3 they are 0.2 to 1.6, and the chosen frames keep 95 % of the
# sharpness of the sharpest (a median frame has 80 %). A frame that is really blurred has half and less: it loses.
EDGE_PENALTY = 0.3

REASONS = ("black", "frozen", "duplicate", "less_sharp")


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPlan:
    """How the frames of a film fall into windows."""

    window: NDArray[np.int64]
    """(n,) non-decreasing numbers from 0."""
    weight: NDArray[np.float64]
    """(n,) what a frame's sharpness is multiplied by: 1 in the middle of its window, less towards its edges."""

    @property
    def count(self) -> int:
        """The number of windows, empty ones too."""
        return int(self.window[-1]) + 1


def plan_windows(times_s: NDArray[np.float64], config: CaptureConfig) -> WindowPlan:
    """Cut a film, given the n > 0 ascending times of its frames in seconds.

    Windows are equal in time, so that a film of variable rate is covered evenly. Where that would leave fewer than
    ``min_frames`` of them filled although there are that many frames, they are equal in frames instead. A rate that
    was asked for is obeyed: then only ``max_frames`` bounds it.
    """
    count = len(times_s)
    since_start = times_s - times_s[0]
    duration = float(since_start[-1]) * count / max(count - 1, 1)
    most = min(config.frames or config.max_frames, count)
    least = min(config.frames or (config.min_frames if config.fps is None else 1), count)
    rate = DEFAULT_FPS if config.fps is None else config.fps
    windows = int(np.clip(config.frames or round(min(rate * duration, most)), least, most))
    by_rank = (np.arange(count) + 0.5) / count * windows
    if duration > 0:
        by_time = np.minimum(since_start / duration * windows, np.nextafter(windows, 0))
        if len(np.unique(by_time.astype(np.int64))) >= least:
            return _plan(by_time)
    return _plan(by_rank)


def _plan(positions: NDArray[np.float64]) -> WindowPlan:
    """From each frame's place in units of windows."""
    window = np.floor(positions)
    off_centre = np.abs(positions - window - 0.5) * 2
    return WindowPlan(window=window.astype(np.int64), weight=1 - EDGE_PENALTY * off_centre)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Generic[P]):
    """A frame that may be kept."""

    index: int
    """Its number in the input."""
    window: int
    """From ``plan_windows``."""
    weight: float
    """From ``plan_windows``."""
    impression: Impression
    """What it looks like."""
    picture: P
    """Whatever is needed to write it."""

    @property
    def score(self) -> float:
        """Larger is better."""
        return self.impression.sharpness * self.weight


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

    def choose(self, candidates: Iterable[Candidate[P]]) -> Iterator[Candidate[P]]:
        """The choices of all windows, each as soon as it is made."""
        for candidate in candidates:
            chosen = self.offer(candidate)
            if chosen is not None:
                yield chosen
        chosen = self.finish()
        if chosen is not None:
            yield chosen

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
            if candidate.score > best.score:
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
