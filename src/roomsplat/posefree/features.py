"""Features of a few pictures, found in a process of their own: ``python -m roomsplat.posefree.features JOB``.

A process for the reasons that ``sfm/child.py`` gives; it says nothing, and ends with its parent, whose end closes its
stdin.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.errors import RegistrationError
from roomsplat.media.images import read_header, reduced_size
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.features import look_closer

FOUND = "features.npz"


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
    command = [sys.executable, "-P", "-m", __name__, str(folder / "job.json")]
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


def main(job_path: Path) -> None:
    """What the process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends us

    def end_with_parent() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    job = json.loads(job_path.read_text(encoding="utf-8"))
    folder, paths = job_path.parent, [Path(path) for path in job["paths"]]
    session = Session(folder, threads=job["threads"] or os.cpu_count() or 1, seed=0)
    found = look_closer(session, paths, range(len(paths)), SfmConfig(max_side=job["max_side"]))
    header = read_header(paths[0])
    size = np.array(reduced_size(header.width, header.height, job["max_side"]))
    np.savez(
        folder / FOUND,
        counts=np.array([len(one.keypoints) for one in found]),
        places=np.concatenate([one.keypoints / size for one in found]),
        descriptors=np.concatenate([one.descriptors for one in found]),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
