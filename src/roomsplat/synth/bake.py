"""Everything that does not change while a film is shot, computed once: a room ready to be looked at.

Each patch gets a texture that already holds what leaves the surface towards a viewer: reflectance times light, exposed
and tone-mapped, linear in display light, with a chain of halved levels for filtering. A frame is then one ray and one
filtered look-up per pixel.
"""

# pyright: basic
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from roomsplat.synth.bvh import STACK_SIZE
from roomsplat.synth.jit import in_threads, inner, kernel
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
from roomsplat.synth.surfaces import light_at, paint, point_at
from roomsplat.synth.texture import decode_texel, decode_texels, encode_texel

MID_GREY = 0.135  # display light that the room's typical surface is exposed to
BALANCE = 0.75  # share of the light's tint that white balance takes away; some warmth stays
WHITE = 6.0  # exposed radiance that reaches full white
SUN_SAMPLES = 16
SUN_SPREAD = (
    0.012  # rad, radius of the sun's disc; wider than the real one, so that edges are soft over pixels
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
    atlas, rows = np.empty(texels, np.uint64), _row_table(surfaces)
    in_threads(_paint_rows, len(rows), surfaces, rows, int(np.clip(np.ceil(texel / 0.006), 1, 2)), atlas)
    mean = _mean_reflectance(surfaces, atlas)
    sun, light = bake_light(shadow, surfaces, coarse, lights, mean, samples)
    exposure = _exposure(surfaces, light + sun, mean)
    has_sun = np.array([sun[a : a + w * h].any() for a, w, h in surfaces.light])
    in_threads(_light_rows, len(rows), shadow, surfaces, lights, light, has_sun, rows, exposure, atlas)
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
    """(rows, 2) patch and row of every row of every finest texture, shuffled: pieces of equal work."""
    heights = surfaces.texture[:, 0, 2]
    rows = np.concatenate([np.arange(h) for h in heights])
    table = np.stack([np.repeat(np.arange(len(heights)), heights), rows], axis=1)
    return table[np.random.default_rng(0).permutation(len(table))]


def _mean_reflectance(surfaces: Surfaces, atlas: NDArray[np.uint64]) -> NDArray[np.float32]:
    """(p, 3) the mean over 12 × 12 texels of each patch: what light bounces off it."""
    first, width, height = surfaces.texture[:, 0].T[:, :, None]
    steps = (np.arange(12) + 0.5) / 12
    columns, rows = (
        (width * np.tile(steps, 12)).astype(np.int64),
        (height * np.repeat(steps, 12)).astype(np.int64),
    )
    return decode_texels(atlas[first + rows * width + columns]).mean(axis=1)


@inner
def tone_curve(x):
    """Exposed radiance to display light in [0, 1]: Reinhard's extended curve (2002, equation 4), slope 1 at black."""
    x = max(x, 0.0)
    return min(x * (1.0 + x / (WHITE * WHITE)) / (1.0 + 0.72 * x), 1.0)


@kernel
def _paint_rows(start, stop, surfaces, rows, supersample, atlas):
    """Fill the finest textures with reflectance."""
    for r in range(start, stop):
        patch, row = rows[r]
        first, width, height = surfaces.texture[patch, 0]
        share = 1.0 / (supersample * supersample)
        for x in range(width):
            red = green = blue = 0.0
            for i in range(supersample * supersample):
                du, dv = (i % supersample + 0.5) / supersample, (i // supersample + 0.5) / supersample
                r1, g1, b1 = paint(surfaces, patch, (x + du) / width, (row + dv) / height)
                red, green, blue = red + share * r1, green + share * g1, blue + share * b1
            atlas[first + row * width + x] = encode_texel(red, green, blue)


@kernel
def _light_rows(start, stop, shadow, surfaces, lights, light, has_sun, rows, exposure, atlas):
    """Turn reflectance into display light."""
    stack, point = np.empty(STACK_SIZE, np.int32), np.empty(6)
    for r in range(start, stop):
        patch, row = rows[r]
        first, width, height = surfaces.texture[patch, 0]
        glow = surfaces.glow[patch]
        for x in range(width):
            red, green, blue = decode_texel(atlas[first + row * width + x], 1)
            if glow > 0:
                red, green, blue = red * glow, green * glow, blue * glow
            else:
                u, v = (x + 0.5) / width, (row + 0.5) / height
                light_r, light_g, light_b = light_at(surfaces, light, patch, u, v)
                sun = 0.0
                if has_sun[patch]:
                    point_at(surfaces, patch, u, v, point)
                    for k in range(3):
                        point[k] += LIFT * point[3 + k]
                    sun = sun_share(shadow, lights, stack, point, SUN_SAMPLES, SUN_SPREAD)
                red *= exposure[0] * (light_r + sun * lights.sun[3])
                green *= exposure[1] * (light_g + sun * lights.sun[4])
                blue *= exposure[2] * (light_b + sun * lights.sun[5])
            atlas[first + row * width + x] = encode_texel(
                tone_curve(red), tone_curve(green), tone_curve(blue)
            )


@kernel
def _halve(surfaces, atlas):
    """Fill levels 1 and up, each texel the mean of the four (or two, or one) under it."""
    for patch in range(len(surfaces.texture)):
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
