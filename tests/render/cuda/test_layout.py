"""Laws of how the CUDA engine stores Gaussians: nothing is lost, neighbours are neighbours, and planes fill lines."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.morton import morton_order
from roomsplat.render.base import LearningRates
from roomsplat.render.cuda.layout import (
    BETA1,
    BETA2,
    FIELDS,
    LOGIT,
    SH,
    STATISTICS,
    adam_struct,
    arrays_from_splats,
    create,
    num_rows,
    splats_from_arrays,
    stride_of,
)
from roomsplat.render.cuda.sources import HERE, PRELUDE
from tests.emulator.memory import poisoned_numpy as xp

NAMES = (*FIELDS, "sh")


def some(count: int, degree: int = 2, seed: int = 0) -> Gaussians:
    """Random Gaussians."""
    rng = np.random.default_rng(seed)
    return Gaussians(
        means=rng.normal(size=(count, 3)),
        quats=rng.normal(size=(count, 4)),
        log_scales=rng.normal(size=(count, 3)),
        opacity_logits=rng.normal(size=count),
        sh=rng.normal(size=(count, (degree + 1) ** 2, 3)),
    )


def values(fields: dict[str, Any]) -> np.ndarray:
    """(n, rows) of all fields, in the rows' order."""
    return np.concatenate([fields[name].reshape(len(fields["means"]), -1) for name in NAMES], axis=1)


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 1000])
@pytest.mark.parametrize("degree", [0, 3])
def test_written_is_read(count: int, degree: int) -> None:
    """Parameters and both moments come back together, bit for bit, once each, in the curve's order."""
    gaussians, rng = some(count, degree), np.random.default_rng(1)
    arrays = arrays_from_splats(create(xp, gaussians, degree))
    for name in NAMES:
        shape = getattr(arrays, name).shape
        assert shape == getattr(gaussians, name).shape
        arrays.first_moments[name] = rng.normal(size=shape).astype(np.float32)
        arrays.second_moments[name] = rng.normal(size=shape).astype(np.float32)
    shuffled = rng.permutation(count)
    given = replace(
        arrays,
        **{name: getattr(arrays, name)[shuffled] for name in NAMES},
        first_moments={name: a[shuffled] for name, a in arrays.first_moments.items()},
        second_moments={name: a[shuffled] for name, a in arrays.second_moments.items()},
        statistics={name: a[shuffled] + 1 for name, a in arrays.statistics.items()},
    )
    splats = splats_from_arrays(xp, given)
    assert splats.num_gaussians == count
    assert splats.sh_degree == degree
    result, order = arrays_from_splats(splats), morton_order(np, np.asarray(given.means))
    for name in NAMES:
        np.testing.assert_array_equal(getattr(result, name), getattr(given, name)[order])
        np.testing.assert_array_equal(result.first_moments[name], given.first_moments[name][order])
        np.testing.assert_array_equal(result.second_moments[name], given.second_moments[name][order])
    assert set(result.statistics) == set(STATISTICS)
    assert all(a.shape == (count,) and not a.any() for a in result.statistics.values())


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_create_cuts_or_pads(degree: int) -> None:
    """Harmonics beyond the degree are dropped, missing ones are zero, and moments begin at zero."""
    gaussians = some(70, 2)
    splats = create(xp, gaussians, degree)
    count = (degree + 1) ** 2
    wanted = np.zeros((70, count, 3), np.float32)
    wanted[:, : min(count, 9)] = gaussians.sh[:, :count]
    order = morton_order(np, gaussians.means)
    np.testing.assert_array_equal(arrays_from_splats(splats).sh, wanted[order])
    assert splats.params.shape == (num_rows(degree), 96)
    assert not splats.first_moments.any()
    assert not splats.second_moments.any()
    assert not splats.statistics.any()


def test_rows_are_the_kernels() -> None:
    """A plane holds one parameter of all Gaussians, in the rows that ``prelude.cuh`` names."""
    gaussians = some(50, 1)
    splats, order = create(xp, gaussians, 1), morton_order(np, gaussians.means)
    fields = {name: getattr(gaussians, name)[order] for name in NAMES}
    np.testing.assert_array_equal(splats.params[:, :50], values(fields).T)
    np.testing.assert_array_equal(splats.params[SH + 3 * 2 + 1, :50], fields["sh"][:, 2, 1])
    names = {**{n: first for n, (first, _) in FIELDS.items()}, "sh": SH}
    text = (HERE / PRELUDE).read_text("utf-8")
    stated = ", ".join(
        f"{n} = {v}" for n, v in zip(("MEAN", "QUAT", "SCALE", "LOGIT", "SH"), names.values(), strict=True)
    )
    assert f"enum {{ {stated} }};" in text
    assert names["opacity_logits"] == LOGIT


def test_reading_is_a_copy() -> None:
    """What is done to the arrays does not reach the splats, and nothing is read from beyond the last Gaussian."""
    splats = create(xp, some(40), 2)
    before = splats.params.copy()
    arrays = arrays_from_splats(splats)
    for name in NAMES:
        getattr(arrays, name)[...] += 1
        arrays.first_moments[name][...] += 1
    np.testing.assert_array_equal(splats.params, before)
    assert not splats.first_moments.any()
    assert np.isfinite(values({name: getattr(arrays, name) for name in NAMES})).all()


@pytest.mark.parametrize("count", [0, 1, 32, 33, 200_001])
def test_planes_begin_at_cache_lines(count: int) -> None:
    """A plane's length is the next multiple of 32 floats."""
    assert stride_of(count) % 32 == 0
    assert count <= stride_of(count) < count + 32


def test_morton_order_is_stable_and_complete() -> None:
    """Every index once; twins stay in order; a point at infinity, or none at all, breaks nothing."""
    points = np.repeat(np.random.default_rng(0).normal(size=(200, 3)), 3, axis=0).astype(np.float32)
    points[7], points[8] = np.nan, np.inf
    order = morton_order(np, points)
    assert sorted(order.tolist()) == list(range(600))
    places = np.empty(600, int)
    places[order] = np.arange(600)
    groups = places.reshape(200, 3)[3:]
    np.testing.assert_array_equal(np.diff(groups, axis=1), 1)
    assert morton_order(np, points[:0]).shape == (0,)


@pytest.mark.parametrize("step", [1, 10, 30_000])
def test_bias_corrections_reach_the_struct(step: int) -> None:
    """The rates carry the first moment's correction; the second's stands alone; both are taken in double."""
    rates = LearningRates(means=1, quats=2, log_scales=3, opacity_logits=4, sh_dc=5, sh_rest=6)
    got = np.array(adam_struct(rates, step).tolist())
    np.testing.assert_allclose(got[:6], np.arange(1, 7) / (1 - BETA1**step), rtol=1e-7)
    np.testing.assert_allclose(got[6], 1 / (1 - BETA2**step), rtol=1e-7)
