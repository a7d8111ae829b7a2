"""Gaussian splats as ``.spz``, Niantic's compressed format (https://github.com/nianticlabs/spz, MIT licence).

Versions 2 and 3 are one gzip stream, little-endian: a header of 16 bytes (magic ``NGSP``, version, count, degree, bits
behind the point, flags, 0), then everything of one kind after the other:

    positions 3 × 24-bit fixed point · opacity 1 byte · colour 3 × (0.15 · sh + 0.5) · 255 · scale 3 × (log + 10) · 16 ·
    rotation · harmonics (coefficient by coefficient, red green blue) sh · 128 + 128

A rotation in version 3 is 4 bytes: the number of the largest part of xyzw in 2 bits, then for each of the other three
its sign and 9 bits of its size in units of √½ / 511; in version 2 it is x y z · 127.5 + 127.5, with w ≥ 0. Flag 1 says
antialiased, flag 2 that other makers' records follow, which we skip. We write version 3, with harmonics rounded to 7
bits for degree 1 and 6 for the others: pictures of a room then differ from those of its PLY by 42 to 46 dB. Niantic's
own writer keeps 5 and 4, which is 32 to 35 dB in two thirds of the bytes (docs/lab-notebook.md); readers do not care.

Axes are RUB: +x right, **+y up**, +z back. Ours have +z up, so a scene is turned by a quarter about x on its way out
and back on its way in; harmonics turn with it.

What a file cannot hold is lost: the unit and the provenance. What it holds coarsely: places to half of 2^-bits (the
scene decides the bits, see ``_fraction_bits``), scales to 1/32 of a logarithm, opacity to half of 1/255, the base
colour's coefficient to 0.014 within ±3.33, harmonics to 0.012 and 0.02 within ±1, rotations to 0.3 degrees.
"""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.scene import SplatScene
from roomsplat.core.spherical_harmonics import MAX_DEGREE, num_coefficients
from roomsplat.core.turning import rotation_about_axes, turn
from roomsplat.errors import InvalidFileError
from roomsplat.formats.files import open_input, open_output
from roomsplat.formats.quantised import (
    check_count,
    damaged,
    finished,
    join_quats,
    logits,
    opacity_bytes,
    split_quats,
)
from roomsplat.formats.usable import check_usable

Y_UP_FROM_Z_UP = rotation_about_axes((-90, 0, 0))
"""(3, 3) what turns our axes into those of formats whose +y is up."""

_HEADER = struct.Struct("<4sIIBBBB")
_MAGIC = b"NGSP"
_ANTIALIASED, _EXTENDED = 1, 2
_COLOUR = 0.15
_NINE_BITS = 511 / math.sqrt(0.5)
_BUCKETS = (2, 4)  # 7 and 6 of 8 bits
_FRACTION_BITS = 12  # Niantic's own: 0.24 mm where a unit is a metre
_MAX_FRACTION_BITS = 23
_MOST_SQUEEZED = 1032  # gzip makes nothing smaller than that: a header that needs more is a lie
_ROWS = 4096  # so many stay in the cache
_LEVEL = 4  # 1 M Gaussians of degree 3: 1.9 s and 14.6 MB; level 9 takes 9 s for 0.3 MB less (docs/lab-notebook.md)


def write_spz(path: Path, scene: SplatScene) -> None:
    """Write a ``.spz`` of version 3; the file appears only when complete.

    Raises:
        OutputError: the file cannot be written.
        ValueError: a value is not finite or a rotation has length 0.
    """
    check_usable(scene.gaussians)
    gaussians = turn(scene.gaussians, Y_UP_FROM_Z_UP)
    bits = _fraction_bits(gaussians.means)
    flags = _ANTIALIASED if scene.splat_model == "antialiased" else 0
    header = _HEADER.pack(_MAGIC, 3, len(gaussians), gaussians.sh_degree, bits, flags, 0)
    parts = (
        _fixed_point(gaussians.means, bits),
        opacity_bytes(gaussians),
        _byte(gaussians.sh[:, 0] * (_COLOUR * 255) + 127.5),
        _byte((gaussians.log_scales + 10) * 16),
        _rotation_words(gaussians.quats),
        _harmonic_bytes(gaussians.sh[:, 1:]),
    )
    packed = gzip.compress(header + b"".join(part.tobytes() for part in parts), _LEVEL, mtime=0)
    with open_output(path) as file:
        file.write(packed)


def read_spz(path: Path) -> SplatScene:
    """Read a ``.spz`` of version 2 or 3, of any program; harmonics of degree 4 are left out.

    Raises:
        InputNotFoundError: there is no such file.
        InvalidFileError: it is no SPZ, of another version, damaged, cut off, or holds not one Gaussian to draw.
    """
    with open_input(path) as file:
        if file.read(4) == _MAGIC:
            raise InvalidFileError(
                f"{path} is an SPZ of version 4, which is packed with Zstandard and cannot be read here.",
                hint="Export it as SPZ of version 3 (splat-transform: --spz-version 3), or as PLY.",
            )
        file.seek(0)
        try:
            return _read(path, file)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise damaged(path, f"is no SPZ file, damaged or cut off ({error})") from error


