"""What structure from motion takes; every number was chosen by measurement (docs/lab-notebook.md)."""

from dataclasses import dataclass
from typing import Literal, get_args

from roomsplat.errors import InvalidSettingError

Features = Literal["sift", "aliked", "disk", "xfeat"]
Matching = Literal["nearest", "lightglue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SfmConfig:
    """Settings of feature matching and mapping. Distances in px are of the reduced pictures (``max_side``)."""

    features: Features = "sift"
    """What finds features; all but SIFT are networks and need ``roomsplat[learned]``."""
    matching: Matching = "nearest"
    """What compares them: clear nearest neighbours, or LightGlue, which needs features of a network."""
    max_side: int = 1280
    """Features are found on pictures whose longer side is at most this many px."""
    max_features: int = 2048
    """At most this many features per picture, the largest scales first."""
    enough_features: int = 1200
    """Pictures with fewer features on average (soft or plain ones) are searched again at twice their size."""
    focal_ratio: float | None = None
    """Focal length over the pictures' longer side, where mapping begins; it is refined. ``None`` takes what the film's
    own metadata says, else 1.2."""
    overlap: int = 6
    """Every frame is compared with this many following frames, and with those 8, 16, 32 … further."""
    loop_neighbours: int = 6
    """Every frame is compared with this many most similar frames elsewhere in the film."""
    min_model_frames: int = 5
    """A solution with fewer cameras is no solution."""
    min_registered_share: float = 0.3
    """A solution with a smaller share of the frames is refused."""
    threads: int | None = None
    """Threads of the solver; ``None`` takes every core."""
    seed: int = 0
    """Of every random choice."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InvalidSettingError: a value makes no sense.
        """
        self._check_networks()
        for name in ("max_side", "max_features", "overlap", "min_model_frames"):
            if getattr(self, name) < 1:
                raise InvalidSettingError(
                    f"sfm.{name} is {getattr(self, name)}.", hint="Give a number above 0."
                )
        if self.max_side < 200:
            raise InvalidSettingError(
                f"sfm.max_side is {self.max_side}; too small for features to be found.",
                hint="Give at least 200 px.",
            )
        if self.loop_neighbours < 0 or self.enough_features < 0 or self.seed < 0:
            raise InvalidSettingError("An sfm count is negative.", hint="Give 0 or more.")
        if not 0 <= self.min_registered_share <= 1:
            raise InvalidSettingError(
                f"sfm.min_registered_share is {self.min_registered_share}.", hint="Give a share from 0 to 1."
            )
        if self.focal_ratio is not None and not 0.2 <= self.focal_ratio <= 10:
            raise InvalidSettingError(
                f"sfm.focal_ratio is {self.focal_ratio}.",
                hint="Give the focal length over the longer side of the picture, 0.2 to 10 (phones: about 0.75).",
            )
        if self.threads is not None and self.threads < 1:
            raise InvalidSettingError(
                f"sfm.threads is {self.threads}.", hint="Give 1 or more, or leave it out."
            )

    def _check_networks(self) -> None:
        kinds, ways = get_args(Features), get_args(Matching)
        if self.features not in kinds or self.matching not in ways:
            raise InvalidSettingError(
                f"sfm.features is {self.features!r}, sfm.matching {self.matching!r}.",
                hint=f"Give one of {', '.join(kinds)} and one of {', '.join(ways)}.",
            )
        if self.matching == "lightglue" and self.features == "sift":
            raise InvalidSettingError(
                "sfm.matching is lightglue, and sfm.features is sift.",
                hint="LightGlue compares features of a network: give sfm.features aliked, disk or xfeat.",
            )
