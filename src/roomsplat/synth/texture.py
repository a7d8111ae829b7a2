"""Filtered look-ups in a baked room's textures.

A texel is one 64-bit word with three lanes of 21 bits; each lane holds the square root of display light in 10 bits.
Eight weights that sum to 2048 then need one multiplication per texel for all three colours. Against float weights on
16-bit channels this took the shading of the demo's frames from 180 ms to a fraction (see the lab notebook); sub-texel
places are rounded to 1/16 and mip levels to 1/8, a tenth of a grey level in practice.
"""

# pyright: basic
import numpy as np
from numpy.typing import NDArray

from roomsplat.synth.jit import inner, kernel
from roomsplat.synth.packing import LEVELS

LANE = 21
TOP = 1023
_MASK = np.uint64((1 << LANE) - 1)
_SHIFT1, _SHIFT2 = np.uint64(LANE), np.uint64(2 * LANE)


@kernel
def encode_texel(red, green, blue):
    """Display light in [0, 1] per channel to a texel."""
    r = np.uint64(min(max(red, 0.0), 1.0) ** 0.5 * TOP + 0.5)
    g = np.uint64(min(max(green, 0.0), 1.0) ** 0.5 * TOP + 0.5)
    b = np.uint64(min(max(blue, 0.0), 1.0) ** 0.5 * TOP + 0.5)
    return r | (g << _SHIFT1) | (b << _SHIFT2)


@kernel
def decode_texel(texel, weight):
    """A sum of texels whose weights sum to ``weight`` back to display light."""
    scale = np.float32(1.0) / np.float32(TOP * weight)
    r = np.float32(np.int64(texel & _MASK)) * scale
    g = np.float32(np.int64((texel >> _SHIFT1) & _MASK)) * scale
    b = np.float32(np.int64(texel >> _SHIFT2)) * scale
    return r * r, g * g, b * b


def decode_texels(texels: NDArray[np.uint64]) -> NDArray[np.float32]:
    """(...) texels to (..., 3) display light."""
    lanes = np.stack([texels >> np.uint64(k * LANE) & _MASK for k in range(3)], axis=-1)
    return (lanes.astype(np.float32) / np.float32(TOP)) ** 2


@inner
def _weighted(texture, atlas, patch, level, u, v, share):
    """256 · ``share`` times one level of a texture at (u, v), bilinear."""
    first, width, height = texture[patch, level, 0], texture[patch, level, 1], texture[patch, level, 2]
    half, none, fine = np.float32(0.5), np.float32(0.0), np.float32(16.0)
    x = min(max(u * np.float32(width) - half, none), np.float32(width - 1))
    y = min(max(v * np.float32(height) - half, none), np.float32(height - 1))
    i, j = int(x), int(y)
    fx, fy = int((x - np.float32(i)) * fine + half), int((y - np.float32(j)) * fine + half)
    right, below = 1 if i < width - 1 else 0, width if j < height - 1 else 0
    at = first + j * width + i
    low, high = (16 - fy) * share, fy * share
    return (
        atlas[at] * np.uint64((16 - fx) * low) + atlas[at + right] * np.uint64(fx * low)
        + atlas[at + below] * np.uint64((16 - fx) * high) + atlas[at + right + below] * np.uint64(fx * high)
    )  # fmt: skip


@kernel
def look_up(texture, atlas, patch, u, v, lod8):
    """Display light of a texture at (u, v) in [0, 1]², filtered over 2^(lod8 / 8) texels."""
    lod8 = min(max(lod8, 0), 8 * (LEVELS - 1))
    level, blend = lod8 >> 3, lod8 & 7
    total = _weighted(texture, atlas, patch, level, u, v, 8 - blend)
    if blend > 0:
        total += _weighted(texture, atlas, patch, level + 1, u, v, blend)
    return decode_texel(total, 2048)


@kernel
def lod_of_squared(squared):
    """8 · log2 of the root of ``squared`` ≥ 0, rounded down, from a float's exponent and leading mantissa bits.

    The mantissa stands in for its logarithm: wrong by less than 0.09 / 2 of a level.
    """
    bits = np.float32(max(squared, np.float32(1e-12))).view(np.int32)
    return (int(bits) - (127 << 23)) >> 21
