"""Write a film as H.264 in mp4, playable everywhere."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import av
import numpy as np
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)
from numpy.typing import NDArray

from roomsplat.errors import OutputError

# BT.709 in limited range, and tagged so. Untagged film is read as BT.601 when small and as BT.709 when large, and
# swscale writes BT.601: a large film came back with saturated colours 20 levels off.
_MATRIX, _RANGE = Colorspace.ITU709, ColorRange.MPEG
_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP
Preset = Literal["veryfast", "medium"]
_AHEAD = 4  # pictures that wait to be coded: whoever draws them goes on meanwhile
_HINT = "Free some space or choose another output folder."


class VideoWriter:
    """A context that takes (h, w, 3) uint8 pictures one after another. Odd sizes lose their last row or column.

    Coding happens on a thread of its own. The film appears under its name only when it is complete: an error or an
    interrupt leaves nothing behind.
    """

    def __init__(self, path: Path, *, fps: float, crf: int = 18, preset: Preset = "medium") -> None:
        """Begin a film.

        ``crf``: x264's constant rate factor, smaller is better and larger on disk; 18 looks lossless.
        ``preset``: how hard x264 seeks a smaller file.
        """
        self._path, self._part = path, path.with_name(f".{path.stem}.part.mp4")
        self._rate = Fraction(fps).limit_denominator(1001)
        # without mbtree=0 x264 gave other bytes at each run where a row is no multiple of eight macroblocks
        self._options = {"crf": str(crf), "preset": preset, "x264-params": "mbtree=0"}
        # PyAV's stub leaves the type of packets open, so that strict typing ends at its container.
        self._container: Any
        self._stream: Any = None
        self._scaler = VideoReformatter()
        self._coder, self._waiting = ThreadPoolExecutor(1, "film"), deque[Future[None]]()
        try:
            self._part.touch()  # FFmpeg opens the file with the first packet; a wrong place should be told at once
            self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
        except OSError as error:
            raise OutputError(
                f"{path} could not be created ({error.strerror or error}).", hint=_HINT
            ) from error

    def __enter__(self) -> Self:
        """Start."""
        return self

    def write(self, rgb: NDArray[np.uint8]) -> None:
        """Append one picture; ``rgb`` may change afterwards.

        Raises:
            OutputError: the disk is full or went away, while this picture or one shortly before it was written.
        """
        height, width = rgb.shape[0] // 2 * 2, rgb.shape[1] // 2 * 2
        picture = np.array(rgb[:height, :width], order="C")
        if len(self._waiting) == _AHEAD:
            self._waiting.popleft().result()
        self._waiting.append(self._coder.submit(self._code, picture))

    def _code(self, rgb: NDArray[np.uint8]) -> None:
        if self._stream is None:
            self._stream = self._open_stream(width=rgb.shape[1], height=rgb.shape[0])
        frame = self._scaler.reformat(
            av.VideoFrame.from_numpy_buffer(rgb, format="rgb24"),
            format="yuv420p",
            dst_colorspace=_MATRIX,
            dst_color_range=_RANGE,
            interpolation=_EXACT,
            threads=1,
        )
        try:
            self._container.mux(self._stream.encode(frame))
        except OSError as error:
            raise OutputError(f"{self._path} could not be written ({error}).", hint=_HINT) from error

    def _open_stream(self, *, width: int, height: int) -> Any:
        stream = self._container.add_stream("libx264", rate=self._rate, options=self._options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        codec = stream.codec_context
        codec.colorspace, codec.color_range = _MATRIX, _RANGE
        codec.color_primaries, codec.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        return stream

    def _finish(self) -> None:
        assert self._waiting, "a film needs a picture"
        while self._waiting:
            self._waiting.popleft().result()
        self._container.mux(self._stream.encode(None))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the film, or remove what there is of it."""
        self._coder.shutdown(cancel_futures=kind is not None)  # waits
        is_whole = False
        try:
            try:
                if kind is None:
                    self._finish()
            finally:
                self._container.close()
            is_whole = kind is None
        except OSError as closing:
            if kind is None:  # else the first error says more
                raise OutputError(f"{self._path} could not be written ({closing}).", hint=_HINT) from closing
        finally:
            if is_whole:
                self._part.replace(self._path)
            else:
                self._part.unlink(missing_ok=True)
