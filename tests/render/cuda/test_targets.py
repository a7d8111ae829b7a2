"""Targets on the device: what they keep, and how they shrink."""

import numpy as np
import pytest

from roomsplat.media.images import resize_image
from roomsplat.media.masks import shrink_mask
from roomsplat.render.cuda.resampling import BOX, FRACTION_BITS, LANCZOS, Window, window_table
from roomsplat.render.cuda.targets import Targets
from tests.emulator.device import EmulatedDevice


@pytest.fixture(scope="module")
def targets() -> Targets:
    """One for all."""
    return Targets(EmulatedDevice())


def photo(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Hard edges and noise: what a filter has most trouble with."""
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    image[: height // 2, : width // 3] = 255
    image[height // 2 :, width // 2 :] = 0
    return image


def holes(width: int, height: int) -> np.ndarray:
    """A mask with single hidden pixels and a hidden corner."""
    mask = np.random.default_rng(1).uniform(size=(height, width)) > 0.01
    mask[: height // 4, : width // 4] = False
    return mask


def test_a_target_is_the_picture(targets: Targets) -> None:
    """Pixels come back as they went in; the mask and its count too."""
    image, mask = photo(37, 21), holes(37, 21)
    target = targets.prepare(image, mask)
    assert (target.width, target.height) == (37, 21)
    np.testing.assert_array_equal(target.pixels, image)
    assert target.planes.flags.c_contiguous
    np.testing.assert_array_equal(target.mask, mask * np.uint8(255))
    assert int(target.used[0]) == mask.sum()


def test_a_full_mask_is_none(targets: Targets) -> None:
    """It would cost a byte a pixel and change nothing."""
    target = targets.prepare(photo(9, 7), np.ones((7, 9), bool))
    assert target.mask is None
    assert target.used is None


@pytest.mark.parametrize(
    "size", [(54, 96), (27, 48), (14, 24), (107, 50), (53, 191), (13, 7), (1, 1), (107, 191), (150, 200)]
)
def test_smaller_as_on_the_host(targets: Targets, size: tuple[int, int]) -> None:
    """Picture, mask and count equal what the CPU's training makes of them, digit by digit."""
    image, mask = photo(107, 191), holes(107, 191)
    target = targets.reduce(targets.prepare(image, mask), *size)
    assert (target.width, target.height) == size
    np.testing.assert_array_equal(target.pixels, resize_image(image, *size))
    wanted = shrink_mask(mask, *size)
    np.testing.assert_array_equal(target.mask, wanted * np.uint8(255))
    assert int(target.used[0]) == wanted.sum()


def test_no_mask_stays_none(targets: Targets) -> None:
    """A target without a mask shrinks to one without."""
    assert targets.reduce(targets.prepare(photo(20, 30), None), 10, 15).mask is None


@pytest.mark.parametrize("window", [BOX, LANCZOS])
@pytest.mark.parametrize(
    ("old", "new"), [(1915, 958), (1915, 479), (1076, 269), (7, 3), (3, 7), (5, 1), (1, 4)]
)
def test_weights_sum_to_one(window: Window, old: int, new: int) -> None:
    """Every new pixel is a mean of pixels that exist, right to half a step of every weight."""
    firsts, weights = window_table(window, old, new)
    assert firsts.shape == (new,)
    assert firsts.min() >= 0
    assert firsts.max() + weights.shape[1] <= old
    assert np.abs(weights.sum(axis=1) - (1 << FRACTION_BITS)).max() <= weights.shape[1] / 2
    assert np.abs(weights).sum(axis=1).max() * 255 + (1 << FRACTION_BITS - 1) < 1 << 31
