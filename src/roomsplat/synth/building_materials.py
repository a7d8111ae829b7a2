"""What walls, floors and furniture are made of: linear reflectance at (s, t) in metres on a surface.

Every function takes (s, t, width, height, seed, style, a, b): the place, the surface's size in m, and two colours.
Detail stays between about 3 mm and 1 m: finer grain would be noise to a camera and no splat could hold it.
"""

# pyright: basic

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


@inner
def plaster(s, t, width, height, seed, style, a, b):
    """Rolled paint on plaster: mottling, trowel marks, small dents, a few hairline cracks."""
    tone = 1.0 + 0.09 * (fractal_noise(s * 1.7, t * 1.7, seed, 3) - 0.5)
    tone += 0.10 * (fractal_noise(s * 11.0, t * 7.0, seed + 5, 3) - 0.5)
    tone += 0.07 * (value_noise(s * 90.0, t * 90.0, seed + 9) - 0.5)
    cell_s, cell_t = floor_int(s * 11.0), floor_int(t * 11.0)
    if hash01(cell_s, cell_t, seed + 11) < 0.22:
        ds = s * 11.0 - cell_s - 0.25 - 0.5 * hash01(cell_s, cell_t, seed + 12)
        dt = t * 11.0 - cell_t - 0.25 - 0.5 * hash01(cell_s, cell_t, seed + 13)
        size = 0.03 + 0.09 * hash01(cell_s, cell_t, seed + 14)
        dent = smooth_step(size * size, 0.0, ds * ds + dt * dt * (1.0 + hash01(cell_s, cell_t, seed + 15)))
        tone -= 0.14 * dent
    crack = abs(fractal_noise(s * 0.9, t * 1.3, seed + 21, 5) - 0.5)
    where = smooth_step(0.55, 0.75, value_noise(s * 0.8, t * 0.8, seed + 25))
    tone -= 0.25 * where * smooth_step(0.004, 0.0, crack)
    return mix(
        scaled(a, tone), b, 0.25 * smooth_step(0.62, 0.8, fractal_noise(s * 0.6, t * 0.9, seed + 31, 3))
    )


@inner
def brick(s, t, width, height, seed, style, a, b):
    """Old bricks in running bond, 21 × 6.5 cm, no two alike; style 1 wears off a coat of whitewash."""
    s += 0.008 * (value_noise(s * 14.0, t * 14.0, seed) - 0.5)
    t += 0.007 * (value_noise(s * 12.0, t * 12.0, seed + 1) - 0.5)
    row = floor_int(t / 0.077)
    shifted = s / 0.225 + 0.5 * (row & 1) + 0.12 * (hash01(row, 0, seed) - 0.5)
    column = floor_int(shifted)
    ds, dt = (shifted - column) * 0.225, t - row * 0.077
    edge = min(min(ds, 0.225 - ds), min(dt, 0.077 - dt))
    rough = 0.75 + 0.5 * fractal_noise(s * 45.0, t * 45.0, seed + 3, 3)
    body = times(mix(a, b, hash01(column, row, seed + 4)), tinted(column, row, seed + 5, 0.28))
    spot = smooth_step(0.58, 0.75, fractal_noise(s * 22.0 + 9.0 * row, t * 22.0, seed + 8, 3))
    body = scaled(body, rough * (1.0 - 0.35 * spot))
    grain = 0.85 + 0.3 * value_noise(s * 160.0, t * 160.0, seed + 9)
    mortar = scaled((0.52, 0.49, 0.44), grain * (0.8 + 0.4 * fractal_noise(s * 6.0, t * 6.0, seed + 2, 2)))
    k = smooth_step(0.004, 0.008, edge)
    result = scaled(mix(mortar, body, k), 1.0 - 0.3 * smooth_step(0.003, 0.0, abs(edge - 0.005)))
    if style == 1:
        coat = smooth_step(0.36, 0.52, fractal_noise(s * 2.6, t * 2.6, seed + 41, 5) + 0.10 * (k - 0.5))
        result = mix(result, scaled((0.76, 0.73, 0.68), rough * (0.82 + 0.18 * k)), coat * 0.86)
    return result


