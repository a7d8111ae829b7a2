"""Gaussian splats as PlayCanvas's compressed PLY: 16 bytes each, and 72 more for every chunk of 256 neighbours.

The layout is that of SuperSplat and splat-transform (https://github.com/playcanvas/splat-transform, MIT licence),
binary little-endian, in three elements:

    chunk   min and max of x y z · of the logarithms of the scales · of red green blue, as float
    vertex  packed_position 11-10-11 bits · packed_rotation 2-10-10-10 · packed_scale 11-10-11 · packed_color 8888
    sh      f_rest_0..n as uchar, channel by channel, over ±4

A number of b bits runs from a chunk's min to its max in 2^b - 1 steps. A rotation is the number of the largest part of
wxyz, then the others from -√½ to √½. Opacity is the last byte of the colour. Gaussians lie along a Z-order curve, so
that the 256 of a chunk are near each other; the last one may hold fewer.

What a file holds coarsely: places, scales and colours to half a step of their chunk, opacity to half of 1/255,
harmonics to 1/32 within ±4, rotations to 0.3 degrees, scales within e^±20. The comments of a PLY carry the rest.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.morton import morton_order
from roomsplat.core.scene import SplatScene
from roomsplat.core.spherical_harmonics import MAX_DEGREE, Y00, num_coefficients
from roomsplat.formats.files import open_output
from roomsplat.formats.ply_header import PlyHeader
from roomsplat.formats.ply_notes import header_text, parse_comments
from roomsplat.formats.ply_table import check_length, read_rows
from roomsplat.formats.quantised import damaged, finished, join_quats, logits, opacity_bytes, split_quats
from roomsplat.formats.usable import check_usable

CHUNK = 256
"""Gaussians that share their bounds."""

_BOUNDS = tuple(
    f"{side}_{prefix}{axis}"
    for prefix, axes in (("", "xyz"), ("scale_", "xyz"), ("", "rgb"))
    for side in ("min", "max")
    for axis in axes
)
_WORDS = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
_POSITION = ((21, 11), (11, 10), (0, 11))  # first bit and bits of each part
_COLOUR = ((24, 8), (16, 8), (8, 8), (0, 8))
_ROTATION = ((20, 10), (10, 10), (0, 10))
_WIDEST_SCALE = 20.0
_REACH = 4.0  # of harmonics

Double = NDArray[np.float64]
Words = NDArray[np.uint32]


def write_compressed_ply(path: Path, scene: SplatScene) -> None:
    """Write a compressed PLY; the file appears only when complete.

    Raises:
        OutputError: the file cannot be written.
        ValueError: a value is not finite, a rotation has length 0, or the provenance does not fit into a header.
    """
    check_usable(scene.gaussians)
    gaussians = scene.gaussians[morton_order(np, scene.gaussians.means)]
    count = len(gaussians)
    parts = (
        gaussians.means.astype(np.float64),
        np.clip(gaussians.log_scales.astype(np.float64), -_WIDEST_SCALE, _WIDEST_SCALE),
        0.5 + Y00 * gaussians.sh[:, 0].astype(np.float64),
    )
    bounds, shares = zip(*(_in_chunks(part) for part in parts), strict=True)
    words = np.stack(
        [
            _packed(shares[0], _POSITION),
            _rotation_words(gaussians.quats),
            _packed(shares[1], _POSITION),
            _packed(shares[2], _COLOUR[:3]) | opacity_bytes(gaussians),
        ],
        axis=1,
    )
    header = header_text(scene, _elements(count, gaussians.sh.shape[1] - 1))
    with open_output(path) as file:
        file.write(header)
        file.write(np.concatenate(bounds, axis=1).astype("<f4").tobytes())
        file.write(words.astype("<u4").tobytes())
        file.write(_harmonic_bytes(gaussians.sh[:, 1:]).tobytes())


def read_compressed(path: Path, file: BinaryIO, header: PlyHeader) -> SplatScene:
    """Read what follows the header of a compressed PLY.

    Raises:
        InvalidFileError: it is damaged or cut off, or holds not one Gaussian that can be drawn.
    """
    chunks, vertices = (check_length(path, file, header, name) for name in ("chunk", "vertex"))
    count = vertices.count
    if chunks.count < math.ceil(count / CHUNK):
        raise damaged(path, f"has {chunks.count} chunks, too few for {count} Gaussians")
    present = {prop.name for element in (chunks, vertices) for prop in element.properties}
    missing = {*_BOUNDS[:12], *_WORDS} - present
    if missing:
        raise damaged(path, f"is a compressed PLY without {', '.join(sorted(missing))}")
    table = np.zeros((chunks.count, len(_BOUNDS)), np.float32)
    table[:, 15:] = 1  # the first files of this kind had no bounds of colour: 0 to 1
    words = np.empty((count, len(_WORDS)), np.uint32)
    columns = {name: table[:, i] for i, name in enumerate(_BOUNDS) if name in present}
    read_rows(path, file, header, chunks, columns)
    read_rows(path, file, header, vertices, {name: words[:, i] for i, name in enumerate(_WORDS)})
    rest = _read_harmonics(path, file, header, count)
    notes = parse_comments(header.comments)
    scene = finished(path, _gaussians(table, words, rest), notes.model, notes.provenance)
    return SplatScene(
        gaussians=scene.gaussians,
        splat_model=notes.model,
        scale=notes.scale,
        provenance=scene.provenance,
    )


def _elements(count: int, rest: int) -> list[str]:
    lines = [f"element chunk {math.ceil(count / CHUNK)}", *(f"property float {name}" for name in _BOUNDS)]
    lines += [f"element vertex {count}", *(f"property uint {name}" for name in _WORDS)]
    if rest:
        lines += [f"element sh {count}", *(f"property uchar f_rest_{i}" for i in range(3 * rest))]
    return lines


def _in_chunks(values: Double) -> tuple[NDArray[np.float32], Double]:
    """(n, 3) values to (c, 6) bounds of their chunks, min before max, and (n, 3) where between them each lies."""
    count = len(values)
    if not count:
        return np.empty((0, 6), np.float32), values
    starts = np.arange(0, count, CHUNK)
    low = np.minimum.reduceat(values, starts).astype(np.float32)
    high = np.maximum.reduceat(values, starts).astype(np.float32)
    owner = np.arange(count) // CHUNK
    span = (high.astype(np.float64) - low)[owner]
    share = np.where(span > 0, (values - low[owner]) / np.where(span > 0, span, 1), 0.0)
    return np.concatenate([low, high], axis=1), np.clip(share, 0, 1)


def _packed(shares: Double, parts: tuple[tuple[int, int], ...]) -> Words:
    """(n, p) numbers from 0 to 1 in words."""
    words = np.zeros(len(shares), np.uint32)
    for column, (first, bits) in enumerate(parts):
        words |= np.rint(shares[:, column] * (2**bits - 1)).astype(np.uint32) << np.uint32(first)
    return words


def _unpacked(words: Words, parts: tuple[tuple[int, int], ...]) -> Double:
    """Undo ``_packed``."""
    columns = [(words >> np.uint32(first) & np.uint32(2**bits - 1)) / (2**bits - 1) for first, bits in parts]
    return np.stack(columns, axis=1)


def _rotation_words(quats: NDArray[np.float32]) -> Words:
    largest, others = split_quats(quats)
    return _packed(others * math.sqrt(0.5) + 0.5, _ROTATION) | largest.astype(np.uint32) << np.uint32(30)


def _gaussians(table: NDArray[np.float32], words: Words, rest: NDArray[np.uint8]) -> Gaussians:
    owner = np.arange(len(words)) // CHUNK
    bounds = table.astype(np.float64).reshape(-1, 3, 2, 3)

    def within(kind: int, shares: Double) -> NDArray[np.float32]:
        low, high = bounds[owner, kind, 0], bounds[owner, kind, 1]
        return (low * (1 - shares) + high * shares).astype(np.float32)

    colour = _unpacked(words[:, 3], _COLOUR)
    sh = np.empty((len(words), 1 + rest.shape[2], 3), np.float32)
    # A damaged file may hold numbers that overflow or are none: its rows are left out afterwards, without a warning.
    with np.errstate(over="ignore", invalid="ignore"):
        sh[:, 0] = (within(2, colour[:, :3]) - 0.5) / Y00
        middles = np.where(rest == 0, 0.0, np.where(rest == 255, 1.0, (rest + 0.5) / 256))
        sh[:, 1:] = ((middles - 0.5) * 2 * _REACH).transpose(0, 2, 1)
        return Gaussians(
            means=within(0, _unpacked(words[:, 0], _POSITION)),
            quats=join_quats(
                (words[:, 1] >> np.uint32(30)).astype(np.int64),
                (_unpacked(words[:, 1], _ROTATION) - 0.5) * math.sqrt(2),
            ),
            log_scales=within(1, _unpacked(words[:, 2], _POSITION)),
            opacity_logits=logits(colour[:, 3]),
            sh=sh,
        )


def _harmonic_bytes(sh: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(n, k-1, 3) to (n, 3, k-1): the bucket of 256 over ±4 that a value lies in."""
    buckets = np.floor((sh.transpose(0, 2, 1) / (2 * _REACH) + 0.5) * 256)
    return np.clip(buckets, 0, 255).astype(np.uint8)


def _read_harmonics(path: Path, file: BinaryIO, header: PlyHeader, count: int) -> NDArray[np.uint8]:
    """(n, 3, k-1) bytes; k is 1 where the file has none."""
    if not any(element.name == "sh" for element in header.elements):
        return np.empty((count, 3, 0), np.uint8)
    element = check_length(path, file, header, "sh")
    names = {prop.name for prop in element.properties}
    degrees = (d for d in range(MAX_DEGREE + 1) if names == set(_rest_names(d)))
    degree = next(degrees, None)
    if degree is None or element.count != count:
        raise damaged(path, f"has {element.count} rows of {len(names)} harmonics for {count} Gaussians")
    rest = np.empty((count, 3, num_coefficients(degree) - 1), np.uint8)
    flat = rest.reshape(count, 3 * rest.shape[2])
    read_rows(path, file, header, element, {name: flat[:, i] for name, i in _rest_names(degree).items()})
    return rest


def _rest_names(degree: int) -> Mapping[str, int]:
    return {f"f_rest_{i}": i for i in range(3 * (num_coefficients(degree) - 1))}
