"""Features of pictures and what pictures have in common, found in a process of its own (``feature_worker.py``).

A process for the reasons that ``sfm/child.py`` gives. One that is killed or crashes is tried once more, on one thread:
memory is what it dies of, and each thread of the extractor holds 270 MB.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.progress import ReportProgress, silent
from roomsplat.sfm.child import CrashError, run_worker

FOUND, MATCHED = "features.npz", "matches.npz"  # as in feature_worker.py, which is not to be imported here


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found in one picture."""

    places: NDArray[np.float64]
    """(n, 2) as shares of the picture's width and height."""
    descriptors: NDArray[np.float32]
    """(n, 128) SIFT, whole numbers."""
    colors: NDArray[np.uint8]
    """(n, 3) sRGB there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What two pictures have in common."""

    first: int
    """Place of the first picture among those given."""
    second: int
    """Greater than ``first``."""
    features: NDArray[np.int64]
    """(n, 2) feature numbers that two-view geometry bears out."""


def find(paths: Sequence[Path], folder: Path, *, max_side: int, threads: int | None) -> list[Found]:
    """Features of pictures of one size, in their order; works in ``folder``, which exists and is empty.

    Raises:
        CrashError: the process died, and another one as well.
        RegistrationError: it failed.
        InvalidFileError: a picture cannot be read.
        OutputError: no space left.
    """
    return _features(_run(paths, folder, silent, max_side=max_side, threads=threads, match=False))


def find_and_match(
    paths: Sequence[Path], folder: Path, report: ReportProgress, *, max_side: int, threads: int | None
) -> tuple[list[Found], list[Matched]]:
    """As ``find``, and what pictures that follow each other or look alike have in common; ``paths`` is the film.

    Raises:
        CrashError, RegistrationError, InvalidFileError, OutputError: see ``find``.
    """
    left = _run(paths, folder, report, max_side=max_side, threads=threads, match=True)
    with np.load(left / MATCHED) as stored:
        parts = np.split(stored["matches"], np.cumsum(stored["counts"])[:-1])
        matched = [
            Matched(first=first, second=second, features=features)
            for (first, second), features in zip(stored["pairs"].tolist(), parts, strict=False)
        ]
    return _features(left), matched


def _run(
    paths: Sequence[Path],
    folder: Path,
    report: ReportProgress,
    *,
    max_side: int,
    threads: int | None,
    match: bool,
) -> Path:
    """Where in ``folder`` the process left what it found."""
    job: dict[str, object] = {
        "paths": [str(path.resolve()) for path in paths],
        "max_side": max_side,
        "threads": threads,
        "match": match,
    }
    try:
        return _attempt(job, folder / "first", report)
    except CrashError:
        return _attempt(job | {"threads": 1}, folder / "second", report)


def _attempt(job: dict[str, object], folder: Path, report: ReportProgress) -> Path:
    folder.mkdir()
    run_worker("roomsplat.posefree.feature_worker", "The search for features", job, folder, report)
    return folder


def _features(folder: Path) -> list[Found]:
    with np.load(folder / FOUND) as stored:
        ends = np.cumsum(stored["counts"])[:-1]
        parts = (np.split(stored[name], ends) for name in ("places", "descriptors", "colors"))
        return [
            Found(places=places, descriptors=descriptors.astype(np.float32), colors=colors)
            for places, descriptors, colors in zip(*parts, strict=True)
        ]
