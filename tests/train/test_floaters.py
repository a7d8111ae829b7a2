"""What hangs in the air: weights are what pictures are made of, and only what floats is taken away."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras, PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.point_cloud import PointCloud
from roomsplat.render.base import RenderSettings
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.train.floaters import fog, near_limit, sight, without_floaters
from tests.contracts.harness import make_engine
from tests.reference.engine import ReferenceEngine
from tests.train.scenes import blobs, ring_of_cameras

ENGINE = CpuEngine(threads=1)


def cloud(positions: NDArray[np.float32]) -> PointCloud:
    """Points of no colour."""
    count = len(positions)
    return PointCloud(
        positions=positions,
        colors=np.zeros((count, 3), np.uint8),
        errors=np.zeros(count, np.float32),
        track_lengths=np.zeros(count, np.int32),
    )


def spot(place: NDArray[np.floating], size: float = 0.05) -> Gaussians:
    """One opaque black Gaussian."""
    return Gaussians(
        means=np.asarray(place, np.float32)[None],
        quats=np.array([[1, 0, 0, 0]], np.float32),
        log_scales=np.full((1, 3), np.log(size), np.float32),
        opacity_logits=np.array([4.0], np.float32),
        sh=np.full((1, 1, 3), -4, np.float32),
    )


def together(*parts: Gaussians) -> Gaussians:
    """All of them, in this order."""
    names = ("means", "quats", "log_scales", "opacity_logits", "sh")
    return Gaussians(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


def in_front_of(camera: PinholeCamera, depth: float) -> NDArray[np.floating]:
    """The place in the middle of a view, at a depth."""
    pose = camera.cam_from_world.astype(np.float64)
    return ([0, 0, depth] - pose[:3, 3]) @ pose[:3, :3]


def cameras_and_ball() -> tuple[Cameras, Gaussians, PointCloud]:
    """Nine views of a ball of blobs, whose centres are the points."""
    ball = blobs()
    return ring_of_cameras(), ball, cloud(ball.means)


@pytest.mark.parametrize("name", ["reference", "cpu", "emulated"])
def test_weights_are_what_the_picture_is_made_of(name: str) -> None:
    """With each Gaussian painted white alone, the picture's sum is its weight, in every engine and in any order."""
    engine, camera = make_engine(name), ring_of_cameras().pinhole(3).resized(16, 12)
    few = blobs(7)
    got = sight(engine, few, [camera, camera], cloud(few.means))
    reference = ReferenceEngine()
    for place in range(len(few)):
        sh = np.full((len(few), 1, 3), -9, np.float32)
        sh[place] = 0.5 / 0.28209479177387814
        painted = replace(few, sh=sh)
        splats = reference.create(painted, sh_degree=0)
        picture = reference.rasterize(splats, camera, RenderSettings(sh_degree=0)).rgb[0]
        assert got.total[place] == pytest.approx(2 * picture.sum(), rel=1e-3, abs=1e-3)
    assert set(got.views.tolist()) <= {0, 2}


def test_only_what_floats_is_taken_away() -> None:
    """A spot before one lens and one that nobody sees go; one that a single view shows far off, and the ball, stay."""
    cameras, ball, points = cameras_and_ball()
    first = cameras.pinhole(1)
    floater, hidden = spot(in_front_of(first, 0.6)), spot(in_front_of(first, -3))
    lonely = spot(in_front_of(cameras.pinhole(8), 40), 0.5)
    scene = together(ball, floater, lonely, hidden)
    is_eval = np.zeros(9, bool)
    seen = sight(ENGINE, scene, [cameras.pinhole(i) for i in range(9)], points)
    assert seen.views[-3:].tolist() == [1, 1, 0] or seen.views[-2] > 1, (
        "the lonely one may be seen by neighbours"
    )
    kept, found = without_floaters(ENGINE, scene, cameras, is_eval, points)
    assert found.removed == len(scene) - len(kept) >= 1
    assert found.unseen >= 1
    assert found.single >= 1
    gone = {tuple(mean) for mean in scene.means.tolist()} - {tuple(mean) for mean in kept.means.tolist()}
    assert tuple(floater.means[0].tolist()) in gone
    assert not {tuple(lonely.means[0].tolist()), tuple(hidden.means[0].tolist())} & gone
    for index in range(2, 9):
        before, after = (_drawn(g, cameras.pinhole(index)) for g in (scene, kept))
        np.testing.assert_allclose(after, before, atol=0.02)
    assert found.fog is found.fog_before is found.single_share is None, "nothing was held out"


def test_fog_is_light_stopped_before_the_room() -> None:
    """None in front of the ball; an opaque curtain before the lens stops all of it; removal adds none."""
    cameras, ball, points = cameras_and_ball()
    view = cameras.pinhole(4)
    assert fog(ENGINE, ball, [view], points) == 0
    curtain = together(ball, spot(in_front_of(view, 0.3), 1.0))
    assert fog(ENGINE, curtain, [view], points) > 0.9
    is_eval = np.arange(9) == 4
    smudge = together(ball, spot(in_front_of(cameras.pinhole(5), 0.5), 0.1))
    _, found = without_floaters(ENGINE, smudge, cameras, is_eval, points)
    assert found.fog is not None
    assert found.fog_before is not None
    assert found.single_share is not None
    assert found.fog <= found.fog_before
    assert 0 <= found.single_share <= 1


def test_the_near_limit_is_half_the_nearest_points() -> None:
    """Half the first percentile of the depths in view; zero where no point is; points behind or aside do not count."""
    camera = ring_of_cameras().pinhole(0)
    depths = np.linspace(2, 4, 101)
    places = np.stack([in_front_of(camera, depth) for depth in [*depths, -1, np.nan]]).astype(np.float32)
    assert near_limit(camera, cloud(places)) == pytest.approx(0.5 * 2.02, rel=1e-4)
    assert near_limit(camera, cloud(places[:0])) == 0
    assert near_limit(camera, cloud(places[-2:])) == 0


def test_an_empty_scene_has_no_floaters() -> None:
    """Nothing in, nothing out."""
    cameras, ball, points = cameras_and_ball()
    kept, found = without_floaters(ENGINE, ball[:0], cameras, np.arange(9) == 0, points)
    assert len(kept) == found.removed == found.single == found.unseen == 0
    assert found.fog == 0


def _drawn(gaussians: Gaussians, camera: PinholeCamera) -> NDArray[np.float32]:
    splats = ENGINE.create(gaussians, sh_degree=0)
    return ENGINE.rasterize(splats, camera, RenderSettings(sh_degree=0)).rgb.copy()
