"""Small films and folders of every kind that a user may bring, good and bad; each is written and its path returned."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from numpy.typing import NDArray
from PIL import Image

RGB8 = NDArray[np.uint8]
RGB16 = NDArray[np.uint16]

# AVCOL_SPC_BT2020_NCL; swscale's own number for it is the same.
_TRANSFERS = {"pq": ColorTrc.SMPTE2084, "hlg": ColorTrc.ARIB_STD_B67}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmStyle:
    """How a film is stored."""

    fps: int = 30
    """Frames a second; also the resolution of ``times_s``."""
    times_s: Sequence[float] | None = None
    """When each frame is shown; ``None``: evenly."""
    codec: str = "libx264"
    """Encoder."""
    pixels: str = "yuv420p"
    """Pixel format."""
    rotation: float = 0.0
    """Degrees anticlockwise that a player turns the stored picture by, as a note in the container."""
    mirrored: bool = False
    """A note in the container that left and right change places, after turning."""
    pixel_aspect: Fraction = Fraction(1)
    """Width of a stored pixel over its height."""
    first_s: float = 0.0
    """Time of the first frame; what comes before 0 is there to be decoded and not to be shown."""
    transfer: str = "sdr"
    """``sdr``, ``pq`` or ``hlg``; the latter two take 16-bit pictures with BT.2020 codes."""
    options: dict[str, str] = field(default_factory=lambda: {"preset": "ultrafast", "crf": "12"})
    """For the encoder."""
    muxer_options: dict[str, str] = field(default_factory=dict[str, str])
    """For the container."""
    tags: dict[str, str] = field(default_factory=dict[str, str])
    """The container's metadata."""


def moving_pictures(count: int, width: int, height: int, *, seed: int = 0, step: int = 3) -> Iterator[RGB8]:
    """Pictures with detail at every size; the camera pans ``step`` px a frame."""
    scene = textured(width + step * count, height, seed=seed)
    for number in range(count):
        yield np.ascontiguousarray(scene[:, number * step : number * step + width])


