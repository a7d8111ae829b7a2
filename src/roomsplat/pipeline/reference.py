"""Compares the recovered path with cameras that are known from elsewhere (a ray tracer, another reconstruction)."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.alignment import TrajectoryError, trajectory_error
from roomsplat.core.cameras import Cameras
from roomsplat.core.images import Frame
from roomsplat.errors import InvalidFileError
from roomsplat.formats.nerfstudio import TransformsFile, read_transforms

MIN_COMMON = 3
"""A similarity has no residual with fewer points."""


def path_error(cameras: Cameras, frames: Sequence[Frame], reference: Path) -> TrajectoryError:
    """Error of ``cameras`` (c,), whose pictures are ``frames`` (c,), against the ``transforms.json`` at ``reference``.

    Pictures are matched by file name; where the reference has times and the input was a film, by the nearest time.

    Raises:
        InvalidFileError: fewer than three pictures are in both.
    """
    truth = read_transforms(reference)
    ours, theirs = _match(frames, truth)
    if len(ours) < MIN_COMMON:
        raise InvalidFileError(
            f"{reference} knows only {len(ours)} of the {len(frames)} registered pictures.",
            hint="The reference must name the same image files, or hold timestamps of the same film.",
        )
    return trajectory_error(cameras.centers[ours], truth.cameras.centers[theirs])


def _match(frames: Sequence[Frame], truth: TransformsFile) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    by_name = {PurePosixPath(path).name: index for index, path in enumerate(truth.image_paths)}
    named = [(i, by_name[frame.name]) for i, frame in enumerate(frames) if frame.name in by_name]
    if not named and truth.timestamps_s is not None:
        times = np.asarray(truth.timestamps_s, np.float64)
        apart = np.abs(times[None] - np.asarray([frame.timestamp_s for frame in frames])[:, None])
        tolerance = float(np.median(np.diff(np.sort(times)))) / 2 if len(times) > 1 else 0.0
        named = [(i, int(row.argmin())) for i, row in enumerate(apart) if row.min() <= tolerance + 1e-6]
    pairs = np.asarray(named, np.int64).reshape(-1, 2)
    order = np.argsort(pairs[:, 1], kind="stable")  # the path's length is measured in the reference's order
    return pairs[order, 0], pairs[order, 1]
