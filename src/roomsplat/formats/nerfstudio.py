"""Cameras as nerfstudio's ``transforms.json`` (its documentation, "Data conventions"; also instant-ngp's files).

This is the one file that knows OpenGL's camera axes. What it settles:

* a pose is stored world from camera with +x right, +y up, +z back; ``core`` has camera from world with +y down and +z
  forward. The world itself is the file's own, +z up by nerfstudio's custom, and is not turned;
* intrinsics are in pixels with pixel centres at +0.5, shared at the top of the file or given frame by frame;
* a lens whose distortion is all zero is a pinhole, whatever ``camera_model`` says.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import DISTORTION_TERMS, CameraModel, Cameras
from roomsplat.core.checks import fits_float32, float_array
from roomsplat.core.point_cloud import SceneScale
from roomsplat.errors import InvalidFileError
from roomsplat.formats.files import open_input, open_output

_MAX_BYTES = 1 << 28  # 256 MB: a quarter of a million frames
_LENS_MODELS = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL")
_OPENGL_FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])
_DISTORTION = ("k1", "k2", "p1", "p2")
_NOT_OURS = ("k3", "k4")  # OpenCV's fisheye and higher terms
_SCALES: dict[str, SceneScale] = {"metric": "metric", "arbitrary": "arbitrary"}
_LARGEST = float(np.finfo(np.float32).max)
_MAX_SHEAR = 0.02  # how far from a rotation a pose may be: files with four printed digits stay below 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformsFile:
    """What a ``transforms.json`` says."""

    cameras: Cameras
    """c cameras, in the file's own world."""
    image_paths: tuple[str, ...]
    """c paths as written: usually relative to the file."""
    mask_paths: tuple[str | None, ...] = ()
    """c paths of masks as written (``mask_path``: black is ignored), or none at all where no frame has one."""
    timestamps_s: NDArray[np.float64] | None = None
    """(c,) seconds, when every frame has one."""
    applied_transform: NDArray[np.float32] | None = None
    """(3, 4) what the writing program did to the world of its input (nerfstudio turns COLMAP's world): kept so that it
    can be written back; the cameras are as after it."""
    scale: SceneScale | None = None
    """Whether one unit is one metre, if the file tells (``world_scale``; instant-ngp takes ``scale`` for a number)."""

    def __post_init__(self) -> None:
        """Check that all parts speak of the same images."""
        count = len(self.cameras)
        masks = len(self.mask_paths) or count
        stamps = count if self.timestamps_s is None else len(self.timestamps_s)
        if not len(self.image_paths) == masks == stamps == count:
            raise ValueError(
                f"{count} cameras, {len(self.image_paths)} image paths, {masks} masks, {stamps} timestamps"
            )
        if self.applied_transform is not None:
            checked = float_array("applied_transform", self.applied_transform, (3, 4))
            object.__setattr__(self, "applied_transform", checked)


def read_transforms(path: Path) -> TransformsFile:
    """Read a ``transforms.json``.

    Raises:
        InputNotFoundError: there is no such file.
        InvalidFileError: it is no such JSON, a value is missing or wrong (frame and key are named), or the cameras
            cannot be held in ``Cameras`` (a fisheye lens, several image sizes).
    """
    with open_input(path) as file:
        text = file.read(_MAX_BYTES + 1)
    try:
        content = cast("object", json.loads(text) if len(text) <= _MAX_BYTES else None)
    except (ValueError, RecursionError) as error:
        raise _invalid(path, f"is not JSON ({error})") from error
    top = _Values(path, "the file", _mapping(path, "the file", content))
    frames = top.values.get("frames")
    if not isinstance(frames, list) or not frames:
        raise _invalid(path, "has no list 'frames', or an empty one")
    listed = [
        _Values(path, f"frame {i}", {**top.values, **_mapping(path, f"frame {i}", frame)})
        for i, frame in enumerate(cast("list[object]", frames))
    ]
    stamps = [frame.optional("timestamp_s", frame.optional("timestamp", None)) for frame in listed]
    known = [stamp for stamp in stamps if stamp is not None]
    applied = top.values.get("applied_transform")
    return TransformsFile(
        cameras=_cameras(path, listed),
        image_paths=tuple(frame.text("file_path") for frame in listed),
        mask_paths=_mask_paths(listed),
        timestamps_s=np.array(known) if len(known) == len(stamps) else None,
        applied_transform=None if applied is None else top.matrix("applied_transform")[:3].astype(np.float32),
        scale=_SCALES.get(str(top.values.get("world_scale"))),
    )


