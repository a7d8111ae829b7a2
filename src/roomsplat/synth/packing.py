"""Patches laid out as flat arrays, as the kernels read them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from roomsplat.synth.bvh import build_tree
from roomsplat.synth.patches import Patch

Float = NDArray[np.float32]
Int = NDArray[np.int32]
LEVELS = 9
SNAP = 2.0**-14  # vertices lie on this grid (m): the last digit of sin and cos differs between machines


class Mesh(NamedTuple):
    """Triangles with what they show."""

    triangles: Float
    """(t, 9) first corner and two edges, m."""
    patch: Int
    """(t,) the patch of each triangle."""
    uv: Float
    """(t, 6) u v of the first corner, then its change along both edges."""


class Geometry(NamedTuple):
    """A mesh in the order of a tree, so that rays can ask for what they hit."""

    boxes: Float
    links: Int
    triangles: Float
    patch: Int
    uv: Float


class Surfaces(NamedTuple):
    """All patches; p patches, each with a grid, a chain of textures and a light map."""

    material: Int
    """(p, 4) kind, style, seed, two_sided."""
    colors: Float
    """(p, 6) a then b, linear."""
    extent: Float
    """(p, 4) size u v, origin u v in m."""
    glow: Float
    """(p,) > 0: shines by itself."""
    grid: Int
    """(p, 5) first vertex, columns, rows, first u knot, first v knot."""
    vertices: Float
    """(g, 6) position and normal."""
    knots: Float
    """All u and v knots."""
    texture: NDArray[np.int64]
    """(p, LEVELS, 3) first texel, width, height per mip level."""
    light: NDArray[np.int64]
    """(p, 3) first node, width, height of the light map."""


def pack_mesh(patches: Sequence[Patch], *, shadow: bool) -> Mesh:
    """Triangles of all patches; with ``shadow`` only of those that cast one."""
    corners, uvs, owners = list[NDArray[np.float64]](), list[NDArray[np.float64]](), list[Int]()
    for number, patch in enumerate(patches):
        if shadow and not patch.casts_shadow:
            continue
        u, v = np.meshgrid(patch.u_knots, patch.v_knots)
        full = np.concatenate([snap(patch.vertices), u[..., None], v[..., None]], axis=2)
        a, b, c, d = full[:-1, :-1], full[:-1, 1:], full[1:, 1:], full[1:, :-1]
        both = np.stack([np.stack([a, b, c], axis=2), np.stack([a, c, d], axis=2)], axis=2).reshape(-1, 3, 5)
        area = np.linalg.norm(
            np.cross(both[:, 1, :3] - both[:, 0, :3], both[:, 2, :3] - both[:, 0, :3]), axis=1
        )
        both = both[area > 1e-9]  # a pole's triangles without area
        corners.append(both[..., :3])
        uvs.append(both[..., 3:])
        owners.append(np.full(len(both), number, np.int32))
    return Mesh(
        triangles=_corner_and_edges(np.concatenate(corners)),
        patch=np.concatenate(owners),
        uv=_corner_and_edges(np.concatenate(uvs)),
    )


def _corner_and_edges(corners: NDArray[np.float64]) -> Float:
    """(t, 3, k) three corners to (t, 3 k): the first corner and the two edges that start there."""
    edges = corners[:, 1:] - corners[:, :1]
    return np.concatenate([corners[:, 0], edges.reshape(len(edges), -1)], axis=1).astype(np.float32)


def pack_geometry(mesh: Mesh) -> Geometry:
    """The mesh with a tree over it."""
    boxes, links, order = build_tree(mesh.triangles)
    return Geometry(boxes, links, mesh.triangles[order], mesh.patch[order], mesh.uv[order])


def snap(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points rounded to the grid of ``SNAP``."""
    return np.round(points / SNAP) * SNAP


def _texture_sizes(patch: Patch, texel: float) -> list[tuple[int, int]]:
    width, height = (max(1, round(length * patch.detail / texel)) for length in patch.size)
    # A multiple of 8 halves evenly three times, so that the coarse levels stay aligned with the fine ones.
    width, height = (n if n < 16 else -(-n // 8) * 8 for n in (width, height))
    return [(max(1, width >> level), max(1, height >> level)) for level in range(LEVELS)]


def light_maps(patches: Sequence[Patch], step: float) -> NDArray[np.int64]:
    """(p, 3) first node, width, height of light maps with cells of ``step`` m."""
    light, nodes = np.zeros((len(patches), 3), np.int64), 0
    for i, p in enumerate(patches):
        if p.material.glow > 0:
            width = height = 2  # takes no light
        else:
            width, height = (int(np.clip(np.ceil(length / step) + 1, 2, 400)) for length in p.size)
        light[i] = nodes, width, height
        nodes += width * height
    return light


def pack_surfaces(patches: Sequence[Patch], texel: float, light: NDArray[np.int64]) -> tuple[Surfaces, int]:
    """The table of all patches with light maps ``light``, and the number of texels, each ``texel`` m wide."""
    texture = np.zeros((len(patches), LEVELS, 3), np.int64)
    grid = np.zeros((len(patches), 5), np.int32)
    vertices, knots = list[Float](), list[Float]()
    texels = num_vertices = num_knots = 0
    for i, p in enumerate(patches):
        for level, (width, height) in enumerate(_texture_sizes(p, texel)):
            texture[i, level] = texels, width, height
            texels += width * height
        rows, columns = p.vertices.shape[:2]
        grid[i] = num_vertices, columns, rows, num_knots, num_knots + columns
        num_vertices, num_knots = num_vertices + rows * columns, num_knots + columns + rows
        vertices.append(
            np.concatenate([snap(p.vertices), p.normals], axis=2).reshape(-1, 6).astype(np.float32)
        )
        knots.append(np.concatenate([p.u_knots, p.v_knots]).astype(np.float32))
    m = [p.material for p in patches]
    surfaces = Surfaces(
        material=np.array(
            [[x.kind, x.style, x.seed, p.two_sided] for x, p in zip(m, patches, strict=True)], np.int32
        ),
        colors=np.array([[*x.a, *x.b] for x in m], np.float32),
        extent=np.array([[*p.size, *p.origin] for p in patches], np.float32),
        glow=np.array([x.glow for x in m], np.float32),
        grid=grid,
        vertices=np.concatenate(vertices),
        knots=np.concatenate(knots),
        texture=texture,
        light=light,
    )
    return surfaces, texels
