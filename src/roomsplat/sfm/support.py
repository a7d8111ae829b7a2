"""Do the cameras explain the matches? The check that tells a wrong model from a right one when both look sharp.

A model can be folded: two parts of a film, each right in itself, joined in the wrong place by a few false matches. The
mean reprojection error does not show it (0.99 px against 1.03 px on ``fox``; the wrong one was the better one, 6.6 % of
the path off), because the mapper silently drops every match that contradicts it. The verified matches remember: of
those that cross the fold two thirds disagree with the cameras.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]

MAX_ERROR_PX = 3.0
MIN_MATCHES = 15
MIN_COSINE = 0.5
"""Of the angle between the two rays of a match in the world. Nothing is recognised from directions 60 degrees apart; a
second frame turned half round the baseline fits the same epipolar lines, with everything behind it (Hartley and
Zisserman 2004, section 9.6.3): 50 % support for a turn by 167 degrees on `office` with features of ALIKED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedPair:
    """Matches of two frames that passed geometric verification."""

    first: int
    """Row of the first frame among the cameras."""
    second: int
    """Row of the second frame, greater than ``first``."""
    rays_first: Double
    """(n, 2) on the plane z = 1."""
    rays_second: Double
    """(n, 2) on the plane z = 1."""


def explained_share(pair: MatchedPair, cam_from_world: Double, focal: float) -> float:
    """Share of the matches whose Sampson distance (Hartley and Zisserman 2004, section 11.4.3) is small.

    Args:
        pair: the matches.
        cam_from_world: (c, 4, 4) cameras.
        focal: in px, to express the distance in px.
    """
    start, end = (np.asarray(cam_from_world[row], np.float64) for row in (pair.first, pair.second))
    rotation = end[:3, :3] @ start[:3, :3].T
    tx, ty, tz = (float(v) for v in end[:3, 3] - rotation @ start[:3, 3])
    if tx == ty == tz == 0:  # a turn on the spot has no epipolar geometry: rays must coincide
        turned = np.hstack([pair.rays_first, np.ones((len(pair.rays_first), 1))]) @ rotation.T
        offset = turned[:, :2] / turned[:, 2:] - pair.rays_second
        return float(np.count_nonzero(np.linalg.norm(offset, axis=1) * focal < MAX_ERROR_PX) / len(offset))
    essential = np.array([[0, -tz, ty], [tz, 0, -tx], [-ty, tx, 0]]) @ rotation
    ones = np.ones((len(pair.rays_first), 1))
    first, second = np.hstack([pair.rays_first, ones]), np.hstack([pair.rays_second, ones])
    lines_second, lines_first = first @ essential.T, second @ essential
    gradient = np.sqrt((lines_second[:, :2] ** 2).sum(axis=1) + (lines_first[:, :2] ** 2).sum(axis=1))
    product: Double = np.einsum("ni,ni->n", second, lines_second)
    distance = np.abs(product) / np.maximum(gradient, 1e-12) * focal
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    together = np.einsum("ni,ni->n", first @ rotation.T, second) > MIN_COSINE * lengths
    return float(np.count_nonzero((distance < MAX_ERROR_PX) & together) / len(distance))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the matches of each pair of frames say of a model's cameras. Frames are numbers, not rows."""

    first: NDArray[np.int64]
    """(k,) the earlier frame of each pair."""
    second: NDArray[np.int64]
    """(k,) the later one."""
    matches: Double
    """(k,) how many there are."""
    explained: Double
    """(k,) the share that the cameras explain."""

    def of_cuts(self, frames: NDArray[np.int64]) -> Double:
        """(c - 1,) for every cut between two consecutive ones of ``frames``: share of what crosses it.

        Matches are counted, not pairs: where a film shows the same thing in two places (``fox``), many pairs are
        false, each with few matches, and a right model had 0.37 by pairs but 0.62 by matches; the folded one has 0.35.
        A cut that no pair crosses has support 0.
        """
        first, second, matches, explained = self._rows(frames)
        good, total = np.zeros(len(frames) + 1), np.zeros(len(frames) + 1)
        for sums, weights in ((good, matches * explained), (total, matches)):
            np.add.at(sums, first, weights)
            np.subtract.at(sums, second, weights)
        count = max(len(frames) - 1, 0)
        # What is left of sums of floats where nothing crosses is not nothing: a match is the least that counts.
        crossing = np.cumsum(total)[:count]
        return np.where(crossing > 0.5, np.cumsum(good)[:count] / np.maximum(crossing, 1), 0.0)

    def of_frames(self, frames: NDArray[np.int64]) -> Double:
        """(c,) for every frame the share of its own matches with the others of ``frames``; 0 without matches.

        A single frame in a wrong place hardly shows in the cuts beside it, which all other frames' matches cross.
        """
        first, second, matches, explained = self._rows(frames)
        good, total = np.zeros(len(frames)), np.zeros(len(frames))
        for rows in (first, second):
            np.add.at(good, rows, matches * explained)
            np.add.at(total, rows, matches)
        return good / np.maximum(total, 1)

    def _rows(self, frames: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], Double, Double]:
        """The pairs of which both frames are there, by rows of ``frames``, which ascend."""
        both = np.isin(self.first, frames) & np.isin(self.second, frames)
        first, second = (np.searchsorted(frames, numbers[both]) for numbers in (self.first, self.second))
        return first.astype(np.int64), second.astype(np.int64), self.matches[both], self.explained[both]


def weigh(
    pairs: Sequence[MatchedPair], frames: NDArray[np.int64], cam_from_world: Double, focal: float
) -> Evidence:
    """What the matches say of cameras.

    Args:
        pairs: the verified matches, by rows of the cameras; those with few matches do not count.
        frames: (c,) numbers of the cameras' frames.
        cam_from_world: (c, 4, 4) the cameras.
        focal: in px.
    """
    counted = [pair for pair in pairs if len(pair.rays_first) >= MIN_MATCHES]
    return Evidence(
        first=frames[np.array([pair.first for pair in counted], np.int64)],
        second=frames[np.array([pair.second for pair in counted], np.int64)],
        matches=np.array([len(pair.rays_first) for pair in counted], np.float64),
        explained=np.array([explained_share(pair, cam_from_world, focal) for pair in counted], np.float64),
    )
