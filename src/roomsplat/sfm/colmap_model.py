"""COLMAP's model of a film as arrays. pycolmap's stubs leave its types open, hence ``Any`` (``colmap.py``)."""

from pathlib import Path
from typing import Any

import numpy as np

from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.solution import Lens


def written(model: Any, folder: Path) -> MappedModel:
    """The model as arrays; COLMAP's own is written to ``folder``, which is made."""
    folder.mkdir()
    model.write(folder)
    images = sorted((model.images[i] for i in model.reg_image_ids()), key=lambda image: image.name)
    row_of = {image.image_id: row for row, image in enumerate(images)}
    poses = np.tile(np.eye(4), (len(images), 1, 1))
    for row, image in enumerate(images):
        poses[row, :3] = image.cam_from_world().matrix()
    points = list(model.points3D.values())
    observations = np.array(
        [
            (row_of[element.image_id], row, element.point2D_idx)
            for row, point in enumerate(points)
            for element in point.track.elements
        ],
        np.int64,
    ).reshape(-1, 3)
    camera = images[0].camera
    focal, cx, cy, k = (float(value) for value in camera.params)
    return MappedModel(
        lens=Lens(focal=focal, cx=cx, cy=cy, k=k, width=camera.width, height=camera.height),
        frames=np.array([frame_number(image) for image in images], np.int64),
        cam_from_world=poses,
        points=np.array([point.xyz for point in points], np.float64).reshape(-1, 3),
        errors=np.array([point.error for point in points], np.float64),
        is_assumed=np.zeros(len(points), np.bool_),
        observation_frames=observations[:, 0],
        observation_points=observations[:, 1],
        observation_features=observations[:, 2],
        folder=folder,
    )


def frame_number(image: Any) -> int:
    """Which frame an image is: files are named after that."""
    return int(Path(image.name).stem)
