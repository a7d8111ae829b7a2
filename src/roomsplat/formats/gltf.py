"""Gaussian splats as glTF 2.0 binary, ``.glb``, with the extension ``KHR_gaussian_splatting``.

The layout is Khronos' release candidate of 2026 (https://github.com/KhronosGroup/glTF, extensions/2.0/Khronos): a
primitive of points with the attributes POSITION, and behind ``KHR_gaussian_splatting:`` ROTATION (unit, xyzw), SCALE
(linear), OPACITY (0 to 1) and SH_DEGREE_l_COEF_m, all float here; COLOR_0 shows plain points to other readers. The
harmonics have our signs and order.

glTF's +y is up and ours is +z: the node that carries the splat turns it, the numbers stay as they are. While reading,
every node above a splat is applied. The blur model, unit and provenance, for which the extension has no words, stand
in ``asset.extras``; nothing is lost, and values change only by the rounding of exp and log.
"""

import json
import math
import os
import struct
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from roomsplat._version import __version__
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.scene import SplatScene
from roomsplat.core.spherical_harmonics import rgb_from_dc
from roomsplat.errors import OutputError
from roomsplat.formats.files import open_input, open_output
from roomsplat.formats.gltf_json import EXTENSION, PREFIX
from roomsplat.formats.gltf_tree import splats_of
from roomsplat.formats.quantised import damaged, finished, opacity_bytes
from roomsplat.formats.usable import check_usable

_MAGIC, _JSON, _BIN = b"glTF", 0x4E4F534A, 0x004E4942
_FLOAT, _UBYTE = 5126, 5121
_VERTICES = 34962
_LARGEST = 87.0  # its exponential and that of its negative are still float32
_MAX_JSON = 1 << 24
_MAX_FILE = (1 << 32) - 1
_DOWN = (-math.sqrt(0.5), 0.0, 0.0, math.sqrt(0.5))  # xyzw: our +z becomes glTF's +y

Table = NDArray[np.float32] | NDArray[np.uint8]


