"""Laws of the per-picture colour transforms."""

import numpy as np
import pytest

from roomsplat.train.appearance import AppearanceLearning
from roomsplat.train.colour_fit import recoloured
from roomsplat.train.config import TrainConfig
from roomsplat.train.exposure import Exposures, exposures_of, grey_gains, identity_exposures, typical_weights


def test_the_mean_stays_the_identity() -> None:
    """Whatever gradients come, scene and transforms cannot trade brightness."""
    rng, exposures = np.random.default_rng(0), Exposures(np.ones((5, 3)))
    for _ in range(50):
        exposures.step(int(rng.integers(5)), rng.normal(size=(3, 5)), 1e-2, 0.0)
    np.testing.assert_allclose(exposures.matrices.mean(axis=0), np.eye(3, 5), atol=1e-12)
    assert np.abs(exposures.matrices - identity_exposures(5)).max() > 1e-3


def test_steps_go_down_the_gradient() -> None:
    """Known gains are found from the gradient of the squared error."""
    gains, exposures = np.array([0.8, 1.2]), Exposures(np.ones((2, 3)))
    for turn in range(2000):
        index = turn % 2
        error = np.zeros((3, 5))
        error[:, :3] = exposures.matrices[index, :, :3] - gains[index] * np.eye(3)
        exposures.step(index, error, 5e-3, 0.0)
    np.testing.assert_allclose(exposures.matrices[:, 0, 0], gains, atol=0.02)


def test_the_scene_has_the_colours_of_the_typical_pictures() -> None:
    """Whatever is learned, it is their mean that stays the identity: a few that are far brighter hardly count."""
    rng = np.random.default_rng(3)
    gains = np.array([[1.0], [1.02], [0.98], [1.01], [2.0], [2.2]]) * np.ones(3)
    exposures = Exposures(gains)
    np.testing.assert_allclose(exposures.matrices[:4, 0, 0], gains[:4, 0], rtol=0.02)
    for _ in range(50):
        exposures.step(int(rng.integers(6)), rng.normal(size=(3, 5)), 1e-2, 0.0)
    weighted = np.tensordot(typical_weights(gains), exposures.matrices, 1)
    np.testing.assert_allclose(weighted, np.eye(3, 5), atol=1e-12)
    assert typical_weights(gains)[4:].sum() < 0.01


def test_a_response_curve_is_found() -> None:
    """From slopes of the squared error alone, a bright picture's shoulder is learned to a hundredth."""
    rng, exposures = np.random.default_rng(4), Exposures(np.tile([[1.0], [1.0], [1.3]], 3))
    bright = np.column_stack([1.5 * np.eye(3), np.zeros(3), np.full(3, -0.4)])
    raw = np.stack([np.eye(3, 5), np.eye(3, 5), bright])
    truths = raw + np.eye(3, 5) - np.tensordot(exposures.weights, raw, 1)
    for turn in range(6000):
        index, colours = turn % 3, rng.random((8, 8, 3))
        error = recoloured(np, colours, exposures.matrices[index]) - recoloured(np, colours, truths[index])
        inputs = np.concatenate([colours, np.ones((8, 8, 1))], axis=2)
        slope = np.einsum("hwk,hwj->kj", error, inputs) / 64
        squares = np.einsum("hwk,hwk->k", error, colours**2) / 64
        rate = 5e-3 * (1 - turn / 6000)
        exposures.step(index, np.column_stack([slope, squares]), rate, 0.0)
    colours = rng.random((20, 20, 3))
    shown, wanted = (recoloured(np, colours, matrix) for matrix in (exposures.matrices[2], truths[2]))
    np.testing.assert_allclose(shown, wanted, atol=0.01)


