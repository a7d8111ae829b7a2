"""From a world of arbitrary scale to metres, by one length that the user knows (``--scale``).

It is done after training, on what training left: another ``--scale`` costs no second training.
"""

from dataclasses import dataclass, replace

import numpy as np

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import RunWarning
from roomsplat.core.transforms import Similarity
from roomsplat.pipeline.known_length import KnownLength
from roomsplat.pipeline.training_files import Trained

MIN_PATH = 1e-3
"""Units; a camera that only turned has no way to measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """A finished training in metres, or as it was where the known length could not be measured."""

    model: SparseModel
    """Says which of the two."""
    trained: Trained
    """Gaussians and cameras."""
    warnings: tuple[RunWarning, ...] = ()
    """Why it stayed as it was."""


def to_scale(model: SparseModel, trained: Trained, known: KnownLength | None) -> Scaled:
    """Both in metres, if a length is ``known`` and the film shows it; the origin stays.

    Args:
        model: with the cameras as training left them.
        trained: what training left.
        known: ``None`` leaves everything as it is.
    """
    if known is None:
        return Scaled(model=model, trained=trained)
    shown = shown_length(model, known)
    if isinstance(shown, RunWarning):
        return Scaled(model=model, trained=trained, warnings=(shown,))
    factor = known.metres / shown
    world = Similarity(quat=np.array([1.0, 0, 0, 0]), translation=np.zeros(3), scale=factor)
    images, points = model.posed_images, model.points
    return Scaled(
        model=replace(
            model,
            posed_images=replace(images, cameras=images.cameras.moved(world)),
            points=replace(points, positions=(points.positions * factor).astype(np.float32)),
            scale="metric",
        ),
        trained=replace(
            trained, gaussians=_larger(trained.gaussians, factor), cameras=trained.cameras.moved(world)
        ),
    )


def shown_length(model: SparseModel, known: KnownLength) -> float | RunWarning:
    """The known length in units of ``model``, or why it cannot be told."""
    centers = model.posed_images.cameras.centers.astype(np.float64)
    if known.kind == "factor":
        return 1.0
    if known.kind == "camera-height":
        height = float(np.median(centers[:, 2]))
        if model.stance.floor_at_zero and height > 0:
            return height
        return _unknown("the film does not show enough of the floor to measure the camera's height above it")
    path = float(np.linalg.norm(np.diff(centers, axis=0), axis=1).sum())
    return path if path > MIN_PATH else _unknown("the camera turned without going anywhere")


def _unknown(reason: str) -> RunWarning:
    return RunWarning(
        code="scale_unknown",
        message=f"The scale stays arbitrary: {reason}. Measure a length in the scene and give --scale factor=…, its "
        "true length by the measured one.",
    )


def _larger(gaussians: Gaussians, factor: float) -> Gaussians:
    return replace(
        gaussians,
        means=(gaussians.means * factor).astype(np.float32),
        log_scales=(gaussians.log_scales + np.log(factor)).astype(np.float32),
    )
