"""What a try at mapping came to: how far the matches bear it out, and the part of it that is sound."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.alignment import trajectory_error
from roomsplat.sfm.features import Features
from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.quality import CUT_SUPPORT, MIN_SUPPORT, find_jumps
from roomsplat.sfm.support import Evidence

# Of single frames: in a wrong place 0.17 (corridor) and 0.18 (kitchen); of right ones 0.51 and more on six films.
MIN_FRAME_SUPPORT = 0.35
MIN_MODEL = 2
"""Frames that COLMAP can go on from."""
SETTLED_PERCENT = 0.1
"""Of the path: cameras that move less among each other have settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A model and how far the matches bear it out."""

    model: MappedModel
    evidence: Evidence
    """Of all frames of the model, and perhaps of some that it has lost."""
    others: tuple[MappedModel, ...]
    """Further models, of other parts of the film."""
    features: Sequence[Features]
    """Of all frames: what the model's feature numbers count in. A closer look numbers them anew."""

    @property
    def support(self) -> NDArray[np.float64]:
        """(c - 1,) share of the matches across each cut of the film that the cameras explain."""
        return self.evidence.of_cuts(self.model.frames)

    @property
    def is_sound(self) -> bool:
        """Whether every cut of the film is borne out."""
        return _worst_cut(self) is None

    @property
    def is_doubtful(self) -> bool:
        """Whether some cut is borne out less than in any model that was right: 0.85 and more on seven films."""
        return bool(self.support.min(initial=1) < CUT_SUPPORT)

    @property
    def rank(self) -> float:
        """Compares attempts: how many frames would be left of it, times how well the matches bear those out.

        A corridor that was folded kept 108 frames, borne out by a half; one half of it, mapped in order, has 104.
        """
        kept = sound_part(self)
        return len(kept.model.frames) * float(kept.support.mean()) if len(kept.support) else 0.0


def best_of(*attempts: Attempt | None) -> Attempt | None:
    """The one of highest rank; ``None`` without any."""
    return max((one for one in attempts if one is not None), key=lambda one: one.rank, default=None)


def has_settled(before: MappedModel, after: MappedModel) -> bool:
    """Whether the frames of both have hardly moved among each other, in % of their path."""
    common, rows, others = np.intersect1d(before.frames, after.frames, return_indices=True)
    if len(common) < 3 or np.ptp(before.centers[rows], axis=0).max() == 0:
        return True
    return trajectory_error(after.centers[others], before.centers[rows]).percent < SETTLED_PERCENT


def sound_part(attempt: Attempt) -> Attempt:
    """Drop frames that contradict their own matches, and the smaller side of every cut that is not borne out."""
    attempt = without_strays(attempt)
    while (cut := _worst_cut(attempt)) is not None:
        keep = slice(0, cut) if 2 * cut >= len(attempt.model.frames) else slice(cut, None)
        dropped = slice(cut, None) if keep.start == 0 else slice(0, cut)
        attempt = replace(
            attempt,
            model=attempt.model.part(keep),
            others=(attempt.model.part(dropped), *attempt.others),
        )
    return attempt


def without_strays(attempt: Attempt) -> Attempt:
    """Drop single frames in wrong places, the worst first: what a stray's matches say of its neighbours is void."""
    while len(attempt.model.frames) > MIN_MODEL:
        own = attempt.evidence.of_frames(attempt.model.frames)
        worst = int(np.argmin(own))
        if own[worst] >= MIN_FRAME_SUPPORT:
            break
        attempt = replace(attempt, model=attempt.model.part(np.arange(len(own)) != worst))
    return attempt


def _worst_cut(attempt: Attempt) -> int | None:
    """The first row behind the cut that the matches bear out least, if that is too little.

    Where the camera jumps, too, more is asked: two parts of a corridor's film that hung together by the wrong end
    (15 % of the path off) had a support of 0.59 there, and a jump. True cuts, as ``can`` has three, have 0.8 or more.
    """
    support = attempt.support
    for row in find_jumps(attempt.model.centers, attempt.model.frames.astype(np.float64)):
        if support[row - 1] < CUT_SUPPORT:
            support[row - 1] *= MIN_SUPPORT / CUT_SUPPORT
    if not len(support) or support.min() >= MIN_SUPPORT:
        return None
    return int(np.argmin(support)) + 1
