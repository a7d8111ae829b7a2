"""Bring two point sets that mean the same into one frame, and say how far apart they stay."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.rotations import quat_from_matrix
from roomsplat.core.transforms import Similarity


@dataclass(frozen=True, slots=True, kw_only=True)
class TrajectoryError:
    """Absolute trajectory error after the best similarity (Sturm et al. 2012, RGB-D SLAM benchmark, section VI)."""

    rmse: float
    """Root of the mean squared distance, in units of the reference."""
    path_length: float
    """Length of the reference, in its own units, walked in the order given."""
    percent: float
    """100 · rmse / path_length."""


def align_similarity(source: NDArray[np.floating], target: NDArray[np.floating]) -> Similarity:
    """The similarity target_from_source with the least squared distance (Umeyama 1991, equations 39 to 43).

    Args:
        source: (n, 3) points, n ≥ 2, not all in one place.
        target: (n, 3) the same points in the other frame.

    Raises:
        ValueError: the shapes differ, there are fewer than two points, or one set lies in a single place.
    """
    if np.shape(source) != np.shape(target):
        raise ValueError(f"source has shape {np.shape(source)}, target has shape {np.shape(target)}")
    start, end = _points("source", source), _points("target", target)
    source_mean, target_mean = start.mean(axis=0), end.mean(axis=0)
    source_spread, target_spread = start - source_mean, end - target_mean
    variance = _mean_square(source_spread)
    u, singular, vt = np.linalg.svd(target_spread.T @ source_spread / len(start))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    scale = float(singular @ signs) / variance if variance > 0 else 0.0
    if not scale > 0:
        raise ValueError("the points of one set lie in a single place: they have no scale")
    rotation = u @ np.diag(signs) @ vt
    return Similarity(
        quat=quat_from_matrix(rotation), translation=target_mean - scale * rotation @ source_mean, scale=scale
    )


def trajectory_error(estimated: NDArray[np.floating], reference: NDArray[np.floating]) -> TrajectoryError:
    """Compare camera centres, in order of time, after the best similarity of ``estimated`` onto ``reference``.

    Args:
        estimated: (n, 3) camera centres in any frame and scale.
        reference: (n, 3) the true centres of the same cameras, in the order in which they were filmed.

    Raises:
        ValueError: as ``align_similarity``.
    """
    moved = align_similarity(estimated, reference).apply(estimated)
    true = _points("reference", reference)
    rmse = _mean_square(moved - true) ** 0.5
    length = float(np.sum(np.linalg.norm(np.diff(true, axis=0), axis=1)))
    return TrajectoryError(rmse=rmse, path_length=length, percent=100 * rmse / length)


def _mean_square(vectors: NDArray[np.float64]) -> float:
    """The mean squared length of (n, 3) vectors."""
    return float(np.einsum("ij,ij->", vectors, vectors)) / len(vectors)


def _points(name: str, value: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n, 3) in float64 with n ≥ 2."""
    points = np.asarray(value, np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or len(points) < 2:
        raise ValueError(f"{name} has shape {points.shape}, expected (n, 3) with n of 2 or more")
    return points
