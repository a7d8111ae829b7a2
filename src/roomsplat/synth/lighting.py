"""Light maps: sky through the windows, sun, lamps, and what the surfaces throw at each other.

Area lights by next-event estimation with jittered strata, indirect light by gathering over cosine-weighted hemispheres
from the light map before (Kajiya 1986, The Rendering Equation; two bounces). Samples are jittered by a hash of node
and number, so the result does not depend on threads. A light map holds irradiance / pi, which times reflectance is
radiance.
"""

# pyright: basic
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from roomsplat.synth.bvh import STACK_SIZE, closest_hit, is_blocked
from roomsplat.synth.jit import in_threads, inner, kernel
from roomsplat.synth.noise import hash01
from roomsplat.synth.packing import Geometry, Surfaces
from roomsplat.synth.surfaces import light_at, point_at

LIFT = 0.004  # m: rays start this far off their surface
INSET = 0.012  # m: nodes keep this distance to the edge of a patch, where the neighbour's wall begins


class Lights(NamedTuple):
    """Everything that shines into the room."""

    windows: NDArray[np.float32]
    """(w, 9) corner, edge along +x, edge along +z, m, of holes in the wall towards +y; light enters along −y."""
    sky: NDArray[np.float32]
    """(3,) radiance of the sky at its brightest."""
    ground: NDArray[np.float32]
    """(3,) radiance of what lies below the horizon."""
    lamps: NDArray[np.float32]
    """(l, 7) centre, radius, intensity in three channels (radiance · m²)."""
    sun: NDArray[np.float32]
    """(6,) unit direction towards it, radiance of a white surface that faces it."""


def node_table(surfaces: Surfaces) -> NDArray[np.int32]:
    """(nodes, 3) patch, column, row of every node of the light maps."""
    table = np.empty((int((surfaces.light[:, 1] * surfaces.light[:, 2]).sum()), 3), np.int32)
    for patch, (first, width, height) in enumerate(surfaces.light):
        part = table[first : first + width * height]
        part[:, 0] = patch
        part[:, 1], part[:, 2] = np.tile(np.arange(width), height), np.repeat(np.arange(height), width)
    return table


