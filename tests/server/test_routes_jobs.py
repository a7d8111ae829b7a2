"""Jobs over HTTP: what clients send, and what they are told."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from roomsplat.server.intake import Intake
from roomsplat.server.probe import ProbeLimits, Prober
from roomsplat.server.records import JobError, JobStatus
from tests.server.api_server import Api, code_of, film, running_api
from tests.server.service import until


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service for all laws here; each makes its own jobs."""
    with running_api(tmp_path_factory.mktemp("storage")) as running:
        yield running


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good small film."""
    return film(tmp_path_factory.mktemp("film") / "room.mp4")


def test_an_uploaded_video_becomes_a_waiting_job(api: Api, video: Path) -> None:
    """A good video is answered with 202, lies whole under the job's id, and its settings are complete."""
    with video.open("rb") as file:
        answer = api.ada.post(
            "/api/jobs/upload",
            files={"file": ("../../my room.mp4", file, "video/mp4")},
            data={"config": '{"quality": "preview"}'},
        )
    assert answer.status_code == 202, answer.text
    said = answer.json()
    assert (said["status"], said["progress"], said["error"], said["model_url"]) == (
        "pending",
        0.0,
        None,
        None,
    )
    assert said["queue_position"] >= 1
    assert said["source_name"] == "my room.mp4"
    assert said["config"]["quality"] == "preview"
    assert "train" in said["config"]
    assert answer.headers["location"] == f"/api/jobs/{said['job_id']}"
    assert (api.storage / "uploads" / f"{said['job_id']}.mp4").read_bytes() == video.read_bytes()
    assert api.ada.get(f"/api/jobs/{said['job_id']}/status").json()["job_id"] == said["job_id"]
    assert not list((api.storage / "uploads").glob(".incoming-*"))


def test_an_unknown_field_is_told_where_settings_go(api: Api, video: Path) -> None:
    """A setting sent as a field of the form is refused with the very option that carries it."""
    with video.open("rb") as file:
        answer = api.ada.post("/api/jobs/upload", files={"file": file}, data={"quality": "preview"})
    assert code_of(answer) == (422, "invalid_request")
    assert "-F 'config={" in answer.json()["hint"]