def test_a_map_keeps_rising() -> None:
    """However long gradients ask for it, brighter stays brighter from black to beyond white."""
    exposures = Exposures(np.ones((2, 3)))
    colours = np.linspace(0, 1.1, 30)[:, None, None] * np.ones(3)
    for sign in (1.0, -1.0):
        for _ in range(500):
            exposures.step(0, np.column_stack([np.zeros((3, 4)), np.full(3, sign)]), 1e-2, 0.0)
        assert np.abs(exposures.matrices[0, :, 4]).min() > 0.1
        for matrix in exposures.matrices:
            assert (np.diff(recoloured(np, colours, matrix), axis=0) > 0).all()


def test_a_square_leaves_the_gain_at_mid_grey() -> None:
    """A slope of the squares alone, less what mid grey has of it, moves no gain that the points have shown."""
    exposures = Exposures(np.array([[0.8], [1.2]]) * np.ones(3))
    before = grey_gains(exposures.matrices)
    slope = np.zeros((3, 5))
    slope[:, 4] = 0.01
    exposures.step(0, slope, 5e-3, 0.03)
    assert np.abs(exposures.matrices[:, :, 4]).min() > 1e-3
    np.testing.assert_allclose(grey_gains(exposures.matrices), before, atol=1e-12)


def test_the_pull_leaves_squares_alone() -> None:
    """Back to the gains that the points have shown it goes by the gains: no square makes up for one."""
    for change in (-0.1, 0.1):
        exposures = Exposures(np.array([[0.8], [1.2]]) * np.ones(3))
        exposures.matrices[0, range(3), range(3)] += change
        exposures.matrices[1, range(3), range(3)] -= change
        exposures.step(0, np.zeros((3, 5)), 5e-3, 0.03)
        moved = exposures.matrices[0, range(3), range(3)] - exposures.prior[0, range(3), range(3)]
        assert (np.abs(moved) < 0.099).all()
        assert not exposures.matrices[:, :, 4].any()


def test_what_earlier_versions_stored_is_read() -> None:
    """A (c, 3, 4) file is the same map without squares; anything else is no file of transforms."""
    stored = np.random.default_rng(5).normal(size=(4, 3, 4))
    read = exposures_of(stored)
    np.testing.assert_array_equal(read[:, :, :4], stored)
    assert read.shape == (4, 3, 5)
    assert not read[:, :, 4].any()
    np.testing.assert_array_equal(exposures_of(read), read)
    with pytest.raises(ValueError, match="shape"):
        exposures_of(stored[:, :2])


def test_arrays_restore_everything() -> None:
    """Two copies go on alike."""
    rng, one = np.random.default_rng(1), Exposures(np.array([[0.7], [1.0], [1.3]]) * np.ones(3))
    for index in range(3):
        one.step(index, rng.normal(size=(3, 5)), 1e-2, 0.0)
    two = Exposures.from_arrays(one.arrays())
    for run in (one, two):
        run.step(1, np.ones((3, 5)), 1e-2, 0.0)
    assert np.array_equal(one.matrices, two.matrices)


def test_held_out_pictures_lie_between_their_neighbours() -> None:
    """In the film's order, each entry on its own; outside, the nearest training picture's."""
    rng, indices = np.random.default_rng(2), np.array([1, 2, 4, 7])
    learning = AppearanceLearning(TrainConfig(), len(indices))
    arrays = Exposures(np.ones((4, 3))).arrays() | {"learns": np.ones((), bool)}
    arrays["matrices"] = rng.normal(size=(4, 3, 5))
    learning.restore(arrays)
    everyone, learned = learning.of_all(9, indices), arrays["matrices"]
    assert everyone is not None
    np.testing.assert_allclose(everyone[indices], learned, atol=1e-12)
    np.testing.assert_allclose(everyone[3], (learned[1] + learned[2]) / 2, atol=1e-12)
    np.testing.assert_allclose(everyone[5], (2 * learned[2] + learned[3]) / 3, atol=1e-12)
    np.testing.assert_allclose(everyone[[0, 8]], learned[[0, 3]], atol=1e-12)
