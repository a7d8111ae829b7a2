"""Compressed files that lie: each is refused with its own sentence, before memory is taken for what it promises."""

import gzip
import io
import json
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from roomsplat.errors import InvalidFileError
from roomsplat.formats.scene_files import read_scene, write_scene
from tests.contracts.losses import tame_scene

MEGABYTE = 1 << 20
ENOUGH = 48 * MEGABYTE
"""More than any file here may take; what they promise takes gigabytes."""


def assert_refused(path: Path, sentence: str) -> None:
    """The file is refused in one sentence that names it, with a hint, and with little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(InvalidFileError, match=sentence) as caught:
            read_scene(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.name in caught.value.message
    assert caught.value.hint.endswith(".")
    assert "\n" not in caught.value.message
    assert peak < ENOUGH, f"{peak / MEGABYTE:.0f} MB"


def spz(count: int, *, version: int = 3, degree: int = 0, bits: int = 12, body: bytes = b"") -> bytes:
    """A gzip stream with the header of an SPZ."""
    return gzip.compress(struct.pack("<4sIIBBBB", b"NGSP", version, count, degree, bits, 0, 0) + body, 9)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (spz(2**32 - 1), "promises 4,294,967,295 Gaussians"),
        (spz(20_000_000, degree=3), "was cut off: it promises 20,000,000"),
        (spz(1, body=bytes(20)) + b"tail", "is no SPZ file, damaged or cut off"),
        (spz(1, body=bytes(200 * MEGABYTE)), "is not as long as the 1 Gaussians"),
        (spz(2, body=bytes(20)), "is not as long as the 2 Gaussians"),
        (spz(1, version=1, body=bytes(16)), "is an SPZ of version 1"),
        (spz(1, version=9, body=bytes(20)), "is an SPZ of version 9"),
        (spz(1, degree=7, body=bytes(20)), "says degree 7"),
        (spz(1, bits=60, body=bytes(20)), "60 bits behind the point"),
        (gzip.compress(b"another thing altogether"), "does not begin with NGSP"),
        (b"NGSP" + struct.pack("<I", 4) + bytes(100), "is an SPZ of version 4"),
    ],
)
def test_spz(tmp_path: Path, content: bytes, sentence: str) -> None:
    """Counts that no file of this size can hold, streams that never end, and versions that we do not know."""
    (tmp_path / "a.spz").write_bytes(content)
    assert_refused(tmp_path / "a.spz", sentence)


def test_spz_of_version_2_and_with_records(tmp_path: Path) -> None:
    """An older file is read, and so is one with other makers' records behind its Gaussians."""
    places = struct.pack("<3i", 4096, -8192, 2048)
    fixed = b"".join(places[i : i + 3] for i in (0, 4, 8))
    body = fixed + bytes([255, 128, 128, 128, 160, 144, 128, 255, 128, 128])
    (tmp_path / "a.spz").write_bytes(spz(1, version=2, body=body))
    found = read_scene(tmp_path / "a.spz").gaussians
    np.testing.assert_allclose(found.means, [[1, -0.5, -2]])  # x, and then -z and y of the file
    np.testing.assert_allclose(found.log_scales, [[0, -1, -2]])
    # the file turns by 180° about x; after a quarter about x it is 270°, or -90°
    np.testing.assert_allclose(found.rotations[0], [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=0.02)
    records = bytearray(gzip.decompress(spz(1, version=2, body=body + b"record of somebody")))
    records[14] = 2
    (tmp_path / "b.spz").write_bytes(gzip.compress(bytes(records)))
    np.testing.assert_array_equal(read_scene(tmp_path / "b.spz").gaussians.means, found.means)


def huge_png(width: int, height: int) -> bytes:
    """A picture that is almost nothing and says that it is huge."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


def write_sog_with(path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> None:
    """A good SOG whose meta and entries went through ``change``."""
    write_scene(path, tame_scene(30, 1))
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    meta = json.loads(entries.pop("meta.json"))
    change(meta, entries)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in ({"meta.json": json.dumps(meta).encode()} | entries).items():
            archive.writestr(name, content)
    path.write_bytes(packed.getvalue())


def _set(place: str, value: object) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    def change(meta: dict[str, Any], _entries: dict[str, bytes]) -> None:
        *above, last = place.split(".")
        for key in above:
            meta = meta[key]
        meta[last] = value

    return change


def _entry(name: str, content: bytes) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    return lambda _meta, entries: entries.__setitem__(name, content)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda _meta, _entries: None, ""),
        (_set("count", 10**12), r"count: Input should be less than or equal"),
        (_set("count", 20_000_000), "pixels for 20000000 Gaussians"),
        (_set("count", -1), "count: Input should be greater"),
        (_set("version", 1), "version: Input should be 2"),
        (_set("means.mins", [0, 0]), "means.mins"),
        (_set("scales.codebook", []), "scales.codebook"),
        (_set("sh0.codebook", ["x"] * 256), "sh0.codebook.0"),
        (_set("quats.files", ["../../etc/passwd"]), "there is no ../../etc/passwd in it"),
        (_set("shN.count", 7), "is not of the size|names an entry that the palette has not"),
        (_set("shN.bands", 3), "is not of the size"),
        (_entry("meta.json", b" " * (300 * MEGABYTE) + b"{}"), "meta.json is larger than"),
        (_entry("quats.webp", bytes(300 * MEGABYTE)), "quats.webp is larger than"),
        (_entry("quats.webp", huge_png(12000, 12000)), "a picture of 12000 x 12000"),
        (_entry("sh0.webp", b"no picture"), "a picture that cannot be read"),
        (_entry("sh0.webp", huge_png(4, 4)), "pixels for 30|cannot be read"),
        (_entry("meta.json", b"[" * 100_000), "all of it"),
    ],
)
def test_sog(
    tmp_path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None], sentence: str
) -> None:
    """Archives that unpack to gigabytes, pictures that say they are huge, tables that point outside themselves."""
    path = tmp_path / "a.sog"
    write_sog_with(path, change)
    if sentence:
        assert_refused(path, sentence)
    else:
        assert len(read_scene(path).gaussians) == 30  # deflated entries, as other programs write them


def write_glb_with(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """A good .glb whose JSON went through ``change``."""
    write_scene(path, tame_scene(3, 0))
    whole = path.read_bytes()
    length = struct.unpack("<I", whole[12:16])[0]
    document = json.loads(whole[20 : 20 + length])
    change(document)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = whole[20 + length :]
    head = struct.pack("<4sIIII", b"glTF", 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A)
    path.write_bytes(head + text + rest)


def _at(*keys: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_at("accessors", 0, "count", value=10**13), r"accessors.0.count"),
        (_at("accessors", 0, "count", value=20_000_000), "was cut off: a part of its splat"),
        (_at("accessors", 0, "count", value=2), "attributes of different lengths"),
        (_at("accessors", 0, "bufferView", value=99), "speaks of bytes that it has not"),
        (_at("accessors", 0, "type", value="MAT4"), "as MAT4"),
        (_at("accessors", 0, "sparse", value={"count": 1}), "keeps a part of a splat"),
        (_at("bufferViews", 0, "byteOffset", value=2**31), "was cut off"),
        (_at("bufferViews", 0, "byteStride", value=4), "was cut off"),
        (_at("bufferViews", 0, "buffer", value=1), "bufferViews.0.buffer"),
        (_at("nodes", 0, "children", value=[0]), "nodes that are no tree"),
        (_at("nodes", 0, "mesh", value=7), "speaks of mesh 7"),
        (_at("nodes", 0, "scale", value=[1, 1, 2]), "stretches, mirrors or flattens"),
        (_at("nodes", 0, "scale", value=[-1, 1, 1]), "stretches, mirrors or flattens"),
        (_at("nodes", 0, "rotation", value=[0, 0, 0, 0]), "rotation of length 0"),
        (_at("nodes", 0, "rotation", value=[0, 0, 0, 1e300]), "nodes.0.rotation"),
        (_at("meshes", 0, "primitives", 0, "mode", value=4), "without Gaussian splats"),
        (_at("meshes", 0, "primitives", 0, "extensions", value={}), "without Gaussian splats"),
        (
            _at("meshes", 0, "primitives", 0, "attributes", value={"POSITION": 0}),
            "packed by another extension",
        ),
        (_at("scene", value=3), "holds no scene"),
        (_at("nodes", value=[]), "nodes that are no tree"),
    ],
)
def test_glb(tmp_path: Path, change: Callable[[dict[str, Any]], None], sentence: str) -> None:
    """Counts and places beyond the file, trees that are none, and transforms that make no Gaussians of Gaussians."""
    write_glb_with(tmp_path / "a.glb", change)
    assert_refused(tmp_path / "a.glb", sentence)


def test_glb_that_repeats_itself(tmp_path: Path) -> None:
    """A file that names the same splat thousands of times is refused and not multiplied."""
    path = tmp_path / "a.glb"
    write_glb_with(
        path,
        lambda document: document["meshes"][0]["primitives"].extend(
            document["meshes"][0]["primitives"] * 1500
        ),
    )
    assert_refused(path, "more than 1000 splats beside each other")


def test_glb_of_a_mesh(tmp_path: Path) -> None:
    """A mesh, such as the one that a run leaves, is no splat."""
    trimesh.creation.box().export(tmp_path / "a.glb")
    assert_refused(tmp_path / "a.glb", "without Gaussian splats")


def test_glb_of_others(tmp_path: Path) -> None:
    """Nodes above a splat move, turn and size it; normalised bytes and shorts are read; a scene of two is joined."""

    def change(document: dict[str, Any]) -> None:
        document["nodes"] = [
            {"children": [1, 2], "translation": [1, 2, 3], "scale": [2, 2, 2]},
            {"mesh": 0},
            {
                "mesh": 0,
                "matrix": [0, 0, -1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1],
            },  # a quarter about y, by columns
        ]

    write_glb_with(tmp_path / "a.glb", change)
    found, scene = read_scene(tmp_path / "a.glb").gaussians, tame_scene(3, 0).gaussians
    x, y, z = scene.means.T  # in the file, where y is up
    upright = np.stack([2 * x + 1, 2 * y + 2, 2 * z + 3], axis=1)
    turned = np.stack([2 * z + 1, 2 * y + 2, -2 * x + 3], axis=1)
    expected = np.concatenate([upright, turned])[:, [0, 2, 1]] * [1, -1, 1]
    np.testing.assert_allclose(found.means, expected, rtol=1e-5)
    np.testing.assert_allclose(found.log_scales[:3], scene.log_scales + np.log(2), atol=1e-5)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (b"element chunk 2", b"element chunk 1", "has 1 chunks, too few for 300 Gaussians"),
        (b"element vertex 300", b"element vertex 9999999999", "was cut off"),
        (b"element sh 300", b"element sh 299", "has 299 rows of 9 harmonics for 300"),
        (b"property uchar f_rest_8\n", b"", "has 300 rows of 8 harmonics"),
        (b"uint packed_scale", b"uint other", "without packed_scale"),
        (b"float min_scale_y", b"float other", "without min_scale_y"),
    ],
)
def test_compressed_ply(tmp_path: Path, old: bytes, new: bytes, sentence: str) -> None:
    """Chunks, harmonics or columns that do not fit the number of Gaussians."""
    path = tmp_path / "a.compressed.ply"
    write_scene(path, tame_scene(300, 1))
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))
    assert_refused(path, sentence)
