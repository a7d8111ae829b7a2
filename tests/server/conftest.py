"""What the laws of the service stand on: a database of each kind, with the tables in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from roomsplat.server.database import Database, open_database, upgrade
from tests.server import postgres


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[postgres.Cluster]:
    """A temporary Postgres server for the whole session."""
    reason = postgres.missing()
    if reason is not None:
        pytest.skip(reason)
    cluster = postgres.Cluster()
    try:
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'roomsplat.db'}"
    cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
    return cluster.create()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open database with the tables in it."""
    opened = open_database(database_url)
    upgrade(opened)
    try:
        yield opened
    finally:
        opened.dispose()
