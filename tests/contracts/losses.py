"""What each splat format may change of a scene: the figures of its docstring, as laws."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.scene import SplatScene
from roomsplat.core.spherical_harmonics import rgb_from_dc


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The largest change of a value, for a scene of ``tame_scene``."""

    means: float
    """In units of a scene whose places are normally distributed."""
    degrees: float
    """Of a rotation."""
    log_scales: float
    """Natural logarithm."""
    opacity: float
    """0 to 1."""
    colour: float
    """Base colour, 0 to 1."""
    harmonics: tuple[float, float, float]
    """Length of the change of one degree's coefficients in one channel; 9 where the format drops them."""
    keeps: tuple[str, ...] = ("splat_model", "scale", "provenance")
    """What it says about a scene."""
    empty: bool = True
    """Whether it can say that there are no Gaussians."""


STEP = 0.501 / 255
DROPPED = (9.0, 9.0, 9.0)

LOSSES = {
    ".ply": Loss(means=0, degrees=0, log_scales=0, opacity=0, colour=0, harmonics=(0, 0, 0)),
    ".glb": Loss(
        means=0, degrees=1e-4, log_scales=1e-6, opacity=1e-6, colour=0, harmonics=(0, 0, 0), empty=False
    ),
    ".splat": Loss(
        means=0,
        degrees=1.0,
        log_scales=2e-6,
        opacity=2 * STEP,
        colour=STEP,
        harmonics=DROPPED,
        keeps=(),
        empty=False,
    ),
    # 13 bits behind the point for 99 of 100 within 2.6; degree 1 in steps of 1/64, the others of 1/32
    ".spz": Loss(
        means=2**-13.99,
        degrees=0.28,
        log_scales=1 / 31.9,
        opacity=STEP,
        colour=0.0037,
        harmonics=(3**0.5 * 0.012, 5**0.5 * 0.02, 7**0.5 * 0.02),
        keeps=("splat_model",),
    ),
    # a chunk of 256 of 5,000 spans up to 7 units: half of 7/1023; scales up to 6, colours up to 2
    ".compressed.ply": Loss(
        means=0.004,
        degrees=0.28,
        log_scales=0.0036,
        opacity=STEP,
        colour=0.004,
        harmonics=(3**0.5 / 63, 5**0.5 / 63, 7**0.5 / 63),
    ),
    # logarithms of places span 3.2: half of 3.2/65535, times 5 far out; books of 256, where the rarest value may be
    # 0.35 off (0.01 on average), and a palette of 4,096
    ".sog": Loss(
        means=2e-4, degrees=1.1, log_scales=0.35, opacity=STEP, colour=0.015, harmonics=(0.7, 0.8, 0.9)
    ),
}


def tame_scene(count: int, degree: int) -> SplatScene:
    """A scene whose values lie where every format can hold them."""
    rng = np.random.default_rng(count + degree)
    sh = rng.normal(scale=0.15, size=(count, (degree + 1) ** 2, 3))
    sh[:, 0] = rng.uniform(-1.7, 1.7, (count, 3))
    return SplatScene(
        gaussians=Gaussians(
            means=rng.normal(size=(count, 3)),
            quats=rng.normal(size=(count, 4)),
            log_scales=rng.normal(-3, 1, size=(count, 3)),
            opacity_logits=rng.uniform(-4, 4, size=count),
            sh=np.clip(sh, -1.7, 1.7)
            if degree == 0
            else np.concatenate([sh[:, :1], np.clip(sh[:, 1:], -0.9, 0.9)], 1),
        ),
        splat_model="antialiased",
        scale="metric",
        provenance={"source": "küche.mp4"},
    )


def assert_within(found: Gaussians, scene: Gaussians, loss: Loss) -> None:
    """Every Gaussian came back, in whatever order, changed by no more than ``loss``."""
    assert len(found) == len(scene)
    if not len(scene):
        return
    ours = scene[np.asarray(cKDTree(scene.means).query(found.means)[1])]
    assert len(np.unique(ours.means, axis=0)) == len(scene)
    _at_most("means", np.abs(found.means - ours.means), loss.means)
    turned = np.einsum("nij,nik->njk", ours.rotations.astype(np.float64), found.rotations)
    sine = np.stack([turned[:, i, j] - turned[:, j, i] for i, j in ((2, 1), (0, 2), (1, 0))], axis=1)
    angles = np.degrees(np.arctan2(np.linalg.norm(sine, axis=1), np.trace(turned, axis1=1, axis2=2) - 1))
    _at_most("degrees", angles, loss.degrees + 1e-4)
    _at_most("log_scales", np.abs(found.log_scales - ours.log_scales), loss.log_scales)
    _at_most("opacity", np.abs(found.opacities - ours.opacities), loss.opacity)
    _at_most("colour", np.abs(rgb_from_dc(found.sh[:, 0]) - rgb_from_dc(ours.sh[:, 0])), loss.colour)
    if loss.harmonics == DROPPED:
        assert found.sh.shape[1] == 1
        return
    assert found.sh.shape == ours.sh.shape
    for degree in range(1, scene.sh_degree + 1):
        band = slice(degree**2, (degree + 1) ** 2)
        change = np.linalg.norm(found.sh[:, band] - ours.sh[:, band], axis=1)
        _at_most(f"harmonics of degree {degree}", change, loss.harmonics[degree - 1])


def _at_most(what: str, change: NDArray[np.floating], limit: float) -> None:
    worst = float(change.max())
    assert worst <= limit, f"{what} changed by {worst:.6g}, and {limit:.6g} is allowed"
