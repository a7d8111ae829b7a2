"""Rotations as unit quaternions (wxyz) and matrices."""

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


def matrix_from_quat(quats: Float) -> Float:
    """(..., 4) quaternions wxyz, any length but zero, to (..., 3, 3) rotation matrices of the same float type."""
    q = quats / np.linalg.norm(quats, axis=-1, keepdims=True)
    w, x, y, z = np.moveaxis(q, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quat_from_matrix(matrices: Float) -> Float:
    """(..., 3, 3) rotation matrices to (..., 4) unit quaternions wxyz with w ≥ 0 (Bar-Itzhack 2000, largest of four).

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
    quats = np.where(quats[..., :1] < 0, -quats, quats)
    return quats.astype(np.float32)
