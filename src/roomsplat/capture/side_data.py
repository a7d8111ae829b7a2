"""What a container says of a frame beside its pixels."""

from collections.abc import Mapping
from typing import Literal, cast

from av.video.frame import VideoFrame


def side_data(frame: VideoFrame, kind: Literal["DISPLAYMATRIX", "CONTENT_LIGHT_LEVEL"]) -> bytes | None:
    """The raw block of this kind in native byte order; ``None`` where the frame has none."""
    # PyAV's stub knows one kind only; at run time it is a mapping of buffers.
    blocks = cast("Mapping[str, bytes]", frame.side_data)
    return bytes(blocks[kind]) if kind in blocks else None
