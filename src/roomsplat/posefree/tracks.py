"""Features of many frames that are one place of the room: chains of matches along the film."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.posefree.features import Matched

Number = NDArray[np.int64]

REACH = 32
"""Frames; what is farther apart in the film may be another door that looks the same, and is kept as a ``Link``."""
MIN_MATCHES = 15
"""A pair with fewer matches is not believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracks:
    """Observations, sorted by track; every track is seen by two frames or more, by each at most once."""

    frames: Number
    """(o,)."""
    features: Number
    """(o,) which feature of that frame."""
    tracks: Number
    """(o,) ascending."""
    count: int
    """Of tracks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Matches of two frames far apart in the film, as the tracks that they belong to."""

    first: int
    second: int
    tracks: Number
    """(n, 2) of the first and of the second frame; never twice the same."""


def chained(counts: Sequence[int], matched: Sequence[Matched]) -> tuple[Tracks, list[Link]]:
    """Chain the matches of frames with ``counts`` features; near pairs first, and never two features of one frame."""
    offsets = np.concatenate([[0], np.cumsum(counts)])
    frame_of = np.repeat(np.arange(len(counts)), counts)
    near = [one for one in matched if one.second - one.first <= REACH and len(one.features) >= MIN_MATCHES]
    far = [one for one in matched if one.second - one.first > REACH and len(one.features) >= MIN_MATCHES]
    root = _joined(offsets, frame_of, sorted(near, key=lambda one: one.second - one.first))
    roots, track, sizes = np.unique(root, return_inverse=True, return_counts=True)
    wanted = sizes >= 2
    number = np.where(wanted, np.cumsum(wanted) - 1, -1)[track]
    nodes = np.flatnonzero(number >= 0)
    nodes = nodes[np.lexsort((frame_of[nodes], number[nodes]))]
    frames = frame_of[nodes]
    tracks = Tracks(
        frames=frames,
        features=nodes - offsets[frames],
        tracks=number[nodes],
        count=int(wanted[: len(roots)].sum()),
    )
    links = list[Link]()
    for one in far:
        ends = number[one.features + offsets[[one.first, one.second]]]
        ends = ends[(ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1])]
        if len(ends) >= MIN_MATCHES:
            links.append(Link(first=one.first, second=one.second, tracks=ends))
    return tracks, links


def _joined(offsets: Number, frame_of: Number, pairs: Sequence[Matched]) -> Number:
    """For each feature of the film the one that stands for its chain."""
    root: list[int] = list(range(int(offsets[-1])))
    frame: list[int] = frame_of.tolist()
    members: dict[int, list[int]] = {}
    for one in pairs:
        ends = one.features + offsets[[one.first, one.second]]
        pairs_of_nodes: list[tuple[int, int]] = ends.tolist()
        for a, b in pairs_of_nodes:
            first, second = root[a], root[b]
            if first == second:
                continue
            mine, theirs = members.get(first, [first]), members.get(second, [second])
            if not {frame[node] for node in mine}.isdisjoint(frame[node] for node in theirs):
                continue
            if len(mine) < len(theirs):
                first, mine, theirs = second, theirs, mine
                second = root[a]
            for node in theirs:
                root[node] = first
            members.pop(second, None)
            members[first] = mine + theirs
    return np.array(root, np.int64)
