"""HDR to SDR for one pixel, straight from the recommendations, with no table and no array."""

import math

_WHITE = 203.0


def sdr_pixel(
    signal: tuple[float, float, float], transfer: str, peak: float = 1000.0
) -> tuple[float, float, float]:
    """8-bit sRGB (not rounded) of one R'G'B' of BT.2020 in [0, 1]."""
    if transfer == "pq":
        light = [_pq_eotf(value) for value in signal]
    else:
        scene = [_hlg_inverse_oetf(value) for value in signal]
        luminance = 0.2627 * scene[0] + 0.6780 * scene[1] + 0.0593 * scene[2]
        light = [1000.0 * max(luminance, 1e-12) ** 0.2 * value for value in scene]
    brightest = max(light)
    gain = _eetf(brightest, peak) / brightest if brightest > 0 else 1.0
    r, g, b = (gain * value / _WHITE for value in light)
    linear = (
        1.6605 * r - 0.5876 * g - 0.0728 * b,
        -0.1246 * r + 1.1329 * g - 0.0083 * b,
        -0.0182 * r - 0.1006 * g + 1.1187 * b,
    )
    return tuple(255 * _srgb_oetf(min(max(value, 0.0), 1.0)) for value in linear)


def _pq_eotf(signal: float) -> float:
    root = signal ** (1 / 78.84375)
    return 10_000 * (max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)


def _pq_inverse(light: float) -> float:
    power = (light / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def _hlg_inverse_oetf(signal: float) -> float:
    if signal <= 0.5:
        return signal * signal / 3
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * math.log(4 * a)
    return (math.exp((signal - c) / a) + b) / 12


def _eetf(light: float, peak: float) -> float:
    top, target = _pq_inverse(peak), _pq_inverse(_WHITE)
    e1, largest = min(_pq_inverse(light) / top, 1.0), target / top
    if largest >= 1:
        return light
    knee = 1.5 * largest - 0.5
    if e1 >= knee:
        t = (e1 - knee) / (1 - knee)
        h00, h10, h01 = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t, -2 * t**3 + 3 * t**2
        e1 = h00 * knee + h10 * (1 - knee) + h01 * largest
    return _pq_eotf(e1 * top)


def _srgb_oetf(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
