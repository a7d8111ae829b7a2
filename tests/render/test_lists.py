"""Sorting and binning: the lists that blending walks."""

import numpy as np

from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import RenderSettings
from roomsplat.render.cpu.drawing import CpuRendering
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.render.cpu.projection import HALF_A, HALF_C, TAU, B, U, V
from tests.render.scenes import camera, cloud, single


def drawn(scene: Gaussians, threads: int = 2, width: int = 83, height: int = 61) -> CpuRendering:
    """One view of a scene."""
    engine = CpuEngine(threads)
    splats = engine.create(scene, sh_degree=0)
    return engine.rasterize(splats, camera(width, height), RenderSettings(sh_degree=0))


def seen_ids(view: CpuRendering) -> set[int]:
    """Which Gaussians (in the engine's order) the flags call seen."""
    lanes = (view.gaussians.flags[:, None] >> np.arange(16, dtype=np.uint64)) & np.uint64(1)
    return set(np.flatnonzero(lanes.ravel()).tolist())


def test_lists_hold_every_ellipse_that_reaches_a_pixel() -> None:
    """A tile's list names each Gaussian with a pixel inside its ellipse there (found by trying all), in depth order."""
    view = drawn(cloud())
    records, depths = view.gaussians.records, view.gaussians.depths
    y, x = np.mgrid[0:61, 0:83] + 0.5
    missing = surplus = 0
    for tile in range(view.tiles.columns * view.tiles.rows):
        row, column = divmod(tile, view.tiles.columns)
        here = (slice(row * 16, row * 16 + 16), slice(column * 16, column * 16 + 16))
        listed = view.pairs.ids[view.tiles.starts[tile] : view.tiles.starts[tile + 1]].tolist()
        assert (np.diff(depths[listed]) >= 0).all()
        assert len(set(listed)) == len(listed)
        for gaussian in seen_ids(view):
            r = records[gaussian].astype(np.float64)
            dx, dy = x[here] - r[U], y[here] - r[V]
            reaches = (
                r[HALF_A] * dx * dx + r[B] * dx * dy + r[HALF_C] * dy * dy <= r[TAU] * (1 - 1e-5)
            ).any()
            missing += bool(reaches and gaussian not in listed)
            surplus += bool(not reaches and gaussian in listed)
    assert missing == 0
    assert surplus < 0.25 * view.pairs.count


def test_every_pair_has_a_slot_of_its_own() -> None:
    """Slots are a permutation, numbered by Gaussian in memory order: the optimiser reads them as one stream."""
    view = drawn(cloud())
    slots, ids = view.pairs.slots[: view.pairs.count], view.pairs.ids[: view.pairs.count]
    assert sorted(slots.tolist()) == list(range(view.pairs.count))
    assert (np.diff(ids[np.argsort(slots)].astype(np.int64)) >= 0).all()


def test_depth_order_survives_an_outlier() -> None:
    """One Gaussian at a distance of a million leaves the order of the near ones right to 1e-5 of their depth."""
    scene = cloud(800)
    far = single(z=1e6, scale=1e5)
    arrays = {
        name: np.concatenate([getattr(scene, name), getattr(far, name)])
        for name in ("means", "quats", "log_scales", "opacity_logits")
    }
    view = drawn(Gaussians(**arrays, sh=np.zeros((801, 1, 3))))
    depths = view.gaussians.depths[view.gaussians.order[: view.count]]
    assert depths.max() == 1e6
    assert (np.diff(depths) >= -1e-5 * depths[:-1]).all()


def test_lists_grow_with_the_scene() -> None:
    """A huge Gaussian that covers every tile makes the lists grow past their first room; the picture is right."""
    engine = CpuEngine(2)
    small = engine.create(single(), sh_degree=0)
    view = camera(160, 128)
    engine.rasterize(small, view, RenderSettings(sh_degree=0))
    scene = cloud(3000, seed=3)
    huge = Gaussians(
        means=scene.means + np.array([0, 0, 8]),
        quats=scene.quats,
        log_scales=np.full((3000, 3), 2.0),
        opacity_logits=np.full(3000, -3.0),
        sh=scene.sh,
    )
    rendering = engine.rasterize(engine.create(huge, sh_degree=0), view, RenderSettings(sh_degree=0))
    assert rendering.pairs.count > 4 * 3000 + 4 * 1024
    np.testing.assert_array_equal(rendering.tiles.counts.shape[1], 80)
    again = CpuEngine(1)
    same = again.rasterize(again.create(huge, sh_degree=0), view, RenderSettings(sh_degree=0))
    np.testing.assert_array_equal(rendering.rgb, same.rgb)


def test_what_is_not_drawn() -> None:
    """Behind, before the near plane, beyond the guard band, fainter than 1/255: none of them is seen; the rest is."""
    base = single(z=2.0)
    moved = {
        "behind": ([0, 0, -2], 0.0, False),
        "at the camera": ([0, 0, 0], 0.0, False),
        "before the near plane": ([0, 0, 0.005], 0.0, False),
        "behind the near plane": ([0, 0, 0.02], 0.0, True),
        "beyond the guard band": ([9, 0, 2], 0.0, False),
        "faint": ([0, 0, 2], -5.6, False),
        "just visible": ([0, 0, 2], -5.4, True),
    }
    for name, (mean, logit, expected) in moved.items():
        wide = np.full((1, 3), np.log(0.2 if mean[2] > 0.1 or mean[2] < -1 else 0.001))
        scene = Gaussians(
            means=np.array([mean]),
            quats=base.quats,
            log_scales=wide,
            opacity_logits=np.array([logit]),
            sh=base.sh,
        )
        assert (drawn(scene).count == 1) == expected, name
