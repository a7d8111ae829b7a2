"""Alignment finds the best similarity; the trajectory error does not depend on the frame it was estimated in."""

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.core.alignment import align_similarity, trajectory_error
from roomsplat.core.transforms import RigidTransform, Similarity

Double = NDArray[np.float64]


def walk(count: int = 40, seed: int = 1) -> Double:
    """(count, 3) a smooth path of some metres."""
    return np.cumsum(np.random.default_rng(seed).normal(scale=0.1, size=(count, 3)), axis=0)


def similarity(seed: int) -> Similarity:
    """Any similarity."""
    rng = np.random.default_rng(seed)
    return Similarity(
        quat=rng.normal(size=4), translation=rng.normal(size=3), scale=float(rng.uniform(0.1, 9))
    )


@pytest.mark.parametrize("seed", range(10))
def test_exact_similarity_is_found(seed: int) -> None:
    """Points moved by a similarity give back that similarity."""
    truth = similarity(seed)
    found = align_similarity(walk(), truth.apply(walk()))
    assert np.allclose(found.matrix, truth.matrix, rtol=0, atol=1e-11)


@pytest.mark.parametrize("seed", range(10))
def test_no_nearby_similarity_is_better(seed: int) -> None:
    """With noise, every small change of the found similarity raises the squared distance."""
    rng = np.random.default_rng(seed)
    source, target = walk(), similarity(seed).apply(walk()) + rng.normal(scale=0.3, size=(40, 3))
    found = align_similarity(source, target)

    def cost(candidate: Similarity) -> float:
        return float(np.sum((candidate.apply(source) - target) ** 2))

    for direction in np.concatenate([np.eye(7), -np.eye(7), rng.normal(size=(20, 7))]):
        step = RigidTransform.exp(1e-3 * direction[:6])
        nudge = Similarity(
            quat=step.quat, translation=step.translation, scale=float(np.exp(1e-3 * direction[6]))
        )
        assert cost(nudge @ found) > cost(found)


def test_mirrored_points_still_give_a_rotation() -> None:
    """Points that are best explained by a mirror are aligned by a proper rotation all the same (Umeyama's case S)."""
    source = walk()
    found = align_similarity(source, source * [1, 1, -1])
    assert np.isclose(np.linalg.det(found.rotation), 1, rtol=0, atol=1e-12)
    assert found.scale > 0


def test_points_on_a_line_align() -> None:
    """A straight path leaves the turn around itself open, but its points still meet exactly."""
    source = np.linspace(0, 1, 9)[:, None] * [[1.0, 2.0, -1.0]]
    target = similarity(3).apply(source)
    assert np.allclose(align_similarity(source, target).apply(source), target, rtol=0, atol=1e-12)


def test_error_is_blind_to_the_estimate_frame() -> None:
    """Moving, turning or scaling the estimate changes nothing."""
    reference = walk()
    estimate = reference + np.random.default_rng(5).normal(scale=0.02, size=reference.shape)
    plain, moved = (
        trajectory_error(estimate, reference),
        trajectory_error(similarity(6).apply(estimate), reference),
    )
    assert plain.rmse > 0.01
    assert np.isclose(plain.rmse, moved.rmse, rtol=1e-9)
    assert plain.path_length == moved.path_length


def test_error_of_a_known_case() -> None:
    """Four corners of a unit square, two of them raised and two lowered by h, stay h apart however they are aligned."""
    square = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    bent = square + np.array([[0, 0, 0.1], [0, 0, -0.1], [0, 0, 0.1], [0, 0, -0.1]])
    error = trajectory_error(square, bent)
    assert np.isclose(error.rmse, 0.1, rtol=0, atol=1e-3)
    assert np.isclose(error.path_length, 3 * np.sqrt(1 + 0.2**2), rtol=0, atol=1e-12)
    assert np.isclose(error.percent, 100 * error.rmse / error.path_length, rtol=0, atol=1e-12)


def test_float32_far_from_the_origin() -> None:
    """Float32 centres a kilometre from the origin align as well as their digits allow (0.06 mm)."""
    reference = (walk() + 1000).astype(np.float32)
    assert trajectory_error(reference * np.float32(2), reference).rmse < 1e-4


@pytest.mark.parametrize(
    ("source", "target", "sentence"),
    [
        (np.zeros((3, 3)), walk(3), "no scale"),
        (walk(3), np.zeros((3, 3)), "no scale"),
        (walk(3), walk(4), "target has shape"),
        (walk(1), walk(1), "n of 2 or more"),
        (np.zeros((3, 2)), np.zeros((3, 2)), "expected"),
    ],
)
def test_what_cannot_be_aligned_is_refused(source: Double, target: Double, sentence: str) -> None:
    """Too few points, other shapes and points in one place are refused with a sentence."""
    with pytest.raises(ValueError, match=sentence):
        align_similarity(source, target)
