"""Targets: what an engine keeps of a training picture, and the smaller ones that it makes of it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.media.images import resize_image
from roomsplat.media.masks import shrink_mask
from roomsplat.render.base import Engine, RenderSettings
from tests.contracts.harness import assert_close, cached_scatter, plain, view_of
from tests.contracts.scenes import look

SIZES = [(40, 28), (41, 23), (20, 14), (13, 9), (5, 3), (1, 1)]


def noise(width: int, height: int) -> NDArray[np.uint8]:
    """Edges of every strength in every direction."""
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)


def hidden_spots(width: int, height: int) -> NDArray[np.bool_]:
    """A mask with a hidden block, a hidden pixel and a hidden edge."""
    mask = np.ones((height, width), bool)
    mask[8:15, 6:19] = False
    mask[20, 30] = False
    mask[:, -1] = False
    return mask


def levels(pixels: object) -> NDArray[np.int64]:
    """Grey levels that can be subtracted."""
    return plain(pixels).astype(np.int64)


def test_a_target_keeps_its_picture(engine: Engine) -> None:
    """Every pixel comes back, under a mask too."""
    image = noise(41, 28)
    for mask in (None, hidden_spots(41, 28)):
        target = engine.prepare_target(image, mask)
        assert (target.width, target.height) == (41, 28)
        np.testing.assert_array_equal(levels(target.pixels), image)


@pytest.mark.parametrize("size", SIZES)
def test_a_reduced_target_is_the_reduced_picture(engine: Engine, size: tuple[int, int]) -> None:
    """Within one grey level of what the host makes of the same picture, at even and odd shares, down to one pixel."""
    image = noise(41, 28)
    reduced = engine.reduce_target(engine.prepare_target(image), *size)
    assert (reduced.width, reduced.height) == size
    assert np.abs(levels(reduced.pixels) - resize_image(image, *size)).max() <= 1


def test_reducing_changes_nothing_of_the_full_picture(engine: Engine) -> None:
    """The full target can be reduced again and again."""
    image = noise(41, 28)
    full = engine.prepare_target(image)
    first = levels(engine.reduce_target(full, 10, 7).pixels)
    engine.reduce_target(full, 20, 14)
    np.testing.assert_array_equal(levels(engine.reduce_target(full, 10, 7).pixels), first)
    np.testing.assert_array_equal(levels(full.pixels), image)


@pytest.mark.parametrize("divisor", [1, 2, 3])
def test_a_reduced_mask_lets_nothing_hidden_in(fast_engine: Engine, divisor: int) -> None:
    """The loss against a reduced target is that against the reduced picture with the mask of ``shrink_mask``."""
    width, height = 40, 28
    image, mask = noise(width, height), hidden_spots(width, height)
    size = round(width / divisor), round(height / divisor)
    made = fast_engine.reduce_target(fast_engine.prepare_target(image, mask), *size)
    wanted = fast_engine.prepare_target(plain(made.pixels).astype(np.uint8), shrink_mask(mask, *size))
    losses = []
    for target in (made, wanted):
        rendering = view_of(
            fast_engine, cached_scatter(0), look(*size), RenderSettings(sh_degree=0)
        ).rendering
        loss = fast_engine.photometric_loss(rendering, target, ssim_weight=0.2)
        losses.append((loss.value, plain(loss.grad_rgb).copy()))
    assert losses[0][0] == pytest.approx(losses[1][0], rel=1e-6)
    assert_close(losses[0][1], losses[1][1], 1e-6, "grad_rgb")


@pytest.mark.parametrize("masked", [False, True])
def test_hidden_pixels_are_those_of_a_mask(fast_engine: Engine, masked: bool) -> None:
    """Hiding pixels of a target gives what a target made with that mask gives, and leaves the first one as it was."""
    image, own = noise(40, 28), hidden_spots(40, 28) if masked else None
    shown = np.ones((28, 40), bool)
    shown[3:11, 14:33] = False
    both = shown if own is None else shown & own
    given = fast_engine.prepare_target(image, own)
    hidden = fast_engine.hide_pixels(given, fast_engine.xp.asarray(shown))
    pairs = (hidden, fast_engine.prepare_target(image, both)), (given, fast_engine.prepare_target(image, own))
    for made, wanted in pairs:
        losses = []
        for target in (made, wanted):
            settings = RenderSettings(sh_degree=0)
            rendering = view_of(fast_engine, cached_scatter(0), look(40, 28), settings).rendering
            loss = fast_engine.photometric_loss(rendering, target, ssim_weight=0.2)
            losses.append((loss.value, plain(loss.grad_rgb).copy()))
        assert losses[0][0] == losses[1][0]
        np.testing.assert_array_equal(losses[0][1], losses[1][1])


def test_hiding_everything_is_no_loss(fast_engine: Engine) -> None:
    """Nothing counts: the loss is zero and so is its gradient."""
    target = fast_engine.hide_pixels(
        fast_engine.prepare_target(noise(40, 28)), fast_engine.xp.zeros((28, 40), bool)
    )
    rendering = view_of(fast_engine, cached_scatter(0), look(40, 28), RenderSettings(sh_degree=0)).rendering
    loss = fast_engine.photometric_loss(rendering, target, ssim_weight=0.2)
    assert loss.value == 0
    assert not plain(loss.grad_rgb).any()
