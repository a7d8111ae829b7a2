"""Laws of the database: one set of tables on SQLite and Postgres, kept by migrations."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from roomsplat.errors import InvalidSettingError
from roomsplat.server.database import Database, migrations, open_database, ping, reading, upgrade, writing
from roomsplat.server.errors import DatabaseUnavailableError
from roomsplat.server.models import Table, User
from roomsplat.server.users import Users
from tests.server.postgres import Cluster


@pytest.fixture
def fresh(database_url: str) -> Iterator[Database]:
    """A database of this law's own, just upgraded."""
    opened = open_database(database_url)
    try:
        upgrade(opened)
        yield opened
    finally:
        opened.dispose()


@pytest.fixture
def on_postgres(postgres_cluster: Cluster) -> Iterator[Database]:
    """The same on Postgres only, whose server the law will stop and start."""
    opened = open_database(postgres_cluster.create())
    try:
        upgrade(opened)
        yield opened
    finally:
        opened.dispose()


def test_the_migrations_make_the_tables_that_the_code_uses(fresh: Database) -> None:
    """After an upgrade from nothing no difference is left between the database and the models."""
    with fresh.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Table.metadata) == []
        assert set(inspect(connection).get_table_names()) == {*Table.metadata.tables, "alembic_version"}


def test_there_is_one_newest_migration(fresh: Database) -> None:
    """The migrations are one line, and the database is at its end."""
    with fresh.engine.connect() as connection:
        heads = ScriptDirectory.from_config(migrations(connection)).get_heads()
        assert [MigrationContext.configure(connection).get_current_revision()] == list(heads)


