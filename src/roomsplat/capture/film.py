"""A film as input: first only its time stamps are read, then its frames, once, front to back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError, InvalidDataError
from av.packet import Packet
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from roomsplat.capture.accelerometer import Accelerometer, Vector
from roomsplat.capture.config import CaptureConfig
from roomsplat.capture.focal import film_equivalent, focal_ratio
from roomsplat.capture.motion import MotionMeter
from roomsplat.capture.picture import PictureFormat
from roomsplat.capture.probe import MediaInfo, check_duration, check_frame_count, open_film
from roomsplat.capture.selection import Candidate, Pace, WindowPlan, plan_windows
from roomsplat.capture.sharpness import Impression, look
from roomsplat.capture.verdict import film_warnings, motion_warnings
from roomsplat.core.progress import RunWarning
from roomsplat.errors import UnreadableVideoError
from roomsplat.media.images import write_image


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """When the frames of a film are shown."""

    ticks: NDArray[np.int64]
    """(n,) ascending, in units of ``tick_s``."""
    tick_s: float
    """Seconds."""
    promised_s: float
    """Duration by the container's header, seconds; 0 = it does not say."""
    codec: str
    """``h264``, ``hevc`` …"""
    pixel_aspect: float
    """Width of a stored pixel over its height."""
    equivalent_mm: float | None
    """The lens's focal length on 35 mm film by the file's metadata."""
    motion: Accelerometer
    """What the film's own accelerometer felt."""

    @property
    def times_s(self) -> NDArray[np.float64]:
        """(n,) seconds since the first frame."""
        return (self.ticks - self.ticks[0]) * self.tick_s

    def number(self, ticks: int) -> int:
        """The number of the frame that is shown at ``ticks``."""
        return min(int(np.searchsorted(self.ticks, ticks)), len(self.ticks) - 1)


def read_timeline(path: Path, config: CaptureConfig) -> Timeline:
    """All time stamps of a film, without decoding (10 ms for a minute of phone film in cache).

    The header's length and rate are not asked: both are wrong for variable rates and for recordings that were cut off,
    and webm often has neither.

    Raises:
        InputNotFoundError, InputTooLargeError, UnreadableVideoError: see ``open_film``.
    """
    ticks: list[int] = []
    motion = Accelerometer()
    with open_film(path, config) as (container, stream):
        try:
            for packet in container.demux(stream, *container.streams.data):
                stamp = packet.pts if packet.pts is not None else packet.dts
                if packet.stream.index != stream.index:
                    _feel(motion, packet, stamp)
                elif stamp is not None and not packet.is_discard:
                    ticks.append(stamp)
                    if len(ticks) > config.max_input_frames:
                        break
        except FFmpegError:
            pass  # A damaged or missing tail: what came before it is used, and the shortfall becomes a warning.
        tick_s = float(stream.time_base or 1 / av.time_base)
        promised_s = (
            float(stream.duration * tick_s) if stream.duration else (container.duration or 0) / av.time_base
        )
        codec, pixel_aspect = stream.codec_context.name, float(stream.sample_aspect_ratio or 1)
        equivalent_mm = film_equivalent({**container.metadata, **stream.metadata})
    if not ticks:
        raise UnreadableVideoError(
            f"{path} holds no frames: the recording was cut off or the copy is incomplete.",
            hint="Copy it from the phone again, or film once more.",
        )
    check_frame_count(path, len(ticks), config)
    ordered = np.unique(np.asarray(ticks, np.int64))
    check_duration(path, float(ordered[-1] - ordered[0]) * tick_s, config)
    return Timeline(
        ticks=ordered,
        tick_s=tick_s,
        promised_s=promised_s,
        codec=codec,
        pixel_aspect=pixel_aspect,
        equivalent_mm=equivalent_mm,
        motion=motion,
    )


def _feel(motion: Accelerometer, packet: "Packet[Any]", stamp: int | None) -> None:
    """Hand a packet of a data stream on, with its place on the container's clock."""
    tick_s = float(packet.time_base or 1)
    if stamp is not None and packet.size:
        motion.add(bytes(packet), stamp * tick_s, (packet.duration or 0) * tick_s)


