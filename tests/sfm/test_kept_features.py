"""A closer look that does not help changes nothing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from roomsplat.core.progress import silent
from roomsplat.media.images import write_image
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.features import Features, find_features
from roomsplat.sfm.mapping import Mapper
from tests.sfm.scenes import film, walk

CONFIG = SfmConfig(max_features=600, enough_features=0, threads=2)


def test_points_keep_the_colours_of_the_features_they_were_made_of(tmp_path: Path) -> None:
    """A film with a blank frame: other features from the closer look, in black, lend no point their colour."""
    paths = [frame.path for frame in film(tmp_path / "film", walk(8))]
    write_image(paths[-1], np.full((240, 320, 3), 128, np.uint8))
    (tmp_path / "work").mkdir()
    session = Session(tmp_path / "work", threads=2, seed=0)
    features = find_features(session, paths, CONFIG, silent)
    asked: list[int] = []

    def in_black(frames: Sequence[int]) -> list[Features]:
        asked.extend(frames)
        return [replace(features[i], colors=np.zeros_like(features[i].colors)) for i in frames]

    solution = Mapper(session, features, CONFIG, silent, look_closer=in_black).solve()
    assert asked
    assert solution is not None
    assert solution.frames.tolist() == list(range(7))
    assert solution.colors.min() > 0
