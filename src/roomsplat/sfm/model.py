"""One reconstruction as arrays, inside the solving process."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.sfm.solution import Lens


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedModel:
    """One reconstruction as arrays, frames by their number in the film."""

    lens: Lens
    frames: NDArray[np.int64]
    """(c,) ascending."""
    cam_from_world: NDArray[np.float64]
    """(c, 4, 4)."""
    points: NDArray[np.float64]
    """(p, 3)."""
    errors: NDArray[np.float64]
    """(p,) px."""
    is_assumed: NDArray[np.bool_]
    """(p,) the direction is known, the distance only assumed: seen by a camera that turned on the spot."""
    observation_frames: NDArray[np.int64]
    """(o,) row of ``frames``."""
    observation_points: NDArray[np.int64]
    """(o,) row of ``points``."""
    observation_features: NDArray[np.int64]
    """(o,) which feature of that frame."""
    folder: Path
    """Where COLMAP wrote it, to continue from."""

    @property
    def centers(self) -> NDArray[np.float64]:
        """(c, 3) where the cameras stand."""
        return -np.einsum("cji,cj->ci", self.cam_from_world[:, :3, :3], self.cam_from_world[:, :3, 3])

    def part(self, keep: slice | NDArray[np.bool_]) -> "MappedModel":
        """Only these rows of ``frames``, and the points that two of them saw."""
        rows = np.arange(len(self.frames))[keep]
        new_row = np.full(len(self.frames), -1)
        new_row[rows] = np.arange(len(rows))
        stays = new_row[self.observation_frames] >= 0
        seen = np.bincount(self.observation_points[stays], minlength=len(self.points)) >= 2
        stays &= seen[self.observation_points]
        return replace(
            self,
            frames=self.frames[rows],
            cam_from_world=self.cam_from_world[rows],
            points=self.points[seen],
            errors=self.errors[seen],
            is_assumed=self.is_assumed[seen],
            observation_frames=new_row[self.observation_frames[stays]],
            observation_points=(np.cumsum(seen) - 1)[self.observation_points[stays]],
            observation_features=self.observation_features[stays],
        )
