"""Surfaces as grids of vertices: the one shape that everything in a synthetic room is made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]
Vector = Sequence[float] | Double
Color = tuple[float, float, float]
ARC_STEPS = 3  # segments of a rounded edge up to its 45 degree seam; finer is invisible at 640 px


def color(code: str) -> Color:
    """'#rrggbb' in sRGB to linear reflectance (IEC 61966-2-1)."""
    channels = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return red, green, blue


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a surface is painted with; ``kind`` is one of the numbers in ``synth.materials``."""

    kind: int
    a: Color
    """Main colour, linear."""
    b: Color = (0.5, 0.5, 0.5)
    """Second colour, linear."""
    seed: int = 0
    style: int = 0
    """Which variant of the kind."""
    glow: float = 0.0
    """> 0: the surface shines with its colour times this radiance and takes no light."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A grid of vertices with texture coordinates; its front is the side of du × dv."""

    vertices: Double
    """(nv + 1, nu + 1, 3) m, world."""
    normals: Double
    """(nv + 1, nu + 1, 3) unit."""
    size: tuple[float, float]
    """Length in m along u and v, the scale of the texture."""
    material: Material
    origin: tuple[float, float] = (0.0, 0.0)
    """Texture coordinates in m where u = v = 0; neighbours that share a texture differ here."""
    u_knots: Double = field(default_factory=lambda: np.array([0.0, 1.0]))
    """(nu + 1,) values of u at the grid's columns, rising from 0 to 1."""
    v_knots: Double = field(default_factory=lambda: np.array([0.0, 1.0]))
    """(nv + 1,) values of v at the grid's rows."""
    two_sided: bool = False
    """Seen and lit from both sides (leaves, curtains)."""
    casts_shadow: bool = True
    detail: float = 1.0
    """Texels per metre relative to the room's."""


def grid_patch(vertices: Double, material: Material, **options: object) -> Patch:
    """A patch from (nv + 1, nu + 1, 3) vertices; knots, size and smooth normals follow from them."""
    along_u = np.linalg.norm(np.diff(vertices, axis=1), axis=2).mean(axis=0)
    along_v = np.linalg.norm(np.diff(vertices, axis=0), axis=2).mean(axis=1)
    knots = [
        np.concatenate([[0.0], np.cumsum(steps) / max(steps.sum(), 1e-9)]) for steps in (along_u, along_v)
    ]
    widest = float(np.linalg.norm(np.diff(vertices, axis=1), axis=2).sum(axis=1).max())
    patch = Patch(
        vertices=vertices,
        normals=smooth_normals(vertices),
        size=(widest, float(along_v.sum())),
        material=material,
        u_knots=knots[0],
        v_knots=knots[1],
    )
    return replace(patch, **options)  # pyright: ignore[reportArgumentType] - options are fields of Patch


def smooth_normals(vertices: Double) -> Double:
    """(…, 3) unit normals, the area-weighted mean over all cells that touch a position (poles and seams included)."""
    rows, columns = vertices.shape[:2]
    a, b, c, d = vertices[:-1, :-1], vertices[:-1, 1:], vertices[1:, 1:], vertices[1:, :-1]
    cell = np.cross(c - a, d - b) * 0.5
    total = np.zeros_like(vertices)
    for dv in (0, 1):
        for du in (0, 1):
            total[dv : rows - 1 + dv, du : columns - 1 + du] += cell
    keys = np.round(vertices.reshape(-1, 3) * 1e4).astype(np.int64)
    _, inverse = np.unique(keys, axis=0, return_inverse=True)
    welded = np.zeros((int(inverse.max()) + 1, 3))
    np.add.at(welded, inverse.ravel(), total.reshape(-1, 3))
    normals = welded[inverse.ravel()].reshape(vertices.shape)
    return normals / np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-12)


def quad(corner: Vector, u: Vector, v: Vector, material: Material, **options: object) -> Patch:
    """A flat rectangle from ``corner`` along ``u`` and ``v`` (m); it faces u × v."""
    corner, u, v = (np.asarray(x, np.float64) for x in (corner, u, v))
    return grid_patch(np.array([[corner, corner + u], [corner + v, corner + u + v]]), material, **options)


