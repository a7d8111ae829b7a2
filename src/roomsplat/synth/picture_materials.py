"""What hangs on the walls and stands behind the windows; the same arguments as in ``building_materials``."""

# pyright: basic
import math

from roomsplat.synth.jit import inner
from roomsplat.synth.noise import (
    floor_int,
    fractal_noise,
    hash01,
    mix,
    scaled,
    smooth_step,
    times,
    tinted,
    value_noise,
)

PAPER = (0.78, 0.75, 0.68)
INK = (0.03, 0.03, 0.035)
GROUND = 4.0  # m above the lower edge of the picture behind the windows


@inner
def painting(s, t, width, height, seed, style, a, b):
    """A picture behind a paper mount. Style 0 hills, 1 shapes, 2 flowers in a vase, 3 sea, 4 a map, 5 a portrait."""
    mount = 0.045 if style in (1, 2, 4) else 0.0
    if min(min(s, width - s), min(t, height - t)) < mount:
        return scaled(PAPER, 0.97 + 0.05 * value_noise(s * 80.0, t * 80.0, seed))
    u, v = (s - mount) / (width - 2 * mount), (t - mount) / (height - 2 * mount)
    aspect = (width - 2 * mount) / (height - 2 * mount)
    if style == 0:
        color = _hills(u * aspect, v, seed, a, b)
    elif style == 1:
        color = _shapes(u * aspect, v, aspect, seed, a, b)
    elif style == 2:
        color = _flowers((u - 0.5) * aspect, v, seed, a, b)
    elif style == 3:
        color = _sea(u * aspect, v, seed, a, b)
    elif style == 4:
        color = _map(u * aspect, v, seed, a, b)
    else:
        color = _portrait((u - 0.5) * aspect, v, seed, a, b)
    stroke = fractal_noise(s * 70.0 + 6.0 * value_noise(s * 9, t * 9, seed), t * 110.0, seed + 50, 2)
    return scaled(color, 0.86 + 0.28 * stroke)


@inner
def _hills(x, v, seed, a, b):
    color = mix(
        (0.80, 0.58, 0.33),
        (0.20, 0.33, 0.52),
        smooth_step(0.35, 1.0, v + 0.15 * fractal_noise(x * 3, v * 7, seed, 4)),
    )
    cloud = smooth_step(0.5, 0.7, fractal_noise(x * 2.5, v * 6.0, seed + 1, 5)) * smooth_step(0.4, 0.7, v)
    color = mix(color, (0.82, 0.74, 0.66), 0.8 * cloud)
    sun = (x - 0.35 - 0.5 * hash01(1, 1, seed)) ** 2 + (v - 0.72) ** 2
    color = mix(color, (0.95, 0.80, 0.45), smooth_step(0.007, 0.005, sun))
    for i in range(5):
        ridge = (
            0.56
            - 0.12 * i
            + (0.22 - 0.02 * i) * (fractal_noise(x * (1.6 + 0.7 * i) + 7.0 * i, 0.5, seed + 3 + i, 5) - 0.5)
        )
        tone = mix((0.33, 0.42, 0.50), scaled(b if i & 1 else a, 0.9), 0.25 * i)
        patch = 0.7 + 0.6 * fractal_noise(x * 14.0, v * 20.0, seed + 20 + i, 4)
        color = mix(color, scaled(tone, patch), smooth_step(ridge + 0.006, ridge - 0.006, v))
    return color


@inner
def _shapes(x, v, aspect, seed, a, b):
    color = mix(PAPER, b, 0.12)
    for i in range(9):
        cx, cv = aspect * hash01(i, 1, seed), hash01(i, 2, seed)
        size, pick = 0.10 + 0.22 * hash01(i, 3, seed), hash01(i, 5, seed)
        angle = 3.14 * hash01(i, 4, seed)
        dx, dv = x - cx, v - cv
        rx, rv = dx * math.cos(angle) + dv * math.sin(angle), dv * math.cos(angle) - dx * math.sin(angle)
        distance = (dx * dx + dv * dv) ** 0.5 if i % 3 == 0 else max(abs(rx), abs(rv) * (1.5 + 3.0 * pick))
        tone = times(a if pick < 0.4 else (b if pick < 0.75 else (0.75, 0.52, 0.16)), tinted(i, 6, seed, 0.5))
        if i % 4 == 3:
            tone = INK
        color = mix(color, tone, 0.92 * smooth_step(size, size - 0.008, distance))
    return color


