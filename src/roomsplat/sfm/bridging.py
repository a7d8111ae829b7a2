"""Keyframes that fall into parts, joined where two parts reach over the same stretch of the film.

A mapper that goes on through a plain door may come out at another scale, and all that follows is as wrong as the door.
So no part goes on through the next: each grows over the stretch around its own ends with every frame there is, and two
parts that then know the same frames are laid onto each other by those.
"""

from collections.abc import Callable, Collection, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.transforms import Similarity
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.joining import Verified, similarity_between
from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.pairs import Pair
from roomsplat.sfm.quality import find_jumps
from roomsplat.sfm.thresholds import RELAXED

MIN_CORE = 4
"""Keyframes of a part that is worth growing."""
MAX_GAP = 0.15
"""Of the common frames of two parts, as a share of the way they span: 0.005 to 0.06 at three doors of the house."""
MIN_CROSSING = 10
"""Pairs that hold two parts of a model together where none of them is near in time: the place is seen again. At
a bare wall of the house 24 keyframes' pairs do, all true."""


def unbroken(model: MappedModel, pairs: Collection[Pair], near: int) -> list[MappedModel]:
    """The parts between which the camera does not jump and that more than a false loop holds, in the film's order.

    At a door of the house (2,400 frames) two keyframes with 35 and 43 points stood 16 times too far apart; the halves
    were right to 0.11 and 0.21 % of their paths. At another ten frames show a bare wall and share nothing; there frames
    500 apart that see the same room through another door hold it together, and rightly.

    Args:
        model: what may be broken.
        pairs: of frames that share matches, first before second.
        near: so many frames apart a pair is the film's own way.
    """
    frames = model.frames
    mine = np.array([pair for pair in pairs if np.isin(pair, frames).all()], np.int64).reshape(-1, 2)
    is_near = mine[:, 1] - mine[:, 0] <= near
    count, close = crossing(frames, mine), crossing(frames, mine[is_near])
    loose = set((np.flatnonzero((close == 0) & (count < MIN_CROSSING)) + 1).tolist())
    inside = loose | set(find_jumps(model.centers, frames.astype(np.float64)))
    return [model.part(slice(first, last)) for first, last in pairwise([0, *sorted(inside), len(frames)])]


def crossing(frames: NDArray[np.int64], pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """(c - 1,) how many of (k, 2) pairs have a frame on either side of each cut between (c,) frames."""
    steps = np.zeros(len(frames), np.int64)
    np.add.at(steps, np.searchsorted(frames, pairs[:, 0]), 1)
    np.subtract.at(steps, np.searchsorted(frames, pairs[:, 1]), 1)
    return np.cumsum(steps)[:-1]


def breaks(chosen: Sequence[int], models: Sequence[Collection[int]]) -> list[Pair]:
    """Keyframes in succession that are in no common model; ``chosen`` ascends."""
    return [
        (first, second)
        for first, second in pairwise(chosen)
        if not any(first in model and second in model for model in models)
    ]


def around(places: Sequence[Pair], count: int, reach: int) -> set[int]:
    """Every frame within ``reach`` of one of the breaks."""
    return {
        frame
        for first, second in places
        for frame in range(max(0, first - reach), min(count, second + reach + 1))
    }


def grown_over(
    session: Session,
    part: MappedModel,
    pairs: Collection[Pair],
    places: Sequence[Pair],
    count: int,
    reach: int,
    on_registered: Callable[[], None],
) -> MappedModel:
    """The part with the frames around the breaks at its own ends, as far as the camera does not jump."""
    core = set(part.frames.tolist())
    near = around([place for place in places if not core.isdisjoint(place)], count, reach)
    if len(core) < MIN_CORE or near <= core:
        return part
    start = session.retriangulate(part, RELAXED)
    models = session.map(RELAXED, on_registered, start, frames=core | near)
    if not models:
        return part
    return max(unbroken(models[0], pairs, reach), key=lambda piece: len(core & set(piece.frames.tolist())))


def joined(
    session: Session,
    parts: Sequence[MappedModel],
    verified: Verified,
    holds: Callable[[MappedModel], bool],
    seed: int,
) -> list[MappedModel]:
    """The parts, those made one that ``holds`` says hold together, largest first; none within another.

    Args:
        session: of the film.
        parts: models, each in a world of its own.
        verified: (first, second, (n, 2) feature numbers) of the pairs that passed verification.
        holds: whether a model is borne out by the matches.
        seed: of random samples.
    """
    waiting = sorted(parts, key=lambda part: -len(part.frames))
    done = list[MappedModel]()
    while waiting:
        whole, *waiting = waiting
        while (pair := _next(session, whole, waiting, verified, holds, seed)) is not None:
            whole, taken = pair
            waiting = [part for part in waiting if part is not taken]
        known = set(whole.frames.tolist())
        waiting = [part for part in waiting if not set(part.frames.tolist()) <= known]
        done.append(whole)
    return sorted(done, key=lambda part: -len(part.frames))


def _next(
    session: Session,
    whole: MappedModel,
    others: Sequence[MappedModel],
    verified: Verified,
    holds: Callable[[MappedModel], bool],
    seed: int,
) -> tuple[MappedModel, MappedModel] | None:
    """``whole`` with the first other that fits, and that other; those with the most frames in common are tried first.

    Without a common frame the same place must be seen in many pairs, and the camera may jump nowhere: two parts that
    nine points laid onto each other stood 9 m apart, with a jump between them.
    """
    mine = set(whole.frames.tolist())
    shared = {id(part): mine & set(part.frames.tolist()) for part in others}
    for part in sorted(others, key=lambda part: -len(shared[id(part)])):
        theirs, known = set(part.frames.tolist()), bool(shared[id(part)])
        pairs = ((mine - theirs, theirs - mine), (theirs - mine, mine - theirs))
        across = [
            one for one in verified if any(one[0] in first and one[1] in second for first, second in pairs)
        ]
        if len(theirs - mine) < MIN_CORE or (not known and len(across) < MIN_CROSSING):
            continue
        similarity = similarity_between(whole, part, () if known else across, seed)
        if similarity is None or _gap(whole, part, similarity) > MAX_GAP:
            continue
        candidate = session.join(whole, part, similarity, RELAXED, roughly=True)
        jumps = find_jumps(candidate.centers, candidate.frames.astype(np.float64))
        if holds(candidate) and (known or not jumps):
            return candidate, part
    return None


def _gap(a: MappedModel, b: MappedModel, a_from_b: Similarity) -> float:
    """Median distance of the common frames' cameras as either has them, as a share of the way they span."""
    _, rows, others = np.intersect1d(a.frames, b.frames, return_indices=True)
    if len(rows) < 2:
        return 0.0
    here, there = a.centers[rows], a_from_b.apply(b.centers[others])
    span = float(np.linalg.norm(np.ptp(here, axis=0)))
    return float(np.median(np.linalg.norm(here - there, axis=1))) / span if span > 0 else 0.0
