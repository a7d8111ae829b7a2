"""What a scene may be put through on its way from one file to another: cropped, thinned, turned, simplified."""

from dataclasses import dataclass, replace

import numpy as np

from roomsplat.core.scene import SplatScene
from roomsplat.core.spherical_harmonics import num_coefficients
from roomsplat.core.turning import rotation_about_axes, turn
from roomsplat.errors import InvalidSettingError
from roomsplat.formats.splat import importance


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """Changes in the order in which they are made."""

    crop: tuple[float, ...] | None = None
    """x0 y0 z0 x1 y1 z1, two corners of a box in any order, in the axes of the source: centres inside stay."""
    max_gaussians: int | None = None
    """Keep the most important ones: opacity times the area of the largest cross-section (``splat.importance``)."""
    rotate: tuple[float, ...] | None = None
    """Three numbers, degrees about the world's x, then y, then z."""
    sh_degree: int | None = None
    """Keep harmonics up to this degree."""


def edited(scene: SplatScene, edits: Edits) -> SplatScene:
    """The scene after ``edits``; those that stay keep their order.

    Raises:
        InvalidSettingError: a number is out of its range, or nothing would be left.
    """
    gaussians = scene.gaussians
    if edits.crop is not None:
        corners = np.array(edits.crop, np.float64).reshape(2, 3)
        if not np.isfinite(corners).all():
            raise InvalidSettingError("A corner of the crop is no number.", hint="Give six finite numbers.")
        low, high = corners.min(axis=0), corners.max(axis=0)
        inside = np.all((gaussians.means >= low) & (gaussians.means <= high), axis=1)
        if not inside.any():
            raise InvalidSettingError(
                f"The box from {_words(low)} to {_words(high)} holds not one of {len(gaussians):,} Gaussians.",
                hint=f"The scene lies between {_words(gaussians.means.min(axis=0))} and "
                f"{_words(gaussians.means.max(axis=0))}."
                if len(gaussians)
                else "The scene is empty.",
            )
        gaussians = gaussians[inside]
    if edits.max_gaussians is not None:
        if edits.max_gaussians < 1:
            raise InvalidSettingError(
                f"{edits.max_gaussians} Gaussians cannot be kept.", hint="Give 1 or more for --max-gaussians."
            )
        if len(gaussians) > edits.max_gaussians:
            first = np.argsort(-importance(gaussians), kind="stable")[: edits.max_gaussians]
            gaussians = gaussians[np.sort(first)]
    if edits.rotate is not None:
        if not np.isfinite(edits.rotate).all():
            raise InvalidSettingError("An angle of the rotation is no number.", hint="Give three in degrees.")
        gaussians = turn(gaussians, rotation_about_axes(edits.rotate))
    if edits.sh_degree is not None and edits.sh_degree < gaussians.sh_degree:
        gaussians = replace(gaussians, sh=gaussians.sh[:, : num_coefficients(edits.sh_degree)])
    return replace(scene, gaussians=gaussians)


def _words(point: np.ndarray) -> str:
    return f"({', '.join(f'{value:.4g}' for value in point.tolist())})"