def write_transforms(path: Path, file: TransformsFile) -> None:
    """Write a ``transforms.json`` that nerfstudio, instant-ngp and gsplat's tools read.

    Raises:
        OutputError: the file cannot be written.
    """
    cameras = file.cameras
    lenses = [_lens_entries(cameras, i) for i in range(len(cameras))]
    shared = all(lens == lenses[0] for lens in lenses)
    content: dict[str, object] = {"camera_model": "OPENCV" if cameras.model == "opencv" else "PINHOLE"}
    if shared and lenses:
        content |= lenses[0]
    if file.scale is not None:
        content["world_scale"] = file.scale
    if file.applied_transform is not None:
        content["applied_transform"] = [[float(v) for v in row] for row in file.applied_transform]
    world_from_cam = np.linalg.inv(np.asarray(cameras.cam_from_world, np.float64)) @ _OPENGL_FROM_OPENCV
    frames: list[dict[str, object]] = []
    for i, name in enumerate(file.image_paths):
        frame: dict[str, object] = {"file_path": name} if shared else {"file_path": name, **lenses[i]}
        if file.mask_paths and file.mask_paths[i] is not None:
            frame["mask_path"] = file.mask_paths[i]
        if file.timestamps_s is not None:
            frame["timestamp_s"] = float(file.timestamps_s[i])
        frames.append(frame | {"transform_matrix": world_from_cam[i].tolist()})
    with open_output(path) as output:
        output.write(json.dumps(content | {"frames": frames}, indent=1, allow_nan=False).encode())


