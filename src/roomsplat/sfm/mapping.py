"""From features to cameras: match, map, check, and try again where the check fails.

Incremental mapping is trusted, never blindly. The global mapper is not used: on the two real films with a reference it
registers everything, and is wrong by 8 % of the path.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from roomsplat.core.progress import Progress, ReportProgress
from roomsplat.sfm.attempt import MIN_MODEL, Attempt, best_of, has_settled, sound_part, without_strays
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.features import Features
from roomsplat.sfm.joining import similarity_between
from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.pairs import Pair, loop_pairs, near_pairs, sequential_pairs
from roomsplat.sfm.pan import add_turns
from roomsplat.sfm.scales import scale_leaps
from roomsplat.sfm.solution import Solution, widest_angles
from roomsplat.sfm.support import Evidence, MatchedPair, weigh
from roomsplat.sfm.thresholds import REACHING, RELAXED, STRICT, Thresholds

MIN_PART_FRAMES = 4
"""A model with fewer frames is not worth joining: what is wrong in it has nothing to show itself by."""
MAX_ROUNDS = 6
# Rounds go on while the cameras move, not while the support rises: that stood at 0.991 when a film (60 frames of
# `fast_turn`) was 2.5 % of the path off, and one round later, at 0.34 %. A round may be this much worse.
SAME_RANK = 0.998
# Of a model joined of parts with little in common: right joins of `office` had 0.88 and 0.91, wrong ones 0.20 to 0.50.
MIN_JOINT_SUPPORT = 0.7
MATCH_CHUNK = 100  # pairs per call and thread, 0.5 to 1 s: progress is told between calls
# ... and this share of the frames, if that is more: each call of COLMAP's verification reads all frames first. Of 2,400
# that was 8 ms for each of the 200 pairs of a call, more than the pair itself takes (5 ms).
MATCH_SHARE = 3


class Mapper:
    """Maps one film."""

    def __init__(
        self,
        session: Session,
        features: Sequence[Features],
        config: SfmConfig,
        report: ReportProgress,
        *,
        look_closer: Callable[[Sequence[int]], Sequence[Features]],
    ) -> None:
        """``look_closer`` finds more features in the frames of these numbers."""
        self._session, self._features, self._config, self._report = session, features, config, report
        self._look_closer = look_closer
        self._reach: int | None = None
        """How far apart in time frames may be that are compared, while the film is mapped in order."""
        self._matched: set[Pair] = set()
        self._count = len(features)

    def solve(self) -> Solution | None:
        """The largest model that the matches bear out, or ``None`` when not even two frames could be joined."""
        self.match(self.first_pairs(), "matching")
        best = self._complete(self.attempt(STRICT))
        if best is None or best.is_doubtful:
            best = self.in_order(best)
        # Where nothing fitted, a closer look only helps to see depth in a camera that turned on the spot.
        if best is not None and len(best.model.frames) < self._count:
            best = self._begin_closer(best)
        if self._reach is None and (best is None or not best.is_sound):
            self.match(set(combinations(range(self._count), 2)), "matching thoroughly")
            best = best_of(best, self._complete(self.attempt(STRICT)))
        best = self._with_parts(sound_part(best)) if best is not None else None
        if best is None or len(best.model.points) == 0:
            return None
        return solution_of(best)

    def first_pairs(self) -> set[Pair]:
        """What is compared first: frames near in time, and those that look alike."""
        config = self._config
        loops = loop_pairs(
            [one.descriptors for one in self._features],
            config.loop_neighbours,
            min_distance=config.overlap + 1,
            seed=config.seed,
        )
        return sequential_pairs(self._count, config.overlap) | loops

    def match(self, pairs: set[Pair], words: str) -> None:
        """Compare and verify what was not compared before; ``words`` tell the user what for."""
        pairs = {pair for pair in pairs if self._is_near(pair)}
        todo = sorted(pairs - self._matched)
        chunk = max(MATCH_CHUNK, self._count // MATCH_SHARE) * self._session.threads
        for start in range(0, len(todo), chunk):
            done = min(start + chunk, len(todo))
            self._session.match(todo[start:done])
            self._report(
                Progress(
                    fraction=0.3 + 0.3 * done / len(todo), message=f"{words}: pair {done} of {len(todo)}"
                )
            )
        self._matched |= pairs

    def attempt(self, thresholds: Thresholds, start: Attempt | None = None) -> Attempt | None:
        """Map what was matched, from ``start`` if it is given; ``None`` when nothing holds together."""
        on_registered = self._counting(len(start.model.frames) if start else 2)
        models = self._session.map(thresholds, on_registered, start.model if start else None)
        if not models or len(models[0].points) == 0:
            return None
        others = start.others if start else tuple(models[1:])
        evidence = self._evidence(models[0])
        return Attempt(model=models[0], evidence=evidence, others=others, features=self._features)

    def _counting(self, registered: int) -> Callable[[], None]:
        """What tells of one further camera at each call."""

        def on_registered() -> None:
            nonlocal registered
            registered = min(registered + 1, self._count)
            self._report(
                Progress(
                    fraction=0.6 + 0.35 * registered / self._count,
                    message=f"{registered} of {self._count} cameras",
                    metrics={"registered": registered},
                )
            )

        return on_registered

    def _evidence(self, model: MappedModel) -> Evidence:
        rows = {int(frame): row for row, frame in enumerate(model.frames)}
        pairs = list[MatchedPair]()
        for first, second, matches in self._session.verified():
            if first in rows and second in rows:
                pairs.append(
                    MatchedPair(
                        first=rows[first],
                        second=rows[second],
                        rays_first=model.lens.rays(self._features[first].keypoints[matches[:, 0]]),
                        rays_second=model.lens.rays(self._features[second].keypoints[matches[:, 1]]),
                    )
                )
        return weigh(pairs, model.frames, model.cam_from_world, model.lens.focal)

    def _complete(self, best: Attempt | None) -> Attempt | None:
        """Place what was left out: first frames of a turning camera, then with less asked of geometry.

        The order matters: on a pan relaxed mapping registers every frame at random (``bedroom``: the matches bear out
        0 to 60 % of it, in three of four tries), where a rotation alone explains them to a pixel.
        """
        best = self._without_strays(best)
        if best is None or len(best.model.frames) == self._count:
            return best
        self.match(self._pairs_around_gaps(best.model), "matching around the gap")
        turned = self._with_turns(best)
        if len(turned.model.frames) == self._count and turned.is_sound:
            return turned
        attempt = best
        for _ in range(MAX_ROUNDS):
            start = replace(attempt, model=self._session.retriangulate(attempt.model, RELAXED))
            extended = self.attempt(RELAXED, start)
            if extended is None or extended.rank < SAME_RANK * attempt.rank:
                break
            before, attempt = attempt, sound_part(extended)
            if len(attempt.model.frames) < MIN_MODEL:
                break
            if set(attempt.model.frames) <= set(before.model.frames) and has_settled(
                before.model, attempt.model
            ):
                break
        return max(turned, self._with_turns(attempt), key=lambda candidate: candidate.rank)

    def in_order(self, folded: Attempt | None) -> Attempt | None:
        """Map anew by what frames near in time share alone: a film does not leap to another place that looks the same.

        A corridor with eleven doors: of the matches of pairs up to 24 frames apart 96 % are true, beyond 50 47 %. A
        classroom, where the next desk is alike: up to 6 frames 97 %, at 9 to 12 only 43 %. All are judged by the near
        pairs; if mapping in order is better, the film is mapped so from here on.
        """
        everything, matched = self._session, self._matched
        for reach in (4 * self._config.overlap, self._config.overlap):
            self._session = everything.beside(f"within{reach}")
            self._session.enter(everything.size, [(one.keypoints, one.descriptors) for one in self._features])
            self._reach = reach
            self._matched = self._session.adopt_matches(everything, self._is_near)
            self.match(near_pairs(self._count, self._config.overlap, reach), "matching in order")
            ordered = self._complete(self.attempt(STRICT))
            if ordered is not None and not ordered.is_doubtful:
                break
        if ordered is not None:
            ordered = self._with_parts(ordered)
            judged = None if folded is None else replace(folded, evidence=self._evidence(folded.model))
            if best_of(judged, ordered) is ordered:
                return ordered
        self._session, self._matched, self._reach = everything, matched, None
        return folded

    def _is_near(self, pair: Pair) -> bool:
        return self._reach is None or pair[1] - pair[0] <= self._reach

    def _without_strays(self, attempt: Attempt | None) -> Attempt | None:
        """Take single frames in wrong places out and place them anew, in the model as the others left it.

        A frame of the kitchen had 14,700 matches of which its place explained 18 %; the second time it came right.
        """
        if attempt is None:
            return None
        cleared = without_strays(attempt)
        if cleared is attempt:
            return cleared
        start = replace(cleared, model=self._session.retriangulate(cleared.model, STRICT))
        again = self.attempt(STRICT, start)
        return max(cleared, cleared if again is None else without_strays(again), key=lambda a: a.rank)

    def _begin_closer(self, first: Attempt) -> Attempt:
        """Begin again with more features where the film fell apart, and join what is still in parts."""
        parts = (first.model, *(other for other in first.others if len(other.frames) >= MIN_PART_FRAMES))
        missing = set(range(self._count)).difference(*(part.frames.tolist() for part in parts))
        ends = {frame for part in parts for frame in (int(part.frames[0]), int(part.frames[-1]))}
        missing |= ends - {0, self._count - 1}
        reach = self._config.overlap
        near = {j for i in missing for j in range(max(0, i - reach), min(self._count, i + reach + 1))}
        frames = sorted(near)
        closer = dict(zip(frames, self._look_closer(frames), strict=True))
        features = [closer.get(index, one) for index, one in enumerate(self._features)]
        before, matched, looked_at, self._features = self._session, self._matched, self._features, features
        self._session = before.beside("again")
        self._session.enter(before.size, [(one.keypoints, one.descriptors) for one in features])
        self._matched = self._session.adopt_matches(before, near.isdisjoint)
        around = {(min(i, j), max(i, j)) for i in missing for j in near if 0 < abs(i - j) <= 2 * reach}
        self.match(self.first_pairs() | around, "matching again")
        again = self._complete(self.attempt(STRICT))
        best = best_of(first, None if again is None else self._with_parts(again))
        if best is first:
            self._session, self._matched, self._features = before, matched, looked_at
        return first if best is None else best

    def _with_parts(self, attempt: Attempt) -> Attempt:
        """Join the other models, largest first, as long as the matches bear out the whole."""
        for other in attempt.others:
            if len(attempt.model.frames) < MIN_MODEL:
                break
            new = set(other.frames.tolist()) - set(attempt.model.frames.tolist())
            if len(new) < MIN_PART_FRAMES:
                continue
            a, b = self._reaching(attempt.model, other), self._reaching(other, attempt.model)
            similarity = similarity_between(a, b, self._session.verified(), self._config.seed)
            if similarity is None:
                continue
            model = self._session.join(a, b, similarity, RELAXED)
            rest = tuple(one for one in attempt.others if one is not other)
            joined = replace(attempt, model=model, evidence=self._evidence(model), others=rest)
            if joined.rank > attempt.rank and joined.support.min() >= MIN_JOINT_SUPPORT:
                attempt = joined
        return attempt

    def _reaching(self, model: MappedModel, other: MappedModel) -> MappedModel:
        """The model with the frames of neither that it can only just hold; alone if it grabs the other's, too.

        What holds a frame by eight matches holds the next by less, and a model that went on so far is bent.
        """
        start = self._session.retriangulate(model, REACHING)
        models = self._session.map(REACHING, lambda: None, start)
        own, theirs = set(model.frames.tolist()), set(other.frames.tolist())
        far = not models or set(models[0].frames.tolist()) & (theirs - own)
        return model if far else models[0]

    def _with_turns(self, attempt: Attempt) -> Attempt:
        if len(attempt.model.points) == 0:
            return attempt
        model = add_turns(attempt.model, self._session.verified(), self._features, self._config.seed)
        return replace(attempt, model=model, evidence=self._evidence(model))

    def _pairs_around_gaps(self, model: MappedModel) -> set[Pair]:
        """Frames without a camera with all that are near in time."""
        reach = 2 * self._config.overlap
        return {
            (min(i, j), max(i, j))
            for i in set(range(self._count)) - set(model.frames.tolist())
            for j in range(max(0, i - reach), min(self._count, i + reach + 1))
            if i != j
        }


def solution_of(attempt: Attempt) -> Solution:
    """The result as arrays, points coloured by the pictures that saw them; nothing bears out a leap of the scale."""
    support = attempt.support
    support[scale_leaps(attempt.model) - 1] = 0
    model, lens, count = attempt.model, attempt.model.lens, len(attempt.model.points)
    seen = np.zeros((len(model.observation_frames), 3))
    for row, frame in enumerate(model.frames):
        mine = model.observation_frames == row
        seen[mine] = attempt.features[int(frame)].colors[model.observation_features[mine]]
    sums = np.zeros((count, 3))
    np.add.at(sums, model.observation_points, seen)
    tracks = np.bincount(model.observation_points, minlength=count)
    return Solution(
        lens=np.array([lens.focal, lens.cx, lens.cy, lens.k, lens.width, lens.height], np.float64),
        frames=model.frames,
        cam_from_world=model.cam_from_world,
        points=model.points,
        colors=np.round(sums / np.maximum(tracks, 1)[:, None]).astype(np.uint8),
        errors=model.errors,
        is_assumed=model.is_assumed,
        track_lengths=tracks,
        angles=widest_angles(model.points, model.centers, model.observation_frames, model.observation_points),
        observation_frames=model.observation_frames,
        observation_points=model.observation_points,
        support=support,
        other_models=np.array([len(other.frames) for other in attempt.others], np.int64),
    )
