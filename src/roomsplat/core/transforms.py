"""Rigid transforms and similarities, named ``a_from_b`` so that neighbours cancel.

Values are kept in float64: chains of transforms lose digits in float32. A similarity is a rigid transform with a scale;
the two do not inherit from each other, because a rigid transform that met a similarity would no longer be one.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.rotations import (
    matrix_from_quat,
    quat_conjugate,
    quat_from_matrix,
    quat_from_rotation_vector,
    quat_product,
    rotation_vector_from_quat,
)

Double = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RigidTransform:
    """x ↦ R x + translation: an element of SE(3)."""

    quat: Double
    """(4,) quaternion wxyz; made unit here."""
    translation: Double
    """(3,)."""

    def __post_init__(self) -> None:
        """Check the shapes and make the quaternion unit."""
        object.__setattr__(self, "quat", _unit_quat(self.quat))
        object.__setattr__(self, "translation", _vector(self.translation))

    @classmethod
    def identity(cls) -> Self:
        """The transform that changes nothing."""
        return cls(quat=np.array([1.0, 0, 0, 0]), translation=np.zeros(3))

    @classmethod
    def from_matrix(cls, matrix: NDArray[np.floating]) -> Self:
        """From a (4, 4) or (3, 4) matrix whose 3×3 part is a rotation."""
        given = np.asarray(matrix, np.float64)
        return cls(quat=quat_from_matrix(given[:3, :3]), translation=given[:3, 3])

    @classmethod
    def exp(cls, twist: NDArray[np.floating]) -> Self:
        """Exponential map of a (6,) twist: rotation vector first, then translation (Barfoot 2017, section 7.1)."""
        given = np.asarray(twist, np.float64)
        return cls(
            quat=quat_from_rotation_vector(given[:3]), translation=_left_jacobian(given[:3]) @ given[3:]
        )

    @property
    def rotation(self) -> Double:
        """(3, 3) matrix."""
        return matrix_from_quat(self.quat)

    @property
    def matrix(self) -> Double:
        """(4, 4) homogeneous matrix."""
        return _homogeneous(self.rotation, self.translation)

    def log(self) -> Double:
        """(6,) the twist whose exponential this is, angle in [0, pi]."""
        vector = rotation_vector_from_quat(self.quat)
        moved = np.linalg.solve(_left_jacobian(vector), self.translation)
        return np.concatenate([vector, moved], dtype=np.float64)

    def __matmul__(self, other: "RigidTransform") -> "RigidTransform":
        """``a_from_b @ b_from_c`` is ``a_from_c``."""
        return RigidTransform(
            quat=quat_product(self.quat, other.quat),
            translation=self.rotation @ other.translation + self.translation,
        )

    def inverse(self) -> "RigidTransform":
        """``a_from_b.inverse()`` is ``b_from_a``."""
        return RigidTransform(quat=quat_conjugate(self.quat), translation=-self.rotation.T @ self.translation)

    def apply(self, points: NDArray[np.floating]) -> Double:
        """(..., 3) points of b to points of a."""
        return np.asarray(points, np.float64) @ self.rotation.T + self.translation


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """x ↦ scale · R x + translation: an element of Sim(3)."""

    quat: Double
    """(4,) quaternion wxyz; made unit here."""
    translation: Double
    """(3,)."""
    scale: float = 1.0
    """> 0."""

    def __post_init__(self) -> None:
        """Check the values and make the quaternion unit."""
        object.__setattr__(self, "quat", _unit_quat(self.quat))
        object.__setattr__(self, "translation", _vector(self.translation))
        if not self.scale > 0:
            raise ValueError(f"scale is {self.scale}, expected more than 0")

    @classmethod
    def identity(cls) -> Self:
        """The similarity that changes nothing."""
        return cls(quat=np.array([1.0, 0, 0, 0]), translation=np.zeros(3))

    @classmethod
    def from_matrix(cls, matrix: NDArray[np.floating]) -> Self:
        """From a (4, 4) or (3, 4) matrix whose 3×3 part is a positive scale times a rotation."""
        given = np.asarray(matrix, np.float64)
        scale = float(np.cbrt(np.linalg.det(given[:3, :3])))
        if not scale > 0:
            raise ValueError("the matrix mirrors or flattens space: it is no similarity")
        return cls(quat=quat_from_matrix(given[:3, :3] / scale), translation=given[:3, 3], scale=scale)

    @property
    def rotation(self) -> Double:
        """(3, 3) matrix."""
        return matrix_from_quat(self.quat)

    @property
    def matrix(self) -> Double:
        """(4, 4) homogeneous matrix."""
        return _homogeneous(self.scale * self.rotation, self.translation)

    def __matmul__(self, other: "Similarity") -> "Similarity":
        """``a_from_b @ b_from_c`` is ``a_from_c``."""
        return Similarity(
            quat=quat_product(self.quat, other.quat),
            translation=self.scale * self.rotation @ other.translation + self.translation,
            scale=self.scale * other.scale,
        )

    def inverse(self) -> "Similarity":
        """``a_from_b.inverse()`` is ``b_from_a``."""
        return Similarity(
            quat=quat_conjugate(self.quat),
            translation=-self.rotation.T @ self.translation / self.scale,
            scale=1 / self.scale,
        )

    def apply(self, points: NDArray[np.floating]) -> Double:
        """(..., 3) points of b to points of a."""
        return self.scale * np.asarray(points, np.float64) @ self.rotation.T + self.translation

    def apply_to_camera(self, cam_from_b: NDArray[np.floating]) -> Double:
        """(..., 4, 4) rigid cam_from_b to rigid cam_from_a: the same cameras in a world moved and scaled.

        Depth in the cameras is multiplied by ``scale``; pictures do not change.
        """
        old = np.asarray(cam_from_b, np.float64)
        new = np.zeros_like(old)
        new[..., :3, :3] = old[..., :3, :3] @ self.rotation.T
        new[..., :3, 3] = self.scale * old[..., :3, 3] - new[..., :3, :3] @ self.translation
        new[..., 3, 3] = 1
        return new


def _unit_quat(quat: NDArray[np.floating]) -> Double:
    """(4,) float64 of length 1."""
    given = np.asarray(quat, np.float64)
    length = float(np.linalg.norm(given))
    if given.shape != (4,) or not 0 < length < np.inf:
        raise ValueError(f"quat is {given}, expected four numbers, not all zero")
    return given / length


def _vector(value: NDArray[np.floating]) -> Double:
    """(3,) float64."""
    given = np.asarray(value, np.float64)
    if given.shape != (3,):
        raise ValueError(f"translation has shape {given.shape}, expected (3,)")
    return given


def _homogeneous(block: Double, translation: Double) -> Double:
    """(4, 4) from its (3, 3) and (3,) parts."""
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = block, translation
    return result


def _left_jacobian(vector: Double) -> Double:
    """(3, 3) left Jacobian of SO(3): the rotation's mean along its vector (Barfoot 2017, equation 7.37)."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    first = 0.5 * float(np.sinc(angle / 2 / np.pi)) ** 2  # (1 - cos a) / a² without its cancellation
    # Below 0.1 the closed form loses digits to cancellation; four terms of its series are exact to 3e-16 there.
    if angle < 0.1:
        second = 1 / 6 - angle**2 / 120 + angle**4 / 5040 - angle**6 / 362880
    else:
        second = (angle - float(np.sin(angle))) / angle**3
    return np.eye(3) + first * cross + second * cross @ cross
