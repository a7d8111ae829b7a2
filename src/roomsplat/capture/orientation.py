"""How a stored picture has to be turned to stand upright: phones write sideways and note it in a matrix."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from roomsplat.capture.side_data import side_data


@dataclass(frozen=True, slots=True, kw_only=True)
class Orientation:
    """One of the eight ways to lay a rectangle: exchange the axes first, then mirror."""

    transposed: bool = False
    """Rows become columns."""
    mirrored_x: bool = False
    """Left and right change places, after transposing."""
    mirrored_y: bool = False
    """Top and bottom change places, after transposing."""

    @classmethod
    def of(cls, frame: VideoFrame) -> Self:
        """From a decoded frame's display matrix (ISO/IEC 14496-12, 6.2.2); upright where it has none.

        The matrix maps the stored point (x, y), y down, to x' = a·x + c·y, y' = b·x + d·y in 16.16 fixed point.
        Angles between the quarter turns, which no camera writes, go to the nearest one.
        """
        matrix = side_data(frame, "DISPLAYMATRIX")
        if matrix is None:
            return cls()
        a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(mirrored_x=a < 0, mirrored_y=d < 0)
        return cls(transposed=True, mirrored_x=c < 0, mirrored_y=b < 0)

    def apply(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The upright picture of a stored one, (h, w, 3) to (h, w, 3) or (w, h, 3), contiguous."""
        upright = picture.transpose(1, 0, 2) if self.transposed else picture
        if self.mirrored_x:
            upright = upright[:, ::-1]
        if self.mirrored_y:
            upright = upright[::-1]
        return np.ascontiguousarray(upright)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of the upright picture."""
        return (height, width) if self.transposed else (width, height)

    def __str__(self) -> str:
        """In words, for the report."""
        turns = {
            (False, False, False): "upright",
            (False, True, True): "turned by 180°",
            (True, True, False): "turned by 90° clockwise",
            (True, False, True): "turned by 90° anticlockwise",
        }
        return turns.get((self.transposed, self.mirrored_x, self.mirrored_y), "mirrored")
