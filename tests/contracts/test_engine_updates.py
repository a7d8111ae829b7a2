"""Updates: Adam by hand, statistics by hand, and who is left alone."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import Engine, LearningRates, RenderSettings, SplatArrays, Splats
from tests.contracts.harness import (
    RATES,
    Fields,
    assert_close,
    cached_scatter,
    fields_of,
    group_of,
    make_engine,
    place_of,
    plain,
    some_slopes,
    view_of,
)
from tests.contracts.scenes import look, photo, steady_scatter
from tests.reference.adam import adam_step
from tests.reference.engine import STATISTICS, ReferenceEngine, rates_of
from tests.reference.gradients import PictureGradient
from tests.reference.projection import PARAMETERS

CAMERA = look(20, 14)
SETTINGS = RenderSettings(sh_degree=1)
STILL = LearningRates(means=0, quats=0, log_scales=0, opacity_logits=0, sh_dc=0, sh_rest=0)


def scene_with_one_behind() -> Gaussians:
    """Six Gaussians that the camera sees and, last, one that stands behind it."""
    seen = steady_scatter(0, 6, 1, CAMERA, SETTINGS)
    rotation, translation = CAMERA.cam_from_world[:3, :3], CAMERA.cam_from_world[:3, 3]
    behind = ([0, 0, -2] - translation) @ rotation
    return Gaussians(
        means=np.concatenate([seen.means, behind[None]]),
        quats=np.concatenate([seen.quats, seen.quats[:1]]),
        log_scales=np.concatenate([seen.log_scales, seen.log_scales[:1]]),
        opacity_logits=np.concatenate([seen.opacity_logits, [1.0]]),
        sh=np.concatenate([seen.sh, seen.sh[:1]]),
    )


def experienced(engine: Engine, gaussians: Gaussians) -> Splats:
    """Splats that already have moments."""
    arrays = engine.read(engine.create(gaussians, sh_degree=gaussians.sh_degree))
    rng = np.random.default_rng(0)
    places = place_of(arrays.means, gaussians.means)
    for name in PARAMETERS:
        shape = getattr(gaussians, name).shape
        first, second = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        first[places], second[places] = rng.normal(0, 1e-2, shape), rng.uniform(0, 1e-3, shape)
        arrays.first_moments[name], arrays.second_moments[name] = (
            engine.xp.asarray(first),
            engine.xp.asarray(second),
        )
    return engine.write(arrays)


def everything(arrays: SplatArrays, means: np.ndarray) -> tuple[Fields, Fields, Fields, np.ndarray]:
    """Parameters, first and second moments in the order of ``means``, and the places."""
    places = place_of(arrays.means, means)
    moments = group_of(arrays.first_moments, places), group_of(arrays.second_moments, places)
    return fields_of(arrays, places), *moments, places


@pytest.mark.parametrize(("step", "with_depth"), [(1, False), (7, True), (4000, False)])
def test_update_is_backward_and_adam(engine: Engine, step: int, with_depth: bool) -> None:
    """One fused update equals the engine's own gradients put through Adam by hand; the unseen one stays as it was."""
    given, gaussians = some_slopes(CAMERA, alpha=with_depth, depth=with_depth), scene_with_one_behind()
    slopes, alpha, depth = (None if s is None else engine.xp.asarray(s) for s in given.all)
    splats = experienced(engine, gaussians)
    rendering = engine.rasterize(splats, CAMERA, replace(SETTINGS, with_depth=with_depth))
    values, first, second, places = everything(engine.read(splats), gaussians.means)
    answer = engine.backward(splats, rendering, slopes, alpha, depth)
    gradients, slope = fields_of(answer, places), np.append(answer.pose, answer.focal)
    turned = engine.update(
        splats,
        rendering,
        slopes,
        rates=RATES,
        step=step,
        with_camera=True,
        grad_alpha=alpha,
        grad_depth=depth,
    )
    after = engine.read(splats)
    moments = group_of(after.first_moments, places), group_of(after.second_moments, places)
    for name in PARAMETERS:
        rate = rates_of(RATES, name, values[name].shape)
        wanted = adam_step(values[name], first[name], second[name], gradients[name], rate=rate, step=step)
        got = plain(getattr(after, name))[places], moments[0][name], moments[1][name]
        for what, new, right, old in zip(
            ("value", "m", "v"), got, wanted, (values[name], first[name], second[name]), strict=True
        ):
            tolerance = 2e-6 * max(1.0, float(np.abs(right).max()))
            np.testing.assert_allclose(
                new[:-1], right[:-1], rtol=2e-5, atol=tolerance, err_msg=f"{what} of {name}"
            )
            np.testing.assert_array_equal(new[-1], old[-1], err_msg=f"{what} of {name}, unseen")
    assert turned is not None
    assert_close(turned.values, slope, 1e-5, "camera")


