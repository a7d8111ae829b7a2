"""Laws of the process that searches for features: its death is not the frames' fault."""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from roomsplat.core.progress import Progress, silent
from roomsplat.errors import InvalidFileError
from roomsplat.media.images import write_image
from roomsplat.posefree.features import find_and_match
from roomsplat.sfm.child import CrashError

COUNT, SIZE = 4, (240, 180)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four pictures of one texture, each 12 px further along it."""
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    wide = gaussian_filter(random.normal(size=(SIZE[1], SIZE[0] + 100)), 1.5)
    grey = np.clip(128 + 45 * wide / wide.std(), 0, 255).astype(np.uint8)
    paths = [folder / f"{number}.png" for number in range(COUNT)]
    for number, path in enumerate(paths):
        write_image(path, np.repeat(grey[:, 12 * number : 12 * number + SIZE[0], None], 3, axis=2))
    return paths


def dies(folder: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> Path:
    """Python is killed that many times before it works; the file counts the starts."""
    starts, program = folder / "starts", folder / "python"
    program.write_text(
        f"#!/bin/sh\necho x >> {starts}\n"
        f'[ $(wc -l < {starts}) -gt {times} ] && exec {sys.executable} "$@"\nkill -{signal.SIGKILL.value} $$\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", os.fspath(program))
    return starts


def test_a_search_that_dies_once_is_repeated(
    pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at the first start, it is started again and finds matches; on the way it tells pair after pair."""
    starts, told = dies(tmp_path, monkeypatch, 1), list[Progress]()
    work = tmp_path / "work"
    work.mkdir()
    found, matched = find_and_match(pictures, work, told.append, max_side=240, threads=2)
    assert len(starts.read_text().split()) == 2
    assert len(found) == COUNT
    assert {(one.first, one.second) for one in matched} >= {(0, 1), (1, 2), (2, 3)}
    assert any(one.message.startswith("matching along the film: pair") for one in told)
    assert any(one.message.startswith("features of frame") for one in told)
    fractions = [one.fraction for one in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_a_search_that_dies_twice_says_so(
    pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed again, it is not started a third time, and the error says what happened and what to do."""
    starts = dies(tmp_path, monkeypatch, 9)
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(CrashError, match="memory ran out") as caught:
        find_and_match(pictures, work, silent, max_side=240, threads=2)
    assert "run the same command again" in caught.value.hint
    assert len(starts.read_text().split()) == 2


def test_a_damaged_picture_is_named(pictures: list[Path], tmp_path: Path) -> None:
    """What the process says of its input reaches the user in its own words: the file is named."""
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(pictures[0].read_bytes()[:200])
    with pytest.raises(InvalidFileError, match=r"damaged\.png"):
        find_and_match([*pictures, damaged], tmp_path, silent, max_side=240, threads=2)
