"""What the camera did to each picture's colours, as the trainer sees it: whether it is learned, and the learning.

It is learned where the sparse points say, before training, that the film drifts (``drift.spread``); otherwise the run
is, bit for bit, one without. Scenes whose film is steady lose a little by it: transforms and view-dependent colour
explain the same things (docs/decisions/0074-appearance-and-transients.md).
"""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.point_cloud import SparseModel
from roomsplat.render.base import PhotometricLoss
from roomsplat.train.config import TrainConfig
from roomsplat.train.drift import picture_gains, sampled_colors, spread
from roomsplat.train.exposure import Exposures, typical_weights
from roomsplat.train.pictures import Pictures
from roomsplat.train.responses import picture_responses


class AppearanceLearning:
    """What a run knows of its training pictures' exposures."""

    def __init__(self, config: TrainConfig, count: int) -> None:
        """``count``: of the training pictures."""
        self._config = config
        self._exposures = Exposures(np.ones((count, 3)))
        self._learns = False

    def begin(self, model: SparseModel, pictures: Pictures, indices: NDArray[np.integer]) -> None:
        """At the start of a run that resumes nothing; ``indices``: the training pictures."""
        if not self._config.learn_exposure:
            return
        colors = sampled_colors(model, pictures, indices)
        gains = picture_gains(colors)
        self._learns = spread(gains) >= self._config.exposure_min_drift
        if self._learns:
            self._exposures = Exposures(*picture_responses(colors, gains, typical_weights(gains)))

    def colour(self, place: int) -> NDArray[np.float32] | None:
        """(3, 5) that the rendering of training picture ``place`` goes through; ``None``: as it is."""
        return self._exposures.colour(place) if self._learns else None

    def learn(self, place: int, loss: PhotometricLoss, step: int) -> None:
        """Take in what ``step`` found out about its picture."""
        gradient = loss.grad_colour
        if gradient is not None:
            rate = self._config.exposure_rate * (1 - step / self._config.max_steps)
            self._exposures.step(place, gradient, rate, self._config.exposure_pull)

    def of_all(self, count: int, indices: NDArray[np.integer]) -> NDArray[np.float64] | None:
        """(count, 3, 5) of all pictures, of which ``indices``, ascending, are the training pictures.

        ``None``: not learned. The others' lie between those of their neighbours in the film; before the first and
        after the last one there is only one neighbour.
        """
        if not self._learns:
            return None
        learned = self._exposures.matrices.reshape(-1, 15)
        between = [np.interp(np.arange(count), indices, entry) for entry in learned.T]
        return np.stack(between, axis=1).reshape(-1, 3, 5)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Everything, for a checkpoint."""
        return self._exposures.arrays() | {"learns": np.array(self._learns)}

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take back what ``arrays`` gave."""
        self._exposures, self._learns = Exposures.from_arrays(arrays), bool(arrays["learns"])
