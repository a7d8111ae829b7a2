"""What things in a room are covered with; the same arguments as in ``building_materials``."""

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

INK = (0.03, 0.03, 0.035)
CREAM = (0.72, 0.66, 0.53)


@inner
def fabric(s, t, width, height, seed, style, a, b):
    """Woven cloth. Style 0 plain melange, 1 stripes, 2 checks, 3 dots, 4 diamonds."""
    color = a
    ws, wt = s + 0.004 * value_noise(s * 20, t * 20, seed), t + 0.004 * value_noise(s * 20, t * 20, seed + 1)
    if style == 1:
        k = (ws / 0.055) % 1.0
        color = mix(a, b, smooth_step(0.0, 0.06, k) * smooth_step(0.42, 0.36, k))
        color = mix(color, b, smooth_step(0.04, 0.0, abs(k - 0.68)))
    elif style == 2:
        k = smooth_step(0.46, 0.5, (ws / 0.07) % 1.0) + smooth_step(0.46, 0.5, (wt / 0.07) % 1.0)
        color = mix(a, b, 0.45 * k)
        line = min(abs((ws / 0.07) % 1.0 - 0.75), abs((wt / 0.07) % 1.0 - 0.75))
        color = mix(color, CREAM, 0.5 * smooth_step(0.05, 0.02, line))
    elif style == 3:
        row = floor_int(wt / 0.05)
        ds, dt = (ws / 0.05 + 0.5 * (row & 1)) % 1.0 - 0.5, (wt / 0.05) % 1.0 - 0.5
        color = mix(a, b, smooth_step(0.26 * 0.26, 0.2 * 0.2, ds * ds + dt * dt))
    elif style == 4:
        d = abs((ws / 0.11) % 1.0 - 0.5) + abs((wt / 0.11) % 1.0 - 0.5)
        color = mix(mix(a, b, smooth_step(0.42, 0.45, d)), CREAM, smooth_step(0.05, 0.03, abs(d - 0.27)))
    slub = value_noise(s * 35.0, t * 240.0, seed + 2) + value_noise(s * 240.0, t * 35.0, seed + 3) - 1.0
    tone = 1.0 + 0.26 * slub + 0.22 * (fractal_noise(s * 9.0, t * 9.0, seed + 4, 4) - 0.5)
    return scaled(color, tone)


@inner
def rug(s, t, width, height, seed, style, a, b):
    """A knotted rug: fringe, zigzag and flower borders, a field of diamonds and small hashed figures."""
    s += 0.007 * (fractal_noise(s * 9.0, t * 9.0, seed, 2) - 0.5)
    t += 0.007 * (fractal_noise(s * 9.0, t * 9.0, seed + 1, 2) - 0.5)
    edge = min(min(s, width - s), min(t, height - t))
    along = s if min(t, height - t) < min(s, width - s) else t
    dark = scaled(a, 0.28)
    if edge < 0.025:
        color = scaled(CREAM, 0.7 + 0.5 * hash01(floor_int(along * 90.0), 3, seed))
    elif edge < 0.05 or 0.20 < edge < 0.215:
        color = dark
    elif edge < 0.09:
        zig = abs((along / 0.06) % 1.0 - 0.5) * 0.07
        color = b if edge - 0.052 < zig else CREAM
    elif edge < 0.20:
        cell = floor_int(along / 0.11)
        ds, dt = (along / 0.11 - cell - 0.5) * 0.11, edge - 0.145
        petal = abs(ds) + abs(dt) + 0.5 * min(abs(ds), abs(dt))
        color = mix(b, CREAM, smooth_step(0.045, 0.041, petal))
        color = mix(color, dark if hash01(cell, 1, seed) < 0.5 else a, smooth_step(0.026, 0.023, petal))
    elif edge < 0.235:
        color = CREAM
    else:
        color = _rug_field(s, t, width, height, seed, a, b, dark)
    pile = 0.80 + 0.4 * fractal_noise(s * 55.0, t * 75.0, seed + 2, 2)
    worn = 0.86 + 0.28 * fractal_noise(s * 2.2, t * 2.2, seed + 3, 4)
    return scaled(color, pile * worn)


