"""Pictures: every engine draws what the reference draws, and obeys the laws of a camera."""

from dataclasses import replace

import numpy as np
import pytest

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import Engine, RenderSettings
from tests.contracts.harness import cached_scatter, make_engine, plain, view_of
from tests.contracts.scenes import SAFE_MARGIN, look, opaque_wall, photo, scatter, steady_scatter
from tests.reference.engine import ReferenceEngine

TOLERANCE = 2e-5
"""Largest error of a colour or an alpha: float32 sums of some thirty terms; a wrong decision costs 4e-3."""


def assert_same_picture(
    engine: Engine,
    gaussians: Gaussians,
    camera: PinholeCamera,
    settings: RenderSettings,
    tolerance: float = TOLERANCE,
) -> None:
    """Colour, alpha and depth are the reference's, on a scene where no decision hangs on rounding."""
    wanted = view_of(ReferenceEngine(), gaussians, camera, settings).rendering
    assert wanted.decisions.margin > SAFE_MARGIN, "choose another seed"
    got = view_of(engine, gaussians, camera, settings).rendering
    assert plain(got.rgb).shape == (3, camera.height, camera.width)
    np.testing.assert_allclose(plain(got.rgb), wanted.rgb, rtol=0, atol=tolerance)
    np.testing.assert_allclose(plain(got.alpha), wanted.alpha, rtol=0, atol=tolerance)
    np.testing.assert_allclose(plain(got.depth), wanted.depth, rtol=0, atol=10 * tolerance)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_picture_by_degree(fast_engine: Engine, degree: int) -> None:
    """Harmonics of every degree, over a background, with depth, equal the reference."""
    settings = RenderSettings(sh_degree=degree, background=(0.1, 0.6, 0.3), with_depth=True)
    assert_same_picture(fast_engine, cached_scatter(degree), look(), settings)


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (16, 16), (17, 33), (64, 9)])
def test_picture_of_any_size(fast_engine: Engine, size: tuple[int, int]) -> None:
    """Sizes that do not fill tiles, or fill exactly one, equal the reference up to the last pixel."""
    camera = look(*size)
    settings = RenderSettings(sh_degree=1, with_depth=True)
    assert_same_picture(fast_engine, steady_scatter(3, 12, 1, camera, settings), camera, settings)


def test_picture_antialiased(fast_engine: Engine) -> None:
    """The opacity compensation equals the reference, on Gaussians far smaller than a pixel too."""
    camera, settings = look(), RenderSettings(sh_degree=0, antialiased=True, with_depth=True)
    gaussians = steady_scatter(0, 25, 0, camera, settings)
    small = replace(
        gaussians,
        log_scales=gaussians.log_scales - np.linspace(0, 3, 25, dtype=np.float32)[:, None],
        opacity_logits=gaussians.opacity_logits + 2,
    )
    for scene in (gaussians, small):
        assert_same_picture(fast_engine, scene, camera, settings)


def test_picture_where_pixels_end_early(fast_engine: Engine) -> None:
    """Behind enough opaque Gaussians a pixel stops, exactly where the reference stops."""
    camera, settings = look(), RenderSettings(sh_degree=0, background=(1, 1, 1), with_depth=True)
    wall = opaque_wall(camera, 40)
    decisions = view_of(ReferenceEngine(), wall, camera, settings).rendering.decisions
    assert not decisions.active[-1].any(), "the last layer must be hidden everywhere"
    assert_same_picture(fast_engine, wall, camera, settings)


CROWD_SEED = {31: 5, 32: 4, 33: 4, 150: 4}
"""Seeds of crowds in which no decision hangs on rounding."""


@pytest.mark.parametrize("count", [31, 32, 33, 150])
def test_picture_of_crowded_tiles(fast_engine: Engine, count: int) -> None:
    """Lists around and far beyond an engine's chunk of 32 lose nothing."""
    camera, settings = look(20, 12), RenderSettings(sh_degree=0, with_depth=True)
    crowd = scatter(CROWD_SEED[count], count, 0, camera)
    faint = replace(crowd, log_scales=crowd.log_scales + 1, opacity_logits=np.full(count, -3.0))
    assert_same_picture(fast_engine, faint, camera, settings)


def test_stored_degree_above_the_asked_one_changes_nothing(engine: Engine) -> None:
    """With ``sh_degree`` 1 the coefficients of degrees 2 and 3 have no effect."""
    full = cached_scatter(3)
    cut = replace(full, sh=full.sh[:, :4])
    settings = RenderSettings(sh_degree=1)
    pictures = [plain(view_of(engine, g, look(), settings).rendering.rgb) for g in (full, cut)]
    np.testing.assert_allclose(pictures[0], pictures[1], atol=1e-6)


def test_empty_scene_is_background(engine: Engine) -> None:
    """No Gaussians: the background everywhere, no coverage, no depth."""
    settings = RenderSettings(background=(0.2, 0.4, 0.6), with_depth=True)
    rendering = view_of(engine, scatter(0, 0, 1, look()), look(), settings).rendering
    background = np.broadcast_to(np.array(settings.background)[:, None, None], (3, 28, 40))
    np.testing.assert_allclose(plain(rendering.rgb), background, atol=1e-7)
    assert not plain(rendering.alpha).any()
    assert not plain(rendering.depth).any()


