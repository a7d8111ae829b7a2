"""Films with a track of what the phone's accelerometer felt, and the truth about it."""

import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from roomsplat.synth.camera_path import camera_poses
from roomsplat.synth.room import design_room
from tests.capture.films import FilmStyle, moving_pictures, write_film

Double = NDArray[np.float64]
TICK = Fraction(1, 1000)
GRAVITY = np.array([0.0, 0.0, -9.81])
SIDEWAYS = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
"""From OpenCV's camera axes to those of an Android phone (x right, y up, z to the user) on its side."""


ROOM = design_room(0)


class Packet(NamedTuple):
    """One packet of a track."""

    time_s: float
    duration_s: float
    content: bytes


def felt_on_a_walk(seconds: float, rate: float, *, noise: float, bias: float) -> tuple[Double, Double]:
    """(n,) times and (n, 3) what a phone feels on the walk of synthetic room 0, m/s², axes as ``SIDEWAYS``.

    ``noise``: of each reading; ``bias``: the same for all, along each axis.
    """
    times = np.arange(0, seconds, 1 / rate)
    poses = poses_on_a_walk(times, seconds)
    step = 1e-3
    before, now, after = (
        centers(poses_on_a_walk(np.clip(times + shift, 0, seconds), seconds)) for shift in (-step, 0.0, step)
    )
    moved = (before - 2 * now + after) / step**2
    moved[[0, -1]] = 0  # no walk before its start
    felt = np.einsum("nij,nj->ni", poses[:, :3, :3], moved - GRAVITY) @ SIDEWAYS.T
    return times, felt + bias + np.random.default_rng(0).normal(0, noise, felt.shape)


def poses_on_a_walk(times: Double, seconds: float) -> Double:
    """(n, 4, 4) cam_from_world, +z up."""
    return camera_poses(ROOM, times / seconds, seconds, 0)


def centers(poses: Double) -> Double:
    """(n, 3) camera positions."""
    return -np.einsum("nji,nj->ni", poses[:, :3, :3], poses[:, :3, 3])


def camm(times: Double, felt: Double) -> list[Packet]:
    """One reading a packet, with a gyroscope's between them."""
    duration = float(times[1] - times[0])
    packets = list[Packet]()
    for time, reading in zip(times, felt, strict=True):
        packets.append(Packet(float(time), duration / 2, struct.pack("<HH3f", 0, 3, *reading)))
        packets.append(
            Packet(float(time) + duration / 2, duration / 2, struct.pack("<HH3f", 0, 2, 0.1, 2, 3))
        )
    return packets


def klv(key: bytes, kind: str, size: int, repeat: int, data: bytes) -> bytes:
    """A block of GPMF."""
    return struct.pack(">4scBH", key, kind.encode(), size, repeat) + data + b"\0" * (-len(data) % 4)


def gpmf(times: Double, felt: Double) -> list[Packet]:
    """A packet a second, as GoPro's cameras write: a name, other streams, the divisor, readings of 16 bits."""
    packets = list[Packet]()
    for second in range(int(times[-1]) + 1):
        inside = (times >= second) & (times < second + 1)
        raw = np.rint(felt[inside] * 417).astype(">i2").tobytes()
        readings = klv(b"STNM", "c", 1, 13, b"Accelerometer") + klv(
            b"SCAL", "s", 2, 1, struct.pack(">h", 417)
        )
        readings += klv(b"ACCL", "s", 6, int(inside.sum()), raw)
        other = klv(b"SCAL", "s", 2, 1, struct.pack(">h", 7)) + klv(b"GYRO", "s", 6, 2, b"\1" * 12)
        streams = b"".join(klv(b"STRM", "\0", 1, len(stream), stream) for stream in (other, readings, other))
        device = klv(b"DVNM", "c", 1, 6, b"Camera") + streams
        packets.append(Packet(float(second), 1.0, klv(b"DEVC", "\0", 1, len(device), device)))
    return packets


def motion_film(path: Path, packets: Iterable[Packet], *, seconds: float, tag: bytes = b"gpmd") -> Path:
    """A film of ``seconds`` at 10 frames a second, 96 × 72 px, with a track of these packets."""
    plain = write_film(
        path.with_name(f"plain-{path.name}"),
        moving_pictures(round(seconds * 10), 96, 72),
        FilmStyle(fps=10),
    )
    with av.open(str(plain)) as source, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        track = container.add_data_stream("bin_data")
        track.time_base = TICK
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
        for time_s, duration_s, content in packets:
            packet = av.Packet(content)
            packet.stream, packet.time_base = track, TICK
            packet.pts = packet.dts = round(time_s / TICK)
            packet.duration = round(duration_s / TICK)
            container.mux(packet)
    path.write_bytes(path.read_bytes().replace(b"gpmd", tag))  # FFmpeg writes this one tag only
    return path
