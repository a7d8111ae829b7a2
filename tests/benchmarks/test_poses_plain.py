"""Plain pycolmap's models as ours would be handed over."""

import zlib  # noqa: F401  # pyright: ignore[reportUnusedImport] - before pycolmap, whose own copy of zlib must not be the first in the process
from typing import Any

import numpy as np
import pycolmap
import pytest

from benchmarks.poses_plain import SIDE, solution_of

colmap: Any = pycolmap  # its stubs leave half of the types open
WIDTH, HEIGHT = 2 * SIDE, 1440


def test_plain_models_keep_their_cameras_points_and_errors() -> None:
    """Every point, through our lens from our camera, lands on the feature that pycolmap gave it, in film order."""
    options = colmap.SyntheticDatasetOptions(
        num_rigs=1, num_cameras_per_rig=1, num_frames_per_rig=6, num_points3D=40, camera_width=WIDTH,
        camera_height=HEIGHT, camera_params=[2000.0, WIDTH / 2, HEIGHT / 2, 0.02],
    )  # fmt: skip
    model = colmap.synthesize_dataset(options)
    film = sorted((image.name for image in model.images.values()), reverse=True)
    features = {image.name: np.array([one.xy for one in image.points2D]) for image in model.images.values()}
    model.deregister_frame(next(image.frame_id for image in model.images.values() if image.name == film[2]))
    for point in model.points3D.values():
        point.error = 1.0
    solution = solution_of(model, film)
    assert solution.frame_numbers == [0, 1, 3, 4, 5]
    poses = solution.cam_from_world[solution.observation_frames]
    points = solution.points[solution.observation_points]
    seen = np.einsum("oij,oj->oi", poses[:, :3, :3], points) + poses[:, :3, 3]
    pixels = solution.camera.pixels(seen[:, :2] / seen[:, 2:])
    for row, where in zip(solution.observation_frames, pixels, strict=True):
        there = features[film[solution.frame_numbers[row]]]
        assert np.linalg.norm(there - where, axis=1).min() < 1e-6
    assert solution.track_lengths.tolist() == [5] * len(solution.points)
    assert solution.errors == pytest.approx(0.5)  # in px of a picture of half the size, as ours are
    assert solution.angles.min() > 0
