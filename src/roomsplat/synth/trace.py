"""Pictures of a baked room: eight rays per pixel find what is seen, filtered textures say how it looks.

A pixel whose rays all meet one patch is filtered from the patch's texture along the footprint of the pixel (trilinear,
up to four taps along its longer axis: Heckbert 1989, section 3.5, made cheap). Every other pixel is the mean over its
rays. So surfaces do not shimmer and silhouettes are smooth.
"""

# pyright: basic
import math

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.images import RenderOutput
from roomsplat.synth.bake import BakedRoom
from roomsplat.synth.packing import LEVELS
from roomsplat.synth.visibility import SAMPLES_X, SAMPLES_Y, plane_equations, screen_boxes, visible_in_strip

STRIP = 8  # rows that one thread takes at a time; their samples fit its second-level cache
MAX_TAPS = 4
MAX_DEPTH_STEP = np.float32(1.06)  # ratio of depths in a pixel beyond which a patch hides part of itself


def render_view(room: BakedRoom, camera: PinholeCamera) -> RenderOutput:
    """The room as ``camera`` sees it: sRGB, alpha 1 everywhere, exact depth along +z at pixel centres."""
    return RenderOutput(
        rgb=encode_srgb(render_light(room, camera)),
        alpha=np.ones((camera.height, camera.width), np.float32),
        depth=render_depth(room, camera),
    )


def render_light(
    room: BakedRoom, camera: PinholeCamera, *, poses: NDArray[np.floating] | None = None
) -> NDArray[np.float32]:
    """(h, w, 3) display light, linear. ``poses`` (h, 4, 4) gives each row its own cam_from_world (rolling shutter)."""
    rows, intrinsics = _rows(camera, poses), _intrinsics(camera)
    two_sided = room.surfaces.material[room.mesh.patch, 3]
    boxes, listed = _candidates(room, camera, rows, intrinsics, two_sided)
    light = np.empty((camera.height, camera.width, 3), np.float32)
    places = _places(camera.width, SAMPLES_X, SAMPLES_Y)
    _light_strips(room.mesh, room.surfaces, room.atlas, two_sided, boxes, listed, rows, intrinsics, places,
                  SAMPLES_X, SAMPLES_Y, light)  # fmt: skip
    return light


def render_depth(room: BakedRoom, camera: PinholeCamera) -> NDArray[np.float32]:
    """(h, w) exact depth along +z in m at pixel centres; 0 where nothing is."""
    rows, intrinsics = _rows(camera, None), _intrinsics(camera)
    two_sided = room.surfaces.material[room.mesh.patch, 3]
    boxes, listed = _candidates(room, camera, rows, intrinsics, two_sided)
    depth = np.empty((camera.height, camera.width), np.float32)
    middle = np.array([0.5], np.float32)
    _depth_strips(room.mesh, two_sided, boxes, listed, rows, intrinsics, _places(camera.width, middle, middle), depth)
    return depth