@inner
def wood_grain(s, t, seed, a, b, strength):
    """Boards' fibre along s: broad cathedral figure, streaks, pores."""
    bend = 0.05 * (fractal_noise(s * 1.1, t * 4.0, seed, 2) - 0.5)
    figure = value_noise(s * 0.7, (t + bend) * 38.0, seed + 1)
    streak = fractal_noise(s * 2.2, (t + bend) * 95.0, seed + 2, 3)
    pore = value_noise(s * 26.0, t * 330.0, seed + 3)
    k = min(
        max(0.5 + strength * (0.9 * (figure - 0.5) + 0.9 * (streak - 0.5) + 0.25 * (pore - 0.5)), 0.0), 1.0
    )
    return mix(a, b, k)


@inner
def knots(s, t, seed, color):
    """Now and then a knot: dark rings in an ellipse, one cell of 0.45 × 0.12 m at a time."""
    cell_s, cell_t = floor_int(s / 0.45), floor_int(t / 0.12)
    if hash01(cell_s, cell_t, seed) > 0.24:
        return color
    ds = s - (cell_s + 0.3 + 0.4 * hash01(cell_s, cell_t, seed + 1)) * 0.45
    dt = t - (cell_t + 0.4 + 0.2 * hash01(cell_s, cell_t, seed + 2)) * 0.12
    radius = (0.25 * ds * ds + dt * dt) ** 0.5 * (0.8 + 0.5 * value_noise(s * 40.0, t * 40.0, seed + 3))
    size = 0.010 + 0.012 * hash01(cell_s, cell_t, seed + 4)
    ring = 0.75 + 0.25 * smooth_step(0.3, 0.7, (radius * 260.0) % 1.0)
    return mix(color, scaled(color, 0.38 * ring), smooth_step(size * 1.3, size * 0.6, radius))


@inner
def planks(s, t, width, height, seed, style, a, b):
    """Floor boards 12 cm wide, each its own tone and grain, gaps between them, worn a little."""
    row = floor_int(t / 0.12)
    along = s + 3.0 * hash01(row, 0, seed)
    board = floor_int(along / 1.35)
    dt, ds = t - row * 0.12, along - board * 1.35
    own = seed + 31 * (row + 977) + 17 * (board + 411)
    color = wood_grain(along + 5.0 * hash01(row, board, seed + 1), t, own, a, b, 0.95)
    color = times(knots(along, t, own + 5, color), tinted(row, board, seed + 2, 0.22))
    gap = min(min(dt, 0.12 - dt), min(ds, 1.35 - ds))
    color = scaled(color, 0.32 + 0.68 * smooth_step(0.0008, 0.0034, gap))
    wear = fractal_noise(s * 1.3, t * 1.3, seed + 60, 4)
    return scaled(color, 0.88 + 0.24 * wear)


@inner
def wood(s, t, width, height, seed, style, a, b):
    """Furniture timber with its grain along s; style 1 is painted and only hints at it."""
    color = wood_grain(s, t, seed, a, b, 0.35 if style == 1 else 0.9)
    if style != 1:
        color = knots(s * 1.3, t * 1.3, seed + 90, color)
    edge = min(min(s % 10.0, t % 10.0), 1.0)
    return scaled(color, (0.94 + 0.12 * fractal_noise(s * 5.0, t * 5.0, seed + 70, 3)) * (0.97 + 0.03 * edge))


