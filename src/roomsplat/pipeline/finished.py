"""Opens the folder of a finished run again, from the files that a user keeps (``work/`` may be deleted)."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roomsplat.core.images import Frame, PosedImages
from roomsplat.core.scene import SplatScene
from roomsplat.errors import InvalidFileError
from roomsplat.formats.nerfstudio import read_transforms
from roomsplat.formats.ply import read_ply
from roomsplat.pipeline.summary import RunSummary, read_summary


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A run's results."""

    scene: SplatScene
    """The splat."""
    images: PosedImages
    """The undistorted pictures with their cameras; ``is_eval`` as in training."""
    frames: tuple[Frame, ...]
    """Where each picture came from, in the same order."""
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
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidFileError(
            f"{folder / 'cameras' / 'frames.json'} is missing or damaged.",
            hint="Run `roomsplat reconstruct` again with the same options: finished stages are kept.",
        ) from error
    images = PosedImages(
        cameras=transforms.cameras, image_paths=paths, mask_paths=(None,) * len(paths), is_eval=is_eval
    )
    return FinishedRun(scene=read_ply(folder / "scene.ply"), images=images, frames=frames, summary=summary)


def write_frames(path: Path, images: PosedImages, frames: tuple[Frame, ...]) -> None:
    """Write ``frames.json``: what ``open_run`` cannot know from the cameras alone."""
    rows = [
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
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
