"""Opens the folder of a finished run again, from the files that a user keeps (``work/`` may be deleted)."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.images import Frame, PosedImages
from roomsplat.core.scene import SplatScene
from roomsplat.errors import InvalidFileError
from roomsplat.formats.nerfstudio import read_transforms
from roomsplat.formats.ply import read_ply
from roomsplat.media.masks import mask_of
from roomsplat.pipeline.summary import RunSummary, read_summary
from roomsplat.train.exposure import exposures_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A run's results."""

    scene: SplatScene
    """The splat."""
    images: PosedImages
    """The undistorted pictures with their cameras; ``is_eval`` as in training."""
    frames: tuple[Frame, ...]
    """Where each picture came from, in the same order."""
    exposures: NDArray[np.float64] | None
    """(c, 3, 5) what the camera did to each picture's colours, in the same order; ``None``: not learned."""
    summary: RunSummary
    """``run.json``."""


def open_run(folder: Path) -> FinishedRun:
    """Read ``scene.ply``, ``cameras/`` and ``run.json`` of ``folder``.

    Raises:
        InvalidFileError: the folder is not one of a finished run.
    """
    summary = read_summary(folder / "run.json")
    transforms = read_transforms(folder / "cameras" / "transforms.json")
    paths = tuple(folder / "cameras" / path for path in transforms.image_paths)
    try:
        rows = json.loads((folder / "cameras" / "frames.json").read_text(encoding="utf-8"))
        frames = tuple(
            Frame(
                index=row["index"],
                timestamp_s=row["timestamp_s"],
                name=row["name"],
                path=path,
                sharpness=row["sharpness"],
            )
            for row, path in zip(rows, paths, strict=True)
        )
        is_eval = np.asarray([row["is_eval"] for row in rows], np.bool_)
        learned = [row["exposure"] for row in rows if "exposure" in row]
        matrices = np.asarray(learned, np.float64).reshape(len(rows), 3, -1)
        exposures = exposures_of(matrices) if learned else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidFileError(
            f"{folder / 'cameras' / 'frames.json'} is missing or damaged.",
            hint="Run `roomsplat reconstruct` again with the same options: finished stages are kept.",
        ) from error
    images = PosedImages(
        cameras=transforms.cameras,
        image_paths=paths,
        mask_paths=tuple(mask_of(path) for path in paths),
        is_eval=is_eval,
    )
    return FinishedRun(
        scene=read_ply(folder / "scene.ply"),
        images=images,
        frames=frames,
        exposures=exposures,
        summary=summary,
    )


def write_frames(
    path: Path, images: PosedImages, frames: tuple[Frame, ...], exposures: NDArray[np.float64] | None
) -> None:
    """Write ``frames.json``: what ``open_run`` cannot know from the cameras alone."""
    rows: list[dict[str, object]] = [
        {
            "name": frame.name,
            "index": frame.index,
            "timestamp_s": frame.timestamp_s,
            "sharpness": frame.sharpness,
            "image": image.name,
            "is_eval": bool(held),
        }
        for frame, image, held in zip(frames, images.image_paths, images.is_eval, strict=True)
    ]
    if exposures is not None:
        for row, matrix in zip(rows, exposures, strict=True):
            row["exposure"] = matrix.tolist()
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
