"""What is particular to the CPU engine; what every engine owes is in tests/contracts."""

import dataclasses
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.morton import morton_order
from roomsplat.render.base import RenderSettings
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.render.cpu.targets import MomentBudget
from tests.render.scenes import RATES, camera, cloud, photo, single

COLOUR = np.array([[1.1, 0.02, 0, 0.01, -0.2], [0, 0.9, 0.01, 0, 0.1], [0.03, 0, 1, -0.02, 0]], np.float32)


def train(threads: int, width: int, height: int, count: int) -> dict[str, np.ndarray]:
    """Three steps with everything switched on; all results as arrays."""
    engine, view = CpuEngine(threads), camera(width, height)
    splats = engine.create(cloud(count), sh_degree=3)
    mask = np.ones((height, width), bool)
    mask[: height // 3, : width // 2] = False
    target = engine.prepare_target(photo(view), mask)
    results: dict[str, np.ndarray] = {}
    for step in (1, 2, 3):
        rendering = engine.rasterize(splats, view, RenderSettings(sh_degree=step, with_depth=True))
        loss = engine.photometric_loss(rendering, target, ssim_weight=0.2, colour=COLOUR)
        results[f"rgb {step}"], results[f"depth {step}"] = rendering.rgb.copy(), rendering.depth.copy()
        results[f"loss {step}"] = np.array(loss.value)
        slope = engine.update(
            splats, rendering, loss.grad_rgb, rates=RATES, step=step, collect=True, with_camera=True
        )
        assert slope is not None
        assert loss.grad_colour is not None
        results[f"camera {step}"], results[f"colour {step}"] = slope.values, loss.grad_colour
    arrays = engine.read(splats)
    for name in ("means", "quats", "log_scales", "opacity_logits", "sh"):
        results[name] = getattr(arrays, name)
        results[f"v of {name}"] = arrays.second_moments[name]
    return results | arrays.statistics


@pytest.mark.parametrize(("width", "height", "count"), [(83, 61, 501), (16, 16, 16), (150, 37, 900)])
def test_threads_do_not_change_a_bit(width: int, height: int, count: int) -> None:
    """Pictures, losses, parameters, moments, statistics and camera slopes are the same bits for 1, 2 and 3 threads."""
    one = train(1, width, height, count)
    for threads in (2, 3):
        for name, value in train(threads, width, height, count).items():
            np.testing.assert_array_equal(value, one[name], err_msg=f"{name}, {threads} threads")
    assert all(np.isfinite(value).all() for value in one.values())


def test_broken_gaussians_are_not_drawn_and_spread_nothing() -> None:
    """NaN, infinite and enormous parameters leave picture and gradients of the others as if they were not there."""
    scene, view, settings = cloud(320), camera(), RenderSettings(sh_degree=1)
    fields = {
        name: getattr(scene, name).copy() for name in ("means", "quats", "log_scales", "opacity_logits", "sh")
    }
    broken = np.arange(0, 320, 7)
    hidden = {name: value.copy() for name, value in fields.items()}
    hidden["opacity_logits"][broken] = -30
    for i, (name, value) in enumerate(
        [
            ("means", np.nan),
            ("quats", np.nan),
            ("log_scales", 80.0),
            ("opacity_logits", np.nan),
            ("means", np.inf),
            ("quats", 0.0),
            ("log_scales", np.inf),
            ("log_scales", np.nan),
        ]
    ):
        fields[name][broken[i::8]] = value
    pictures, gradients = [], []
    for values in (fields, hidden):
        engine = CpuEngine(2)
        splats = engine.create(Gaussians(**values), sh_degree=1)
        rendering = engine.rasterize(splats, view, settings)
        pictures.append(rendering.rgb.copy())
        slopes = np.sin(np.arange(pictures[0].size, dtype=np.float32)).reshape(pictures[0].shape)
        found = engine.backward(splats, rendering, slopes)
        kept = np.isfinite(engine.read(splats).means).all(axis=1)
        assert np.isfinite(found.means[kept]).all()
        gradients.append(np.abs(found.opacity_logits).sum())
        assert np.isfinite(found.pose).all()
    np.testing.assert_array_equal(pictures[0], pictures[1])
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-6)


def test_nothing_in_view() -> None:
    """A camera that sees nothing draws the background, and an update changes nothing."""
    engine, view = CpuEngine(2), camera()
    splats = engine.create(single(z=-3), sh_degree=0)
    rendering = engine.rasterize(splats, view, RenderSettings(background=(0.1, 0.2, 0.3)))
    assert rendering.count == 0
    np.testing.assert_allclose(
        rendering.rgb, np.broadcast_to([[[0.1]], [[0.2]], [[0.3]]], rendering.rgb.shape)
    )
    before = engine.read(splats)
    slope = engine.update(
        splats, rendering, np.ones_like(rendering.rgb), rates=RATES, step=1, with_camera=True
    )
    assert slope is not None
    assert not slope.values.any()
    np.testing.assert_array_equal(engine.read(splats).means, before.means)


