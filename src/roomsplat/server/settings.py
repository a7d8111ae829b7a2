"""The settings of the service, from the environment; the only place that reads it."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServerSettings(BaseSettings):
    """Every setting of the service; ``ROOMSPLAT_STORAGE`` and so on in the environment."""

    model_config = SettingsConfigDict(env_prefix="ROOMSPLAT_", extra="ignore", frozen=True)

    storage: Path = Path("storage")
    """The folder of uploads, frames, models and logs."""
    database_url: str | None = None
    """``postgresql://user@host/name``; without it SQLite in ``storage/roomsplat.db``."""

    lease_seconds: Annotated[float, Field(gt=0)] = 60.0
    """A worker that was not heard of for so long has lost its job."""
    heartbeat_seconds: Annotated[float, Field(gt=0)] = 10.0
    """How often a worker is heard of."""
    max_attempts: Annotated[int, Field(ge=1)] = 3
    """How many workers may be lost over one job before it fails."""

    max_running_per_user: Annotated[int, Field(ge=1)] = 2
    max_queued_per_user: Annotated[int, Field(ge=1)] = 20

    @property
    def resolved_database_url(self) -> str:
        """The database to open."""
        return self.database_url or f"sqlite:///{(self.storage / 'roomsplat.db').resolve()}"
