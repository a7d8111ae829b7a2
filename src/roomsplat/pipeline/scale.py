"""From a world of arbitrary scale to metres, by one length that the user knows (``--scale``).

It is done after training, on what training left: another ``--scale`` costs no second training.
"""

from dataclasses import replace

import numpy as np

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import RunWarning
from roomsplat.core.transforms import Similarity
from roomsplat.pipeline.known_length import KnownLength
from roomsplat.pipeline.training_files import Trained

MIN_PATH = 1e-3
"""Units; a camera that only turned has no way to measure."""


def to_scale(trained: Trained, model: SparseModel, scale: str | None) -> tuple[Trained, SparseModel]:
    """Both in metres if the known length ``scale`` can be measured in them, else as they are with a warning more.

    The origin stays where it is, so the floor stays at z = 0. ``model`` has its cameras as training left them.

    Raises:
        InvalidSettingError: ``scale`` is no length.
    """
    if scale is None:
        return trained, model
    known = KnownLength.parse(scale)
    shown = shown_length(model, known)
    if isinstance(shown, RunWarning):
        return replace(trained, warnings=(*trained.warnings, shown)), model
    factor = known.metres / shown
    world = Similarity(quat=np.array([1.0, 0, 0, 0]), translation=np.zeros(3), scale=factor)
    images, points = model.posed_images, model.points
    larger = replace(
        model,
        posed_images=replace(images, cameras=images.cameras.moved(world)),
        points=replace(points, positions=(points.positions * factor).astype(np.float32)),
        scale="metric",
    )
    gaussians, cameras = _larger(trained.gaussians, factor), trained.cameras.moved(world)
    return replace(trained, gaussians=gaussians, cameras=cameras), larger


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
