"""How far found cameras are from the true ones.

After a similarity that the *good half* of the frames agrees on: a few wrong frames must not pull the others along, else
no frame would be seen to be wrong. The ATE itself is the usual one (all frames, least squares: Sturm et al. 2012).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.alignment import align_similarity, trajectory_error
from roomsplat.formats.nerfstudio import TransformsFile

Double = NDArray[np.float64]
WRONG_PERCENT = 5.0
"""A frame further than this from its true place, in % of the path's length, is wrong."""
MIN_COMMON = 3
ROUNDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Frames that got a camera."""

    names: tuple[str, ...]
    """(c,) as the film calls them."""
    cam_from_world: Double
    """(c, 4, 4) in any world, at any scale."""

    @property
    def centers(self) -> Double:
        """(c, 3)."""
        return -np.einsum("cji,cj->ci", self.cam_from_world[:, :3, :3], self.cam_from_world[:, :3, 3])


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Of the frames that the reference knows. Lengths in % of the path, which is walked over all known frames."""

    compared: int
    ate: float
    """Root of the mean squared distance after the best similarity, in % of the path of the compared frames."""
    ate_length: float
    """The same in units of the reference."""
    rpe_degrees: float
    """Root mean squared angle between found and true turn from one frame of the film to the next."""
    rpe_percent: float
    """Root mean squared difference of found and true step from a frame to the next, in % of the mean true step."""
    worst: float
    """The frame furthest from its true place."""
    wrong: tuple[str, ...]
    """Names of the frames that are off by more than ``WRONG_PERCENT``."""


def errors_of(found: Found, truth: TransformsFile, order: Sequence[str]) -> Errors | None:
    """Compare; ``order`` is the film. ``None`` with fewer than three common frames, or all found in one place."""
    row_of = {PurePosixPath(path).name: row for row, path in enumerate(truth.image_paths)}
    film = [name for name in order if name in row_of]
    place = {name: i for i, name in enumerate(film)}
    ours = sorted((place[name], i) for i, name in enumerate(found.names) if name in place)
    if len(ours) < MIN_COMMON:
        return None
    places = np.array([i for i, _ in ours], np.int64)
    rows = np.array([i for _, i in ours], np.int64)
    true_rows = np.array([row_of[name] for name in film])
    true_poses = truth.cameras.cam_from_world[true_rows].astype(np.float64)
    centers, true = found.centers[rows], truth.cameras.centers[true_rows].astype(np.float64)
    if np.ptp(centers, axis=0).max() == 0:
        return None
    usual = trajectory_error(centers, true[places])
    length = float(np.linalg.norm(np.diff(true, axis=0), axis=1).sum())
    scale, moved = _robustly_aligned(centers, true[places])
    off = 100 * np.linalg.norm(moved - true[places], axis=1) / length
    turns, steps = _relative(found.cam_from_world[rows], true_poses[places], places, scale)
    mean_step = float(np.linalg.norm(np.diff(true, axis=0), axis=1).mean())
    return Errors(
        compared=len(rows),
        ate=usual.percent,
        ate_length=usual.rmse,
        rpe_degrees=_rms(np.degrees(turns)),
        rpe_percent=100 * _rms(steps) / mean_step,
        worst=float(off.max()),
        wrong=tuple(film[i] for (i, _), far in zip(ours, off > WRONG_PERCENT, strict=True) if far),
    )


def _rms(values: Double) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else float("nan")


def _robustly_aligned(source: Double, target: Double) -> tuple[float, Double]:
    """The scale, and ``source`` moved onto ``target`` by the similarity of the half that fits best."""
    keep = np.arange(len(source))
    similarity = align_similarity(source, target)
    for _ in range(ROUNDS):
        off = np.linalg.norm(similarity.apply(source) - target, axis=1)
        best = np.sort(np.argsort(off, kind="stable")[: max(MIN_COMMON, (len(source) + 1) // 2)])
        if np.array_equal(best, keep) or np.ptp(source[best], axis=0).max() == 0:
            break
        keep, similarity = best, align_similarity(source[best], target[best])
    return float(similarity.scale), similarity.apply(source)


def _relative(found: Double, true: Double, places: NDArray[np.int64], scale: float) -> tuple[Double, Double]:
    """Error of the turn (rad) and of the step (units of the reference) between neighbours of the film."""
    first = np.flatnonzero(np.diff(places) == 1)
    ours = found[first + 1] @ np.linalg.inv(found[first])
    theirs = true[first + 1] @ np.linalg.inv(true[first])
    between = ours[:, :3, :3] @ theirs[:, :3, :3].transpose(0, 2, 1)
    # By the chord: the arc cosine of a trace knows nothing below a hundredth of a degree.
    chord = np.linalg.norm(between - np.eye(3), axis=(1, 2)) / np.sqrt(8)
    turns = 2 * np.arcsin(np.clip(chord, 0, 1))
    return turns, np.linalg.norm(scale * ours[:, :3, 3] - theirs[:, :3, 3], axis=1)
