"""Laws of adding and removing Gaussians."""

import copy
import tracemalloc

import numpy as np
import pytest

from roomsplat.core.rotations import matrix_from_quat
from roomsplat.render.base import SplatArrays
from roomsplat.train.config import DensifyConfig, TrainConfig
from roomsplat.train.densify import Round, budget, densify, rebuild, rotation_columns
from roomsplat.train.host import PARAMETERS
from roomsplat.train.schedule import densify_rounds

CONFIG = DensifyConfig()


def random_arrays(count: int, seed: int = 0) -> SplatArrays:
    """Visible Gaussians with moments and statistics."""
    rng = np.random.default_rng(seed)
    parameters = {
        "means": rng.normal(size=(count, 3)),
        "quats": rng.normal(size=(count, 4)),
        "log_scales": rng.normal(size=(count, 3)),
        "opacity_logits": rng.normal(size=count),
        "sh": rng.normal(size=(count, 4, 3)),
    }
    parameters = {name: value.astype(np.float32) for name, value in parameters.items()}
    names = ("screen_gradient", "abs_screen_gradient", "views", "max_radius")
    return SplatArrays(
        **parameters,
        first_moments={name: np.ones_like(value) for name, value in parameters.items()},
        second_moments={name: np.ones_like(value) for name, value in parameters.items()},
        statistics={name: rng.uniform(1, 2, count).astype(np.float32) for name in names},
    )


def densified(arrays: SplatArrays, allowed: int) -> SplatArrays:
    """After a round; what was given stays as it was."""
    result = copy.deepcopy(arrays)
    densify(np, result, allowed=allowed, config=CONFIG)
    return result


def split(arrays: SplatArrays, parents: list[int]) -> SplatArrays:
    """With these replaced by halves; what was given stays as it was."""
    result, rest = copy.deepcopy(arrays), np.setdiff1d(np.arange(len(arrays.means)), parents)
    rebuild(np, result, Round(bystanders=rest, parents=np.array(parents, np.int64)))
    return result


def test_faint_and_broken_gaussians_go() -> None:
    """What cannot be seen or is not a number is removed, the rest stays as it was."""
    arrays = random_arrays(20)
    arrays.opacity_logits[3] = -20
    arrays.means[5, 1] = np.nan
    kept = densified(arrays, 0)
    assert len(kept.means) == 18
    assert np.array_equal(kept.sh, np.delete(arrays.sh, [3, 5], axis=0))
    assert np.array_equal(
        kept.second_moments["means"], np.delete(arrays.second_moments["means"], [3, 5], axis=0)
    )


def test_split_keeps_the_centre_of_mass() -> None:
    """Two halves of equal weight lie on both sides of the parent, along its longest axis."""
    arrays = random_arrays(1)
    halves = split(arrays, [0])
    np.testing.assert_allclose(halves.means.mean(axis=0), arrays.means[0], atol=1e-5)
    assert halves.opacity_logits[0] == halves.opacity_logits[1]
    axis = int(arrays.log_scales[0].argmax())
    along = halves.means[0] - halves.means[1]
    cosine = along @ matrix_from_quat(arrays.quats)[0][:, axis] / np.linalg.norm(along)
    assert abs(cosine) == pytest.approx(1, abs=1e-5)


def test_halves_are_smaller_than_the_parent() -> None:
    """No axis grows, the longest shrinks most, and opacity does not rise."""
    arrays = random_arrays(30)
    halves = split(arrays, list(range(30)))
    change = halves.log_scales[:30] - arrays.log_scales
    assert (change < 1e-6).all()
    assert np.array_equal(change.argmin(axis=1), arrays.log_scales.argmax(axis=1))
    assert (halves.opacity_logits[:30] <= arrays.opacity_logits).all()


def test_split_starts_fresh_moments_and_keeps_the_others() -> None:
    """Adam forgets the parent, not the bystanders."""
    arrays = random_arrays(10)
    grown = split(arrays, [2, 7])
    assert len(grown.means) == 12
    for name in PARAMETERS:
        assert (grown.first_moments[name][:8] == 1).all()
        assert (grown.first_moments[name][8:] == 0).all()
        assert (grown.second_moments[name][8:] == 0).all()
        assert getattr(grown, name).dtype == np.float32


def test_everything_of_a_gaussian_stays_together() -> None:
    """Removing and splitting at once: each row of every array comes from the same Gaussian."""
    arrays, tags = random_arrays(40), np.arange(40, dtype=np.float32)
    arrays.opacity_logits[::7] = -20
    for name in PARAMETERS:
        shape = (40, *[1] * (getattr(arrays, name).ndim - 1))
        arrays.first_moments[name] *= tags.reshape(shape)
        arrays.second_moments[name] *= tags.reshape(shape)
    arrays.sh[:] = tags[:, None, None]
    grown = densified(arrays, 44)
    source, count = grown.sh[:, 0, 0].astype(int), 44 - 34
    assert len(source) == 44
    assert np.array_equal(source[-count:], source[-2 * count : -count])
    assert np.array_equal(np.sort(source[:-count]), np.flatnonzero(np.arange(40) % 7))
    assert np.array_equal(grown.quats, arrays.quats[source])
    for moments in (grown.first_moments, grown.second_moments):
        for name in PARAMETERS:
            by_row = moments[name].reshape(44, -1)
            assert np.array_equal(
                by_row[: -2 * count], np.repeat(source[: -2 * count, None], by_row.shape[1], 1)
            )
            assert not by_row[-2 * count :].any()


def test_nothing_lies_in_memory_twice() -> None:
    """A round needs less than half of the arrays' own bytes beside them, though all of them are made anew."""
    tracemalloc.start()
    try:
        arrays = random_arrays(20_000)
        base, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        densify(np, arrays, allowed=22_000, config=CONFIG)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(arrays.means) == 22_000
    assert after < 1.15 * base
    assert peak < 1.45 * base


def test_rotation_agrees_with_core() -> None:
    """The copy written against ``xp`` gives core's matrices."""
    quats = random_arrays(50).quats
    np.testing.assert_allclose(rotation_columns(np, quats), matrix_from_quat(quats), atol=1e-6)


@pytest.mark.parametrize("allowed", [0, 5, 20, 25, 40, 1000])
def test_never_more_than_allowed(allowed: int) -> None:
    """A round ends at the allowance or below, never removes the visible, and at most doubles."""
    grown = densified(random_arrays(20), allowed)
    assert len(grown.means) == max(20, min(allowed, 40))


def test_the_neediest_are_split() -> None:
    """The room goes to the largest mean gradients."""
    arrays = random_arrays(20)
    arrays.statistics["views"][:] = 4
    arrays.statistics["abs_screen_gradient"] = np.arange(20, dtype=np.float32)
    grown = densified(arrays, 23)
    assert np.array_equal(grown.means[:17], arrays.means[:17])


def test_the_unseen_are_not_split() -> None:
    """Without a gradient there is no reason to spend Gaussians."""
    arrays = random_arrays(20)
    arrays.statistics["abs_screen_gradient"][:] = 0
    assert len(densified(arrays, 40).means) == 20


def test_budget_climbs_to_the_cap() -> None:
    """From the first count to the cap, monotonically; a start above the cap stays at the cap."""
    config = TrainConfig(max_steps=1000, max_gaussians=500)
    rounds = densify_rounds(config)
    course = [budget(config, step, 100) for step in rounds]
    assert course == sorted(course)
    assert course[-1] == 500
    assert course[0] >= 100
    assert all(budget(config, step, 900) == 500 for step in rounds)
