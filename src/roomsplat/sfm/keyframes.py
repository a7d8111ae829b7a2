"""Which frames of a long film are mapped first: few enough to be quick, near enough for each other.

Mapping refines everything again and again, which costs more a frame the more frames there are. The frames in between
are placed afterwards, against points that stand: that costs the same for each, however long the film (Klein and Murray
2007, section 4, keep keyframes for the same reason).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise

import numpy as np

from roomsplat.sfm.colmap import Session
from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.pairs import Pair
from roomsplat.sfm.quality import find_jumps
from roomsplat.sfm.thresholds import RELAXED, Thresholds

LONG_FILM = 250
"""Shorter films are mapped as a whole."""
MIN_SHARED = 80
"""Matches that a keyframe shares with the next: a frame is placed by 30 of them (``Thresholds``)."""
MIN_SHARE = 0.5
"""... and as a share of what it has in common with the very next frame: half of what it sees is still to be seen."""


def choose_keyframes(count: int, matches: Mapping[Pair, int], reach: int) -> list[int]:
    """Numbers of the keyframes, ascending, from 0: each the furthest that shares enough with the one before.

    Args:
        count: the number of frames.
        matches: verified matches of pairs of frames, first before second; pairs without any may be missing.
        reach: no keyframe is further than this from the one before.
    """
    chosen = [0]
    while (last := chosen[-1]) + 1 < count:
        enough = max(MIN_SHARED, MIN_SHARE * matches.get((last, last + 1), 0))
        far = range(min(last + reach, count - 1), last + 1, -1)
        chosen.append(next((frame for frame in far if matches.get((last, frame), 0) >= enough), last + 1))
    return chosen


def frames_around_breaks(
    chosen: Sequence[int], models: Sequence[Collection[int]], count: int, reach: int
) -> list[int]:
    """The keyframes, and every frame within ``reach`` of where two of them in succession are in no common model.

    Args:
        chosen: the keyframes, ascending.
        models: the frames of each model.
        count: the number of frames.
        reach: in frames.
    """
    wider = set(chosen)
    for first, second in pairwise(chosen):
        if not any(first in model and second in model for model in models):
            wider |= set(range(max(0, first - reach), min(count, second + reach + 1)))
    return sorted(wider)


def unbroken(model: MappedModel) -> list[MappedModel]:
    """The parts between which the camera does not jump, in the order of the film.

    At a door of the house (2,400 frames) two keyframes with 35 and 43 points stood 16 times too far apart; the halves
    were right to 0.11 and 0.21 % of their paths.
    """
    cuts = [0, *find_jumps(model.centers, model.frames.astype(np.float64)), len(model.frames)]
    return [model.part(slice(first, last)) for first, last in pairwise(cuts)]


def map_film(
    session: Session, thresholds: Thresholds, on_registered: Callable[[], None], count: int, overlap: int
) -> list[MappedModel]:
    """Models of a film of ``count`` frames that were matched, largest first: a long one's keyframes before the rest.

    ``overlap``: that far ahead every frame was compared with all (``SfmConfig.overlap``).
    """
    if count <= LONG_FILM:
        return session.map(thresholds, on_registered)
    matches = {(first, second): len(found) for first, second, found in session.verified()}
    chosen = choose_keyframes(count, matches, overlap)
    models = session.map(thresholds, on_registered, frames=chosen)
    if not models or len(models[0].points) == 0:
        return session.map(thresholds, on_registered)
    models = sorted(
        (part for model in models for part in unbroken(model)), key=lambda part: -len(part.frames)
    )
    wider = frames_around_breaks(chosen, [set(model.frames.tolist()) for model in models], count, 2 * overlap)
    first = _mended(session, thresholds, on_registered, models[0], wider)
    return [*(extend_film(session, thresholds, on_registered, first, count) or [first]), *models[1:]]


def _mended(
    session: Session,
    thresholds: Thresholds,
    on_registered: Callable[[], None],
    model: MappedModel,
    wider: Sequence[int],
) -> MappedModel:
    """The largest model of the keyframes, gone on over ``wider``, refined as it grows; at last less is asked."""
    for asked in (thresholds, RELAXED):
        if set(wider) <= set(model.frames.tolist()):
            break
        grown = session.map(asked, on_registered, session.retriangulate(model, asked), frames=wider)
        if grown and len(grown[0].frames) > len(model.frames):
            model = grown[0]
    return model


def extend_film(
    session: Session,
    thresholds: Thresholds,
    on_registered: Callable[[], None],
    start: MappedModel,
    count: int,
) -> list[MappedModel]:
    """``start`` with the frames that it can hold beside its own; one of a long film is refined once, at the end.

    Mapping on from 2,400 frames with all that refining in between took 20 minutes of a core and was not done.
    """
    if count <= LONG_FILM:
        return session.map(thresholds, on_registered, start)
    grown = session.map(thresholds, on_registered, start, standing=True)
    return [session.adjust(grown[0], thresholds)] if grown else []
