"""From features to cameras: match, map, check, and try again where the check fails.

Incremental mapping is trusted, never blindly. The global mapper is not used: on the two real films with a reference it
registers everything, and is wrong by 8 % of the path.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.progress import Progress, ReportProgress
from roomsplat.sfm.colmap import MappedModel, Session, Thresholds
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.features import Features
from roomsplat.sfm.pairs import Pair, loop_pairs, sequential_pairs
from roomsplat.sfm.solution import Lens, Solution
from roomsplat.sfm.support import MatchedPair, support_of_cuts

STRICT = Thresholds()
RELAXED = Thresholds(min_angle_deg=0.5, min_inliers=20, min_inlier_share=0.15, two_view_tracks=True)
MIN_SUPPORT = 0.5
MATCH_CHUNK = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """A model and how far the matches bear it out."""

    model: MappedModel
    support: NDArray[np.float64]
    others: tuple[int, ...]

    @property
    def is_sound(self) -> bool:
        return bool(np.all(self.support >= MIN_SUPPORT))


class Mapper:
    """Maps one film."""

    def __init__(
        self, session: Session, features: Sequence[Features], config: SfmConfig, report: ReportProgress
    ) -> None:
        self._session, self._features, self._config, self._report = session, features, config, report
        self._matched = set[Pair]()
        self._count = len(features)

    def solve(self) -> Solution | None:
        """The largest model that the matches bear out, or ``None`` when not even two frames could be joined."""
        self._match(self._first_pairs(), "matching")
        best = self._attempt(STRICT)
        if best is None or not best.is_sound:
            self._match(set(itertools.combinations(range(self._count), 2)), "matching more")
            again = self._attempt(STRICT)
            best = again if again and (best is None or self._rank(again) > self._rank(best)) else best
        if best is None:
            return None
        if len(best.model.frames) < self._count:
            best = self._extend(best)
        return self._solution(best)

    def _first_pairs(self) -> set[Pair]:
        config = self._config
        loops = loop_pairs(
            [one.descriptors for one in self._features],
            config.loop_neighbours,
            min_distance=config.overlap + 1,
            seed=config.seed,
        )
        return sequential_pairs(self._count, config.overlap) | loops

    def _match(self, pairs: set[Pair], words: str) -> None:
        todo = sorted(pairs - self._matched)
        chunks = math.ceil(len(todo) / MATCH_CHUNK)
        for chunk in range(chunks):
            self._session.match(todo[chunk * MATCH_CHUNK : (chunk + 1) * MATCH_CHUNK])
            done = min((chunk + 1) * MATCH_CHUNK, len(todo))
            self._report(
                Progress(
                    fraction=0.3 + 0.3 * done / len(todo), message=f"{words}: pair {done} of {len(todo)}"
                )
            )
        self._matched |= pairs

    def _attempt(self, thresholds: Thresholds, start: _Attempt | None = None) -> _Attempt | None:
        registered = len(start.model.frames) if start else 2

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

        models = self._session.map(thresholds, on_registered, start.model if start else None)
        if not models:
            return None
        others = start.others if start else tuple(len(model.frames) for model in models[1:])
        return _Attempt(model=models[0], support=self._support(models[0]), others=others)

    def _support(self, model: MappedModel) -> NDArray[np.float64]:
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
        return support_of_cuts(pairs, model.cam_from_world, model.lens.focal)

    def _rank(self, attempt: _Attempt) -> tuple[bool, int]:
        return attempt.is_sound, len(attempt.model.frames)

    def _extend(self, best: _Attempt) -> _Attempt:
        """Register what was left out, with more pairs around it and less asked of geometry."""
        known = set(best.model.frames.tolist())
        missing = sorted(set(range(self._count)) - known)
        reach = 2 * self._config.overlap
        around = {
            (min(i, j), max(i, j))
            for i in missing
            for j in range(max(0, i - reach), min(self._count, i + reach + 1))
            if i != j
        }
        self._match(around, "matching around the gap")
        extended = self._attempt(RELAXED, best)
        if extended is not None and self._rank(extended) > self._rank(best):
            return extended
        return best

    def _solution(self, attempt: _Attempt) -> Solution:
        model = attempt.model
        lens: Lens = model.lens
        count = len(model.points)
        sums = np.zeros((count, 3))
        frames = model.frames[model.observation_frames]
        colors = np.array(
            [self._features[f].colors[k] for f, k in zip(frames, model.observation_features, strict=True)]
        ).reshape(-1, 3)
        np.add.at(sums, model.observation_points, colors)
        tracks = np.bincount(model.observation_points, minlength=count)
        return Solution(
            lens=np.array([lens.focal, lens.cx, lens.cy, lens.k, lens.width, lens.height], np.float64),
            frames=model.frames,
            cam_from_world=model.cam_from_world,
            points=model.points,
            colors=np.round(sums / np.maximum(tracks, 1)[:, None]).astype(np.uint8),
            errors=model.errors,
            track_lengths=tracks,
            angles=widest_angles(model),
            observation_frames=model.observation_frames,
            observation_points=model.observation_points,
            support=attempt.support,
            other_models=np.array(attempt.others, np.int64),
        )


def widest_angles(model: MappedModel) -> NDArray[np.float64]:
    """(p,) degrees between the mean ray and the ray farthest from it, doubled: the widest angle up to a few percent."""
    rotations, translations = model.cam_from_world[:, :3, :3], model.cam_from_world[:, :3, 3]
    centers = -np.einsum("cji,cj->ci", rotations, translations)
    rays = model.points[model.observation_points] - centers[model.observation_frames]
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    mean = np.zeros_like(model.points)
    np.add.at(mean, model.observation_points, rays)
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    cosine = np.clip((rays * mean[model.observation_points]).sum(axis=1), -1, 1)
    widest = np.zeros(len(model.points))
    np.maximum.at(widest, model.observation_points, np.degrees(np.arccos(cosine)))
    return 2 * widest
