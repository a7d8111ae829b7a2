"""What the stage leaves behind: ``sfm.json`` beside the pictures and the COLMAP model, with relative paths."""

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from roomsplat.core.images import Frame, PosedImages
from roomsplat.core.point_cloud import SparseModel, Stance
from roomsplat.core.progress import RunWarning
from roomsplat.errors import InvalidFileError, OutputError
from roomsplat.formats.colmap import read_colmap
from roomsplat.media.masks import mask_of
from roomsplat.sfm.quality import SfmQuality

MANIFEST, IMAGES, SPARSE = "sfm.json", "images", "sparse"


@dataclass(frozen=True, slots=True, kw_only=True)
class SfmResult:
    """Posed images and points, and how good they are."""

    model: SparseModel
    """The registered, undistorted images in the film's order, and the points."""
    quality: SfmQuality
    """Figures."""
    frames: tuple[Frame, ...]
    """The registered frames, in the order of ``model``."""
    warnings: tuple[RunWarning, ...]
    """What the user should know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """The file, except for what the COLMAP model holds."""

    quality: SfmQuality
    warnings: tuple[RunWarning, ...]
    frames: tuple[Frame, ...]
    images: tuple[str, ...]
    stance: Stance = field(default_factory=Stance)


def save_sfm(out_dir: Path, result: SfmResult) -> None:
    """Write the manifest.

    Raises:
        OutputError: it cannot be written.
    """
    content: dict[str, Any] = {
        "quality": asdict(result.quality),
        "warnings": [asdict(warning) for warning in result.warnings],
        "frames": [
            {**asdict(frame), "path": Path(os.path.relpath(frame.path, out_dir)).as_posix()}
            for frame in result.frames
        ],
        "images": [path.name for path in result.model.posed_images.image_paths],
        "stance": asdict(result.model.stance),
    }
    path = out_dir / MANIFEST
    try:
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{path} could not be written ({error.strerror}).",
            hint="Free some space or choose another output folder.",
        ) from error


def load_sfm(out_dir: Path) -> SfmResult:
    """Read what ``solve_cameras`` wrote into ``out_dir``.

    Raises:
        InvalidFileError: the manifest, the model or a picture is missing or damaged.
    """
    path = out_dir / MANIFEST
    try:
        content = TypeAdapter(_Content).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise _damaged(path, str(error).splitlines()[0]) from error
    colmap = read_colmap(out_dir / SPARSE)
    rows = {name: row for row, name in enumerate(colmap.image_names)}
    paths = tuple(out_dir / IMAGES / name for name in content.images)
    missing = [p for p in paths if p.name not in rows or not p.is_file()]
    if missing or len(content.frames) != len(paths):
        raise _damaged(path, f"{missing[0]} is missing" if missing else "frames and images differ in number")
    model = SparseModel(
        posed_images=PosedImages(
            cameras=colmap.cameras[np.array([rows[p.name] for p in paths])],
            image_paths=paths,
            mask_paths=tuple(mask_of(path) for path in paths),
            is_eval=np.zeros(len(paths), np.bool_),
        ),
        points=colmap.points,
        scale="arbitrary",
        num_input_images=content.quality.num_input,
        stance=content.stance,
    )
    frames = tuple(
        replace(frame, path=Path(os.path.normpath(out_dir / frame.path))) for frame in content.frames
    )
    return SfmResult(model=model, quality=content.quality, frames=frames, warnings=content.warnings)


def _damaged(path: Path, reason: str) -> InvalidFileError:
    return InvalidFileError(
        f"{path} is no manifest of solved cameras ({reason}).", hint="Run the reconstruction again."
    )
