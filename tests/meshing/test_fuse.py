"""Laws of fusing depth pictures into a volume."""

from dataclasses import replace

import numpy as np

from roomsplat.core.mesh import TriangleMesh
from roomsplat.meshing.config import MeshConfig
from roomsplat.meshing.fuse import BAND, fuse
from roomsplat.meshing.fuse_kernels import SIDE
from roomsplat.meshing.solid import solid_of
from roomsplat.meshing.views import pack_views, spread
from tests.meshing.scenes import box_views, cameras_inside, distance_to_box
from tests.reference.tsdf import distance_and_weight

VOXEL = 0.05


def test_the_field_is_that_of_the_slow_definition() -> None:
    """Distance and weight of any voxel are what one point and one view at a time give, to a thousandth."""
    views = box_views(6)
    volume = fuse(views, VOXEL, 10_000)
    random = np.random.default_rng(0)
    compared = 0
    for block in random.choice(len(volume.keys), 40, replace=False):
        place = random.integers(0, SIDE, 3)
        point = (volume.places[block] * SIDE + place) * VOXEL
        distance, weight = distance_and_weight(views, point, BAND * VOXEL)
        # A point on the line between two pixels may fall on either side of it.
        if abs(volume.weight[(block, *place)] - weight) < 1e-3 * max(weight, 1):
            assert abs(volume.distance[(block, *place)] - distance) < 2e-3
            compared += 1
    assert compared > 35


def test_a_room_comes_back_where_it_is() -> None:
    """From exact depth of a box of 4 m the mesh, simplified to some 4,000 faces, lies within 1 cm of the walls."""
    mesh = solid_of(box_views(), MeshConfig(resolution=80, max_faces=4_000))
    assert len(mesh.faces) <= 4_000
    assert np.quantile(distance_to_box(mesh.vertices), 0.99) < 0.01
    assert (
        float(mesh.areas().sum()) > 0.8 * 59
    )  # m², all six walls but for what no camera sees of floor and ceiling
    centres = mesh.corners().mean(axis=1)
    toward_middle = np.einsum("fi,fi->f", mesh.face_normals(), np.array([2, 1.5, 1.25]) - centres)
    assert (toward_middle > 0).mean() > 0.99  # faces look into the room


def test_memory_is_bounded_by_blocks() -> None:
    """Where the blocks would be too many, voxels get larger until they suffice, and the room is still there."""
    volume = fuse(box_views(8), 0.02, 600)
    assert len(volume.keys) <= 600
    assert volume.voxel > 0.02
    near = volume.distance[(np.abs(volume.distance) < 0.1) & (volume.weight > 0)]
    assert len(near) > 100


def test_depth_at_edges_is_dropped() -> None:
    """Between a near and a far surface no surface is made: pixels on both sides of the edge are unknown."""
    depth = np.full((40, 60), 3.0, np.float32)
    depth[:, :30] = 1.5
    cameras = cameras_inside(1)
    cameras = replace(cameras, width=60, height=40)
    views = pack_views(cameras, [depth], [np.ones_like(depth)], [np.zeros((40, 60, 3), np.uint8)])
    assert (views.depth[0, :, 29:31] == 0).all()
    assert (views.depth[0, :, :28] > 0).all()
    assert (views.depth[0, 5:-5, 33:] > 0).all()


def test_views_are_spread_evenly() -> None:
    """Of many views an even share is taken, the first and the last among them; of few, all."""
    assert spread(5, 10).tolist() == [0, 1, 2, 3, 4]
    assert spread(101, 3).tolist() == [0, 50, 100]


def test_a_mesh_says_what_does_not_fit() -> None:
    """A face that names no vertex, colours of another count or uv without a texture are refused where they are made."""
    vertices, faces = np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32)
    for wrong in (
        {"faces": faces + 1},
        {"faces": faces, "colors": np.zeros((2, 3), np.uint8)},
        {"faces": faces, "uv": np.zeros((3, 2), np.float32)},
    ):
        try:
            TriangleMesh(vertices=vertices, **wrong)
        except ValueError:
            continue
        raise AssertionError(f"accepted: {wrong}")
