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

# How much of a window is the picture's motion; the rest is the clock, so that a film of a slow camera is covered, too.
MOTION_SHARE = 0.5
# What two phone films of rooms have (0.27 and 0.34), and for how long a film is taken to be like them.
USUAL_SPEED = 0.3  # longer sides of the picture a second
PATIENCE_S = 5.0

REASONS = ("black", "frozen", "duplicate", "less_sharp")


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPlan:
    """How the frames of a film fall into windows where only the clock counts."""

    positions: NDArray[np.float64]
    """(n,) non-decreasing places of the frames in units of windows, from 0 to below ``count``."""
    count: int
    """The number of windows, empty ones too."""


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
    if duration > 0:
        by_time = np.minimum(since_start / duration * windows, np.nextafter(windows, 0))
        if len(np.unique(by_time.astype(np.int64))) >= least:
            return WindowPlan(positions=by_time, count=windows)
    return WindowPlan(positions=(np.arange(count) + 0.5) / count * windows, count=windows)


def edge_weight(position: float) -> float:
    """What a frame's sharpness is multiplied by at this place: 1 in the middle of its window, less at its edges."""
    return 1 - EDGE_PENALTY * abs(position % 1 - 0.5) * 2


class Pace:
    """Moves frames between windows by how the picture moves: a fast turn gets more windows, standing still fewer.

    A film is decoded once, so what is still to come is not known; what is left of the windows is spread over what is
    left of the film as if it went on at the speed so far. So every window is used, and there are never more.
    """

    def __init__(self, plan: WindowPlan, times_s: NDArray[np.float64]) -> None:
        """``plan`` and the (n,) times of the frames that it was made from."""
        self._plan, self._times = plan, times_s - times_s[0]
        self._duration = max(float(self._times[-1]), 1e-9)
        self._last, self._way, self._reached = 0, 0.0, float(plan.positions[0])

    def place(self, index: int, way: float) -> float:
        """A frame's place in units of windows.

        Args:
            index: its number, not below the last one that was asked for.
            way: how far the picture has moved since the beginning, in longer sides of it (``MotionMeter``).
        """
        plan, before = self._plan, float(self._times[self._last])
        here, there = float(plan.positions[self._last]), float(plan.positions[index])
        usual = (self._way + USUAL_SPEED * PATIENCE_S) / (before + PATIENCE_S)
        by_motion = (way - self._way) / usual * plan.count / self._duration
        share = ((1 - MOTION_SHARE) * (there - here) + MOTION_SHARE * by_motion) / (plan.count - here)
        step = min((plan.count - self._reached) * min(share, 1.0), 1.0)  # no window stays empty
        least = plan.count - (len(self._times) - index)  # each window that is left needs a frame
        self._reached = min(max(self._reached + step, least), float(np.nextafter(plan.count, 0)))
        self._last, self._way = index, way
        return self._reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Generic[P]):
    """A frame that may be kept."""

    index: int
    """Its number in the input."""
    position: float
    """Where it lies, in units of windows: from ``plan_windows``, or ``Pace``."""
    impression: Impression
    """What it looks like."""
    picture: P
    """Whatever is needed to write it."""

    @property
    def window(self) -> int:
        """The window that it lies in."""
        return int(self.position)

    @property
    def score(self) -> float:
        """Larger is better."""
        return self.impression.sharpness * edge_weight(self.position)


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
