"""Meshes as .obj (with .mtl and picture), .glb and .ply, written by trimesh.

Our world has +z up, and so has the PLY, like the splat beside it. glTF demands +y up, and what opens OBJ files expects
it (Blender, three.js, the viewers of Windows and macOS): ``_y_up`` is the one place where that is done.
trimesh's writers have no types, so they are looked up by name.
"""

import io
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from roomsplat.core.mesh import TriangleMesh
from roomsplat.core.point_cloud import SceneScale
from roomsplat.formats.files import open_output

JPEG_QUALITY = 90
"""2048 × 2048 px of a room: 0.9 MB; 95 takes 1.4 MB, and no difference can be seen."""
_MATERIAL = "room"
_UNITS = {"metric": "metres", "arbitrary": "arbitrary units"}


def write_obj(path: Path, mesh: TriangleMesh, scale: SceneScale) -> tuple[Path, ...]:
    """Write a textured mesh as ``path`` (.obj), a .mtl and a .jpg of the same stem; returns all three paths.

    Raises:
        OutputError: a file cannot be written.
    """
    export_obj: Any = import_module("trimesh.exchange.obj").export_obj

    assert mesh.texture is not None
    material, picture = path.with_suffix(".mtl"), path.with_suffix(".jpg")
    header = f"roomsplat, +y up, lengths in {_UNITS[scale]}"
    text: Any = export_obj(
        _trimesh(mesh),
        include_normals=False,
        include_color=False,
        mtl_name=material.name,
        header=header,
        digits=5,
    )
    lines = f"# {header}\nnewmtl {_MATERIAL}\nKa 0 0 0\nKd 1 1 1\nKs 0 0 0\nillum 0\nmap_Kd {picture.name}\n"
    for place, data in (
        (picture, _jpeg(mesh.texture)),
        (material, lines.encode()),
        (path, str(text).encode()),
    ):
        with open_output(place) as file:
            file.write(data)
    return path, material, picture


def write_glb(path: Path, mesh: TriangleMesh, scale: SceneScale) -> None:
    """Write a textured mesh as binary glTF 2.0. Unlit: the room's light is in the texture already.

    Raises:
        OutputError: the file cannot be written.
    """
    from trimesh import Scene  # noqa: PLC0415 - trimesh takes 0.2 s to import

    export_glb: Any = import_module("trimesh.exchange.gltf").export_glb

    def finish(tree: dict[str, Any]) -> None:
        for material in tree["materials"]:
            material["extensions"] = {"KHR_materials_unlit": {}}
        tree["extensionsUsed"] = sorted({*tree.get("extensionsUsed", ()), "KHR_materials_unlit"})
        tree["asset"]["extras"] = {"scale": scale, "units": _UNITS[scale]}

    data: Any = export_glb(Scene(_trimesh(mesh)), include_normals=False, tree_postprocessor=finish)
    with open_output(path) as file:
        file.write(data)


def write_mesh_ply(path: Path, mesh: TriangleMesh, scale: SceneScale) -> None:
    """Write a mesh with colours by vertex as binary PLY, +z up.

    Raises:
        OutputError: the file cannot be written.
    """
    from trimesh import Trimesh  # noqa: PLC0415 - as above

    export_ply: Any = import_module("trimesh.exchange.ply").export_ply

    plain = Trimesh(mesh.vertices, mesh.faces, vertex_colors=mesh.colors, process=False)
    data: Any = export_ply(plain, vertex_normal=False)
    comment = f"\ncomment roomsplat, +z up, lengths in {_UNITS[scale]}\nelement vertex".encode()
    with open_output(path) as file:
        file.write(bytes(data).replace(b"\nelement vertex", comment, 1))


def _y_up(vertices: NDArray[np.float32]) -> NDArray[np.float32]:
    """(v, 3) from +z up to +y up: a quarter turn about +x."""
    return np.stack([vertices[:, 0], vertices[:, 2], -vertices[:, 1]], axis=1)


def _trimesh(mesh: TriangleMesh) -> Any:
    """The textured mesh as trimesh has it, +y up."""
    from trimesh import Trimesh  # noqa: PLC0415 - as above
    from trimesh.visual import TextureVisuals  # noqa: PLC0415 - as above
    from trimesh.visual.material import PBRMaterial  # noqa: PLC0415 - as above

    assert mesh.texture is not None
    # Read again from its JPEG, so that trimesh puts the JPEG into the file and does not make a PNG six times its size.
    picture = Image.open(io.BytesIO(_jpeg(mesh.texture)))
    material = PBRMaterial(name=_MATERIAL, baseColorTexture=picture, metallicFactor=0.0, roughnessFactor=1.0)
    visual = TextureVisuals(uv=mesh.uv, material=material)
    return Trimesh(_y_up(mesh.vertices), mesh.faces, visual=visual, process=False)


def _jpeg(texture: NDArray[np.uint8]) -> bytes:
    data = io.BytesIO()
    Image.fromarray(texture).save(data, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return data.getvalue()