@inner
def _rug_field(s, t, width, height, seed, a, b, dark):
    """The inside of the rug: one medallion in the middle, a lattice of diamonds around."""
    medallion = abs(s - 0.5 * width) / 0.55 + abs(t - 0.5 * height) / 0.40
    if medallion < 1.0:
        ring = floor_int(medallion * 6.0)
        color = CREAM if ring == 5 else (dark if ring == 3 else mix(b, a, 0.35 * (ring & 1)))
        tooth = abs((medallion * 6.0) % 1.0 - 0.5) + 0.4 * abs(((s - t) / 0.07) % 1.0 - 0.5)
        return mix(color, CREAM, 0.7 * smooth_step(0.2, 0.12, tooth))
    ls, lt = (s + 1.3 * t) / 0.23, (s - 1.3 * t) / 0.23
    cell_s, cell_t = floor_int(ls), floor_int(lt)
    ds, dt = abs(ls - cell_s - 0.5), abs(lt - cell_t - 0.5)
    pick = hash01(cell_s, cell_t, seed + 5)
    figure = b if pick < 0.4 else (CREAM if pick < 0.75 else dark)
    color = mix(a, dark, smooth_step(0.44, 0.47, max(ds, dt)))
    size = 0.20 + 0.12 * hash01(cell_s, cell_t, seed + 6)
    color = mix(color, figure, smooth_step(size, size - 0.03, max(ds, dt)))
    return mix(color, a, smooth_step(0.13, 0.10, ds + dt))


@inner
def _line_of_type(s, t, seed, letter):
    """Ink of a printed line of pseudo letters ``letter`` m wide, for t in [0, 1] of the line's height."""
    cell = floor_int(s / letter)
    if hash01(cell, 5, seed) < 0.17 or t < 0.1 or t > 0.9:
        return 0.0
    x, pick = s / letter - cell, hash01(cell, 6, seed)
    stem = smooth_step(0.16, 0.10, abs(x - (0.25 if pick < 0.7 else 0.65)))
    bar = smooth_step(0.2, 0.1, abs(t - 0.2 - 0.6 * hash01(cell, 7, seed))) * smooth_step(0.95, 0.8, x)
    other = smooth_step(0.16, 0.10, abs(x - 0.72)) if hash01(cell, 8, seed) < 0.5 else 0.0
    return max(stem, max(bar, other))


@inner
def book_spine(s, t, width, height, seed, style, a, b):
    """A book's back: bands, a label, a title that runs up the spine; worn at both ends."""
    color = scaled(a, 0.9 + 0.2 * fractal_noise(s * 60.0, t * 30.0, seed, 3))
    band = 0.06 + 0.05 * hash01(1, 2, seed)
    rim = min(t, height - t) / height
    if hash01(3, 1, seed) < 0.65:
        color = mix(color, b, smooth_step(0.012, 0.006, abs(rim - band)))
    if hash01(4, 1, seed) < 0.4:
        color = mix(color, b, smooth_step(0.012, 0.006, abs(rim - band - 0.05)))
    low, high = 0.28 + 0.1 * hash01(5, 1, seed), 0.72 + 0.1 * hash01(6, 1, seed)
    at, ink = t / height, b
    if low < at < high:
        if hash01(7, 1, seed) < 0.45:
            color, ink = mix(color, b, 0.9), a
        across = (s / width - 0.25) / 0.5
        color = mix(
            color, ink, 0.9 * _line_of_type(t - low * height, across, seed + 9, max(0.25 * width, 0.008))
        )
    worn = smooth_step(0.02, 0.0, min(rim * height, min(s, width - s) * 3.0)) * value_noise(
        s * 300, t * 120, seed + 1
    )
    return mix(color, CREAM, 0.35 * worn)


@inner
def book_pages(s, t, width, height, seed, style, a, b):
    """The cut edges of pages."""
    return scaled(CREAM, 0.8 + 0.3 * value_noise(s * 15.0, t * 350.0, seed))


@inner
def book_cover(s, t, width, height, seed, style, a, b):
    """A magazine's or book's front: a picture block, a headline, small print."""
    color = scaled(a, 0.95 + 0.1 * fractal_noise(s * 40.0, t * 40.0, seed, 2))
    u, v = s / width, t / height
    if 0.1 < u < 0.9 and 0.2 < v < 0.66:
        hill = 0.33 + 0.2 * fractal_noise(u * 3.0, 0.3, seed + 2, 3)
        color = mix(scaled(b, 0.4), b, smooth_step(hill - 0.02, hill + 0.02, v))
        color = mix(color, CREAM, smooth_step(0.011, 0.009, (u - 0.65) ** 2 + (v - 0.55) ** 2))
    if 0.1 < u < 0.9 and 0.74 < v < 0.9:
        color = mix(color, CREAM, _line_of_type(s, (v - 0.74) / 0.16, seed + 3, 0.11 * width))
    if 0.1 < u < 0.7 and 0.08 < v < 0.15:
        color = mix(color, CREAM, 0.8 * _line_of_type(s, (v - 0.08) / 0.07, seed + 4, 0.04 * width))
    return color


