"""``roomsplat serve``, ``worker`` and ``keys`` as a user starts them: real processes, a pipeline of a second."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from roomsplat.cli import serve
from roomsplat.cli import service as cli_service
from roomsplat.cli.arguments import Keys, ListKeys, RevokeKey, Serve
from roomsplat.errors import NotInstalledError, RoomsplatError
from roomsplat.media.video import VideoWriter
from roomsplat.server.database import open_database
from roomsplat.server.jobs import Jobs
from roomsplat.server.records import JobStatus
from roomsplat.server.settings import ServerSettings
from roomsplat.server.users import Users
from tests.server import postgres
from tests.server.service import FAKE_PIPELINE, until

ROOMSPLAT = (sys.executable, "-P", "-m", "roomsplat")


class Served:
    """A running ``roomsplat serve``."""

    def __init__(self, storage: Path, *options: str, **settings: str) -> None:
        """Start it on a free port and wait until it says where."""
        self.storage = storage
        quick = {"PIPELINE_COMMAND": json.dumps(FAKE_PIPELINE), "POLL_SECONDS": "0.1", **settings}
        self._environment = {
            **os.environ,
            **{f"ROOMSPLAT_{name}": value for name, value in quick.items()},
            "ROOMSPLAT_TEST_MARK": str(storage),
        }
        command = [*ROOMSPLAT, "serve", "--storage", str(storage), "--port", "0", *options]
        self.process = subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        lines = iter(self.process.stdout.readline, "")
        self.greeting = ""
        for line in lines:
            self.greeting += line
            if "static/models" in line:
                break
        found = re.search(r"http://[\d.]+:\d+", self.greeting)
        assert found, self.process.communicate()
        self.address = found[0]

    def get(self, path: str, **headers: str) -> httpx.Response:
        """One request."""
        return httpx.get(self.address + path, headers=headers, timeout=10)

    def ready(self) -> bool:
        """Whether a worker lives, too."""
        return self.get("/ready").status_code == 200

    def processes(self) -> list[int]:
        """Every living process of this service, by its environment."""
        mark = f"ROOMSPLAT_TEST_MARK={self.storage}\0".encode()
        found: list[int] = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue  # it ended while we looked
        return found

    def workers(self) -> list[int]:
        """The service's own children."""
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for path in children for pid in path.read_text().split()]

    def end(self) -> None:
        """Whatever happens, nothing is left."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A service with one worker."""
    service = Served(tmp_path / "storage")
    try:
        yield service
    finally:
        service.end()


def film(path: Path) -> Path:
    """A short film of moving stripes."""
    with VideoWriter(path, fps=10) as video:
        for index in range(20):
            columns = (np.arange(160) + 4 * index) % 40 < 20
            video.write(
                np.repeat(np.where(columns, 220, 30).astype(np.uint8)[None, :, None], 120, 0).repeat(3, 2)
            )
    return path


def run_curl(line: str) -> bytes:
    """One of the greeting's commands, as a user pastes it."""
    return subprocess.run([*shlex.split(line), "--fail", "-sS"], check=True, capture_output=True).stdout


def waiting_job(service: Served, config: dict[str, object]) -> str:
    """A job with settings of the fake pipeline; written past the API, which takes only those of the real one."""
    database = open_database(f"sqlite:///{service.storage / 'roomsplat.db'}")
    try:
        owner = Users(database.sessions).ensure("local").id
        (service.storage / "uploads" / "film.mp4").write_bytes(b"film")
        job = Jobs(database.sessions).create(
            owner, source_name="film.mp4", source_path="uploads/film.mp4", config=config
        )
    finally:
        database.dispose()
    return job.id


def slow_job(service: Served) -> str:
    """A job that is in training, which takes long."""
    job_id = waiting_job(service, {"seconds": {"train": 60}})
    until(lambda: service.get(f"/api/jobs/{job_id}/status").json()["stage"] == "train", "training")
    return job_id


