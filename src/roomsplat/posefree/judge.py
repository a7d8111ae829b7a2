"""Is a placed frame where it says? Figures with stated limits; every one must hold.

The limits were set by measurement (docs/lab-notebook.md, "Lost frames"): frames that are right pass with room to
spare, a wall without texture, another room and a pose that is off do not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from roomsplat.core.images import RenderOutput

Double = NDArray[np.float64]

MIN_MATCHES = 25
"""Features of the frame that agree with its pose."""
MAX_SIGMA = 0.015
"""Of the place, as the matches know it, as a share of the depth of what the frame sees."""
MIN_COVERED = 0.4
"""Share of the picture that the scene shows, where known frames looked (``scene.shown``)."""
MIN_EXPLAINED = 0.5
"""Correlation of the photograph's detail with the scene's, over what the scene shows …"""
MIN_EXPLAINED_RELATIVE = 0.75
"""… and as a share of that of the known frames around it."""
MAX_DRIFT = 0.04
"""From the pose of the matches to the aligned one, as a share of the depth; half of it again in radians."""
PUSH, MAX_RETURN = 0.03, 0.01
"""A second alignment starts so far away (share of the depth, and half of it in radians); so near it must come back."""
MAX_SPEED = 6.0
"""Against the median speed of the known frames around it; a film has strides and pauses, but no jumps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is known of a placed frame."""

    matches: int
    sigma: float
    """Share of the depth."""
    covered: float
    """Share of the picture."""
    explained: float
    """Correlation of its detail with the scene's."""
    explained_around: float
    """The same of the known frames around it, in the median."""
    drift: float
    """From matches to alignment, share of the depth."""
    comes_back: float
    """Distance of the two alignments, share of the depth."""
    speed: float
    """In median speeds of the known frames around it."""

    def objection(self) -> str | None:
        """Why the frame is refused, in a few words; ``None``: it is accepted."""
        if self.matches < MIN_MATCHES:
            return f"{self.matches} features match the scene, {MIN_MATCHES} are needed"
        if self.covered < MIN_COVERED:
            return f"the scene covers {self.covered:.0%} of it"
        if self.explained < max(MIN_EXPLAINED, MIN_EXPLAINED_RELATIVE * self.explained_around):
            likeness = f"{self.explained:.2f} alike, where its neighbours are {self.explained_around:.2f}"
            return f"the scene looks different from there ({likeness})"
        if self.sigma > MAX_SIGMA or self.drift > MAX_DRIFT or self.comes_back > MAX_RETURN:
            return "its place is not certain: it sees too little to hold on to"
        if self.speed > MAX_SPEED:
            return f"it would lie {self.speed:.0f} times farther away than the film moves"
        return None


def distance(a: Double, b: Double, depth: float) -> float:
    """Between two poses: of their places as a share of ``depth``, or twice the angle between them, what is more."""
    apart = np.linalg.norm(center(a) - center(b)) / depth
    cosine = (np.trace(a[:3, :3] @ b[:3, :3].T) - 1) / 2
    return float(max(apart, 2 * np.arccos(np.clip(cosine, -1, 1))))


def center(cam_from_world: NDArray[np.floating]) -> Double:
    """(3,) the camera's place."""
    pose = np.asarray(cam_from_world, np.float64)
    return -pose[:3, :3].T @ pose[:3, 3]


def explained(view: RenderOutput, mask: NDArray[np.bool_], picture: NDArray[np.uint8]) -> float:
    """Correlation of the photograph's detail with the scene's, inside ``mask``: 1 shows the same, 0 another place.

    Detail is the grey picture without what varies slowly: walls are bright and corners dark in every room. Both are
    looked at a little softly, as a scene that was fitted briefly is soft.
    """
    if mask.sum() < 50:
        return 0.0
    width = max(mask.shape) / 25
    weight = np.maximum(gaussian_filter(mask.astype(np.float32), width), 1e-3)

    def detail(rgb: NDArray[np.floating]) -> Double:
        grey = np.where(mask, rgb.mean(axis=2), 0)
        values = (gaussian_filter(grey, width / 8) - gaussian_filter(grey, width) / weight)[mask]
        return np.asarray(values - values.mean(), np.float64)

    seen, made = detail(picture / np.float32(255)), detail(view.rgb)
    return float(seen @ made / max(float(np.linalg.norm(seen) * np.linalg.norm(made)), 1e-9))
