"""Frames that a model holds in wrong places: taken out, and placed anew by what the others know."""

import itertools
from pathlib import Path

import numpy as np

from roomsplat.core.alignment import trajectory_error
from roomsplat.core.progress import silent
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.features import find_features
from roomsplat.sfm.thresholds import STRICT
from tests.sfm.scenes import film, walk

CONFIG = SfmConfig(max_features=600, enough_features=0, threads=2)
COUNT, STRAY = 9, 4


def test_a_frame_that_was_taken_out_is_placed_anew(tmp_path: Path) -> None:
    """COLMAP goes on without it, although its files on disk still hold it, and registers it again where it belongs."""
    poses = walk(COUNT)
    paths = [frame.path for frame in film(tmp_path / "film", poses)]
    (tmp_path / "work").mkdir()
    session = Session(tmp_path / "work", threads=2, seed=0)
    find_features(session, paths, CONFIG, silent)
    session.match(list(itertools.combinations(range(COUNT), 2)))
    whole = session.map(STRICT, lambda: None)[0]
    assert whole.frames.tolist() == list(range(COUNT))

    without = session.retriangulate(whole.part(whole.frames != STRAY), STRICT)
    assert without.frames.tolist() == [i for i in range(COUNT) if i != STRAY]
    again = session.map(STRICT, lambda: None, without)[0]
    assert again.frames.tolist() == list(range(COUNT))
    true = -np.einsum("cji,cj->ci", poses[:, :3, :3], poses[:, :3, 3])
    assert trajectory_error(again.centers, true).percent < 0.5
