"""What ``GET status`` costs the database: the same few looks however many jobs there are, each by an index."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from tests.server.api_server import Api, running_api

LOOKS = {"ended": 2, "waiting": 5}
"""The key with its user, the job; and for a waiting job who stands before it."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service with jobs of two users: waiting, at work and done."""
    with running_api(tmp_path_factory.mktemp("storage")) as running:
        running.completed()
        running.taken()
        yield running


@contextmanager
def looks(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database within the block, with its values."""
    said: list[tuple[str, Any]] = []

    def note(_connection: Connection, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        if statement.lstrip().startswith("SELECT"):
            said.append((statement, values))
        else:
            assert statement.startswith("BEGIN"), f"a look wrote: {statement}"

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("kind", LOOKS)
def test_a_status_is_a_few_looks(api: Api, kind: str) -> None:
    """Two looks for a job that has ended, five for one that waits; a hundred more jobs add none, nothing is written."""
    job = api.completed() if kind == "ended" else api.job()
    path = f"/api/jobs/{job.id}/status"
    api.ada.get(path)  # the first use of a key is noted
    engine = api.service.database.engine
    for _ in range(2):
        with looks(engine) as said:
            assert api.ada.get(path).status_code == 200
        assert len(said) == LOOKS[kind]
        for name in ("ada", "bob"):
            for _ in range(50):
                api.job(name)


def test_no_look_reads_a_whole_table(api: Api) -> None:
    """For a status and for a worker's next job SQLite finds every row by an index; nothing walks through old jobs."""
    job, engine = api.job(), api.service.database.engine
    with looks(engine) as said:
        assert api.ada.get(f"/api/jobs/{job.id}/status").status_code == 200
        assert api.jobs.next_job()
        assert api.jobs.expired() == []
    with engine.connect() as connection:
        for statement, values in said:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            assert [row[3] for row in plan if row[3].startswith("SCAN ")] == [], statement
