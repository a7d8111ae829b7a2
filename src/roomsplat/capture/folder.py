"""A folder of pictures, taken as the frames of a film."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from roomsplat.capture.config import CaptureConfig
from roomsplat.capture.probe import check_frame_count
from roomsplat.errors import InputTooLargeError, InvalidFileError, TooFewFramesError, UnreadableVideoError
from roomsplat.media.images import ImageHeader, read_header

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture of the folder, not yet read."""

    path: Path
    """The file."""
    header: ImageHeader
    """Size and kind."""


def list_pictures(folder: Path, config: CaptureConfig) -> tuple[Picture, ...]:
    """The pictures directly in a folder, in natural order (2 before 10), all of one size.

    Raises:
        InputTooLargeError: too many, or too large.
        InvalidFileError: one cannot be read, or differs in size from the first.
        TooFewFramesError: none, or fewer than ``config.required_frames``.
        UnreadableVideoError: the folder cannot be listed.
    """
    try:
        paths = sorted(
            (
                p
                for p in folder.iterdir()
                if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and p.is_file()
            ),
            key=lambda p: natural_key(p.name),
        )
    except OSError as error:
        raise UnreadableVideoError(
            f"{folder} could not be opened ({error.strerror}).", hint="Check the folder's permissions."
        ) from error
    check_frame_count(folder, len(paths), config)
    if len(paths) < config.required_frames:
        many = f"only {len(paths)} picture{'s' * (len(paths) != 1)}" if paths else "no pictures"
        raise TooFewFramesError(
            f"The folder {folder} holds {many} ({', '.join(sorted(SUFFIXES))}); "
            f"at least {config.required_frames} are needed.",
            hint="Give a film, or a folder with some 50 overlapping pictures of the room.",
        )
    return tuple(_checked_headers(paths, config))


def natural_key(name: str) -> tuple[tuple[int, int | str], ...]:
    """Sorts ``img2`` before ``img10``, letters without regard to case."""
    parts = re.findall(r"\d+|\D+", name.casefold())
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts)


def _checked_headers(paths: list[Path], config: CaptureConfig) -> Iterator[Picture]:
    first: ImageHeader | None = None
    for path in paths:
        header = read_header(path)
        if header.width * header.height > config.max_pixels:
            raise InputTooLargeError(
                f"{path} is {header.width}×{header.height} px, more than {config.max_pixels / 1e6:.0f} million.",
                hint="Give smaller pictures, or raise capture.max_pixels.",
            )
        first = first or header
        if (header.width, header.height) != (first.width, first.height):
            raise InvalidFileError(
                f"{path} is {header.width}×{header.height} px, but {paths[0].name} is {first.width}×{first.height} px: "
                "all pictures must have one size.",
                hint="Remove the pictures that differ, or give the film itself.",
            )
        yield Picture(path=path, header=header)
