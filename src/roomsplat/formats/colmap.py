"""COLMAP models, binary: cameras.bin, images.bin, points3D.bin (COLMAP's documentation, "Output Format").

This is the one file that knows COLMAP's layout. What it settles:

* a pose is stored as quaternion wxyz and translation, camera from world, OpenCV axes, pixel centres at +0.5: as in
  ``core``. (COLMAP's Python objects use xyzw; its files do not.)
* images are ordered by name, as a film's frames are named in their order; COLMAP's numbers are arbitrary.
* an unknown reprojection error is -1 in COLMAP and 0 in ``core``.
* a lens whose distortion is all zero is read as a pinhole, whatever its model.
* rigs.bin and frames.bin (COLMAP 3.12 and later) repeat what images.bin says when every camera moves alone. They are
  not read, and not written: COLMAP makes them up when they are missing.
* observations (which pixel saw which point) are not kept, so files from here have empty tracks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import DISTORTION_TERMS, CameraModel, Cameras
from roomsplat.core.point_cloud import PointCloud
from roomsplat.core.rotations import matrix_from_quat, quat_from_matrix
from roomsplat.errors import InputNotFoundError, InvalidFileError, OutputError
from roomsplat.formats.colmap_records import (
    CameraRecord,
    ImageRecord,
    read_cameras,
    read_images,
    read_points,
    write_cameras,
    write_images,
    write_points,
)

# Where a lens model's parameters go in (fx fy cx cy k1 k2 p1 p2), by COLMAP's number of the model.
_LAYOUTS: dict[int, tuple[tuple[int, ...], ...]] = {
    0: ((0, 1), (2,), (3,)),  # SIMPLE_PINHOLE
    1: ((0,), (1,), (2,), (3,)),  # PINHOLE
    2: ((0, 1), (2,), (3,), (4,)),  # SIMPLE_RADIAL
    3: ((0, 1), (2,), (3,), (4,), (5,)),  # RADIAL
    4: ((0,), (1,), (2,), (3,), (4,), (5,), (6,), (7,)),  # OPENCV
}
_MODEL_IDS: dict[CameraModel, int] = {"pinhole": 1, "opencv": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColmapModel:
    """What a COLMAP model says about cameras and points."""

    cameras: Cameras
    """c cameras, one for each image."""
    image_names: tuple[str, ...]
    """c names, as COLMAP writes them: paths relative to the image folder, in order."""
    points: PointCloud
    """Triangulated points."""

    def __post_init__(self) -> None:
        """Check that names and cameras speak of the same images."""
        if len(self.image_names) != len(self.cameras):
            raise ValueError(f"{len(self.cameras)} cameras, {len(self.image_names)} image names")


def read_colmap(folder: Path) -> ColmapModel:
    """Read a binary model of any COLMAP version.

    Raises:
        InputNotFoundError: there is no binary model in ``folder``.
        InvalidFileError: a file is damaged, or the model cannot be held in ``Cameras`` (a fisheye lens, several sizes).
    """
    _check_presence(folder)
    camera_records = {record.camera_id: record for record in read_cameras(folder / "cameras.bin")}
    images = sorted(read_images(folder / "images.bin"), key=lambda image: image.name)
    if not images:
        raise InvalidFileError(
            f"{folder / 'images.bin'} holds no images.", hint="Register images before exporting."
        )
    orphan = next((image for image in images if image.camera_id not in camera_records), None)
    if orphan is not None:
        raise InvalidFileError(
            f"{folder / 'images.bin'}: the image {orphan.name!r} belongs to camera {orphan.camera_id}, "
            "which cameras.bin does not have.",
            hint="Export the model again; its files do not belong together.",
        )
    cameras = _cameras(folder, [camera_records[image.camera_id] for image in images], images)
    points = read_points(folder / "points3D.bin")
    return ColmapModel(cameras=cameras, image_names=tuple(image.name for image in images), points=points)


def write_colmap(folder: Path, model: ColmapModel) -> None:
    """Write a binary model that every COLMAP reads; images with equal intrinsics share a camera. Makes the folder.

    Raises:
        OutputError: a file cannot be written.
        ValueError: an image name holds a zero character.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for stale in ("rigs.bin", "frames.bin"):  # of an older model: COLMAP would read them and refuse ours
            (folder / stale).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder} could not be written ({error.strerror or error}).",
            hint="Choose another output folder.",
        ) from error
    cameras = model.cameras
    params = np.concatenate([cameras.intrinsics, cameras.distortion], axis=1)
    unique, camera_of_image = np.unique(params, axis=0, return_inverse=True)
    write_cameras(
        folder / "cameras.bin",
        [
            CameraRecord(
                camera_id=index + 1,
                model_id=_MODEL_IDS[cameras.model],
                width=cameras.width,
                height=cameras.height,
                params=tuple(float(value) for value in row),
            )
            for index, row in enumerate(unique)
        ],
    )
    poses = np.asarray(cameras.cam_from_world, np.float64)
    quats = quat_from_matrix(poses[:, :3, :3])
    write_images(
        folder / "images.bin",
        [
            ImageRecord(
                image_id=index + 1,
                quat=quats[index],
                translation=poses[index, :3, 3],
                camera_id=int(camera_of_image[index]) + 1,
                name=name,
            )
            for index, name in enumerate(model.image_names)
        ],
    )
    write_points(folder / "points3D.bin", model.points)


def _check_presence(folder: Path) -> None:
    missing = [
        name for name in ("cameras.bin", "images.bin", "points3D.bin") if not (folder / name).is_file()
    ]
    if not missing:
        return
    if (folder / "images.txt").is_file():
        hint = "This is a text model: convert it with 'colmap model_converter --output_type BIN'."
    else:
        hint = "Give the folder that holds cameras.bin, images.bin and points3D.bin, often named sparse/0."
    raise InputNotFoundError(
        f"{folder} holds no binary COLMAP model: {', '.join(missing)} is missing.", hint=hint
    )


def _cameras(folder: Path, lenses: Sequence[CameraRecord], images: Sequence[ImageRecord]) -> Cameras:
    """One ``Cameras`` from the lens and the pose of every image."""
    sizes = {(lens.width, lens.height) for lens in lenses}
    if len(sizes) > 1:
        raise InvalidFileError(
            f"{folder} mixes images of several sizes ({', '.join(f'{w}×{h}' for w, h in sorted(sizes))}).",
            hint="Use images of one size.",
        )
    params = np.stack([_opencv_params(lens) for lens in lenses])
    model: CameraModel = "opencv" if np.any(params[:, 4:]) else "pinhole"
    cam_from_world = np.zeros((len(images), 4, 4))
    cam_from_world[:, :3, :3] = matrix_from_quat(np.stack([image.quat for image in images]))
    cam_from_world[:, :3, 3] = np.stack([image.translation for image in images])
    cam_from_world[:, 3, 3] = 1
    ((width, height),) = sizes
    return Cameras(
        intrinsics=params[:, :4].astype(np.float32),
        cam_from_world=cam_from_world.astype(np.float32),
        width=width,
        height=height,
        model=model,
        distortion=params[:, 4 : 4 + DISTORTION_TERMS[model]].astype(np.float32),
    )


def _opencv_params(lens: CameraRecord) -> NDArray[np.float64]:
    """(8,) fx fy cx cy k1 k2 p1 p2."""
    result = np.zeros(8)
    for value, places in zip(lens.params, _LAYOUTS[lens.model_id], strict=True):
        result[list(places)] = value
    return result