def test_update_moves_by_the_rate(engine: Engine) -> None:
    """From zero moments the first step of every parameter that has a slope is its rate against the slope's sign."""
    gaussians, slopes = scene_with_one_behind(), engine.xp.asarray(some_slopes(CAMERA).rgb)
    view = view_of(engine, gaussians, CAMERA, SETTINGS)
    gradients, _ = view.gradients(slopes)
    before = fields_of(engine.read(view.splats), view.places)
    assert engine.update(view.splats, view.rendering, slopes, rates=RATES, step=1) is None
    after = fields_of(engine.read(view.splats), view.places)
    for name in PARAMETERS:
        clear = np.abs(gradients[name]) > 1e-4
        assert clear.any()
        expected = -rates_of(RATES, name, before[name].shape) * np.sign(gradients[name])
        np.testing.assert_allclose((after[name] - before[name])[clear], expected[clear], atol=2e-6)


def collected(engine: Engine, gaussians: Gaussians, cameras: list[PinholeCamera]) -> Fields:
    """The statistics after one update per camera with rates of zero."""
    splats = engine.create(gaussians, sh_degree=1)
    places = place_of(engine.read(splats).means, gaussians.means)
    for step, camera in enumerate(cameras, 1):
        rendering = engine.rasterize(splats, camera, SETTINGS)
        slopes = engine.xp.asarray(some_slopes(camera).rgb)
        engine.update(splats, rendering, slopes, rates=STILL, step=step, collect=True)
    return group_of(engine.read(splats).statistics, places)


def test_statistics_equal_the_reference(fast_engine: Engine) -> None:
    """Screen gradients, their absolute form, counts and radii equal those of the reference, over two views."""
    gaussians = scene_with_one_behind()
    cameras = [CAMERA, look(24, 10)]
    got, wanted = (collected(e, gaussians, cameras) for e in (fast_engine, ReferenceEngine()))
    assert set(got) == set(STATISTICS)
    for name in STATISTICS:
        np.testing.assert_allclose(got[name], wanted[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_statistics_obey_their_laws(engine: Engine) -> None:
    """Counts are whole; the absolute gradient is never the smaller; a second look adds the same again."""
    gaussians = scene_with_one_behind()
    once, twice = (collected(engine, gaussians, [CAMERA] * n) for n in (1, 2))
    np.testing.assert_array_equal(once["views"], [1, 1, 1, 1, 1, 1, 0])
    assert np.all(once["abs_screen_gradient"] >= once["screen_gradient"] * (1 - 1e-5))
    assert not any(values[-1] for values in once.values()), "nothing is known of what was not seen"
    for name in ("screen_gradient", "abs_screen_gradient", "views"):
        np.testing.assert_allclose(twice[name], 2 * once[name], rtol=1e-6)
    np.testing.assert_array_equal(twice["max_radius"], once["max_radius"])


def test_screen_gradient_is_a_slope_per_pixel() -> None:
    """The reference's screen gradient is what moving a Gaussian's image by a pixel fraction does to the loss."""
    engine, gaussians = ReferenceEngine(), scene_with_one_behind()
    view = view_of(engine, gaussians, CAMERA, SETTINGS)
    slopes = some_slopes(CAMERA).rgb
    screen = engine.screen(view.rendering, PictureGradient(rgb=slopes))
    along = collected(engine, gaussians, [CAMERA])["screen_gradient"]
    losses = []
    for sign in (1, -1):
        # A principal point that moves by h px moves every Gaussian's image by h px and no covariance.
        moved = replace(CAMERA, cx=CAMERA.cx + sign * 1e-5)
        losses.append((slopes * engine.rasterize(view.splats, moved, SETTINGS).rgb).sum())
    assert screen.records[:, 0].sum() == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-5)
    assert along == pytest.approx(np.hypot(screen.records[:, 0], screen.records[:, 1]))


def test_without_collect_nothing_is_counted(engine: Engine) -> None:
    """Statistics grow only when they are asked for."""
    view = view_of(engine, scene_with_one_behind(), CAMERA, SETTINGS)
    slopes = engine.xp.asarray(some_slopes(CAMERA).rgb)
    engine.update(view.splats, view.rendering, slopes, rates=RATES, step=1)
    assert not any(plain(v).any() for v in engine.read(view.splats).statistics.values())


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 40])
def test_read_after_write_is_what_was_written(engine: Engine, count: int) -> None:
    """Parameters and moments survive the round trip at any count, bit for bit; statistics start anew."""
    rng = np.random.default_rng(count)
    shapes = {"means": (count, 3), "quats": (count, 4), "log_scales": (count, 3), "opacity_logits": (count,)}
    shapes["sh"] = (count, 9, 3)

    def some() -> dict[str, Any]:
        return {n: engine.xp.asarray(rng.normal(size=s).astype(np.float32)) for n, s in shapes.items()}

    arrays = SplatArrays(
        **some(),
        first_moments=some(),
        second_moments=some(),
        statistics={name: engine.xp.ones(count, "float32") for name in STATISTICS},
    )
    kept = copy.deepcopy(arrays)
    splats = engine.write(arrays)
    assert splats.num_gaussians == count
    result = engine.read(splats)
    places = place_of(result.means, plain(kept.means).astype(np.float32))
    for name in PARAMETERS:
        np.testing.assert_array_equal(plain(getattr(result, name))[places], plain(getattr(kept, name)))
        np.testing.assert_array_equal(
            plain(result.first_moments[name])[places], plain(kept.first_moments[name])
        )
        np.testing.assert_array_equal(
            plain(result.second_moments[name])[places], plain(kept.second_moments[name])
        )
    assert set(result.statistics) == set(STATISTICS)
    assert all(v.shape == (count,) and not plain(v).any() for v in result.statistics.values())


