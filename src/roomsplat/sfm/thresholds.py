"""How much mapping asks of geometry."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """How much a mapper asks of geometry."""

    min_angle_deg: float = 1.5
    """Points seen under a smaller angle are not triangulated."""
    min_inliers: int = 30
    """A frame needs this many matches with known points."""
    min_inlier_share: float = 0.25
    """... and this share of its matches with known points."""


STRICT = Thresholds()
RELAXED = Thresholds(min_angle_deg=0.25, min_inliers=15, min_inlier_share=0.1)
# How far a model may reach for a frame that another model knows, too: what joins them then is checked as a whole.
REACHING = Thresholds(min_angle_deg=0.25, min_inliers=8, min_inlier_share=0.05)
