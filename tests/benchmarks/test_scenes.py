"""The scenes that are timed: the same every time, and what they say they are."""

from pathlib import Path

import numpy as np

from benchmarks.posed_scene import load_fox_posed
from benchmarks.trial import trial_parameters
from benchmarks.workloads import morton_order, photo_like, rim_cameras, room_gaussians
from roomsplat.media.images import read_image, write_image


def test_posed_scene_is_reduced_and_held_out_as_its_peers_do(tmp_path: Path) -> None:
    """Pictures shrink by the factor, intrinsics with them; every eighth picture is held out; files are made once."""
    rng = np.random.default_rng(0)
    names = [f"{i:04d}.jpg" for i in range(9)]
    for name in names:
        write_image(tmp_path / name, rng.integers(0, 255, (42, 62, 3)).astype(np.uint8))
    poses = np.tile(np.eye(4), (9, 1, 1))
    poses[:, 0, 3] = np.arange(9)
    np.savez(
        tmp_path / "scene.npz",
        V=poses,
        names=names,
        K=[60.0, 61.0, 31.0, 21.0],
        wh=[62, 42],
        P=rng.random((5, 3)),
        C=np.full((5, 3), 7, np.uint8),
    )
    model = load_fox_posed(tmp_path, 4, tmp_path / "out")
    images = model.posed_images
    assert (images.cameras.width, images.cameras.height) == (15, 10)
    np.testing.assert_allclose(images.cameras.intrinsics[3], [15, 15.25, 7.75, 5.25])
    np.testing.assert_allclose(images.cameras.centers[:, 0], -np.arange(9))
    assert np.flatnonzero(images.is_eval).tolist() == [0, 8]
    assert read_image(images.image_paths[2]).shape == (10, 15, 3)
    made = images.image_paths[2].stat().st_mtime_ns
    again = load_fox_posed(tmp_path, 4, tmp_path / "out")
    assert again.posed_images.image_paths[2].stat().st_mtime_ns == made
    assert load_fox_posed(tmp_path, 1, tmp_path / "out").posed_images.image_paths[0] == tmp_path / "0000.jpg"
    assert len(model.points) == 5


def test_the_room_is_the_same_every_time() -> None:
    """A seed furnishes one room, another seed another one; its Gaussians stay in and just around the walls."""
    first, second, other = room_gaussians(20_000), room_gaussians(20_000), room_gaussians(20_000, seed=5)
    np.testing.assert_array_equal(first.means, second.means)
    assert not np.array_equal(first.means, other.means)
    assert len(first) == 20_000
    assert first.sh_degree == 3
    assert np.all(np.abs(first.means) <= np.array([3.1, 2.6, 1.9]))


def test_morton_neighbours_are_neighbours() -> None:
    """Along the curve the mean jump is far shorter than at random, and every point is there once."""
    points = np.random.default_rng(0).random((2000, 3))
    order = morton_order(points)
    assert sorted(order.tolist()) == list(range(2000))
    jumps = np.linalg.norm(np.diff(points[order], axis=0), axis=1).mean()
    assert jumps < 0.3 * np.linalg.norm(np.diff(points, axis=0), axis=1).mean()


def test_cameras_stand_in_the_room_and_look_across_it() -> None:
    """Every camera is inside the walls, level with its horizon, and has the room's middle in front of it."""
    for camera in rim_cameras(8, 48, 27):
        assert np.all(np.abs(camera.center) < [3, 2.5, 1.5])
        middle = camera.cam_from_world @ np.array([0, 0, 0, 1], np.float32)
        assert middle[2] > 1
        assert abs(camera.cam_from_world[0, 2]) < 1e-6, "the picture's x axis is level"


def test_the_target_is_near_the_picture() -> None:
    """A made-up photo differs from the picture by a few percent, not by nothing and not by everything."""
    rgb = np.random.default_rng(0).random((3, 30, 50)).astype(np.float32)
    difference = np.abs(photo_like(rgb).transpose(2, 0, 1) / 255 - rgb)
    assert 0.01 < difference.mean() < 0.1


def test_the_trial_gets_our_arrays() -> None:
    """Rows of the trial's array are our parameters, harmonics coefficient by coefficient with colours innermost."""
    gaussians = room_gaussians(20_000)
    rows = trial_parameters(gaussians)
    assert rows.shape == (23, 20_000)
    np.testing.assert_array_equal(rows[:3].T, gaussians.means)
    np.testing.assert_array_equal(rows[10], gaussians.opacity_logits)
    np.testing.assert_array_equal(rows[14:17].T, gaussians.sh[:, 1])