def test_the_commands_that_it_prints_bring_a_film_to_a_scene(served: Served, tmp_path: Path) -> None:
    """Upload, status and download, pasted from the greeting, end in the PLY; the log has a line of the job."""
    commands = [line.strip() for line in served.greeting.splitlines() if line.strip().startswith("curl")]
    upload, status, download = commands
    answer = json.loads(run_curl(upload.replace("video.mp4", str(film(tmp_path / "film.mp4")))))
    assert answer["status"] == "pending"
    job_id = answer["job_id"]
    until(lambda: b"completed" in run_curl(status.replace("JOB_ID", job_id)), "completed")
    target = tmp_path / "scene.ply"
    run_curl(download.replace("JOB_ID", job_id).replace("scene.ply", str(target)))
    assert target.read_bytes().startswith(b"ply")
    log = [json.loads(line) for line in (served.storage / "logs" / "app.log").read_text().splitlines()]
    assert {"at", "level", "process", "logger", "job_id", "message"} <= log[0].keys()
    assert job_id in {line["job_id"] for line in log}
    assert {"api", "worker"} <= {line["process"] for line in log}


def test_the_worker_takes_jobs_from_the_postgres_that_is_named(
    postgres_cluster: postgres.Cluster, tmp_path: Path
) -> None:
    """With --database-url the API and its worker meet in that database, and no SQLite file is made."""
    service = Served(tmp_path / "storage", "--database-url", postgres_cluster.create())
    try:
        with film(tmp_path / "film.mp4").open("rb") as file:
            upload = httpx.post(f"{service.address}/api/jobs/upload", files={"file": file}, timeout=60)
        job_id = upload.json()["job_id"]
        until(lambda: "completed" in service.get(f"/api/jobs/{job_id}/status").text, "completed")
        assert not list(service.storage.glob("*.db"))
    finally:
        service.end()


def test_sigterm_hands_jobs_back_and_leaves_nothing(served: Served) -> None:
    """A stopped service ends with code 0 within 10 s, its job waits again, no process is left; it goes on later."""
    until(served.ready, "ready")
    job_id = slow_job(served)
    began = time.monotonic()
    served.process.terminate()
    assert served.process.wait(20) == 0
    assert time.monotonic() - began < 10
    assert served.processes() == []
    database = open_database(f"sqlite:///{served.storage / 'roomsplat.db'}")
    try:
        job = Jobs(database.sessions).read(job_id)
    finally:
        database.dispose()
    assert (job.status, job.attempts) == (JobStatus.PENDING, 0)


def test_a_connection_that_stays_open_does_not_wait(tmp_path: Path) -> None:
    """Later requests of a connection are as quick as the first: none waits 40 ms for the client's acknowledgement."""
    served = Served(tmp_path / "storage", "--no-worker")
    try:
        job_id, seconds = waiting_job(served, {}), list[float]()
        with httpx.Client(base_url=served.address, trust_env=False) as client:
            for _ in range(30):
                began = time.monotonic()
                assert client.get(f"/api/jobs/{job_id}/status").status_code == 200
                seconds.append(time.monotonic() - began)
        assert min(seconds[10:]) < 0.03
    finally:
        served.end()


