"""Laws of cameras: what they see does not depend on how they are written down."""

import numpy as np
import pytest

from roomsplat.core import projection
from roomsplat.core.cameras import Cameras, PinholeCamera, look_at
from roomsplat.core.projection import distort, pixel_rays, project, project_with, undistort
from roomsplat.core.transforms import Similarity

FOX = np.array([0.0578421, -0.0805099, -0.000980296, 0.00015575])
"""k1 k2 p1 p2 of a real phone (instant-ngp's fox)."""


def camera(width: int = 64, height: int = 48) -> PinholeCamera:
    """A camera with its principal point off the middle."""
    pose = look_at((1.0, -2.0, 1.5), (0.2, 0.1, 0.4))
    return PinholeCamera(fx=50.0, fy=55.0, cx=30.0, cy=26.0, width=width, height=height, cam_from_world=pose)


def cameras(count: int = 3, model: str = "opencv") -> Cameras:
    """Cameras with different poses and lenses."""
    rng = np.random.default_rng(4)
    return Cameras(
        intrinsics=rng.uniform(40, 60, size=(count, 4)),
        cam_from_world=np.stack([look_at(rng.normal((0, -4, 1)), (0.0, 0.0, 0.0)) for _ in range(count)]),
        width=64,
        height=48,
        model=model,  # pyright: ignore[reportArgumentType] - a test parameter
        distortion=np.tile(FOX, (count, 1)) if model == "opencv" else np.zeros((0, 0)),
    )


def test_look_at_is_upright_and_centred() -> None:
    """The target lies on the optical axis, up in the world is up in the picture, and the matrix is a rotation."""
    pose = look_at((1.0, 2.0, 3.0), (4.0, -1.0, 2.0)).astype(np.float64)
    assert np.allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), rtol=0, atol=1e-6)
    assert np.linalg.det(pose[:3, :3]) > 0
    seen = pose @ [4.0, -1.0, 2.0, 1.0]
    assert np.allclose(seen[:2], 0, rtol=0, atol=1e-6)
    assert np.isclose(seen[2], np.sqrt(9 + 9 + 1), rtol=0, atol=1e-5)
    up = pose[:3, :3] @ [0.0, 0.0, 1.0]
    assert up[1] < 0, "the picture's y grows downwards"
    assert np.isclose(up[0], 0, rtol=0, atol=1e-6), "the horizon is level"


@pytest.mark.parametrize("target", [(0.0, 0.0, 5.0), (0.0, 0.0, 0.0)])
def test_look_at_along_up_is_refused(target: tuple[float, float, float]) -> None:
    """Looking straight up, or at one's own place, leaves the roll open and is refused."""
    with pytest.raises(ValueError, match="roll is not defined"):
        look_at((0.0, 0.0, 0.0), target)


def test_rays_and_projection_are_inverse() -> None:
    """A point on the ray through a pixel's centre, at any depth, projects to that pixel's index plus one half."""
    origin, directions = pixel_rays(camera())
    depth = np.random.default_rng(1).uniform(0.5, 9, size=directions.shape[:2])
    pixels, back = project(camera(), (origin + depth[..., None] * directions).reshape(-1, 3))
    rows, columns = np.mgrid[:48, :64]
    assert np.allclose(
        pixels, np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1), rtol=0, atol=2e-5
    )
    assert np.allclose(back, depth.ravel(), rtol=1e-6)


def test_rays_start_at_the_camera() -> None:
    """The common origin of the rays is the camera's centre."""
    assert np.allclose(pixel_rays(camera())[0], camera().center, rtol=0, atol=1e-6)


def test_resizing_scales_pixels() -> None:
    """The same point in a resized view lies at the same share of width and height."""
    points = np.random.default_rng(2).normal(size=(30, 3))
    pixels, _ = project(camera(), points)
    resized, _ = project(camera().resized(128, 24), points)
    assert np.allclose(resized, pixels * [2, 0.5], rtol=1e-6)
    many = cameras().resized(128, 24)
    assert np.allclose(
        project_with(many, 1, points)[0], project_with(cameras(), 1, points)[0] * [2, 0.5], rtol=1e-5
    )


def test_moving_the_world_changes_no_picture() -> None:
    """Cameras and points moved by the same similarity give the same pixels and depth times the scale."""
    move = Similarity(quat=np.array([0.3, -0.5, 0.2, 0.9]), translation=np.array([1.0, -2.0, 0.5]), scale=3.0)
    points = np.random.default_rng(3).normal(size=(30, 3))
    for index in range(3):
        pixels, depth = project_with(cameras(), index, points)
        moved, deeper = project_with(cameras().moved(move), index, move.apply(points))
        assert np.allclose(moved, pixels, rtol=0, atol=1e-3)
        assert np.allclose(deeper, 3 * depth, rtol=1e-5)


