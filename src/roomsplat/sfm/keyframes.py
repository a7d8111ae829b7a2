"""Which frames of a long film are mapped first: few enough to be quick, near enough for each other.

Mapping refines everything again and again, which costs more a frame the more frames there are. The frames in between
are placed afterwards, against points that stand: that costs the same for each, however long the film (Klein and Murray
2007, section 4, keep keyframes for the same reason).
"""

from collections.abc import Callable, Mapping

from roomsplat.sfm.colmap import Session, Thresholds
from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.pairs import Pair

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


def map_film(
    session: Session, thresholds: Thresholds, on_registered: Callable[[], None], count: int, overlap: int
) -> list[MappedModel]:
    """Models of a film of ``count`` frames that were matched, largest first: a long one's keyframes before the rest.

    ``overlap``: that far ahead every frame was compared with all (``SfmConfig.overlap``).
    """
    if count <= LONG_FILM:
        return session.map(thresholds, on_registered)
    matches = {(first, second): len(found) for first, second, found in session.verified()}
    models = session.map(thresholds, on_registered, frames=choose_keyframes(count, matches, overlap))
    if not models or len(models[0].points) == 0:
        return session.map(thresholds, on_registered)
    grown = session.map(thresholds, on_registered, models[0], standing=True)
    return [session.adjust(grown[0]), *models[1:]] if grown else models


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
    return [session.adjust(grown[0])] if grown else []
