"""The service's log: ``logs/app.log``, one JSON object a line, each with the job it is about."""

import json
import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path

from roomsplat.errors import OutputError

JOB_ID: ContextVar[str | None] = ContextVar("job_id", default=None)


@contextmanager
def about_job(job_id: str) -> Generator[None]:
    """Whatever is logged inside carries this job's id."""
    token = JOB_ID.set(job_id)
    try:
        yield
    finally:
        JOB_ID.reset(token)


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, process, logger, job_id, message, and error where there was one."""

    def __init__(self, process: str) -> None:
        """Args: ``process``: ``api``, or the name of a worker."""
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "job_id": getattr(record, "job_id", None) or JOB_ID.get(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logging(storage: Path, *, process: str) -> None:
    """Send the log of this process to ``storage/logs/app.log``, and its warnings to stderr as well.

    Several processes write the same file: each line goes out in one append. The file may be moved away
    (logrotate): a new one is begun.

    Raises:
        OutputError: the folder cannot be written.
    """
    path = storage / "logs" / "app.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = WatchedFileHandler(path, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"The log {path} cannot be written: {error.strerror}.",
            hint="Name a folder that this user may write with --storage (or ROOMSPLAT_STORAGE).",
        ) from error
    lines.setFormatter(JsonLines(process))
    warnings = logging.StreamHandler(sys.stderr)
    warnings.setLevel(logging.WARNING)
    warnings.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.addHandler(lines)
    root.addHandler(warnings)
    root.setLevel(logging.INFO)
    logging.getLogger("alembic").setLevel(
        logging.WARNING
    )  # else it tells at every start that nothing is to be done
    logging.captureWarnings(capture=True)