def write_glb(path: Path, scene: SplatScene) -> None:
    """Write a ``.glb``; the file appears only when complete.

    Raises:
        OutputError: the file cannot be written, or would be larger than glTF allows (4 GiB).
        ValueError: there are no Gaussians, a value is not finite or a rotation has length 0.
    """
    check_usable(scene.gaussians)
    if not len(scene.gaussians):
        raise ValueError("glTF has no way to say that there are no Gaussians")
    tables = _tables(scene.gaussians)
    sizes = [table.nbytes for table in tables.values()]
    text = json.dumps(_document(scene, tables, sizes), separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + sum(sizes)
    if total > _MAX_FILE:
        raise OutputError(
            f"{path} would have {total / 1e9:.1f} GB, and a .glb ends at 4.3.",
            hint="Keep fewer Gaussians (--max-gaussians) or fewer harmonics (--sh-degree), or write a .ply.",
        )
    with open_output(path) as file:
        file.write(struct.pack("<4sII", _MAGIC, 2, total))
        file.write(struct.pack("<II", len(text), _JSON) + text)
        file.write(struct.pack("<II", sum(sizes), _BIN))
        for table in tables.values():
            file.write(table.tobytes())


def read_glb(path: Path) -> SplatScene:
    """Read the splats of a ``.glb``, of any program, as they stand in its scene; +y up becomes +z up.

    Raises:
        InputNotFoundError: there is no such file.
        InvalidFileError: it is no glTF binary, is damaged or cut off, or holds no splat that can be read.
    """
    with open_input(path) as file:
        text, binary = _chunks(path, file)
    gaussians, asset = splats_of(path, text, binary)
    extras = _object(_object(asset.get("extras")).get("roomsplat"))
    model = "antialiased" if extras.get("splat_model") == "antialiased" else "default"
    notes = {key: str(value) for key, value in _object(extras.get("provenance")).items()}
    scene = finished(path, gaussians, model, notes)
    return SplatScene(
        gaussians=scene.gaussians,
        splat_model=model,
        scale="metric" if extras.get("scale") == "metric" else "arbitrary",
        provenance=scene.provenance,
    )


def _tables(gaussians: Gaussians) -> dict[str, Table]:
    """Attribute name to (n, c) values, in the order of the file; each takes a multiple of four bytes."""
    quats = gaussians.quats.astype(np.float64)
    quats /= np.linalg.norm(quats, axis=1, keepdims=True)
    base = np.clip(rgb_from_dc(gaussians.sh[:, 0].astype(np.float64)), 0, 1)
    colours = np.concatenate([np.rint(255 * base), opacity_bytes(gaussians)[:, None]], axis=1)
    tables: dict[str, Table] = {
        "POSITION": gaussians.means,
        "COLOR_0": colours.astype(np.uint8),
        f"{PREFIX}ROTATION": quats[:, [1, 2, 3, 0]].astype(np.float32),
        f"{PREFIX}SCALE": np.exp(np.clip(gaussians.log_scales, -_LARGEST, _LARGEST)),
        f"{PREFIX}OPACITY": gaussians.opacities[:, None],
    }
    for degree in range(gaussians.sh_degree + 1):
        for place in range(2 * degree + 1):
            tables[f"{PREFIX}SH_DEGREE_{degree}_COEF_{place}"] = gaussians.sh[:, degree**2 + place]
    return tables


def _document(scene: SplatScene, tables: dict[str, Table], sizes: list[int]) -> dict[str, object]:
    count = len(scene.gaussians)
    starts = np.cumsum([0, *sizes]).tolist()
    views = [
        {"buffer": 0, "byteOffset": start, "byteLength": size, "target": _VERTICES}
        for start, size in zip(starts, sizes, strict=False)
    ]
    accessors: list[dict[str, object]] = []
    for index, table in enumerate(tables.values()):
        kind = "SCALAR" if table.shape[1] == 1 else f"VEC{table.shape[1]}"
        whole = table.dtype == np.uint8
        accessors.append(
            {"bufferView": index, "componentType": _UBYTE if whole else _FLOAT, "count": count, "type": kind}
        )
        if whole:
            accessors[-1]["normalized"] = True
    means = scene.gaussians.means
    accessors[0] |= {"min": means.min(axis=0).tolist(), "max": means.max(axis=0).tolist()}
    ours = {"splat_model": scene.splat_model, "scale": scene.scale, "provenance": scene.provenance}
    splats = {
        "attributes": {name: index for index, name in enumerate(tables)},
        "mode": 0,
        "extensions": {
            EXTENSION: {
                "kernel": "ellipse",
                "colorSpace": "srgb_rec709_display",
                "sortingMethod": "cameraDistance",
                "projection": "perspective",
            }
        },
    }
    return {
        "asset": {
            "version": "2.0",
            "generator": f"roomsplat {__version__}",
            "extras": {"roomsplat": ours},
        },
        "extensionsUsed": [EXTENSION],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "rotation": _DOWN}],
        "meshes": [{"primitives": [splats]}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": starts[-1]}],
    }


def _chunks(path: Path, file: BinaryIO) -> tuple[bytes, bytes]:
    """The JSON and the binary chunk; what else there is was made for others."""
    size = os.fstat(file.fileno()).st_size
    head = file.read(20)
    if len(head) < 20 or head[:4] != _MAGIC:
        raise damaged(path, "is no glTF binary: it does not begin with glTF")
    _, version, total, length, kind = struct.unpack("<4sIIII", head)
    if version != 2 or kind != _JSON or length > _MAX_JSON:
        raise damaged(path, f"is no glTF binary of version 2 (version {version}, {length} bytes of JSON)")
    if total != size:
        raise damaged(path, f"was cut off or has grown: it says {total} bytes and has {size}")
    text = file.read(length)
    second = file.read(8)
    if len(text) < length or len(second) < 8:
        raise damaged(path, "has no binary chunk, in which splats lie")
    length, kind = struct.unpack("<II", second)
    binary = file.read(min(length, size))
    if kind != _BIN or len(binary) < length:
        raise damaged(path, "has no whole binary chunk, in which splats lie")
    return text, binary


def _object(value: object) -> dict[str, Any]:
    """The value if it is a JSON object; an empty one if not."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