def test_read_is_a_copy(engine: Engine) -> None:
    """What is done to the arrays that were read does not reach the splats."""
    view = view_of(engine, scene_with_one_behind(), CAMERA, SETTINGS)
    before = plain(view.rendering.rgb).copy()
    arrays = engine.read(view.splats)
    arrays.means += 1
    arrays.sh *= 0
    np.testing.assert_array_equal(plain(engine.rasterize(view.splats, CAMERA, SETTINGS).rgb), before)


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_create_cuts_or_pads_harmonics(engine: Engine, degree: int) -> None:
    """``create`` keeps what fits in the degree asked for and fills the rest with zeros; moments start at zero."""
    gaussians = cached_scatter(2)
    arrays = engine.read(engine.create(gaussians, sh_degree=degree))
    places, count = place_of(arrays.means, gaussians.means), (degree + 1) ** 2
    wanted = np.zeros((25, count, 3))
    wanted[:, : min(count, 9)] = gaussians.sh[:, :count]
    np.testing.assert_array_equal(plain(arrays.sh)[places], wanted)
    for name in PARAMETERS:
        assert arrays.first_moments[name].shape == getattr(arrays, name).shape
        assert not plain(arrays.first_moments[name]).any()
        assert not plain(arrays.second_moments[name]).any()


def test_empty_scene_can_be_updated(engine: Engine) -> None:
    """No Gaussians: an update does nothing and does not fail."""
    view = view_of(engine, cached_scatter(1)[:0], CAMERA, SETTINGS)
    slopes = engine.xp.asarray(some_slopes(CAMERA).rgb)
    engine.update(view.splats, view.rendering, slopes, rates=RATES, step=1, collect=True, with_camera=True)
    assert view.splats.num_gaussians == 0


def test_training_lowers_the_loss(engine: Engine) -> None:
    """A few steps towards a photo make the picture more like it."""
    splats = engine.create(scene_with_one_behind(), sh_degree=1)
    target = engine.prepare_target(photo(CAMERA))
    losses: list[float] = []
    for step in range(1, 9):
        rendering = engine.rasterize(splats, CAMERA, SETTINGS)
        loss = engine.photometric_loss(rendering, target, ssim_weight=0.2)
        losses.append(loss.value)
        engine.update(splats, rendering, loss.grad_rgb, rates=RATES, step=step)
    assert losses[-1] < losses[0] - 0.005


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_change_a_bit_of_an_update(threads: int) -> None:
    """Parameters and statistics after three updates are the same, bit for bit, for one, two and three threads."""
    results = []
    for count in (2, threads):
        engine = make_engine("cpu", threads=count)
        splats = engine.create(cached_scatter(3), sh_degree=3)
        for step in range(1, 4):
            rendering = engine.rasterize(splats, look(), RenderSettings())
            engine.update(splats, rendering, some_slopes(look()).rgb, rates=RATES, step=step, collect=True)
        results.append(engine.read(splats))
    for name in PARAMETERS:
        np.testing.assert_array_equal(getattr(results[0], name), getattr(results[1], name))
    for name in STATISTICS:
        np.testing.assert_array_equal(results[0].statistics[name], results[1].statistics[name])


@pytest.mark.parametrize("count", [0, 1, 2, 5, 300])
def test_nearest_distances(engine: Engine, count: int) -> None:
    """The three nearest other points equal brute force; twins are at distance zero; what is missing is infinite."""
    points = np.random.default_rng(count).normal(size=(count, 3)).astype(np.float32)
    if count > 4:
        points[1] = points[0]
    wanted = ReferenceEngine().nearest_distances(points, 3)
    got = engine.nearest_distances(points, 3)
    assert got.shape == (count, 3)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
