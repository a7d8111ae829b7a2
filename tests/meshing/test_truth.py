"""The bar's own tools: the truth of a synthetic room, and the score of a mesh beside it."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import mesh_score
from roomsplat.core.cameras import Cameras
from roomsplat.core.mesh import TriangleMesh
from roomsplat.meshing.config import MeshConfig
from roomsplat.meshing.solid import solid_of
from roomsplat.meshing.views import pack_views
from roomsplat.synth.bake import BakedRoom
from roomsplat.synth.film import FilmConfig, film_cameras
from roomsplat.synth.packing import light_maps, pack_mesh, pack_surfaces
from roomsplat.synth.room import design_room
from roomsplat.synth.trace import render_depth
from roomsplat.synth.truth import make_truth_mesh

FILM = FilmConfig(seed=1, width=240, height=180)


@pytest.fixture(scope="module")
def filmed() -> tuple[TriangleMesh, Cameras, list[np.ndarray]]:
    """Room 1, 24 cameras around it, and the exact depth of each; unlit, for depth needs no light."""
    room = design_room(1)
    surfaces, _ = pack_surfaces(room.patches, 0.2, light_maps(room.patches, 0.5))
    dark = BakedRoom(
        mesh=pack_mesh(room.patches, shadow=False), surfaces=surfaces, atlas=np.zeros(1, np.uint64)
    )
    cameras = film_cameras(room, FILM, np.linspace(0.03, 0.95, 24) * FILM.duration_s)
    return make_truth_mesh(room), cameras, [render_depth(dark, cameras.pinhole(i)) for i in range(24)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer points: the laws leave room for it."""
    monkeypatch.setattr(mesh_score, "DENSE", 300_000)
    monkeypatch.setattr(mesh_score, "QUERIES", 20_000)


def test_exact_depth_gives_the_room_back(filmed: tuple[TriangleMesh, Cameras, list[np.ndarray]]) -> None:
    """From exact depth of 24 small views: F-score at 5 cm at least 0.9, precision 0.97."""
    truth, cameras, depths = filmed
    plain = [np.ones_like(d) for d in depths], [np.zeros((*d.shape, 3), np.uint8) for d in depths]
    mesh = solid_of(pack_views(cameras, depths, *plain), MeshConfig(resolution=240))
    score = mesh_score.score_mesh(mesh, truth, cameras, depths, (0.05,))[0.05]
    assert score.f_score > 0.9
    assert score.precision > 0.97


def test_the_score_knows_right_from_wrong(filmed: tuple[TriangleMesh, Cameras, list[np.ndarray]]) -> None:
    """The truth scores 1 beside itself; lifted by 10 cm it loses the floor; without its walls, recall."""
    truth, cameras, depths = filmed
    assert mesh_score.score_mesh(truth, truth, cameras, depths, (0.05,))[0.05].f_score > 0.99
    lifted = replace(truth, vertices=truth.vertices + np.array([0, 0, 0.1], np.float32))
    assert mesh_score.score_mesh(lifted, truth, cameras, depths, (0.05,))[0.05].f_score < 0.9
    floor = truth.with_faces(truth.faces[truth.corners()[..., 2].max(axis=1) < 0.05])
    part = mesh_score.score_mesh(floor, truth, cameras, depths, (0.05,))[0.05]
    assert part.precision > 0.99
    assert part.recall < 0.5
