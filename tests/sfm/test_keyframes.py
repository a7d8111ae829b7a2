"""A long film: a part of its frames is mapped first, the others are placed against it, and nothing is lost."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomsplat.core.alignment import trajectory_error
from roomsplat.core.progress import silent
from roomsplat.sfm import keyframes
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.features import find_features
from roomsplat.sfm.keyframes import MIN_SHARE, MIN_SHARED, choose_keyframes, map_film
from roomsplat.sfm.mapping import STRICT
from roomsplat.sfm.pairs import sequential_pairs
from tests.sfm.scenes import film, walk

COUNT, OVERLAP = 24, 6
MATCHES = st.dictionaries(
    st.tuples(st.integers(0, 40), st.integers(1, 8)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    st.integers(0, 400),
)


@given(st.integers(1, 45), MATCHES, st.integers(1, 8))
def test_keyframes_run_from_end_to_end_and_hold_together(
    count: int, matches: dict[tuple[int, int], int], reach: int
) -> None:
    """They begin at 0, end with the last frame, keep within reach, and leave out only where enough is shared."""
    chosen = choose_keyframes(count, matches, reach)
    assert chosen[0] == 0
    assert chosen[-1] == count - 1
    for first, second in pairwise(chosen):
        assert first < second <= first + reach or second == first + 1
        if second > first + 1:
            shared = matches[first, second]
            assert shared >= MIN_SHARED
            assert shared >= MIN_SHARE * matches.get((first, first + 1), 0)


def test_a_slow_camera_has_few_keyframes_and_a_fast_one_many() -> None:
    """Where matches fade slowly every sixth frame, where they fade at once every one."""
    slow = {(i, i + s): 400 - 10 * s for i in range(60) for s in range(1, 7)}
    fast = {(i, i + s): 400 // 3 ** (s - 1) for i in range(60) for s in range(1, 7)}
    assert choose_keyframes(60, slow, 6) == [*range(0, 60, 6), 59]
    assert choose_keyframes(60, fast, 6) == list(range(60))


def test_a_long_film_is_mapped_by_keyframes_as_well_as_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All frames are placed, to 0.3 % of the path, though most were not there when the room was mapped."""
    poses = walk(COUNT)
    paths = [frame.path for frame in film(tmp_path / "film", poses)]
    (tmp_path / "work").mkdir()
    session = Session(tmp_path / "work", threads=2, seed=0)
    config = SfmConfig(max_features=600, enough_features=0, threads=2)
    find_features(session, paths, config, silent)
    session.match(sorted(sequential_pairs(COUNT, OVERLAP)))
    monkeypatch.setattr(keyframes, "LONG_FILM", COUNT - 1)
    registered: list[int] = []
    models = map_film(session, STRICT, lambda: registered.append(1), COUNT, OVERLAP)
    first = session.map(STRICT, lambda: None, frames=range(0, COUNT, 4))[0]
    assert first.frames.tolist() == list(range(0, COUNT, 4))
    assert models[0].frames.tolist() == list(range(COUNT))
    assert len(registered) < COUNT + 2
    true = -np.einsum("cji,cj->ci", poses[:, :3, :3], poses[:, :3, 3])
    assert trajectory_error(models[0].centers, true).percent < 0.3
