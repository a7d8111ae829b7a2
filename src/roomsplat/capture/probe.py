"""What is this file, and is it safe to decode?

The first bytes alone choose the demuxer, FFmpeg never guesses: a playlist, a script or a text that calls itself
``film.mp4`` never reaches it. Only the ``file`` protocol and the decoders that cameras use are allowed.
"""

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from roomsplat.capture.config import CaptureConfig
from roomsplat.errors import InputNotFoundError, InputTooLargeError, UnreadableVideoError

Demuxer = Literal["mov", "matroska"]
Transfer = Literal["sdr", "pq", "hlg"]

# Atoms that a QuickTime file may begin with; everything since about 2001 begins with ftyp.
_QUICKTIME_ATOMS = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})
# Brands of still pictures in the same container (HEIF, AVIF).
_PICTURE_BRANDS = frozenset({b"heic", b"heix", b"mif1", b"avif", b"heim", b"heis"})
_EBML = b"\x1a\x45\xdf\xa3"
# FFmpeg carries some 500 decoders; the ones for films of cameras, phones and screen recorders are these.
_DECODERS = frozenset(
    {"h264", "hevc", "libdav1d", "av1", "vp8", "libvpx", "vp9", "libvpx-vp9"}
    | {"mpeg4", "mpeg2video", "h263", "mjpeg", "prores", "dnxhd", "ffv1"}
)
_HINT_FILM = "Give a film as mp4, mov, mkv or webm, or a folder of pictures."


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """What was given, for the report."""

    kind: Literal["film", "pictures"]
    """A film, or a folder of pictures."""
    codec: str
    """``h264``, ``hevc`` …; for a folder the picture formats, such as ``jpeg``."""
    width: int
    """Upright, with square pixels, px."""
    height: int
    """Upright, with square pixels, px."""
    num_frames: int
    """Frames of the film (those that were decoded), or pictures in the folder."""
    duration_s: float
    """Seconds; 0 for a folder."""
    fps: float
    """Mean rate over the film; 0 for a folder."""
    transfer: Transfer = "sdr"
    """How brightness is coded; ``pq`` and ``hlg`` are HDR and were mapped to SDR."""
    focal_ratio: float | None = None
    """Focal length over the longer side, as the file's metadata says; ``None``: it does not, or nothing possible."""
    orientation: str = "upright"
    """How the stored pictures were turned to stand upright, such as ``90° clockwise``."""


def sniff(path: Path, config: CaptureConfig) -> Demuxer:
    """The demuxer for a file, by its first bytes.

    Raises:
        InputNotFoundError: no such file.
        InputTooLargeError: more bytes than ``config.max_bytes``.
        UnreadableVideoError: no film, empty, or not readable.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableVideoError(f"{path} is no ordinary file.", hint=_HINT_FILM)
        with path.open("rb") as file:
            head = file.read(12)
    except FileNotFoundError as error:
        raise InputNotFoundError(
            f"{path} does not exist.", hint="Check the path, and quote it if it has spaces."
        ) from error
    except OSError as error:
        raise UnreadableVideoError(
            f"{path} could not be opened ({error.strerror}).", hint="Check the file's permissions."
        ) from error
    if status.st_size > config.max_bytes:
        raise InputTooLargeError(
            f"{path} has {status.st_size / 2**20:,.1f} MiB; the limit is {config.max_bytes / 2**20:,.1f} MiB.",
            hint="Give a shorter film, or raise capture.max_bytes.",
        )
    if not head:
        raise UnreadableVideoError(f"{path} is empty (0 bytes).", hint="Copy the film again.")
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
        raise UnreadableVideoError(
            f"{path} is a single picture, not a film.",
            hint="Put all pictures of the room in one folder and give that.",
        )
    if head[4:8] in _QUICKTIME_ATOMS:
        return "mov"
    if head[:4] == _EBML:
        return "matroska"
    raise UnreadableVideoError(
        f"{path} is no film: its first bytes are neither mp4/mov nor mkv/webm.", hint=_HINT_FILM
    )


@contextmanager
def open_film(path: Path, config: CaptureConfig) -> Generator[tuple[InputContainer, VideoStream]]:
    """A film's container and its main video stream, opened safely and within the limits.

    Raises:
        InputNotFoundError: no such file.
        InputTooLargeError: beyond a limit on bytes, pixels, duration or frames.
        UnreadableVideoError: no film, damaged beyond use, or without pictures.
    """
    demuxer = sniff(path, config)
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": "mov,matroska",
        "codec_whitelist": ",".join(sorted(_DECODERS)),
        "max_pixels": str(config.max_pixels),
    }
    # An absolute path: FFmpeg would take "a:b.mp4" for a protocol named a.
    try:
        container = av.open(os.fspath(path.resolve()), "r", format=demuxer, options=options)
    except (FFmpegError, OSError, ValueError) as error:
        raise UnreadableVideoError(
            f"{path} could not be read as a film: it is damaged or incomplete ({_reason(error)}).",
            hint="Copy it from the phone again, or film once more; a recording that was cut off has no index.",
        ) from error
    with container:
        stream = _main_stream(path, container)
        _check_limits(path, container, stream, config)
        stream.thread_type = "AUTO"  # pyright: ignore[reportAttributeAccessIssue] - the stub knows only the enum
        yield container, stream


def _main_stream(path: Path, container: InputContainer) -> VideoStream:
    """The video stream with the most pixels; cover pictures of songs do not count."""
    films = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not films:
        raise UnreadableVideoError(f"{path} holds sound but no pictures.", hint=_HINT_FILM)
    # The option codec_whitelist holds while FFmpeg probes; PyAV opens the decoder itself, so it is asked here again.
    usable = [s for s in films if _codec(s) in _DECODERS and s.width * s.height > 0]
    if not usable:
        raise UnreadableVideoError(
            f"{path} holds a film whose pictures cannot be decoded (codec {_codec(films[0])}).",
            hint="Convert it to H.264 or HEVC in mp4.",
        )
    return max(usable, key=lambda s: s.width * s.height)


def _check_limits(path: Path, container: InputContainer, stream: VideoStream, config: CaptureConfig) -> None:
    if stream.width * stream.height > config.max_pixels:
        raise InputTooLargeError(
            f"{path} is {stream.width}×{stream.height} px; the limit is {config.max_pixels:,} px in all.",
            hint="Give a smaller film, or raise capture.max_pixels.",
        )
    check_duration(path, (container.duration or 0) / av.time_base, config)
    check_frame_count(path, stream.frames, config)


def check_duration(path: Path, seconds: float, config: CaptureConfig) -> None:
    """Raise InputTooLargeError for a film longer than ``config.max_duration_s``."""
    if seconds > config.max_duration_s:
        raise InputTooLargeError(
            f"{path} lasts {seconds:,.1f} s; the limit is {config.max_duration_s:,.1f} s.",
            hint="Cut the film, or raise capture.max_duration_s.",
        )


def check_frame_count(path: Path, count: int, config: CaptureConfig) -> None:
    """Raise InputTooLargeError for more than ``config.max_input_frames`` frames or pictures."""
    if count > config.max_input_frames:
        raise InputTooLargeError(
            f"{path} has more than {config.max_input_frames:,} frames.",
            hint="Give fewer, or raise capture.max_input_frames.",
        )


def _codec(stream: VideoStream) -> str:
    """The decoder's name. The stub says that a stream always has a codec context; for an unknown codec it has none."""
    return getattr(stream.codec_context, "name", "unknown")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
