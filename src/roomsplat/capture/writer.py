"""Write the kept pictures in the background, while the film is decoded on."""

import shutil
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from roomsplat.errors import OutputError

# Each job holds a decoded frame (25 MB at 4K in 10 bits): as many as keep two threads busy, and no more.
_THREADS, _WAITING = 2, 3


class BackgroundWriter:
    """A context that runs jobs on two threads; at most three wait, so that memory stays small.

    swscale, NumPy and the JPEG encoder let go of the interpreter, so the jobs run beside decoding.
    """

    def __init__(self) -> None:
        """No job is waiting."""
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="capture")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        """Start."""
        return self

    def submit(self, job: Callable[[], None]) -> None:
        """Run a job soon; waits for the oldest one first when too many are under way.

        Raises:
            RoomsplatError: an earlier job failed.
        """
        while len(self._waiting) >= _WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(job))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for all jobs; after an error only for those that run already."""
        self._pool.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is None:
            for job in self._waiting:
                job.result()


def copy_file(source: Path, target: Path) -> None:
    """Copy a picture as it is.

    Raises:
        OutputError: the copy cannot be written.
    """
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise OutputError(
            f"{target} could not be written ({error.strerror}).",
            hint="Free some space or choose another output folder.",
        ) from error