def bake_light(
    shadow: Geometry,
    surfaces: Surfaces,
    coarse: Surfaces,
    lights: Lights,
    mean: NDArray[np.float32],
    samples: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two (nodes, 3) maps: the sun's direct light, and all other light (the sun's bounces included).

    ``coarse`` is ``surfaces`` with light maps of larger cells: indirect light varies slowly, and is gathered there.
    """
    table, few = node_table(surfaces), node_table(coarse)
    direct, sun = np.zeros((len(table), 3), np.float32), np.zeros((len(table), 3), np.float32)
    in_threads(
        _direct,
        len(table),
        shadow,
        surfaces,
        lights,
        table,
        max(2, round(math.sqrt(samples) / 2)),
        direct,
        sun,
    )
    total = direct
    for number, rays in enumerate(
        (max(16, samples // 4), samples)
    ):  # the first bounce is seen through the second
        bounced = np.zeros((len(few), 3), np.float32)
        in_threads(_gather, len(few), shadow, surfaces, coarse, mean, few, total + sun, rays, number, bounced)
        total = direct + _spread(surfaces, coarse, table, _smooth(coarse, few, bounced))
    return sun, _smooth(surfaces, table, total)


@inner
def _node_point(surfaces, node, side, out):
    """Position (lifted off the surface) and normal of a light-map node; ``side`` -1 is the back."""
    patch = node[0]
    light, extent = surfaces.light[patch], surfaces.extent[patch]
    inset_u, inset_v = min(INSET / extent[0], 0.1), min(INSET / extent[1], 0.1)
    u = min(max(node[1] / (light[1] - 1), inset_u), 1.0 - inset_u)
    v = min(max(node[2] / (light[2] - 1), inset_v), 1.0 - inset_v)
    point_at(surfaces, patch, u, v, out)
    for k in range(3):
        out[3 + k] *= side
        out[k] += LIFT * out[3 + k]


@inner
def sky_light(shadow, lights, stack, point, salt, strata, out):
    """Add the light of all windows at ``point`` (position, normal) to ``out``."""
    for w in range(len(lights.windows)):
        window = lights.windows[w]
        area = window[3] * window[8]
        for i in range(strata * strata):
            a = (i % strata + hash01(i, w, salt)) / strata
            b = (i // strata + hash01(i, w + 8, salt)) / strata
            dx = window[0] + a * window[3] + b * window[6] - point[0]
            dy = window[1] + a * window[4] + b * window[7] - point[1]
            dz = window[2] + a * window[5] + b * window[8] - point[2]
            squared = dx * dx + dy * dy + dz * dz
            facing = dx * point[3] + dy * point[4] + dz * point[5]
            leaving = dy * area
            if facing <= 0 or leaving <= 0:
                continue
            if _blocked(shadow, stack, point, dx, dy, dz, 0.999):
                continue
            weight = facing * leaving / (squared * squared * strata * strata * math.pi)
            up = min(max(dz / squared**0.5 * 2.5 + 0.35, 0.0), 1.0)
            for k in range(3):
                out[k] += weight * (lights.ground[k] + (lights.sky[k] - lights.ground[k]) * up)


@inner
def lamp_light(shadow, lights, stack, point, salt, samples, out):
    """Add the light of all lamps at ``point`` to ``out``."""
    for lamp in range(len(lights.lamps)):
        for i in range(samples):
            radius = lights.lamps[lamp, 3]
            dx = lights.lamps[lamp, 0] - point[0] + radius * (2 * hash01(i, lamp + 20, salt) - 1)
            dy = lights.lamps[lamp, 1] - point[1] + radius * (2 * hash01(i, lamp + 30, salt) - 1)
            dz = lights.lamps[lamp, 2] - point[2] + radius * (2 * hash01(i, lamp + 40, salt) - 1)
            squared = dx * dx + dy * dy + dz * dz
            facing = dx * point[3] + dy * point[4] + dz * point[5]
            if facing <= 0 or _blocked(shadow, stack, point, dx, dy, dz, 0.999):
                continue
            weight = facing / (max(squared, 0.02) * squared**0.5 * samples * math.pi)
            for k in range(3):
                out[k] += weight * lights.lamps[lamp, 4 + k]


@inner
def _blocked(shadow, stack, point, dx, dy, dz, limit):
    f = np.float32
    return is_blocked(
        shadow.boxes,
        shadow.links,
        shadow.triangles,
        stack,
        f(point[0]),
        f(point[1]),
        f(point[2]),
        f(dx),
        f(dy),
        f(dz),
        f(limit),
    )


@inner
def _sun_reaches(lights, point, spread):
    """Whether the line towards the sun passes through a window, or misses it by less than the sun's disc."""
    for w in range(len(lights.windows)):
        window = lights.windows[w]
        reach = (window[1] - point[1]) / lights.sun[1]
        margin = reach * spread
        x, z = point[0] + reach * lights.sun[0] - window[0], point[2] + reach * lights.sun[2] - window[2]
        if reach > 0 and -margin < x < window[3] + margin and -margin < z < window[8] + margin:
            return True
    return False


@inner
def sun_share(shadow, lights, stack, point, samples, spread):
    """How much of the sun's disc ``point`` sees through the windows, times the cosine; 0 to 1."""
    sx, sy, sz = lights.sun[0], lights.sun[1], lights.sun[2]
    facing = sx * point[3] + sy * point[4] + sz * point[5]
    if facing <= 0 or not _sun_reaches(lights, point, spread):
        return 0.0
    total = 0.0
    for i in range(samples):
        radius, angle = spread * ((i + 0.5) / samples) ** 0.5, 2.399963 * i
        dx, dz = sx + radius * math.cos(angle), sz + radius * math.sin(angle)
        for w in range(len(lights.windows)):
            window = lights.windows[w]
            reach = (window[1] - point[1]) / sy
            x, z = point[0] + reach * dx, point[2] + reach * dz
            inside = window[0] < x < window[0] + window[3] and window[2] < z < window[2] + window[8]
            if reach > 0 and inside:
                if not _blocked(shadow, stack, point, dx, sy, dz, reach * 0.999):
                    total += 1.0
                break
    return facing * total / samples


