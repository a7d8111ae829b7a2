"""What the placing of lost frames takes; what a frame must show to be accepted stands in ``judge.py``."""

from dataclasses import dataclass

from roomsplat.errors import InvalidSettingError


@dataclass(frozen=True, slots=True, kw_only=True)
class PosefreeConfig:
    """Settings of placing frames that structure from motion left out, against a scene fitted briefly to the others."""

    place_lost: bool = True
    """Try to place them; a film without lost frames costs nothing."""
    from_nothing: bool = True
    """Where matching finds no model, begin with two frames of the film and go along it frame by frame."""
    max_side: int = 400
    """Longer side in px of the pictures that the scene is fitted to and lost frames are aligned with."""
    scene_steps: int = 800
    """Training steps of that scene."""
    growth_steps: int = 200
    """Further steps after each placed frame that shows what the scene does not cover; 0 lets it not grow."""
    max_gaussians: int = 30_000
    """Size of that scene."""
    feature_side: int = 800
    """Longer side in px of the pictures that features are found on (at twice this size)."""
    neighbours: int = 12
    """A lost frame is compared with this many known frames that are nearest in time …"""
    similar: int = 6
    """… and with this many that look most like it."""
    rounds: int = 4
    """How often lost frames are tried again after others were placed."""
    max_lost: int = 200
    """Lost frames beyond this many, those farthest in time from any known frame, are not tried: time stays bounded."""
    seed: int = 0
    """Of every random choice."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InvalidSettingError: a value makes no sense.
        """
        lowest = {
            "max_side": 64, "scene_steps": 1, "growth_steps": 0, "max_gaussians": 100, "feature_side": 64,
            "neighbours": 1, "similar": 0, "rounds": 1, "max_lost": 0, "seed": 0,
        }  # fmt: skip
        for name, least in lowest.items():
            if getattr(self, name) < least:
                raise InvalidSettingError(
                    f"posefree.{name} is {getattr(self, name)}.", hint=f"Give {least} or more."
                )
