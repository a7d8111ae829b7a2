"""``roomsplat worker``: one device's worker, in this process."""

from roomsplat.cli.arguments import Worker
from roomsplat.cli.service import read_settings
from roomsplat.server.crew import end_with_master
from roomsplat.server.engine import run_worker
from roomsplat.server.logging import configure_logging


def run_worker_command(command: Worker) -> None:
    """Work until SIGTERM or Ctrl-C; the job at work then goes back to the queue.

    Raises:
        ServiceError: the device has a worker already.
    """
    end_with_master()
    settings = read_settings(command)
    settings = settings.model_copy(update={"storage": settings.storage.resolve()})
    name = "worker" if command.device is None else f"worker {command.device}"
    configure_logging(settings.storage, process=name)
    run_worker(settings, engine=command.engine, device=command.device)
