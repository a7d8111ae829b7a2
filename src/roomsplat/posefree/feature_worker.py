"""What the process of ``features.py`` does: ``python -m roomsplat.posefree.feature_worker JOB``.

The only place of this package that loads COLMAP, and never in the process of the run (``sfm/child.py`` says why).
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np

from roomsplat.media.images import read_header, reduced_size
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.features import look_closer
from roomsplat.sfm.worker import end_with_parent

FOUND = "features.npz"


def main(job_path: Path) -> None:
    """What the process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends us
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