def textured(width: int, height: int, *, seed: int = 0) -> RGB8:
    """(h, w, 3) coloured noise of several scales, mean 128, the same for the same seed."""
    rng = np.random.default_rng(seed)
    total = np.full((height, width, 3), 128.0)
    # The finest scale has no colour: films store colour at half the resolution.
    for size, amount, channels in ((2, 15.0, 1), (8, 25.0, 3), (40, 35.0, 3)):
        coarse = rng.normal(0, amount, (height // size + 2, width // size + 2, channels))
        total += coarse.repeat(size, axis=0).repeat(size, axis=1)[:height, :width]
    return np.clip(total, 0, 255).astype(np.uint8)


def write_film(path: Path, pictures: Iterable[RGB8 | RGB16], style: FilmStyle | None = None) -> Path:
    """Encode pictures; the suffix decides the container (mp4, mov, mkv, webm)."""
    style = style or FilmStyle()
    tick = Fraction(1, 60_000)  # MPEG-4 Part 2 takes no finer one
    with av.open(str(path), "w", options=style.muxer_options) as container:
        container.metadata.update(style.tags)
        stream = container.add_stream(style.codec, rate=style.fps, options=style.options)
        stream.pix_fmt, stream.codec_context.time_base = style.pixels, tick
        if style.rotation or style.mirrored:
            stream.set_display_rotation(style.rotation, hflip=style.mirrored)
        stream.codec_context.sample_aspect_ratio = style.pixel_aspect
        _tag(stream.codec_context, style)
        scaler = VideoReformatter()
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.width, stream.height = picture.shape[1], picture.shape[0]
            frame = _yuv_frame(scaler, picture, style)
            shown_s = number / style.fps if style.times_s is None else style.times_s[number]
            frame.pts, frame.time_base = round((shown_s + style.first_s) / tick), tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def still_film(path: Path, picture: RGB8, count: int, *, fps: int = 30) -> Path:
    """The same picture ``count`` times: black, white, frozen."""
    return write_film(path, (picture for _ in range(count)), FilmStyle(fps=fps))


def black_film(path: Path, *, seconds: float = 3.0, width: int = 160, height: int = 120) -> Path:
    """A covered lens: nearly black with a sensor's noise."""
    rng = np.random.default_rng(0)
    count = round(seconds * 30)
    return write_film(path, (rng.integers(0, 6, (height, width, 3), np.uint8) for _ in range(count)))


def tripod_film(path: Path, *, count: int = 90, noise: float = 3.0) -> Path:
    """A camera that does not move, with a sensor's noise, so that no two frames are equal."""
    rng = np.random.default_rng(0)
    scene = textured(160, 120).astype(np.float64)
    pictures = (
        np.clip(scene + rng.normal(0, noise, scene.shape), 0, 255).astype(np.uint8) for _ in range(count)
    )
    return write_film(path, pictures)


def variable_rate_film(path: Path, *, seconds: float = 6.0) -> Path:
    """A phone that saves battery: 30 frames a second in the first half, 5 in the second, 160×120."""
    times = [*np.arange(0, seconds / 2, 1 / 30), *np.arange(seconds / 2, seconds, 1 / 5)]
    return write_film(path, moving_pictures(len(times), 160, 120), FilmStyle(times_s=times))


def hdr_film(
    path: Path,
    codes: Iterable[RGB16],
    transfer: str,
    *,
    codec: str = "libx265",
    fps: int = 30,
    max_light: int | None = None,
) -> Path:
    """10-bit BT.2020 film of 16-bit R'G'B' codes, ``transfer`` is ``pq`` or ``hlg``.

    ``max_light``: what the film states as its brightest light (MaxCLL), cd/m².
    """
    options = {"preset": "ultrafast", "crf": "6"}
    if codec == "libx265":
        stated = "" if max_light is None else f":hdr10=1:max-cll={max_light},{max_light // 4}"
        options["x265-params"] = f"log-level=none{stated}"
    style = FilmStyle(fps=fps, codec=codec, pixels="yuv420p10le", transfer=transfer, options=options)
    return write_film(path, codes, style)


def audio_film(path: Path) -> Path:
    """Half a second of a tone, without pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        tone = np.sin(np.arange(24_000) * 0.05).astype(np.float32)[None]
        frame = AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def two_stream_film(path: Path) -> Path:
    """A small preview first, 80×60, then the film itself, 160×120; 12 frames each."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=30, options=FilmStyle().options) for _ in range(2)]
        for stream, width in zip(streams, (80, 160), strict=True):
            stream.width, stream.height, stream.pix_fmt = width, width * 3 // 4, "yuv420p"
        for stream in streams:
            for picture in moving_pictures(12, stream.width, stream.height):
                container.mux(stream.encode(VideoFrame.from_ndarray(picture, "rgb24")))
            container.mux(stream.encode(None))
    return path


def song_with_cover(path: Path) -> Path:
    """A tone with a picture of its album, as a music shop sells it."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48_000)
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        picture = VideoFrame.from_ndarray(textured(64, 64), "rgb24")
        container.mux(cover.encode(picture.reformat(format="yuvj420p", threads=1)))
        frame = AudioFrame.from_ndarray(np.zeros((1, 24_000), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


def truncated(path: Path, source: Path, share: float) -> Path:
    """The first part of another file, as an interrupted copy leaves it."""
    content = source.read_bytes()
    path.write_bytes(content[: round(len(content) * share)])
    return path


def text_as_film(path: Path) -> Path:
    """A text that calls itself a film: a playlist that would make FFmpeg fetch something."""
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/secret.ts\n")
    return path


def picture_folder(path: Path, pictures: Iterable[RGB8], *, suffix: str = ".jpg") -> Path:
    """A folder with ``img1``, ``img2`` … ``img10`` …, so that order by letters would be wrong."""
    path.mkdir()
    for number, picture in enumerate(pictures, 1):
        Image.fromarray(picture).save(path / f"img{number}{suffix}", quality=95)
    return path


def _tag(codec: av.VideoCodecContext, style: FilmStyle) -> None:
    """Note in the stream how its colours are meant."""
    if style.transfer == "sdr":
        codec.colorspace, codec.color_range = Colorspace.ITU709, ColorRange.MPEG
        codec.color_primaries, codec.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    else:
        codec.colorspace, codec.color_range = Colorspace.BT2020, ColorRange.MPEG
        codec.color_primaries, codec.color_trc = ColorPrimaries.BT2020, _TRANSFERS[style.transfer]


def _yuv_frame(scaler: VideoReformatter, picture: RGB8 | RGB16, style: FilmStyle) -> VideoFrame:
    kind = "rgb24" if picture.dtype == np.uint8 else "rgb48le"
    matrix = Colorspace.ITU709 if style.transfer == "sdr" else Colorspace.BT2020
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), kind)
    # One thread: swscale 9.5 on several writes a few wrong pixels at the slices' borders when it makes 10 bits of 8.
    return scaler.reformat(
        frame, format=style.pixels, dst_colorspace=matrix, dst_color_range=ColorRange.MPEG, threads=1
    )
