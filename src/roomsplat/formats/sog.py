"""Gaussian splats as ``.sog``, PlayCanvas's Spatially Ordered Gaussians of version 2: pictures in a zip.

The layout is that of https://developer.playcanvas.com/user-manual/gaussian-splatting/formats/sog/. ``meta.json`` names
lossless WebP pictures in which one pixel is one Gaussian, row by row, along a Z-order curve:

    means_l, means_u   low and high byte of 16 bits between mins and maxs of sign(x) · log(|x| + 1)
    quats              the three smaller parts of wxyz from -√½ to √½; alpha is 252 + which one is the largest
    scales             three places in a codebook of 256 logarithms
    sh0                three places in a codebook of coefficients of degree 0; alpha is the opacity
    shN_labels         low and high byte of a place in the palette
    shN_centroids      the palette: 64 entries a row, a pixel for each coefficient, places in a codebook

The axes are those of a splat PLY: nothing is turned. ``antialias`` says which blur model; unit and provenance go into
``asset``, which other readers skip.

What a file holds coarsely: places to 1/131070 of the range of their logarithms, rotations to 1.1 degrees, opacity to
half of 1/255; scales and base colours to the nearest of 256 values; harmonics to the nearest of at most 65,536 in the
palette and 256 values in it.
"""

import io
import json
import math
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from roomsplat._version import __version__
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.morton import morton_order
from roomsplat.core.scene import SplatScene
from roomsplat.core.spherical_harmonics import num_coefficients
from roomsplat.formats.codebook import codebook, labels, palette
from roomsplat.formats.files import open_input, open_output
from roomsplat.formats.quantised import damaged, finished, join_quats, logits, opacity_bytes, split_quats
from roomsplat.formats.sog_meta import Meta
from roomsplat.formats.usable import check_usable
from roomsplat.media.webp import decode_lossless, encode_lossless

_META = "meta.json"
_MAX_META = 1 << 20
_SPARE_PIXELS = (
    1 << 16
)  # a picture may be larger than its Gaussians need: others round up to squares and fours
_PALETTE_ROW = 64
_MAX_PALETTE = 1 << 16
_PER_ENTRY = 4  # Gaussians for each entry of the palette: a full one would be most of a small scene's file
_LEAST_PALETTE = 1 << 12
_FIRST_TAG = 252
_STAMP = (1980, 1, 1, 0, 0, 0)  # the same scene gives the same bytes

Bytes = NDArray[np.uint8]


def write_sog(path: Path, scene: SplatScene) -> None:
    """Write a ``.sog``; the file appears only when complete.

    Raises:
        OutputError: the file cannot be written.
        ValueError: a value is not finite or a rotation has length 0.
    """
    content = pack_sog(scene)
    with open_output(path) as file:
        file.write(content)


def pack_sog(scene: SplatScene) -> bytes:
    """The bytes of a ``.sog``.

    Raises:
        ValueError: a value is not finite or a rotation has length 0.
    """
    check_usable(scene.gaussians)
    gaussians = scene.gaussians[morton_order(np, scene.gaussians.means)]
    meta: dict[str, object] = {
        "version": 2,
        "antialias": scene.splat_model == "antialiased",
        "count": len(gaussians),
        "asset": {
            "generator": f"roomsplat {__version__}",
            "scale": scene.scale,
            "provenance": scene.provenance,
        },
    }
    pictures: dict[str, bytes] = {}
    _pack_places(gaussians, meta, pictures)
    _pack_looks(gaussians, meta, pictures)
    if gaussians.sh_degree:
        _pack_harmonics(gaussians, meta, pictures)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, entry in {_META: json.dumps(meta).encode(), **pictures}.items():
            archive.writestr(zipfile.ZipInfo(name, _STAMP), entry)
    return content.getvalue()


def read_sog(path: Path) -> SplatScene:
    """Read a ``.sog`` of version 2, of any program.

    Raises:
        InputNotFoundError: there is no such file.
        InvalidFileError: it is no SOG, of another version, damaged, cut off, or holds not one Gaussian to draw.
    """
    with open_input(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return _read(path, archive)
        # what zipfile raises for damaged archives, besides its own: unknown methods, passwords, wrong sizes and names
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
            ValueError,
            OSError,
        ) as error:
            raise damaged(path, f"is no SOG file, damaged or cut off ({error})") from error