def decode_film(path: Path, config: CaptureConfig) -> Iterator[VideoFrame]:
    """The frames in the order in which they are shown; after damage none until the next key frame.

    A frame that is built on a damaged one looks wrong and is not marked (H.264: 12 levels off for the rest of its
    group of pictures). FFmpeg's HEVC decoder does not tell of all damage, so there some wrong frames pass. The
    decoder's threads work ahead while the caller looks at a frame.

    Raises:
        InputNotFoundError, InputTooLargeError, UnreadableVideoError: see ``open_film``; also when the picture's size
            changes on the way.
    """
    size: tuple[int, int] | None = None
    damaged = False
    with open_film(path, config) as (container, stream):
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
                frames = packet.decode()
            except StopIteration:
                return
            except InvalidDataError:
                damaged = True
                continue
            except FFmpegError:
                return  # The file ends before it should.
            for frame in frames:
                damaged = frame.is_corrupt or (damaged and not frame.key_frame)
                if damaged or frame.pts is None:
                    continue
                size = size or (frame.width, frame.height)
                if size != (frame.width, frame.height):
                    raise UnreadableVideoError(
                        f"{path} changes its size from {size[0]}×{size[1]} to {frame.width}×{frame.height} px.",
                        hint="Cut the film where that happens and give one part.",
                    )
                yield frame


class FilmInput:
    """A film, frame by frame; see ``extract.Input``."""

    def __init__(self, path: Path, config: CaptureConfig) -> None:
        """Read the time stamps and plan the windows.

        Raises:
            InputNotFoundError, InputTooLargeError, UnreadableVideoError: see ``open_film``.
        """
        self._path, self._config = path, config
        self._timeline = read_timeline(path, config)
        self._times_s = self._timeline.times_s
        self._felt = self._timeline.motion.around(
            np.asarray(self._timeline.ticks * self._timeline.tick_s, np.float64)
        )
        self.plan: WindowPlan = plan_windows(self._times_s, config)
        self._pace, self._meter = Pace(self.plan, self._times_s), MotionMeter()
        self._format: PictureFormat | None = None
        self._decoded = self._last = 0

    def candidates(self) -> Iterator[Candidate[VideoFrame]]:
        """Decode the film."""
        for frame in decode_film(self._path, self._config):
            if self._format is None:
                self._format = PictureFormat.of(frame, self._config.max_side, self._timeline.pixel_aspect)
            self._decoded += 1
            self._last = number = self._timeline.number(frame.pts or 0)
            impression = look(frame)
            yield Candidate(
                index=number, position=self._place(number, impression), impression=impression, picture=frame
            )

    def _place(self, number: int, impression: Impression) -> float:
        """In units of windows: by the clock alone where a rate was asked for, else by the picture's motion, too."""
        if self._config.fps is not None:
            return float(self.plan.positions[number])
        return self._pace.place(number, self._meter.see(impression.thumbnail, self.time_s(number)))

    def time_s(self, index: int) -> float:
        """Seconds since the first frame."""
        return float(self._times_s[index])

    def acceleration(self, index: int) -> Vector | None:
        """See ``Frame.acceleration``."""
        return self._felt[index]

    def name(self, index: int) -> str:
        """The frame's time, such as ``12.480s``."""
        return f"{self._times_s[index]:.3f}s"

    def file_name(self, index: int) -> str:
        """Numbered as in the film."""
        return f"{index:06d}.jpg"

    def write(self, chosen: Candidate[VideoFrame], path: Path) -> None:
        """Write one frame upright, as sRGB; called on another thread."""
        assert self._format is not None, "a candidate comes from a decoded frame"
        write_image(path, self._format.to_rgb(chosen.picture))

    def media(self) -> MediaInfo:
        """What the film is, once it is decoded."""
        style, count = self._format, len(self._times_s)
        fps = float((count - 1) / self._times_s[-1]) if count > 1 else 0.0
        return MediaInfo(
            kind="film",
            codec=self._timeline.codec,
            width=style.width if style else 0,
            height=style.height if style else 0,
            num_frames=self._decoded,
            duration_s=count / fps if fps else 0.0,
            fps=fps,
            transfer=style.transfer if style else "sdr",
            focal_ratio=focal_ratio(self._timeline.equivalent_mm, style.width, style.height)
            if style
            else None,
            orientation=str(style.orientation) if style else "upright",
        )

    def warnings(self, dropped: Mapping[str, int]) -> tuple[RunWarning, ...]:
        """What the user should know, once the film is decoded."""
        return film_warnings(
            self._path,
            expected=len(self._times_s),
            seen=self._decoded,
            promised_s=self._timeline.promised_s,
            reached_s=self.time_s(self._last),
            dropped=dropped,
        ) + motion_warnings(self._path, self._timeline.motion.damaged)
