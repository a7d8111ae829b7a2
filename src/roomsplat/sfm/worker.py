"""The solving process: ``python -m roomsplat.sfm.worker JOB``, started by ``child.py`` and by nothing else.

It reads ``job.json``, writes ``solution.npz`` beside it, and tells its progress as one JSON object a line on stdout.
"""

import dataclasses
import json
import os
import signal
import sys
import threading
from pathlib import Path

from roomsplat.core.progress import Progress
from roomsplat.errors import RoomsplatError
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.features import find_features
from roomsplat.sfm.mapping import Mapper

SOLUTION = "solution.npz"


def main(job_path: Path) -> int:
    """Run the job; 0 when it ended as it should, found or not."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; the parent decides and ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    job = json.loads(job_path.read_text(encoding="utf-8"))
    config = SfmConfig(**job["config"])
    folder = job_path.parent
    try:
        session = Session(folder, threads=config.threads or os.cpu_count() or 1, seed=config.seed)
        features = find_features(session, [Path(path) for path in job["paths"]], config, _tell)
        solution = Mapper(session, features, config, _tell).solve()
    except RoomsplatError as error:
        _say({"error": {"message": error.message, "hint": error.hint}})
        return 0
    if solution is not None:
        solution.save(folder / SOLUTION)
    return 0


def _tell(progress: Progress) -> None:
    _say(dataclasses.asdict(progress))


def _say(content: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    """The parent holds the other end of stdin: it closes when the parent is gone, whatever took it."""
    while os.read(0, 1):  # not sys.stdin: its lock, held here, would abort the interpreter at exit
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
