"""Read and write single pictures."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from roomsplat.errors import InvalidFileError, OutputError

RGB8 = NDArray[np.uint8]

_PNG_LEVEL = 4  # 1080x1920 px in 0.14 s and 1.50 MB; Pillow's 6 takes 0.37 s and 1.42 MB
_ORIENTATION = 0x0112  # the EXIF tag; 5 to 8 exchange width and height
# EXIF 2.32 (CIPA DC-008): the block of the camera's own tags, and of these the ones that tell of the lens.
_EXIF, _FOCAL_35MM, _FOCAL, _WIDTH, _HEIGHT = 0x8769, 0xA405, 0x920A, 0xA002, 0xA003
_PER_UNIT, _UNIT = 0xA20E, 0xA210
_UNITS_MM = {2: 25.4, 3: 10.0, 4: 1.0}
_DIAGONAL_35MM = 43.27


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHeader:
    """What a picture file says of itself, without its pixels."""

    width: int
    """Upright, px."""
    height: int
    """Upright, px."""
    kind: str
    """``jpeg``, ``png``, ``webp`` …"""
    is_plain: bool
    """8-bit RGB that is stored upright: the file can be used as it is."""
    focal_35mm: float | None = None
    """Focal length in mm that would give this picture on 35 mm film, by EXIF; ``None``: it does not say."""


def read_header(path: Path) -> ImageHeader:
    """Read only the first bytes: size, kind and orientation.

    Raises:
        InvalidFileError: the file is no picture that Pillow can read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", Image.DecompressionBombWarning
            )  # the caller has a limit of its own
            with Image.open(path) as image:
                exif = image.getexif()
                turn = exif.get(_ORIENTATION, 1)
                width, height = image.size if turn < 5 else image.size[::-1]
                return ImageHeader(
                    width=width,
                    height=height,
                    kind=(image.format or "unknown").lower(),
                    is_plain=turn == 1 and image.mode == "RGB" and "icc_profile" not in image.info,
                    focal_35mm=_focal_35mm(exif.get_ifd(_EXIF)),
                )
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error


def _focal_35mm(tags: Mapping[int, Any]) -> float | None:
    """As the camera states it, or from the focal length and the sensor's size; anything odd is as good as nothing."""
    try:
        stated = float(tags.get(_FOCAL_35MM, 0))
        if stated > 0:
            return stated
        pixels = math.hypot(float(tags[_WIDTH]), float(tags[_HEIGHT]))
        diagonal_mm = pixels / float(tags[_PER_UNIT]) * _UNITS_MM[int(tags.get(_UNIT, 2))]
        focal = float(tags[_FOCAL]) / diagonal_mm * _DIAGONAL_35MM
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return focal if math.isfinite(focal) and focal > 0 else None


def read_image(path: Path) -> RGB8:
    """Read (h, w, 3) sRGB; the EXIF orientation is applied, an alpha channel is dropped.

    Raises:
        InvalidFileError: the file is no picture that Pillow can read.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error


def read_reduced(path: Path, max_side: int) -> RGB8:
    """Read (h, w, 3) sRGB with the longer side at most ``max_side`` px; a JPEG is decoded small to begin with.

    Full HD at 160 px takes 8 ms instead of 30. Only for looking at: EXIF orientation is not applied.

    Raises:
        InvalidFileError: the file is no picture that Pillow can read.
    """
    try:
        with Image.open(path) as image:
            image.draft("RGB", (max_side, max_side))
            small = image.convert("RGB")
            small.thumbnail((max_side, max_side), Image.Resampling.BOX)
            return np.asarray(small)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error


def write_image(path: Path, rgb: RGB8) -> None:
    """Write (h, w, 3) sRGB; the suffix decides: .png lossless, .jpg at quality 95 without chroma subsampling.

    Raises:
        OutputError: the file cannot be written.
    """
    options: dict[str, Any] = (
        {"quality": 95, "subsampling": 0}
        if path.suffix.lower() in (".jpg", ".jpeg")
        else {"compress_level": _PNG_LEVEL}
    )
    try:
        Image.fromarray(rgb).save(path, **options)
    except OSError as error:
        raise OutputError(
            f"{path} could not be written ({error.strerror or error}).",
            hint="Free some space or choose another output folder.",
        ) from error


def reduced_size(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """(width, height) in px with the longer side at most ``max_side`` px, same shape within rounding."""
    factor = 1.0 if max_side is None else min(1.0, max_side / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def resize_image(rgb: RGB8, width: int, height: int) -> RGB8:
    """Resample to ``width`` × ``height`` px (Lanczos with the right prefilter when shrinking)."""
    if rgb.shape[1] == width and rgb.shape[0] == height:
        return rgb
    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS))


def _unreadable(path: Path, error: Exception) -> InvalidFileError:
    return InvalidFileError(
        f"{path} could not be read as a picture ({error}).", hint="Remove or replace this file."
    )


def grid_nodes(length: int, count: int) -> NDArray[np.int64]:
    """(count,) whole px from 0 to ``length``, as even as whole numbers can be: Pillow warps whole cells only."""
    return np.round(np.linspace(0, length, count)).astype(np.int64)


def warp_image(rgb: RGB8, source_grid: NDArray[np.floating]) -> RGB8:
    """Resample bicubically: where each node of a regular grid over the result lies in ``rgb``, linear in between.

    Args:
        rgb: (h, w, 3) sRGB.
        source_grid: (rows, columns, 2) x and y in px of ``rgb``, the corner of the first pixel at 0, for the nodes at
            ``grid_nodes(width, columns)`` × ``grid_nodes(height, rows)`` of the result, which has the size of ``rgb``.
    """
    height, width = rgb.shape[:2]
    rows, columns = source_grid.shape[:2]
    across: NDArray[np.float64] = np.linspace(0.0, float(width), columns)
    down: NDArray[np.float64] = np.linspace(0.0, float(height), rows)
    x, y = np.rint(across).astype(np.int64), np.rint(down).astype(np.int64)
    mesh: list[tuple[tuple[int, int, int, int], tuple[float, ...]]] = []
    for r in range(rows - 1):
        for c in range(columns - 1):
            box = (int(x[c]), int(y[r]), int(x[c + 1]), int(y[r + 1]))
            corners = (
                source_grid[r, c],
                source_grid[r + 1, c],
                source_grid[r + 1, c + 1],
                source_grid[r, c + 1],
            )
            mesh.append((box, tuple(float(v) for corner in corners for v in corner)))
    warped = Image.fromarray(rgb).transform(
        (width, height), Image.Transform.MESH, mesh, Image.Resampling.BICUBIC
    )
    return np.asarray(warped)
