"""Keyframes that fall into parts, joined where two parts reach over the same stretch of the film.

A mapper that goes on through a plain door may come out at another scale, and all that follows is as wrong as the door.
So no part goes on through the next: each grows over the stretch around its own ends with every frame there is, and two
parts that then know the same frames are laid onto each other by those.
"""

from collections.abc import Callable, Collection, Sequence
from itertools import pairwise

import numpy as np

from roomsplat.sfm.colmap import Session
from roomsplat.sfm.joining import Verified, similarity_between
from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.quality import find_jumps
from roomsplat.sfm.thresholds import RELAXED

MIN_CORE = 4
"""Keyframes of a part that is worth growing."""


def unbroken(model: MappedModel) -> list[MappedModel]:
    """The parts between which the camera does not jump, in the order of the film.

    At a door of the house (2,400 frames) two keyframes with 35 and 43 points stood 16 times too far apart; the halves
    were right to 0.11 and 0.21 % of their paths.
    """
    cuts = [0, *find_jumps(model.centers, model.frames.astype(np.float64)), len(model.frames)]
    return [model.part(slice(first, last)) for first, last in pairwise(cuts)]


def breaks(chosen: Sequence[int], models: Sequence[Collection[int]]) -> list[tuple[int, int]]:
    """Keyframes in succession that are in no common model; ``chosen`` ascends."""
    return [
        (first, second)
        for first, second in pairwise(chosen)
        if not any(first in model and second in model for model in models)
    ]


def around(places: Sequence[tuple[int, int]], count: int, reach: int) -> set[int]:
    """Every frame within ``reach`` of one of the breaks."""
    return {
        frame
        for first, second in places
        for frame in range(max(0, first - reach), min(count, second + reach + 1))
    }


def grown_over(
    session: Session,
    part: MappedModel,
    places: Sequence[tuple[int, int]],
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
    return max(unbroken(models[0]), key=lambda piece: len(core & set(piece.frames.tolist())))


def joined(
    session: Session,
    parts: Sequence[MappedModel],
    verified: Verified,
    holds: Callable[[MappedModel], bool],
    seed: int,
) -> list[MappedModel]:
    """The parts, those made one that ``holds`` says hold together, largest first.

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

    Without a common frame nothing is joined here: two doors that look alike are 36 matches of the house, and a part
    joined by them stood 9 m beside its place.
    """
    mine = set(whole.frames.tolist())
    shared = {id(part): len(mine & set(part.frames.tolist())) for part in others}
    for part in sorted(others, key=lambda part: -shared[id(part)]):
        if shared[id(part)] == 0 or len(part.frames) < MIN_CORE:
            continue
        theirs = set(part.frames.tolist())
        across = [
            one
            for one in verified
            if (one[0] in mine and one[1] in theirs) or (one[0] in theirs and one[1] in mine)
        ]
        similarity = similarity_between(whole, part, across if shared[id(part)] < MIN_CORE else (), seed)
        if similarity is None:
            continue
        candidate = session.join(whole, part, similarity, RELAXED, roughly=True)
        if holds(candidate):
            return candidate, part
    return None
