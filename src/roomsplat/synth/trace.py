"""Pictures of a baked room: eight rays per pixel find what is seen, filtered textures say how it looks.

A pixel whose rays all meet one patch is filtered from the patch's texture along the footprint of the pixel (trilinear,
up to four taps along its longer axis: Heckbert 1989, section 3.5, made cheap). Every other pixel is the mean over its
rays. So surfaces do not shimmer and silhouettes are smooth.
"""

# pyright: basic
import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.images import RenderOutput
from roomsplat.synth.bake import BakedRoom
from roomsplat.synth.jit import in_threads, inner, kernel
from roomsplat.synth.texture import lod_of_squared, look_up
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
    in_threads(_light_strips, -(-camera.height // STRIP), room.mesh, room.surfaces.texture, room.atlas, two_sided,
               boxes, listed, rows, intrinsics, places, SAMPLES_X, SAMPLES_Y, light)  # fmt: skip
    return light


def render_depth(room: BakedRoom, camera: PinholeCamera) -> NDArray[np.float32]:
    """(h, w) exact depth along +z in m at pixel centres; 0 where nothing is."""
    rows, intrinsics = _rows(camera, None), _intrinsics(camera)
    two_sided = room.surfaces.material[room.mesh.patch, 3]
    boxes, listed = _candidates(room, camera, rows, intrinsics, two_sided)
    depth = np.empty((camera.height, camera.width), np.float32)
    middle = np.array([0.5], np.float32)
    in_threads(_depth_strips, -(-camera.height // STRIP), room.mesh, two_sided, boxes, listed, rows, intrinsics,
               _places(camera.width, middle, middle), depth)  # fmt: skip
    return depth


def encode_srgb(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear display light to sRGB, both in [0, 1] (IEC 61966-2-1)."""
    clipped = np.clip(light, 0.0, 1.0)
    return np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055).astype(
        np.float32
    )


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
    in_threads(
        screen_boxes,
        len(boxes),
        room.mesh.triangles,
        two_sided,
        rows,
        intrinsics,
        camera.width,
        camera.height,
        boxes,
    )
    return boxes, np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))


@kernel
def _depth_strips(start, stop, mesh, two_sided, boxes, listed, rows, intrinsics, places, depth):
    height, width = depth.shape
    near, owner = np.empty((STRIP, width), np.float32), np.empty((STRIP, width), np.int32)
    for strip in range(start, stop):
        y0, y1 = strip * STRIP, min(strip * STRIP + STRIP, height)
        visible_in_strip(
            mesh.triangles, two_sided, boxes, listed, rows, intrinsics, y0, y1, 1, places, near, owner
        )
        for y in range(y0, y1):
            for x in range(width):
                w = near[y - y0, x]
                depth[y, x] = np.float32(1.0) / w if w > 0 else np.float32(0.0)


@kernel
def _light_strips(
    start, stop, mesh, texture, atlas, two_sided, boxes, listed, rows, intrinsics, places, sub_x, sub_y, light
):
    height, width = light.shape[:2]
    samples = len(sub_x)
    # Taken out of the tuple once, and copied where slices are taken: counting references to arrays that two threads
    # share, in the inner loops, made a frame a third slower.
    triangles, patches, uvs, places = mesh.triangles, mesh.patch, mesh.uv, places.copy()
    near, owner = np.empty((STRIP, width * samples), np.float32), np.empty((STRIP, width * samples), np.int32)
    group, e = np.empty((samples, 5)), np.empty(9)
    for strip in range(start, stop):
        y0, y1 = strip * STRIP, min(strip * STRIP + STRIP, height)
        visible_in_strip(
            triangles, two_sided, boxes, listed, rows, intrinsics, y0, y1, samples, places, near, owner
        )
        for y in range(y0, y1):
            known = -1
            for x in range(width):
                groups = _group(patches, near, owner, y - y0, x * samples, sub_x, sub_y, group)
                scale = 1.0 if groups == 1 else 0.6  # a group of rays stands for a part of the pixel
                red = green = blue = np.float32(0.0)
                for i in range(groups):
                    index = int(group[i, 0])
                    if index != known:
                        plane_equations(triangles, index, rows[y], intrinsics, e)
                        known = index
                    share = np.float32(group[i, 1] / samples)
                    r, g, b = _shade(
                        patches[index],
                        uvs,
                        texture,
                        atlas,
                        index,
                        e,
                        x + group[i, 2] / group[i, 1],
                        y + group[i, 3] / group[i, 1],
                        scale,
                    )
                    red, green, blue = red + r * share, green + g * share, blue + b * share
                light[y, x, 0], light[y, x, 1], light[y, x, 2] = red, green, blue


@inner
def _group(patches, near, owner, row, base, sub_x, sub_y, group):
    """Gather a pixel's samples by patch (and by depth, where a patch hides part of itself).

    Writes a triangle, the number of samples, and the sums of their places into ``group``; returns how many groups.
    """
    samples = len(sub_x)
    first = owner[row, base]
    if first >= 0:  # nearly always: one patch, one depth
        patch, low, high, same = patches[first], near[row, base], near[row, base], True
        for i in range(1, samples):
            index = owner[row, base + i]
            if index != first and (index < 0 or patches[index] != patch):
                same = False
                break
            low, high = min(low, near[row, base + i]), max(high, near[row, base + i])
        if same and high <= MAX_DEPTH_STEP * low:
            group[0, 0], group[0, 1], group[0, 2], group[0, 3] = first, samples, 0.5 * samples, 0.5 * samples
            return 1
    count = 0
    for i in range(samples):
        index, w = owner[row, base + i], near[row, base + i]
        if index < 0:
            continue
        found = -1
        for k in range(count):
            other = int(group[k, 0])
            if other == index or (patches[other] == patches[index] and abs(w - group[k, 4]) < 0.06 * w):
                found = k
        if found < 0:
            found = count
            count += 1
            group[found, 0], group[found, 1], group[found, 2], group[found, 3] = index, 0, 0, 0
            group[found, 4] = w
        group[found, 1] += 1
        group[found, 2] += sub_x[i]
        group[found, 3] += sub_y[i]
    return count


@inner
def _shade(patch, uvs, texture, atlas, index, e, px, py, scale):
    """Display light of triangle ``index``, whose plane equations are ``e``, at (px, py), filtered over ``scale`` px."""
    depth = 1.0 / (e[0] + e[1] * px + e[2] * py)
    b1, b2 = (e[3] + e[4] * px + e[5] * py) * depth, (e[6] + e[7] * px + e[8] * py) * depth
    step = scale * depth
    b1x, b1y = (e[4] - b1 * e[1]) * step, (e[5] - b1 * e[2]) * step
    b2x, b2y = (e[7] - b2 * e[1]) * step, (e[8] - b2 * e[2]) * step
    u1, v1, u2, v2 = uvs[index, 2], uvs[index, 3], uvs[index, 4], uvs[index, 5]
    u, v = uvs[index, 0] + b1 * u1 + b2 * u2, uvs[index, 1] + b1 * v1 + b2 * v2
    ux, vx, uy, vy = b1x * u1 + b2x * u2, b1x * v1 + b2x * v2, b1y * u1 + b2y * u2, b1y * v1 + b2y * v2
    width, height = float(texture[patch, 0, 1]), float(texture[patch, 0, 2])
    major, minor = (ux * width) ** 2 + (vx * height) ** 2, (uy * width) ** 2 + (vy * height) ** 2
    if minor > major:
        ux, vx, major, minor = uy, vy, minor, major
    # The number of taps follows the ratio of the axes, up to MAX_TAPS; all lengths are squared.
    taps = (
        1
        if major < 2.25 * minor
        else (2 if major < 6.25 * minor else (3 if major < 12.25 * minor else MAX_TAPS))
    )
    lod8 = lod_of_squared(np.float32(max(minor, major / (taps * taps))))
    if taps == 1:
        return look_up(texture, atlas, patch, np.float32(u), np.float32(v), lod8)
    red = green = blue = np.float32(0.0)
    share = np.float32(1.0) / np.float32(taps)
    for i in range(taps):
        k = (i + 0.5) / taps - 0.5
        r, g, b = look_up(texture, atlas, patch, np.float32(u + k * ux), np.float32(v + k * vx), lod8)
        red, green, blue = red + r * share, green + g * share, blue + b * share
    return red, green, blue
