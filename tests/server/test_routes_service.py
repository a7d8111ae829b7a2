"""Health, figures, and what holds for every request."""

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from roomsplat.server.limits import RequestLimiter
from roomsplat.server.problems import TooManyRequestsError, problem_of_system
from tests.server.api_server import Api, code_of, running_api


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service for all laws here that need no other settings."""
    with running_api(
        tmp_path_factory.mktemp("storage"), cors_origins=("https://page.example",), upload_idle_seconds=0.3
    ) as running:
        yield running


def test_health_needs_no_key(api: Api) -> None:
    """The fixed answer of the issue, for anybody."""
    answer = api.anybody().get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "healthy"})


def test_ready_means_that_a_job_would_run(api: Api) -> None:
    """Ready only while a worker lives; otherwise 503, and it says what is missing."""
    answer = api.anybody().get("/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not_ready"
    assert (answer.json()["checks"]["database"], answer.json()["checks"]["storage"]) == ("ok", "ok")
    assert answer.json()["checks"]["worker"] != "ok"
    api.service.workers.seen("a worker of another host", device="cpu")
    try:
        answer = api.anybody().get("/ready")
        assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    finally:
        api.service.workers.left("a worker of another host")
    assert api.anybody().get("/ready").status_code == 503
    assert not list(api.storage.glob(".ready-*"))


def test_figures_are_prometheus_text(api: Api) -> None:
    """The queue, the stages, the outcomes and the requests are there, readable, and for administrators only."""
    before = api.jobs.figures()
    api.completed()
    api.job()
    assert code_of(api.ada.get("/metrics")) == (403, "forbidden")
    admin = api.client("root", scopes=("read", "write", "admin"))
    answer = admin.get("/metrics")
    assert answer.status_code == 200
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert families["roomsplat_queue_depth"].samples[0].value == before.depth + 1
    assert families["roomsplat_queue_oldest_seconds"].samples[0].value >= 0
    outcomes = {
        sample.labels["outcome"]: sample.value for sample in families["roomsplat_job_outcomes"].samples
    }
    assert outcomes["completed"] == before.outcomes.get("completed", 0) + 1
    seconds = {sample.labels["stage"]: sample.value for sample in families["roomsplat_stage_seconds"].samples}
    assert seconds["train"] >= 12.5
    assert "roomsplat_lease_expiries" in families
    routes = {sample.labels["route"] for sample in families["roomsplat_http_requests"].samples}
    assert "/metrics" in routes
    job = api.job()
    api.ada.get(f"/api/jobs/{job.id}/status")
    assert job.id not in admin.get("/metrics").text
    assert "/api/jobs/{job_id}/status" in admin.get("/metrics").text


def test_what_the_framework_refuses_is_a_problem_too(api: Api) -> None:
    """No such address, a wrong method and a broken body come in the same form as our own errors."""
    assert code_of(api.ada.get("/nothing/here")) == (404, "not_found")
    wrong = api.ada.put("/api/jobs")
    assert code_of(wrong) == (405, "method_not_allowed")
    assert "GET" in wrong.headers["allow"]
    job = api.completed()
    broken = api.ada.post(
        f"/api/jobs/{job.id}/retry", content=b'{"config":', headers={"Content-Type": "application/json"}
    )
    assert code_of(broken) == (422, "invalid_request")


def test_a_long_body_is_not_read(api: Api) -> None:
    """A body that no route needs is refused at a mebibyte, whether its length was announced or not."""
    job = api.completed()
    address, headers = f"/api/jobs/{job.id}/retry", {"Content-Type": "application/json"}
    assert code_of(api.ada.post(address, content=b"[" * 2_000_000, headers=headers)) == (
        413,
        "input_too_large",
    )
    pieces = (b"[" * 1000 for _ in range(2000))
    assert code_of(api.ada.post(address, content=pieces, headers=headers)) == (413, "input_too_large")


def test_foreign_pages_change_nothing(api: Api) -> None:
    """A browser that brings another site's page is refused where something would change; allowed sites are not."""
    job = api.job()
    foreign = api.ada.post(f"/api/jobs/{job.id}/cancel", headers={"Origin": "https://evil.example"})
    assert code_of(foreign) == (403, "foreign_origin")
    assert code_of(api.ada.post(f"/api/jobs/{job.id}/cancel", headers={"Origin": "null"})) == (
        403,
        "foreign_origin",
    )
    assert api.ada.get(f"/api/jobs/{job.id}").json()["status"] == "pending"
    allowed = api.ada.post(f"/api/jobs/{job.id}/cancel", headers={"Origin": "https://page.example"})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "https://page.example"
    own = api.ada.post(f"/api/jobs/{job.id}/retry", headers={"Origin": api.address})
    assert own.status_code == 202
    assert (
        "access-control-allow-origin"
        not in api.ada.get("/health", headers={"Origin": "https://evil.example"}).headers
    )


