"""From the JSON and the bytes of a glTF file to the splats of its scene, each where the nodes above it place it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.rotations import matrix_from_quat
from roomsplat.core.spherical_harmonics import MAX_DEGREE, num_coefficients
from roomsplat.core.turning import rotation_about_axes, turn
from roomsplat.errors import InvalidFileError
from roomsplat.formats.gltf_json import EXTENSION, PREFIX, Accessor, Gltf, Node, Primitive
from roomsplat.formats.quantised import check_count, damaged, logits

_KINDS = {
    5120: ("<i1", 127.0),
    5121: ("<u1", 255.0),
    5122: ("<i2", 32767.0),
    5123: ("<u2", 65535.0),
    5126: ("<f4", 1.0),
}
_PARTS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}
_POINTS = 0
_Z_UP_FROM_Y_UP = rotation_about_axes((90, 0, 0))
_DEEPEST = 64
_MOST_SPLATS = 1000  # a primitive costs 300 bytes of JSON, and may name the same Gaussians as the one before
_SMALLEST = 2e-9  # a scale of 0, which has no logarithm, becomes two nanometres in metres

Double = NDArray[np.float64]


def splats_of(path: Path, text: bytes, binary: bytes) -> tuple[Gaussians, dict[str, Any]]:
    """Every splat of the file's scene, in our axes, and what stands in ``asset``.

    Raises:
        InvalidFileError: the JSON is none of glTF, there is no splat, or one is packed or placed as we cannot read it.
    """
    try:
        gltf = Gltf.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "all of it"
        raise damaged(path, f"holds JSON that is not that of glTF ({where}: {first['msg']})") from error
    found: list[Gaussians] = []
    for place, mesh in _placed(path, gltf):
        if mesh >= len(gltf.meshes):
            raise damaged(path, f"speaks of mesh {mesh} and has {len(gltf.meshes)}")
        for primitive in gltf.meshes[mesh].primitives:
            if EXTENSION in primitive.extensions and primitive.mode == _POINTS:
                if len(found) == _MOST_SPLATS:
                    raise damaged(path, f"holds more than {_MOST_SPLATS} splats beside each other")
                check_count(path, sum(map(len, found)))
                found.append(_moved(path, _gaussians(path, gltf, primitive, binary), place))
    if not found:
        raise InvalidFileError(
            f"{path} is a glTF file without Gaussian splats ({EXTENSION}).",
            hint="Give a .glb with splats, not one with a mesh.",
        )
    return _joined(found), gltf.asset


def _placed(path: Path, gltf: Gltf) -> Iterator[tuple[Double, int]]:
    """(4, 4) world from mesh, and which mesh, for every node of the scene that has one."""
    if gltf.scene >= len(gltf.scenes):
        raise damaged(path, "holds no scene")
    waiting = [(index, np.eye(4), 0) for index in gltf.scenes[gltf.scene].nodes]
    seen: set[int] = set()
    while waiting:
        index, above, depth = waiting.pop(0)
        if index >= len(gltf.nodes) or index in seen or depth > _DEEPEST:
            raise damaged(path, "has nodes that are no tree")
        seen.add(index)
        node = gltf.nodes[index]
        place = above @ _matrix(path, node)
        if node.mesh is not None:
            yield place, node.mesh
        waiting += [(child, place, depth + 1) for child in node.children]


def _matrix(path: Path, node: Node) -> Double:
    """(4, 4) parent from node."""
    if node.matrix is not None:
        return np.array(node.matrix, np.float64).reshape(4, 4).T
    quat = np.array(node.rotation, np.float64)[[3, 0, 1, 2]]
    if not np.any(quat):
        raise damaged(path, "has a node with a rotation of length 0")
    matrix = np.eye(4)
    matrix[:3, :3] = matrix_from_quat(quat) * np.array(node.scale, np.float64)
    matrix[:3, 3] = node.translation
    return matrix


def _moved(path: Path, gaussians: Gaussians, place: Double) -> Gaussians:
    """The splat in our axes, where the (4, 4) ``place`` puts it."""
    linear = _Z_UP_FROM_Y_UP @ place[:3, :3]
    size = float(np.cbrt(np.linalg.det(linear)))
    if not 1e-9 < size < 1e9 or not np.allclose(
        linear.T @ linear, size**2 * np.eye(3), rtol=0, atol=1e-4 * size**2
    ):
        raise InvalidFileError(
            f"{path} places a splat by a transform that stretches, mirrors or flattens it.",
            hint="Apply the transform in the program that made the file, then export again.",
        )
    rotation, shift = linear / size, _Z_UP_FROM_Y_UP @ place[:3, 3]
    # Our own node turns by exactly what our axes differ: nothing is to be done, and nothing is rounded.
    turned = gaussians if np.allclose(rotation, np.eye(3), rtol=0, atol=1e-7) else turn(gaussians, rotation)
    if abs(size - 1) < 1e-7 and not np.any(shift):
        return turned
    with np.errstate(over="ignore", invalid="ignore"):  # rows that are not finite then are left out later
        return Gaussians(
            means=(size * turned.means.astype(np.float64) + shift).astype(np.float32),
            quats=turned.quats,
            log_scales=turned.log_scales + np.float32(np.log(size)),
            opacity_logits=turned.opacity_logits,
            sh=turned.sh,
        )


def _gaussians(path: Path, gltf: Gltf, primitive: Primitive, binary: bytes) -> Gaussians:
    """The splat of one primitive, as it lies in the file."""
    names = primitive.attributes

    def table(name: str, parts: int) -> Double:
        if name not in names or names[name] >= len(gltf.accessors):
            raise InvalidFileError(
                f"{path} holds a splat without {name}, or one that is packed by another extension.",
                hint="Export it without compression, or as PLY.",
            )
        return _table(path, gltf, gltf.accessors[names[name]], parts, binary)

    degrees = [d for d in range(MAX_DEGREE + 1) if f"{PREFIX}SH_DEGREE_{d}_COEF_0" in names]
    highest = max(degrees, default=0)
    harmonics = [
        table(f"{PREFIX}SH_DEGREE_{degree}_COEF_{place}", 3)
        for degree in range(highest + 1)
        for place in range(2 * degree + 1)
    ]
    means = table("POSITION", 3)
    others = (table(f"{PREFIX}ROTATION", 4), table(f"{PREFIX}SCALE", 3), table(f"{PREFIX}OPACITY", 1))
    if any(len(part) != len(means) for part in (*others, *harmonics)):
        raise damaged(path, "has attributes of different lengths in one splat")
    quats, scales, opacity = others
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # such rows are left out later
        return Gaussians(
            means=means.astype(np.float32),
            quats=quats[:, [3, 0, 1, 2]].astype(np.float32),
            log_scales=np.log(np.where(scales == 0, _SMALLEST, scales)).astype(np.float32),
            opacity_logits=logits(opacity[:, 0], faintest=1e-9),
            sh=np.stack(harmonics, axis=1).astype(np.float32),
        )


def _table(path: Path, gltf: Gltf, accessor: Accessor, parts: int, binary: bytes) -> Double:
    """(n, parts) values of an accessor; one that reaches past its bytes is refused before anything is made."""
    kind = _KINDS.get(accessor.componentType)
    if kind is None or _PARTS.get(accessor.type) != parts or accessor.sparse or accessor.bufferView is None:
        raise damaged(path, f"keeps a part of a splat as {accessor.type} of type {accessor.componentType}")
    if accessor.bufferView >= len(gltf.bufferViews):
        raise damaged(path, "speaks of bytes that it has not")
    view = gltf.bufferViews[accessor.bufferView]
    dtype = np.dtype(kind[0])
    stride = view.byteStride or parts * dtype.itemsize
    start = view.byteOffset + accessor.byteOffset
    needed = accessor.byteOffset + (accessor.count - 1) * stride + parts * dtype.itemsize
    if stride < parts * dtype.itemsize or needed > view.byteLength or view.byteOffset + needed > len(binary):
        raise damaged(
            path, f"was cut off: a part of its splat would end {needed} bytes into {view.byteLength}"
        )
    raw = np.ndarray((accessor.count, parts), dtype, binary, start, (stride, dtype.itemsize))
    values = raw.astype(np.float64)
    return np.maximum(values / kind[1], -1.0) if accessor.normalized else values


def _joined(found: list[Gaussians]) -> Gaussians:
    """All of them as one, with the harmonics of the one that has most."""
    if len(found) == 1:
        return found[0]
    k = num_coefficients(max(part.sh_degree for part in found))
    return Gaussians(
        means=np.concatenate([part.means for part in found]),
        quats=np.concatenate([part.quats for part in found]),
        log_scales=np.concatenate([part.log_scales for part in found]),
        opacity_logits=np.concatenate([part.opacity_logits for part in found]),
        sh=np.concatenate([np.pad(part.sh, ((0, 0), (0, k - part.sh.shape[1]), (0, 0))) for part in found]),
    )
