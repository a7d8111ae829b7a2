"""``roomsplat keys``: make, show and revoke the keys of the job service."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console
from rich.table import Table

from roomsplat.cli.arguments import CreateKey, Keys, ListKeys, RevokeKey, ServicePlace
from roomsplat.cli.service import read_settings
from roomsplat.server.database import Sessions, open_database, upgrade
from roomsplat.server.keys import KeyRecord, create_key, list_keys, revoke_key
from roomsplat.server.users import Users


def run_keys(command: Keys) -> None:
    """Do what was asked for.

    Raises:
        RoomsplatError: an unknown scope or key, a database that does not answer.
    """
    with _sessions(command.action) as sessions:
        match command.action:
            case CreateKey() as create:
                if create.email is not None:
                    Users(sessions).ensure(create.name)
                    Users(sessions).set_email(create.name, create.email)
                record, key = create_key(sessions, create.name, scopes=create.scopes)
                print(
                    f"{key}\n\nThe key of {record.user_name} ({_scopes(record)}). It is shown this once only."
                )
            case ListKeys() as show:
                _show(list_keys(sessions), as_json=show.json)
            case RevokeKey() as revoke:
                record = revoke_key(sessions, revoke.key)
                print(f"The key {record.prefix}… of {record.user_name} opens nothing any more.")


@contextmanager
def _sessions(place: ServicePlace) -> Generator[Sessions]:
    database = open_database(read_settings(place).resolved_database_url)
    try:
        upgrade(database)
        yield database.sessions
    finally:
        database.dispose()


def _show(keys: list[KeyRecord], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([_as_json(key) for key in keys], indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("key", "user", "scopes", "made", "last used", "revoked"):
        table.add_column(column, no_wrap=True)
    for key in keys:
        moments = (key.created_at, key.last_used_at, key.revoked_at)
        table.add_row(f"{key.prefix}…", key.user_name, _scopes(key), *map(_day, moments))
    Console(markup=False).print(table, highlight=False)


def _as_json(key: KeyRecord) -> dict[str, object]:
    return {
        "id": key.id,
        "prefix": key.prefix,
        "user": key.user_name,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at.isoformat(),
        "last_used_at": key.last_used_at and key.last_used_at.isoformat(),
        "revoked_at": key.revoked_at and key.revoked_at.isoformat(),
    }


def _scopes(key: KeyRecord) -> str:
    return " ".join(sorted(key.scopes))


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d}"
