"""What capture leaves behind: ``frames.json`` beside the pictures, with relative paths so that the folder can move."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from roomsplat.capture.probe import MediaInfo
from roomsplat.core.images import Frame
from roomsplat.core.progress import RunWarning
from roomsplat.errors import InvalidFileError, OutputError

MANIFEST = "frames.json"
IMAGES = "images"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """The frames that were kept, and what became of the others."""

    frames: tuple[Frame, ...]
    """In the order of the film, all of one size."""
    media: MediaInfo
    """What was given."""
    dropped: Mapping[str, int]
    """Frames of the input that were not kept, by reason: ``black``, ``frozen`` (repeats the frame before),
    ``duplicate`` (shows what the last kept frame shows), ``less_sharp`` (a sharper one is near)."""
    warnings: tuple[RunWarning, ...]
    """What the user should know."""


def save_capture(out_dir: Path, capture: Capture) -> None:
    """Write the manifest.

    Raises:
        OutputError: it cannot be written.
    """
    frames = [
        {**asdict(frame), "path": frame.path.relative_to(out_dir).as_posix()} for frame in capture.frames
    ]
    content: dict[str, Any] = {
        "media": asdict(capture.media),
        "dropped": dict(capture.dropped),
        "warnings": [asdict(warning) for warning in capture.warnings],
        "frames": frames,
    }
    path = out_dir / MANIFEST
    try:
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{path} could not be written ({error.strerror}).",
            hint="Free some space or choose another output folder.",
        ) from error


def load_capture(out_dir: Path) -> Capture:
    """Read what ``extract_frames`` wrote into ``out_dir``.

    Raises:
        InvalidFileError: the manifest or a picture that it names is missing, or it is damaged.
    """
    path = out_dir / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        capture = TypeAdapter(Capture).validate_python(content)
    except (OSError, ValueError, ValidationError) as error:
        raise _damaged(path, str(error).splitlines()[0]) from error
    frames = tuple(_rebased(frame, out_dir) for frame in capture.frames)
    missing = [frame.path for frame in frames if not frame.path.is_file()]
    if missing:
        raise _damaged(path, f"{missing[0]} is missing")
    return Capture(frames=frames, media=capture.media, dropped=capture.dropped, warnings=capture.warnings)


def _rebased(frame: Frame, out_dir: Path) -> Frame:
    return replace(frame, path=out_dir / frame.path)


def _damaged(path: Path, why: str) -> InvalidFileError:
    return InvalidFileError(
        f"{path} does not describe captured frames ({why}).",
        hint="Delete the folder and run the same command again.",
    )
