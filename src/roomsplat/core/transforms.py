"""Rigid transforms and similarities, named ``a_from_b`` so that neighbours cancel."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.rotations import matrix_from_quat, quat_from_matrix

Double = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """x ↦ scale · R x + translation. Kept in float64: chains of transforms lose digits in float32."""

    quat: Double
    """(4,) unit quaternion wxyz."""
    translation: Double
    """(3,)."""
    scale: float = 1.0
    """> 0."""

    @property
    def rotation(self) -> Double:
        """(3, 3) matrix."""
        return np.asarray(matrix_from_quat(np.asarray(self.quat, np.float64)), np.float64)

    @property
    def matrix(self) -> Double:
        """(4, 4) homogeneous matrix."""
        result = np.eye(4)
        result[:3, :3], result[:3, 3] = self.scale * self.rotation, self.translation
        return result

    @classmethod
    def from_matrix(cls, matrix: NDArray[np.floating]) -> Self:
        """From a (4, 4) homogeneous matrix whose 3×3 part is scale times a rotation."""
        block = np.asarray(matrix, np.float64)[:3, :3]
        scale = float(np.cbrt(np.linalg.det(block)))
        quat = np.asarray(quat_from_matrix(block / scale), np.float64)
        return cls(quat=quat, translation=np.asarray(matrix, np.float64)[:3, 3], scale=scale)

    def __matmul__(self, other: "Similarity") -> "Similarity":
        """``a_from_b @ b_from_c`` is ``a_from_c``."""
        return Similarity.from_matrix(self.matrix @ other.matrix)

    def inverse(self) -> "Similarity":
        """``a_from_b.inverse()`` is ``b_from_a``."""
        return Similarity.from_matrix(np.linalg.inv(self.matrix))

    def apply(self, points: NDArray[np.floating]) -> Double:
        """(..., 3) points of b to points of a."""
        return self.scale * np.asarray(points, np.float64) @ self.rotation.T + self.translation
