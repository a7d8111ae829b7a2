"""A known length, end to end: the same run in metres, without a second training."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

import roomsplat
from roomsplat.core.alignment import align_similarity
from roomsplat.formats.nerfstudio import TransformsFile, read_transforms
from roomsplat.pipeline.config import PipelineConfig
from roomsplat.pipeline.events import Event, StageFinished
from roomsplat.pipeline.run import reconstruct
from roomsplat.pipeline.summary import read_summary
from tests.e2e.conftest import RoomFilm, Run


def metres_per_unit(ours: TransformsFile, truth: TransformsFile) -> float:
    """Of the world of ``ours``, by the cameras of the same moments."""
    assert ours.timestamps_s is not None
    assert truth.timestamps_s is not None
    same = np.abs(ours.timestamps_s[:, None] - truth.timestamps_s[None]).argmin(axis=1)
    return align_similarity(ours.cameras.centers, truth.cameras.centers[same]).scale


def test_a_scale_is_given_afterwards(
    finished: Run, room_film: RoomFilm, quick: PipelineConfig, tmp_path: Path
) -> None:
    """Only the last stage runs again; with the eyes' true height a unit is a metre to 2 %, and every file says so."""
    out, events = tmp_path / "room", list[Event]()
    shutil.copytree(finished.out, out)
    truth = read_transforms(room_film.truth)
    height = float(np.median(truth.cameras.centers[:, 2]))
    export = replace(quick.export, tour_seconds=0, formats=("sog",))
    reconstruct(
        room_film.path,
        out,
        replace(quick, scale=f"camera-height={height:.4f}", export=export),
        emit=events.append,
    )
    reused = {event.stage: event.reused for event in events if isinstance(event, StageFinished)}
    assert reused == {"capture": True, "sfm": True, "train": True, "export": False}
    ours, before = (read_transforms(one / "cameras" / "transforms.json") for one in (out, finished.out))
    assert (before.scale, ours.scale, read_summary(out / "run.json").scale) == (
        "arbitrary",
        "metric",
        "metric",
    )
    assert all(roomsplat.load(out / name).scale == "metric" for name in ("scene.ply", "scene.sog"))
    assert abs(metres_per_unit(before, truth) - 1) > 0.05
    np.testing.assert_allclose(metres_per_unit(ours, truth), 1, rtol=0.02)
