"""What the laws of ``deploy/`` share: where it is, and what the code says that its files must agree with."""

import tempfile
from functools import cache
from pathlib import Path

from roomsplat.server.app import create_app
from roomsplat.server.settings import ServerSettings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SETTINGS = {f"ROOMSPLAT_{field.upper()}" for field in ServerSettings.model_fields}
"""The variables that the service reads."""
COMMANDS = {"serve", "worker", "keys", "doctor"}
"""What an image of ours is started with."""


@cache
def routes() -> set[str]:
    """The addresses of the API."""
    with tempfile.TemporaryDirectory() as folder:
        return set(create_app(ServerSettings(storage=Path(folder))).openapi()["paths"])
