"""The exact surface of a synthetic room, for measuring reconstructions."""

import numpy as np

from roomsplat.core.mesh import TriangleMesh
from roomsplat.synth.materials import OUTDOORS
from roomsplat.synth.packing import pack_mesh
from roomsplat.synth.room import Room


def make_truth_mesh(room: Room) -> TriangleMesh:
    """Every surface of ``room`` in metres, +z up, but for the picture of the street behind its windows.

    Vertices are not shared; hidden surfaces (a sofa's underside) are there, so trim by what cameras see.
    """
    patches = [patch for patch in room.patches if patch.material.kind != OUTDOORS]
    packed = pack_mesh(patches, shadow=False).triangles
    first, edges = packed[:, None, :3], packed[:, 3:].reshape(-1, 2, 3)
    corners = np.concatenate([first, first + edges], axis=1).reshape(-1, 3)
    return TriangleMesh(vertices=corners, faces=np.arange(len(corners), dtype=np.int32).reshape(-1, 3))
