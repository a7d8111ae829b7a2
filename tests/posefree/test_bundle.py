"""Laws of moving cameras, points and lens together."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.core.cameras import look_at
from roomsplat.core.transforms import RigidTransform
from roomsplat.posefree.bundle import Freedom, Lens, Seen, World, adjust, errors, slopes

Double = NDArray[np.float64]
CAMERAS, POINTS = 6, 60


def truth(seed: int = 0) -> tuple[World, Seen]:
    """Six cameras on an arc round sixty points, all of which all see exactly."""
    random = np.random.default_rng(seed)
    eyes = [(3 * np.sin(a), -3 * np.cos(a), 0.4 * a) for a in np.linspace(-0.6, 0.6, CAMERAS)]
    poses = np.stack([look_at(eye, (0.0, 0.0, 0.0)) for eye in eyes]).astype(np.float64)
    points = random.uniform(-1, 1, (POINTS, 3))
    lens = Lens(focal=0.8, k=0.05)
    cameras, which = (a.ravel() for a in np.meshgrid(np.arange(CAMERAS), np.arange(POINTS), indexing="ij"))
    local = np.einsum("oij,oj->oi", poses[cameras, :3, :3], points[which]) + poses[cameras, :3, 3]
    places = lens.places(local[:, :2] / local[:, 2:])
    return World(poses=poses, points=points, lens=lens), Seen(cameras=cameras, points=which, places=places)


def disturbed(world: World, seed: int = 1) -> World:
    """Every camera, point and the lens a little off."""
    random = np.random.default_rng(seed)
    turns = np.stack([RigidTransform.exp(random.normal(0, 0.02, 6)).matrix for _ in range(CAMERAS)])
    points = world.points + random.normal(0, 0.03, world.points.shape)
    return World(poses=turns @ world.poses, points=points, lens=Lens(focal=0.9, k=0.0))


FREE = Freedom(cameras=np.ones(CAMERAS, np.bool_), focal=True, bend=True, usual=Lens(focal=0.9))


def testslopes_are_those_of_finite_differences() -> None:
    """Of twists, points, focal length and radial term, to a millionth."""
    world, seen = truth()
    of_camera, of_point, of_lens, residual = slopes(world, seen)
    assert np.abs(residual).max() < 1e-12
    step = 1e-6
    for axis in range(6):
        twist = RigidTransform.exp(step * np.eye(6)[axis]).matrix
        moved = slopes(replace(world, poses=twist @ world.poses), seen)[3]
        np.testing.assert_allclose(moved / step, of_camera[:, :, axis], atol=1e-5)
    for axis in range(3):
        moved = slopes(replace(world, points=world.points + step * np.eye(3)[axis]), seen)[3]
        np.testing.assert_allclose(moved / step, of_point[:, :, axis], atol=1e-5)
    for column, lens in enumerate((Lens(focal=0.8 * np.exp(step), k=0.05), Lens(focal=0.8, k=0.05 + step))):
        moved = slopes(replace(world, lens=lens), seen)[3]
        np.testing.assert_allclose(moved / step, of_lens[:, :, column], atol=1e-5)


def test_what_was_disturbed_comes_back() -> None:
    """A tenth of the matches wrong, all 2 % off: it is seen to a ten-thousandth again, the lens to 2 %."""
    world, seen = truth()
    random = np.random.default_rng(2)
    wrong = random.random(len(seen.places)) < 0.1
    places = np.where(wrong[:, None], random.uniform(-0.3, 0.3, seen.places.shape), seen.places)
    found = adjust(disturbed(world), replace(seen, places=places), FREE, scale=0.001, rounds=30)
    assert np.median(errors(found, seen)) < 1e-4
    assert found.lens.focal == pytest.approx(world.lens.focal, rel=0.02)


def test_who_may_not_move_stays() -> None:
    """Cameras and a lens without freedom are, to the bit, what they were; the others still come back."""
    world, seen = truth()
    off = disturbed(world)
    held = np.array([True, False, False, False, False, True])
    start = World(
        poses=np.where(held[:, None, None], world.poses, off.poses), points=off.points, lens=world.lens
    )
    freedom = Freedom(cameras=~held, focal=False, bend=False, usual=world.lens)
    found = adjust(start, seen, freedom, scale=0.001, rounds=30)
    np.testing.assert_array_equal(found.poses[held], world.poses[held])
    assert found.lens == world.lens
    np.testing.assert_allclose(found.poses, world.poses, atol=1e-4)
    np.testing.assert_allclose(found.points, world.points, atol=1e-3)


def test_what_lies_behind_is_infinitely_wrong() -> None:
    """A point behind a camera is never taken for seen."""
    world, seen = truth()
    behind = replace(world, points=world.points - 100 * world.poses[0, 2, :3])
    assert np.isinf(errors(behind, seen)[seen.cameras == 0]).all()