class _Values:
    """The values of one JSON object, taken out with a check and a sentence."""

    def __init__(self, path: Path, where: str, values: Mapping[str, object]) -> None:
        self.path, self.where, self.values = path, where, values

    def optional(self, key: str, default: float | None) -> float | None:
        """A finite number, or ``default`` when the key is missing."""
        return self.number(key) if self.values.get(key) is not None else default

    def number(self, key: str) -> float:
        """A finite number."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(key, "a number")
        if not -_LARGEST <= value <= _LARGEST:  # before float(): JSON's whole numbers have no limit
            raise self.wrong(key, "a finite number")
        return float(value)

    def size(self, key: str) -> int:
        """A number of pixels; instant-ngp writes it as 1080.0."""
        value = self.number(key)
        if value != int(value) or not 0 < value < 1 << 20:
            raise self.wrong(key, "a size in pixels")
        return int(value)

    def text(self, key: str) -> str:
        """A string."""
        value = self.values.get(key)
        if not isinstance(value, str):
            raise self.wrong(key, "a text")
        return value

    def matrix(self, key: str) -> NDArray[np.float64]:
        """A (4, 4) matrix of finite numbers; the last row may be left out."""
        try:
            value = np.array(self.values.get(key), np.float64)
        except (ValueError, TypeError, OverflowError):
            raise self.wrong(key, "a matrix of 4×4 numbers") from None
        if value.shape not in ((4, 4), (3, 4)) or not fits_float32(value):
            raise self.wrong(key, "a matrix of 4×4 finite numbers")
        return np.concatenate([value[:3], [[0, 0, 0, 1]]])

    def wrong(self, key: str, expected: str) -> InvalidFileError:
        """What to raise when a value is missing or of another kind."""
        found = repr(self.values[key])[:40] if key in self.values else "nothing"
        return _invalid(self.path, f"has {found} as '{key}' of {self.where}, expected {expected}")


def _mask_paths(frames: list[_Values]) -> tuple[str | None, ...]:
    """A mask a frame, or nothing where there is none."""
    paths = tuple(
        None if frame.values.get("mask_path") is None else frame.text("mask_path") for frame in frames
    )
    return paths if any(paths) else ()


def _cameras(path: Path, frames: list[_Values]) -> Cameras:
    """One ``Cameras`` from all frames."""
    sizes = {(frame.size("w"), frame.size("h")) for frame in frames}
    if len(sizes) > 1:
        raise _invalid(
            path, f"mixes images of several sizes ({', '.join(f'{w}×{h}' for w, h in sorted(sizes))})"
        )
    ((width, height),) = sizes
    lenses = np.stack([_lens(frame, width, height) for frame in frames])
    model: CameraModel = "opencv" if np.any(lenses[:, 4:]) else "pinhole"
    return Cameras(
        intrinsics=lenses[:, :4].astype(np.float32),
        cam_from_world=np.stack([_pose(frame) for frame in frames]).astype(np.float32),
        width=width,
        height=height,
        model=model,
        distortion=lenses[:, 4 : 4 + DISTORTION_TERMS[model]].astype(np.float32),
    )


def _lens(frame: _Values, width: int, height: int) -> NDArray[np.float64]:
    """(8,) fx fy cx cy k1 k2 p1 p2; missing centres are the picture's, missing fl_y is fl_x."""
    lens_model = frame.values.get("camera_model", "OPENCV")
    fisheye = frame.values.get("is_fisheye", False)
    if lens_model not in _LENS_MODELS or fisheye or any(frame.optional(key, 0.0) for key in _NOT_OURS):
        raise InvalidFileError(
            f"{frame.path}: {frame.where} has a lens that cannot be read ({lens_model}, or k3, k4, is_fisheye).",
            hint=f"Undistort the images first; {', '.join(_LENS_MODELS)} with k1 k2 p1 p2 can be read.",
        )
    if "fl_x" not in frame.values and "camera_angle_x" in frame.values:
        fx = width / 2 / float(np.tan(frame.number("camera_angle_x") / 2))
    else:
        fx = frame.number("fl_x")
    fy = frame.optional("fl_y", fx)
    if not (fx > 0 and fy is not None and fy > 0):
        raise frame.wrong("fl_x", "a focal length in pixels above 0")
    center = [frame.optional("cx", width / 2), frame.optional("cy", height / 2)]
    return np.array([fx, fy, *center, *(frame.optional(key, 0.0) for key in _DISTORTION)], np.float64)


def _pose(frame: _Values) -> NDArray[np.float64]:
    """(4, 4) cam_from_world, OpenCV axes, with the nearest rotation to the one printed."""
    world_from_cam = frame.matrix("transform_matrix") @ _OPENGL_FROM_OPENCV
    u, stretch, vt = np.linalg.svd(world_from_cam[:3, :3])
    if np.max(np.abs(stretch - 1)) > _MAX_SHEAR or np.linalg.det(u @ vt) < 0:
        raise frame.wrong("transform_matrix", "a rotation and a translation")
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = (u @ vt).T
    cam_from_world[:3, 3] = -cam_from_world[:3, :3] @ world_from_cam[:3, 3]
    return cam_from_world


def _lens_entries(cameras: Cameras, index: int) -> dict[str, object]:
    """The intrinsics of one camera under nerfstudio's keys, in as few digits as give the same float32 again."""
    values = [float(str(value)) for value in (*cameras.intrinsics[index], *cameras.distortion[index])]
    keys = ("fl_x", "fl_y", "cx", "cy", *_DISTORTION[: cameras.distortion.shape[1]])
    return {"w": cameras.width, "h": cameras.height, **dict(zip(keys, values, strict=True))}


def _mapping(path: Path, where: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _invalid(path, f"has no JSON object as {where}")
    return cast("Mapping[str, object]", value)


def _invalid(path: Path, what: str) -> InvalidFileError:
    return InvalidFileError(
        f"{path} {what}.", hint="Give a transforms.json as nerfstudio or roomsplat writes it."
    )
