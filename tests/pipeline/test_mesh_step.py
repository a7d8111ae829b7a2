"""Laws of the mesh as a step: made once, taken over, and never a reason to lose the scene."""

from dataclasses import replace
from pathlib import Path

import pytest

from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import silent
from roomsplat.core.scene import SplatScene
from roomsplat.errors import EngineError
from roomsplat.meshing.config import MeshConfig
from roomsplat.pipeline import mesh_step
from roomsplat.pipeline.export import write_formats
from roomsplat.pipeline.mesh_step import MeshStep, make_mesh
from roomsplat.pipeline.workspace import Workspace
from roomsplat.render.cpu.engine import CpuEngine
from tests.train.scenes import blobs, tiny_model

SMALL = MeshConfig(resolution=32, max_views=8, max_side=64, max_faces=500, texture_side=128)


@pytest.fixture
def model(tmp_path: Path) -> SparseModel:
    """Nine views of solid blobs."""
    (tmp_path / "pictures").mkdir()
    return tiny_model(CpuEngine(1), tmp_path / "pictures")


def made(out: Path, model: SparseModel, config: MeshConfig = SMALL, key: str = "scene") -> MeshStep:
    """The step in ``out``."""
    scene = SplatScene(gaussians=blobs(400))
    return make_mesh(Workspace(out), CpuEngine(1), scene, model, config, key, silent)


def test_a_second_run_takes_the_mesh_of_the_first(model: SparseModel, tmp_path: Path) -> None:
    """Same scene and settings: the same files, not made again; another scene or other settings make it anew."""
    out = tmp_path / "out"
    first = made(out, model)
    assert {"mesh.obj", "mesh.glb", "mesh.ply"} <= set(first.files)
    assert first.warnings == ()
    manifest = out / "work" / "mesh" / "manifest.json"
    stamps = {name: (out / name).stat().st_mtime_ns for name in first.files}
    key = manifest.read_text()
    (out / "mesh.glb").unlink()
    assert made(out, model) == first
    assert {name: (out / name).stat().st_mtime_ns for name in first.files} == stamps
    assert manifest.read_text() == key
    made(out, model, replace(SMALL, max_faces=400))
    assert manifest.read_text() != key
    assert not list(out.glob(".*.part"))


def test_editing_a_result_leaves_the_next_runs_alone(model: SparseModel, tmp_path: Path) -> None:
    """Who writes into a mesh file in place changes that file; the same run again puts out what was made."""
    out = tmp_path / "out"
    names = made(out, model).files
    before = {name: (out / name).read_bytes() for name in names}
    for name in names:
        with (out / name).open("r+b") as file:
            file.write(b"edited")
    assert made(out, model).files == names
    assert {name: (out / name).read_bytes() for name in names} == before


@pytest.mark.parametrize(
    "error", [EngineError("The GPU is full.", hint="Close other programs."), ValueError("a bug of ours")]
)
def test_a_mesh_that_fails_is_a_warning(
    error: Exception, model: SparseModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong, the run goes on, says why, and leaves no half of a mesh."""

    def fail(*_args: object) -> None:
        raise error

    monkeypatch.setattr(mesh_step, "mesh_scene", fail)
    step = made(tmp_path / "out", model)
    assert step.files == ()
    assert [warning.code for warning in step.warnings] == ["mesh_failed"]
    assert str(error).split(".", maxsplit=1)[0] in step.warnings[0].message
    assert not list((tmp_path / "out" / "work").glob("*mesh*"))


def test_a_stop_is_no_failure(model: SparseModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of the mesh stops the run: it is not swallowed as a warning."""

    def stop(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(mesh_step, "mesh_scene", stop)
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "out", model)


def test_no_mesh_where_none_is_wanted(model: SparseModel, tmp_path: Path) -> None:
    """Switched off, nothing is made and nothing is said."""
    off = made(tmp_path / "out", model, replace(SMALL, enabled=False))
    assert off == MeshStep(files=(), warnings=())
    assert not (tmp_path / "out" / "work" / "mesh").exists()


def test_a_format_that_cannot_be_written_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page without the built viewer is left out and said so; the others are there."""
    monkeypatch.setattr("roomsplat.formats.html.light_viewer", lambda: None)
    names, warnings = write_formats(tmp_path, SplatScene(gaussians=blobs(20)), ["spz", "html"])
    assert names == ["scene.spz"]
    assert [warning.code for warning in warnings] == ["format_failed"]
    assert "scene.html" in warnings[0].message
    assert [path.name for path in tmp_path.iterdir()] == ["scene.spz"]
