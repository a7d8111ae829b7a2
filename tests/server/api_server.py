"""The real app behind a real server on a port of its own, and two users who know it."""

import contextlib
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import httpx
import uvicorn
from fastapi import FastAPI

from roomsplat.page.site import Site
from roomsplat.server.app import create_app
from roomsplat.server.jobs import Jobs
from roomsplat.server.keys import create_key
from roomsplat.server.records import JobRecord, JobStatus, Lease
from roomsplat.server.service import Service
from roomsplat.server.settings import ServerSettings
from roomsplat.server.users import Users
from tests.capture import films

TLS = httpx.create_ssl_context(verify=False)
"""Reading a computer's authorities takes longer than most laws, and nothing here is encrypted."""


class Api:
    """A running service with the users ada and bob."""

    def __init__(self, storage: Path, address: str, app: FastAPI) -> None:
        self.storage, self.address, self.app = storage, address, app
        self.service = cast("Service", app.state.service)
        self.jobs: Jobs = self.service.jobs
        self._clients: list[httpx.Client] = []
        self.ada, self.bob = self.client("ada"), self.client("bob")

    def client(self, name: str, *, scopes: tuple[str, ...] = ("read", "write")) -> httpx.Client:
        """A client with a key of this user."""
        _, secret = create_key(self.service.database.sessions, name, scopes=scopes)
        return self.anybody({"Authorization": f"Bearer {secret}"})

    def anybody(self, headers: dict[str, str] | None = None) -> httpx.Client:
        """A client with these headers and no others of ours."""
        client = httpx.Client(base_url=self.address, headers=headers, timeout=20, trust_env=False, verify=TLS)
        self._clients.append(client)
        return client

    def owner(self, name: str = "ada") -> str:
        """The user's id."""
        users = Users(self.service.database.sessions)
        return (users.by_name(name) or users.ensure(name)).id

    def job(self, name: str = "ada") -> JobRecord:
        """A job that waits, made past the API."""
        return self.jobs.create(
            self.owner(name),
            source_name="room.mp4",
            source_path="uploads/x.mp4",
            config={"quality": "preview"},
        )

    def taken(self, name: str = "ada") -> tuple[JobRecord, Lease]:
        """A job that a worker holds."""
        job = self.job(name)
        lease = self.jobs.acquire(job.id, "worker")
        assert lease is not None
        return job, lease

    def completed(self, name: str = "ada", files: dict[str, bytes] | None = None) -> JobRecord:
        """A completed job with these outputs."""
        job, lease = self.taken(name)
        for path, content in (files or {}).items():
            target = self.storage / path.replace("ID", job.id)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        self.jobs.report(lease, status=JobStatus.TRAINING, progress=0.5, stage="train", message="training")
        self.jobs.finish(lease, counts={"gaussians": 1000}, timings={"train": 12.5})
        return self.jobs.get(job.id, job.owner_id)

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients:
            client.close()


@contextlib.contextmanager
def running_api(storage: Path, *, site: Site | None = None, **settings: Any) -> Generator[Api]:
    """The service until the block ends."""
    chosen = ServerSettings.model_validate(
        {
            "auth": "keys",
            "requests_per_minute": 0,
            "logins_per_minute": 0,
            "stream_poll_seconds": 0.02,
            "max_running_per_user": 1000,
            "max_queued_per_user": 1000,
            **settings,
            "storage": storage,
        }
    )
    app = create_app(chosen, site=site)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    api: Api | None = None
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        api = Api(storage, f"http://127.0.0.1:{port}", app)
        yield api
    finally:
        if api is not None:
            api.close()
            api.service.streams.stop()
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the server did not stop"


def film(path: Path, count: int = 12) -> Path:
    """A good small film."""
    return films.write_film(path, films.moving_pictures(count, 96, 64))


def code_of(response: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem; whatever is no problem fails here."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    said = response.json()
    assert said["status"] == response.status_code
    assert said["detail"].endswith((".", "…")), said["detail"]
    assert said["hint"]
    assert said["type"] == f"urn:roomsplat:problem:{said['code']}"
    return response.status_code, said["code"]
