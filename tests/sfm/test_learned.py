"""Features of a network in place of SIFT's; the network itself is judged in tests/priors."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.core.alignment import trajectory_error
from roomsplat.priors.weights import WEIGHTS
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.learned import NearestMatcher
from roomsplat.sfm.matching import match_frames
from roomsplat.sfm.pairs import Pair
from roomsplat.sfm.solve import solve_cameras
from tests.sfm.scenes import film, walk

SHARED = Path(__file__).resolve().parents[3] / "shared"
Frames = Mapping[int, tuple[NDArray[np.float32], NDArray[np.uint8]]]


def random_features(seed: int, count: int = 50) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Keypoints and descriptors of one frame."""
    random = np.random.default_rng(seed)
    keypoints = random.uniform(0, 300, (count, 2)).astype(np.float32)
    return keypoints, random.integers(0, 256, (count, 128), np.uint8)


def test_a_session_asks_its_matcher(tmp_path: Path) -> None:
    """What is given as matcher gets keypoints, descriptors and size, here and in the sessions beside, once a call."""
    asked = list[tuple[set[int], tuple[int, int], list[Pair]]]()

    def matcher(frames: Frames, size: tuple[int, int], pairs: Sequence[Pair]) -> list[NDArray[np.uint32]]:
        asked.append((set(frames), size, list(pairs)))
        assert all(np.array_equal(frames[i][0], given[i][0]) for i in frames)
        assert all(np.array_equal(frames[i][1], given[i][1]) for i in frames)
        return [np.array([[3, 4]], np.uint32) for _ in pairs]

    given = [random_features(i) for i in range(3)]
    session = Session(tmp_path, threads=1, seed=0)
    session.matcher = matcher
    for one in (session, session.beside("again")):
        one.enter((320, 240), given)
        one.match([(0, 2)])
    assert asked == [({0, 2}, (320, 240), [(0, 2)])] * 2


def test_descriptors_of_a_network_may_be_nearer_to_the_second_best() -> None:
    """With 0.85 between best and second best, SIFT's ratio refuses a match and a network's takes it."""
    a, b = np.zeros((1, 128), np.uint8), np.zeros((2, 128), np.uint8)
    b[0, 0], b[1, 1] = 85, 100
    frames = {0: (np.zeros((1, 2), np.float32), a), 1: (np.zeros((2, 2), np.float32), b)}
    assert len(match_frames({0: a, 1: b}, [(0, 1)], 1)[0]) == 0
    [found] = NearestMatcher(1)(frames, (10, 10), [(0, 1)])
    assert found.tolist() == [[0, 0]]


def test_a_film_is_solved_with_aliked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the real network the same film is solved as well as with SIFT, where network and weights are at hand."""
    pytest.importorskip("torch", reason="PyTorch is not installed: make test-learned")
    folder = Path(os.environ.get("ROOMSPLAT_WEIGHTS") or SHARED / "weights")
    if not (folder / WEIGHTS["aliked"].file).is_file():
        pytest.skip(f"{WEIGHTS['aliked'].file} is not in {folder}")
    monkeypatch.setenv("ROOMSPLAT_WEIGHTS", str(folder))
    frames, out = film(tmp_path / "film", walk(9)), tmp_path / "out"
    out.mkdir()
    config = SfmConfig(features="aliked", max_features=600, threads=2)
    result = solve_cameras(frames, out, config, lambda _: None)
    truth = walk(9)
    centers = -np.einsum("cji,cj->ci", truth[:, :3, :3], truth[:, :3, 3])
    assert len(result.frames) == 9
    assert trajectory_error(result.model.posed_images.cameras.centers, centers).percent < 1
