"""The records of COLMAP's binary files, little-endian without padding; the meaning is in ``colmap.py``."""

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.checks import fits_float32
from roomsplat.core.point_cloud import PointCloud
from roomsplat.errors import InvalidFileError
from roomsplat.formats.files import open_input, open_output

LENS_MODELS = {
    0: ("SIMPLE_PINHOLE", 3),
    1: ("PINHOLE", 4),
    2: ("SIMPLE_RADIAL", 4),
    3: ("RADIAL", 5),
    4: ("OPENCV", 8),
}
"""Name and number of parameters of the lens models that can be read, by COLMAP's number of the model."""

_LARGEST_SIDE = 1 << 20  # px

_COUNT = struct.Struct("<Q")
_CAMERA = struct.Struct("<IiQQ")  # camera id, model, width, height; then the lens parameters
_IMAGE = struct.Struct(
    "<I4d3dI"
)  # image id, quaternion wxyz, translation, camera id; then the name and its keypoints
_KEYPOINT_BYTES = 24  # x, y, point id
_POINT = struct.Struct("<Q3d3BdQ")  # point id, position, colour, error, track length; then the track
_TRACK_BYTES = 8  # image id, keypoint number


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraRecord:
    """A lens."""

    camera_id: int
    model_id: int
    """COLMAP's number of the lens model."""
    width: int
    """In px."""
    height: int
    """In px."""
    params: tuple[float, ...]
    """As the lens model orders them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """A registered image; its keypoints are skipped."""

    image_id: int
    quat: NDArray[np.float64]
    """(4,) wxyz, camera from world."""
    translation: NDArray[np.float64]
    """(3,) camera from world."""
    camera_id: int
    name: str


class _Cursor:
    """A place in the bytes of one file that never runs past the end."""

    def __init__(self, path: Path) -> None:
        with open_input(path) as file:
            self._data = file.read()
        self._path, self._at = path, 0

    def take(self, record: struct.Struct) -> tuple[float, ...]:
        """The values of one record."""
        start = self._advance(record.size)
        return record.unpack_from(self._data, start)

    def skip(self, num_bytes: int) -> None:
        """Leave out what we do not keep."""
        self._advance(num_bytes)

    def take_name(self) -> str:
        """A zero-terminated file name."""
        end = self._data.find(b"\0", self._at)
        if end < 0:
            raise self.cut_off()
        start = self._advance(end + 1 - self._at)
        return os.fsdecode(self._data[start:end])

    def take_count(self, smallest_record: int) -> int:
        """A number of records that can be true for the bytes that are left."""
        count = int(self.take(_COUNT)[0])
        if count * smallest_record > len(self._data) - self._at:
            raise self.cut_off()
        return count

    def cut_off(self) -> InvalidFileError:
        """What to raise when the bytes end too early."""
        return InvalidFileError(
            f"{self._path} was cut off, or is no COLMAP file.", hint="Copy or export the COLMAP model again."
        )

    def damaged(self, what: str) -> InvalidFileError:
        """What to raise when a value cannot be true."""
        return InvalidFileError(f"{self._path} is damaged: {what}.", hint="Export the COLMAP model again.")

    def finish(self) -> None:
        """All bytes must have been used: anything else means that another layout was read as this one."""
        if self._at != len(self._data):
            raise self.damaged(f"{len(self._data) - self._at} bytes follow its last record")

    def _advance(self, num_bytes: int) -> int:
        start = self._at
        if num_bytes > len(self._data) - start:
            raise self.cut_off()
        self._at = start + num_bytes
        return start


def read_cameras(path: Path) -> list[CameraRecord]:
    """All lenses, in file order.

    Raises:
        InvalidFileError: the file is damaged, or holds a lens model that is not in ``LENS_MODELS``.
    """
    cursor = _Cursor(path)
    cameras: list[CameraRecord] = []
    for _ in range(cursor.take_count(_CAMERA.size)):
        camera_id, model_id, width, height = (int(value) for value in cursor.take(_CAMERA))
        if model_id not in LENS_MODELS:
            known = ", ".join(name for name, _ in LENS_MODELS.values())
            raise InvalidFileError(
                f"{path}: camera {camera_id} has the lens model number {model_id}, expected one of {known}.",
                hint="Undistort the images first ('colmap image_undistorter').",
            )
        params = cursor.take(struct.Struct(f"<{LENS_MODELS[model_id][1]}d"))
        if not (0 < width < _LARGEST_SIDE and 0 < height < _LARGEST_SIDE and fits_float32(params)):
            raise cursor.damaged(f"camera {camera_id} has {width}×{height} px and the parameters {params}")
        cameras.append(
            CameraRecord(camera_id=camera_id, model_id=model_id, width=width, height=height, params=params)
        )
    cursor.finish()
    return cameras


def read_images(path: Path) -> list[ImageRecord]:
    """All images, in file order.

    Raises:
        InvalidFileError: the file is damaged.
    """
    cursor = _Cursor(path)
    images: list[ImageRecord] = []
    for _ in range(cursor.take_count(_IMAGE.size + 9)):
        image_id, *pose, camera_id = cursor.take(_IMAGE)
        name = cursor.take_name()
        cursor.skip(_KEYPOINT_BYTES * cursor.take_count(_KEYPOINT_BYTES))
        quat, translation = np.array(pose[:4]), np.array(pose[4:])
        if not (fits_float32(pose) and np.linalg.norm(quat) > 0):
            raise cursor.damaged(f"the pose of image {name!r} is not a pose")
        images.append(
            ImageRecord(
                image_id=int(image_id),
                quat=quat,
                translation=translation,
                camera_id=int(camera_id),
                name=name,
            )
        )
    cursor.finish()
    return images


def read_points(path: Path) -> PointCloud:
    """All points, in file order.

    Raises:
        InvalidFileError: the file is damaged.
    """
    cursor = _Cursor(path)
    count = cursor.take_count(_POINT.size)
    table = np.zeros((count, 8))  # x y z r g b error track-length
    for row in table:
        _, *row[:] = cursor.take(_POINT)
        cursor.skip(_TRACK_BYTES * int(row[7]))
    cursor.finish()
    if not fits_float32(table):
        raise cursor.damaged("a point has no finite position or error")
    return PointCloud(
        positions=table[:, :3].astype(np.float32),
        colors=table[:, 3:6].astype(np.uint8),
        errors=np.maximum(table[:, 6], 0).astype(np.float32),
        track_lengths=table[:, 7].astype(np.int32),
    )


def write_cameras(path: Path, cameras: Sequence[CameraRecord]) -> None:
    """Write cameras.bin.

    Raises:
        OutputError: the file cannot be written.
    """
    with open_output(path) as file:
        file.write(_COUNT.pack(len(cameras)))
        for camera in cameras:
            file.write(_CAMERA.pack(camera.camera_id, camera.model_id, camera.width, camera.height))
            file.write(struct.pack(f"<{len(camera.params)}d", *camera.params))


def write_images(path: Path, images: Sequence[ImageRecord]) -> None:
    """Write images.bin without keypoints.

    Raises:
        OutputError: the file cannot be written.
        ValueError: a name holds a zero character.
    """
    names = [os.fsencode(image.name) for image in images]
    if any(b"\0" in name for name in names):
        raise ValueError("an image name holds a zero character")
    with open_output(path) as file:
        file.write(_COUNT.pack(len(images)))
        for image, name in zip(images, names, strict=True):
            file.write(_IMAGE.pack(image.image_id, *image.quat, *image.translation, image.camera_id))
            file.write(name + b"\0" + _COUNT.pack(0))


def write_points(path: Path, points: PointCloud) -> None:
    """Write points3D.bin with empty tracks, in one piece: every record then has the same length.

    Raises:
        OutputError: the file cannot be written.
    """
    record = np.dtype(
        [("id", "<u8"), ("position", "<f8", 3), ("color", "u1", 3), ("error", "<f8"), ("track_length", "<u8")]
    )
    table = np.zeros(len(points), record)
    table["id"] = np.arange(1, len(points) + 1)
    table["position"], table["color"] = points.positions, points.colors
    table["error"] = np.where(points.errors > 0, points.errors, -1)
    with open_output(path) as file:
        file.write(_COUNT.pack(len(points)))
        file.write(table.tobytes())
