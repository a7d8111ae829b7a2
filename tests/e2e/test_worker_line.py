"""The worker of the job service with the real pipeline."""

import dataclasses
import json
import shutil
from pathlib import Path

from roomsplat.formats.ply import read_ply
from roomsplat.pipeline.config import PipelineConfig
from roomsplat.server.records import JobRecord, JobStatus
from roomsplat.server.schemas import EventView, JobView
from roomsplat.server.settings import ServerSettings
from tests.e2e.conftest import RoomFilm
from tests.server.service import Service, until


def check_what_is_told(service: Service, job: JobRecord) -> None:
    """No event, log or status names a path of the server; the files that events name, and the thumbnail, were there."""
    events = service.jobs.events(job.id, job.owner_id, limit=1000)
    answers = [EventView.of(event).model_dump_json() for event in events]
    answers += [
        EventView.of(event).model_dump_json() for event in service.jobs.logs(job.id, job.owner_id, limit=1000)
    ]
    answers.append(JobView.of(job).model_dump_json())
    out = service.storage / "models" / job.id
    answers.append((out / "run.json").read_text())
    for answer in answers:
        assert str(service.storage) not in answer
        assert "/models/" not in answer.replace(f"/static/models/{job.id}.ply", "")
    kinds = [event.kind for event in events]
    assert kinds.index("cameras_found") < kinds.index("snapshot_written") < kinds.index("run_finished")
    files = {event.payload["file"] for event in events if "file" in event.payload}
    assert files == {"cameras/transforms.json", "live/scene.splat"}
    assert (out / "thumbnail.jpg").exists()
    assert not (out / "live").exists()


def test_a_film_becomes_a_scene_though_its_worker_is_killed(
    room_film: RoomFilm, quick: PipelineConfig, tmp_path: Path
) -> None:
    """kill -9 of the worker while it trains: nothing stays behind, and the next one finishes with the cameras kept."""
    url = f"sqlite:///{tmp_path / 'roomsplat.db'}"
    command = ServerSettings.model_fields["pipeline_command"].default
    service = Service(tmp_path / "storage", url, pipeline_command=command)
    shutil.copyfile(room_film.path, service.storage / "uploads" / "film.mp4")
    try:
        job_id = service.submit(**json.loads(json.dumps(dataclasses.asdict(quick))))
        work = service.storage / "models" / job_id / "work"
        victim = service.work(None)
        until((work / "sfm").exists, "the cameras are found", 120)
        solved = (work / "sfm" / "manifest.json").read_bytes()
        until((work / ".train.part").exists, "it trains", 60)
        victim.kill()
        victim.wait()
        until(lambda: service.pipelines() == {}, "the pipeline died with its worker", 5)
        service.work(None)
        job = service.until_status(job_id, JobStatus.COMPLETED, JobStatus.FAILED, seconds=120)
        assert job.status is JobStatus.COMPLETED, job.error
        assert (work / "sfm" / "manifest.json").read_bytes() == solved
        gaussians = read_ply(service.storage / "models" / f"{job_id}.ply").gaussians
        assert len(gaussians) == job.counts["gaussians"]
        assert set(job.timings) == {"capture", "sfm", "train", "export"}
        check_what_is_told(service, job)
    finally:
        service.end()
