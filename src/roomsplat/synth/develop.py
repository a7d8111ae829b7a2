"""From display light to the 8-bit picture that a phone would store: gain, sensor noise, sRGB."""

# pyright: basic
import numpy as np
from numpy.typing import NDArray

from roomsplat.synth.jit import in_threads, kernel
from roomsplat.synth.noise import hash01
from roomsplat.synth.trace import encode_srgb

_LEVELS = np.array([1.0, 0.35, 1.8, 0.6, 1.9, 0.4, 1.2])
_HELD_FOR = 6
_TABLE = encode_srgb(np.linspace(0.0, 1.0, 65536, dtype=np.float32)) * np.float32(255.0)


def develop(light: NDArray[np.float32], *, gain: float, noise: float, seed: int) -> NDArray[np.uint8]:
    """(h, w, 3) linear display light to sRGB bytes.

    ``gain`` multiplies the light, with a soft shoulder where it would clip; ``noise`` is the standard deviation in
    sRGB units [0, 1] at mid grey, a little less in the dark; ``seed`` names this frame's noise.
    """
    picture = np.empty(light.shape, np.uint8)
    in_threads(_develop, len(light), light, _TABLE, np.float32(gain), np.float32(noise), seed, picture)
    return picture


def jumping_gains(count: int) -> NDArray[np.float64]:
    """(count,) gains of an exposure that jumps by up to 2.4 stops at every sixth picture."""
    return _LEVELS[(np.arange(count) // _HELD_FOR) % len(_LEVELS)]


@kernel
def _develop(start, stop, light, table, gain, noise, seed, picture):
    for y in range(start, stop):
        for x in range(light.shape[1]):
            for k in range(3):
                value = light[y, x, k] * gain
                if gain > 1:
                    value -= (gain - 1) * light[y, x, k] ** 2  # 1 stays 1
                level = table[min(max(int(value * 65535.0 + 0.5), 0), 65535)]
                if noise > 0:
                    total = 0.0
                    for i in range(
                        3
                    ):  # the sum of three uniform numbers is near enough to a bell; variance 1/4
                        total += hash01(x * 3 + k, y * 3 + i, seed)
                    spread = 2.0 * noise * 255.0 * (0.6 + 0.4 * (level / 128.0) ** 0.5)
                    level += (total - 1.5) * spread
                picture[y, x, k] = np.uint8(min(max(level + 0.5, 0.0), 255.0))
