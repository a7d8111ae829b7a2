"""Opens the database, SQLite or Postgres, and runs the transactions on it."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, TimeoutError  # noqa: A004 - SQLAlchemy's own name for an exhausted pool
from sqlalchemy.orm import Session, sessionmaker

from roomsplat.errors import InvalidSettingError
from roomsplat.server.errors import DatabaseUnavailableError

Sessions = sessionmaker[Session]

BUSY_MILLISECONDS = 10_000
"""How long a writer waits for another one; a transaction of ours takes a few milliseconds."""

IDLE_MILLISECONDS = 20_000
"""Postgres ends a transaction whose program has said nothing for so long. One that was stopped in the middle (a paused
machine) would hold its job's row for ever, and every worker that looks for lost jobs would wait for it."""

_READS = "roomsplat_reads"
_MIGRATION_LOCK = 0x726F6F6D
"""Any number that is ours: processes that start together upgrade one after the other."""


@dataclass(frozen=True, slots=True)
class Database:
    """An open database."""

    engine: Engine
    sessions: Sessions

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """The database at ``url``: ``sqlite:///path`` (write-ahead log) or ``postgresql://…`` (psycopg 3).

    Nothing is created but SQLite's file and its folder: call ``upgrade`` for the tables.

    Raises:
        InvalidSettingError: the address is not one of the two.
    """
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise _unknown_address() from error
    match address.get_backend_name():
        case "sqlite" if address.database and address.database != ":memory:":
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(address, pool_size=16, max_overflow=32, hide_parameters=True)
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        case "postgresql":
            engine = create_engine(
                address.set(drivername="postgresql+psycopg"),
                pool_size=16,
                max_overflow=32,
                pool_pre_ping=True,  # a restarted server costs one look, not one failed request per connection
                hide_parameters=True,
                connect_args={
                    "connect_timeout": 5,
                    "options": f"-c lock_timeout={BUSY_MILLISECONDS}"
                    f" -c idle_in_transaction_session_timeout={IDLE_MILLISECONDS}",
                },
            )
        case _:
            raise _unknown_address()
    return Database(engine, sessionmaker(engine, expire_on_commit=False))


def _unknown_address() -> InvalidSettingError:
    return InvalidSettingError(
        "The database's address is neither sqlite:///PATH nor postgresql://….",
        hint="Correct --database-url (or ROOMSPLAT_DATABASE_URL), or leave it out to use SQLite in the storage folder.",
    )


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # an accepted job outlives a power cut
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: one that began by reading could not wait for another writer, only fail.
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def reading(sessions: Sessions) -> Generator[Session]:
    """A session that only reads: what is committed, without waiting for writers.

    On SQLite all of it sees one moment. On Postgres each statement sees its own, as everywhere there, so no transaction
    is opened for it: that would be two more ways to the server and back for every look.
    """
    with _translated(), sessions() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        else:
            session.connection(execution_options={_READS: True})
        yield session


@contextmanager
def writing(sessions: Sessions) -> Generator[Session]:
    """One transaction: everything in it is written, or nothing is."""
    with _translated(), sessions.begin() as session:
        session.connection()  # BEGIN now, so that all that is read is read under the lock
        yield session


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, TimeoutError) as error:
        raise _unavailable() from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise _unavailable() from error
        raise


def _unavailable() -> DatabaseUnavailableError:
    return DatabaseUnavailableError(
        "The database does not answer.",
        hint="Try again in a few seconds; if it stays so, look at the database and the space on its disk.",
    )


def ping(database: Database) -> None:
    """Ask the database for anything.

    Raises:
        DatabaseUnavailableError: it does not answer.
    """
    with reading(database.sessions) as session:
        session.execute(text("SELECT 1"))


def upgrade(database: Database) -> None:
    """Bring the tables to the newest version; safe from several processes at once.

    Raises:
        DatabaseUnavailableError: the database does not answer.
    """
    with _translated(), database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        command.upgrade(migrations(connection), "head")


def migrations(connection: Connection) -> Config:
    """Alembic's settings for our migrations on this connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
