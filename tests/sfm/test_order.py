"""A film of a place that repeats itself is mapped in its own order."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.alignment import trajectory_error
from roomsplat.core.progress import silent
from roomsplat.media.images import write_image
from roomsplat.sfm.attempt import Attempt
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.features import find_features
from roomsplat.sfm.mapping import Mapper
from roomsplat.sfm.pairs import near_pairs
from roomsplat.sfm.thresholds import STRICT
from tests.sfm.scenes import PX_PER_UNIT, Wall, corner, draw, look_at

COUNT, STEP, PERIOD = 24, 0.3, 2.4
CONFIG = SfmConfig(max_features=500, enough_features=0, threads=2, overlap=3)


def gallery() -> list[Wall]:
    """A floor, and a long wall that looks the same again after every ``PERIOD``."""
    px = round(PERIOD * PX_PER_UNIT)
    floor, wall = corner()[:2]
    return [floor, Wall(wall.normal, wall.offset, wall.axes, np.tile(wall.texture[:px, :px], (5, 5)))]


def along(count: int) -> NDArray[np.float64]:
    """(count, 4, 4) a walk along the wall, looking at it aslant."""
    centers = [np.array([STEP * i, 0.8 + 0.2 * np.sin(0.9 * i), 1.2]) for i in range(count)]
    return np.stack([look_at(center, center + np.array([0.5, 2.0, -0.6])) for center in centers])


def test_what_looks_the_same_is_not_taken_for_the_same(tmp_path: Path) -> None:
    """Compared with all that looks alike a walk is folded onto itself; in order each frame is found in its place."""
    poses, paths = along(COUNT), [tmp_path / f"{index:06d}.png" for index in range(COUNT)]
    for path, pose in zip(paths, poses, strict=True):
        write_image(path, draw(gallery(), pose))
    (tmp_path / "work").mkdir()
    session = Session(tmp_path / "work", threads=2, seed=0)
    features = find_features(session, paths, CONFIG, silent)
    mapper = Mapper(session, features, CONFIG, silent, look_closer=lambda _: [])

    def error(attempt: Attempt) -> float:
        true = -np.einsum("cji,cj->ci", poses[:, :3, :3], poses[:, :3, 3])
        return trajectory_error(attempt.model.centers, true[attempt.model.frames]).percent

    mapper.match(mapper.first_pairs(), "matching")
    folded = mapper.attempt(STRICT)
    assert folded is not None
    assert error(folded) > 10
    ordered = mapper.in_order(folded)
    assert ordered is not None
    assert ordered.model.frames.tolist() == list(range(COUNT))
    assert error(ordered) < 2


def test_near_pairs_are_near() -> None:
    """No pair is further apart than the reach, and all up to the overlap are there."""
    for reach in (3, 12):
        pairs = near_pairs(20, 3, reach)
        assert {j - i for i, j in pairs} <= set(range(1, reach + 1))
        assert pairs >= {(i, i + step) for step in (1, 2, 3) for i in range(20 - step)}
        assert all(0 <= i < j < 20 for i, j in pairs)
