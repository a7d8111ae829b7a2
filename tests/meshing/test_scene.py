"""Laws of the whole stage: from Gaussians to files, with the CPU engine."""

import io
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from roomsplat.core.images import PosedImages
from roomsplat.core.point_cloud import PointCloud, SparseModel
from roomsplat.core.progress import Progress, silent
from roomsplat.core.scene import SplatScene
from roomsplat.errors import InvalidSettingError, MeshError, OutputError
from roomsplat.meshing.config import MeshConfig
from roomsplat.meshing.draw import draw_views
from roomsplat.meshing.scene import MeshResult, mesh_scene
from roomsplat.render.base import Engine
from roomsplat.render.engines import select_engine
from tests.meshing.scenes import COLOURS, HIGH, box_depth, box_gaussians, cameras_inside, distance_to_box

CONFIG = MeshConfig(resolution=80, max_side=480, max_faces=3_000, texture_side=256)
FILES = ("mesh.obj", "mesh.mtl", "mesh.jpg", "mesh.glb", "mesh.ply", "plan.svg")


@pytest.fixture(scope="module")
def engine() -> Engine:
    """The CPU engine."""
    return select_engine("cpu", 2)


def model() -> SparseModel:
    """Cameras in the box; meshing looks at nothing else of it."""
    cameras = cameras_inside().resized(480, 360)  # px of 1 cm: what is seen aslant in one px has one depth
    count = len(cameras)
    return SparseModel(
        posed_images=PosedImages(
            cameras=cameras, image_paths=(Path(),) * count, mask_paths=(None,) * count,
            is_eval=np.zeros(count, np.bool_),
        ),
        points=PointCloud(
            positions=np.zeros((0, 3), np.float32), colors=np.zeros((0, 3), np.uint8),
            errors=np.zeros(0, np.float32), track_lengths=np.zeros(0, np.int32),
        ),
        scale="metric",
        num_input_images=count,
    )  # fmt: skip


def scene() -> SplatScene:
    """The box in Gaussians as dense as a trained room's."""
    return SplatScene(gaussians=box_gaussians(0.03), scale="metric", provenance={"source": "<script>&.mp4"})


