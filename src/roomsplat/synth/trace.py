"""Pictures of a baked room: one ray per pixel corner, more only where the picture has an edge.

A pixel whose four corners meet the same patch is filtered from the patch's texture along the footprint that they span
(trilinear, up to four taps along its longer axis, as in Heckbert 1989's elliptical average, section 3.5, made cheap).
Every other pixel is the mean of ``EDGE_SAMPLES`` rays. So surfaces do not shimmer and silhouettes are smooth, at about
1.5 rays per pixel.
"""

# pyright: basic
import math

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.images import RenderOutput
from roomsplat.synth.bake import BakedRoom
from roomsplat.synth.bvh import FAR, STACK_SIZE, closest_hit
from roomsplat.synth.packing import LEVELS

EDGE_SAMPLES = 6
MAX_TAPS = 4
MAX_FOOTPRINT = 0.35  # of a patch's texture: corners further apart saw different sides of it
MAX_DEPTH_STEP = 1.06  # ratio of depths within a pixel beyond which a patch hides part of itself


def render_view(room: BakedRoom, camera: PinholeCamera) -> RenderOutput:
    """The room as ``camera`` sees it: sRGB, alpha 1 everywhere, exact depth along +z at pixel centres."""
    light, depth = render_linear(room, camera, with_depth=True)
    return RenderOutput(rgb=encode_srgb(light), alpha=np.ones_like(depth), depth=depth)


def render_linear(
    room: BakedRoom, camera: PinholeCamera, *, poses: NDArray[np.float32] | None = None, with_depth: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(h, w, 3) display light, linear, and (h, w) depth in m (zeros unless asked for).

    ``poses`` (h + 1, 4, 4) gives each row of pixel corners its own cam_from_world (rolling shutter).
    """
    height, width = camera.height, camera.width
    if poses is None:
        poses = np.broadcast_to(camera.cam_from_world, (height + 1, 4, 4))
    rotations = np.ascontiguousarray(poses[:, :3, :3], np.float64)
    centers = -np.einsum("nji,nj->ni", rotations, poses[:, :3, 3].astype(np.float64))
    rows = np.concatenate([rotations.reshape(-1, 9), centers], axis=1).astype(np.float32)
    intrinsics = np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float32)
    corners = np.empty((height + 1, width + 1, 3), np.float32)
    owners = np.empty((height + 1, width + 1), np.int32)
    light, depth = np.empty((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    _corners(room.geometry, rows, intrinsics, corners, owners)
    _pixels(room.geometry, room.surfaces, room.atlas, rows, intrinsics, corners, owners, light)
    if with_depth:
        _depths(room.geometry, rows, intrinsics, depth)
    return light, depth


def encode_srgb(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear display light to sRGB, both in [0, 1] (IEC 61966-2-1)."""
    clipped = np.clip(light, 0.0, 1.0)
    return np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055).astype(np.float32)


@njit(cache=True, error_model="numpy")
def _shoot(geometry, stack, row, intrinsics, x, y, hint):
    """(triangle or -1, depth along +z, b1, b2) of what the camera of ``row`` sees at (x, y) px."""
    a, b = (x - intrinsics[2]) / intrinsics[0], (y - intrinsics[3]) / intrinsics[1]
    # The direction has length 1 along +z, so that the distance along it is the depth.
    return closest_hit(
        geometry.boxes, geometry.links, geometry.triangles, stack, row[9], row[10], row[11],
        row[0] * a + row[3] * b + row[6], row[1] * a + row[4] * b + row[7], row[2] * a + row[5] * b + row[8],
        FAR, hint,
    )  # fmt: skip


@njit(cache=True, error_model="numpy", parallel=True)
def _corners(geometry, rows, intrinsics, corners, owners):
    """u, v, depth and patch at every pixel corner."""
    for y in prange(corners.shape[0]):
        stack, hint = np.empty(STACK_SIZE, np.int32), -1
        for x in range(corners.shape[1]):
            hint, depth, b1, b2 = _shoot(geometry, stack, rows[y], intrinsics, np.float32(x), np.float32(y), hint)
            owners[y, x] = geometry.patch[hint] if hint >= 0 else -1
            if hint >= 0:
                uv = geometry.uv[hint]
                corners[y, x, 0] = uv[0] + b1 * uv[2] + b2 * uv[4]
                corners[y, x, 1] = uv[1] + b1 * uv[3] + b2 * uv[5]
            corners[y, x, 2] = depth


@njit(cache=True, error_model="numpy", parallel=True)
def _depths(geometry, rows, intrinsics, depth):
    half = np.float32(0.5)
    for y in prange(depth.shape[0]):
        stack, hint = np.empty(STACK_SIZE, np.int32), -1
        for x in range(depth.shape[1]):
            row = (rows[y] + rows[y + 1]) * half
            hint, distance, _, _ = _shoot(
                geometry, stack, row, intrinsics, np.float32(x) + half, np.float32(y) + half, hint
            )
            depth[y, x] = distance if hint >= 0 else np.float32(0.0)


@njit(cache=True, error_model="numpy")
def _bilinear(atlas, texture, u, v, weight, out):
    """Add ``weight`` times a level of a texture at (u, v) to ``out``."""
    first, width, height = texture
    x = min(max(u * width - np.float32(0.5), np.float32(0.0)), np.float32(width - 1))
    y = min(max(v * height - np.float32(0.5), np.float32(0.0)), np.float32(height - 1))
    i, j = int(x), int(y)
    right, below = 1 if i < width - 1 else 0, width if j < height - 1 else 0
    fx, fy = x - np.float32(i), y - np.float32(j)
    at = first + j * width + i
    scale = weight * np.float32(1.0 / 65535.0)
    a, b = (1 - fx) * (1 - fy) * scale, fx * (1 - fy) * scale
    c, d = (1 - fx) * fy * scale, fx * fy * scale
    for k in range(3):
        out[k] += (
            a * np.float32(atlas[at, k]) + b * np.float32(atlas[at + right, k])
            + c * np.float32(atlas[at + below, k]) + d * np.float32(atlas[at + right + below, k])
        )  # fmt: skip