@inner
def _flowers(x, v, seed, a, b):
    color = scaled(
        mix(a, scaled(a, 0.45), smooth_step(0.0, 0.9, abs(x) + abs(v - 0.5))),
        0.8 + 0.4 * fractal_noise(x * 5, v * 5, seed, 4),
    )
    if v < 0.22:
        color = scaled((0.42, 0.27, 0.15), 0.8 + 0.4 * value_noise(x * 6.0, v * 60.0, seed + 1))
    half = 0.10 + 0.08 * math.sin(min(max((v - 0.12) / 0.33, 0.0), 1.0) * 3.1)
    if 0.12 < v < 0.45:
        light = 1.1 - 1.6 * abs(x + 0.05) / half * 0.4
        color = mix(color, scaled(b, light), smooth_step(half, half - 0.01, abs(x)))
    for i in range(16):
        cx, cv = 0.62 * (hash01(i, 1, seed) - 0.5), 0.50 + 0.38 * hash01(i, 2, seed)
        dx, dv = x - cx, v - cv
        angle, radius = math.atan2(dv, dx), (dx * dx + dv * dv) ** 0.5
        size = (0.055 + 0.05 * hash01(i, 3, seed)) * (0.8 + 0.2 * math.cos(angle * 6.0 + i))
        pick = hash01(i, 4, seed)
        tone = (
            (0.70, 0.16, 0.12) if pick < 0.35 else ((0.80, 0.60, 0.18) if pick < 0.6 else (0.74, 0.66, 0.62))
        )
        if pick > 0.85:
            tone = (0.10, 0.22, 0.08)
        color = mix(color, scaled(tone, 0.65 + 5.0 * radius), smooth_step(size, size - 0.01, radius))
        color = mix(color, (0.25, 0.12, 0.03), smooth_step(0.016, 0.010, radius))
    return color


@inner
def _sea(x, v, seed, a, b):
    sky = mix((0.72, 0.66, 0.58), (0.25, 0.38, 0.52), smooth_step(0.5, 1.0, v))
    sky = mix(sky, (0.85, 0.82, 0.78), 0.9 * smooth_step(0.48, 0.7, fractal_noise(x * 2.0, v * 5.0, seed, 5)))
    depth = max(0.52 - v, 0.004)
    wave = fractal_noise(x / (0.2 + depth * 2.0), 1.0 / (0.1 + depth) * 4.0, seed + 1, 4)
    water = mix(scaled(a, 0.8), (0.62, 0.68, 0.66), smooth_step(0.5, 0.75, wave))
    color = mix(water, sky, smooth_step(0.517, 0.523, v))
    sail_x, sail_v = x - 0.6, v - 0.5
    if 0.0 < sail_v < 0.24 and -0.10 * (1 - sail_v / 0.24) < sail_x < 0.05 * (1 - sail_v / 0.24):
        color = (0.80, 0.76, 0.68)
    if -0.035 < sail_v < 0.0 and abs(sail_x + 0.02) < 0.12 + sail_v:
        color = (0.12, 0.06, 0.04)
    return color


@inner
def _map(x, v, seed, a, b):
    height = fractal_noise(x * 2.2, v * 2.2, seed, 6)
    color = mix((0.36, 0.50, 0.55), (0.66, 0.60, 0.40), smooth_step(0.485, 0.49, height))
    color = mix(color, (0.44, 0.30, 0.16), smooth_step(0.52, 0.68, height))
    contour = abs((height * 26.0) % 1.0 - 0.5)
    color = mix(color, scaled(color, 0.6), smooth_step(0.10, 0.03, contour))
    line = min(abs((x * 6.0) % 1.0 - 0.5), abs((v * 6.0) % 1.0 - 0.5))
    return mix(color, INK, 0.5 * smooth_step(0.02, 0.008, line))


