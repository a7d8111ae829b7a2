"""How far the picture has moved: laws of the measure."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from roomsplat.capture.motion import INTERVAL_S, MotionMeter, motion_between, spectrum_of

HEIGHT, WIDTH = 36, 64


@cache
def scene(seed: int = 0) -> NDArray[np.float64]:
    """(108, 192) soft blotches, mean 128: as much as three pictures each way."""
    random = np.random.default_rng(seed)
    layers = [gaussian_filter(random.normal(size=(3 * HEIGHT, 3 * WIDTH)), size) * size for size in (1, 2, 5)]
    total = np.sum(layers, axis=0)
    return 128 + 40 * total / total.std()


def picture(
    right: float, down: float, *, zoom: float = 1.0, noise: float = 0.0, seed: int = 0
) -> NDArray[np.float32]:
    """(36, 64) the middle of the scene, seen from a camera that has moved by this many pixels."""
    y, x = np.meshgrid(np.arange(HEIGHT) - HEIGHT / 2, np.arange(WIDTH) - WIDTH / 2, indexing="ij")
    places = np.stack([y / zoom + 1.5 * HEIGHT + down, x / zoom + 1.5 * WIDTH + right])
    sensor = np.random.default_rng(seed).normal(0, noise, (HEIGHT, WIDTH))
    return (map_coordinates(scene(), places, order=3) + sensor).astype(np.float32)


def motion(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """In px of the thumbnail."""
    return WIDTH * motion_between(first, second, spectrum_of(first), spectrum_of(second))


@given(st.floats(-16, 16), st.floats(-9, 9))
@settings(max_examples=60, deadline=None)
def test_a_shift_is_measured_as_long_as_it_is(right: float, down: float) -> None:
    """Up to a quarter of the picture each way, to a fifth of its length and half a thumbnail's pixel."""
    length = float(np.hypot(right, down))
    assert motion(picture(0, 0), picture(right, down)) == pytest.approx(length, rel=0.2, abs=0.5)


@pytest.mark.parametrize("zoom", [1.03, 1.06, 1.1])
def test_walking_forward_is_motion_too(zoom: float) -> None:
    """What grows from the middle has no shift; its mean step counts, to a factor of two."""
    y, x = np.meshgrid(np.arange(HEIGHT) - HEIGHT / 2, np.arange(WIDTH) - WIDTH / 2, indexing="ij")
    mean_step = float(np.hypot(x, y).mean()) * (1 - 1 / zoom)
    assert mean_step / 2 <= motion(picture(0, 0), picture(0, 0, zoom=zoom)) <= mean_step * 2


def test_a_change_of_brightness_is_no_motion() -> None:
    """Exposure that jumps by a tenth does not move the picture by half a pixel."""
    assert motion(picture(0, 0), picture(0, 0) * np.float32(1.1)) < 0.5


def test_noise_does_not_add_up() -> None:
    """A camera that stands for a minute before a noisy sensor has gone less than a third of a picture."""
    meter = MotionMeter()
    for number in range(600):
        meter.see(picture(0, 0, noise=0.5, seed=number), number / 10)
    assert meter.way < 0.03


@pytest.mark.parametrize("rate", [12, 30, 60])
def test_the_way_of_a_slow_pan_is_its_length_at_any_rate(rate: int) -> None:
    """Twenty pixels in four seconds, however many frames a second, to a sixth."""
    meter = MotionMeter()
    ways = [meter.see(picture(5 * n / rate, 0), n / rate) for n in range(4 * rate + 1)]
    assert np.all(np.diff(ways) >= 0)
    assert WIDTH * ways[-1] == pytest.approx(20, rel=1 / 6)
    assert np.count_nonzero(np.diff(ways)) <= 4 / INTERVAL_S


def test_pictures_without_anything_in_them_do_not_move() -> None:
    """Black, plain and tiny pictures have no motion, and no error either."""
    for shape in ((36, 64), (1, 1), (2, 5), (3, 3)):
        plain = np.full(shape, 7, np.float32)
        assert motion_between(plain, plain, spectrum_of(plain), spectrum_of(plain)) == 0
