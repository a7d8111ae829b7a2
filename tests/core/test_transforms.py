"""Laws of rigid transforms and similarities: they are groups, and they act on points and cameras."""

import numpy as np
import pytest
from scipy.linalg import expm

from roomsplat.core.transforms import RigidTransform, Similarity


def random_similarity(seed: int) -> Similarity:
    """Any rotation, a shift of metres, a scale around 1."""
    rng = np.random.default_rng(seed)
    return Similarity(
        quat=rng.normal(size=4), translation=rng.normal(size=3), scale=float(rng.uniform(0.2, 5))
    )


def random_rigid(seed: int) -> RigidTransform:
    """Any rotation, a shift of metres."""
    rng = np.random.default_rng(seed)
    return RigidTransform(quat=rng.normal(size=4), translation=rng.normal(size=3))


@pytest.mark.parametrize("make", [random_rigid, random_similarity])
def test_composition_is_the_product_of_matrices(make: type) -> None:
    """``a_from_b @ b_from_c`` has the product of the two matrices."""
    a, b = make(1), make(2)
    assert np.allclose((a @ b).matrix, a.matrix @ b.matrix, rtol=0, atol=1e-14)


@pytest.mark.parametrize("make", [random_rigid, random_similarity])
def test_inverse_undoes(make: type) -> None:
    """A transform and its inverse cancel from both sides."""
    a = make(3)
    assert np.allclose((a @ a.inverse()).matrix, np.eye(4), rtol=0, atol=1e-14)
    assert np.allclose((a.inverse() @ a).matrix, np.eye(4), rtol=0, atol=1e-14)
    assert np.allclose((a @ type(a).identity()).matrix, a.matrix, rtol=0, atol=1e-15)


@pytest.mark.parametrize("make", [random_rigid, random_similarity])
def test_apply_is_the_matrix_on_homogeneous_points(make: type) -> None:
    """Applying to points is multiplying the matrix with (x, y, z, 1), for any leading shape."""
    a = make(4)
    points = np.random.default_rng(5).normal(size=(2, 6, 3))
    homogeneous = np.concatenate([points, np.ones((2, 6, 1))], axis=-1)
    assert np.allclose(a.apply(points), (homogeneous @ a.matrix.T)[..., :3], rtol=0, atol=1e-14)


@pytest.mark.parametrize("make", [random_rigid, random_similarity])
def test_matrix_round_trip(make: type) -> None:
    """A transform is what its matrix says, with four rows or three."""
    a = make(6)
    assert np.allclose(type(a).from_matrix(a.matrix).matrix, a.matrix, rtol=0, atol=1e-14)
    assert np.allclose(type(a).from_matrix(a.matrix[:3]).matrix, a.matrix, rtol=0, atol=1e-14)


@pytest.mark.parametrize("size", [0.0, 1e-9, 0.0999, 0.1001, 1.0, 3.1])
def test_exponential_of_a_twist_is_the_matrix_exponential(size: float) -> None:
    """``exp`` agrees with the general matrix exponential, on both sides of its series, and ``log`` inverts it."""
    twist = np.array([0.6, 0.0, 0.8, 0.3, -2.0, 1.0]) * np.array([size] * 3 + [1.0] * 3)
    generator = np.zeros((4, 4))
    x, y, z = twist[:3]
    generator[:3, :3], generator[:3, 3] = [[0, -z, y], [z, 0, -x], [-y, x, 0]], twist[3:]
    transform = RigidTransform.exp(twist)
    assert np.allclose(transform.matrix, expm(generator), rtol=0, atol=1e-13)
    assert np.allclose(transform.log(), twist, rtol=0, atol=1e-12)


def test_moved_camera_sees_the_moved_world() -> None:
    """A camera carried along with the world sees every point in the same direction, ``scale`` times as deep."""
    a = random_similarity(7)
    cam = random_rigid(8)
    points = np.random.default_rng(9).normal(size=(20, 3))
    moved = RigidTransform.from_matrix(a.apply_to_camera(cam.matrix))
    assert np.allclose(moved.apply(a.apply(points)), a.scale * cam.apply(points), rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"quat": np.zeros(4)}, "not all zero"),
        ({"quat": np.ones(3)}, "four numbers"),
        ({"quat": np.full(4, np.nan)}, "four numbers"),
        ({"translation": np.zeros(4)}, "translation has shape"),
        ({"scale": 0.0}, "scale is 0.0"),
        ({"scale": float("nan")}, "scale is nan"),
    ],
)
def test_what_is_no_similarity_is_refused(values: dict[str, object], sentence: str) -> None:
    """A wrong shape, a zero quaternion or a scale that is not positive is refused where it is made."""
    good: dict[str, object] = {"quat": np.array([1.0, 0, 0, 0]), "translation": np.zeros(3), "scale": 1.0}
    with pytest.raises(ValueError, match=sentence):
        Similarity(**{**good, **values})  # pyright: ignore[reportArgumentType] - wrong on purpose


def test_a_mirror_is_no_similarity() -> None:
    """A matrix that mirrors space is refused, not turned into a rotation."""
    with pytest.raises(ValueError, match="mirrors or flattens"):
        Similarity.from_matrix(np.diag([1.0, 1.0, -1.0, 1.0]))