@inner
def _portrait(x, v, seed, a, b):
    color = scaled(mix(scaled(a, 0.4), a, fractal_noise(x * 4.0, v * 4.0, seed, 4)), 0.9)
    body = (x / 0.42) ** 2 + ((v - 0.02) / 0.42) ** 2
    color = mix(
        color, scaled(b, 0.5 + 0.5 * fractal_noise(x * 12, v * 12, seed + 1, 3)), smooth_step(1.0, 0.96, body)
    )
    skin = scaled((0.62, 0.40, 0.28), 1.05 + 0.9 * x)
    neck = max(abs(x) / 0.07, abs(v - 0.45) / 0.09)
    color = mix(color, scaled(skin, 0.75), smooth_step(1.0, 0.9, neck))
    hair = (x / 0.19) ** 2 + ((v - 0.66) / 0.22) ** 2
    color = mix(
        color,
        scaled((0.16, 0.09, 0.05), 0.6 + 0.8 * value_noise(x * 60, v * 8, seed + 2)),
        smooth_step(1.0, 0.93, hair),
    )
    face = (x / 0.135) ** 2 + ((v - 0.61) / 0.18) ** 2
    color = mix(color, skin, smooth_step(1.0, 0.93, face))
    eye = ((abs(x) - 0.052) / 0.022) ** 2 + ((v - 0.635) / 0.011) ** 2
    color = mix(color, INK, 0.9 * smooth_step(1.0, 0.6, eye))
    brow = ((abs(x) - 0.052) / 0.035) ** 2 + ((v - 0.668) / 0.007) ** 2
    color = mix(color, (0.14, 0.08, 0.05), 0.8 * smooth_step(1.0, 0.6, brow))
    mouth = (x / 0.045) ** 2 + ((v - 0.525) / 0.011) ** 2
    color = mix(color, (0.45, 0.12, 0.10), 0.8 * smooth_step(1.0, 0.6, mouth))
    return mix(
        color,
        scaled(skin, 0.7),
        0.7
        * smooth_step(0.018, 0.008, abs(x - 0.01 - 0.1 * (0.64 - v)))
        * smooth_step(0.56, 0.57, v)
        * smooth_step(0.64, 0.62, v),
    )


@inner
def poster(s, t, width, height, seed, style, a, b):
    """A printed sheet: a headline, a picture, columns of type."""
    u, v = s / width, t / height
    color = scaled(PAPER, 0.96 + 0.06 * fractal_noise(s * 8.0, t * 8.0, seed, 3))
    if 0.08 < u < 0.92 and 0.42 < v < 0.80:
        return _shapes((u - 0.08) * 1.4, (v - 0.42) / 0.38, 1.18, seed, a, b)
    if 0.08 < u < 0.92 and 0.84 < v < 0.94:
        cell = floor_int(u * 14.0)
        x = u * 14.0 - cell
        if (
            hash01(cell, 1, seed) > 0.15
            and (x < 0.3 or abs((v - 0.84) / 0.10 - hash01(cell, 2, seed)) < 0.14)
            and x < 0.85
        ):
            return a
    line = floor_int(v * 38.0)
    in_column = 0.08 < u < 0.92 and 0.08 < v < 0.38 and abs(u - 0.5) > 0.02 and 0.3 < v * 38.0 - line < 0.75
    if in_column and hash01(floor_int(u * 70.0), line, seed) > 0.3:
        return mix(color, INK, 0.75)
    return color


@inner
def clock_face(s, t, width, height, seed, style, a, b):
    """A wall clock at ten past ten."""
    x, y = s / width * 2.0 - 1.0, t / height * 2.0 - 1.0
    radius, angle = (x * x + y * y) ** 0.5, math.atan2(x, y)
    color = scaled(PAPER, 1.02 - 0.1 * radius)
    hour = abs(((angle / 6.2831853 * 12.0) + 60.5) % 1.0 - 0.5)
    if 0.78 < radius < 0.93 and hour < 0.09:
        color = INK
    minute = abs(((angle / 6.2831853 * 60.0) + 60.5) % 1.0 - 0.5)
    if 0.88 < radius < 0.93 and minute < 0.12:
        color = INK
    for i in range(2):
        turn, length = (-1.02, 0.5) if i == 0 else (1.05, 0.74)
        along, across = x * math.sin(turn) + y * math.cos(turn), x * math.cos(turn) - y * math.sin(turn)
        if -0.1 < along < length and abs(across) < 0.045 - 0.02 * i:
            color = INK
    return a if radius > 0.96 or radius < 0.05 else color


