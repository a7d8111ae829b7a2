"""What the process of ``features.py`` does: ``python -m roomsplat.posefree.feature_worker JOB``.

The only place of this package that loads COLMAP, and never in the process of the run (``sfm/child.py`` says why).
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from roomsplat.core.progress import Progress, ReportProgress
from roomsplat.media.images import read_header, reduced_size
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.features import Features, find_features, look_closer
from roomsplat.sfm.pairs import loop_pairs, sequential_pairs
from roomsplat.sfm.shares import part
from roomsplat.sfm.worker import run, tell

FOUND, MATCHED = "features.npz", "matches.npz"
POOR = 600
"""Features of a frame below which weaker ones are sought. Of every frame they cost four times the matching."""
FOUND_SHARE, POOR_SHARE = 0.4, 0.6
"""Of the progress, when the usual features of a film are found, and when weak ones of poor frames are."""
PAIRS_PER_THREAD = 16
"""Compared between two words of progress."""


def find(job_path: Path) -> None:
    """What the process does.

    Raises:
        InvalidFileError: a picture cannot be read.
    """
    job = json.loads(job_path.read_text(encoding="utf-8"))
    folder, paths = job_path.parent, [Path(path) for path in job["paths"]]
    session = Session(folder, threads=job["threads"] or os.cpu_count() or 1, seed=0)
    config = SfmConfig(max_side=job["max_side"])
    found = (
        _film(session, paths, config, tell)
        if job["match"]
        else look_closer(session, paths, range(len(paths)), config)
    )
    header = read_header(paths[0])
    size = reduced_size(header.width, header.height, job["max_side"])
    if job["match"]:
        _match(session.beside("matched"), size, found, config, folder / MATCHED, part(tell, POOR_SHARE, 1))
    np.savez(
        folder / FOUND,
        counts=np.array([len(one.keypoints) for one in found]),
        places=np.concatenate([one.keypoints / np.array(size) for one in found]),
        descriptors=np.concatenate([one.descriptors for one in found]),
        colors=np.concatenate([one.colors for one in found]),
    )


def _film(
    session: Session, paths: Sequence[Path], config: SfmConfig, report: ReportProgress
) -> list[Features]:
    """Features of all frames, of poor ones down to weak features."""
    found = find_features(session.beside("usual"), paths, config, part(report, 0, FOUND_SHARE))
    poor = [index for index, one in enumerate(found) if len(one.keypoints) < POOR]
    if not poor:
        return found
    words = f"weak features of {len(poor)} frames that show little"
    report(Progress(fraction=FOUND_SHARE, message=words))
    closer = dict(zip(poor, look_closer(session, paths, poor, config), strict=True))
    return [closer.get(index, one) for index, one in enumerate(found)]


def _match(
    session: Session,
    size: tuple[int, int],
    found: Sequence[Features],
    config: SfmConfig,
    path: Path,
    report: ReportProgress,
) -> None:
    """Compare frames that are near in time or look alike; leave the matches that two-view geometry bears out."""
    session.enter(size, [(one.keypoints, one.descriptors) for one in found])
    pairs = sequential_pairs(len(found), config.overlap) | loop_pairs(
        [one.descriptors for one in found],
        config.loop_neighbours,
        min_distance=config.overlap + 1,
        seed=config.seed,
    )
    todo, chunk = sorted(pairs), PAIRS_PER_THREAD * session.threads
    for start in range(0, len(todo), chunk):
        done = min(start + chunk, len(todo))
        session.match(todo[start:done])
        report(
            Progress(
                fraction=done / len(todo), message=f"matching along the film: pair {done} of {len(todo)}"
            )
        )
    verified = session.verified()
    np.savez(
        path,
        pairs=np.array([(first, second) for first, second, _ in verified], np.int64).reshape(-1, 2),
        counts=np.array([len(matches) for _, _, matches in verified], np.int64),
        matches=np.concatenate([np.zeros((0, 2), np.int64), *(matches for _, _, matches in verified)]),
    )


if __name__ == "__main__":
    sys.exit(run(find, Path(sys.argv[1])))