def _read(path: Path, archive: zipfile.ZipFile) -> SplatScene:
    try:
        meta = Meta.model_validate_json(_entry(archive, _META, _MAX_META))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "all of it"
        raise damaged(
            path, f"has a {_META} that is not of SOG version 2 ({where}: {first['msg']})"
        ) from error
    places = _rows(archive, meta.means.files[0], meta.count)[:, :3].astype(np.uint16)
    places |= _rows(archive, meta.means.files[1], meta.count)[:, :3].astype(np.uint16) << 8
    quats = _rows(archive, meta.quats.files[0], meta.count)
    scales = _rows(archive, meta.scales.files[0], meta.count)
    looks = _rows(archive, meta.sh0.files[0], meta.count)
    rest = _read_harmonics(archive, meta)
    gaussians = Gaussians(
        means=_from_logs(places, meta.means.mins, meta.means.maxs),
        quats=_from_tags(quats),
        log_scales=_book(meta.scales.codebook)[scales[:, :3]],
        opacity_logits=logits(looks[:, 3] / 255.0),
        sh=np.concatenate([_book(meta.sh0.codebook)[looks[:, None, :3]], rest], axis=1),
    )
    model = "antialiased" if meta.antialias else "default"
    scene = finished(path, gaussians, model, meta.asset.provenance)
    return SplatScene(
        gaussians=scene.gaussians,
        splat_model=model,
        scale=meta.asset.scale,
        provenance=scene.provenance,
    )


