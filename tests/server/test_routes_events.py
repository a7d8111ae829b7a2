"""Event streams: nothing twice, nothing missed, and an end."""

import json
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.server.api_server import Api, code_of, running_api


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service whose streams say something every 0.2 s."""
    with running_api(
        tmp_path_factory.mktemp("storage"), stream_comment_seconds=0.2, max_streams_per_user=3
    ) as running:
        yield running


def parse(text: str) -> list[dict[str, str]]:
    """The events of a stream; comments are left out."""
    events: list[dict[str, str]] = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "data" in fields:
            events.append(fields)
    return events


def test_an_ended_job_is_told_from_its_beginning(api: Api) -> None:
    """The stream of an ended job is every event in order, then its end; ids and data are those of the log."""
    job = api.completed()
    answer = api.ada.get(f"/api/jobs/{job.id}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = parse(answer.text)
    known = api.jobs.events(job.id, job.owner_id)
    assert [(int(event["id"]), event["event"]) for event in told] == [
        (event.id, event.kind) for event in known
    ]
    assert json.loads(told[-1]["data"])["payload"]["status"] == "completed"


def test_a_client_that_comes_back_misses_nothing(api: Api) -> None:
    """From any id, by header or parameter, the stream goes on behind it; behind the last there is nothing: 204."""
    job = api.completed()
    ids = [event.id for event in api.jobs.events(job.id, job.owner_id)]
    for place, known in enumerate(ids[:-1]):
        answer = api.ada.get(f"/api/jobs/{job.id}/events", headers={"Last-Event-ID": str(known)})
        assert [int(event["id"]) for event in parse(answer.text)] == ids[place + 1 :]
        answer = api.ada.get(f"/api/jobs/{job.id}/events", params={"after": known})
        assert [int(event["id"]) for event in parse(answer.text)] == ids[place + 1 :]
    assert (
        api.ada.get(f"/api/jobs/{job.id}/events", headers={"Last-Event-ID": str(ids[-1])}).status_code == 204
    )
    odd = api.ada.get(f"/api/jobs/{job.id}/events", headers={"Last-Event-ID": "-1; drop"})
    assert len(parse(odd.text)) == len(ids)


def test_events_come_as_they_happen(api: Api) -> None:
    """A running job's stream sends each event soon, a comment when nothing happens, and ends with the job."""
    job, lease = api.taken()
    lines: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        with api.ada.stream("GET", f"/api/jobs/{job.id}/events") as answer:
            lines.extend(answer.iter_lines())
        ended.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        deadline = time.monotonic() + 10
        while ": still here" not in lines:
            assert time.monotonic() < deadline, lines
            time.sleep(0.02)
        assert not ended.is_set()
        api.jobs.report(lease, event={"event": "stage_progress", "fraction": 0.5})
        while "event: stage_progress" not in lines:
            assert time.monotonic() < deadline, lines
            time.sleep(0.02)
    finally:
        api.jobs.finish(lease)
        assert ended.wait(10)
        watcher.join()
    assert '"completed"' in [line for line in lines if line.startswith("data: ")][-1]


def test_a_deleted_job_ends_its_streams(api: Api) -> None:
    """Whoever watches a job that its owner deletes is not left waiting."""
    job = api.job()
    done = threading.Event()

    def watch() -> None:
        httpx.get(
            f"{api.address}/api/jobs/{job.id}/events", headers=api.ada.headers, timeout=10, trust_env=False
        )
        done.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    time.sleep(0.1)
    api.ada.delete(f"/api/jobs/{job.id}")
    assert done.wait(10)
    watcher.join()


def test_one_user_opens_only_so_many_streams(api: Api) -> None:
    """One more than allowed is 429; another user is not held up; a closed one makes room."""
    job, lease = api.taken()
    other, other_lease = api.taken("bob")
    address = f"/api/jobs/{job.id}/events"
    clients = [api.anybody(dict(api.ada.headers)) for _ in range(3)]
    streams = [client.stream("GET", address) for client in clients]
    lines = [stream.__enter__().iter_lines() for stream in streams]
    assert [next(line) for line in lines] == ["retry: 2000"] * 3
    refused = api.ada.get(address)
    assert code_of(refused) == (429, "too_many_requests")
    assert int(refused.headers["retry-after"]) >= 1
    with api.bob.stream("GET", f"/api/jobs/{other.id}/events") as answer:
        assert answer.status_code == 200
    for stream in streams:
        stream.__exit__(None, None, None)
    deadline = time.monotonic() + 10
    while True:
        with api.ada.stream("GET", address) as answer:
            if answer.status_code == 200:
                break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    api.jobs.finish(lease)
    api.jobs.finish(other_lease)