def test_a_client_without_content_length_is_served(api: Api, video: Path) -> None:
    """A body sent in chunks, of which no length is known ahead, becomes a job as well."""
    body = b"".join(
        (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n',
            video.read_bytes(),
            b"\r\n--b--\r\n",
        )
    )
    pieces = (body[at : at + 1000] for at in range(0, len(body), 1000))
    answer = api.ada.post(
        "/api/jobs/upload", content=pieces, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 202, answer.text
    assert (api.storage / "uploads" / f"{answer.json()['job_id']}.mp4").read_bytes() == video.read_bytes()


def test_the_status_follows_the_worker(api: Api) -> None:
    """What a worker reports is what the owner reads, up to the model's address at the end."""
    job, lease = api.taken()
    api.jobs.report(
        lease,
        status=JobStatus.TRAINING,
        progress=0.45,
        stage="sfm",
        message="matching",
        counts={"frames": 60},
    )
    said = api.ada.get(f"/api/jobs/{job.id}/status").json()
    assert (said["status"], said["progress"], said["stage"], said["message"]) == (
        "training",
        0.45,
        "sfm",
        "matching",
    )
    assert said["counts"] == {"frames": 60}
    assert said["queue_position"] is None
    assert said["model_url"] is said["thumbnail_url"] is None
    api.jobs.report(
        lease,
        status=JobStatus.TRAINING,
        progress=0.5,
        stage="sfm",
        message="matching",
        timings={"capture": 1.5},
    )
    said = api.ada.get(f"/api/jobs/{job.id}").json()
    assert said["thumbnail_url"] == f"/api/jobs/{job.id}/files/thumbnail.jpg"
    api.jobs.finish(lease, counts={"psnr": 30.1}, timings={"train": 9.0})
    said = api.ada.get(f"/api/jobs/{job.id}").json()
    assert (said["status"], said["progress"]) == ("completed", 1.0)
    assert said["counts"] == {"frames": 60, "psnr": 30.1}
    assert said["timings"] == {"capture": 1.5, "train": 9.0}
    assert said["model_url"] == f"/static/models/{job.id}.ply"
    assert said["finished_at"].endswith(("Z", "+00:00"))


def test_a_failed_job_says_why(api: Api) -> None:
    """Code, sentence and hint of a failure reach the owner unchanged."""
    job, lease = api.taken()
    error = JobError(code="registration_failed", message="No parallax.", hint="Walk around.")
    api.jobs.fail(lease, error)
    said = api.ada.get(f"/api/jobs/{job.id}/status").json()
    assert said["status"] == "failed"
    assert said["error"] == {"code": "registration_failed", "message": "No parallax.", "hint": "Walk around."}


def test_lists_are_paged_and_filtered(api: Api) -> None:
    """Pages put together are all jobs of the owner, newest first; a filter leaves only its status."""
    cleo = api.client("cleo")
    made = [api.job("cleo").id for _ in range(5)]
    cleo.post(f"/api/jobs/{made[2]}/cancel")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = cleo.get("/api/jobs", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        assert len(page["items"]) <= 2
        seen += [item["job_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]
    cancelled = cleo.get("/api/jobs", params={"status": "cancelled"}).json()
    assert [item["job_id"] for item in cancelled["items"]] == [made[2]]
    assert code_of(cleo.get("/api/jobs", params={"cursor": "x"})) == (422, "invalid_cursor")
    assert code_of(cleo.get("/api/jobs", params={"limit": "0"})) == (422, "invalid_request")
    assert code_of(cleo.get("/api/jobs", params={"status": "sleeping"})) == (422, "invalid_request")


def test_the_log_is_read_a_piece_at_a_time(api: Api) -> None:
    """Asking with the last answer's ``next`` gives what is new and nothing twice."""
    job, lease = api.taken()
    api.jobs.log(lease, ["first", "second"])
    page = api.ada.get(f"/api/jobs/{job.id}/logs").json()
    texts = [item["payload"]["message"] for item in page["items"] if item["kind"] == "log"]
    assert texts == ["first", "second"]
    assert api.ada.get(f"/api/jobs/{job.id}/logs", params={"after": page["next"]}).json() == {
        "items": [],
        "next": page["next"],
    }
    api.jobs.log(lease, ["third"])
    later = api.ada.get(f"/api/jobs/{job.id}/logs", params={"after": page["next"]}).json()
    assert [item["payload"]["message"] for item in later["items"]] == ["third"]


def test_cancelling_and_trying_again(api: Api) -> None:
    """Cancelled twice is cancelled once; an ended job can be tried again with other settings, a waiting one not."""
    job = api.job()
    assert api.ada.post(f"/api/jobs/{job.id}/cancel").json()["status"] == "cancelled"
    assert api.ada.post(f"/api/jobs/{job.id}/cancel").json()["status"] == "cancelled"
    again = api.ada.post(f"/api/jobs/{job.id}/retry", json={"config": {"quality": "high"}})
    assert again.status_code == 202
    assert (again.json()["status"], again.json()["config"]["quality"]) == ("pending", "high")
    assert code_of(api.ada.post(f"/api/jobs/{job.id}/retry")) == (409, "job_active")
    api.ada.post(f"/api/jobs/{job.id}/cancel")
    kept = api.ada.post(f"/api/jobs/{job.id}/retry").json()
    assert kept["config"] == again.json()["config"]
    done = api.completed()
    assert code_of(api.ada.post(f"/api/jobs/{done.id}/cancel")) == (409, "job_finished")


class PatientProber(Prober):
    """Looks at settings when the law says so."""

    def __init__(self) -> None:
        super().__init__(ProbeLimits())
        self.may_answer = threading.Event()

    def settle(self, config: str | None) -> dict[str, object]:
        """Wait, then take them as they are."""
        assert self.may_answer.wait(60)
        return json.loads(config or "{}")


def test_retries_that_wait_take_no_thread(tmp_path: Path) -> None:
    """More retries with settings than there are threads wait to be looked at: others are answered meanwhile."""
    prober = PatientProber()
    with running_api(tmp_path) as api, ThreadPoolExecutor(44) as pool:
        intake = Intake(api.jobs, api.service.files, prober, storage=tmp_path)
        api.app.state.service = replace(api.service, intake=intake)
        ended = [api.completed() for _ in range(44)]
        address = "/api/jobs/{}/retry".format
        waiting = [
            pool.submit(api.ada.post, address(job.id), json={"config": {"quality": "high"}}, timeout=120)
            for job in ended
        ]
        try:
            until(lambda: intake.seats.borrowed_tokens == prober.at_once, "they wait")
            assert api.ada.get("/api/jobs").status_code == 200
            assert api.ada.post(address(api.completed().id)).status_code == 202, (
                "the same settings need no look"
            )
            assert not any(answer.done() for answer in waiting)
        finally:
            prober.may_answer.set()
        assert {answer.result().status_code for answer in waiting} == {202}


def test_wrong_settings_of_a_retry_change_nothing(api: Api) -> None:
    """A retry with an unknown setting is refused and the job stays as it ended."""
    job = api.completed()
    answer = api.ada.post(f"/api/jobs/{job.id}/retry", json={"config": {"qualty": "high"}})
    assert code_of(answer) == (422, "invalid_setting")
    assert "qualty" in answer.json()["detail"]
    answer = api.ada.post(f"/api/jobs/{job.id}/retry", json={"settings": {}})
    assert code_of(answer) == (422, "invalid_request")
    assert api.ada.get(f"/api/jobs/{job.id}").json()["status"] == "completed"


def test_deleting_removes_the_job_and_its_files(api: Api) -> None:
    """After DELETE there is no job, no video and no output; one at work is not deleted."""
    job = api.completed(
        files={"models/ID/scene.ply": b"ply", "models/ID.ply": b"ply", "uploads/x.mp4": b"film"}
    )
    (api.storage / "frames").mkdir(exist_ok=True)
    (api.storage / "frames" / job.id).symlink_to(f"../models/{job.id}")
    assert api.ada.delete(f"/api/jobs/{job.id}").status_code == 204
    assert code_of(api.ada.get(f"/api/jobs/{job.id}")) == (404, "job_not_found")
    assert not list(api.storage.glob(f"models/{job.id}*"))
    assert not (api.storage / "uploads" / "x.mp4").exists()
    assert not (api.storage / "frames" / job.id).is_symlink()
    busy, _ = api.taken()
    assert code_of(api.ada.delete(f"/api/jobs/{busy.id}")) == (409, "job_active")


ROUTES = [
    ("GET", "/api/jobs/ID"),
    ("GET", "/api/jobs/ID/status"),
    ("GET", "/api/jobs/ID/logs"),
    ("GET", "/api/jobs/ID/events"),
    ("GET", "/api/jobs/ID/files"),
    ("GET", "/api/jobs/ID/files/scene.ply"),
    ("GET", "/api/jobs/ID/files/cameras.zip"),
    ("GET", "/static/models/ID.ply"),
    ("POST", "/api/jobs/ID/cancel"),
    ("POST", "/api/jobs/ID/retry"),
    ("DELETE", "/api/jobs/ID"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_another_users_job_is_not_there(api: Api, method: str, path: str) -> None:
    """Every address of a job answers its owner alone: to others it looks exactly like one that never was."""
    job = api.completed(files={"models/ID/scene.ply": b"ply", "models/ID.ply": b"ply"})
    foreign = api.bob.request(method, path.replace("ID", job.id))
    assert code_of(foreign) == (404, "job_not_found")
    nobody = api.bob.request(method, path.replace("ID", "A" * 22))
    assert json.loads(foreign.text.replace(job.id, "A" * 22)) == nobody.json()
    assert api.jobs.get(job.id, job.owner_id).status is JobStatus.COMPLETED
    assert code_of(api.anybody().request(method, path.replace("ID", job.id))) == (401, "unauthorized")


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[0] != "GET"])
def test_a_reading_key_changes_nothing(api: Api, method: str, path: str) -> None:
    """A key without the scope ``write`` reads, and is refused wherever something would change."""
    job = api.completed()
    reader = api.client("ada", scopes=("read",))
    assert reader.get(f"/api/jobs/{job.id}").status_code == 200
    assert code_of(reader.request(method, path.replace("ID", job.id))) == (403, "forbidden")