def test_an_open_stream_does_not_hold_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM ends the service within 5 s; an open event stream ends as a whole answer; there is one API process."""
    monkeypatch.setenv("WEB_CONCURRENCY", "3")  # uvicorn's own wish for more processes
    served = Served(tmp_path / "storage", "--no-worker")
    try:
        job_id = waiting_job(served, {})
        with httpx.stream("GET", f"{served.address}/api/jobs/{job_id}/events", timeout=20) as stream:
            pieces = stream.iter_text()
            while "event: status" not in next(pieces):
                pass
            assert served.processes() == [served.process.pid]
            began = time.monotonic()
            served.process.terminate()
            assert list(pieces) == []  # a connection that is cut off instead raises here
        assert served.process.wait(20) == 0
        assert time.monotonic() - began < 5
    finally:
        served.end()


def test_a_crashed_worker_leaves_the_api_and_is_started_again(served: Served) -> None:
    """After kill -9 of the worker the API answers on, and soon there is another worker."""
    until(served.ready, "ready")
    [worker] = served.workers()
    os.kill(worker, signal.SIGKILL)
    assert served.get("/health").json() == {"status": "healthy"}
    until(lambda: served.workers() not in ([], [worker]) and served.ready(), "another worker")


def test_a_crashed_service_leaves_no_worker(served: Served) -> None:
    """After kill -9 of the service its worker and the pipeline end by themselves."""
    until(served.ready, "ready")
    slow_job(served)
    assert len(served.processes()) >= 3
    served.process.kill()
    until(lambda: served.processes() == [], "no process is left", 15)


def test_keys_let_their_owner_in_until_they_are_revoked(tmp_path: Path) -> None:
    """With --auth keys only a living key is let in; `keys list` never shows one whole."""
    storage = tmp_path / "storage"
    place = ["--storage", str(storage)]

    def keys(*words: str) -> str:
        command = [*ROOMSPLAT, "keys", *words, *place]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    key = keys("create", "ann").splitlines()[0]
    service = Served(storage, "--auth", "keys", "--no-worker")
    try:
        bearer = {"Authorization": f"Bearer {key}"}
        assert service.get("/api/jobs").status_code == 401
        assert service.get("/api/jobs", **bearer).json()["items"] == []
        assert service.workers() == []
        listed = keys("list")
        assert "ann" in listed
        assert key not in listed
        keys("revoke", key[:12])
        assert service.get("/api/jobs", **bearer).status_code == 401
    finally:
        service.end()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["serve", "--port", "99999"], 10, "The setting port is not valid"),
        (["serve", "--database-url", "mysql://x"], 10, "The database's address is neither"),
        (["serve", "--storage", "/proc/nowhere"], 8, "cannot be written"),
    ],
)
def test_a_wrong_start_is_one_sentence(tmp_path: Path, words: list[str], code: int, sentence: str) -> None:
    """Whatever is wrong at the start ends in a sentence, a hint and an exit code, without a traceback."""
    run = subprocess.run(
        [*ROOMSPLAT, *words],
        cwd=tmp_path,
        env={**os.environ, "ROOMSPLAT_STORAGE": str(tmp_path / "storage")} | {"ROOMSPLAT_PORT": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == code, run.stderr
    assert sentence in run.stderr
    assert "hint:" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (Serve(host="0.0.0.1"), "Without keys the service may listen on this computer only"),
        (Serve(devices=("gpu",)), "'gpu' is no device"),
        (Serve(devices=("0", "0")), "A device is named twice"),
        (Serve(port=-1), "The setting port is not valid"),
        (Keys(action=RevokeKey(key="rsk_nobody")), "No keys have this id"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: Serve | Keys, sentence: str
) -> None:
    """Each wrong option has its own sentence, and no service is left behind."""
    monkeypatch.setenv("ROOMSPLAT_STORAGE", str(tmp_path / "storage"))
    with pytest.raises(RoomsplatError, match=sentence):
        cli_service.run_service(command)
    assert not (tmp_path / "storage" / "uploads").exists()


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    """A second service on the same port says so and ends."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [*ROOMSPLAT, "serve", "--storage", str(tmp_path / "storage"), "--port", port]
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 16
    assert f"Nothing can listen on 127.0.0.1:{port}" in run.stderr


@pytest.mark.parametrize("command", [Serve(), Keys(action=ListKeys())])
def test_without_the_extra_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, command: Serve | Keys
) -> None:
    """The core install has the commands, and each says in one sentence what to install."""
    monkeypatch.setattr(cli_service, "find_spec", lambda _name: None)
    with pytest.raises(NotInstalledError) as missing:
        cli_service.run_service(command)
    assert "pip install 'roomsplat[server]'" in missing.value.hint


def test_workers_do_not_get_the_secrets_of_the_api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The secrets of the issuer and of the mail server are no part of a worker's environment; the storage is."""
    for name in ("ROOMSPLAT_OIDC_CLIENT_SECRET", "ROOMSPLAT_SMTP_PASSWORD"):
        monkeypatch.setenv(name, "hunter2")
    found = serve._environment(ServerSettings(storage=tmp_path))
    assert "hunter2" not in found.values()
    assert found["ROOMSPLAT_STORAGE"] == str(tmp_path)
