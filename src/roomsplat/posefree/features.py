"""Features of a few pictures, found in a process of their own (``feature_worker.py``).

A process for the reasons that ``sfm/child.py`` gives; it says nothing, and ends with its parent, whose end closes its
stdin.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.errors import RegistrationError

FOUND = "features.npz"  # as in feature_worker.py, which is not to be imported here


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found in one picture."""

    places: NDArray[np.float64]
    """(n, 2) as shares of the picture's width and height."""
    descriptors: NDArray[np.float32]
    """(n, 128) SIFT, whole numbers."""


def find(paths: Sequence[Path], folder: Path, *, max_side: int, threads: int | None) -> list[Found]:
    """Features of pictures of one size, in their order; works in ``folder``, which exists and is empty.

    Raises:
        RegistrationError: the process ended as it should not.
    """
    job = {"paths": [str(path.resolve()) for path in paths], "max_side": max_side, "threads": threads}
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    # -P: a random.py where the user stands must not be taken for Python's own
    command = [sys.executable, "-P", "-m", "roomsplat.posefree.feature_worker", str(folder / "job.json")]
    with subprocess.Popen(  # noqa: S603 - our own module, with a path of ours
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
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
    with np.load(folder / FOUND) as stored:
        ends = np.cumsum(stored["counts"])[:-1]
        return [
            Found(places=places, descriptors=descriptors.astype(np.float32))
            for places, descriptors in zip(
                np.split(stored["places"], ends), np.split(stored["descriptors"], ends), strict=True
            )
        ]
