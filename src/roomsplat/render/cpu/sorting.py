"""Depth order of the Gaussians that a view sees: one stable radix sort of 22-bit keys, two passes.

Only Gaussians are sorted, never their copies per tile: tiles are filled in this order afterwards. The key is the bit
pattern of the depth (positive floats sort like integers) from the nearest on, cut to 22 bits: a resolution of 2e-6 of
the depth for a scene from 0.2 to 20, 8e-6 from 0.01 to 10⁶. A linear key would lose the foreground to one far outlier.
"""

# pyright: basic
import numpy as np
from numba import njit

from roomsplat.render.cpu.elementary import SERIAL, WORKER
from roomsplat.render.cpu.memory import lowest_bit

KEY_BITS = 22
DIGIT = 11
DIGIT_MASK = np.uint32(2**DIGIT - 1)
SEEN = np.uint64(0xFFFF)


@njit(**WORKER)
def _collect(flags, depth_bits, visible):
    """Ids of the seen Gaussians in memory order; how many, and the range of their depths' bits."""
    count, lowest, highest = 0, np.uint32(0xFFFFFFFF), np.uint32(0)
    for block in range(len(flags)):
        bits = flags[block] & SEEN
        while bits != np.uint64(0):
            index = block * 16 + lowest_bit(bits)
            bits &= bits - np.uint64(1)
            visible[count] = index
            count += 1
            lowest, highest = min(lowest, depth_bits[index]), max(highest, depth_bits[index])
    return count, lowest, highest


@njit(**WORKER)
def _make_keys(depth_bits, visible, count, lowest, shift, keys, low_counts, high_counts):
    """Keys of the visible and the histograms of their two digits, as first places."""
    for j in range(count):
        key = (depth_bits[visible[j]] - lowest) >> shift
        keys[j] = key
        low_counts[key & DIGIT_MASK] += np.uint32(1)
        high_counts[key >> np.uint32(DIGIT)] += np.uint32(1)
    low, high = np.uint32(0), np.uint32(0)
    for digit in range(len(low_counts)):
        low_counts[digit], low = low, low + low_counts[digit]
        high_counts[digit], high = high, high + high_counts[digit]


@njit(**SERIAL)
def sort_by_depth(flags, depth_bits, visible, order, keys, spare_keys, spare_ids, digits):
    """Sort the seen Gaussians front to back; equal keys keep their order in memory.

    Args: ``flags`` as from ``project``; ``depth_bits`` the depths as uint32; out: ``visible`` ids in memory order,
    ``order`` the same by depth; the rest scratch of the same length (uint32), ``digits`` (2, 2048) uint32.

    Returns: how many are seen.
    """
    count, lowest, highest = _collect(flags, depth_bits, visible)
    if count == 0:
        return 0
    shift = np.uint32(0)
    while ((highest - lowest) >> shift) >= np.uint32(1 << KEY_BITS):
        shift += np.uint32(1)
    digits[:] = np.uint32(0)
    low_places, high_places = digits[0], digits[1]
    _make_keys(depth_bits, visible, count, lowest, shift, keys, low_places, high_places)
    for j in range(count):
        digit = keys[j] & DIGIT_MASK
        place = low_places[digit]
        low_places[digit] = place + np.uint32(1)
        spare_keys[place], spare_ids[place] = keys[j], visible[j]
    for j in range(count):
        digit = spare_keys[j] >> np.uint32(DIGIT)
        place = high_places[digit]
        high_places[digit] = place + np.uint32(1)
        order[place] = spare_ids[j]
    return count
