"""What the laws of the service stand on: a database of each kind, with the tables in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from roomsplat.server.database import Database, open_database, upgrade
from roomsplat.server.jobs import JobRules
from roomsplat.server.models import Table
from tests.server import postgres
from tests.server.api_server import Api, running_api
from tests.server.browser import GUESTS, Browser, settings_for
from tests.server.bucket import Moto
from tests.server.job_fixtures import Service
from tests.server.oidc_provider import Provider, running_provider


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


@pytest.fixture(scope="session")
def moto() -> Iterator[Moto]:
    """A server that speaks S3 for the whole session."""
    server = Moto()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'roomsplat.db'}"
    cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
    return cluster.create()


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def standing_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A database with the tables in it, of each kind in turn, for the whole session."""
    if request.param == "sqlite":
        opened = open_database(f"sqlite:///{tmp_path_factory.mktemp('database') / 'roomsplat.db'}")
    else:
        cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
        opened = open_database(cluster.create())
    try:
        upgrade(opened)
        yield opened
    finally:
        opened.dispose()


@pytest.fixture
def database(standing_database: Database) -> Database:
    """An open database with empty tables, of each kind in turn."""
    with standing_database.engine.begin() as connection:
        for table in reversed(Table.metadata.sorted_tables):
            connection.execute(table.delete())
    return standing_database


@pytest.fixture
def service(database: Database) -> Service:
    """Jobs with the usual rules, on a clock of the law's own."""
    return Service(database, JobRules(lease_seconds=60.0, max_running_per_user=2, max_queued_per_user=5))


@pytest.fixture(scope="module")
def started_provider() -> Iterator[Provider]:
    """An issuer of logins."""
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(started_provider: Provider) -> Provider:
    """The issuer, honest until the law says otherwise."""
    started_provider.reset()
    return started_provider


@pytest.fixture(scope="module")
def login_api(tmp_path_factory: pytest.TempPathFactory, started_provider: Provider) -> Iterator[Api]:
    """A service that lets everyone in whom the issuer knows."""
    with running_api(tmp_path_factory.mktemp("storage"), **settings_for(started_provider)) as running:
        yield running


@pytest.fixture(scope="module")
def private_api(tmp_path_factory: pytest.TempPathFactory, started_provider: Provider) -> Iterator[Api]:
    """A service for guests that it names."""
    settings = settings_for(started_provider, **GUESTS)
    with running_api(tmp_path_factory.mktemp("storage"), **settings) as running:
        yield running


@pytest.fixture
def browser(login_api: Api, provider: Provider) -> Browser:
    """A browser where nobody is logged in."""
    return Browser(login_api, provider)
