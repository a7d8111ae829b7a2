"""The photometric loss: L1 and SSIM with mask and colour transform, and what a target must forget."""

import numpy as np
import pytest

from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import Engine, RenderSettings
from tests.contracts.harness import View, assert_close, cached_scatter, plain, view_of
from tests.contracts.scenes import look, photo, steady_scatter
from tests.reference.engine import ReferenceEngine

SETTINGS = RenderSettings(sh_degree=0, background=(0.4, 0.5, 0.2))
COLOUR = np.array(
    [[1.1, 0.05, -0.02, 0.03, -0.3], [0.01, 0.9, 0.04, -0.05, 0.2], [-0.03, 0.02, 1.2, 0.01, -0.4]],
    np.float32,
)


def blob(width: int, height: int) -> np.ndarray:
    """A mask that hides a disc and the right edge."""
    y, x = np.mgrid[:height, :width]
    return ((x - width / 3) ** 2 + (y - height / 2) ** 2 > (height / 4) ** 2) & (x < width - 2)


def view(engine: Engine, width: int = 40, height: int = 28) -> View:
    """The scene that is compared with a photo."""
    camera = look(width, height)
    scene = cached_scatter(0) if (width, height) == (40, 28) else steady_scatter(0, 8, 0, camera)
    return view_of(engine, scene, camera, SETTINGS)


@pytest.mark.parametrize("with_colour", [False, True])
@pytest.mark.parametrize("with_mask", [False, True])
@pytest.mark.parametrize("size", [(40, 28), (7, 5), (33, 11)])
def test_loss_and_slopes(
    fast_engine: Engine, size: tuple[int, int], with_mask: bool, with_colour: bool
) -> None:
    """Value, slope of every pixel and of the colour transform equal the reference, on sizes below the window too."""
    mask = blob(*size) if with_mask else None
    colour = COLOUR if with_colour else None
    results = []
    for engine in (fast_engine, ReferenceEngine()):
        target = engine.prepare_target(photo(look(*size)), mask)
        assert (target.width, target.height) == size
        results.append(
            engine.photometric_loss(view(engine, *size).rendering, target, ssim_weight=0.3, colour=colour)
        )
    got, wanted = results
    assert got.value == pytest.approx(wanted.value, rel=1e-5)
    assert_close(plain(got.grad_rgb), wanted.grad_rgb, 1e-4, "grad_rgb")
    assert (got.grad_colour is None) == (colour is None)
    if got.grad_colour is not None:
        assert_close(np.asarray(got.grad_colour, np.float64), wanted.grad_colour, 1e-4, "grad_colour")


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_loss_of_one_kind(fast_engine: Engine, weight: float) -> None:
    """Absolute difference alone and SSIM alone equal the reference."""
    got, wanted = (
        e.photometric_loss(view(e).rendering, e.prepare_target(photo(look())), ssim_weight=weight)
        for e in (fast_engine, ReferenceEngine())
    )
    assert got.value == pytest.approx(wanted.value, rel=1e-5)
    assert_close(plain(got.grad_rgb), wanted.grad_rgb, 1e-4, "grad_rgb")


def test_what_is_drawn_outside_the_mask_is_not_seen(engine: Engine) -> None:
    """One more Gaussian, wholly outside the mask, changes no digit of the loss or of a slope."""
    camera, scene = look(), cached_scatter(0)
    mask = np.ones((28, 40), bool)
    mask[8:20, 10:26] = False
    rotation, translation = camera.cam_from_world[:3, :3], camera.cam_from_world[:3, 3]
    middle = np.array([(18 - camera.cx) / camera.fx, (14 - camera.cy) / camera.fy, 1]) * 0.5
    more = Gaussians(
        means=np.concatenate([scene.means, [(middle - translation) @ rotation]]),
        quats=np.concatenate([scene.quats, [[1, 0, 0, 0]]]),
        log_scales=np.concatenate([scene.log_scales, [[-5, -5, -5]]]),
        opacity_logits=np.concatenate([scene.opacity_logits, [4]]),
        sh=np.concatenate([scene.sh, [[[2, 2, -2]]]]),
    )
    target = engine.prepare_target(photo(camera), mask)
    losses, pictures = [], []
    for gaussians in (scene, more):
        rendering = view_of(engine, gaussians, camera, SETTINGS).rendering
        loss = engine.photometric_loss(rendering, target, ssim_weight=0.3)
        losses.append((loss.value, plain(loss.grad_rgb).copy()))
        pictures.append(plain(rendering.rgb).copy())
    assert np.abs(pictures[0] - pictures[1]).max() > 0.3
    assert losses[0][0] == losses[1][0]
    np.testing.assert_array_equal(losses[0][1], losses[1][1])
    assert not losses[0][1][:, ~mask].any()
    assert losses[0][1][:, mask].any()


def test_nothing_left_to_compare(engine: Engine) -> None:
    """A mask that hides everything gives a loss of zero and no slopes, not a division by zero."""
    target = engine.prepare_target(photo(look()), np.zeros((28, 40), bool))
    loss = engine.photometric_loss(view(engine).rendering, target, ssim_weight=0.2, colour=COLOUR)
    assert loss.value == 0
    assert not plain(loss.grad_rgb).any()
    assert loss.grad_colour is not None
    assert not np.any(loss.grad_colour)


def test_full_mask_is_no_mask(engine: Engine) -> None:
    """A mask that hides nothing is the same as none."""
    rendering, image = view(engine).rendering, photo(look())
    targets = [engine.prepare_target(image, mask) for mask in (None, np.ones((28, 40), bool))]
    values = [engine.photometric_loss(rendering, target, ssim_weight=0.2).value for target in targets]
    assert values[0] == pytest.approx(values[1], rel=1e-6)


def test_identity_colour_is_no_colour(engine: Engine) -> None:
    """The transform that changes nothing changes nothing."""
    rendering, target = view(engine).rendering, engine.prepare_target(photo(look()))
    bare = engine.photometric_loss(rendering, target, ssim_weight=0.2)
    bare_value, bare_slopes = bare.value, plain(bare.grad_rgb).copy()
    identity = engine.photometric_loss(
        rendering, target, ssim_weight=0.2, colour=np.eye(3, 5, dtype=np.float32)
    )
    assert identity.value == pytest.approx(bare_value, rel=1e-6)
    assert_close(plain(identity.grad_rgb), bare_slopes, 1e-6, "grad_rgb")


def test_a_picture_equals_itself(engine: Engine) -> None:
    """An empty scene over a background that is the photo has no loss and nothing to learn."""
    camera = look()
    empty = view_of(engine, cached_scatter(0)[:0], camera, RenderSettings(background=(0.2, 0.4, 0.8)))
    target = engine.prepare_target(np.tile(np.array([51, 102, 204], np.uint8), (28, 40, 1)))
    loss = engine.photometric_loss(empty.rendering, target, ssim_weight=0.2)
    assert abs(loss.value) < 1e-6
    assert (
        np.abs(plain(loss.grad_rgb)).max() < 3e-4
    )  # 1/(3·28·40) where rounding leaves a sign of a difference
