"""The rehearsal does what training does, in a process that nobody has to wait for."""

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roomsplat.pipeline import rehearsal
from roomsplat.pipeline.config import config_to_json, for_quality
from roomsplat.render.base import Engine
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.train import schedule
from roomsplat.train.trainer import densify as densify_once


def test_everything_that_training_does_is_rehearsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every degree, every size of picture, a round that splits, and a measurement: nothing is left to compile."""
    config = for_quality("standard")
    sizes, degrees, counts, compared = set[int](), set[int](), list[int](), list[Any]()

    class Watched(CpuEngine):
        """Notes what it is asked for."""

        def rasterize(self, splats: Any, camera: Any, settings: Any) -> Any:
            sizes.add(camera.width)
            degrees.add(settings.sh_degree)
            return super().rasterize(splats, camera, settings)

    def densify(xp: Any, arrays: Any, **options: Any) -> None:
        before = len(arrays.means)
        densify_once(xp, arrays, **options)
        counts.append(len(arrays.means) - before)

    monkeypatch.setattr("roomsplat.train.trainer.densify", densify)
    evaluate = rehearsal.fit.__globals__["evaluate"]
    monkeypatch.setitem(
        rehearsal.fit.__globals__, "evaluate", lambda *a, **k: compared.append(a) or evaluate(*a, **k)
    )
    engine: Engine = Watched()
    rehearsal.rehearse(engine, config, tmp_path)
    wanted = {rehearsal.WIDTH // level for level, _ in (*config.train.coarse_levels, (1, 1.0))}
    assert sizes == wanted
    assert degrees == set(range(config.train.sh_degree + 1))
    assert max(counts) > 0
    assert len(compared) == 1
    assert len(counts) == len(schedule.densify_rounds(replace(config.train, max_steps=rehearsal.STEPS)))


def test_the_process_ends_well(tmp_path: Path) -> None:
    """Started as a run starts it, it comes to its end without a word."""
    settings, folder = tmp_path / "config.json", tmp_path / "folder"
    settings.write_text(config_to_json(replace(for_quality("preview"), engine="cpu")))
    folder.mkdir()
    command = [sys.executable, "-P", "-m", rehearsal.__name__, str(settings), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stderr is not None
        told = child.stderr.read()  # stdin stays open: its closing means that the parent is gone
    assert (child.returncode, told) == (0, b"")


def test_nobody_waits_for_a_rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the context stops one that never ends; one that cannot start is no error; no folder stays behind."""
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with rehearsal.Rehearsal() as running:
        running.start(tmp_path / "config.json")
        child = running._child
        assert child is not None
        assert child.poll() is None
    assert child.returncode == -9
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    with rehearsal.Rehearsal() as running:
        running.start(tmp_path / "config.json")
    assert running._child is None
    assert [path.name for path in tmp_path.iterdir()] == ["python"]


def test_the_random_model_is_seen(tmp_path: Path) -> None:
    """Most points lie inside every picture: without that nothing would be split."""
    model = rehearsal.random_model(tmp_path)
    cameras = model.posed_images.cameras
    local = model.points.positions @ cameras.cam_from_world[0, :3, :3].T + cameras.cam_from_world[0, :3, 3]
    pixels = rehearsal.WIDTH * local[:, :2] / local[:, 2:] + (rehearsal.WIDTH / 2, rehearsal.HEIGHT / 2)
    inside = (pixels > 0).all(axis=1) & (pixels < (rehearsal.WIDTH, rehearsal.HEIGHT)).all(axis=1)
    assert np.mean(inside) > 0.6