@kernel
def _direct(start, stop, shadow, surfaces, lights, table, strata, direct, sun):
    stack, point, light = np.empty(STACK_SIZE, np.int32), np.empty(6), np.empty(3)
    for n in range(start, stop):
        light[:] = 0
        if surfaces.glow[table[n, 0]] > 0:
            continue
        sides = 2 if surfaces.material[table[n, 0], 3] else 1
        for side in range(sides):
            _node_point(surfaces, table[n], 1.0 - 2.0 * side, point)
            sky_light(shadow, lights, stack, point, n, strata, light)
            lamp_light(shadow, lights, stack, point, n, 2 * strata, light)
            share = sun_share(shadow, lights, stack, point, 4, 0.02)
            for k in range(3):
                sun[n, k] += np.float32(share * lights.sun[3 + k] / sides)
        for k in range(3):
            direct[n, k] = light[k] / sides


@inner
def _cosine_direction(point, a, b):
    """A direction about the normal, with density cosine / pi, from two numbers in [0, 1) (Duff et al. 2017, basis)."""
    nx, ny, nz = point[3], point[4], point[5]
    sign = 1.0 if nz >= 0 else -1.0
    c = -1.0 / (sign + nz)
    d = nx * ny * c
    radius, angle = a**0.5, 2.0 * math.pi * b
    x, y, z = radius * math.cos(angle), radius * math.sin(angle), max(1.0 - a, 0.0) ** 0.5
    return (
        x * (1.0 + sign * nx * nx * c) + y * d + z * nx,
        x * sign * d + y * (sign + ny * ny * c) + z * ny,
        -x * sign * nx - y * ny + z * nz,
    )


@kernel
def _gather(start, stop, shadow, surfaces, coarse, mean, table, light, samples, salt, out):
    f = np.float32
    strata = int(samples**0.5)
    stack, point = np.empty(STACK_SIZE, np.int32), np.empty(6)
    for n in range(start, stop):
        two_sided = coarse.material[table[n, 0], 3]
        if coarse.glow[table[n, 0]] > 0:
            continue
        red = green = blue = 0.0
        for i in range(strata * strata):
            _node_point(coarse, table[n], -1.0 if two_sided and i & 1 else 1.0, point)
            a = (i % strata + hash01(i, 50 + salt, n)) / strata
            b = (i // strata + hash01(i, 60 + salt, n)) / strata
            dx, dy, dz = _cosine_direction(point, a, b)
            hit, _, b1, b2 = closest_hit(
                shadow.boxes,
                shadow.links,
                shadow.triangles,
                stack,
                f(point[0]),
                f(point[1]),
                f(point[2]),
                f(dx),
                f(dy),
                f(dz),
                f(100.0),
                -1,
            )
            if hit < 0:
                continue
            patch, uv = shadow.patch[hit], shadow.uv[hit]
            if surfaces.glow[patch] > 0:
                continue  # counted as a lamp or as sky
            u, v = uv[0] + b1 * uv[2] + b2 * uv[4], uv[1] + b1 * uv[3] + b2 * uv[5]
            r, g, b = light_at(surfaces, light, patch, u, v)
            red, green, blue = red + r * mean[patch, 0], green + g * mean[patch, 1], blue + b * mean[patch, 2]
        total = strata * strata
        out[n, 0], out[n, 1], out[n, 2] = red / total, green / total, blue / total


@kernel
def _spread(surfaces, coarse, table, light):
    """Light of the coarse nodes, interpolated at the fine ones."""
    out = np.empty((len(table), 3), np.float32)
    for n in range(len(table)):
        patch = table[n, 0]
        u, v = table[n, 1] / (surfaces.light[patch, 1] - 1), table[n, 2] / (surfaces.light[patch, 2] - 1)
        out[n, 0], out[n, 1], out[n, 2] = light_at(coarse, light, patch, u, v)
    return out


@kernel
def _smooth(surfaces, table, light):
    """A 3 × 3 binomial filter within each patch, against the noise of sampling."""
    out = np.empty_like(light)
    for n in range(len(table)):
        first, width, height = surfaces.light[table[n, 0]]
        for k in range(3):
            total, weights = 0.0, 0.0
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    x, y = table[n, 1] + dx, table[n, 2] + dy
                    if 0 <= x < width and 0 <= y < height:
                        weight = (2.0 - abs(dx)) * (2.0 - abs(dy))
                        total += weight * light[first + y * width + x, k]
                        weights += weight
            out[n, k] = total / weights
    return out
