"""From a decoded frame to an upright sRGB picture, and to the small grey one that is judged."""

import struct
from dataclasses import dataclass
from typing import Self

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from roomsplat.capture.hdr import DEFAULT_PEAK, REFERENCE_WHITE, sdr_from_wide
from roomsplat.capture.orientation import Orientation
from roomsplat.capture.probe import Transfer
from roomsplat.capture.side_data import side_data

# Codes of ITU-T H.273 (the same in every container).
_TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}
_PRIMARIES_BT2020 = 9
_MATRIX_BT709, _MATRIX_UNSPECIFIED, _MATRIX_BT601 = 1, 2, 6
# Untagged film: SD is BT.601, larger is BT.709 (the rule of the players).
_SD_WIDTH, _SD_HEIGHT = 1280, 576
_MAX_PQ_PEAK = 10_000.0
# Full chroma and exact rounding: without them swscale is off by up to 4 levels and shifts colour by half a pixel.
_QUALITY = (
    Interpolation.LANCZOS
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFormat:
    """How the frames of one film become pictures; made from its first frame."""

    orientation: Orientation
    """Applied last."""
    width: int
    """Of the film, upright and with square pixels, px."""
    height: int
    """Of the film, upright and with square pixels, px."""
    stored_size: tuple[int, int]
    """(width, height) that a frame is scaled to before it is turned, px."""
    transfer: Transfer
    """How brightness is coded."""
    wide_gamut: bool
    """BT.2020 primaries."""
    peak: float
    """Brightest light of a PQ film, cd/m²."""

    @classmethod
    def of(cls, frame: VideoFrame, max_side: int, pixel_aspect: float = 1.0) -> Self:
        """For frames like this one; the longer side of the pictures is at most ``max_side`` px.

        ``pixel_aspect``: width of a stored pixel over its height.
        """
        orientation = Orientation.of(frame)
        stored_width = round(frame.width * pixel_aspect)
        shrink = min(1.0, max_side / max(stored_width, frame.height))
        width, height = orientation.size(stored_width, frame.height)
        transfer = _TRANSFERS.get(frame.color_trc, "sdr")
        return cls(
            orientation=orientation,
            width=width,
            height=height,
            stored_size=(max(1, round(stored_width * shrink)), max(1, round(frame.height * shrink))),
            transfer=transfer,
            wide_gamut=transfer != "sdr" or frame.color_primaries == _PRIMARIES_BT2020,
            peak=_peak_light(frame),
        )

    def to_rgb(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """(h, w, 3) sRGB, upright; matrix and range as the frame is tagged."""
        if frame.colorspace == _MATRIX_UNSPECIFIED:
            small = frame.width < _SD_WIDTH and frame.height <= _SD_HEIGHT
            frame.colorspace = _MATRIX_BT601 if small else _MATRIX_BT709
        width, height = self.stored_size
        kind = "rgb48le" if self.wide_gamut else "rgb24"
        # A scaler per call: two writers run at once, and a scaler serves one thread.
        scaler = VideoReformatter()
        scaled = scaler.reformat(frame, width, height, kind, interpolation=_QUALITY, threads=1).to_ndarray()
        rgb = (
            sdr_from_wide(scaled.astype(np.uint16, copy=False), self.transfer, self.peak)
            if self.wide_gamut
            else scaled
        )
        return self.orientation.apply(rgb.astype(np.uint8, copy=False))


def _peak_light(frame: VideoFrame) -> float:
    """The film's own maximum (MaxCLL of CTA-861.3) where it states one, else 1,000 cd/m²."""
    block = side_data(frame, "CONTENT_LIGHT_LEVEL")
    stated = struct.unpack_from("=I", block)[0] if block else 0
    return min(max(float(stated), REFERENCE_WHITE), _MAX_PQ_PEAK) if stated else DEFAULT_PEAK