def test_undistort_inverts_distort() -> None:
    """Bending and unbending returns every point of a phone picture, to the last digits."""
    points = np.random.default_rng(5).uniform(-0.8, 0.8, size=(500, 2))
    assert np.max(np.abs(distort(points, FOX) - points)) > 1e-3
    assert np.allclose(undistort(distort(points, FOX), FOX), points, rtol=0, atol=1e-12)
    assert np.array_equal(undistort(points, np.zeros(4)), points)
    assert undistort(np.zeros((0, 2)), FOX).shape == (0, 2)


def test_undistort_refuses_a_folded_lens() -> None:
    """A radius that the lens model never reaches has no ideal point, and that is said."""
    folding = np.array([-0.5, 0.0, 0.0, 0.0])  # bends at most 0.544 far out
    with pytest.raises(ValueError, match="fold over"):
        undistort(np.array([[0.0, 0.6]]), folding)


def test_distortion_by_hand() -> None:
    """One point, computed by hand from Brown's formula."""
    bent = distort(np.array([0.5, -0.25]), np.array([0.1, 0.01, 0.02, 0.03]))
    r2 = 0.3125
    radial = 1 + 0.1 * r2 + 0.01 * r2**2
    expected = [
        0.5 * radial + 2 * 0.02 * 0.5 * -0.25 + 0.03 * (r2 + 2 * 0.25),
        -0.25 * radial + 0.02 * (r2 + 2 * 0.0625) + 2 * 0.03 * 0.5 * -0.25,
    ]
    assert np.allclose(bent, expected, rtol=0, atol=1e-15)


def test_pinhole_equals_projection_of_many() -> None:
    """One camera taken out of many sees what the many see."""
    many = cameras(model="pinhole")
    points = np.random.default_rng(6).normal(size=(10, 3))
    assert np.allclose(
        project(many.pinhole(2), points)[0], project_with(many, 2, points)[0], rtol=0, atol=1e-9
    )
    assert np.allclose(many.centers[2], many.pinhole(2).center, rtol=0, atol=1e-6)
    assert np.allclose(
        many.K[2] @ [0.1, 0.2, 1.0], [*(many.intrinsics[2, :2] * [0.1, 0.2] + many.intrinsics[2, 2:]), 1]
    )


def test_distorted_camera_is_no_pinhole() -> None:
    """An engine is never handed a bent camera as a straight one."""
    with pytest.raises(ValueError, match="undistort the images first"):
        cameras().pinhole(0)


def test_subset_keeps_everything() -> None:
    """A mask, indices and a slice choose the same cameras with the same lens."""
    many = cameras()
    for index in (np.array([True, False, True]), np.array([0, 2]), slice(0, 3, 2)):
        part = many[index]
        assert len(part) == 2
        assert np.array_equal(part.distortion, many.distortion[[0, 2]])
        assert np.array_equal(part.cam_from_world, many.cam_from_world[[0, 2]])


def test_points_behind_have_negative_depth() -> None:
    """A point behind the camera or in its plane is told by its depth, without a warning."""
    pose = np.eye(4, dtype=np.float32)
    front = PinholeCamera(fx=1.0, fy=1.0, cx=0.0, cy=0.0, width=1, height=1, cam_from_world=pose)
    _, depth = project(front, np.array([[0.0, 0, -1], [1, 0, 0], [0, 0, 2]]))
    assert depth.tolist() == [-1, 0, 2]


@pytest.mark.parametrize(
    "values",
    [
        {"intrinsics": np.ones((2, 3))},
        {"cam_from_world": np.zeros((3, 4, 4))},
        {"distortion": np.ones((2, 4))},
    ],
)
def test_wrong_shapes_are_refused(values: dict[str, object]) -> None:
    """Shapes that do not belong together are refused where they are made, and so is distortion of a pinhole."""
    good: dict[str, object] = {"intrinsics": np.ones((2, 4)), "cam_from_world": np.zeros((2, 4, 4))}
    with pytest.raises(ValueError, match="has shape"):
        Cameras(**{**good, **values}, width=4, height=4)  # pyright: ignore[reportArgumentType] - wrong on purpose


def test_slope_of_distortion() -> None:
    """The Jacobian that Newton's method walks along is the finite difference of the bent points."""
    coefficients = np.array([0.2, -0.1, 0.03, 0.05])
    points = np.random.default_rng(7).uniform(-0.8, 0.8, size=(100, 2))
    _, jacobian = projection._distort(points, coefficients)
    for axis in range(2):
        step = 1e-6 * np.eye(2)[axis]
        slope = (distort(points + step, coefficients) - distort(points - step, coefficients)) / 2e-6
        assert np.allclose(jacobian[..., axis], slope, rtol=0, atol=1e-9)
