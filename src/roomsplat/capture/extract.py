"""From a film or a folder of pictures to its sharpest frames, written once as files."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from av.video.frame import VideoFrame

from roomsplat.capture.accelerometer import Vector
from roomsplat.capture.config import CaptureConfig
from roomsplat.capture.film import FilmInput
from roomsplat.capture.folder import NO_MASKS, FolderInput
from roomsplat.capture.manifest import IMAGES, Capture, load_capture, save_capture
from roomsplat.capture.probe import MediaInfo
from roomsplat.capture.selection import Candidate, Chooser, WindowPlan
from roomsplat.capture.verdict import check_enough
from roomsplat.capture.writer import BackgroundWriter
from roomsplat.core.images import Frame
from roomsplat.core.progress import Progress, ReportProgress, RunWarning, silent
from roomsplat.errors import OutputError

__all__ = ["Capture", "extract_frames", "load_capture"]


class Input(Protocol):
    """What frames come from. Frames have numbers from 0 in the order of the input."""

    plan: WindowPlan

    def candidates(self) -> Iterator[Candidate[VideoFrame]]:
        """All frames that can be decoded, in order, one at a time."""
        ...

    def time_s(self, index: int) -> float:
        """When a frame is shown."""
        ...

    def acceleration(self, index: int) -> Vector | None:
        """See ``Frame.acceleration``."""
        ...

    def name(self, index: int) -> str:
        """What a person calls it."""
        ...

    def file_name(self, index: int) -> str:
        """Under which name it is written."""
        ...

    def write(self, chosen: Candidate[VideoFrame], path: Path) -> None:
        """Write it; called on another thread."""
        ...

    def media(self) -> MediaInfo:
        """What was given; complete once all candidates were asked for."""
        ...

    def warnings(self, dropped: Mapping[str, int]) -> tuple[RunWarning, ...]:
        """What the user should know; complete once all candidates were asked for."""
        ...


def extract_frames(
    source: Path,
    out_dir: Path,
    config: CaptureConfig,
    report: ReportProgress = silent,
    *,
    masks: Mapping[str, Path] = NO_MASKS,
) -> Capture:
    """Keep the sharpest frame of each short window of a film, or of a folder of pictures, and write them.

    A film is decoded once; memory does not grow with its length. ``out_dir`` exists and is empty; it gets
    ``images/`` (JPEG, quality 95, 4:4:4; pictures of a folder that need no change are copied) and ``frames.json``.
    ``masks``: of pictures of the folder, by their file names; they lie in ``masks/`` then (``media/masks.py``).

    Raises:
        InputNotFoundError: ``source`` does not exist.
        InputTooLargeError: beyond a limit of ``config``.
        InvalidFileError: a picture of the folder is damaged or differs in size.
        InvalidSettingError: ``config.fps`` is given for a folder.
        OutputError: no space, or not writable.
        TooFewFramesError: too short, black, or nothing moves.
        UnreadableVideoError: no film.
    """
    given: Input = FolderInput(source, config, masks) if source.is_dir() else FilmInput(source, config)
    images = out_dir / IMAGES
    try:
        images.mkdir()
    except OSError as error:
        raise OutputError(
            f"{out_dir} is not writable ({error.strerror}).", hint="Choose another output folder."
        ) from error
    chooser: Chooser[VideoFrame] = Chooser()
    frames: list[Frame] = []
    with BackgroundWriter() as writer:
        for chosen in chooser.choose(given.candidates()):
            frame = Frame(
                index=chosen.index,
                timestamp_s=given.time_s(chosen.index),
                name=given.name(chosen.index),
                path=images / given.file_name(chosen.index),
                sharpness=chosen.impression.sharpness,
                acceleration=given.acceleration(chosen.index),
            )
            frames.append(frame)
            writer.submit(partial(given.write, chosen, frame.path))
            done = (chosen.window + 1) / given.plan.count
            report(
                Progress(fraction=done, message=f"{len(frames)} frames kept", metrics={"kept": len(frames)})
            )
    media = given.media()
    check_enough(source, len(frames), media.num_frames, chooser.dropped, config)
    capture = Capture(
        frames=tuple(frames),
        media=media,
        dropped=dict(chooser.dropped),
        warnings=given.warnings(chooser.dropped),
    )
    save_capture(out_dir, capture)
    report(Progress(fraction=1.0, message=f"{len(frames)} frames kept", metrics={"kept": len(frames)}))
    return capture
