"""The whole line on a tiny room: everything is written, opens again, and resumes to the same bytes."""

import hashlib
import json
import re
import shutil
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

import roomsplat
from roomsplat.capture.extract import load_capture
from roomsplat.errors import InputNotFoundError, InterruptedRunError, OutputError
from roomsplat.formats.colmap import read_colmap
from roomsplat.formats.nerfstudio import read_transforms, write_transforms
from roomsplat.pipeline.config import PipelineConfig, config_from_json
from roomsplat.pipeline.events import (
    CamerasFound,
    Event,
    RunFinished,
    RunStarted,
    SnapshotWritten,
    StageFinished,
    StageProgress,
)
from roomsplat.pipeline.finished import open_run
from roomsplat.pipeline.run import reconstruct
from roomsplat.pipeline.summary import read_summary
from tests.e2e.conftest import RoomFilm, Run


def digest(path: Path) -> str:
    """Of a file's bytes; comparing bytes themselves would make pytest draw their difference for minutes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_result_is_there_and_opens(finished: Run) -> None:
    """scene.ply, the cameras in both conventions, the picture, the tour, the report and run.json agree."""
    scene = roomsplat.load(finished.out / "scene.ply")
    assert len(scene.gaussians) == finished.result.summary.num_gaussians > 0
    transforms = read_transforms(finished.out / "cameras" / "transforms.json")
    colmap = read_colmap(finished.out / "cameras" / "sparse" / "0")
    np.testing.assert_allclose(transforms.cameras.cam_from_world, colmap.cameras.cam_from_world, atol=2e-5)
    for name in transforms.image_paths:
        with Image.open(finished.out / "cameras" / name) as image:
            assert image.size == (transforms.cameras.width, transforms.cameras.height)
    with Image.open(finished.out / "preview.png") as preview:
        assert np.asarray(preview).std() > 10
    assert (finished.out / "tour.mp4").stat().st_size > 1000
    assert config_from_json((finished.out / "config.json").read_text()).train.max_steps == 150


def test_every_format_holds_the_scene(finished: Run) -> None:
    """What lies beside scene.ply opens as a splat of as many Gaussians and is smaller."""
    scene, size = finished.result.scene, (finished.out / "scene.ply").stat().st_size
    for name in ("scene.spz", "scene.sog"):
        assert name in finished.result.summary.files
        assert len(roomsplat.load(finished.out / name).gaussians) == len(scene.gaussians)
        assert (finished.out / name).stat().st_size < size / 3


def test_the_mesh_is_the_room(finished: Run) -> None:
    """It opens with another library, stands upright in each file's own axes, and the cameras are above its floor."""
    assert [warning.code for warning in finished.result.summary.warnings] == []
    assert {"mesh.obj", "mesh.glb", "mesh.ply"} <= set(finished.result.summary.files)
    mesh = trimesh.load_mesh(finished.out / "mesh.ply")
    centers = read_transforms(finished.out / "cameras" / "transforms.json").cameras.centers
    assert len(mesh.faces) > 500
    assert mesh.extents.min() > 0.5
    assert mesh.bounds[0, 2] < centers[:, 2].min()
    upright = trimesh.load(finished.out / "mesh.glb").extents
    np.testing.assert_allclose(upright, mesh.extents[[0, 2, 1]], rtol=0.05)


def test_the_report_is_one_file_that_tells_what_was_found(finished: Run) -> None:
    """It asks for nothing but the tour beside it, needs no script to be read, and holds every part."""
    page = (finished.out / "report.html").read_text(encoding="utf-8")
    markup = re.sub(r">[^<]*</script>", "></script>", page)  # packed bytes may spell anything
    assert "http" not in markup
    links = re.findall(r"(?:src|href)=['\"]?([^'\" >]*)", markup)
    assert {link for link in links if not link.startswith("data:")} == {"tour.mp4"}
    for heading in (
        "What would make it better",
        "Filmed and rebuilt",
        "The room from above",
        "picture by picture",
    ):
        assert heading in markup
    for figure in finished.result.summary.held_out:
        assert f"<td>{figure['name']}</td><td class=n>{figure['psnr']:.2f}</td>" in markup
    for advice in finished.result.summary.advice:
        assert escape(advice["message"]) in markup
    assert markup.count("data:image/jpeg") >= 3 * 4
    assert "nan" not in re.sub(r"data:image/jpeg;base64,[^']*", "", markup)


def test_run_json_has_the_names_that_others_read(finished: Run) -> None:
    """The fixed keys are there with sensible values."""
    content = json.loads((finished.out / "run.json").read_text())
    assert content["frames_extracted"] == 30
    assert content["frames_registered"] == 30
    assert content["engine"] == "cpu"
    assert set(content["stage_seconds"]) == {"capture", "sfm", "train", "export"}
    assert content["eval_psnr"] > 15
    assert 0 < content["eval_ssim"] < 1
    assert content["ate_percent"] < 0.5
    names = [frame.name for frame in load_capture(finished.out / "work" / "capture").frames]
    assert [figure["name"] for figure in content["held_out"]] == names[::8]
    assert np.mean([figure["psnr"] for figure in content["held_out"]]) == pytest.approx(content["eval_psnr"])
    assert content["memory_mb"]["process"] > 50
    assert all(set(one) == {"code", "message", "evidence"} for one in content["advice"])
    assert all(set(warning) == {"code", "message"} for warning in content["warnings"])


def test_events_tell_the_whole_story(finished: Run) -> None:
    """One start, four finished stages in order, one end, and progress that never falls."""
    events = finished.events
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunFinished)
    assert [e.stage for e in events if isinstance(e, StageFinished)] == ["capture", "sfm", "train", "export"]
    values = [event.progress for event in events]
    assert values == sorted(values)
    assert any("psnr" in event.metrics for event in events if isinstance(event, StageProgress))


