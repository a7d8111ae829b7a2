"""Films of more frames than can be mapped as a whole: keyframes first, in parts that are joined, then the others.

Nothing here is done to all frames again and again: matching is near in time for all, and far only among keyframes;
mapping is of keyframes and of every frame around the places where they fall apart; the rest stands (``placing.py``).
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from roomsplat.sfm.attempt import Attempt, best_of, sound_part
from roomsplat.sfm.bridging import around, breaks, crossing, grown_over, joined, unbroken
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.keyframes import choose_keyframes
from roomsplat.sfm.mapping import Mapper, solution_of
from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.pairs import Pair, loop_pairs, pairs_among, sequential_pairs
from roomsplat.sfm.placing import place_frames
from roomsplat.sfm.quality import CUT_SUPPORT, MIN_SUPPORT, find_jumps
from roomsplat.sfm.solution import Solution
from roomsplat.sfm.thresholds import RELAXED, STRICT

REACH = 4
"""Times ``SfmConfig.overlap``: so far beyond its end a part grows. Two parts of the house then share 50 frames."""
BEYOND = 2
"""Times ``SfmConfig.overlap``: so far frames around a break are compared with each other."""


class LongFilm(Mapper):
    """Maps one film of many frames."""

    def solve(self) -> Solution | None:
        """The largest model that the matches bear out, or ``None`` when nothing could be joined."""
        overlap = self._config.overlap
        self.match(
            {(i, j) for i, j in sequential_pairs(self._count, overlap) if j - i <= overlap}, "matching"
        )
        chosen = choose_keyframes(self._count, self._shared(), overlap)
        self.match(self._pairs_of_keyframes(chosen), "matching keyframes")
        parts = self._parts(chosen)
        best = self._completed(parts)
        if best is None or best.is_doubtful:
            best = self._with_order(chosen, parts, best)
        if best is None or len(best.model.points) == 0:
            return None
        return solution_of(best)

    def _shared(self) -> dict[Pair, int]:
        return {(first, second): len(found) for first, second, found in self._session.verified()}

    def _pairs_of_keyframes(self, chosen: Sequence[int]) -> set[Pair]:
        """What a film of the keyframes alone would have compared."""
        config = self._config
        loops = loop_pairs(
            [self._features[frame].descriptors for frame in chosen],
            config.loop_neighbours,
            min_distance=config.overlap + 1,
            seed=config.seed,
        )
        return pairs_among(chosen, loops | sequential_pairs(len(chosen), config.overlap))

    def _with_order(
        self, chosen: Sequence[int], parts: Sequence[MappedModel], folded: Attempt | None
    ) -> Attempt | None:
        """Once more by what keyframes near in time share alone; the better one by those matches (``in_order``).

        Then with ``parts``, which all pairs gave, as far as they agree: of the house near pairs hold all but the
        first room together, and all pairs the first room with the next three.
        """
        everything, matched = self._session, self._matched
        self._reach = REACH * self._config.overlap
        self._session = everything.beside("in_order")
        self._session.enter(everything.size, [(one.keypoints, one.descriptors) for one in self._features])
        self._matched = self._session.adopt_matches(everything, self._is_near)
        ordered = self._parts(chosen)
        best = self._completed(ordered)
        judged = None if folded is None else replace(folded, evidence=self._evidence(folded.model))
        by_order, near = best_of(judged, best), self._session
        self._session, self._matched, self._reach = everything, matched, None
        if best is None or by_order is not best:
            return folded
        whole = joined(everything, [*ordered, *parts], everything.verified(), self._holds, self._config.seed)
        wider = self._completed(whole)
        if wider is None or len(wider.model.frames) <= len(best.model.frames):
            return best
        return wider if self._agrees(wider.model, near) else best

    def _agrees(self, model: MappedModel, near: Session) -> bool:
        """Whether a model found by all pairs is borne out by near ones, wherever there are any."""
        self._session, everything = near, self._session
        support = self._evidence(model).of_cuts(model.frames)
        pairs = np.array([(first, second) for first, second, _ in near.verified()], np.int64).reshape(-1, 2)
        self._session = everything
        is_known = np.isin(pairs, model.frames).all(axis=1)
        is_held = crossing(model.frames, pairs[is_known]) > 0
        return bool(support[is_held].min(initial=1) >= CUT_SUPPORT)

    def _completed(self, parts: Sequence[MappedModel]) -> Attempt | None:
        """The largest part, with every other frame that it can place."""
        if not parts:
            return None
        verified = self._session.verified()
        keypoints = [one.keypoints for one in self._features]
        model = parts[0]
        locate = partial(self._session.locate, model.lens)
        # Beyond its own ends a model holds frames by little: 19 of 1,817 were wrong that no part had been joined for.
        wanted = self._beside(model.frames.tolist())
        for thresholds in (STRICT, RELAXED):
            model = place_frames(model, verified, keypoints, locate, thresholds, wanted)
        attempt = Attempt(
            model=model, evidence=self._evidence(model), others=tuple(parts[1:]), features=self._features
        )
        # No turns (``turns.py``): of frames 5 cm apart a rotation explains each, and 1,079 frames followed one another
        # from the wrong end of an unjoined door.
        return sound_part(attempt)

    def _beside(self, frames: Sequence[int]) -> set[int]:
        """Frames that were compared with one of these as neighbours in time."""
        reach = self._config.overlap
        return {
            near
            for frame in frames
            for near in range(max(0, frame - reach), min(self._count, frame + reach + 1))
        }

    def _parts(self, chosen: Sequence[int]) -> list[MappedModel]:
        """The keyframes' models, largest first, joined where they reach over the same frames."""
        on_registered = self._counting(2)
        models = self._session.map(STRICT, on_registered, frames=chosen)
        overlap, pairs = self._config.overlap, set(self._shared())
        parts = [
            part for model in models for part in unbroken(model, pairs, REACH * overlap) if len(part.points)
        ]
        if not parts:
            return []
        places = breaks(chosen, [set(part.frames.tolist()) for part in parts])
        near = around(places, self._count, REACH * overlap)
        self.match(
            {(i, j) for i in near for j in range(i + 1, i + BEYOND * overlap + 1) if j in near},
            "matching around breaks",
        )
        verified = self._session.verified()
        pairs = {(first, second) for first, second, _ in verified}
        grown = [
            grown_over(self._session, part, pairs, places, self._count, REACH * overlap, on_registered)
            for part in parts
        ]
        return joined(self._session, grown, verified, self._holds, self._config.seed)

    def _holds(self, model: MappedModel) -> bool:
        """Whether the matches bear out every cut of a joined model, and more than that where the camera jumps."""
        support = self._evidence(model).of_cuts(model.frames)
        jumps = np.array(find_jumps(model.centers, model.frames.astype(np.float64)), np.int64)
        return bool(
            support.min(initial=1) >= MIN_SUPPORT and support[jumps - 1].min(initial=1) >= CUT_SUPPORT
        )
