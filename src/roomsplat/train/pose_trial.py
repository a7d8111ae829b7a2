"""Whether the cameras' places should be learned at all, and the learning of them as the trainer sees it.

Places that are right do not stay right when they are learned: a scene that is not yet finished pulls at them, the
training pictures are fitted no better and held-out ones up to 0.5 dB worse (docs/lab-notebook.md, "Poses learned with
the Gaussians"). So it is tried out first. A few training pictures' cameras move; the Gaussians, which were fitted to
the places as they were given, do not. The loss then falls by 4 to 20 % where cameras are 0.3° off, by 1 to 9 % at 0.1°,
by 0.5 to 1.7 % where they are as right as a film's get. If it falls enough the cameras move; otherwise the run is, bit
for bit, one without.

Later it is asked once more what their new places are worth. By then the Gaussians are used to them, so this is a net
for movements that did not matter, not a second trial: 1 to 8 % of the loss were measured where cameras had been right,
5 to 63 % where they had been wrong.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras, PinholeCamera
from roomsplat.render.base import CameraSlope, Gradients
from roomsplat.train import schedule
from roomsplat.train.config import TrainConfig
from roomsplat.train.poses import CameraCorrections

Look = Callable[[PinholeCamera, int], tuple[float, Callable[[], Gradients]]]
"""The loss of a training picture as the Gaussians show it from a camera, and its gradients for whoever asks at once."""

_VIEWS = 8
"""Pictures that are tried; with fewer training pictures than this nothing is."""
_ROUNDS = 8
"""Steps of each of them in a trial, which costs as much as some 60 steps of training at the same size."""
_RATE, _DECAY = 1e-3, 0.8
_DOUBT = 0.5
"""Of the threshold: below it a trial says no for good; above it another one is made later."""
_OPEN, _CLOSED = -1, -2


class PoseLearning:
    """What a run knows of its training cameras, and whether they move."""

    def __init__(self, config: TrainConfig, cameras: Cameras, extent: float) -> None:
        """``cameras``: of the training pictures; ``extent`` in world units."""
        self._config, self._cameras, self._extent = config, cameras, extent
        self.corrections = CameraCorrections(cameras, extent)
        self._views = np.unique(np.linspace(0, len(cameras) - 1, _VIEWS).round().astype(np.int64)).tolist()
        self._trials = [schedule.boundary_at(config, share) for share in config.poses.trials]
        self._review = schedule.boundary_at(config, config.poses.review)
        self._begun = _OPEN if config.refine_poses and len(cameras) >= _VIEWS else _CLOSED
        self.gain = 0.0
        """Share of the loss that the last trial or review found to be gained."""

    @property
    def moving(self) -> bool:
        """Whether cameras move."""
        return self._begun >= 0

    def camera(self, place: int, given: PinholeCamera) -> PinholeCamera:
        """Of training picture ``place``, given its camera at the present size; the same object while nothing moves."""
        return self.corrections.moved(place, given) if self.moving else given

    def learn(self, place: int, slope: CameraSlope, step: int) -> None:
        """Take in what ``step`` found out about its camera."""
        if self.moving:
            rate = schedule.pose_rate(self._config, step, self._begun, len(self._cameras))
            self.corrections.step(place, slope.values, rate)

    def consider(self, done: int, given: Callable[[int], PinholeCamera], look: Look) -> None:
        """At a boundary after ``done`` steps: begin, go on or go back, if it is time to decide that."""
        if done == self._config.max_steps:
            return
        enough = self._config.poses.min_gain
        if self._begun == _OPEN and done in self._trials:
            self.gain = self._gain_of_trial(given, look)
            if self.gain >= enough:
                self._begun = done
            elif self.gain < _DOUBT * enough:
                self._begun = _CLOSED
        elif self.moving and done == self._review:
            self.gain = self._gain_so_far(given, look)
            if self.gain < self._config.poses.keep_gain:
                self.corrections = CameraCorrections(self._cameras, self._extent)
                self._begun = _CLOSED

    def _gain_of_trial(self, given: Callable[[int], PinholeCamera], look: Look) -> float:
        """By how much the loss of the pictures tried falls when only their cameras move."""
        tried = CameraCorrections(self._cameras[np.array(self._views)], self._extent, hold_gauge=False)
        before = 0.0
        for turn in range(_ROUNDS):
            for i, place in enumerate(self._views):
                loss, gradients = look(tried.moved(i, given(place)), place)
                before += loss if turn == 0 else 0.0
                tried.step(i, np.append(gradients().pose, 0.0), _RATE * _DECAY**turn)
        after = sum(look(tried.moved(i, given(place)), place)[0] for i, place in enumerate(self._views))
        return 1 - after / max(before, 1e-12)

    def _gain_so_far(self, given: Callable[[int], PinholeCamera], look: Look) -> float:
        """By how much the loss is lower at the cameras' present places than at those given."""
        before = sum(look(given(place), place)[0] for place in self._views)
        after = sum(look(self.camera(place, given(place)), place)[0] for place in self._views)
        return 1 - after / max(before, 1e-12)

    def applied(self, cameras: Cameras, indices: NDArray[np.integer]) -> Cameras:
        """``cameras`` of all pictures, of which ``indices`` are the training pictures; themselves if none moved."""
        return self.corrections.applied(cameras, indices) if self.moving else cameras

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Everything, for a checkpoint."""
        return self.corrections.arrays() | {"begun": np.array(self._begun), "gain": np.array(self.gain)}

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take back what ``arrays`` gave."""
        self.corrections.restore(arrays)
        self._begun, self.gain = int(arrays["begun"]), float(arrays["gain"])