def test_a_run_shows_what_it_has(finished: Run, room_film: RoomFilm) -> None:
    """Cameras are told of before training, the scene during it, by names below the folder; the end takes it away."""
    kinds = [type(event) for event in finished.events]
    trained = kinds.index(CamerasFound), kinds.index(SnapshotWritten), kinds.index(RunFinished)
    assert trained == tuple(sorted(trained))
    found, snapshot = (finished.events[place] for place in trained[:2])
    assert isinstance(found, CamerasFound)
    assert isinstance(snapshot, SnapshotWritten)
    assert (found.file, found.registered, found.frames) == ("cameras/transforms.json", 30, 30)
    assert (snapshot.file, snapshot.bytes) == ("live/scene.splat", 32 * snapshot.num_gaussians)
    assert not (finished.out / "live").exists()
    with Image.open(finished.out / "thumbnail.jpg") as thumbnail:
        assert thumbnail.size == (320, 240)
    for name in finished.result.summary.files:
        assert (finished.out / name).exists()
    assert str(room_film.path.parent) not in (finished.out / "run.json").read_text()


def test_a_finished_run_opens_without_its_work_folder(finished: Run, tmp_path: Path) -> None:
    """What a user keeps is enough to render and to evaluate."""
    kept = tmp_path / "kept"
    shutil.copytree(finished.out, kept, ignore=shutil.ignore_patterns("work"))
    run = open_run(kept)
    assert run.images.is_eval.sum() == len(run.frames[::8])
    assert run.summary == finished.result.summary
    assert all(path.exists() for path in run.images.image_paths)


def test_a_second_run_reuses_every_finished_stage(
    finished: Run, room_film: RoomFilm, quick: PipelineConfig
) -> None:
    """Same input and settings: nothing is computed again but the export, and the scene is the same.

    How often the scene is shown is no setting of a stage.
    """
    before, mesh = digest(finished.out / "scene.ply"), (finished.out / "mesh.glb").stat().st_mtime_ns
    events: list[Event] = []
    unseen = replace(quick, export=replace(quick.export, live_seconds=0.0))
    reconstruct(room_film.path, finished.out, unseen, emit=events.append, reference=room_film.truth)
    reused = {event.stage: event.reused for event in events if isinstance(event, StageFinished)}
    assert reused == {"capture": True, "sfm": True, "train": True, "export": False}
    assert digest(finished.out / "scene.ply") == before
    assert (finished.out / "mesh.glb").stat().st_mtime_ns == mesh


@pytest.mark.parametrize("stage", ["capture", "sfm", "train", "export"])
def test_an_interrupt_anywhere_resumes_to_the_same_result(
    stage: str, finished: Run, room_film: RoomFilm, quick: PipelineConfig, tmp_path: Path
) -> None:
    """Ctrl-C in the middle of a stage, then the same call: the scene equals the uninterrupted one byte for byte."""
    out = tmp_path / "out"
    shutil.copytree(finished.out, out)
    for later in ("capture", "sfm", "train", "export")[("capture", "sfm", "train", "export").index(stage) :]:
        shutil.rmtree(out / "work" / later, ignore_errors=True)
    (out / "scene.ply").unlink()

    def press_ctrl_c(event: Event) -> None:
        if isinstance(event, StageProgress) and event.stage == stage and event.fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError, match="finished work is kept"):
        reconstruct(room_film.path, out, quick, emit=press_ctrl_c)
    if stage == "export":
        assert not (out / "run.json").exists()
    else:
        assert not (out / "work" / stage).exists()
    assert (out / "live" / "scene.splat").exists() == (stage == "train")
    reconstruct(room_film.path, out, quick, emit=lambda _event: None, reference=room_film.truth)
    ours, theirs = read_summary(out / "run.json"), finished.result.summary
    unmeasured: dict[str, Any] = {"stage_seconds": {}, "export_seconds": {}, "memory_mb": {}}
    assert replace(ours, **unmeasured) == replace(theirs, **unmeasured)
    assert digest(out / "scene.ply") == digest(finished.out / "scene.ply")
    assert len(load_capture(out / "work" / "capture").frames) == 30


def test_a_reference_that_does_not_fit_is_only_warned_of(
    finished: Run, room_film: RoomFilm, quick: PipelineConfig, tmp_path: Path
) -> None:
    """Cameras of another film: the run ends well, without a figure and with a warning; a missing file ends at once."""
    out = tmp_path / "out"
    shutil.copytree(finished.out, out)
    other = read_transforms(room_film.truth)
    write_transforms(tmp_path / "other.json", replace(other, timestamps_s=other.timestamps_s + 1000.0))
    result = reconstruct(
        room_film.path, out, quick, emit=lambda _event: None, reference=tmp_path / "other.json"
    )
    assert result.summary.ate_percent is None
    assert "reference_does_not_fit" in [warning.code for warning in result.summary.warnings]
    with pytest.raises(InputNotFoundError):
        reconstruct(
            room_film.path, tmp_path / "new", quick, emit=lambda _event: None, reference=tmp_path / "no.json"
        )
    assert not (tmp_path / "new").exists()


def test_a_full_disk_ends_in_one_sentence(
    room_film: RoomFilm, quick: PipelineConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENOSPC while frames are written says so, names the place and keeps no half result."""

    def no_space(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "frame.jpg"))

    monkeypatch.setattr("PIL.Image.Image.save", no_space)
    with pytest.raises(OutputError, match=r"(?i)no space"):
        reconstruct(room_film.path, tmp_path / "out", quick, emit=lambda _event: None)
    assert not (tmp_path / "out" / "work" / "capture").exists()