def encode_srgb(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear display light to sRGB, both in [0, 1] (IEC 61966-2-1)."""
    clipped = np.clip(light, 0.0, 1.0)
    return np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055).astype(np.float32)


def _rows(camera: PinholeCamera, poses: NDArray[np.floating] | None) -> NDArray[np.float64]:
    """(h, 12) rotation and centre of every row."""
    if poses is None:
        poses = np.broadcast_to(camera.cam_from_world.astype(np.float64), (camera.height, 4, 4))
    rotations = np.ascontiguousarray(poses[:, :3, :3], np.float64)
    centers = -np.einsum("nji,nj->ni", rotations, poses[:, :3, 3])
    return np.concatenate([rotations.reshape(-1, 9), centers], axis=1)


def _intrinsics(camera: PinholeCamera) -> NDArray[np.float64]:
    return np.array([camera.fx, camera.fy, camera.cx, camera.cy])


def _places(width: int, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """(2, width × samples) where the samples of a row lie, relative to its first pixel."""
    pixel = np.arange(width, dtype=np.float32)[:, None]
    return np.stack([(pixel + x).ravel(), np.tile(y, width)])


def _candidates(room: BakedRoom, camera: PinholeCamera, rows, intrinsics, two_sided):
    """Screen bounds of all triangles, and the numbers of those that can be seen."""
    boxes = np.empty((len(room.mesh.triangles), 4), np.int32)
    screen_boxes(room.mesh.triangles, two_sided, rows, intrinsics, camera.width, camera.height, boxes)
    return boxes, np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))


@njit(cache=True, error_model="numpy", parallel=True)
def _depth_strips(mesh, two_sided, boxes, listed, rows, intrinsics, places, depth):
    height, width = depth.shape
    for strip in prange((height + STRIP - 1) // STRIP):
        y0, y1 = strip * STRIP, min(strip * STRIP + STRIP, height)
        near, owner = np.empty((STRIP, width), np.float32), np.empty((STRIP, width), np.int32)
        visible_in_strip(mesh.triangles, two_sided, boxes, listed, rows, intrinsics, y0, y1, 1, places, near, owner)
        for y in range(y0, y1):
            for x in range(width):
                w = near[y - y0, x]
                depth[y, x] = np.float32(1.0) / w if w > 0 else np.float32(0.0)


@njit(cache=True, error_model="numpy", parallel=True)
def _light_strips(mesh, surfaces, atlas, two_sided, boxes, listed, rows, intrinsics, places, sub_x, sub_y, light):
    height, width = light.shape[:2]
    samples = len(sub_x)
    for strip in prange((height + STRIP - 1) // STRIP):
        y0, y1 = strip * STRIP, min(strip * STRIP + STRIP, height)
        near, owner = np.empty((STRIP, width * samples), np.float32), np.empty((STRIP, width * samples), np.int32)
        visible_in_strip(mesh.triangles, two_sided, boxes, listed, rows, intrinsics, y0, y1, samples, places, near, owner)
        e, out = np.empty(9), np.empty(3, np.float32)
        for y in range(y0, y1):
            known = -1
            for x in range(width):
                out[:] = 0
                base = x * samples
                inside = _is_inside(mesh.patch, near, owner, y - y0, base, samples)
                for i in range(1 if inside else samples):
                    index = owner[y - y0, base + i]
                    if index < 0:
                        continue
                    if index != known:
                        plane_equations(mesh.triangles, index, rows[y], intrinsics, e)
                        known = index
                    px, py = (x + 0.5, y + 0.5) if inside else (float(x + sub_x[i]), float(y + sub_y[i]))
                    scale = 1.0 if inside else 0.4  # a ray of an edge pixel stands for a part of it
                    weight = np.float32(1.0 if inside else 1.0 / samples)
                    _shade(mesh, surfaces, atlas, index, e, px, py, scale, weight, out)
                light[y, x, 0], light[y, x, 1], light[y, x, 2] = out[0], out[1], out[2]


@njit(cache=True, error_model="numpy")
def _is_inside(patches, near, owner, row, base, samples):
    """Whether all samples of a pixel lie on one patch that does not hide itself there."""
    first = owner[row, base]
    if first < 0:
        return False
    patch, low, high = patches[first], near[row, base], near[row, base]
    for i in range(1, samples):
        index = owner[row, base + i]
        if index < 0 or patches[index] != patch:
            return False
        low, high = min(low, near[row, base + i]), max(high, near[row, base + i])
    return high <= MAX_DEPTH_STEP * low


@njit(cache=True, error_model="numpy")
def _shade(mesh, surfaces, atlas, index, e, px, py, scale, weight, out):
    """Add ``weight`` times what triangle ``index`` shows at (px, py), filtered over ``scale`` px, to ``out``."""
    w = e[0] + e[1] * px + e[2] * py
    depth = 1.0 / w
    b1, b2 = (e[3] + e[4] * px + e[5] * py) * depth, (e[6] + e[7] * px + e[8] * py) * depth
    step = scale * depth
    b1x, b1y = (e[4] - b1 * e[1]) * step, (e[5] - b1 * e[2]) * step
    b2x, b2y = (e[7] - b2 * e[1]) * step, (e[8] - b2 * e[2]) * step
    u1, v1, u2, v2 = mesh.uv[index, 2], mesh.uv[index, 3], mesh.uv[index, 4], mesh.uv[index, 5]
    patch = mesh.patch[index]
    u, v = mesh.uv[index, 0] + b1 * u1 + b2 * u2, mesh.uv[index, 1] + b1 * v1 + b2 * v2
    ux, vx, uy, vy = b1x * u1 + b2x * u2, b1x * v1 + b2x * v2, b1y * u1 + b2y * u2, b1y * v1 + b2y * v2
    width, height = float(surfaces.texture[patch, 0, 1]), float(surfaces.texture[patch, 0, 2])
    along_x, along_y = (ux * width) ** 2 + (vx * height) ** 2, (uy * width) ** 2 + (vy * height) ** 2
    if along_y > along_x:
        ux, vx, along_x, along_y = uy, vy, along_y, along_x
    major, minor = math.sqrt(along_x), max(math.sqrt(along_y), 1e-3)
    taps = min(max(int(major / minor + 0.5), 1), MAX_TAPS)
    lod = np.float32(math.log2(max(max(minor, major / taps), 1e-3)))
    share = weight / np.float32(taps)
    for i in range(taps):
        k = (i + 0.5) / taps - 0.5
        _look_up(surfaces, atlas, patch, np.float32(u + k * ux), np.float32(v + k * vx), lod, share, out)


@njit(cache=True, error_model="numpy")
def _look_up(surfaces, atlas, patch, u, v, lod, weight, out):
    """Add ``weight`` times the texture of ``patch`` at (u, v), filtered over 2^lod texels, to ``out``."""
    lod = min(max(lod, np.float32(0.0)), np.float32(LEVELS - 1.001))
    level = int(lod)
    fraction = lod - np.float32(level)
    _bilinear(surfaces, atlas, patch, level, u, v, weight * (np.float32(1.0) - fraction), out)
    if fraction > np.float32(0.02):
        _bilinear(surfaces, atlas, patch, level + 1, u, v, weight * fraction, out)


@njit(cache=True, error_model="numpy")
def _bilinear(surfaces, atlas, patch, level, u, v, weight, out):
    """Add ``weight`` times one level of a texture at (u, v) to ``out``."""
    one, half = np.float32(1.0), np.float32(0.5)
    first, width, height = (
        surfaces.texture[patch, level, 0], surfaces.texture[patch, level, 1], surfaces.texture[patch, level, 2]
    )
    x = min(max(u * np.float32(width) - half, np.float32(0.0)), np.float32(width - 1))
    y = min(max(v * np.float32(height) - half, np.float32(0.0)), np.float32(height - 1))
    i, j = int(x), int(y)
    right, below = 1 if i < width - 1 else 0, width if j < height - 1 else 0
    fx, fy = x - np.float32(i), y - np.float32(j)
    at = first + j * width + i
    scale = weight * np.float32(1.0 / 65535.0)
    a, b = (one - fx) * (one - fy) * scale, fx * (one - fy) * scale
    c, d = (one - fx) * fy * scale, fx * fy * scale
    for k in range(3):
        out[k] += (
            a * np.float32(atlas[at, k]) + b * np.float32(atlas[at + right, k])
            + c * np.float32(atlas[at + below, k]) + d * np.float32(atlas[at + right + below, k])
        )  # fmt: skip
