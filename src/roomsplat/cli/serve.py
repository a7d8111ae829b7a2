"""``roomsplat serve``: the API in this process, the workers in their own."""

import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import FrameType
from typing import cast

import uvicorn

from roomsplat.cli.arguments import Serve
from roomsplat.cli.service import read_settings
from roomsplat.errors import ServiceError
from roomsplat.server.app import create_app
from roomsplat.server.auth import check_bind
from roomsplat.server.crew import Crew, worker_options
from roomsplat.server.database import open_database
from roomsplat.server.deliveries import Messenger
from roomsplat.server.logging import configure_logging
from roomsplat.server.service import Service
from roomsplat.server.settings import ServerSettings

KEEP_ALIVE_SECONDS = 75
"""Longer than proxies keep an idle connection (60): they must not write to one that was closed here a moment ago."""

GRACE_SECONDS = 3
"""What open requests may take when the service stops; event streams end by themselves at their next look."""

SECRETS = frozenset({"ROOMSPLAT_OIDC_CLIENT_SECRET", "ROOMSPLAT_SMTP_PASSWORD"})
"""What only this process needs: workers and the pipelines that they run do not get it."""


class _Server(uvicorn.Server):
    """Tells the workers and the open event streams to stop as soon as it is told itself.

    It serves in this process and in no other, whatever ``WEB_CONCURRENCY`` says: what is counted in memory (requests a
    minute, streams of a user) is counted once.
    """

    def __init__(self, config: uvicorn.Config, told: Sequence[Callable[[], None]]) -> None:
        super().__init__(config)
        self._told = told

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Answer the signal: no new requests, no new jobs."""
        for stop in self._told:
            stop()
        super().handle_exit(sig, frame)


def run_serve(command: Serve) -> None:
    """Serve until SIGTERM or Ctrl-C; then hand running jobs back and end.

    Raises:
        InvalidSettingError: other computers would be served without keys.
        ServiceError: the port is taken, or the service did not start.
    """
    options = worker_options(command.devices) if command.worker else []
    settings = read_settings(command)
    check_bind(settings.auth, settings.host)
    settings = settings.model_copy(update={"storage": settings.storage.resolve()})
    configure_logging(settings.storage, process="api")
    with ExitStack() as stack:
        listener = stack.enter_context(_listen(settings))
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        app = create_app(settings)  # brings the database up to date, before the workers open it
        service = cast("Service", app.state.service)
        database = open_database(settings.resolved_database_url)
        stack.callback(database.dispose)
        crew = Crew(
            [[sys.executable, "-P", "-m", "roomsplat", "worker", *extra] for extra in options],
            _environment(settings),
            drain_seconds=settings.drain_seconds,
        )
        messenger = Messenger(
            database.sessions, settings, public_url=settings.public_url or _address(settings)
        )
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        server = _Server(config, (crew.interrupt, service.streams.stop))
        stack.callback(messenger.stop)
        stack.callback(crew.stop)
        messenger.start()
        crew.start()
        _greet(settings, len(options))
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:  # uvicorn passes the signal on when it has closed its connections
            print("Stopping: running jobs are handed back and go on at the next start.", file=sys.stderr)
        if not server.started:
            raise ServiceError(
                "The service did not start.",
                hint=f"Look into {settings.storage}/logs/app.log for the reason.",
            )


def _listen(settings: ServerSettings) -> socket.socket:
    """The socket, bound before anything is started.

    Raises:
        ServiceError: the address is not ours or taken.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # TCP by name: asyncio sends small answers at once (TCP_NODELAY) on such sockets only, and otherwise the second
    # request of a connection waits 40 ms for an acknowledgement
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ServiceError(
            f"Nothing can listen on {settings.host}:{settings.port} ({os.strerror(error.errno or 0)}).",
            hint="Give another --port, or stop the program that has it.",
        ) from None
    return listener


def _environment(settings: ServerSettings) -> dict[str, str]:
    """What the workers find their service by."""
    found = {name: value for name, value in os.environ.items() if name.upper() not in SECRETS}
    found["ROOMSPLAT_STORAGE"] = str(settings.storage)
    if settings.database_url is not None:
        found["ROOMSPLAT_DATABASE_URL"] = settings.database_url
    return found


def _address(settings: ServerSettings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{host}:{settings.port}"


def _greet(settings: ServerSettings, workers: int) -> None:
    address = settings.public_url or _address(settings)
    key = " -H 'Authorization: Bearer rsk_…'" if settings.auth != "none" else ""
    crew = {0: "no worker here", 1: "one worker"}.get(workers, f"{workers} workers")
    print(f"roomsplat serves on {address} ({crew}, storage in {settings.storage}). Ctrl-C stops it.\n")
    if settings.auth != "none":
        print(f"  roomsplat keys create NAME --storage {settings.storage}    # once for each user\n")
    print(f"  curl{key} -F file=@video.mp4 {address}/api/jobs/upload")
    print(f"  curl{key} {address}/api/jobs/JOB_ID/status")
    print(f"  curl{key} -o scene.ply {address}/static/models/JOB_ID.ply\n", flush=True)