@inner
def outdoors(s, t, width, height, seed, style, a, b):
    """The view from the window: lawn, hedge, two houses, trees, hills, clouds. Radiance relative to white in the sun.

    The ground's far edge lies at t = ``GROUND``.
    """
    haze = (0.62, 0.72, 0.86)
    color = mix((0.88, 0.91, 0.95), (0.36, 0.56, 0.88), smooth_step(GROUND + 2.0, height, t))
    cloud = fractal_noise(s * 0.13, t * 0.3, seed, 5)
    color = mix(color, (1.0, 0.99, 0.97), 0.85 * smooth_step(0.45, 0.68, cloud))
    hill = GROUND + 0.6 + 3.0 * fractal_noise(s * 0.07, 0.0, seed + 1, 4)
    wood = scaled(
        mix(haze, (0.16, 0.24, 0.08), 0.80), 0.55 + 0.9 * fractal_noise(s * 1.1, t * 2.1, seed + 2, 4)
    )
    color = mix(color, wood, smooth_step(hill + 0.08, hill - 0.08, t))
    for i in range(2):
        color = _house(s - width * (0.40 + 0.16 * i), t - GROUND - 0.3, seed + 40 * i, color)
    for i in range(18):
        color = _tree(s, t, width * (i + 0.2 + 0.6 * hash01(i, 1, seed)) / 18.0, seed + 60 * i, color)
    hedge = GROUND + 0.75 + 0.5 * fractal_noise(s * 1.2, 0.0, seed + 30, 3)
    green = scaled((0.13, 0.19, 0.05), 0.4 + 1.0 * fractal_noise(s * 4.5, t * 4.5, seed + 31, 4))
    color = mix(color, green, smooth_step(hedge, hedge - 0.1, t))
    grass = scaled((0.24, 0.33, 0.09), 0.6 + 0.7 * fractal_noise(s * 1.5, t * 5.0, seed + 32, 4))
    return mix(color, grass, smooth_step(GROUND + 0.05, GROUND - 0.05, t))


@inner
def _tree(s, t, center, seed, color):
    """A round tree about s = ``center``."""
    size = 1.3 + 1.5 * hash01(2, 2, seed)
    ds, dt = (s - center) / size, (t - GROUND - 1.7 * size) / (1.25 * size)
    if abs(ds) > 1.5 or abs(dt) > 1.8:
        return color
    if abs(ds) < 0.10 and dt < 0.0 and t > GROUND:
        color = (0.10, 0.07, 0.05)
    crown = ds * ds + dt * dt + 0.9 * (fractal_noise(s * 1.9, t * 1.9, seed + 5, 5) - 0.5)
    leaves = 0.45 + 0.9 * fractal_noise(s * 3.6, t * 3.6, seed + 15, 4) + 0.2 * dt
    green = mix((0.10, 0.17, 0.045), (0.25, 0.27, 0.06), hash01(3, 3, seed))
    return mix(color, scaled(green, leaves), smooth_step(0.62, 0.5, crown))


@inner
def _house(x, y, seed, color):
    """A gabled house 5 m wide whose foot stands at (0, 0)."""
    if y < 0.0 or abs(x) > 2.9 or y > 5.6:
        return color
    if y > 3.4:
        if abs(x) < 2.9 - (y - 3.4) * 0.5 and y < 5.2:
            tile = 0.75 + 0.5 * hash01(
                floor_int(x * 4.0 + 0.5 * (floor_int(y * 5.0) & 1)), floor_int(y * 5.0), seed
            )
            return scaled((0.33, 0.13, 0.09), tile)
        return color
    if abs(x) > 2.5:
        return color
    wx, wy = (x + 2.5) % 1.25 - 0.625, y % 1.7 - 0.95
    if abs(wx) < 0.36 and abs(wy) < 0.52:
        frame = abs(wx) > 0.29 or abs(wy) > 0.45 or abs(wx) < 0.03 or abs(wy) < 0.03
        return (0.8, 0.78, 0.74) if frame else (0.10, 0.14, 0.18)
    return scaled((0.62, 0.52, 0.40), 0.88 + 0.24 * fractal_noise(x * 4.0, y * 9.0, seed, 3))