@pytest.fixture(scope="module")
def made(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> tuple[MeshResult, Path, list[Progress]]:
    """The stage, run once."""
    folder, told = tmp_path_factory.mktemp("mesh"), list[Progress]()
    return mesh_scene(engine, scene(), model(), folder, CONFIG, told.append), folder, told


def test_the_mesh_lies_on_the_walls_in_their_colours(made: tuple[MeshResult, Path, list[Progress]]) -> None:
    """Vertices lie within 2 cm of the walls; away from corners each has its wall's colour within 12 levels."""
    mesh = made[0].mesh
    assert len(mesh.faces) <= CONFIG.max_faces
    assert np.quantile(distance_to_box(mesh.vertices), 0.98) < 0.02
    gaps = np.abs(np.concatenate([mesh.vertices, HIGH - mesh.vertices], axis=1))[:, [0, 3, 1, 4, 2, 5]]
    clear = np.sort(gaps, axis=1)[:, 1] > 0.25
    assert mesh.colors is not None
    off = np.abs(mesh.colors[clear].astype(int) - COLOURS[gaps[clear].argmin(axis=1)])
    assert clear.sum() > 100
    assert np.quantile(off.max(axis=1), 0.97) <= 12


def test_every_file_is_there_and_progress_rises(made: tuple[MeshResult, Path, list[Progress]]) -> None:
    """All six files are written and named; what is told rises from 0 to 1."""
    result, folder, told = made
    assert {path.name for path in result.files} == set(FILES) == {path.name for path in folder.iterdir()}
    shares = [progress.fraction for progress in told]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1


@pytest.mark.parametrize("name", ["mesh.obj", "mesh.glb"])
def test_other_programs_find_it_upright_and_painted(
    name: str, made: tuple[MeshResult, Path, list[Progress]]
) -> None:
    """trimesh reads OBJ and GLB: +y is up, and the texture at each face's middle has its wall's colour."""
    loaded: Any = trimesh.load(made[1] / name, force="mesh", process=False)
    height, span = np.ptp(loaded.vertices[:, 1]), np.ptp(loaded.vertices, axis=0)
    assert abs(height - 2.5) < 0.06
    assert np.allclose(span, [4, 2.5, 3], atol=0.06)
    picture = np.asarray(
        (
            loaded.visual.material.baseColorTexture if name.endswith("glb") else loaded.visual.material.image
        ).convert("RGB")
    )
    middle = loaded.triangles.mean(axis=1)
    ours = np.stack([middle[:, 0], -middle[:, 2], middle[:, 1]], axis=1)
    gaps = np.abs(np.concatenate([ours, HIGH - ours], axis=1))[:, [0, 3, 1, 4, 2, 5]]
    large = (loaded.area_faces > 0.003) & (np.sort(gaps, axis=1)[:, 1] > 0.2)
    uv = loaded.visual.uv[loaded.faces].mean(axis=1)[large]
    side = len(picture)
    seen = picture[((1 - uv[:, 1]) * side).astype(int) % side, (uv[:, 0] * side).astype(int) % side].astype(
        int
    )
    off = np.abs(seen - COLOURS[gaps[large].argmin(axis=1)]).max(axis=1)
    assert large.sum() > 50
    assert np.quantile(off, 0.95) <= 16


def test_files_say_their_units_and_the_glb_is_unlit(made: tuple[MeshResult, Path, list[Progress]]) -> None:
    """OBJ, PLY and GLB say metres; the GLB's material takes no light, its picture is a JPEG."""
    folder = made[1]
    assert "metres" in (folder / "mesh.obj").read_text("utf-8")[:200]
    assert b"metres" in (folder / "mesh.ply").read_bytes()[:200]
    data = io.BytesIO((folder / "mesh.glb").read_bytes())
    _, _, _, length, _ = struct.unpack("<5I", data.read(20))
    tree = json.loads(data.read(length))
    assert tree["asset"]["extras"]["units"] == "metres"
    assert tree["extensionsUsed"] == ["KHR_materials_unlit"]
    assert tree["images"][0]["mimeType"] == "image/jpeg"
    plain: Any = trimesh.load(folder / "mesh.ply", process=False)
    assert np.ptp(plain.vertices[:, 2]) == pytest.approx(2.5, abs=0.06)  # +z up, as the splat beside it


def test_depth_is_that_of_the_walls(engine: Engine) -> None:
    """Walls lie where they are to 2 cm in the median; where nothing covers a pixel it has no depth."""
    cameras = cameras_inside(4)
    views = draw_views(engine, scene(), cameras, CONFIG, silent)
    for i in range(4):
        exact, _ = box_depth(views.cameras, i)
        depth = views.depth[i] * views.step
        known = depth > 0
        assert known.mean() > 0.9
        assert float(np.median(np.abs(depth - exact)[known])) < 0.02
    few = scene().gaussians
    views = draw_views(engine, replace(scene(), gaussians=few[: len(few) // 6]), cameras, CONFIG, silent)
    assert (views.depth == 0).any()


def test_fog_is_no_mesh(engine: Engine, tmp_path: Path) -> None:
    """A scene that is nearly transparent has no surface, which is said in one sentence."""
    fog = replace(
        scene(), gaussians=replace(box_gaussians(0.3), opacity_logits=np.full(len(box_gaussians(0.3)), -4.0))
    )
    with pytest.raises(MeshError, match="no surface"):
        mesh_scene(engine, fog, model(), tmp_path, CONFIG, silent)


def test_a_folder_that_is_not_there_is_told(engine: Engine, tmp_path: Path) -> None:
    """Where a file cannot be written, the sentence names it."""
    with pytest.raises(OutputError, match=r"mesh\.jpg"):
        mesh_scene(engine, scene(), model(), tmp_path / "gone", CONFIG, silent)


def test_settings_out_of_range_are_refused() -> None:
    """A resolution of 3 is refused by its name."""
    with pytest.raises(InvalidSettingError, match=r"mesh\.resolution"):
        MeshConfig(resolution=3)
