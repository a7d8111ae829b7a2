"""The scene itself: a set of 3D Gaussians."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.checks import float_array
from roomsplat.core.rotations import matrix_from_quat

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaussians:
    """``n`` anisotropic 3D Gaussians with view-dependent colour (Kerbl et al. 2023, 3D Gaussian Splatting, section 4).

    Stored values are unbounded (``log_scales``, ``opacity_logits``); properties without a prefix give the real ones.
    """

    means: Float
    """(n, 3) centres in world units."""
    quats: Float
    """(n, 4) rotations world-from-Gaussian, wxyz; normalised where they are used, not where they are stored."""
    log_scales: Float
    """(n, 3) natural logarithm of the standard deviations along the Gaussian's own axes."""
    opacity_logits: Float
    """(n,) logit of the opacity."""
    sh: Float
    """(n, k, 3) real spherical harmonics per colour channel, k = (degree + 1)²; colour = 0.5 + sum of sh · basis."""

    def __post_init__(self) -> None:
        """Check every shape once, here."""
        count = len(self.means)
        set_field = object.__setattr__
        set_field(self, "means", float_array("means", self.means, (count, 3)))
        set_field(self, "quats", float_array("quats", self.quats, (count, 4)))
        set_field(self, "log_scales", float_array("log_scales", self.log_scales, (count, 3)))
        set_field(self, "opacity_logits", float_array("opacity_logits", self.opacity_logits, (count,)))
        set_field(self, "sh", float_array("sh", self.sh, (count, None, 3)))
        if self.sh.shape[1] not in (1, 4, 9, 16):
            raise ValueError(f"sh has {self.sh.shape[1]} coefficients, expected 1, 4, 9 or 16")

    def __len__(self) -> int:
        """The number of Gaussians."""
        return len(self.means)

    def __getitem__(self, index: NDArray[np.bool_] | NDArray[np.integer] | slice) -> Self:
        """A subset, by mask, indices or slice."""
        return type(self)(
            means=self.means[index],
            quats=self.quats[index],
            log_scales=self.log_scales[index],
            opacity_logits=self.opacity_logits[index],
            sh=self.sh[index],
        )

    @property
    def scales(self) -> Float:
        """(n, 3) standard deviations in world units."""
        return np.exp(self.log_scales)

    @property
    def opacities(self) -> Float:
        """(n,) opacity in (0, 1)."""
        return (1.0 / (1.0 + np.exp(-self.opacity_logits.astype(np.float64)))).astype(np.float32)

    @property
    def rotations(self) -> Float:
        """(n, 3, 3) rotation matrices world-from-Gaussian."""
        return matrix_from_quat(self.quats)

    @property
    def sh_degree(self) -> int:
        """0 to 3."""
        return round(self.sh.shape[1] ** 0.5) - 1
