"""Laws of quaternions, matrices and rotation vectors, checked against SciPy's independent implementation."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from roomsplat.core.rotations import (
    matrix_from_quat,
    matrix_from_rotation_vector,
    quat_conjugate,
    quat_from_matrix,
    quat_from_rotation_vector,
    quat_product,
    rotation_vector_from_quat,
)

Double = NDArray[np.float64]

HALF_TURNS = np.array([[0, 1.0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0.6, 0.8, 0], [0, -0.6, 0, 0.8]])
"""Rotations by exactly 180 degrees: w is 0, where formulas that divide by w break."""


def quats() -> Double:
    """(305, 4) unit quaternions: 300 random ones and the half turns."""
    random = np.random.default_rng(1).normal(size=(300, 4))
    return np.concatenate([random / np.linalg.norm(random, axis=1, keepdims=True), HALF_TURNS])


def scipy_rotation(q: Double) -> Rotation:
    """SciPy's rotation of wxyz quaternions."""
    return Rotation.from_quat(q[:, [1, 2, 3, 0]])


def test_matrix_agrees_with_scipy() -> None:
    """A quaternion gives the rotation matrix that SciPy gives."""
    assert np.allclose(matrix_from_quat(quats()), scipy_rotation(quats()).as_matrix(), rtol=0, atol=1e-14)


def test_matrix_ignores_length_and_sign() -> None:
    """Any non-zero multiple of a quaternion is the same rotation."""
    q = quats()
    assert np.allclose(matrix_from_quat(-3.7 * q), matrix_from_quat(q), rtol=0, atol=1e-14)


def test_quat_from_matrix_inverts_matrix_from_quat() -> None:
    """Quaternion to matrix to quaternion is the same quaternion up to sign, with w at least 0."""
    q = quats()
    back = quat_from_matrix(matrix_from_quat(q))
    assert np.all(back[:, 0] >= 0)
    assert np.allclose(np.abs(np.sum(q * back, axis=1)), 1, rtol=0, atol=1e-14)


def test_product_composes_like_matrices() -> None:
    """The matrix of a product is the product of the matrices, left factor applied last."""
    a, b = quats(), np.roll(quats(), 7, axis=0)
    assert np.allclose(
        matrix_from_quat(quat_product(a, b)), matrix_from_quat(a) @ matrix_from_quat(b), rtol=0, atol=1e-14
    )


def test_conjugate_is_the_inverse() -> None:
    """A unit quaternion times its conjugate is the identity."""
    q = quats()
    assert np.allclose(quat_product(q, quat_conjugate(q)), [1, 0, 0, 0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("angle", [0.0, 1e-150, 1e-12, 1e-6, 1e-3, 1.0, 3.0, np.pi])
def test_exponential_and_logarithm_are_inverse(angle: float) -> None:
    """Rotation vector to quaternion and back returns the vector, from no turn at all to half a turn."""
    axes = np.random.default_rng(2).normal(size=(50, 3))
    vectors = angle * axes / np.linalg.norm(axes, axis=1, keepdims=True)
    q = quat_from_rotation_vector(vectors)
    assert np.allclose(np.linalg.norm(q, axis=1), 1, rtol=0, atol=1e-15)
    back = rotation_vector_from_quat(q)
    if angle == np.pi:  # either end of the same axis
        back *= np.sign(np.sum(back * vectors, axis=1, keepdims=True))
    assert np.allclose(back, vectors, rtol=1e-12, atol=1e-15 * (angle > 1e-9))


def test_rotation_vectors_agree_with_scipy() -> None:
    """The exponential map gives the matrices that SciPy gives, beyond a full turn too."""
    vectors = np.random.default_rng(3).normal(scale=4, size=(200, 3))
    assert np.allclose(
        matrix_from_rotation_vector(vectors), Rotation.from_rotvec(vectors).as_matrix(), rtol=0, atol=1e-13
    )


def test_float_type_is_kept() -> None:
    """Float32 in is float32 out and float64 in is float64 out, in every function."""
    for kind in (np.float32, np.float64):
        q = quats().astype(kind)
        vectors = q[:, 1:].copy()
        matrices = matrix_from_quat(q)
        results = [
            *(matrices, quat_from_matrix(matrices), quat_product(q, q), quat_conjugate(q)),
            *(
                quat_from_rotation_vector(vectors),
                rotation_vector_from_quat(q),
                matrix_from_rotation_vector(vectors),
            ),
        ]
        assert {result.dtype for result in results} == {np.dtype(kind)}


def test_leading_axes_are_kept() -> None:
    """Functions work on any number of leading axes, none included."""
    q = quats()[:12].reshape(3, 4, 4)
    assert quat_from_matrix(matrix_from_quat(q)).shape == (3, 4, 4)
    assert np.allclose(matrix_from_quat(q)[1, 2], matrix_from_quat(q[1, 2]), rtol=0, atol=0)
    assert rotation_vector_from_quat(q[0, 0]).shape == (3,)
