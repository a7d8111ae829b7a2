"""The solving process: ``python -m roomsplat.sfm.worker JOB``, started by ``child.py`` and by nothing else.

It reads ``job.json``, writes ``solution.npz`` beside it, and tells its progress as one JSON object a line on stdout.
``posefree/feature_worker.py`` is another that speaks so.
"""

import dataclasses
import errno
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from roomsplat.core.progress import Progress, ReportProgress
from roomsplat.errors import OutputError, RoomsplatError
from roomsplat.priors.torch_device import use_threads
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.features import Features, find_features, look_closer
from roomsplat.sfm.keyframes import LONG_FILM
from roomsplat.sfm.learned import LearnedFinder, LearnedMatcher, NearestMatcher
from roomsplat.sfm.long_film import LongFilm
from roomsplat.sfm.mapping import Mapper
from roomsplat.sfm.shares import never_falling, part

SOLUTION = "solution.npz"
FEATURES_SHARE = 0.3  # where ``Mapper`` begins to count
_FULL = (errno.ENOSPC, errno.EDQUOT)


def main(job_path: Path) -> int:
    """Solve; 0 when it ended as it should, found or not."""
    return run(solve, job_path)


def run(work: Callable[[Path], None], job_path: Path) -> int:
    """Do ``work`` on the job as a process that ``child.run_worker`` started: what a user can cause is told in words."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; the parent decides and ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work(job_path)
    except RoomsplatError as error:
        _say_error(error)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _say_error(
            OutputError(
                f"{job_path.parent} could not be written ({error.strerror}).",
                hint="Free some space or choose another output folder.",
            )
        )
    return 0


def solve(job_path: Path) -> None:
    """Do what ``job.json`` says; ``solution.npz`` is left out when no two frames could be joined.

    Raises:
        InvalidFileError: a frame cannot be read.
    """
    job = json.loads(job_path.read_text(encoding="utf-8"))
    config = SfmConfig(**job["config"])
    folder, told = job_path.parent, never_falling(tell)
    session = Session(
        folder,
        threads=config.threads or os.cpu_count() or 1,
        seed=config.seed,
        focal_ratio=config.focal_ratio,
    )
    paths = [Path(path) for path in job["paths"]]
    features, closer = _find(session, paths, config, part(told, 0, FEATURES_SHARE))
    mapper = LongFilm if len(paths) > LONG_FILM else Mapper
    solution = mapper(session, features, config, told, look_closer=closer).solve()
    if solution is not None:
        solution.save(folder / SOLUTION)


def _find(
    session: Session, paths: Sequence[Path], config: SfmConfig, report: ReportProgress
) -> tuple[list[Features], Callable[[Sequence[int]], list[Features]]]:
    """Features of every frame, and how to find more in some of them."""
    if config.features == "sift":
        found = find_features(session, paths, config, report)
        return found, lambda frames: look_closer(session, paths, frames, config)
    use_threads(session.threads)
    finder = LearnedFinder(config.features, config)
    session.matcher = (
        LearnedMatcher(config.features) if config.matching == "lightglue" else NearestMatcher(session.threads)
    )
    return finder.find(session, paths, report), lambda frames: finder.look_closer(paths, frames)


def tell(progress: Progress) -> None:
    """Tell the parent how far the work is."""
    _say(dataclasses.asdict(progress))


def _say(content: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


def _say_error(error: RoomsplatError) -> None:
    _say({"error": {"code": error.code, "message": error.message, "hint": error.hint}})


def _end_with_parent() -> None:
    """The parent holds the other end of stdin: it closes when the parent is gone, whatever took it."""
    while os.read(0, 1):  # not sys.stdin: its lock, held here, would abort the interpreter at exit
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
