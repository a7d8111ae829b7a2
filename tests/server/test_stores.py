"""Laws of the choice of a store: a bucket that cannot be used is told at the start, the API works with either."""

import asyncio
import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from roomsplat.server.app import create_app
from roomsplat.server.downloads import download
from roomsplat.server.errors import StorageUnavailableError
from roomsplat.server.files import FileNotInStoreError, FileStore, LocalFileStore
from roomsplat.server.jobs import Jobs, new_id
from roomsplat.server.object_files import open_bucket
from roomsplat.server.settings import ServerSettings
from roomsplat.server.stores import open_store
from roomsplat.server.sweeper import AGE_SECONDS, sweep_orphans
from tests.server.api_server import Api, code_of, film, running_api
from tests.server.bucket import KEYS, REGION, Door, Moto, door_to
from tests.server.job_fixtures import Service


class Answering(http.server.BaseHTTPRequestHandler):
    """A store that answers everything alike."""

    status = 403
    sent = 0
    size = 0

    def answer(self) -> None:
        """The status, or a file without an end."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        self.send_header("Content-Length", str(self.size))
        self.send_header("ETag", '"etag"')
        self.send_header("Last-Modified", "Mon, 23 Nov 2026 12:00:00 GMT")
        if self.status == 206:
            self.send_header("Content-Range", f"bytes 0-{self.size - 1}/{self.size}")
        self.end_headers()
        block = bytes(1 << 16)
        while self.command == "GET" and type(self).sent < self.size:
            try:
                self.wfile.write(block)
            except OSError:
                return
            type(self).sent += len(block)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        """Not here."""


@pytest.fixture
def answering() -> Iterator[tuple[str, type[Answering]]]:
    """Its address, and what to set on it."""
    kind = type("Kind", (Answering,), {})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", kind
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the operator gives them."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


def settings(storage: Path, **more: object) -> ServerSettings:
    """With a bucket."""
    return ServerSettings.model_validate({"storage": storage, "bucket": "rooms", **more})


def test_a_bucket_that_cannot_be_used_is_told_at_the_start(
    tmp_path: Path, moto: Moto, answering: tuple[str, type[Answering]]
) -> None:
    """No such bucket, nobody there, wrong keys: a sentence with bucket, place, reason, and what to do."""
    reasons = {
        moto.endpoint: "there is no such bucket",
        "http://127.0.0.1:1": "it does not answer",
        answering[0]: "the keys are not accepted",
    }
    for endpoint, reason in reasons.items():
        with pytest.raises(StorageUnavailableError) as error:
            open_store(settings(tmp_path, bucket_endpoint=endpoint))
        assert error.value.message == f"The bucket rooms at {endpoint} cannot be used: {reason}."
        assert "ROOMSPLAT_BUCKET" in error.value.hint
        assert error.value.code == "storage_unavailable"
    with pytest.raises(StorageUnavailableError):
        create_app(settings(tmp_path, bucket_endpoint="http://127.0.0.1:1"))


@pytest.mark.parametrize(
    "wrong",
    [{"bucket": "a/b"}, {"bucket": ""}, {"bucket_endpoint": "store:8333"}, {"bucket_prefix": "../x"}],
    ids=str,
)
def test_a_setting_that_names_no_place_is_refused(tmp_path: Path, wrong: dict[str, str]) -> None:
    """What can be no bucket, address or folder of a bucket is refused before anything is asked of it."""
    with pytest.raises(ValidationError):
        settings(tmp_path, **wrong)


def test_a_worker_without_its_bucket_ends_with_a_sentence(tmp_path: Path) -> None:
    """The command says it in two lines and ends with the code for a service that cannot start."""
    environment = {
        **os.environ,
        "ROOMSPLAT_BUCKET": "rooms",
        "ROOMSPLAT_BUCKET_ENDPOINT": "http://127.0.0.1:1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "roomsplat", "worker", "--storage", str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 16, done.stderr
    assert (
        "The bucket rooms at http://127.0.0.1:1 cannot be used: it does not answer."
        in done.stderr.replace("\n", " ")
    )
    assert "Traceback" not in done.stderr


@pytest.fixture
def door(moto: Moto) -> Iterator[Door]:
    """The way to the bucket."""
    with door_to(moto.port) as door:
        yield door


@pytest.fixture
def api(tmp_path: Path, moto: Moto, door: Door) -> Iterator[Api]:
    """A service with a bucket."""
    with running_api(tmp_path / "storage", bucket=moto.bucket(), bucket_endpoint=door.endpoint) as api:
        yield api


def test_the_api_works_with_a_bucket(api: Api, tmp_path: Path) -> None:
    """A video goes up into the bucket, results come from it with ranges and versions, deleting leaves nothing in it."""
    files = api.service.files
    with film(tmp_path / "room.mp4").open("rb") as sent:
        answer = api.ada.post("/api/jobs/upload", files={"file": ("room.mp4", sent)})
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["job_id"]
    assert files.list_files("uploads") == [f"uploads/{job_id}.mp4"]
    assert not list((api.storage / "uploads").glob("*.mp4"))
    local = tmp_path / "scene"
    local.write_bytes(bytes(range(256)) * 4000)
    for name in (
        f"models/{job_id}.ply",
        f"models/{job_id}/scene.ply",
        f"models/{job_id}/cameras/transforms.json",
    ):
        files.put(name, local)
    whole = api.ada.get(f"/static/models/{job_id}.ply")
    assert (whole.status_code, whole.content) == (200, local.read_bytes())
    part = api.ada.get(f"/static/models/{job_id}.ply", headers={"Range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, local.read_bytes()[1000:2000])
    etag = {"If-None-Match": whole.headers["etag"]}
    assert api.ada.get(f"/static/models/{job_id}.ply", headers=etag).status_code == 304
    listed = {item["name"] for item in api.ada.get(f"/api/jobs/{job_id}/files").json()["items"]}
    assert listed == {"scene.ply", "cameras/transforms.json", "cameras.zip"}
    assert api.ada.get(f"/api/jobs/{job_id}/files/cameras.zip").content.startswith(b"PK")
    assert code_of(api.bob.get(f"/static/models/{job_id}.ply")) == (404, "job_not_found")
    (api.storage / "logs" / "jobs").mkdir(parents=True)
    for suffix in (".log", ".json"):
        (api.storage / "logs" / "jobs" / f"{job_id}{suffix}").touch()
    assert api.ada.delete(f"/api/jobs/{job_id}").status_code == 204
    assert files.list_files("models") == files.list_files("uploads") == []
    assert not list((api.storage / "logs" / "jobs").iterdir())


def test_a_bucket_that_is_away_is_said(api: Api, door: Door, tmp_path: Path) -> None:
    """While it is away /ready says so and requests that need it get a problem; nothing is queued, all works after."""
    anybody = api.anybody()
    assert anybody.get("/ready").json()["checks"]["storage"] == "ok"
    job = api.job()
    door.close()
    said = anybody.get("/ready")
    assert said.status_code == 503
    assert "bucket" in said.json()["checks"]["storage"]
    before = len(api.ada.get("/api/jobs").json()["items"])
    with film(tmp_path / "room.mp4").open("rb") as sent:
        answer = api.ada.post("/api/jobs/upload", files={"file": ("room.mp4", sent)}, timeout=60)
    assert code_of(answer) == (503, "storage_unavailable")
    assert code_of(api.ada.get(f"/static/models/{job.id}.ply")) == (503, "storage_unavailable")
    assert len(api.ada.get("/api/jobs").json()["items"]) == before
    door.open()
    assert anybody.get("/ready").json()["checks"]["storage"] == "ok"
    assert code_of(api.ada.get(f"/static/models/{job.id}.ply")) == (404, "file_not_found")


@pytest.fixture(params=["local", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    """A store of each kind."""
    if request.param == "local":
        return LocalFileStore(tmp_path / "store")
    moto: Moto = request.getfixturevalue("moto")
    return open_bucket(moto.bucket(), endpoint=moto.endpoint, region=REGION)


def test_videos_without_a_job_are_swept(store: FileStore, service: Service, tmp_path: Path) -> None:
    """A video that a crash left without a job goes after a day; one of a job stays, and whatever else is there."""
    jobs: Jobs = service.jobs
    owner = service.user().id
    (tmp_path / "film").write_bytes(b"film")
    kept, orphan = (f"uploads/{new_id()}.mp4" for _ in range(2))
    others = {kept, f"uploads/unfinished/{new_id()}.part", "uploads/by-hand.mp4"}
    for name in (*others, orphan, "models/a.ply"):
        store.put(name, tmp_path / "film")
    jobs.create(owner, source_name="room.mp4", source_path=kept, config={})
    assert sweep_orphans(jobs, store) == []
    later = time.time() + AGE_SECONDS + 60
    assert sweep_orphans(jobs, store, now=lambda: later) == [orphan]
    assert set(store.list_files("uploads")) == others
    assert store.list_files("models") == ["models/a.ply"]
    with pytest.raises(FileNotInStoreError):
        store.stat(orphan)


def test_a_download_takes_no_more_than_is_asked_for(answering: tuple[str, type[Answering]]) -> None:
    """Of a file of 500 MB no more leaves the bucket than a slow client takes and a few buffers hold."""
    endpoint, kind = answering
    kind.status, kind.size = 200, 500 * 1000 * 1000
    store = open_bucket("rooms", endpoint=endpoint, region=REGION)
    kind.status = 206
    kind.sent = 0
    answer: Any = download(store, "models/a.ply", {}, name="a.ply")
    assert answer.headers["content-length"] == str(kind.size)
    body = answer.body_iterator

    async def take(count: int) -> int:
        return sum([len(await anext(body)) for _ in range(count)])

    async def slowly() -> tuple[int, int]:
        taken, sent = await take(8), -1
        while sent != kind.sent:  # until the store has nowhere to put more
            sent = kind.sent
            await asyncio.sleep(0.5)
        return taken, sent

    taken, sent = asyncio.run(slowly())
    assert 0 < taken <= sent
    assert sent < taken + 40 * 1000 * 1000
