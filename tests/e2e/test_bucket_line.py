"""The worker of the job service with the real pipeline and a bucket."""

import dataclasses
import json
from pathlib import Path

import pytest

from roomsplat.formats.ply import read_ply
from roomsplat.pipeline.config import PipelineConfig
from roomsplat.server.records import JobStatus
from roomsplat.server.schemas import EventView
from roomsplat.server.settings import ServerSettings
from roomsplat.server.stores import open_store
from tests.e2e.conftest import RoomFilm
from tests.server.bucket import KEYS, Moto
from tests.server.service import Service, until


def test_another_host_goes_on_with_the_cameras_that_the_first_one_found(
    room_film: RoomFilm, quick: PipelineConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 while it trains: a host without anything takes the real stages from the bucket and finishes the scene."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    moto = Moto()
    service = Service(
        tmp_path / "api",
        f"sqlite:///{tmp_path / 'roomsplat.db'}",
        pipeline_command=ServerSettings.model_fields["pipeline_command"].default,
        lease_seconds=10.0,
        bucket=moto.bucket(),
        bucket_endpoint=moto.endpoint,
    )
    try:
        store = open_store(service.settings)
        store.put("uploads/film.mp4", room_film.path)
        job_id = service.submit(**json.loads(json.dumps(dataclasses.asdict(quick))))
        root = f"models/{job_id}"
        victim = service.work(None, storage=tmp_path / "one")
        until(lambda: f"{root}/work/sfm.json" in store.list_files(root), "the cameras are in the bucket", 120)
        solved = store.stat(f"{root}/work/sfm.tar")
        victim.kill()
        victim.wait()
        service.work(None, storage=tmp_path / "two")
        job = service.until_status(job_id, JobStatus.COMPLETED, JobStatus.FAILED, seconds=180)
        assert job.status is JobStatus.COMPLETED, job.error
        assert store.stat(f"{root}/work/sfm.tar") == solved
        store.fetch(f"models/{job_id}.ply", tmp_path / "scene.ply")
        assert len(read_ply(tmp_path / "scene.ply").gaussians) == job.counts["gaussians"]
        names = {name.removeprefix(f"{root}/") for name in store.list_files(root)}
        assert {"scene.ply", "thumbnail.jpg", "run.json", "report.html", "cameras/transforms.json"} <= names
        assert {"work/capture.tar", "work/sfm.tar", "work/train.tar"} <= names
        assert not any(name.startswith(("live/", "work/train.checkpoint")) for name in names)
        told = service.jobs.events(job_id, service.owner, limit=1000)
        reused = [e.payload["stage"] for e in told if e.kind == "stage_finished" and e.payload["reused"]]
        assert reused[:2] == ["capture", "sfm"]
        assert all(str(tmp_path) not in EventView.of(event).model_dump_json() for event in told)
    finally:
        service.end()
        moto.stop()
