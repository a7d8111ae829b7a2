"""A colour transform per training picture, for cameras that change exposure and white balance as they go.

The rendered colours c become A c + b, one (3, 4) matrix [A b] per picture, learned by Adam beside the Gaussians. It
models what the phone did to one frame, so it is no part of the scene. Two freedoms are tied down:

* Scene and transforms share one (all frames darker, scene brighter): the mean over the training pictures is kept at the
  identity.
* Transforms and view-dependent colour share another: a pull towards the gains that the sparse points show
  (``drift.picture_gains``) lets a transform go only where the pictures insist.
"""

from typing import Self

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-12
_SMALL = 0.005
"""Deviations below this are pulled less, so that the pull has a derivative."""


def identity_exposures(count: int) -> Double:
    """(count, 3, 4) transforms that change nothing."""
    return np.tile(np.eye(3, 4), (count, 1, 1))


class Exposures:
    """The transforms of ``c`` pictures with Adam's moments."""

    def __init__(self, gains: Double) -> None:
        """``gains``: (c, 3) per channel, where the transforms start and are pulled to; of mean 1."""
        count = len(gains)
        self.prior = identity_exposures(count)
        self.prior[:, range(3), range(3)] = gains
        self.matrices = self.prior.copy()
        self._first, self._second = np.zeros((count, 3, 4)), np.zeros((count, 3, 4))
        self._steps = np.zeros(count, np.int64)

    def colour(self, index: int) -> NDArray[np.float32]:
        """(3, 4) of picture ``index``, for ``Engine.photometric_loss``."""
        return self.matrices[index].astype(np.float32)

    def step(self, index: int, gradient: Double, rate: float, pull: float) -> None:
        """One Adam step for picture ``index`` with dL/d[A b] (3, 4), then back to the gauge.

        ``pull``: weight of the sum of absolute deviations from the start, as a part of the loss.
        """
        deviation = self.matrices[index] - self.prior[index]
        gradient = gradient + pull * deviation / np.sqrt(deviation**2 + _SMALL**2)
        self._steps[index] += 1
        count = int(self._steps[index])
        first, second = self._first[index], self._second[index]
        first += (1 - _BETA1) * (gradient - first)
        second += (1 - _BETA2) * (gradient**2 - second)
        scale = np.sqrt(second / (1 - _BETA2**count)) + _EPSILON
        self.matrices[index] -= rate * first / (1 - _BETA1**count) / scale
        self.matrices += np.eye(3, 4) - self.matrices.mean(axis=0)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Everything, for a checkpoint."""
        return {
            "prior": self.prior.copy(),
            "matrices": self.matrices.copy(),
            "first": self._first.copy(),
            "second": self._second.copy(),
            "steps": self._steps.copy(),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> Self:
        """What ``arrays`` gave."""
        made = cls(np.ones((len(arrays["matrices"]), 3)))
        made.prior = np.array(arrays["prior"], np.float64)
        made.matrices = np.array(arrays["matrices"], np.float64)
        made._first = np.array(arrays["first"], np.float64)
        made._second = np.array(arrays["second"], np.float64)
        made._steps = np.array(arrays["steps"], np.int64)
        return made
