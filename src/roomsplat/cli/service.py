"""What ``serve``, ``worker`` and ``keys`` share: is the service installed, and which settings are meant."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from roomsplat.cli.arguments import Keys, Serve, ServicePlace, Worker
from roomsplat.errors import InvalidSettingError, NotInstalledError

if TYPE_CHECKING:  # the library behind it may not be installed
    from roomsplat.server.settings import ServerSettings

LIBRARIES = (
    "alembic",
    "authlib",
    "fastapi",
    "httpx2",
    "obstore",
    "pydantic_settings",
    "sqlalchemy",
    "uvicorn",
)


def run_service(command: Serve | Worker | Keys) -> None:
    """Run one of the service's commands.

    Raises:
        NotInstalledError: the libraries of the service are not there.
    """
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise NotInstalledError(
            f"The job service is not installed ({missing[0]} is missing).",
            hint="Install it: pip install 'roomsplat[server]'",
        )
    match command:
        case Serve():
            from roomsplat.cli.serve import run_serve

            run_serve(command)
        case Worker():
            from roomsplat.cli.worker import run_worker_command

            run_worker_command(command)
        case Keys():
            from roomsplat.cli.keys import run_keys

            run_keys(command)


def read_settings(command: ServicePlace) -> "ServerSettings":
    """The environment's settings with the command's options on top.

    Raises:
        InvalidSettingError: one of them is out of range.
    """
    from pydantic import ValidationError

    from roomsplat.server.settings import ServerSettings

    names = ("storage", "database_url", "host", "port", "auth")
    values = {name: getattr(command, name, None) for name in names}
    try:
        # the values are checked by pydantic, whatever their types
        return ServerSettings(**{name: value for name, value in values.items() if value is not None})  # pyright: ignore[reportArgumentType] - see above
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidSettingError(
            f"The setting {name} is not valid: {first['msg']}.",
            hint=f"Correct --{name.replace('_', '-')} or ROOMSPLAT_{name.upper()}.",
        ) from None
