"""Depth of unknown scale and shift, put right by known points; nothing here needs PyTorch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomsplat.errors import InvalidSettingError
from roomsplat.priors.depth import MIN_POINTS, SMALL, align_inverse_depth, check_name


def truth(seed: int, count: int, scale: float, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """What a perfect network says of points of a room, and their depths."""
    depths = np.random.default_rng(seed).uniform(0.8, 6.0, count)
    return ((1 / depths - shift) / scale).astype(np.float32), depths


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    count=st.integers(MIN_POINTS, 200),
    scale=st.floats(0.01, 50),
    shift=st.floats(-0.3, 0.3),
)
def test_exact_points_give_the_exact_line(seed: int, count: int, scale: float, shift: float) -> None:
    """Points without error give scale and shift back, whatever they are."""
    inverse, depths = truth(seed, count, scale, shift)
    found = align_inverse_depth(inverse, depths)
    again = found.depth_map(inverse[None]).depth[0]
    assert np.allclose(again, depths, rtol=1e-3)
    assert found.agreeing == 1


@pytest.mark.parametrize("seed", range(6))
def test_bad_points_do_not_show(seed: int) -> None:
    """With 40 % of the points anywhere and 2 % of noise on the rest, depth comes out within 3 % of the truth."""
    inverse, depths = truth(seed, 120, 0.21, 0.05)
    random = np.random.default_rng(100 + seed)
    noisy = depths * random.normal(1, 0.02, len(depths))
    bad = random.permutation(len(depths))[: int(0.4 * len(depths))]
    noisy[bad] = random.uniform(0.3, 20, len(bad))
    found = align_inverse_depth(inverse, noisy, seed=seed)
    again = found.depth_map(inverse[None]).depth[0]
    assert np.abs(again / depths - 1).max() < 0.03
    assert 0.55 < found.agreeing < 0.75


def test_points_without_any_line_are_told() -> None:
    """Depths that have nothing to do with the picture leave few that agree: the caller can see it."""
    random = np.random.default_rng(0)
    found = align_inverse_depth(
        random.uniform(0, 1, 300).astype(np.float32), np.exp(random.uniform(-2, 3, 300))
    )
    assert found.agreeing < 0.4


def test_the_same_seed_gives_the_same_line() -> None:
    """The same points and seed give the same numbers."""
    inverse, depths = truth(3, 50, 0.4, 0.1)
    depths[::3] *= 2
    assert align_inverse_depth(inverse, depths, seed=5) == align_inverse_depth(inverse, depths, seed=5)


def test_what_lies_behind_infinity_is_unknown() -> None:
    """Where the line gives no positive inverse depth, the depth is 0 and nobody believes it."""
    inverse, depths = truth(1, 30, 0.5, 0.1)
    depth_map = align_inverse_depth(inverse, depths).depth_map(np.array([[-0.3, 1.0]], np.float32))
    assert depth_map.depth[0, 0] == 0
    assert depth_map.confidence[0, 0] == 0
    assert depth_map.depth[0, 1] == pytest.approx(1 / 0.6, rel=1e-3)
    assert depth_map.confidence[0, 1] == 1


@pytest.mark.parametrize("count", [0, MIN_POINTS - 1])
def test_too_few_points_are_refused(count: int) -> None:
    """Fewer points than confirm a line are a mistake of the caller."""
    with pytest.raises(ValueError, match="are needed"):
        align_inverse_depth(np.ones(count, np.float32), np.ones(count))


@pytest.mark.parametrize(
    "name", ["depth-anything-v2-base", "Depth-Anything-V2-Large", "depth-anything-v2-giant"]
)
def test_networks_that_may_not_be_sold_with_are_refused(name: str) -> None:
    """The larger networks are refused with their licence as the reason."""
    with pytest.raises(InvalidSettingError, match="CC-BY-NC") as refused:
        check_name(name)
    assert SMALL in refused.value.hint


def test_unknown_networks_are_refused() -> None:
    """A name that nothing has is told, with the one that there is."""
    check_name(SMALL)
    with pytest.raises(InvalidSettingError, match="no depth network called midas"):
        check_name("midas")
