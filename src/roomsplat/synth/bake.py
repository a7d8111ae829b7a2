"""Everything that does not change while a film is shot, computed once: a room ready to be looked at.

Each patch gets a texture that already holds what leaves the surface towards a viewer: reflectance times light, exposed
and tone-mapped, linear in display light, with a chain of halved levels for filtering. A frame is then one ray and one
filtered look-up per pixel.
"""

# pyright: basic
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from roomsplat.synth.bvh import STACK_SIZE
from roomsplat.synth.lighting import LIFT, Lights, bake_light, sun_share
from roomsplat.synth.packing import (
    LEVELS,
    Mesh,
    Surfaces,
    light_maps,
    pack_geometry,
    pack_mesh,
    pack_surfaces,
)
from roomsplat.synth.patches import Patch
from roomsplat.synth.surfaces import light_at, mean_reflectance, paint, point_at
from roomsplat.synth.texture import decode_texel, encode_texel

MID_GREY = 0.135  # display light that the room's typical surface is exposed to
BALANCE = 0.75  # share of the light's tint that white balance takes away; some warmth stays
WHITE = 6.0  # exposed radiance that reaches full white
SUN_SAMPLES = 16
SUN_SPREAD = (
    0.012  # radius of the sun's disc, rad; wider than the real one, so that edges are soft over pixels
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BakedRoom:
    """A lit room; render it with ``synth.trace``."""

    mesh: Mesh
    surfaces: Surfaces
    atlas: NDArray[np.uint64]
    """(texels,) display light as ``synth.texture`` packs it; all patches and levels one after another."""


def bake_room(
    patches: Sequence[Patch],
    lights: Lights,
    *,
    texel: float,
    light_step: float,
    samples: int,
    moving: Sequence[Patch] = (),
) -> BakedRoom:
    """Light and paint ``patches``; ``texel`` and ``light_step`` in m, ``samples`` rays per node of a light map.

    ``moving`` patches are lit where they stand and painted, but neither shade the others nor show until
    ``with_moving`` puts them somewhere.
    """
    fixed, patches = patches, [*patches, *moving]
    surfaces, texels = pack_surfaces(patches, texel, light_maps(patches, light_step))
    coarse = surfaces._replace(light=light_maps(patches, 2 * light_step))
    shadow = pack_geometry(pack_mesh(fixed, shadow=True))
    mean = mean_reflectance(surfaces)
    sun, light = bake_light(shadow, surfaces, coarse, lights, mean, samples)
    exposure = _exposure(surfaces, light + sun, mean)
    atlas = np.empty(texels, np.uint64)
    has_sun = np.array([sun[a : a + w * h].any() for a, w, h in surfaces.light])
    supersample = int(np.clip(np.ceil(texel / 0.006), 1, 2))
    _paint_rows(shadow, surfaces, lights, light, has_sun, _row_table(surfaces), exposure, supersample, atlas)
    _halve(surfaces, atlas)
    return BakedRoom(mesh=pack_mesh(fixed, shadow=False), surfaces=surfaces, atlas=atlas)


def with_moving(room: BakedRoom, moving: Sequence[Patch]) -> BakedRoom:
    """The room with the ``moving`` patches it was baked with shown where they are now."""
    mesh = pack_mesh(moving, shadow=False)
    first = len(room.surfaces.material) - len(moving)
    return replace(
        room,
        mesh=Mesh(
            triangles=np.concatenate([room.mesh.triangles, mesh.triangles]),
            patch=np.concatenate([room.mesh.patch, mesh.patch + np.int32(first)]),
            uv=np.concatenate([room.mesh.uv, mesh.uv]),
        ),
    )


def _exposure(
    surfaces: Surfaces, light: NDArray[np.float32], mean: NDArray[np.float32]
) -> NDArray[np.float64]:
    """(3,) gain per channel as a camera sets it: by the geometric mean over the lit area, white balance in part."""
    total, tint, area = 0.0, np.zeros(3), 0.0
    for patch, (first, width, height) in enumerate(surfaces.light):
        if surfaces.glow[patch] > 0:
            continue
        nodes = light[first : first + width * height].astype(np.float64)
        weight = float(surfaces.extent[patch, 0] * surfaces.extent[patch, 1])
        total += weight * float(np.log(nodes.mean(axis=1) * mean[patch].mean() + 1e-3).mean())
        tint += weight * nodes.mean(axis=0)
        area += weight
    balance = (tint.mean() / tint) ** BALANCE
    return MID_GREY / np.exp(total / area) * balance


def _row_table(surfaces: Surfaces) -> NDArray[np.int64]:
    """(rows, 2) patch and row of every row of every finest texture: the unit of parallel work."""
    heights = surfaces.texture[:, 0, 2]
    rows = np.concatenate([np.arange(h) for h in heights])
    return np.stack([np.repeat(np.arange(len(heights)), heights), rows], axis=1)


@njit(cache=True, error_model="numpy")
def tone_curve(x):
    """Exposed radiance to display light in [0, 1]: Reinhard's extended curve (2002, equation 4), slope 1 at black."""
    x = max(x, 0.0)
    return min(x * (1.0 + x / (WHITE * WHITE)) / (1.0 + 0.72 * x), 1.0)


@njit(cache=True, error_model="numpy", parallel=True)
def _paint_rows(shadow, surfaces, lights, light, has_sun, rows, exposure, supersample, atlas):
    for r in prange(len(rows)):
        patch, row = rows[r]
        first, width, height = surfaces.texture[patch, 0]
        stack, point, total = np.empty(STACK_SIZE, np.int32), np.empty(6), np.empty(3)
        glow = surfaces.glow[patch]
        share = 1.0 / (supersample * supersample)
        for x in range(width):
            u, v = (x + 0.5) / width, (row + 0.5) / height
            red, green, blue = glow, glow, glow
            if glow == 0:
                red, green, blue = light_at(surfaces, light, patch, u, v)
                if has_sun[patch]:
                    point_at(surfaces, patch, u, v, point)
                    for k in range(3):
                        point[k] += LIFT * point[3 + k]
                    sun = sun_share(shadow, lights, stack, point, SUN_SAMPLES, SUN_SPREAD)
                    red, green, blue = (
                        red + sun * lights.sun[3],
                        green + sun * lights.sun[4],
                        blue + sun * lights.sun[5],
                    )
            total[:] = 0.0
            for i in range(supersample * supersample):
                du, dv = (i % supersample + 0.5) / supersample, (i // supersample + 0.5) / supersample
                color = paint(surfaces, patch, (x + du) / width, (row + dv) / height)
                total[0] += color[0] * red * share
                total[1] += color[1] * green * share
                total[2] += color[2] * blue * share
            for k in range(3):
                total[k] = tone_curve(total[k] * (exposure[k] if glow == 0 else 1.0))
            atlas[first + row * width + x] = encode_texel(total[0], total[1], total[2])


@njit(cache=True, error_model="numpy", parallel=True)
def _halve(surfaces, atlas):
    """Fill levels 1 and up, each texel the mean of the four (or two, or one) under it."""
    for patch in prange(len(surfaces.texture)):
        for level in range(1, LEVELS):
            source, wide, high = surfaces.texture[patch, level - 1]
            first, width, height = surfaces.texture[patch, level]
            for y in range(height):
                for x in range(width):
                    x1, y1 = min(2 * x + 1, wide - 1), min(2 * y + 1, high - 1)
                    red = green = blue = 0.0
                    for at in (2 * y * wide + 2 * x, 2 * y * wide + x1, y1 * wide + 2 * x, y1 * wide + x1):
                        r, g, b = decode_texel(atlas[source + at], 1)
                        red, green, blue = red + 0.25 * r, green + 0.25 * g, blue + 0.25 * b
                    atlas[first + y * width + x] = encode_texel(red, green, blue)
