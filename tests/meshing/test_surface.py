"""Laws of marching cubes over blocks."""

from collections import Counter
from itertools import product

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.mesh import TriangleMesh
from roomsplat.meshing.cube_table import EDGES, triangle_table
from roomsplat.meshing.fuse import Volume
from roomsplat.meshing.fuse_kernels import REACH, SIDE
from roomsplat.meshing.surface import drop_small_parts, extract_surface

VOXEL = 0.05


def volume_of(reach: int) -> tuple[Volume, NDArray[np.float64]]:
    """A cube of empty blocks around the origin, and where their voxels lie, (b, 8, 8, 8, 3)."""
    places = np.array(list(product(range(-reach, reach), repeat=3)), np.int64)
    keys = (places[:, 0] + REACH) << 42 | (places[:, 1] + REACH) << 21 | (places[:, 2] + REACH)
    offsets = np.stack(np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij"), axis=-1)
    positions = (places[:, None, None, None] * SIDE + offsets) * VOXEL
    shape = positions.shape[:-1]
    volume = Volume(
        keys=keys,
        places=places,
        distance=np.ones(shape, np.float32),
        weight=np.ones(shape, np.float32),
        voxel=VOXEL,
    )
    return volume, positions


def edge_counts(mesh: TriangleMesh) -> Counter[tuple[int, int]]:
    """How many triangles run along each edge in each direction."""
    return Counter((int(f[i]), int(f[(i + 1) % 3])) for f in mesh.faces for i in range(3))


def test_a_sphere_comes_out_round_closed_and_facing_out() -> None:
    """A sphere's vertices lie within a fiftieth of a voxel of it, each edge has two triangles, the volume is right."""
    volume, positions = volume_of(3)
    volume.distance[:] = np.clip((np.linalg.norm(positions, axis=-1) - 0.8) / 0.2, -1, 1)
    mesh = extract_surface(volume, 0.5)
    assert np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.8).max() < 0.02 * VOXEL
    edges = edge_counts(mesh)
    assert set(edges.values()) == {1}
    assert all((b, a) in edges for a, b in edges)
    a, b, c = mesh.corners().astype(np.float64).transpose(1, 0, 2)
    enclosed = np.einsum("fi,fi->", a, np.cross(b, c)) / 6
    assert abs(enclosed / (4 / 3 * np.pi * 0.8**3) - 1) < 0.005


def test_no_field_tears_the_surface() -> None:
    """Of any field, noise too, the surface closes: each edge is run along as often in one direction as in the other."""
    volume, positions = volume_of(1)
    volume.distance[:] = np.random.default_rng(3).normal(size=volume.distance.shape)
    volume.distance[np.abs(positions + 0.5 * VOXEL).max(axis=-1) > 0.36] = 1.0
    edges = edge_counts(extract_surface(volume, 0.5))
    assert len(edges) > 5_000
    assert all(count == edges[b, a] for (a, b), count in edges.items())


def test_nothing_is_made_of_what_nobody_saw() -> None:
    """Where voxels have less than the least weight the surface ends, a cube before them."""
    volume, positions = volume_of(2)
    volume.distance[:] = np.clip(positions[..., 2] / 0.2 + 0.1, -1, 1)
    volume.weight[positions[..., 0] > 0.1] = 0.4
    mesh = extract_surface(volume, 0.5)
    assert 0.1 - VOXEL < mesh.vertices[:, 0].max() <= 0.1 + 1e-6
    assert len(extract_surface(volume, 0.3).faces) > 1.5 * len(mesh.faces)


def test_every_table_row_has_the_crossed_edges() -> None:
    """A row of the table names just the edges between a corner inside and one outside; rows 0 and 255 are empty."""
    table = triangle_table()
    for inside in range(256):
        crossed = {
            i
            for i, (corner, axis) in enumerate(EDGES)
            if (inside >> corner & 1) != (inside >> (corner | 1 << axis) & 1)
        }
        assert set(table[inside][table[inside] >= 0].tolist()) == crossed


def test_small_parts_go_and_the_largest_stays() -> None:
    """Of a large and a small sphere the small one is dropped; a single small one stays."""
    volume, positions = volume_of(3)
    large = np.linalg.norm(positions - [0.3, 0, 0], axis=-1) - 0.6
    small = np.linalg.norm(positions - [-0.9, 0, 0], axis=-1) - 0.15
    volume.distance[:] = np.clip(np.minimum(large, small) / 0.2, -1, 1)
    both = extract_surface(volume, 0.5)
    kept = drop_small_parts(both, 1.0)
    assert len(kept.vertices) < len(both.vertices)
    assert np.abs(np.linalg.norm(kept.vertices - [0.3, 0, 0], axis=1) - 0.6).max() < VOXEL
    assert len(drop_small_parts(kept, 100.0).faces) == len(kept.faces)
