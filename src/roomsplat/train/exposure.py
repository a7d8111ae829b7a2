"""A colour transform per training picture, for cameras that change exposure, white balance and tone curve as they go.

The rendered colours c become A c + b + q c², the square channel by channel: one (3, 5) matrix [A | b | q] per picture,
learned by Adam beside the Gaussians. The square is the response curve, the shoulder with which a bright exposure rolls
off. PPISP (arXiv 2601.18336, 2026) learns exposure and colour per frame and one curve per camera; ours belongs to the
picture, as phones bend it with the exposure. It is the quadratic colour fit that Mildenhall et al. 2022 ("NeRF in the
Dark", section 5) compare with, less the products of channels. The transform models what the
phone did to one frame, so it is no part of the scene. Two freedoms are tied down:

* Scene and transforms share one (all frames darker, scene brighter): the weighted mean over the training pictures is
  kept at the identity, and the typically exposed ones weigh most. So the scene has their colours, curve included.
* Transforms and view-dependent colour share another: a pull towards the gains that the sparse points show
  (``drift.picture_gains``) lets a transform go only where the pictures insist.

A gain and a square do nearly the same to the middle of the range. Adam and the pull therefore work on the gain at mid
grey, A_kk + ``MID_GREY`` q_k, instead of A_kk: then a square that is learned leaves it alone.
"""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from roomsplat.train.responses import MID_GREY

Double = NDArray[np.float64]
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-12
_SMALL = 0.005
"""Deviations below this are pulled less, so that the pull has a derivative."""
_SQUARE_RATE = 5.0
"""Squares learn faster than gains by this: a gain of 1.9 with a soft shoulder needs -0.6, and the sparse points show a
part of it."""
_MOST_SQUARE = 0.5
"""Of the gain at mid grey: with it the map still rises up to colours of 1.2."""
_TYPICAL = 0.03
"""Standard deviation, in the logarithm of the gain around the median, of the pictures that the scene's colours are
taken from. With 0.2 the shoulders of pictures 1.3 times as bright came into the scene, a curve that no colour map of
a steady picture undoes: 0.4 dB of a room whose exposure jumps."""
_DIAGONAL = (range(3), range(3))


def identity_exposures(count: int) -> Double:
    """(count, 3, 5) transforms that change nothing."""
    return np.tile(np.eye(3, 5), (count, 1, 1))


def exposures_of(stored: Double) -> Double:
    """(c, 3, 5) transforms from a file, where those of earlier versions are (c, 3, 4): the same map without squares.

    Raises:
        ValueError: these are no transforms.
    """
    if stored.ndim != 3 or stored.shape[1:] not in ((3, 4), (3, 5)):
        raise ValueError(f"colour transforms of shape {stored.shape}")
    return np.pad(stored, ((0, 0), (0, 0), (0, 5 - stored.shape[2])))


def grey_gains(matrices: Double) -> Double:
    """(..., 3) factor on a mid grey's channels of (..., 3, 5) transforms, offsets and other channels left out."""
    return matrices[..., *_DIAGONAL] + MID_GREY * matrices[..., 4]


def typical_weights(gains: Double) -> Double:
    """(c,) weights of sum 1 of pictures with (c, 3) ``gains``: how near each is to the one in the middle."""
    logs = np.log(gains).mean(axis=1)
    weights = np.exp(-0.5 * ((logs - np.median(logs)) / _TYPICAL) ** 2)
    return weights / weights.sum()


class Exposures:
    """The transforms of ``c`` pictures with Adam's moments."""

    def __init__(self, gains: Double, squares: Double | None = None) -> None:
        """Where the transforms start and are pulled to.

        Args:
            gains: (c, 3) per channel at mid grey, up to a common factor.
            squares: (c, 3), up to a common summand; none: 0.
        """
        count = len(gains)
        self.weights = typical_weights(gains)
        """(c,) in the mean that is the identity."""
        self.prior = identity_exposures(count)
        if squares is not None:
            self.prior[:, :, 4] = squares - self.weights @ squares
        self.prior[:, *_DIAGONAL] = gains / (self.weights @ gains) - MID_GREY * self.prior[:, :, 4]
        self.matrices = self.prior.copy()
        self._first, self._second = np.zeros((count, 3, 5)), np.zeros((count, 3, 5))
        self._steps = np.zeros(count, np.int64)

    def colour(self, index: int) -> NDArray[np.float32]:
        """(3, 5) of picture ``index``, for ``Engine.photometric_loss``."""
        return self.matrices[index].astype(np.float32)

    def step(self, index: int, gradient: Double, rate: float, pull: float) -> None:
        """One Adam step for picture ``index`` with dL/d[A | b | q] (3, 5), then back to the gauge.

        ``pull``: weight of the sum of absolute deviations from the start, as a part of the loss; squares are free.
        """
        deviation = self.matrices[index] - self.prior[index]
        deviation[_DIAGONAL], deviation[:, 4] = grey_gains(deviation), 0
        gradient = gradient.copy()
        gradient[:, 4] -= MID_GREY * gradient[_DIAGONAL]  # at a held gain at mid grey
        gradient += pull * deviation / np.sqrt(deviation**2 + _SMALL**2)
        change = rate * self._adam(index, gradient)
        change[:, 4] *= _SQUARE_RATE
        matrix = self.matrices[index]
        grey = grey_gains(matrix) - change[_DIAGONAL]
        matrix -= change
        matrix[:, 4] = np.clip(matrix[:, 4], -_MOST_SQUARE * grey, _MOST_SQUARE * grey)
        matrix[_DIAGONAL] = grey - MID_GREY * matrix[:, 4]
        self.matrices += np.eye(3, 5) - np.tensordot(self.weights, self.matrices, 1)

    def _adam(self, index: int, gradient: Double) -> Double:
        """(3, 5) direction of Adam's step for picture ``index``, about 1 in size."""
        self._steps[index] += 1
        count = int(self._steps[index])
        first, second = self._first[index], self._second[index]
        first += (1 - _BETA1) * (gradient - first)
        second += (1 - _BETA2) * (gradient**2 - second)
        return first / (1 - _BETA1**count) / (np.sqrt(second / (1 - _BETA2**count)) + _EPSILON)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Everything, for a checkpoint."""
        return {
            "weights": self.weights.copy(),
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
        made.weights = np.array(arrays["weights"], np.float64)
        made.prior = np.array(arrays["prior"], np.float64)
        made.matrices = np.array(arrays["matrices"], np.float64)
        made._first = np.array(arrays["first"], np.float64)
        made._second = np.array(arrays["second"], np.float64)
        made._steps = np.array(arrays["steps"], np.int64)
        return made