def test_an_old_rendering_is_refused() -> None:
    """A view's buffers are overwritten by the next: using the old one is a bug and says so."""
    engine, view = CpuEngine(2), camera()
    splats = engine.create(cloud(50), sh_degree=0)
    old = engine.rasterize(splats, view, RenderSettings())
    engine.rasterize(splats, view, RenderSettings())
    with pytest.raises(AssertionError, match="no longer valid"):
        engine.backward(splats, old, np.zeros((3, 61, 83), np.float32))


def test_untrained_harmonics_are_left_alone() -> None:
    """Below the full degree, coefficients above it keep value and moments, whatever lies in the scratch."""
    engine, view = CpuEngine(2), camera()
    splats = engine.create(cloud(300), sh_degree=3)
    before = engine.read(splats)
    rendering = engine.rasterize(splats, view, RenderSettings(sh_degree=1))
    engine.update(splats, rendering, np.ones_like(rendering.rgb), rates=RATES, step=1)
    after = engine.read(splats)
    np.testing.assert_array_equal(after.sh[:, 4:], before.sh[:, 4:])
    assert not after.second_moments["sh"][:, 4:].any()
    assert after.second_moments["sh"][:, :4].any()


def test_moments_beyond_the_budget_are_computed_again() -> None:
    """Without room for a target's moments the loss is the same; the room comes back when a target is dropped."""
    view, losses = camera(), []
    for limit in (10**9, 0):
        engine = CpuEngine(2)
        engine._budget = MomentBudget(limit)
        splats = engine.create(cloud(), sh_degree=1)
        target = engine.prepare_target(photo(view))
        assert engine._budget.used == 0, "what is never compared needs no moments"
        rendering = engine.rasterize(splats, view, RenderSettings(sh_degree=1))
        losses.append(engine.photometric_loss(rendering, target, ssim_weight=0.5))
        assert (target.moments is None) == (limit == 0)
        assert (engine._budget.used > 0) == (limit > 0)
        del target
        assert engine._budget.used == 0
    assert losses[0].value == losses[1].value
    np.testing.assert_array_equal(losses[0].grad_rgb, losses[1].grad_rgb)


def test_order_in_memory_is_spatial() -> None:
    """Sixteen neighbours in memory are closer together than sixteen drawn at random, also with a far outlier."""
    points = np.random.default_rng(0).uniform(-1, 1, (4096, 3)).astype(np.float32)
    points[17] = 1e7
    blocks = points[morton_order(np, points)].reshape(-1, 16, 3)
    spread = np.median(np.linalg.norm(np.ptp(blocks, axis=1), axis=-1))
    random = np.median(np.linalg.norm(np.ptp(points.reshape(-1, 16, 3), axis=1), axis=-1))
    assert spread < 0.4 * random


def test_write_keeps_each_gaussian_together() -> None:
    """Whatever order the engine chooses, a Gaussian's parameters and moments stay one row."""
    engine = CpuEngine(2)
    arrays = engine.read(engine.create(cloud(77), sh_degree=1))
    tag = np.arange(77, dtype=np.float32)
    arrays = dataclasses.replace(
        arrays,
        opacity_logits=tag,
        means=np.random.default_rng(5).normal(size=(77, 3)).astype(np.float32),
        first_moments={name: np.broadcast_to(tag.reshape(-1, *[1] * (v.ndim - 1)), v.shape).astype(np.float32)
                       for name, v in arrays.first_moments.items()},
    )  # fmt: skip
    back = engine.read(engine.write(arrays))
    order = back.opacity_logits.astype(int)
    np.testing.assert_array_equal(back.means, arrays.means[order])
    for name, value in back.first_moments.items():
        np.testing.assert_array_equal(value, arrays.first_moments[name][order])
    assert not any(value.any() for value in back.statistics.values())


STEP = """
    import json, sys
    import numpy as np
    from roomsplat.render.base import RenderSettings
    from roomsplat.render.cpu import binning, blending, blending_backward, optimise, projection, similarity, sorting
    from roomsplat.render.cpu.engine import CpuEngine
    from tests.render.scenes import RATES, camera, cloud, photo
    engine, view = CpuEngine(2), camera()
    splats, target = engine.create(cloud(), sh_degree=3), engine.prepare_target(photo(view))
    rendering = engine.rasterize(splats, view, RenderSettings())
    loss = engine.photometric_loss(rendering, target, ssim_weight=0.2)
    engine.update(splats, rendering, loss.grad_rgb, rates=RATES, step=1)
    kernels = [binning.count_pairs, binning.number_pairs, binning.write_pairs, blending.blend,
               blending_backward.blend_backward, optimise.step, projection.project, similarity.compare,
               similarity.filter_target, sorting.sort_by_depth]
    print(json.dumps([sum(k.stats.cache_misses.values()) for k in kernels]))
"""


def test_second_start_compiles_nothing() -> None:
    """A process that trains a step leaves all kernels in the cache: the next one compiles none of them."""
    command = [sys.executable, "-c", textwrap.dedent(STEP)]
    subprocess.run(command, check=True, capture_output=True)
    second = subprocess.run(command, check=True, capture_output=True, text=True)
    assert second.stdout.strip() == str([0] * 10)
