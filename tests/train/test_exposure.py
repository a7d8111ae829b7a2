"""Laws of the per-picture colour transforms."""

import numpy as np

from roomsplat.train.appearance import AppearanceLearning
from roomsplat.train.config import TrainConfig
from roomsplat.train.exposure import Exposures, identity_exposures


def test_the_mean_stays_the_identity() -> None:
    """Whatever gradients come, scene and transforms cannot trade brightness."""
    rng, exposures = np.random.default_rng(0), Exposures(np.ones((5, 3)))
    for _ in range(50):
        exposures.step(int(rng.integers(5)), rng.normal(size=(3, 4)), 1e-2, 0.0)
    np.testing.assert_allclose(exposures.matrices.mean(axis=0), np.eye(3, 4), atol=1e-12)
    assert np.abs(exposures.matrices - identity_exposures(5)).max() > 1e-3


def test_steps_go_down_the_gradient() -> None:
    """Known gains are found from the gradient of the squared error."""
    gains, exposures = np.array([0.8, 1.2]), Exposures(np.ones((2, 3)))
    for turn in range(2000):
        index = turn % 2
        error = np.zeros((3, 4))
        error[:, :3] = exposures.matrices[index, :, :3] - gains[index] * np.eye(3)
        exposures.step(index, error, 5e-3, 0.0)
    np.testing.assert_allclose(exposures.matrices[:, 0, 0], gains, atol=0.02)


def test_arrays_restore_everything() -> None:
    """Two copies go on alike."""
    rng, one = np.random.default_rng(1), Exposures(np.ones((3, 3)))
    for index in range(3):
        one.step(index, rng.normal(size=(3, 4)), 1e-2, 0.0)
    two = Exposures.from_arrays(one.arrays())
    for run in (one, two):
        run.step(1, np.ones((3, 4)), 1e-2, 0.0)
    assert np.array_equal(one.matrices, two.matrices)


def test_held_out_pictures_lie_between_their_neighbours() -> None:
    """In the film's order, each entry on its own; outside, the nearest training picture's."""
    rng, indices = np.random.default_rng(2), np.array([1, 2, 4, 7])
    learning = AppearanceLearning(TrainConfig(), len(indices))
    arrays = Exposures(np.ones((4, 3))).arrays() | {"learns": np.ones((), bool)}
    arrays["matrices"] = rng.normal(size=(4, 3, 4))
    learning.restore(arrays)
    everyone, learned = learning.of_all(9, indices), arrays["matrices"]
    assert everyone is not None
    np.testing.assert_allclose(everyone[indices], learned, atol=1e-12)
    np.testing.assert_allclose(everyone[3], (learned[1] + learned[2]) / 2, atol=1e-12)
    np.testing.assert_allclose(everyone[5], (2 * learned[2] + learned[3]) / 3, atol=1e-12)
    np.testing.assert_allclose(everyone[[0, 8]], learned[[0, 3]], atol=1e-12)
