"""Cameras: one pinhole for a renderer, many for a film."""

from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.checks import float_array
from roomsplat.core.transforms import Similarity

Float = NDArray[np.float32]
CameraModel = Literal["pinhole", "opencv"]

DISTORTION_TERMS: dict[CameraModel, int] = {"pinhole": 0, "opencv": 4}


def look_at(
    eye: NDArray[np.floating] | tuple[float, float, float],
    target: NDArray[np.floating] | tuple[float, float, float],
    up: tuple[float, float, float] = (0.0, 0.0, 1.0),
) -> Float:
    """(4, 4) cam_from_world of a camera at ``eye`` (3,) that looks at ``target`` (3,), upright along ``up``.

    Raises:
        ValueError: eye and target are one point, or the camera looks along ``up``.
    """
    position = np.asarray(eye, np.float64)
    forward = np.asarray(target, np.float64) - position
    right = np.cross(forward, np.asarray(up, np.float64))
    if not np.linalg.norm(right) > 1e-9 * np.linalg.norm(forward):
        raise ValueError("the camera looks along up, or at its own place: its roll is not defined")
    right /= np.linalg.norm(right)
    forward /= np.linalg.norm(forward)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    matrix[:3, 3] = -matrix[:3, :3] @ position
    return matrix.astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinholeCamera:
    """One camera without distortion, as an engine takes it. OpenCV axes: +x right, +y down, +z forward."""

    fx: float
    """Focal length in px, horizontal."""
    fy: float
    """Focal length in px, vertical."""
    cx: float
    """Principal point in px; the centre of the first pixel is at 0.5."""
    cy: float
    """Principal point in px."""
    width: int
    """Image width in px."""
    height: int
    """Image height in px."""
    cam_from_world: Float
    """(4, 4) rigid transform."""

    def __post_init__(self) -> None:
        """Check the shape."""
        object.__setattr__(self, "cam_from_world", float_array("cam_from_world", self.cam_from_world, (4, 4)))

    @property
    def center(self) -> Float:
        """(3,) the camera's position in the world."""
        rotation, translation = self.cam_from_world[:3, :3], self.cam_from_world[:3, 3]
        return -rotation.T @ translation

    def resized(self, width: int, height: int) -> Self:
        """The same view at another size in px."""
        sx, sy = width / self.width, height / self.height
        return type(self)(
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=self.cx * sx,
            cy=self.cy * sy,
            width=width,
            height=height,
            cam_from_world=self.cam_from_world,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cameras:
    """``c`` cameras of one image size and one model."""

    intrinsics: Float
    """(c, 4) fx fy cx cy in px."""
    cam_from_world: Float
    """(c, 4, 4) rigid transforms."""
    width: int
    """Image width in px."""
    height: int
    """Image height in px."""
    model: CameraModel = "pinhole"
    """``pinhole`` has no distortion; ``opencv`` has k1 k2 p1 p2."""
    distortion: Float = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    """(c, 4) k1 k2 p1 p2 for ``opencv``; (c, 0) for ``pinhole``. Left out: zeros of that shape."""

    def __post_init__(self) -> None:
        """Check every shape once, here."""
        count = len(self.intrinsics)
        set_field = object.__setattr__
        set_field(self, "intrinsics", float_array("intrinsics", self.intrinsics, (count, 4)))
        set_field(self, "cam_from_world", float_array("cam_from_world", self.cam_from_world, (count, 4, 4)))
        terms = DISTORTION_TERMS[self.model]
        given = self.distortion if self.distortion.size else np.zeros((count, terms))
        set_field(self, "distortion", float_array("distortion", given, (count, terms)))

    def __len__(self) -> int:
        """The number of cameras."""
        return len(self.intrinsics)

    def __getitem__(self, index: NDArray[np.bool_] | NDArray[np.integer] | slice) -> Self:
        """A subset, by mask, indices or slice."""
        return type(self)(
            intrinsics=self.intrinsics[index],
            cam_from_world=self.cam_from_world[index],
            width=self.width,
            height=self.height,
            model=self.model,
            distortion=self.distortion[index],
        )

    def pinhole(self, index: int) -> PinholeCamera:
        """One camera for an engine.

        Raises:
            ValueError: the cameras have distortion; undistort the images first.
        """
        if self.model != "pinhole":
            raise ValueError(f"a {self.model} camera is no pinhole camera: undistort the images first")
        fx, fy, cx, cy = (float(v) for v in self.intrinsics[index])
        return PinholeCamera(
            fx=fx,
            fy=fy,
            cx=cx,
            cy=cy,
            width=self.width,
            height=self.height,
            cam_from_world=self.cam_from_world[index],
        )

    def resized(self, width: int, height: int) -> Self:
        """The same views at another size in px; distortion has no unit and stays."""
        sx, sy = width / self.width, height / self.height
        return type(self)(
            intrinsics=self.intrinsics * np.array([sx, sy, sx, sy], np.float32),
            cam_from_world=self.cam_from_world,
            width=width,
            height=height,
            model=self.model,
            distortion=self.distortion,
        )

    def moved(self, new_from_world: Similarity) -> Self:
        """The same cameras in a world that was moved, turned and scaled; their pictures do not change."""
        return type(self)(
            intrinsics=self.intrinsics,
            cam_from_world=new_from_world.apply_to_camera(self.cam_from_world).astype(np.float32),
            width=self.width,
            height=self.height,
            model=self.model,
            distortion=self.distortion,
        )

    @property
    def K(self) -> Float:  # noqa: N802 - the field's name for the calibration matrix
        """(c, 3, 3) calibration matrices."""
        matrices = np.zeros((len(self), 3, 3), np.float32)
        matrices[:, 0, 0], matrices[:, 1, 1] = self.intrinsics[:, 0], self.intrinsics[:, 1]
        matrices[:, :2, 2], matrices[:, 2, 2] = self.intrinsics[:, 2:], 1
        return matrices

    @property
    def centers(self) -> Float:
        """(c, 3) positions in the world."""
        rotations, translations = self.cam_from_world[:, :3, :3], self.cam_from_world[:, :3, 3]
        return -np.einsum("cji,cj->ci", rotations, translations)