@inner
def leaf(s, t, width, height, seed, style, a, b):
    """A leaf along t: midrib, side veins, paler and darker places."""
    across = abs(s / width - 0.5) * 2.0
    vein = abs(((t - 0.6 * across * width) / 0.035) % 1.0 - 0.5) * 2.0
    tone = 0.75 + 0.5 * fractal_noise(s * 30.0, t * 18.0, seed, 3) - 0.15 * across
    color = scaled(mix(a, b, 0.6 * fractal_noise(s * 6.0, t * 6.0, seed + 1, 2)), tone)
    color = mix(color, b, 0.45 * smooth_step(0.25, 0.05, vein))
    return mix(color, scaled(b, 1.3), smooth_step(0.10, 0.04, across))


@inner
def ceramic(s, t, width, height, seed, style, a, b):
    """Glaze with speckles; style 1 bands and zigzag, 2 drips of the second colour, 3 bare terracotta."""
    v = t / height
    color = scaled(a, 0.88 + 0.24 * fractal_noise(s * 12.0, t * 12.0, seed, 4))
    if style == 1:
        zig = abs((s / width * 14.0) % 1.0 - 0.5) * 0.16
        color = mix(color, b, smooth_step(0.02, 0.012, abs(v - 0.52 - zig)))
        color = mix(color, b, smooth_step(0.02, 0.012, min(abs(v - 0.38), abs(v - 0.76))))
    elif style == 2:
        drip = 0.55 + 0.35 * fractal_noise(s / width * 11.0, 0.5, seed + 2, 3)
        color = mix(
            color,
            scaled(b, 0.85 + 0.3 * value_noise(s * 25.0, t * 25.0, seed + 3)),
            smooth_step(drip - 0.03, drip, v),
        )
    elif style == 3:
        color = mix(color, CREAM, 0.5 * smooth_step(0.55, 0.8, fractal_noise(s * 9.0, t * 6.0, seed + 4, 4)))
    speck = hash01(floor_int(s * 150.0), floor_int(t * 150.0), seed + 5)
    return scaled(color, 0.6 if speck > 0.97 else 1.0)


@inner
def plain(s, t, width, height, seed, style, a, b):
    """Paint, plastic or metal with faint handling marks; style 1 is brushed along s."""
    tone = 0.95 + 0.1 * fractal_noise(s * 6.0, t * 6.0, seed, 4)
    if style == 1:
        tone += 0.12 * (value_noise(s * 5.0, t * 260.0, seed + 1) - 0.5)
    return scaled(a, tone)


@inner
def shade(s, t, width, height, seed, style, a, b):
    """A lamp shade lit from inside: brightest about the bulb, linen threads."""
    v = t / height - 0.45
    glow = 0.42 + 0.58 / (1.0 + 7.0 * v * v)
    thread = value_noise(s * 30.0, t * 260.0, seed) + value_noise(s * 260.0, t * 30.0, seed + 1) - 1.0
    rib = 1.0 - 0.15 * smooth_step(0.05, 0.02, abs((s / width * 12.0) % 1.0 - 0.5))
    return scaled(a, glow * rib * (1.0 + 0.16 * thread))


@inner
def cardboard(s, t, width, height, seed, style, a, b):
    """A parcel: flutes, tape along the middle, stains, a printed label."""
    color = scaled(
        a,
        0.86
        + 0.12 * value_noise(s * 4.0, t * 170.0, seed)
        + 0.2 * (fractal_noise(s * 5, t * 5, seed + 1, 4) - 0.4),
    )
    if abs(t - 0.5 * height) < 0.026:
        color = mix(color, (0.50, 0.36, 0.20), 0.6)
        color = scaled(color, 0.9 + 0.2 * value_noise(s * 70.0, t * 20.0, seed + 2))
    u, v = (s - 0.12 * width) / 0.14, (t - 0.14 * height) / 0.09
    if 0.0 < u < 1.0 and 0.0 < v < 1.0:
        color = (0.70, 0.69, 0.66)
        line = floor_int(v * 5.0)
        if 0.06 < u < 0.94 - 0.4 * hash01(line, 2, seed):
            color = mix(color, INK, 0.85 * _line_of_type(s, v * 5.0 - line, seed + line, 0.008))
    return color


@inner
def wicker(s, t, width, height, seed, style, a, b):
    """A woven basket."""
    row, column = floor_int(t / 0.022), floor_int(s / 0.045)
    x, y = s / 0.045 - column, t / 0.022 - row
    over = 1.0 if (row + column) & 1 == 0 else 0.0
    bulge = 4.0 * (x * (1 - x) if over > 0.5 else 0.4 * y * (1 - y)) + 0.3
    color = times(mix(a, b, hash01(row, column, seed)), tinted(row, column, seed + 1, 0.2))
    return scaled(color, 0.25 + 0.75 * min(bulge * (0.4 + 2.4 * y * (1 - y)), 1.0))
