"""Rotations as quaternions (wxyz), matrices and rotation vectors. Every function keeps the float type it is given."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", np.float32, np.float64)


def matrix_from_quat(quats: NDArray[Scalar]) -> NDArray[Scalar]:
    """(..., 4) quaternions wxyz, any length but zero, to (..., 3, 3) rotation matrices."""
    q = quats / np.linalg.norm(quats, axis=-1, keepdims=True)
    w, x, y, z = np.moveaxis(q, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quat_from_matrix(matrices: NDArray[Scalar]) -> NDArray[Scalar]:
    """(..., 3, 3) rotation matrices to (..., 4) unit quaternions wxyz with w ≥ 0 (Shepperd 1978, largest of four).

    The candidate with the largest diagonal term is taken, so that no division by a small number happens.
    """
    m = np.asarray(matrices, dtype=np.float64)
    t = np.stack(
        [
            1 + m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2],
            1 + m[..., 0, 0] - m[..., 1, 1] - m[..., 2, 2],
            1 - m[..., 0, 0] + m[..., 1, 1] - m[..., 2, 2],
            1 - m[..., 0, 0] - m[..., 1, 1] + m[..., 2, 2],
        ],
        axis=-1,
    )
    zy, xz, yx = m[..., 2, 1], m[..., 0, 2], m[..., 1, 0]
    yz, zx, xy = m[..., 1, 2], m[..., 2, 0], m[..., 0, 1]
    candidates = np.stack(
        [
            np.stack([t[..., 0], zy - yz, xz - zx, yx - xy], axis=-1),
            np.stack([zy - yz, t[..., 1], yx + xy, xz + zx], axis=-1),
            np.stack([xz - zx, yx + xy, t[..., 2], zy + yz], axis=-1),
            np.stack([yx - xy, xz + zx, zy + yz, t[..., 3]], axis=-1),
        ],
        axis=-2,
    )
    best = np.argmax(t, axis=-1)[..., None, None]
    quats = np.take_along_axis(candidates, np.broadcast_to(best, (*best.shape[:-1], 4)), axis=-2)[..., 0, :]
    quats = quats / np.linalg.norm(quats, axis=-1, keepdims=True)
    upper = np.asarray(np.where(quats[..., :1] < 0, -quats, quats), np.float64)
    return upper.astype(matrices.dtype)


def quat_product(left: NDArray[Scalar], right: NDArray[Scalar]) -> NDArray[Scalar]:
    """(..., 4) Hamilton product; rotating by it is rotating by ``right`` first, then by ``left``."""
    w1, x1, y1, z1 = np.moveaxis(left, -1, 0)
    w2, x2, y2, z2 = np.moveaxis(right, -1, 0)
    return np.stack(
        [
            w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
            w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
            w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
            w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
        ],
        axis=-1,
    )


def quat_conjugate(quats: NDArray[Scalar]) -> NDArray[Scalar]:
    """(..., 4) the inverse of unit quaternions."""
    return np.concatenate([quats[..., :1], -quats[..., 1:]], axis=-1)


def quat_from_rotation_vector(vectors: NDArray[Scalar]) -> NDArray[Scalar]:
    """Exponential map: (..., 3) axis times angle in radians to (..., 4) unit quaternions wxyz."""
    half = np.linalg.norm(vectors, axis=-1, keepdims=True) / 2
    # numpy's sinc is sin(pi t)/(pi t), exact at 0: no series and no branch is needed for small angles.
    return np.concatenate([np.cos(half), vectors / 2 * np.sinc(half / np.pi)], axis=-1).astype(vectors.dtype)


def rotation_vector_from_quat(quats: NDArray[Scalar]) -> NDArray[Scalar]:
    """Logarithm: (..., 4) quaternions wxyz, any length but zero, to (..., 3) axis times angle, angle in [0, pi]."""
    q = np.where(quats[..., :1] < 0, -quats, quats)
    length = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    half = np.arctan2(length, q[..., :1])
    # Near the identity the vector part is half the angle times the axis (times the quaternion's length, which is w).
    tiny = length <= np.finfo(quats.dtype).tiny
    safe = np.where(tiny, 1, length)
    return np.where(tiny, 0, q[..., 1:] * (2 * half / safe)).astype(quats.dtype)


def matrix_from_rotation_vector(vectors: NDArray[Scalar]) -> NDArray[Scalar]:
    """(..., 3) axis times angle in radians to (..., 3, 3) rotation matrices (Rodrigues)."""
    return matrix_from_quat(quat_from_rotation_vector(vectors))
