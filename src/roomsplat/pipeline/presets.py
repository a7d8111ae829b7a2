"""What ``--quality`` means: three sizes of the same recipe."""

from dataclasses import dataclass, replace
from typing import Literal

from roomsplat.meshing.config import MeshConfig
from roomsplat.train.config import TrainConfig

Quality = Literal["preview", "standard", "high"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What a quality level means."""

    max_side: int
    """Longer side of the training pictures in px."""
    max_steps: int
    """Training steps."""
    max_gaussians: int
    """Cap on the scene's size."""
    mesh: MeshConfig
    """How fine the mesh is."""

    def train(self) -> TrainConfig:
        """The one set of training settings, with these numbers in it."""
        return replace(
            TrainConfig(),
            max_side=self.max_side,
            max_steps=self.max_steps,
            max_gaussians=self.max_gaussians,
        )


PRESETS: dict[Quality, Preset] = {
    "preview": Preset(
        max_side=640,
        max_steps=3_000,
        max_gaussians=100_000,
        mesh=MeshConfig(
            resolution=200, max_views=48, max_side=640, max_faces=20_000, texture_side=1_024
        ),  # 6 s of a core for `bedroom`, where the usual size takes 18: preview is for looking, not for measuring
    ),
    "standard": Preset(max_side=1_080, max_steps=7_000, max_gaussians=200_000, mesh=MeshConfig()),
    "high": Preset(
        max_side=1_920,
        max_steps=15_000,
        max_gaussians=500_000,
        mesh=MeshConfig(max_views=200, max_side=1_280, max_faces=150_000, texture_side=4_096),
    ),
}
