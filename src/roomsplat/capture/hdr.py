"""From HDR film (PQ or HLG, BT.2020) to the sRGB of an ordinary picture.

Signal → display light in cd/m² (BT.2100) → highlights compressed (BT.2390 EETF) → BT.709 primaries (BT.2087) → sRGB.
Everything below 87 cd/m², the walls and furniture of a room, keeps its light; only what is brighter bends.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from roomsplat.capture.probe import Transfer

Float = NDArray[np.float32]

# HDR reference white, ITU-R BT.2408-7, section 2: the light of white paper, which becomes the white of sRGB.
REFERENCE_WHITE = 203.0
# Nominal peak of HLG (BT.2100-2, table 5) and of PQ films that do not state theirs.
DEFAULT_PEAK = 1000.0
_PQ_TOP = 10_000.0

# SMPTE ST 2084 / BT.2100-2, table 4.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# ARIB STD-B67 / BT.2100-2, table 5.
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_HLG_GAMMA = 1.2
# Luminance of BT.2020 primaries, BT.2020-2, table 4.
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)
# Linear BT.2020 to linear BT.709, BT.2087-0, section 2 (inverted).
_RGB709_FROM_RGB2020 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
_LEVELS = 4096
_GAIN_LEVELS = 16384  # a step is 0.05 % of light at reference white
_SLAB_ROWS = 16  # a slab and its products stay in the cache


def pq_from_light(light: NDArray[np.floating]) -> NDArray[np.float64]:
    """PQ signal in [0, 1] from cd/m² (inverse EOTF)."""
    power = (np.asarray(light, np.float64) / _PQ_TOP) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def light_from_pq(signal: NDArray[np.floating]) -> NDArray[np.float64]:
    """cd/m² from the PQ signal in [0, 1] (EOTF)."""
    root = np.asarray(signal, np.float64) ** (1 / _M2)
    return _PQ_TOP * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)


def scene_from_hlg(signal: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scene light in [0, 1] from the HLG signal in [0, 1] (inverse OETF)."""
    signal = np.asarray(signal, np.float64)
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12)


def compress_highlights(light: NDArray[np.floating], peak: float) -> NDArray[np.float64]:
    """Light of a display with ``peak`` to one that ends at reference white (BT.2390-11, section 5.4.1, EETF).

    Identity below the knee, then a Hermite spline in PQ that reaches reference white at ``peak``; black stays black.
    """
    top = float(pq_from_light(np.array(peak)))
    target = float(pq_from_light(np.array(REFERENCE_WHITE))) / top
    if target >= 1:
        return np.asarray(light, np.float64)
    knee = 1.5 * target - 0.5
    signal = np.minimum(pq_from_light(light) / top, 1.0)
    t = np.maximum(signal - knee, 0) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * target
    )
    return light_from_pq(np.where(signal < knee, signal, spline) * top)


def sdr_from_wide(
    codes: NDArray[np.uint16], transfer: Transfer, peak: float = DEFAULT_PEAK
) -> NDArray[np.uint8]:
    """(h, w, 3) 16-bit R'G'B' of BT.2020 to 8-bit sRGB, same shape.

    ``peak``: the brightest light of the film in cd/m²; one value for the whole film, so that exposure does not pump.
    """
    result = np.empty(codes.shape, np.uint8)
    for top in range(0, len(codes), _SLAB_ROWS):
        result[top : top + _SLAB_ROWS] = _map_slab(codes[top : top + _SLAB_ROWS], transfer, peak)
    return result


def _map_slab(codes: NDArray[np.uint16], transfer: Transfer, peak: float) -> NDArray[np.uint8]:
    """All curves are tables, so that a pixel costs three look-ups and a matrix."""
    light = np.take(_light_table(transfer), codes >> 4)
    if transfer == "hlg":
        # The OOTF acts on luminance, so that hue survives (BT.2100-2, table 5).
        light *= (np.maximum(light @ _LUMA_2020, 1e-9) ** (_HLG_GAMMA - 1) * DEFAULT_PEAK)[..., None]
    if transfer != "sdr":
        # Not max(axis=-1): over an axis of 3 it takes 77 ms for 1080p, the two calls 5 ms.
        brightest = np.maximum(np.maximum(light[..., 0], light[..., 1]), light[..., 2])
        steps = np.sqrt(brightest / _PQ_TOP) * (_GAIN_LEVELS - 1) + 0.5
        light *= np.take(_gain_table(peak), steps.astype(np.uint16))[..., None]
    rgb = light @ _RGB709_FROM_RGB2020.T
    steps = np.sqrt(np.clip(rgb, 0, 1)) * (_LEVELS - 1) + 0.5
    return np.take(_srgb_table(), steps.astype(np.uint16))


@cache
def _light_table(transfer: Transfer) -> Float:
    """By the upper 12 bits of the code: scene light for HLG, else light with reference white at 1 (PQ: in cd/m²)."""
    signal = np.linspace(0, 1, _LEVELS)
    if transfer == "pq":
        return light_from_pq(signal).astype(np.float32)
    if transfer == "hlg":
        return scene_from_hlg(signal).astype(np.float32)
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4).astype(np.float32)


@cache
def _gain_table(peak: float) -> Float:
    """By the root of light over 10,000 cd/m²: what light is multiplied by, so that reference white becomes 1."""
    light = np.maximum(np.linspace(0, 1, _GAIN_LEVELS) ** 2 * _PQ_TOP, 1e-4)
    return (compress_highlights(light, peak) / light / REFERENCE_WHITE).astype(np.float32)


@cache
def _srgb_table() -> NDArray[np.uint8]:
    """By the root of linear light: the 8-bit sRGB code (IEC 61966-2-1)."""
    light = np.linspace(0, 1, _LEVELS) ** 2
    signal = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(signal * 255).astype(np.uint8)
