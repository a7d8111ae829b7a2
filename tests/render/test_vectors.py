"""The vector type means what NumPy means, lane by lane."""

from typing import Any

import numpy as np
from numba import njit

from roomsplat.render.cpu.elementary import MATH, MAX_EXPONENT, decay, exp, log, of_byte
from roomsplat.render.cpu.memory import (
    aligned_zeros,
    first_lanes,
    load,
    load_4x4,
    load_at,
    load_bytes,
    lowest_bit,
    store,
    store_4x4,
    store_at,
    store_first,
    take_next,
    totals,
    transpose,
)
from roomsplat.render.cpu.vectors import (
    absolute,
    bits_of,
    everywhere,
    floor,
    mask_of,
    maximum,
    minimum,
    select,
    sqrt,
    total,
)
from roomsplat.render.cpu.window import WINDOW, filter_across


def rows(count: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> Any:
    """Random vectors in an aligned array."""
    array = aligned_zeros((count, 16))
    array[:] = np.random.default_rng(seed).uniform(low, high, array.shape)
    return array


@njit(**MATH)
def _arithmetic(source: Any, out: Any) -> None:
    a, b = load(source, 0), load(source, 1)
    store(out, 0, 2 * a + b / 3.0 - 1)
    store(out, 1, minimum(a, b) * maximum(a, 0.5))
    store(out, 2, select((a > b) & (b >= -1) | (a <= -1.5), -a, b))
    store(out, 3, sqrt(absolute(a)) + floor(b))
    a += b
    a *= a
    store(out, 4, a)


def test_arithmetic_is_numpys() -> None:
    """Operators, comparisons and functions of vectors and numbers give what NumPy gives."""
    source, out = rows(2), aligned_zeros((5, 16))
    _arithmetic(source, out)
    a, b = source
    chosen = ((a > b) & (b >= -1)) | (a <= -1.5)
    wanted = [
        2 * a + b / 3 - 1,
        np.minimum(a, b) * np.maximum(a, 0.5),
        np.where(chosen, -a, b),
        np.sqrt(np.abs(a)) + np.floor(b),
        (a + b) ** 2,
    ]
    np.testing.assert_allclose(out, wanted, rtol=1e-6, atol=1e-6)


@njit(**MATH)
def _functions(source: Any, out: Any) -> None:
    for i in range(len(source)):
        x = load(source, i)
        store(out[0], i, exp(x))
        store(out[1], i, log(exp(x)))
        store(out[2], i, decay(minimum(absolute(x), MAX_EXPONENT)))


def test_functions_are_exact_enough() -> None:
    """exp and log are exact to 7e-7, exp(-x) of the blending to 3e-6 relative."""
    source, out = rows(400, low=-8, high=8), aligned_zeros((3, 400, 16))
    _functions(source, out)
    x = source.astype(np.float64)
    np.testing.assert_allclose(out[0], np.exp(x), rtol=7e-7)
    np.testing.assert_allclose(out[1], x, rtol=7e-7, atol=7e-7)
    np.testing.assert_allclose(out[2], np.exp(-np.minimum(np.abs(x), MAX_EXPONENT)), rtol=3e-6)


@njit(**MATH)
def _shares(source: Any, out: Any) -> None:
    for row in range(16):
        store(out, row, of_byte(load(source, row)))


def test_every_byte_becomes_its_nearest_number() -> None:
    """k / 255 as NumPy rounds it, for all 256 (on any processor that fuses a product with a sum)."""
    source, out = aligned_zeros((16, 16)), aligned_zeros((16, 16))
    source[:] = np.arange(256).reshape(16, 16)
    _shares(source, out)
    np.testing.assert_array_equal(out, source / np.float32(255))


@njit(**MATH)
def _nan_compares_false(source: Any) -> Any:
    x = load(source, 0)
    return bits_of(x > 0), bits_of(x <= 0)


def test_nan_compares_false() -> None:
    """A comparison with NaN is false both ways: this is what culls broken Gaussians."""
    source = aligned_zeros((1, 16))
    source[0, ::2] = np.nan
    assert _nan_compares_false(source) == (0, 0b1010101010101010)


@njit(**MATH)
def _sums(source: Any, out: Any) -> Any:
    store(out, 0, totals((load(source, 0), load(source, 1), load(source, 2))))
    transpose(source)
    return total(everywhere(1.5))


def test_totals_and_transpose() -> None:
    """Several sums at once land in their lanes; a transposed block is its transpose."""
    source, out = rows(16), aligned_zeros((1, 16))
    before = source.copy()
    assert _sums(source, out) == 24
    np.testing.assert_allclose(out[0, :3], before[:3].sum(axis=1), rtol=1e-5)
    assert not out[0, 3:].any()
    np.testing.assert_array_equal(source, before.T)


@njit(**MATH)
def _walk(bits: Any, found: Any) -> Any:
    count, rest = 0, bits_of(mask_of(bits))
    while rest != np.uint64(0):
        found[count] = lowest_bit(rest)
        rest &= rest - np.uint64(1)
        count += 1
    return count


def test_masks_walk_bit_by_bit() -> None:
    """The lowest 16 bits become a mask and come back, and are walked from the lowest."""
    found = np.zeros(16, np.int64)
    count = _walk(np.uint64(0xFF0000 | 0b1000000000010110), found)
    assert found[:count].tolist() == [1, 2, 4, 15]


@njit(**MATH)
def _pictures(source: Any, pixels: Any, out: Any) -> None:
    store_at(out, 3, load_at(source, 5) + load_bytes(pixels, 1))
    store_4x4(out, 100, 20, load_4x4(source, 7, 10))
    store_first(out, 300, select(first_lanes(3), 7.0, 9.0), 5)


def test_picture_access() -> None:
    """Unaligned rows, bytes, 4×4 blocks and partial stores touch what they say and nothing else."""
    source, out = np.arange(100, dtype=np.float32), np.zeros(400, np.float32)
    pixels = np.arange(100, 200, dtype=np.uint8)
    _pictures(source, pixels, out)
    wanted = np.zeros(400, np.float32)
    wanted[3:19] = source[5:21] + pixels[1:17]
    for row in range(4):
        wanted[100 + 20 * row : 104 + 20 * row] = source[7 + 10 * row : 11 + 10 * row]
    wanted[300:305] = 7, 7, 7, 9, 9
    np.testing.assert_array_equal(out, wanted)


@njit(**MATH)
def _across(source: Any, out: Any) -> None:
    store(out, 0, filter_across(load(source, 0), load(source, 1), load(source, 2)))


def test_window_across_is_a_convolution() -> None:
    """The shuffled window is the convolution with eleven weights that sum to one."""
    source, out = rows(3), aligned_zeros((1, 16))
    _across(source, out)
    wanted = np.convolve(source.ravel().astype(np.float64), WINDOW, mode="same")[16:32]
    np.testing.assert_allclose(out[0], wanted, rtol=1e-5, atol=1e-6)
    assert abs(sum(WINDOW) - 1) < 1e-6


@njit(**MATH)
def _count(counter: Any) -> Any:
    return take_next(counter), take_next(counter)


def test_work_counter() -> None:
    """Each piece of work is handed out once, in order."""
    counter = np.zeros(1, np.int64)
    assert _count(counter) == (0, 1)
    assert counter[0] == 2


def test_memory_is_aligned() -> None:
    """Rows of sixteen floats begin at cache lines, whatever the allocator gave."""
    for size in (1, 3, 1000):
        assert aligned_zeros((size, 16)).ctypes.data % 64 == 0