@inner
def panelled_door(s, t, width, height, seed, style, a, b):
    """A painted door with four sunk panels; light falls on their bevels from above."""
    color = wood_grain(t, s, seed, a, scaled(a, 0.86), 0.8)
    for i in range(4):
        low_s = 0.12 * width if i & 1 == 0 else 0.55 * width
        high_s = low_s + 0.33 * width
        low_t, high_t = (0.10 * height, 0.42 * height) if i < 2 else (0.50 * height, 0.93 * height)
        inside = min(min(s - low_s, high_s - s), min(t - low_t, high_t - t))
        if inside > 0.0:
            bevel = smooth_step(0.035, 0.030, inside)
            from_top = high_t - t < 0.035 or s - low_s < 0.035
            color = scaled(color, 1.0 + bevel * (-0.28 if from_top else 0.14))
            color = scaled(color, 1.0 - 0.3 * smooth_step(0.005, 0.0, abs(inside - 0.033)))
    scuff = smooth_step(0.6, 0.8, fractal_noise(s * 7.0, t * 7.0, seed + 3, 4)) * smooth_step(0.9, 0.0, t)
    return scaled(color, (0.95 + 0.1 * fractal_noise(s * 3.0, t * 3.0, seed + 4, 4)) * (1.0 - 0.25 * scuff))


@inner
def _leaf(ds, dt, angle_cos, angle_sin, length, fatness):
    """1 inside a pointed leaf that starts at the origin, and how far from its midrib (0 to 1)."""
    along = (ds * angle_cos + dt * angle_sin) / length
    across = (-ds * angle_sin + dt * angle_cos) / length
    if along <= 0.0 or along >= 1.0:
        return 0.0, 1.0
    half = fatness * 4.0 * along * (1.0 - along) * (1.25 - 0.5 * along)
    return smooth_step(half, half - 0.05, abs(across)), min(abs(across) / max(half, 1e-4), 1.0)


@inner
def wallpaper(s, t, width, height, seed, style, a, b):
    """Printed paper: curling twigs with leaves and berries, drawn anew in every cell of 21 cm."""
    color = scaled(a, 0.97 + 0.06 * value_noise(s * 120.0, t * 120.0, seed))
    stripe = smooth_step(0.004, 0.0, abs((s % 0.105) - 0.0525))
    color = mix(color, b, 0.10 * stripe)
    for i in range(9):
        cell_s, cell_t = floor_int(s / 0.21) + i % 3 - 1, floor_int(t / 0.21) + i // 3 - 1
        ds = s - (cell_s + 0.25 + 0.5 * hash01(cell_s, cell_t, seed + 1)) * 0.21
        dt = t - (cell_t + 0.25 + 0.5 * hash01(cell_s, cell_t, seed + 2)) * 0.21
        shade = times(b, tinted(cell_s, cell_t, seed + 3, 0.35))
        cos, sin = hash01(cell_s, cell_t, seed + 4) * 2.0 - 1.0, 0.7 + 0.3 * hash01(cell_s, cell_t, seed + 5)
        norm = (cos * cos + sin * sin) ** 0.5
        cos, sin = cos / norm, sin / norm
        for leaf in range(5):
            turn = (leaf - 2) * 0.62
            c, n = 1.0 - 0.5 * turn * turn * 0.85, turn * 0.93
            length = (c * c + n * n) ** 0.5
            c, n = c / length, n / length
            size = 0.075 + 0.035 * hash01(cell_s * 5 + leaf, cell_t, seed + 6)
            inside, rib = _leaf(ds, dt, cos * c - sin * n, sin * c + cos * n, size, 0.20)
            tone = 0.8 + 0.4 * rib if leaf & 1 else 1.15 - 0.3 * rib
            color = mix(color, scaled(shade, tone), 0.85 * inside)
        berry = (ds + 0.03 * cos) ** 2 + (dt + 0.03 * sin) ** 2
        color = mix(color, (0.42, 0.13, 0.08), 0.75 * smooth_step(0.011 * 0.011, 0.008 * 0.008, berry))
    return scaled(color, 0.95 + 0.1 * fractal_noise(s * 1.1, t * 1.1, seed + 8, 3))
