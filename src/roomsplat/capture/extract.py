"""From a film or a folder of pictures to its sharpest frames, written once as files."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from roomsplat.capture.config import CaptureConfig
from roomsplat.capture.film import Timeline, decode_film, read_timeline
from roomsplat.capture.folder import Picture, list_pictures
from roomsplat.capture.manifest import IMAGES, Capture, load_capture, save_capture
from roomsplat.capture.picture import PictureFormat
from roomsplat.capture.probe import MediaInfo
from roomsplat.capture.selection import Candidate, Chooser, plan_windows
from roomsplat.capture.sharpness import Judge
from roomsplat.capture.verdict import check_enough, film_warnings, folder_warnings
from roomsplat.capture.writer import BackgroundWriter, copy_file
from roomsplat.core.images import Frame
from roomsplat.core.progress import Progress, ReportProgress, silent
from roomsplat.errors import OutputError
from roomsplat.media.images import read_image, write_image

__all__ = ["Capture", "extract_frames", "load_capture"]


def extract_frames(
    source: Path, out_dir: Path, config: CaptureConfig, report: ReportProgress = silent
) -> Capture:
    """Keep the sharpest frame of each short window of a film, or of a folder of pictures, and write them.

    A film is decoded once; memory does not grow with its length. ``out_dir`` exists and is empty; it gets
    ``images/`` (JPEG, quality 95, 4:4:4; pictures of a folder that need no change are copied) and ``frames.json``.

    Raises:
        InputNotFoundError: ``source`` does not exist.
        InputTooLargeError: beyond a limit of ``config``.
        InvalidFileError: a picture of the folder is damaged or differs in size.
        OutputError: no space, or not writable.
        TooFewFramesError: too short, black, or nothing moves.
        UnreadableVideoError: no film.
    """
    try:
        (out_dir / IMAGES).mkdir()
    except OSError as error:
        raise OutputError(
            f"{out_dir} is not writable ({error.strerror}).", hint="Choose another output folder."
        ) from error
    run = _Extraction(source=source, out_dir=out_dir, config=config, report=report)
    capture = run.folder() if source.is_dir() else run.film()
    save_capture(out_dir, capture)
    return capture


@dataclass(slots=True, kw_only=True)
class _Extraction:
    """One run: what is given, and the frames kept so far."""

    source: Path
    out_dir: Path
    config: CaptureConfig
    report: ReportProgress
    kept: list[Frame] = field(default_factory=list[Frame])

    def film(self) -> Capture:
        """From a film."""
        timeline = read_timeline(self.source, self.config)
        windows = plan_windows(timeline.times_s, self.config)
        planned = int(windows[-1]) + 1
        chooser: Chooser[VideoFrame] = Chooser()
        judge, style, decoded, last = Judge(), None, 0, 0
        with BackgroundWriter() as writer:
            for frame in decode_film(self.source, self.config):
                style = style or PictureFormat.of(frame, self.config.max_side, timeline.pixel_aspect)
                last = timeline.number(frame.pts or 0)
                window, decoded = int(windows[last]), decoded + 1
                chosen = chooser.offer(
                    Candidate(index=last, window=window, impression=judge.look(frame), picture=frame)
                )
                if chosen is not None:
                    self._keep_frame(chosen, style, timeline, writer)
                    self._tell(window / planned, f"frame {last + 1} of {len(windows)}")
            chosen = chooser.finish()
            if chosen is not None and style is not None:
                self._keep_frame(chosen, style, timeline, writer)
        media = _film_info(timeline, style, decoded)
        check_enough(self.source, len(self.kept), decoded, chooser.dropped, self.config)
        reached_s = float(timeline.times_s[last])
        warnings = film_warnings(self.source, media, timeline.promised_s, reached_s, chooser.dropped)
        self._tell(1.0, f"{len(self.kept)} frames kept")
        return Capture(frames=tuple(self.kept), media=media, dropped=dict(chooser.dropped), warnings=warnings)

    def folder(self) -> Capture:
        """From a folder of pictures; the place of a picture stands for its time."""
        pictures = list_pictures(self.source, self.config)
        places = np.arange(len(pictures), dtype=np.float64)
        every = replace(self.config, frames=self.config.frames or min(len(pictures), self.config.max_frames))
        windows = plan_windows(places, every)
        names = _output_names(pictures, self.config)
        chooser: Chooser[_Loaded] = Chooser()
        judge = Judge()
        with BackgroundWriter() as writer:
            for index, loaded in enumerate(_load(pictures)):
                impression = judge.look(loaded.frame)
                chosen = chooser.offer(
                    Candidate(index=index, window=int(windows[index]), impression=impression, picture=loaded)
                )
                if chosen is not None:
                    self._keep_picture(chosen, names[chosen.index], writer)
                    self._tell(index / len(pictures), f"picture {index + 1} of {len(pictures)}")
            chosen = chooser.finish()
            if chosen is not None:
                self._keep_picture(chosen, names[chosen.index], writer)
        check_enough(self.source, len(self.kept), len(pictures), chooser.dropped, self.config)
        self._tell(1.0, f"{len(self.kept)} pictures kept")
        return Capture(
            frames=tuple(self.kept),
            media=_folder_info(pictures),
            dropped=dict(chooser.dropped),
            warnings=folder_warnings(self.source, len(pictures), chooser.dropped),
        )

    def _keep_frame(
        self,
        chosen: Candidate[VideoFrame],
        style: PictureFormat,
        timeline: Timeline,
        writer: BackgroundWriter,
    ) -> None:
        path = self.out_dir / IMAGES / f"{chosen.index:06d}.jpg"
        time_s = float(timeline.times_s[chosen.index])
        self._note(chosen.index, time_s, f"{time_s:.3f}s", path, chosen.impression.sharpness)
        writer.submit(partial(_write_frame, path, chosen.picture, style))

    def _keep_picture(self, chosen: "Candidate[_Loaded]", name: str, writer: BackgroundWriter) -> None:
        loaded, path = chosen.picture, self.out_dir / IMAGES / name
        self._note(
            chosen.index, float(chosen.index), loaded.picture.path.name, path, chosen.impression.sharpness
        )
        if _fits_unchanged(loaded.picture, self.config):
            writer.submit(partial(copy_file, loaded.picture.path, path))
        else:
            style = PictureFormat.of(loaded.frame, self.config.max_side)
            writer.submit(partial(_write_frame, path, loaded.frame, style))

    def _note(self, index: int, time_s: float, name: str, path: Path, sharpness: float) -> None:
        self.kept.append(Frame(index=index, timestamp_s=time_s, name=name, path=path, sharpness=sharpness))

    def _tell(self, fraction: float, message: str) -> None:
        self.report(Progress(fraction=fraction, message=message, metrics={"kept": float(len(self.kept))}))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """A picture of a folder, as a frame, so that film and folder share all that follows."""

    picture: Picture
    frame: VideoFrame


def _load(pictures: tuple[Picture, ...]) -> Iterator[_Loaded]:
    for picture in pictures:
        yield _Loaded(picture=picture, frame=VideoFrame.from_ndarray(read_image(picture.path), "rgb24"))


def _write_frame(path: Path, frame: VideoFrame, style: PictureFormat) -> None:
    write_image(path, style.to_rgb(frame))


def _fits_unchanged(picture: Picture, config: CaptureConfig) -> bool:
    header = picture.header
    fits = max(header.width, header.height) <= config.max_side
    return fits and header.is_plain and header.kind in ("jpeg", "png")


def _output_names(pictures: tuple[Picture, ...], config: CaptureConfig) -> tuple[str, ...]:
    """A file name for each picture: its own stem where no two share one, else its number."""
    suffixes = [p.path.suffix.lower() if _fits_unchanged(p, config) else ".jpg" for p in pictures]
    stems = [p.path.stem for p in pictures]
    if len({stem.casefold() for stem in stems}) < len(stems):
        stems = [f"{number:06d}" for number in range(len(stems))]
    return tuple(stem + suffix for stem, suffix in zip(stems, suffixes, strict=True))


def _film_info(timeline: Timeline, style: PictureFormat | None, decoded: int) -> MediaInfo:
    count, times = len(timeline.ticks), timeline.times_s
    fps = float((count - 1) / times[-1]) if count > 1 else 0.0
    return MediaInfo(
        kind="film",
        codec=timeline.codec,
        width=style.width if style else 0,
        height=style.height if style else 0,
        num_frames=decoded,
        duration_s=count / fps if fps else 0.0,
        fps=fps,
        transfer=style.transfer if style else "sdr",
        orientation=str(style.orientation) if style else "upright",
    )


def _folder_info(pictures: tuple[Picture, ...]) -> MediaInfo:
    return MediaInfo(
        kind="pictures",
        codec=", ".join(sorted({p.header.kind for p in pictures})),
        width=pictures[0].header.width,
        height=pictures[0].header.height,
        num_frames=len(pictures),
        duration_s=0.0,
        fps=0.0,
    )
