"""A splat with what a file should say about it."""

from dataclasses import dataclass, field
from typing import Literal

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.point_cloud import SceneScale

SplatModel = Literal["default", "antialiased"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplatScene:
    """A finished scene."""

    gaussians: Gaussians
    """The Gaussians; world +z is up when roomsplat made them."""
    splat_model: SplatModel = "default"
    """How opacity behaves under the 0.3 px screen-space blur: ``antialiased`` compensates (Mip-Splatting, Yu et al.
    2024, section 4.2), ``default`` does not."""
    scale: SceneScale = "arbitrary"
    """``metric`` when one unit is one metre."""
    provenance: dict[str, str] = field(default_factory=dict[str, str])
    """Free notes: the generating program, its version, the source's name."""