@njit(cache=True, error_model="numpy")
def _look_up(surfaces, atlas, patch, u, v, lod, weight, out):
    """Add ``weight`` times the texture of ``patch`` at (u, v), filtered over 2^lod texels, to ``out``."""
    lod = min(max(lod, np.float32(0.0)), np.float32(LEVELS - 1.001))
    level = int(lod)
    fraction = lod - np.float32(level)
    _bilinear(atlas, surfaces.texture[patch, level], u, v, weight * (1 - fraction), out)
    if fraction > 0:
        _bilinear(atlas, surfaces.texture[patch, level + 1], u, v, weight * fraction, out)


@njit(cache=True, error_model="numpy")
def _filtered(surfaces, atlas, patch, corners, x, y, out):
    """Add the mean of the texture over pixel (x, y), whose corners all lie on ``patch``, to ``out``."""
    half, quarter = np.float32(0.5), np.float32(0.25)
    p00, p10, p01, p11 = corners[y, x], corners[y, x + 1], corners[y + 1, x], corners[y + 1, x + 1]
    u = (p00[0] + p10[0] + p01[0] + p11[0]) * quarter
    v = (p00[1] + p10[1] + p01[1] + p11[1]) * quarter
    ux, vx = (p10[0] + p11[0] - p00[0] - p01[0]) * half, (p10[1] + p11[1] - p00[1] - p01[1]) * half
    uy, vy = (p01[0] + p11[0] - p00[0] - p10[0]) * half, (p01[1] + p11[1] - p00[1] - p10[1]) * half
    width, height = np.float32(surfaces.texture[patch, 0, 1]), np.float32(surfaces.texture[patch, 0, 2])
    along_x = (ux * width) ** 2 + (vx * height) ** 2
    along_y = (uy * width) ** 2 + (vy * height) ** 2
    if along_y > along_x:
        ux, vx, along_x, along_y = uy, vy, along_y, along_x
    major, minor = math.sqrt(along_x), max(math.sqrt(along_y), np.float32(1e-3))
    taps = min(max(int(major / minor + half), 1), MAX_TAPS)
    lod = np.float32(math.log2(max(max(minor, major / taps), np.float32(1e-3))))
    weight = np.float32(1.0) / np.float32(taps)
    for i in range(taps):
        step = (np.float32(i) + half) * weight - half
        _look_up(surfaces, atlas, patch, u + step * ux, v + step * vx, lod, weight, out)


@njit(cache=True, error_model="numpy")
def _is_inside(corners, owners, x, y):
    """Whether pixel (x, y) lies within one patch that does not hide itself there."""
    patch = owners[y, x]
    if patch < 0 or owners[y, x + 1] != patch or owners[y + 1, x] != patch or owners[y + 1, x + 1] != patch:
        return False
    a, b, c, d = corners[y, x], corners[y, x + 1], corners[y + 1, x], corners[y + 1, x + 1]
    near, far = min(min(a[2], b[2]), min(c[2], d[2])), max(max(a[2], b[2]), max(c[2], d[2]))
    du = max(max(a[0], b[0]), max(c[0], d[0])) - min(min(a[0], b[0]), min(c[0], d[0]))
    dv = max(max(a[1], b[1]), max(c[1], d[1])) - min(min(a[1], b[1]), min(c[1], d[1]))
    return far < MAX_DEPTH_STEP * near and max(du, dv) < MAX_FOOTPRINT


@njit(cache=True, error_model="numpy")
def _edge_pixel(geometry, surfaces, atlas, stack, row, intrinsics, x, y, out):
    """Add the mean of several rays through pixel (x, y) to ``out`` (an additive recurrence: Roberts 2018, R2)."""
    hint, weight = -1, np.float32(1.0 / EDGE_SAMPLES)
    for i in range(EDGE_SAMPLES):
        px = np.float32(x + (0.5 + (i + 1) * 0.7548776662) % 1.0)
        py = np.float32(y + (i + 0.5) / EDGE_SAMPLES)
        hint, depth, b1, b2 = _shoot(geometry, stack, row, intrinsics, px, py, hint)
        if hint < 0:
            continue
        patch, uv = geometry.patch[hint], geometry.uv[hint]
        u, v = uv[0] + b1 * uv[2] + b2 * uv[4], uv[1] + b1 * uv[3] + b2 * uv[5]
        size = depth / intrinsics[0] * np.float32(surfaces.texture[patch, 0, 1]) / surfaces.extent[patch, 0]
        lod = np.float32(math.log2(max(size, np.float32(1e-3))))
        _look_up(surfaces, atlas, patch, u, v, lod, weight, out)


@njit(cache=True, error_model="numpy", parallel=True)
def _pixels(geometry, surfaces, atlas, rows, intrinsics, corners, owners, light):
    for y in prange(light.shape[0]):
        stack = np.empty(STACK_SIZE, np.int32)
        row = (rows[y] + rows[y + 1]) * np.float32(0.5)
        for x in range(light.shape[1]):
            light[y, x] = 0
            if _is_inside(corners, owners, x, y):
                _filtered(surfaces, atlas, owners[y, x], corners, x, y, light[y, x])
            else:
                _edge_pixel(geometry, surfaces, atlas, stack, row, intrinsics, x, y, light[y, x])
