"""Features of pictures and what pictures have in common, found in a process of its own (``feature_worker.py``).

A process for the reasons that ``sfm/child.py`` gives; it says nothing, and ends with its parent, whose end closes its
stdin.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.errors import RegistrationError

FOUND, MATCHED = "features.npz", "matches.npz"  # as in feature_worker.py, which is not to be imported here
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}  # for a product of matrices: many run at a time


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
        RegistrationError: the process ended as it should not.
    """
    _run(paths, folder, max_side=max_side, threads=threads, match=False)
    return _features(folder)


def find_and_match(
    paths: Sequence[Path], folder: Path, *, max_side: int, threads: int | None
) -> tuple[list[Found], list[Matched]]:
    """As ``find``, and what pictures that follow each other or look alike have in common; ``paths`` is the film.

    Raises:
        RegistrationError: the process ended as it should not.
    """
    _run(paths, folder, max_side=max_side, threads=threads, match=True)
    with np.load(folder / MATCHED) as stored:
        parts = np.split(stored["matches"], np.cumsum(stored["counts"])[:-1])
        matched = [
            Matched(first=first, second=second, features=features)
            for (first, second), features in zip(stored["pairs"].tolist(), parts, strict=False)
        ]
    return _features(folder), matched


def _run(paths: Sequence[Path], folder: Path, *, max_side: int, threads: int | None, match: bool) -> None:
    job = {
        "paths": [str(path.resolve()) for path in paths],
        "max_side": max_side,
        "threads": threads,
        "match": match,
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    # -P: a random.py where the user stands must not be taken for Python's own
    command = [sys.executable, "-P", "-m", "roomsplat.posefree.feature_worker", str(folder / "job.json")]
    with subprocess.Popen(  # noqa: S603 - our own module, with a path of ours
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | _ONE_THREAD,
    ) as child:
        try:
            code = child.wait()
        finally:
            if child.poll() is None:  # Ctrl-C: do not wait
                child.kill()
    if code != 0:
        raise RegistrationError(
            f"The search for features in lost frames ended unexpectedly (exit code {code}).",
            hint='Leave them out with {"posefree": {"place_lost": false}} in a settings file (--config).',
        )


def _features(folder: Path) -> list[Found]:
    with np.load(folder / FOUND) as stored:
        ends = np.cumsum(stored["counts"])[:-1]
        parts = (np.split(stored[name], ends) for name in ("places", "descriptors", "colors"))
        return [
            Found(places=places, descriptors=descriptors.astype(np.float32), colors=colors)
            for places, descriptors, colors in zip(*parts, strict=True)
        ]
