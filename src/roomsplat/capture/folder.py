"""A folder of pictures, taken as the frames of a film."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from av.video.frame import VideoFrame

from roomsplat.capture.config import CaptureConfig
from roomsplat.capture.focal import common_equivalent, focal_ratio
from roomsplat.capture.picture import PictureFormat
from roomsplat.capture.probe import MediaInfo, check_frame_count
from roomsplat.capture.selection import Candidate, WindowPlan, plan_windows
from roomsplat.capture.sharpness import look
from roomsplat.capture.verdict import folder_warnings
from roomsplat.capture.writer import copy_file
from roomsplat.core.progress import RunWarning
from roomsplat.errors import (
    InputTooLargeError,
    InvalidFileError,
    InvalidSettingError,
    TooFewFramesError,
    UnreadableVideoError,
)
from roomsplat.media.images import ImageHeader, read_header, read_image, write_image
from roomsplat.media.masks import place_of_mask, read_mask, shrink_mask, write_mask

NO_MASKS: Mapping[str, Path] = MappingProxyType({})
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})
# Pictures that phones and cameras write and that Pillow does not read.
_UNREAD = frozenset({".heic", ".heif", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf"})


def is_picture(path: Path) -> bool:
    """Whether a file of a folder is one that is read as a picture: by its suffix, hidden ones left out."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


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
            (p for p in folder.iterdir() if is_picture(p)),
            key=lambda p: natural_key(p.name),
        )
    except OSError as error:
        raise UnreadableVideoError(
            f"{folder} could not be opened ({error.strerror}).", hint="Check the folder's permissions."
        ) from error
    check_frame_count(folder, len(paths), config)
    if len(paths) < config.required_frames:
        raise _too_few(folder, len(paths), config)
    return tuple(_checked_headers(paths, config))


def _too_few(folder: Path, count: int, config: CaptureConfig) -> TooFewFramesError:
    many = f"only {count} picture{'s' * (count != 1)}" if count else "no pictures"
    hint = "Give a film, or a folder with some 50 overlapping pictures of the room."
    if any(path.suffix.lower() in _UNREAD for path in folder.iterdir()):
        hint = "HEIC and raw pictures are not read: export them as JPEG first."
    return TooFewFramesError(
        f"The folder {folder} holds {many} ({', '.join(sorted(SUFFIXES))}); "
        f"at least {config.required_frames} are needed.",
        hint=hint,
    )


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
                f"{path} is {header.width}×{header.height} px; the limit is {config.max_pixels:,} px in all.",
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


def _check_masks(pictures: Iterable[Picture], masks: Mapping[str, Path]) -> None:
    for picture in pictures:
        mask = masks.get(picture.path.name)
        if mask is None:
            continue
        size, wanted = read_header(mask), picture.header
        if (size.width, size.height) != (wanted.width, wanted.height):
            raise InvalidFileError(
                f"The mask {mask} is {size.width}×{size.height} px, but its picture is "
                f"{wanted.width}×{wanted.height} px.",
                hint="Draw masks at the size of the pictures: black is ignored, white is used.",
            )


class FolderInput:
    """A folder, picture by picture; see ``extract.Input``. All are kept unless there are more than ``max_frames``."""

    def __init__(self, folder: Path, config: CaptureConfig, masks: Mapping[str, Path] = NO_MASKS) -> None:
        """List the pictures and plan the windows; ``masks``: of some of them, by file name.

        Raises:
            InvalidSettingError: a rate is asked for; pictures have no times.
            InputTooLargeError, InvalidFileError, TooFewFramesError, UnreadableVideoError: see ``list_pictures``.
        """
        if config.fps is not None:
            raise InvalidSettingError(
                f"{folder} is a folder of pictures, which have no rate; capture.fps (--fps) is {config.fps:g}.",
                hint="Leave out --fps, or give --frames to keep that many pictures.",
            )
        self._folder, self._config = folder, config
        self._pictures, self._masks = list_pictures(folder, config), masks
        _check_masks(self._pictures, masks)
        count = len(self._pictures)
        wanted = replace(config, frames=config.frames or min(count, config.max_frames))
        self.plan: WindowPlan = plan_windows(np.arange(count, dtype=np.float64), wanted)
        self._file_names = self._choose_file_names()

    def candidates(self) -> Iterator[Candidate[VideoFrame]]:
        """Read the pictures, as frames, so that film and folder share all that follows."""
        for index, picture in enumerate(self._pictures):
            frame = VideoFrame.from_ndarray(read_image(picture.path), "rgb24")
            yield Candidate(
                index=index,
                position=float(self.plan.positions[index]),
                impression=look(frame),
                picture=frame,
            )

    def time_s(self, index: int) -> float:
        """The place stands for the time."""
        return float(index)

    def acceleration(self, index: int) -> None:
        """Pictures hold none."""
        del index

    def name(self, index: int) -> str:
        """The file's name in the folder."""
        return self._pictures[index].path.name

    def file_name(self, index: int) -> str:
        """The name that it gets."""
        return self._file_names[index]

    def write(self, chosen: Candidate[VideoFrame], path: Path) -> None:
        """Copy the picture, or write it upright and smaller; called on another thread."""
        if self._stays(self._pictures[chosen.index]):
            copy_file(self._pictures[chosen.index].path, path)
        else:
            style = PictureFormat.of(chosen.picture, self._config.max_side)
            write_image(path, style.to_rgb(chosen.picture))
        mask = self._masks.get(self.name(chosen.index))
        if mask is not None:
            written = read_header(path)
            write_mask(place_of_mask(path), shrink_mask(read_mask(mask), written.width, written.height))

    def media(self) -> MediaInfo:
        """What the folder holds."""
        first = self._pictures[0].header
        equivalent = common_equivalent(picture.header.focal_35mm for picture in self._pictures)
        return MediaInfo(
            kind="pictures",
            codec=", ".join(sorted({picture.header.kind for picture in self._pictures})),
            width=first.width,
            height=first.height,
            focal_ratio=focal_ratio(equivalent, first.width, first.height),
            num_frames=len(self._pictures),
            duration_s=0.0,
            fps=0.0,
        )

    def warnings(self, dropped: Mapping[str, int]) -> tuple[RunWarning, ...]:
        """What the user should know, once all are read."""
        return folder_warnings(self._folder, len(self._pictures), dropped)

    def _stays(self, picture: Picture) -> bool:
        """Whether the file can be used as it is: no second loss by JPEG."""
        header = picture.header
        fits = max(header.width, header.height) <= self._config.max_side
        return fits and header.is_plain and header.kind in ("jpeg", "png")

    def _choose_file_names(self) -> tuple[str, ...]:
        """A file's own stem where no two share one, else its number."""
        stems = [picture.path.stem for picture in self._pictures]
        if len({stem.casefold() for stem in stems}) < len(stems):
            stems = [f"{number:06d}" for number in range(len(stems))]
        kinds = [f".{p.header.kind}" if self._stays(p) else ".jpg" for p in self._pictures]
        return tuple(stem + kind.replace("jpeg", "jpg") for stem, kind in zip(stems, kinds, strict=True))
