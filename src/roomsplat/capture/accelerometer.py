"""What a film's own accelerometer felt: Google's CAMM track and GoPro's GPMF track, in mp4 and mov.

At rest an accelerometer feels gravity alone. Neither format ties its axes to the picture ("applications define the
relationship", says CAMM; GoPro's order differs by model), so readings stay in the sensor's own axes here; which of them
points where is found later, against the cameras (``sfm/gravity.py``).

CAMM: developers.google.com/streetview/publish/camm-spec, little-endian, one reading a packet, type 3 = acceleration.
GPMF: github.com/gopro/gpmf-parser, README: big-endian key, type, size, repeat, and data padded to four bytes; ``DEVC``
holds ``STRM``s, one of which has ``ACCL`` and its divisor ``SCAL``; a packet's readings are spread over its duration.
"""

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]
Vector = tuple[float, float, float]

WINDOW_S = 0.5
"""Readings over so long are averaged for a frame: hands tremble and steps shake faster."""
MIN_READINGS = 5
"""In a window; fewer say nothing about the mean."""
MAX_READINGS = 2_000_000
"""Of half an hour at 1,000 a second."""
MAX_PACKET_BYTES = 1 << 20
_CAMM = struct.Struct("<HH3f")
_ACCELERATION = 3
_NUMBERS = {"b": "i1", "B": "u1", "s": ">i2", "S": ">u2", "l": ">i4", "L": ">u4", "f": ">f4", "d": ">f8"}
"""GPMF's types of numbers, as NumPy's."""
_NESTED = 0


class Accelerometer:
    """The readings of one film, packet by packet as its file is read."""

    def __init__(self) -> None:
        """Nothing is felt yet."""
        self.damaged = 0
        """Packets that began like motion data and could not be read."""
        self._times = list[Double]()
        self._readings = list[Double]()
        self._count = 0

    def add(self, packet: bytes, time_s: float, duration_s: float) -> None:
        """Take what a packet of a data stream holds; other data, and data that is damaged, are passed over."""
        if self._count >= MAX_READINGS or len(packet) > MAX_PACKET_BYTES:
            return
        try:
            found = _readings(packet)
        except (ValueError, struct.error):
            self.damaged += 1
            return
        if not np.all(np.isfinite(found)) or np.any(np.abs(found) > 1e6):
            self.damaged += 1
        elif len(found):
            self._count += len(found)
            self._readings.append(found)
            self._times.append(time_s + duration_s * np.arange(len(found)) / len(found))

    def around(self, times_s: Double) -> list[Vector | None]:
        """The mean reading around each of (n,) times in seconds of the container's clock; ``None``: too few."""
        if not self._count:
            return [None] * len(times_s)
        times, readings = np.concatenate(self._times), np.concatenate(self._readings)
        order = np.argsort(times, kind="stable")
        times, total = times[order], np.zeros((len(times) + 1, 3))
        np.cumsum(readings[order], axis=0, out=total[1:])
        first, last = (np.searchsorted(times, times_s + side * WINDOW_S / 2) for side in (-1, 1))
        means = (total[last] - total[first]) / np.maximum(last - first, 1)[:, None]
        enough = last - first >= MIN_READINGS
        return [
            (float(x), float(y), float(z)) if sure else None
            for (x, y, z), sure in zip(means, enough, strict=True)
        ]


def _readings(packet: bytes) -> Double:
    """(n, 3) readings in a packet, of either format.

    Raises:
        ValueError, struct.error: it began like one of them and is damaged.
    """
    if packet[:4] == b"DEVC":
        found = list(_gpmf(packet))
        return np.concatenate(found) if found else np.zeros((0, 3))
    if packet[:4] == struct.pack("<HH", 0, _ACCELERATION):
        return np.array([_CAMM.unpack(packet)[2:]], np.float64)
    return np.zeros((0, 3))


def _gpmf(block: bytes, depth: int = 0) -> Iterator[Double]:
    """The readings of every ``ACCL`` in a block, divided by the ``SCAL`` before it."""
    scale, at = np.ones(1), 0
    while at + 8 <= len(block):
        key, kind, size, repeat = struct.unpack_from(">4sBBH", block, at)
        data = block[at + 8 : at + 8 + size * repeat]
        if len(data) < size * repeat:
            raise ValueError("a GPMF block ends before its data")
        at += 8 + (size * repeat + 3) // 4 * 4
        if kind == _NESTED and depth < 2:
            yield from _gpmf(data, depth + 1)
        elif key == b"SCAL":
            scale = _numbers(chr(kind), data)
        elif key == b"ACCL":
            values = _numbers(chr(kind), data)
            if len(values) % 3 or len(scale) not in {1, 3} or np.any(scale == 0):
                raise ValueError("readings that are no triples, or divided by nothing")
            yield values.reshape(-1, 3) / scale


def _numbers(kind: str, data: bytes) -> Double:
    if kind not in _NUMBERS:
        raise ValueError(f"numbers of the type {kind!r}")
    return np.frombuffer(data, _NUMBERS[kind]).astype(np.float64)