def _read(path: Path, file: BinaryIO) -> SplatScene:
    size = os.fstat(file.fileno()).st_size
    with gzip.GzipFile(fileobj=file, mode="rb") as stream:
        head = stream.read(_HEADER.size)
        if len(head) < _HEADER.size or head[:4] != _MAGIC:
            raise damaged(path, "is no SPZ file: its content does not begin with NGSP")
        _, version, count, degree, bits, flags, _ = _HEADER.unpack(head)
        if version not in (2, 3):
            raise InvalidFileError(
                f"{path} is an SPZ of version {version}; this program reads 2 and 3.",
                hint="Export it as SPZ of version 3, or as PLY.",
            )
        if degree > MAX_DEGREE + 1 or bits > _MAX_FRACTION_BITS:
            raise damaged(path, f"says degree {degree} and {bits} bits behind the point, which no SPZ has")
        check_count(path, count)
        needed = count * (16 + _rotation_size(version) + 3 * (num_coefficients(degree) - 1))
        if needed > _MOST_SQUEEZED * size:
            raise damaged(path, f"was cut off: it promises {count:,} Gaussians")
        body = np.frombuffer(stream.read(needed), np.uint8)
        if len(body) < needed or (stream.read(1) and not flags & _EXTENDED):
            raise damaged(path, f"is not as long as the {count:,} Gaussians that it promises")
    gaussians = _gaussians(body, version=version, count=count, degree=degree, bits=bits)
    model = "antialiased" if flags & _ANTIALIASED else "default"
    return finished(path, turn(gaussians, Y_UP_FROM_Z_UP.T), model)


def _gaussians(body: NDArray[np.uint8], *, version: int, count: int, degree: int, bits: int) -> Gaussians:
    sizes = np.array([9, 1, 3, 3, _rotation_size(version), 3 * (num_coefficients(degree) - 1)]) * count
    places, opacity, colour, scale, rotation, rest = np.split(body, np.cumsum(sizes)[:-1])
    k = num_coefficients(min(degree, MAX_DEGREE))
    sh = np.empty((count, k, 3), np.float32)
    sh[:, 0] = (colour.reshape(-1, 3) / 255.0 - 0.5) / _COLOUR
    sh[:, 1:] = (
        rest.reshape(count, num_coefficients(degree) - 1, 3)[:, : k - 1].astype(np.float32) - 128
    ) / 128
    words = np.zeros((3 * count, 4), np.uint8)
    words[:, 1:] = places.reshape(-1, 3)
    fixed = words.view("<i4")[:, 0] >> 8  # the sign comes along
    return Gaussians(
        means=np.ldexp(fixed.astype(np.float64), -bits).reshape(-1, 3).astype(np.float32),
        quats=_three_words(rotation) if version == 3 else _first_three(rotation),
        log_scales=(scale.reshape(-1, 3) / 16.0 - 10).astype(np.float32),
        opacity_logits=logits(opacity / 255.0),
        sh=sh,
    )


def _rotation_size(version: int) -> int:
    return 4 if version == 3 else 3


def _fraction_bits(means: NDArray[np.float32]) -> int:
    """Bits behind the point: 12 for a room of 8 units, as Niantic writes it, and as many significant ones for others.

    99 of 100 Gaussians decide; 256 times as far out the format's range ends, and what lies farther is set there.
    """
    extent = float(np.quantile(np.abs(means), 0.99)) if len(means) else 0.0
    if extent <= 0:
        return _FRACTION_BITS
    return int(np.clip(_FRACTION_BITS + 3 - math.ceil(math.log2(extent)), 0, _MAX_FRACTION_BITS))


def _fixed_point(means: NDArray[np.float32], bits: int) -> NDArray[np.uint8]:
    fixed = np.rint(np.ldexp(means.astype(np.float64), bits))
    words = np.clip(fixed, -(2**23), 2**23 - 1).astype("<i4").ravel()
    return words.view(np.uint8).reshape(-1, 4)[:, :3]


def _rotation_words(quats: NDArray[np.float32]) -> NDArray[np.uint32]:
    largest, others = split_quats(quats[:, [1, 2, 3, 0]])
    sizes = np.rint(np.abs(others) * _NINE_BITS).astype(np.uint32) | (others < 0).astype(np.uint32) << 9
    return (largest.astype(np.uint32) << 30 | sizes[:, 0] << 20 | sizes[:, 1] << 10 | sizes[:, 2]).astype(
        "<u4"
    )


def _three_words(rotation: NDArray[np.uint8]) -> NDArray[np.float32]:
    words = np.ascontiguousarray(rotation).view("<u4")
    parts = np.stack([words >> 20, words >> 10, words], axis=1) & 1023
    others = (parts & 511) / _NINE_BITS * np.where(parts & 512, -1.0, 1.0)
    return join_quats((words >> 30).astype(np.int64), others)[:, [3, 0, 1, 2]]


def _first_three(rotation: NDArray[np.uint8]) -> NDArray[np.float32]:
    parts = rotation.reshape(-1, 3) / 127.5 - 1.0
    return join_quats(np.zeros(len(parts), np.int64), parts)


def _harmonic_bytes(sh: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(n, k-1, 3), rounded to the middle of buckets so that gzip finds few different bytes; 128 is 0."""
    buckets = np.full((sh.shape[1], 1), _BUCKETS[1], np.int16)
    buckets[:3] = _BUCKETS[0]
    packed = np.empty(sh.shape, np.uint8)
    for start in range(0, len(sh), _ROWS):
        steps = np.rint(np.clip(sh[start : start + _ROWS], -2, 2) * 128).astype(np.int16) + 128
        packed[start : start + _ROWS] = np.clip((steps + buckets // 2) // buckets * buckets, 0, 255)
    return packed


def _byte(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