def _entry(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """What lies under ``name``; never more than ``limit`` is unpacked."""
    try:
        info = archive.getinfo(name)
    except KeyError as error:
        raise ValueError(f"there is no {name} in it") from error
    with archive.open(info) as entry:
        content = entry.read(limit + 1)
        if len(content) > limit:
            raise ValueError(f"{name} is larger than its Gaussians can need")
        return content


def _rows(archive: zipfile.ZipFile, name: str, count: int) -> Bytes:
    """(count, 4) bytes of a picture."""
    picture = _picture(archive, name, 2 * count + _SPARE_PIXELS).reshape(-1, 4)
    if len(picture) < count:
        raise ValueError(f"{name} has {len(picture)} pixels for {count} Gaussians")
    return picture[:count]


def _picture(archive: zipfile.ZipFile, name: str, pixels: int) -> Bytes:
    return decode_lossless(_entry(archive, name, 5 * pixels + _MAX_META), max_pixels=pixels)


def _picture_of(rows: Bytes) -> bytes:
    """(n, c) bytes, c up to 4, one row a pixel; sides are multiples of 4, alpha is 255 where there is none."""
    count, channels = rows.shape
    width = max(4, math.ceil(math.sqrt(count) / 4) * 4)
    height = max(4, math.ceil(count / width / 4) * 4)
    table = np.full((height * width, 4), 255, np.uint8)
    table[:, :channels] = 0
    table[:count, :channels] = rows
    return encode_lossless(table.reshape(height, width, 4))


def _pack_places(gaussians: Gaussians, meta: dict[str, object], pictures: dict[str, bytes]) -> None:
    means = gaussians.means.astype(np.float64)
    logs = np.sign(means) * np.log1p(np.abs(means))
    low, high = (logs.min(axis=0), logs.max(axis=0)) if len(logs) else (np.zeros(3), np.zeros(3))
    span = np.where(high > low, high - low, 1.0)
    steps = np.rint((logs - low) / span * 65535).astype(np.uint16)
    pictures["means_l.webp"] = _picture_of((steps & 255).astype(np.uint8))
    pictures["means_u.webp"] = _picture_of((steps >> 8).astype(np.uint8))
    meta["means"] = {
        "mins": low.tolist(),
        "maxs": high.tolist(),
        "files": ["means_l.webp", "means_u.webp"],
    }
    largest, others = split_quats(gaussians.quats)
    parts = np.clip(np.rint((others * math.sqrt(0.5) + 0.5) * 255), 0, 255)
    tags = (_FIRST_TAG + largest)[:, None]
    pictures["quats.webp"] = _picture_of(np.concatenate([parts, tags], axis=1).astype(np.uint8))
    meta["quats"] = {"files": ["quats.webp"]}


def _pack_looks(gaussians: Gaussians, meta: dict[str, object], pictures: dict[str, bytes]) -> None:
    scales = codebook(gaussians.log_scales)
    pictures["scales.webp"] = _picture_of(labels(gaussians.log_scales, scales))
    meta["scales"] = {"codebook": _listed(scales), "files": ["scales.webp"]}
    base = gaussians.sh[:, 0]
    colours = codebook(base)
    rows = np.concatenate([labels(base, colours), opacity_bytes(gaussians)[:, None]], axis=1)
    pictures["sh0.webp"] = _picture_of(rows)
    meta["sh0"] = {"codebook": _listed(colours), "files": ["sh0.webp"]}


def _pack_harmonics(gaussians: Gaussians, meta: dict[str, object], pictures: dict[str, bytes]) -> None:
    count, k = len(gaussians), gaussians.sh.shape[1] - 1
    vectors = np.ascontiguousarray(gaussians.sh[:, 1:]).reshape(count, 3 * k)
    size = min(_MAX_PALETTE, max(_LEAST_PALETTE, count // _PER_ENTRY))
    centroids, label = (
        palette(vectors, size) if count else (np.zeros((1, 3 * k), np.float32), np.zeros(0, int))
    )
    book = codebook(centroids)
    height = math.ceil(len(centroids) / _PALETTE_ROW)
    table = np.full((height * _PALETTE_ROW, k, 4), 255, np.uint8)
    table[: len(centroids), :, :3] = labels(centroids, book).reshape(-1, k, 3)
    pictures["shN_centroids.webp"] = encode_lossless(table.reshape(height, _PALETTE_ROW * k, 4))
    rows = np.stack([label & 255, label >> 8, np.zeros_like(label)], axis=1)
    pictures["shN_labels.webp"] = _picture_of(rows.astype(np.uint8))
    meta["shN"] = {
        "count": len(centroids),
        "bands": gaussians.sh_degree,
        "codebook": _listed(book),
        "files": ["shN_centroids.webp", "shN_labels.webp"],
    }


def _read_harmonics(archive: zipfile.ZipFile, meta: Meta) -> NDArray[np.float32]:
    """(n, k-1, 3) coefficients; k is 1 where the file has none."""
    if meta.shN is None:
        return np.empty((meta.count, 0, 3), np.float32)
    k = num_coefficients(meta.shN.bands) - 1
    pixels = math.ceil(meta.shN.count / _PALETTE_ROW) * _PALETTE_ROW * k
    table = _picture(archive, meta.shN.files[0], pixels + _SPARE_PIXELS)
    if table.shape[1] != _PALETTE_ROW * k or table.size < 4 * pixels:
        raise ValueError(f"{meta.shN.files[0]} is not of the size that its palette needs")
    centroids = _book(meta.shN.codebook)[table.reshape(-1, k, 4)[: meta.shN.count, :, :3]]
    rows = _rows(archive, meta.shN.files[1], meta.count).astype(np.int64)
    label = rows[:, 0] | rows[:, 1] << 8
    if len(label) and label.max() >= meta.shN.count:
        raise ValueError(f"{meta.shN.files[1]} names an entry that the palette has not")
    return centroids[label]


def _from_logs(
    steps: NDArray[np.uint16], mins: Sequence[float], maxs: Sequence[float]
) -> NDArray[np.float32]:
    low, high = np.array(mins), np.array(maxs)
    logs = low + (high - low) * (steps / 65535.0)
    with np.errstate(over="ignore"):  # a range that no float32 holds gives rows that are left out
        return (np.sign(logs) * np.expm1(np.abs(logs))).astype(np.float32)


def _from_tags(rows: Bytes) -> NDArray[np.float32]:
    """Rotations; one with a tag that names no part has length 0 and is left out later."""
    largest = rows[:, 3].astype(np.int64) - _FIRST_TAG
    quats = join_quats(np.maximum(largest, 0), (rows[:, :3] / 255.0 - 0.5) * math.sqrt(2))
    return np.where(largest[:, None] < 0, np.float32(0), quats)


def _book(values: Sequence[float]) -> NDArray[np.float32]:
    """(256,) a codebook; a shorter one of another program is filled up with its last value."""
    found = np.full(256, values[-1], np.float64)
    found[: len(values)] = values
    return found.astype(np.float32)


def _listed(book: NDArray[np.float32]) -> list[float]:
    return [float(f"{value:.9g}") for value in book.tolist()]  # nine digits are all that float32 has
