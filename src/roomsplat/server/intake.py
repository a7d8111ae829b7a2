"""The one way in: a video that arrived, however it was sent, is looked at, stored and becomes a job."""

import contextlib
from pathlib import Path

from anyio import CapacityLimiter

from roomsplat.server.errors import JobNotFoundError
from roomsplat.server.files import FileStore
from roomsplat.server.jobs import Jobs, new_id
from roomsplat.server.outputs import remove_job_files
from roomsplat.server.probe import Prober, shown_name
from roomsplat.server.records import JobRecord


class Intake:
    """Turns uploads into jobs."""

    def __init__(self, jobs: Jobs, files: FileStore, prober: Prober, *, storage: Path) -> None:
        """Keep what uploads need.

        Args:
            jobs: where they go.
            files: where videos are kept.
            prober: who looks at them first.
            storage: the folder of this host, where the logs of jobs are.
        """
        self._jobs, self._files, self._prober, self._storage = jobs, files, prober, storage
        self.seats = CapacityLimiter(prober.at_once)
        """Where requests wait for their turn: one that waited in a thread would take it from those who only look."""

    @property
    def max_bytes(self) -> int:
        """The largest video."""
        return self._prober.limits.max_bytes

    def settle(self, config: str) -> dict[str, object]:
        """The whole tree of settings, from any part of it (JSON text).

        Raises:
            InvalidSettingError: the settings are wrong.
        """
        return self._prober.settle(config)

    def accept(
        self, owner_id: str, path: Path, *, name: str, config: str | None, job_id: str | None = None
    ) -> JobRecord:
        """Queue the video at ``path``, which is moved away when it is taken and stays when it is refused.

        Args:
            owner_id: whose job it will be.
            path: the whole upload.
            name: what its owner calls it.
            config: the settings of the pipeline as JSON text, any part of them.
            job_id: for a caller that may come again with the same video (the service was stopped before it had noted
                the job): the second time it gets the job of the first.

        Raises:
            RoomsplatError: the file or the settings are no good (see ``Prober.probe``).
            TooManyJobsError: the user has as many waiting jobs as one may have.
        """
        if job_id is not None:
            with contextlib.suppress(JobNotFoundError):
                return self._jobs.get(job_id, owner_id)
        probed = self._prober.probe(path, name=name, config=config)
        job_id = job_id or new_id()
        stored = f"uploads/{job_id}{probed.film.suffix}"
        self._files.put(stored, path, move=True)
        try:
            return self._jobs.create(
                owner_id,
                source_name=shown_name(name),
                source_path=stored,
                config=probed.config,
                job_id=job_id,
            )
        except BaseException:
            self._files.delete(stored)
            raise

    def retry(self, job_id: str, owner_id: str, config: str | None) -> JobRecord:
        """Run an ended job again, with other settings if ``config`` (JSON text) is given.

        Raises:
            JobNotFoundError, JobActiveError, TooManyJobsError: as ``Jobs.retry``.
            InvalidSettingError: the settings are wrong.
        """
        self._jobs.get(job_id, owner_id)  # whose it is comes before what is wrong with the settings
        settled = None if config is None else self.settle(config)
        return self._jobs.retry(job_id, owner_id, settled)

    def delete(self, job_id: str, owner_id: str) -> None:
        """Forget an ended or waiting job and remove all its files.

        Raises:
            JobNotFoundError, JobActiveError: as ``Jobs.delete``.
        """
        job = self._jobs.delete(job_id, owner_id)
        remove_job_files(self._files, self._storage, job_id, job.source_path)
