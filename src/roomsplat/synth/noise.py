"""Hashed noise for textures: a value depends on its place and seed alone, never on order or threads."""

# pyright: basic
from roomsplat.synth.jit import inner

MASK = 0xFFFFFFFF


@inner
def hash01(x, y, seed):
    """A number in [0, 1) for integers (multiply and xor-shift mixing in the manner of lowbias32, Wellons 2018)."""
    h = (x * 0x1B873593 + y * 0x19D699A5 + seed * 0x27D4EB2F) & MASK
    h ^= h >> 16
    h = (h * 0x21F0AAAD) & MASK
    h ^= h >> 15
    h = (h * 0x35A2D395) & MASK
    h ^= h >> 15
    return h * (1.0 / 4294967296.0)


@inner
def floor_int(x):
    """The largest integer not above ``x``."""
    i = int(x)
    return i - 1 if x < i else i


@inner
def value_noise(x, y, seed):
    """Smooth noise in [0, 1] with cells of size 1 (quintic fade, Perlin 2002)."""
    ix, iy = floor_int(x), floor_int(y)
    fx, fy = x - ix, y - iy
    fx = fx * fx * fx * (fx * (fx * 6.0 - 15.0) + 10.0)
    fy = fy * fy * fy * (fy * (fy * 6.0 - 15.0) + 10.0)
    low = hash01(ix, iy, seed) * (1 - fx) + hash01(ix + 1, iy, seed) * fx
    high = hash01(ix, iy + 1, seed) * (1 - fx) + hash01(ix + 1, iy + 1, seed) * fx
    return low * (1 - fy) + high * fy


@inner
def fractal_noise(x, y, seed, octaves):
    """Octaves of noise, each half as large and half as strong; in [0, 1], mean 0.5."""
    total, weight, strength = 0.0, 0.0, 1.0
    for k in range(octaves):
        total += strength * value_noise(x + 17.3 * k, y - 9.1 * k, seed + k)
        weight += strength
        strength *= 0.5
        x *= 2.03
        y *= 1.97
    return total / weight


@inner
def smooth_step(low, high, x):
    """0 below ``low``, 1 above ``high``, smooth between."""
    k = min(max((x - low) / (high - low), 0.0), 1.0)
    return k * k * (3.0 - 2.0 * k)


@inner
def mix(a, b, k):
    """Colour ``a`` at k = 0, ``b`` at k = 1."""
    return a[0] + (b[0] - a[0]) * k, a[1] + (b[1] - a[1]) * k, a[2] + (b[2] - a[2]) * k


@inner
def scaled(a, k):
    """A colour, brighter or darker."""
    return a[0] * k, a[1] * k, a[2] * k


@inner
def tinted(x, y, seed, strength):
    """A colour factor near 1 that differs from cell to cell, in brightness and a little in hue."""
    k = 1.0 + (hash01(x, y, seed) - 0.5) * 2.0 * strength
    hue = (hash01(x, y, seed + 7) - 0.5) * strength * 0.5
    return k + hue, k, k - hue


@inner
def times(a, b):
    """Two colours multiplied."""
    return a[0] * b[0], a[1] * b[1], a[2] * b[2]
