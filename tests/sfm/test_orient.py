"""Laws of standing the world up."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from roomsplat.core.cameras import Cameras
from roomsplat.core.transforms import Similarity
from roomsplat.sfm.lines import Edges, edges_of
from roomsplat.sfm.orient import TYPICAL_DEPTH, Upright, common_up, stand_upright, transform_poses
from roomsplat.synth.bake import BakedRoom
from roomsplat.synth.develop import develop
from roomsplat.synth.film import FilmConfig, bake_for, film_cameras
from roomsplat.synth.room import design_room
from roomsplat.synth.trace import render_depth, render_light
from tests.sfm.scenes import look_at, walk
from tests.sfm.test_axes import room
from tests.sfm.test_floor import furnished

Double = NDArray[np.float64]
NONE = Edges(normals=np.zeros((0, 3)), middles=np.zeros((0, 3)), lengths=np.zeros(0))
FILM = FilmConfig(seed=0, width=240, height=180)
ASKEW_DEG = 9.0


def random_similarity(seed: int) -> Similarity:
    """Any rotation, translation and scale."""
    random = np.random.default_rng(seed)
    quat = Rotation.random(random_state=seed).as_quat(scalar_first=True)
    return Similarity(quat=quat, translation=random.normal(size=3) * 5, scale=float(random.uniform(0.1, 20)))


def elsewhere(edges: Edges, given: Similarity) -> Edges:
    """The same edges in another world."""
    turn = given.rotation
    return Edges(normals=edges.normals @ turn.T, middles=edges.middles @ turn.T, lengths=edges.lengths)


def centers_of(poses: Double) -> Double:
    """(c, 3) camera positions."""
    return -np.einsum("cji,cj->ci", poses[:, :3, :3], poses[:, :3, 3])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("edges", [NONE, room(1)], ids=["no edges", "edges"])
def test_the_result_does_not_depend_on_the_solvers_world(seed: int, edges: Edges) -> None:
    """The same cameras, points and edges in any orientation, place and scale come out the same."""
    poses, depths, points = walk(15), np.linspace(1, 6, 50), furnished(0)
    given = random_similarity(seed)
    moved = transform_poses(poses, given)
    ours = stand_upright(poses, points, depths, edges)
    theirs = stand_upright(moved, given.apply(points), depths * given.scale, elsewhere(edges, given))
    assert theirs.stance == ours.stance
    np.testing.assert_allclose(
        transform_poses(moved, theirs.from_world), transform_poses(poses, ours.from_world), atol=5e-3
    )


def test_level_cameras_give_the_true_up() -> None:
    """Cameras held level but tilted down by 30 degrees, looking around, find the vertical to half a degree."""
    angles = np.linspace(0, 4, 20)
    targets = np.stack([np.cos(angles), np.sin(angles), np.full(20, -0.6)], axis=1)
    poses = np.stack([look_at(np.zeros(3), target) for target in targets])
    up = common_up(poses[:, :3, :3])
    assert np.degrees(np.arccos(min(1.0, up[2]))) < 0.5


def test_one_heading_falls_back_on_the_pictures_up() -> None:
    """Cameras that all look the same way take the picture's own up direction, not one along the view."""
    poses = np.stack([look_at(np.array([x, 0, 0]), np.array([x, 5.0, 0])) for x in np.linspace(0, 2, 8)])
    np.testing.assert_allclose(common_up(poses[:, :3, :3]), [0, 0, 1], atol=1e-6)


def test_projections_stay() -> None:
    """Points moved with the cameras land on the same pixels."""
    poses, points = walk(6), np.random.default_rng(0).uniform(-1, 3, (40, 3))
    world = stand_upright(poses, points, np.ones(3), NONE).from_world
    moved, moved_points = transform_poses(poses, world), world.apply(points)
    for before, after in zip(poses, moved, strict=True):
        old = points @ before[:3, :3].T + before[:3, 3]
        new = moved_points @ after[:3, :3].T + after[:3, 3]
        np.testing.assert_allclose(new[:, :2] / new[:, 2:], old[:, :2] / old[:, 2:], atol=1e-6)


def test_depth_origin_and_heading_are_fixed() -> None:
    """The median depth becomes the typical one, cameras lie around the z axis, the first one heads along +y."""
    poses = walk(9)
    upright = stand_upright(poses, np.zeros((0, 3)), np.array([2.0, 5.0, 9.0]), NONE)
    assert upright.from_world.scale == pytest.approx(TYPICAL_DEPTH / 5)
    assert upright.stance.vertical == "cameras"
    assert not upright.stance.floor_at_zero
    moved = transform_poses(poses, upright.from_world)
    np.testing.assert_allclose(centers_of(moved).mean(axis=0)[:2], 0, atol=1e-9)
    assert centers_of(moved)[:, 2].min() > 0
    assert moved[0, 2, 0] == pytest.approx(0, abs=1e-6)
    assert moved[0, 2, 1] > 0