def in_front_of(camera: PinholeCamera, depths: list[float], log_scale: float) -> Gaussians:
    """One round red Gaussian at each depth on the optical axis."""
    rotation, translation = camera.cam_from_world[:3, :3], camera.cam_from_world[:3, 3]
    count = len(depths)
    return Gaussians(
        means=(np.array([[0.01 * i, 0, z] for i, z in enumerate(depths)]) - translation) @ rotation,
        quats=np.tile([1.0, 0, 0, 0], (count, 1)),
        log_scales=np.full((count, 3), log_scale),
        opacity_logits=np.full(count, 2.0),
        sh=np.tile([[1.0, -1.0, -1.0]], (count, 1, 1)),
    )


def test_nothing_behind_the_camera(engine: Engine) -> None:
    """Gaussians behind the camera or at its very centre are not drawn, however large."""
    camera = look()
    rendering = view_of(engine, in_front_of(camera, [-3.0, -0.5, 0.0], 0.5), camera).rendering
    assert not plain(rendering.alpha).any()


def test_camera_inside_a_gaussian(fast_engine: Engine) -> None:
    """A camera within the body of a Gaussian whose centre lies ahead sees what the reference sees, all finite."""
    camera, settings = look(), RenderSettings(sh_degree=0, with_depth=True)
    assert_same_picture(fast_engine, in_front_of(camera, [0.05, 0.6, 1.0], 0.7), camera, settings)


def test_near_is_a_setting(engine: Engine) -> None:
    """A Gaussian nearer than ``near`` is not drawn, one beyond it is."""
    camera = look()
    scene = in_front_of(camera, [0.5], -3.0)
    covered = [
        plain(view_of(engine, scene, camera, RenderSettings(near=near)).rendering.alpha).max()
        for near in (0.4, 0.6)
    ]
    assert covered[0] > 0.5
    assert covered[1] == 0


def test_extreme_parameters(fast_engine: Engine) -> None:
    """Needles, specks, giants, opacities near 0 and 1, and quaternions of odd lengths stay finite and right.

    A needle's determinant loses digits in float32 (a·c - b² of nearly equal terms), hence the wider tolerance.
    """
    camera, settings = look(), RenderSettings(sh_degree=0, with_depth=True)
    normal = scatter(1, 8, 0, camera)
    log_scales = normal.log_scales.copy()
    log_scales[:4] = [[-14, -14, -14], [-9, -1, -9], [2, 2, 2], [1, -6, -6]]
    opacity_logits = np.array([20, 3, -2, 1, -12, 2, 0.5, -4], np.float32)
    quats = normal.quats * np.array([1e-3, 50, 1, 1, 1, 1, 1e-2, 1], np.float32)[:, None]
    scene = replace(normal, quats=quats, log_scales=log_scales, opacity_logits=opacity_logits)
    assert_same_picture(fast_engine, scene, camera, settings, tolerance=5e-4)


def test_moving_world_and_camera_together_changes_nothing(engine: Engine) -> None:
    """A picture depends on where the camera stands among the Gaussians, not on the origin."""
    gaussians, camera = cached_scatter(2), look()
    shift = np.array([1.5, -0.75, 2.25], np.float32)
    pose = camera.cam_from_world.copy()
    pose[:3, 3] -= pose[:3, :3] @ shift
    moved_camera = replace(camera, cam_from_world=pose)
    moved = replace(gaussians, means=gaussians.means + shift)
    here = plain(view_of(engine, gaussians, camera).rendering.rgb)
    there = plain(view_of(engine, moved, moved_camera).rendering.rgb)
    np.testing.assert_allclose(there, here, atol=5e-5)


def test_storage_order_does_not_matter(engine: Engine) -> None:
    """Gaussians given in another order make the same picture."""
    gaussians, camera = cached_scatter(1), look()
    shuffled = gaussians[np.random.default_rng(0).permutation(len(gaussians))]
    pictures = [plain(view_of(engine, g, camera).rendering.rgb) for g in (gaussians, shuffled)]
    np.testing.assert_allclose(pictures[0], pictures[1], atol=1e-6)


def test_white_gaussians_show_alpha(engine: Engine) -> None:
    """Where every Gaussian is white over black, each colour channel is the alpha."""
    gaussians = cached_scatter(0)
    white = replace(gaussians, sh=np.full((25, 1, 3), 0.5 / 0.28209479177387814))
    rendering = view_of(engine, white, look()).rendering
    for channel in plain(rendering.rgb):
        np.testing.assert_allclose(channel, plain(rendering.alpha), atol=2e-6)


def test_depth_is_free_only_when_not_asked_for(engine: Engine) -> None:
    """Without ``with_depth`` the depth is zero; with it, colour and alpha stay the same."""
    gaussians = cached_scatter(0)
    without = view_of(engine, gaussians, look(), RenderSettings(sh_degree=0)).rendering
    colour, depth = plain(without.rgb).copy(), plain(without.depth).copy()
    with_depth = view_of(engine, gaussians, look(), RenderSettings(sh_degree=0, with_depth=True)).rendering
    assert not depth.any()
    assert plain(with_depth.depth).max() > 0.5
    np.testing.assert_allclose(plain(with_depth.rgb), colour, atol=1e-6)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_change_a_bit(threads: int) -> None:
    """The CPU engine's picture and gradients are the same, bit for bit, for one, two and three threads."""
    answers = []
    for count in (2, threads):
        engine = make_engine("cpu", threads=count)
        view = view_of(engine, cached_scatter(3), look(), RenderSettings(with_depth=True))
        loss = engine.photometric_loss(view.rendering, engine.prepare_target(photo(look())), ssim_weight=0.2)
        fields, _ = view.gradients(loss.grad_rgb)
        answers.append([plain(view.rendering.rgb).copy(), plain(loss.grad_rgb).copy(), *fields.values()])
    for two, other in zip(*answers, strict=True):
        np.testing.assert_array_equal(two, other)
