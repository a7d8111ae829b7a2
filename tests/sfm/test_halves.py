"""A film that falls into two models becomes one again."""

import itertools
from pathlib import Path

import numpy as np

from roomsplat.core.alignment import trajectory_error
from roomsplat.core.progress import silent
from roomsplat.core.transforms import Similarity
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.features import find_features, look_closer
from roomsplat.sfm.joining import similarity_between
from roomsplat.sfm.thresholds import RELAXED, STRICT
from tests.sfm.scenes import film, walk

CONFIG = SfmConfig(max_features=600, enough_features=0, threads=2)
COUNT = 14


def test_two_halves_become_the_film(tmp_path: Path) -> None:
    """Halves that were mapped apart, each in a world of its own, are joined by what they both see."""
    poses = walk(COUNT)
    frames = film(tmp_path / "film", poses)
    (tmp_path / "work").mkdir()
    session = Session(tmp_path / "work", threads=2, seed=0)
    find_features(session, [frame.path for frame in frames], CONFIG, silent)
    halves = (range(COUNT // 2), range(COUNT // 2, COUNT))
    session.match([pair for half in halves for pair in itertools.combinations(half, 2)])
    a, b = session.map(STRICT, lambda: None)
    assert {len(a.frames), len(b.frames)} == {COUNT // 2}

    session.match([(5, 7), (6, 7), (6, 8)])
    similarity = similarity_between(a, b, session.verified(), seed=0)
    assert similarity is not None
    joined = session.join(a, b, similarity, RELAXED)

    assert joined.frames.tolist() == list(range(COUNT))
    found, truth = (
        -np.einsum("cji,cj->ci", p[:, :3, :3], p[:, :3, 3]) for p in (joined.cam_from_world, poses)
    )
    assert trajectory_error(found, truth).percent < 0.5


def test_a_part_that_was_cut_off_is_joined_again(tmp_path: Path) -> None:
    """Two parts of one model, whose frames COLMAP's files of either still hold, become the whole where it was."""
    paths = [frame.path for frame in film(tmp_path / "film", walk(COUNT))]
    (tmp_path / "work").mkdir()
    session = Session(tmp_path / "work", threads=2, seed=0)
    find_features(session, paths, CONFIG, silent)
    session.match(list(itertools.combinations(range(COUNT), 2)))
    whole = session.map(STRICT, lambda: None)[0]
    same = Similarity(quat=np.array([1.0, 0, 0, 0]), translation=np.zeros(3), scale=1.0)
    joined = session.join(whole.part(slice(0, 7)), whole.part(slice(7, None)), same, RELAXED)
    assert joined.frames.tolist() == whole.frames.tolist()
    assert trajectory_error(joined.centers, whole.centers).percent < 0.5


def test_a_closer_look_sees_more_and_keeps_the_other_frames(tmp_path: Path) -> None:
    """Frames that were looked at again have more features; matches of the others are taken over as they are."""
    frames = film(tmp_path / "film", walk(4))
    (tmp_path / "work").mkdir()
    paths = [frame.path for frame in frames]
    session = Session(tmp_path / "work", threads=2, seed=0)
    features = find_features(session, paths, CONFIG, silent)
    session.match([(0, 1), (1, 2), (2, 3)])
    closer = look_closer(session, paths, [3], CONFIG)
    assert len(closer[0].keypoints) > 1.5 * len(features[3].keypoints)

    again = session.beside("again")
    again.enter(session.size, [(one.keypoints, one.descriptors) for one in [*features[:3], *closer]])
    assert again.adopt_matches(session, lambda pair: 3 not in pair) == {(0, 1), (1, 2)}
    before = {pair[:2]: pair[2].tolist() for pair in session.verified()}
    after = {pair[:2]: pair[2].tolist() for pair in again.verified()}
    assert after == {pair: before[pair] for pair in ((0, 1), (1, 2))}
