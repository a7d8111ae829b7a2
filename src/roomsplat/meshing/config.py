"""Settings of the mesh. Lengths are in voxels or shares of the room, so that they fit a scene of any scale."""

from dataclasses import dataclass

from roomsplat.errors import InvalidSettingError


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshConfig:
    """How a surface is made of a trained scene (docs/lab-notebook.md, "Mesh")."""

    enabled: bool = True
    """Make the mesh and the floor plan."""
    resolution: int = 320
    """Voxels along the longest side of what the cameras saw; of a room of 6 m one is 2 cm wide."""
    max_blocks: int = 60_000
    """Blocks of 8³ voxels at most (4 kB each); a scene that needs more gets coarser voxels."""
    max_views: int = 120
    """Depth pictures that are fused, evenly spread over the film."""
    max_side: int = 1080
    """Longer side in px of the pictures that are drawn for depth and colour. Best is the size that was trained on: at
    half of it a synthetic room's mesh scores 0.53 for 0.66 (2 cm)."""
    max_faces: int = 60_000
    """Triangles that simplification aims at; ragged borders keep a few more."""
    texture_side: int = 2048
    """Side of the texture in px."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            InvalidSettingError: a value is out of its range.
        """
        ranges = {
            "resolution": (16, 4096), "max_blocks": (64, 4_000_000), "max_views": (2, 10_000), "max_side": (32, 8192),
            "max_faces": (100, 50_000_000), "texture_side": (64, 16_384),
        }  # fmt: skip
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InvalidSettingError(
                    f"The setting mesh.{name} is {value}.", hint=f"Choose a value from {low} to {high}."
                )
