"""Which frames of a long film are mapped first: few enough to be quick, near enough for each other.

Mapping refines everything again and again, which costs more a frame the more frames there are. The frames in between
are placed afterwards, against points that stand: that costs the same for each, however long the film (Klein and Murray
2007, section 4, keep keyframes for the same reason).
"""

from collections.abc import Mapping

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
