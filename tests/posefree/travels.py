"""A camera in a room of bare points: matches without pictures, so that truth is exact and tests quick."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import look_at
from roomsplat.posefree.bundle import Lens
from roomsplat.posefree.features import Found, Matched

Double = NDArray[np.float64]

LENS = Lens(focal=0.8, k=-0.02)
SIZE = (640, 480)
NOISE_PX = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Travel:
    """What a camera sees on its way, and where it truly is."""

    found: list[Found]
    matched: list[Matched]
    truth: Double
    """(c, 4, 4)."""

    @property
    def centers(self) -> Double:
        """(c, 3)."""
        return -np.einsum("cji,cj->ci", self.truth[:, :3, :3], self.truth[:, :3, 3])


def round_the_room(count: int, *, wrong: float = 0.1, seed: int = 0) -> Travel:
    """Sideways along a circle, 5 degrees a frame, outwards at a room of 8 m; ``wrong`` share of the matches."""
    angles = 0.09 * np.arange(count)
    eyes = np.stack([1.5 * np.cos(angles), 1.5 * np.sin(angles), 1.5 + 0.1 * np.sin(5 * angles)], axis=1)
    poses = np.stack([look_at(eye, eye * (2, 2, 0.9), (0.0, 0.0, 1.0)) for eye in eyes]).astype(np.float64)
    random = np.random.default_rng(seed)
    points = random.uniform(-4, 4, (3000, 3)) * (1, 1, 0.35) + (0, 0, 1.4)
    wall = random.integers(0, 2, len(points))
    points[np.arange(len(points)), wall] = np.sign(points[np.arange(len(points)), wall]) * random.uniform(
        3, 4, len(points)
    )
    return travel(points, poses, wrong=wrong, random=random)


def travel(points: Double, poses: Double, *, wrong: float, random: np.random.Generator) -> Travel:
    """Each camera sees the points in front of it; frames up to eight apart are matched."""
    half = np.array(SIZE) / max(SIZE) / 2
    found, seen = list[Found](), list[dict[int, int]]()
    for pose in poses:
        local = points @ pose[:3, :3].T + pose[:3, 3]
        front = np.flatnonzero(local[:, 2] > 0.3)
        places = LENS.places(local[front, :2] / local[front, 2:])
        inside = (np.abs(places) < half).all(axis=1) & (np.abs(local[front, :2] / local[front, 2:]) < 1).all(
            axis=1
        )
        mine = front[inside][:300]
        places = places[inside][:300] + random.normal(0, NOISE_PX / max(SIZE), (len(mine), 2))
        none = np.zeros((len(mine), 128), np.float32)
        colors = np.full((len(mine), 3), 128, np.uint8)
        found.append(Found(places=places / (2 * half) + 0.5, descriptors=none, colors=colors))
        seen.append({int(point): feature for feature, point in enumerate(mine)})
    matched = list[Matched]()
    for first in range(len(poses)):
        for second in range(first + 1, min(first + 9, len(poses))):
            common = sorted(seen[first].keys() & seen[second].keys())
            pairs = np.array([(seen[first][p], seen[second][p]) for p in common], np.int64).reshape(-1, 2)
            false = random.random(len(pairs)) < wrong
            pairs[false, 1] = random.permutation(pairs[false, 1])
            if len(pairs):
                matched.append(Matched(first=first, second=second, features=pairs))
    return Travel(found=found, matched=matched, truth=poses)


def without_matches_across(way: Travel, last: int) -> Travel:
    """The same film as if nothing could be seen between ``last`` and the frame after it."""
    return replace(way, matched=[one for one in way.matched if not one.first <= last < one.second])