def test_walls_lie_along_the_axes_and_the_floor_at_zero() -> None:
    """Whatever the first camera's heading, walls run along x and y, +y being the one it looks along most."""
    turn = Rotation.from_euler("z", 33, degrees=True).as_quat(scalar_first=True)
    given = Similarity(quat=turn, translation=np.array([3.0, -1, 8]), scale=2.0)
    poses, points = transform_poses(walk(9), given), given.apply(furnished(0))
    upright = stand_upright(poses, points, np.full(9, 6.0), elsewhere(room(0), given))
    assert (upright.stance.vertical, upright.stance.walls_along_axes) == ("edges", True)
    assert upright.stance.floor_at_zero
    together = upright.from_world.rotation @ given.rotation
    np.testing.assert_allclose(np.abs(together).max(axis=1), 1, atol=1e-4)
    moved = transform_poses(poses, upright.from_world)
    assert moved[0, 2, 1] > np.abs(moved[0, 2, 0])
    assert np.median(np.abs(upright.from_world.apply(points)[:400, 2])) < 0.02


def test_without_edges_the_floor_tells_up() -> None:
    """A phone held askew in a room of curtains: the floor's points correct the cameras' up by 8 degrees."""
    lean = np.eye(4)
    lean[:3, :3] = Rotation.from_euler("z", 8, degrees=True).as_matrix()
    upright = stand_upright(lean @ walk(12), furnished(2, table=300), np.full(9, 3.0), NONE)
    assert upright.stance.vertical == "floor"
    assert np.degrees(np.arccos(upright.from_world.rotation[2, 2])) < 0.4


@pytest.fixture(scope="module")
def baked() -> BakedRoom:
    """A furnished room."""
    return bake_for(design_room(FILM.seed), FILM)


def held_askew(count: int) -> Cameras:
    """Cameras of a walk through the room with the phone turned by nine degrees, metres, +z up."""
    cameras = film_cameras(
        design_room(FILM.seed), FILM, np.linspace(0.03, 0.95, count, endpoint=False) * FILM.duration_s
    )
    roll = np.eye(4)
    roll[:3, :3] = Rotation.from_euler("z", ASKEW_DEG, degrees=True).as_matrix()
    return replace(cameras, cam_from_world=(roll @ cameras.cam_from_world).astype(np.float32))


def stood_up(baked: BakedRoom, cameras: Cameras, given: Similarity) -> Upright:
    """What the pictures, and every 37th of their points, say in a world turned, moved and scaled by ``given``."""
    found, points, depths = list[Edges](), list[Double](), list[Double]()
    random = np.random.default_rng(0)
    for i in range(len(cameras)):
        camera = cameras.pinhole(i)
        picture = develop(render_light(baked, camera), gain=1.0, noise=0.004, seed=i)
        found.append(edges_of(picture, camera))
        depth = render_depth(baked, camera).astype(np.float64)
        y, x = np.unravel_index(np.arange(0, depth.size, 37), depth.shape)
        away = depth[y, x] * (1 + random.normal(0, 0.005, len(y)))
        rays = np.stack(
            [(x + 0.5 - camera.cx) / camera.fx, (y + 0.5 - camera.cy) / camera.fy, np.ones(len(y))], axis=1
        )
        pose = camera.cam_from_world.astype(np.float64)
        points.append((rays * away[:, None] - pose[:3, 3]) @ pose[:3, :3])
        depths.append(away * np.linalg.norm(rays, axis=1))
    edges = Edges(
        normals=np.concatenate([one.normals for one in found]),
        middles=np.concatenate([one.middles for one in found]),
        lengths=np.concatenate([one.lengths for one in found]),
    )
    poses = transform_poses(cameras.cam_from_world.astype(np.float64), given)
    return stand_upright(
        poses,
        given.apply(np.concatenate(points)),
        given.scale * np.concatenate(depths),
        elsewhere(edges, given),
    )


def test_a_furnished_room_stands_within_half_a_degree(baked: BakedRoom) -> None:
    """Pictures of a room, phone askew, any world: up and walls to 0.5 degrees, the floor to 2 % of the eyes' height."""
    cameras, given = held_askew(8), random_similarity(9)
    upright = stood_up(baked, cameras, given)
    together = upright.from_world @ given
    assert upright.stance.vertical == "edges"
    assert np.degrees(np.arccos(min(1.0, together.rotation[2, 2]))) < 0.5
    assert upright.stance.walls_along_axes
    assert np.abs(together.rotation[0]).max() > np.cos(np.radians(0.5))
    assert upright.stance.floor_at_zero
    heights = together.apply(cameras.centers)[:, 2] / together.scale
    np.testing.assert_allclose(np.median(heights), np.median(cameras.centers[:, 2]), rtol=0.02)