def test_without_keys_only_this_computers_names_are_answered(tmp_path: Path) -> None:
    """A foreign name that points here (DNS rebinding) is refused, even for reading; our own names are served."""
    with running_api(tmp_path, auth="none") as api:
        port = api.address.rpartition(":")[2]
        client = api.anybody()
        for name in (
            "evil.example",
            f"evil.example:{port}",
            "localhost.evil.example",
            "",
            "[",
            "169.254.1.1",
        ):
            answer = client.get("/api/jobs", headers={"Host": name})
            assert answer.status_code in {400, 403}, name
        for name in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
            assert client.get("/api/jobs", headers={"Host": name}).status_code == 200


def test_one_user_sends_only_so_many_requests(tmp_path: Path) -> None:
    """The request after the last allowed one is 429 with the seconds to wait; another user is not held up."""
    with running_api(tmp_path, requests_per_minute=5) as api:
        answers = [api.ada.get("/api/jobs") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert code_of(answers[-1]) == (429, "too_many_requests")
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 12
        assert api.bob.get("/api/jobs").status_code == 200
        assert api.ada.get("/health").status_code == 200


def test_the_bucket_refills() -> None:
    """After the announced wait there is a request again, over any time at most capacity plus refill are allowed."""
    now = [0.0]
    limiter = RequestLimiter(60, clock=lambda: now[0])
    allowed = 0
    for _ in range(1000):
        try:
            limiter.take("ada")
            allowed += 1
        except TooManyRequestsError as error:
            now[0] += int(error.headers["Retry-After"])
            limiter.take("ada")
            allowed += 1
    assert allowed <= 60 + now[0] + 1
    RequestLimiter(0).take("ada")


def test_a_full_disk_is_said(api: Api) -> None:
    """No space left is 507 with a sentence; another error of the system shows nothing of its inside."""
    full = problem_of_system(OSError(errno.ENOSPC, "No space left on device"))
    assert (full.status_code, json.loads(cast("bytes", full.body))["code"]) == (507, "storage_full")
    other = problem_of_system(OSError(errno.EIO, "/secret/path"))
    assert other.status_code == 500
    assert b"secret" not in cast("bytes", other.body)
    assert api.storage.exists()


def test_an_upload_that_stops_is_ended(api: Api) -> None:
    """A client that sends no more is answered with 408 soon, and nothing of its upload stays."""

    def slow() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nabc'
        time.sleep(2)
        yield b"\r\n--b--\r\n"

    # the server answers in the middle of the body; a client may see that answer or the closed connection
    try:
        answer = api.ada.post(
            "/api/jobs/upload", content=slow(), headers={"Content-Type": "multipart/form-data; boundary=b"}
        )
        assert code_of(answer) == (408, "upload_timeout")
    except httpx.TransportError:
        pass
    assert not list((api.storage / "uploads").glob(".incoming-*"))


def test_what_a_killed_service_left_is_swept(tmp_path: Path) -> None:
    """At the next start halves of old uploads are gone; those that another process may be receiving stay."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    old, new, video = (folder / name for name in (".incoming-old", ".incoming-new", "video.mp4"))
    for path in (old, new, video):
        path.write_bytes(b"half")
    for path in (old, video):
        os.utime(path, (0, 0))
    with running_api(tmp_path):
        assert (old.exists(), new.exists(), video.exists()) == (False, True, True)


SERVER = """
import sys, threading
from pathlib import Path
import uvicorn
from roomsplat.server.app import create_app
from roomsplat.server.settings import ServerSettings
app = create_app(ServerSettings(storage=Path(sys.argv[1]), requests_per_minute=0))
server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None))
def tell():
    while not server.started: pass
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
threading.Thread(target=tell, daemon=True).start()
server.run()
"""


def test_memory_stays_flat_while_videos_stream_in(tmp_path: Path) -> None:
    """Four uploads of 60 MB at once cost the process less than 40 MB, and leave nothing when they are refused."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        address = f"http://127.0.0.1:{int(server.stdout.readline())}"

        def send(pieces: int) -> int:
            head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'

            def body() -> Iterator[bytes]:
                yield head
                for _ in range(pieces):
                    yield bytes(1_000_000)
                yield b"\r\n--b--\r\n"

            answer = httpx.post(
                f"{address}/api/jobs/upload",
                content=body(),
                headers={"Content-Type": "multipart/form-data; boundary=b"},
                timeout=60,
                trust_env=False,
            )
            codes.append(code_of(answer))
            return answer.status_code

        codes: list[tuple[int, str]] = []
        send(2)
        before = peak_memory(server.pid)
        senders = [threading.Thread(target=send, args=(60,)) for _ in range(4)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert codes == [(415, "unsupported_file")] * 5
        assert peak_memory(server.pid) - before < 40_000_000
        assert not list((tmp_path / "uploads").glob(".incoming-*"))
    finally:
        server.terminate()
        server.wait(20)
        assert server.stdout is not None
        server.stdout.close()


def peak_memory(pid: int) -> int:
    """The most that the process ever had in memory, bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")