def test_an_upgrade_can_be_taken_back(fresh: Database) -> None:
    """The oldest migration's way back leaves nothing behind."""
    with fresh.engine.begin() as connection:
        command.downgrade(migrations(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]


def test_processes_that_start_together_upgrade_one_after_the_other(database_url: str) -> None:
    """Four upgrades at once all succeed."""
    failures: list[BaseException] = []

    def go() -> None:
        database = open_database(database_url)
        try:
            upgrade(database)
        except BaseException as error:  # noqa: BLE001 - looked at below
            failures.append(error)
        finally:
            database.dispose()

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_moments_keep_their_zone(database: Database) -> None:
    """A moment comes back as the same moment in UTC, with its zone and its microseconds."""
    moment = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with writing(database.sessions) as session:
        session.add(User(id="u" * 22, name="a", created_at=moment))
    with reading(database.sessions) as session:
        found = session.get(User, "u" * 22)
        assert found is not None
        assert found.created_at == moment
        assert found.created_at.tzinfo is UTC


def test_a_transaction_is_written_whole_or_not_at_all(database: Database) -> None:
    """An exception in the middle leaves nothing."""
    with pytest.raises(ZeroDivisionError), writing(database.sessions) as session:
        session.add(User(id="u" * 22, name="a", created_at=datetime.now(UTC)))
        session.flush()
        raise ZeroDivisionError
    assert Users(database.sessions).by_name("a") is None


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    """While one transaction writes, another reads what was there before."""
    Users(database.sessions).ensure("a")
    with writing(database.sessions) as session:
        session.add(User(id="u" * 22, name="b", created_at=datetime.now(UTC)))
        session.flush()
        assert Users(database.sessions).by_name("b") is None
        assert Users(database.sessions).by_name("a") is not None


def test_a_reader_leaves_no_transaction_open(on_postgres: Database) -> None:
    """Between two looks a reader holds nothing in the server, and afterwards its connection writes as any other."""
    whose = text("SELECT pg_backend_pid()")
    with reading(on_postgres.sessions) as session:
        pid = session.scalar(whose)
        with on_postgres.engine.connect() as other:
            state = text("SELECT state FROM pg_stat_activity WHERE pid = :pid")
            assert other.scalar(state, {"pid": pid}) == "idle"
    seen: set[int] = set()
    while pid not in seen:  # until the pool gives the reader's connection out
        with writing(on_postgres.sessions) as session:
            seen.add(session.execute(whose).scalar_one())
            session.add(
                User(id="A" * 22, name="ann", email=None, is_admin=False, created_at=datetime.now(UTC))
            )
            session.flush()
            session.rollback()
    with reading(on_postgres.sessions) as session:
        assert session.get(User, "A" * 22) is None


def test_sqlite_survives_a_killed_writer(tmp_path: Path) -> None:
    """What was committed before ``kill -9`` is there; the half-written transaction is not."""
    url = f"sqlite:///{tmp_path / 'a b%20.db'}"
    database = open_database(url)
    upgrade(database)
    script = (
        "import sys, os, signal\n"
        "from roomsplat.server.database import open_database, writing\n"
        "from roomsplat.server.users import Users\n"
        "from roomsplat.server.models import User\n"
        "from roomsplat.server.jobs_base import utc_now\n"
        "sessions = open_database(sys.argv[1]).sessions\n"
        "Users(sessions).ensure('kept')\n"
        "with writing(sessions) as session:\n"
        "    session.add(User(id='u' * 22, name='lost', created_at=utc_now())); session.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, url], check=False).returncode == -9
    users = Users(database.sessions)
    assert users.by_name("kept") is not None
    assert users.by_name("lost") is None
    database.dispose()


def test_sqlite_is_opened_safely(tmp_path: Path) -> None:
    """Write-ahead log, foreign keys, full synchronisation and a patient writer, on every connection."""
    database = open_database(f"sqlite:///{tmp_path / 'folder' / 'roomsplat.db'}")
    with database.engine.connect() as connection:
        pragmas = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        assert [connection.scalar(text(f"PRAGMA {name}")) for name in pragmas] == ["wal", 1, 2, 10_000]
    database.dispose()


def test_a_locked_database_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that another program locks out for too long ends in an error of ours, with its reason behind it."""
    monkeypatch.setattr("roomsplat.server.database.BUSY_MILLISECONDS", 50)
    path = tmp_path / "roomsplat.db"
    database = open_database(f"sqlite:///{path}")
    upgrade(database)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailableError) as caught:
        Users(database.sessions).ensure("a")
    assert "locked" in str(caught.value.__cause__)
    other.close()
    assert Users(database.sessions).ensure("a").name == "a"
    database.dispose()


def test_a_restarted_server_is_found_again(postgres_cluster: Cluster, on_postgres: Database) -> None:
    """While Postgres is down every call says so in our words; after it is back the same object goes on."""
    users = Users(on_postgres.sessions)
    users.ensure("a")
    postgres_cluster.stop()
    for _ in range(3):
        with pytest.raises(DatabaseUnavailableError):
            ping(on_postgres)
    postgres_cluster.start()
    assert users.by_name("a") is not None


def test_a_sleeping_writer_is_put_out(postgres_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that stops in the middle of a transaction holds others up for a while and not for ever."""
    monkeypatch.setattr("roomsplat.server.database.BUSY_MILLISECONDS", 100)
    monkeypatch.setattr("roomsplat.server.database.IDLE_MILLISECONDS", 1500)
    opened = open_database(postgres_cluster.create())
    try:
        upgrade(opened)
        ann = Users(opened.sessions).ensure("ann")
        refused = 0
        with pytest.raises(DatabaseUnavailableError), writing(opened.sessions) as sleeper:
            sleeper.get_one(User, ann.id, with_for_update=True)
            deadline = time.monotonic() + 30
            while True:
                try:
                    with writing(opened.sessions) as other:
                        other.get_one(User, ann.id, with_for_update=True).email = "ann@example.org"
                    break
                except DatabaseUnavailableError:
                    refused += 1
                assert time.monotonic() < deadline
            sleeper.execute(text("SELECT 1"))
        assert refused > 0
        with reading(opened.sessions) as session:
            assert session.get_one(User, ann.id).email == "ann@example.org"
    finally:
        opened.dispose()


def test_a_server_that_stops_in_a_transaction_is_told_the_same_way(
    postgres_cluster: Cluster, on_postgres: Database
) -> None:
    """A connection that breaks inside a transaction is the same error, and nothing was written."""
    with pytest.raises(DatabaseUnavailableError), writing(on_postgres.sessions) as session:
        session.add(User(id="u" * 22, name="a", created_at=datetime.now(UTC)))
        session.flush()
        postgres_cluster.stop()
        session.execute(text("SELECT 1"))
    postgres_cluster.start()
    assert Users(on_postgres.sessions).by_name("a") is None


@pytest.mark.parametrize(
    "url", ["", "mysql://a@b/c", "sqlite://", "sqlite:///:memory:", "nonsense", "http://a"]
)
def test_other_addresses_are_refused(url: str) -> None:
    """What is neither SQLite in a file nor Postgres is refused before anything is opened, without repeating it."""
    with pytest.raises(InvalidSettingError) as caught:
        open_database(url)
    assert "--database-url" in caught.value.hint


def test_the_password_is_in_no_error() -> None:
    """An address that does not answer is told without its password."""
    database = open_database("postgresql://user:hunter2@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailableError) as caught:
        ping(database)
    assert "hunter2" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"
    database.dispose()