def box(
    center: Vector, size: Vector, material: Material, *, skip: str = "", **options: object
) -> list[Patch]:
    """Six (or fewer) faces around ``center``; ``skip`` names hidden ones out of 'x-', 'x+', … as letters 'wesnbt'.

    w, e: −x, +x; s, n: −y, +y; b, t: −z, +z. The texture's first axis runs along the longer edge, as wood grain does.
    """
    c, half = np.asarray(center, np.float64), np.asarray(size, np.float64) / 2
    patches = list[Patch]()
    for name, axis, sign in (("w", 0, -1), ("e", 0, 1), ("s", 1, -1), ("n", 1, 1), ("b", 2, -1), ("t", 2, 1)):
        if name in skip:
            continue
        first, second = (axis + 1) % 3, (axis + 2) % 3
        u, v = np.zeros(3), np.zeros(3)
        u[first], v[second] = 2 * half[first], 2 * half[second]
        if sign < 0:
            u, v = v, u
        corner = c - u / 2 - v / 2
        corner[axis] += sign * half[axis]
        if np.linalg.norm(v) > np.linalg.norm(u):
            corner, u, v = corner + v, -v, u
        offset = (0.37 * len(patches) + float(c[0]), 0.61 * len(patches) + float(c[1]))
        patches.append(quad(corner, u, v, material, **{"origin": offset, **options}))
    return patches


def _rounded_knots(half: float, radius: float, steps: int) -> Double:
    arc = half - radius + radius * np.tan(np.linspace(0, np.pi / 4, ARC_STEPS + 1))
    flat = np.linspace(-(half - radius), half - radius, steps + 1)
    return np.concatenate([-arc[:0:-1], flat, arc[1:]])


def cushion(
    center: Vector, size: Vector, radius: float, material: Material, *, bulge: float = 0.0, skip: str = ""
) -> list[Patch]:
    """A box with edges rounded by ``radius`` (m) whose faces swell by ``bulge`` (m) in the middle."""
    c, half = np.asarray(center, np.float64), np.asarray(size, np.float64) / 2
    radius = min(radius, float(half.min()) * 0.98)
    patches = list[Patch]()
    for name, axis, sign in (("w", 0, -1), ("e", 0, 1), ("s", 1, -1), ("n", 1, 1), ("b", 2, -1), ("t", 2, 1)):
        if name in skip:
            continue
        first, second = ((axis + 1) % 3, (axis + 2) % 3) if sign > 0 else ((axis + 2) % 3, (axis + 1) % 3)
        steps = 3 if bulge > 0 else 1
        x, y = np.meshgrid(
            _rounded_knots(half[first], radius, steps),
            _rounded_knots(half[second], radius, steps),
            indexing="xy",
        )
        points = np.zeros((*x.shape, 3))
        points[..., first], points[..., second], points[..., axis] = x, y, sign * half[axis]
        inner = np.clip(points, -(half - radius), half - radius)
        out = points - inner
        normals = out / np.linalg.norm(out, axis=2, keepdims=True)
        swell = bulge * (1 - (x / half[first]) ** 2) * (1 - (y / half[second]) ** 2)
        vertices = c + inner + normals * radius
        vertices[..., axis] += sign * swell
        patch = grid_patch(vertices, material, origin=(0.5 * len(patches), float(c[0])))
        patches.append(replace(patch, normals=smooth_normals(vertices) if bulge > 0 else normals))
    return patches


def lathe(
    center: Vector,
    profile: Iterable[tuple[float, float]],
    material: Material,
    *,
    segments: int = 24,
    **options: object,
) -> Patch:
    """A surface of revolution about +z; ``profile`` is (radius, height) in m from bottom to top, seen from outside."""
    profile = np.asarray(list(profile), np.float64)
    angles = np.linspace(0, 2 * np.pi, segments + 1)
    vertices = np.empty((len(profile), segments + 1, 3))
    vertices[..., 0] = profile[:, :1] * np.cos(angles)
    vertices[..., 1] = profile[:, :1] * np.sin(angles)
    vertices[..., 2] = profile[:, 1:]
    vertices[:, -1] = vertices[:, 0]
    return grid_patch(vertices + np.asarray(center, np.float64), material, **options)


def tube(
    points: Vector | Sequence[Vector], radii: Sequence[float], material: Material, *, segments: int = 10
) -> Patch:
    """A round bar of varying radius (m) along (n, 3) ``points``, open at its ends."""
    line = np.asarray(points, np.float64)
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    helper = np.eye(3)[int(np.abs(tangent).max(axis=0).argmin())]  # the axis that the bar runs along least
    side = np.cross(tangent, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(tangent, side)
    angles = np.linspace(0, 2 * np.pi, segments + 1)[None, :, None]
    ring = np.cos(angles) * side[:, None] + np.sin(angles) * other[:, None]
    ring[:, -1] = ring[:, 0]
    return grid_patch(line[:, None] + ring * np.asarray(radii)[:, None, None], material)


def place(patches: Iterable[Patch], x: float, y: float, angle: float = 0.0, z: float = 0.0) -> list[Patch]:
    """The same patches turned by ``angle`` (rad) about +z, then moved to (x, y, z)."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])
    shift = np.array([x, y, z])
    return [replace(p, vertices=p.vertices @ turn.T + shift, normals=p.normals @ turn.T) for p in patches]
